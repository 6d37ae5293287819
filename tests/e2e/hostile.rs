//! Input that is made to cost: bodies, patches, schemas, patterns and expressions that are small to send and large to handle.
//! Each is refused, or handled, within bounded time and memory, and nobody else notices.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use hanse_tests::client::Client;
use hanse_tests::federation::Federation;
use http::Method;
use serde_json::{Value, json};

use crate::{CONFIGMAPS, configmap, runtime};

const DEFINITIONS: &str = "/clusters/root/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// What the daemon may have grown by, at any time between two requests. The build under test is not optimized, and its
/// allocator keeps what it had for a while.
const GROWTH_MAX: u64 = 256 << 20;

struct Case {
    name: &'static str,
    method: Method,
    path: String,
    content_type: &'static str,
    body: String,
    /// Status codes that are right.
    wanted: &'static [u16],
}

fn post(name: &'static str, path: &str, body: String, wanted: &'static [u16]) -> Case {
    Case { name, method: Method::POST, path: path.to_owned(), content_type: "application/json", body, wanted }
}

fn patch(name: &'static str, content_type: &'static str, body: String, wanted: &'static [u16]) -> Case {
    let path = format!("{CONFIGMAPS}/victim?fieldManager=hostile");
    Case { name, method: Method::PATCH, path, content_type, body, wanted }
}

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}{}", open.repeat(depth), close.repeat(depth))
}

fn map_with(extra: &str) -> String {
    format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"hostile"}}{extra}}}"#)
}

fn keys(count: usize) -> String {
    (0..count).map(|key| format!(r#""k{key}":"""#)).collect::<Vec<_>>().join(",")
}

fn bodies() -> Vec<Case> {
    let refused: &[u16] = &[400, 413, 422];
    vec![
        post("deep lists", CONFIGMAPS, nested("[", "]", 1_000_000), refused),
        post("deep objects", CONFIGMAPS, map_with(&format!(r#","data":{}"#, nested(r#"{"a":"#, "}", 10_000))), refused),
        post("a great many keys", CONFIGMAPS, map_with(&format!(r#","data":{{{}}}"#, keys(200_000))), refused),
        post("a great many unknown fields", CONFIGMAPS, map_with(&format!(",{}", keys(150_000))), &[201, 400, 413, 422]),
        post(
            "a million managers",
            CONFIGMAPS,
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"hostile","managedFields":["#.to_owned()
                + &vec!["{}"; 1_000_000].join(",")
                + "]}}",
            refused,
        ),
        post(
            "a deep set of fields",
            CONFIGMAPS,
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"hostile","managedFields":[{"manager":"m","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":"#.to_owned()
                + &nested(r#"{"f:a":"#, "}", 5_000)
                + "}]}}",
            refused,
        ),
        post(
            "a great many owners",
            CONFIGMAPS,
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"hostile","ownerReferences":["#.to_owned()
                + &vec![r#"{"apiVersion":"v1","kind":"ConfigMap","name":"a","uid":"u"}"#; 40_000].join(",")
                + "]}}",
            refused,
        ),
    ]
}

fn patches() -> Vec<Case> {
    let copies: Vec<Value> =
        (0..60).map(|n| json!({"op": "copy", "from": "/data", "path": format!("/data/c{n}")})).collect();
    let many = vec![json!({"op": "test", "path": "/data/value", "value": "1"}); 20_000];
    let mut laughs =
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: victim\nx0: &x0 [lol,lol,lol,lol,lol,lol,lol,lol]\n"
            .to_owned();
    for level in 1..30 {
        let last = level - 1;
        laughs +=
            &format!("x{level}: &x{level} [*x{last},*x{last},*x{last},*x{last},*x{last},*x{last},*x{last},*x{last}]\n");
    }
    let yaml = "application/apply-patch+yaml";
    let refused: &[u16] = &[400, 413, 422, 500];
    vec![
        patch("copies of copies", "application/json-patch+json", Value::from(copies).to_string(), refused),
        patch("too many steps", "application/json-patch+json", Value::from(many).to_string(), refused),
        patch("a deep merge", "application/merge-patch+json", nested(r#"{"a":"#, "}", 50_000), refused),
        patch(
            "a deep strategic merge",
            "application/strategic-merge-patch+json",
            nested(r#"{"metadata":"#, "}", 50_000),
            refused,
        ),
        patch("aliases of aliases", yaml, laughs, refused),
        patch("deep YAML", yaml, "[".repeat(500_000), refused),
        patch("deep YAML blocks", yaml, (0..2_000).map(|n| " ".repeat(n) + "a:\n").collect(), refused),
        patch(
            "an apply of a great many keys",
            yaml,
            map_with(&format!(r#","data":{{{}}}"#, keys(150_000))).replace("hostile", "victim"),
            refused,
        ),
    ]
}

fn definition(name: &str, spec: Value) -> String {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{name}s.hostile.example.com")},
        "spec": {
            "group": "hostile.example.com", "scope": "Cluster", "names": {"plural": format!("{name}s"), "kind": name},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
            }],
        },
    })
    .to_string()
}

fn schemas() -> Vec<Case> {
    let refused: &[u16] = &[400, 413, 422];
    let pattern = |pattern: &str| json!({"type": "string", "pattern": pattern});
    let rule = |rule: &str| json!({"type": "array", "items": {"type": "string"}, "x-kubernetes-validations": [{"rule": rule}]});
    let mut deep = json!({"type": "string"});
    for _ in 0..60 {
        deep = json!({"type": "object", "properties": {"a": deep}});
    }
    let wide: serde_json::Map<String, Value> =
        (0..20_000).map(|n| (format!("f{n}"), json!({"type": "string"}))).collect();
    let everyone = (0..6).fold("true".to_owned(), |inner, n| format!("self.all(v{n}, {inner})"));
    let doubled = (0..14).fold("'a'".to_owned(), |inner, _| format!("({inner} + {inner})"));
    vec![
        post("a deep schema", DEFINITIONS, definition("deep", deep), &[201, 400, 422]),
        post(
            "a wide schema",
            DEFINITIONS,
            definition("wide", json!({"type": "object", "properties": wide})),
            &[201, 400, 413, 422],
        ),
        post(
            "a pattern of repeated repetitions",
            DEFINITIONS,
            definition("pattern", pattern("((a{1,1000}){1,1000}){1,1000}")),
            refused,
        ),
        post(
            "a pattern that backtracks elsewhere",
            DEFINITIONS,
            definition("back", pattern("^(a|a)*(a|a)*(a|a)*$")),
            &[201],
        ),
        post(
            "a long pattern",
            DEFINITIONS,
            definition("long", pattern(&"(a|b)?".repeat(50_000))),
            &[201, 400, 413, 422],
        ),
        post("a rule in all dimensions", DEFINITIONS, definition("every", rule(&everyone)), refused),
        post("a rule that doubles", DEFINITIONS, definition("double", rule(&format!("{doubled}.size() > 0"))), refused),
        post("a rule of parentheses", DEFINITIONS, definition("paren", rule(&nested("(", ")", 100_000))), refused),
        post("a long rule", DEFINITIONS, definition("longrule", rule(&vec!["true"; 100_000].join("&&"))), refused),
        post(
            "references to itself",
            DEFINITIONS,
            definition("circle", json!({"type": "object", "properties": {"a": {"$ref": "#/properties/spec"}}})),
            refused,
        ),
    ]
}

/// Small objects that a definition would make large.
async fn instances(client: &Client) -> Result<Vec<Case>> {
    let big = "x".repeat(4_000);
    let item = json!({"type": "object", "properties": {"filler": {"type": "string", "default": big}}});
    let spec = json!({"type": "object", "properties": {
        "list": {"type": "array", "items": item},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "text": {"type": "string", "pattern": "^(a|a)*(a|a)*(a|a)*b$"},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
    }});
    client.post(DEFINITIONS, &serde_json::from_str(&definition("thing", spec))?).await?.ok()?;
    let path = "/clusters/root/apis/hostile.example.com/v1/things";
    let thing = |spec: &str| {
        format!(r#"{{"apiVersion":"hostile.example.com/v1","kind":"thing","metadata":{{"name":"t"}},"spec":{spec}}}"#)
    };
    let refused: &[u16] = &[400, 413, 422];
    let set: Vec<String> = (0..90_000).map(|n| format!(r#""{n}""#)).collect();
    Ok(vec![
        post(
            "defaults that multiply",
            path,
            thing(&format!(r#"{{"list":[{}]}}"#, vec!["{}"; 90_000].join(","))),
            refused,
        ),
        post(
            "depth where anything goes",
            path,
            thing(&format!(r#"{{"free":{}}}"#, nested(r#"{"a":"#, "}", 20_000))),
            refused,
        ),
        post("a text for a slow pattern", path, thing(&format!(r#"{{"text":"{}"}}"#, "a".repeat(100_000))), refused),
        post("a large set", path, thing(&format!(r#"{{"set":[{}]}}"#, set.join(","))), &[201, 400, 413, 422]),
    ])
}

async fn story(federation: &Federation) -> Result<()> {
    let client = federation.client("eu-1")?;
    client.post(CONFIGMAPS, &configmap("victim", "1")).await?.ok()?;
    let mut cases = bodies();
    cases.extend(patches());
    cases.extend(schemas());
    cases.extend(instances(&client).await?);
    let before = federation.resident("eu-1")?;
    let mut worst = (0, "");
    for case in cases {
        let cpu = federation.cpu("eu-1")?;
        let sent = client.request(case.method, &case.path, case.content_type, Bytes::from(case.body)).await;
        let answer = sent.with_context(|| case.name)?;
        let shown = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]).into_owned();
        ensure!(case.wanted.contains(&answer.status.as_u16()), "{}: {}: {shown}", case.name, answer.status);
        if !answer.status.is_success() {
            ensure!(answer.json()["kind"] == "Status", "{}: {shown}", case.name);
            ensure!(answer.body.len() < 8 << 20, "{}: the refusal has {} bytes", case.name, answer.body.len());
        }
        let used = federation.cpu("eu-1")?.saturating_sub(cpu).as_millis();
        worst = worst.max((used, case.name));
        let grown = federation.resident("eu-1")?.saturating_sub(before);
        println!("{:<36} {}  {used:>6} ms CPU, {:>4} MiB grown", case.name, answer.status.as_u16(), grown >> 20);
        ensure!(grown < GROWTH_MAX, "{}: the daemon has grown by {} MiB", case.name, grown >> 20);
    }
    println!("worst: {} with {} ms CPU", worst.1, worst.0);
    ensure!(worst.0 < 20_000, "{} took {} ms of a processor", worst.1, worst.0);
    let kept = client.get(&format!("{CONFIGMAPS}/victim")).await?.ok()?;
    ensure!(kept["data"] == json!({"value": "1"}), "{kept}");
    Ok(())
}

#[test]
fn what_is_made_to_cost_is_refused_cheaply() -> Result<()> {
    let mut federation = Federation::up("eu", 1)?;
    runtime()?.block_on(story(&federation))?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}
