//! Admission policies: what expressions see, what becomes of what they say, parameters, and what is said of a policy when it
//! is written.

use serde_json::{Value, json};

use crate::fixture::{MAPS, Region, Reply, map, region};

const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";

/// A policy about ConfigMaps, with some fields of its spec in another way.
fn policy(kind: &str, name: &str, spec: &Value) -> Value {
    let mut policy = json!({
        "kind": kind,
        "apiVersion": "admissionregistration.k8s.io/v1",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"],
            }]},
        },
    });
    if kind == "MutatingAdmissionPolicy" {
        policy["spec"]["reinvocationPolicy"] = json!("Never");
    }
    for (field, value) in spec.as_object().unwrap() {
        policy["spec"][field] = value.clone();
    }
    policy
}

fn binding(kind: &str, name: &str, policy: &str, spec: &Value) -> Value {
    let mut binding = json!({
        "kind": kind,
        "apiVersion": "admissionregistration.k8s.io/v1",
        "metadata": {"name": name},
        "spec": {"policyName": policy},
    });
    for (field, value) in spec.as_object().unwrap() {
        binding["spec"][field] = value.clone();
    }
    binding
}

async fn validating(region: &Region, name: &str, spec: &Value, bound: &Value) {
    let made = policy("ValidatingAdmissionPolicy", name, spec);
    region.post(&format!("{GROUP}/validatingadmissionpolicies"), &made).await.expect(201);
    let mut bound = bound.clone();
    if bound.get("validationActions").is_none() {
        bound["validationActions"] = json!(["Deny"]);
    }
    let made = binding("ValidatingAdmissionPolicyBinding", &format!("{name}-binding"), name, &bound);
    region.post(&format!("{GROUP}/validatingadmissionpolicybindings"), &made).await.expect(201);
}

async fn mutating(region: &Region, name: &str, spec: &Value, bound: &Value) {
    let made = policy("MutatingAdmissionPolicy", name, spec);
    region.post(&format!("{GROUP}/mutatingadmissionpolicies"), &made).await.expect(201);
    let made = binding("MutatingAdmissionPolicyBinding", &format!("{name}-binding"), name, bound);
    region.post(&format!("{GROUP}/mutatingadmissionpolicybindings"), &made).await.expect(201);
}

fn said(text: &str) -> String {
    format!(
        "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-binding' denied request: {text}"
    )
}

fn warnings(reply: &Reply) -> Vec<String> {
    let all = reply.headers.get_all("warning");
    all.iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_a_validation_says_is_told_in_upstreams_words() {
    // A validation, the code and reason of the refusal, and what it says.
    let table = [
        (json!({"expression": "false"}), 422, "Invalid", "failed expression: false"),
        (json!({"expression": "false", "message": " no "}), 422, "Invalid", "no"),
        (json!({"expression": "false", "message": "no", "reason": "Forbidden"}), 403, "Forbidden", "no"),
        (
            json!({"expression": "false", "reason": "RequestEntityTooLarge"}),
            413,
            "RequestEntityTooLarge",
            "failed expression: false",
        ),
        (
            json!({"expression": "object.data.k == 'w'", "messageExpression": "'k is ' + object.data.k"}),
            422,
            "Invalid",
            "k is v",
        ),
        (json!({"expression": "false", "message": "no", "messageExpression": "'two\\nlines'"}), 422, "Invalid", "no"),
        (
            json!({"expression": "false", "message": "no", "messageExpression": "string(object.absent)"}),
            422,
            "Invalid",
            "no",
        ),
        (
            json!({"expression": "object.absent.x == 1"}),
            422,
            "Invalid",
            "expression 'object.absent.x == 1' resulted in error: no such key: absent",
        ),
    ];
    for (validation, code, reason, message) in table {
        let region = region();
        validating(&region, "p", &json!({"validations": [validation]}), &json!({})).await;
        let refused = region.post(MAPS, &map("a", &json!({}))).await.expect(code);
        assert_eq!((&refused["reason"], &refused["message"]), (&json!(reason), &json!(said(message))), "{validation}");
        let cause = said(message);
        let cause = cause.strip_prefix("configmaps \"a\" is forbidden: ").unwrap();
        let details = json!({"name": "a", "kind": "configmaps", "causes": [{"message": cause}]});
        assert_eq!(refused["details"], details);
    }
}

#[tokio::test]
async fn expressions_see_the_request_its_objects_its_namespace_and_its_sender() {
    let table = [
        "object.metadata.name == 'a' && object.kind == 'ConfigMap' && oldObject == null",
        "request.operation == 'CREATE' && request.kind.kind == 'ConfigMap' && request.resource.resource == 'configmaps'",
        "request.requestKind.version == 'v1' && request.name == 'a' && request.namespace == 'default' && !request.dryRun",
        "request.userInfo.username == 'kcp-admin' && 'system:kcp:admin' in request.userInfo.groups",
        "!has(request.userInfo.extra) && request.options.kind == 'CreateOptions'",
        "namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == 'default'",
        "namespaceObject.metadata.creationTimestamp < timestamp('2100-01-01T00:00:00Z')",
        "namespaceObject.spec.finalizers == ['kubernetes'] && namespaceObject.status.phase == 'Active'",
        "authorizer.group('').resource('configmaps').namespace('default').check('create').allowed()",
        "authorizer.requestResource.check('delete').allowed()",
        "!authorizer.serviceAccount('default', 'x').path('/healthz').check('get').allowed()",
        "variables.sum == 3 && variables.twice == 6 && variables.name == 'a'",
    ];
    let variables = json!([
        {"name": "sum", "expression": "1 + 2"},
        {"name": "twice", "expression": "variables.sum * 2"},
        {"name": "name", "expression": "object.metadata.name"},
        {"name": "broken", "expression": "object.absent"},
    ]);
    let validations: Vec<Value> = table.iter().map(|expression| json!({"expression": expression})).collect();
    let region = region();
    validating(&region, "p", &json!({"variables": variables, "validations": validations}), &json!({})).await;
    region.map("a", &json!({})).await;
}

#[tokio::test]
async fn a_change_and_a_deletion_are_seen_with_what_was_there() {
    let region = region();
    let validations = json!([
        {"expression": "request.operation != 'UPDATE' || object.data.k >= oldObject.data.k", "message": "not back"},
        {"expression": "request.operation != 'DELETE' || (object == null && oldObject.data.k == 'z')", "message": "not yet"},
    ]);
    validating(&region, "p", &json!({"validations": validations}), &json!({})).await;
    region.map("a", &json!({})).await;
    let path = format!("{MAPS}/a");
    assert_eq!(region.merge(&path, &json!({"data": {"k": "a"}})).await.failure(422), said("not back"));
    assert_eq!(region.delete(&path).await.failure(422), said("not yet"));
    region.merge(&path, &json!({"data": {"k": "z"}})).await.expect(200);
    region.delete(&path).await.expect(200);
}

#[tokio::test]
async fn a_binding_decides_where_a_policy_holds_and_what_is_done() {
    let region = region();
    let resources = json!({"objectSelector": {"matchLabels": {"l": "1"}}});
    validating(&region, "p", &json!({"validations": [{"expression": "false"}]}), &json!({"matchResources": resources}))
        .await;
    region.map("b", &json!({"l": "2"})).await;
    region.post(MAPS, &map("a", &json!({"l": "1"}))).await.failure(422);
    let region = crate::fixture::region();
    let warn = json!({"validationActions": ["Warn", "Audit"]});
    validating(&region, "p", &json!({"validations": [{"expression": "false", "message": "mind"}]}), &warn).await;
    let made = region.post(MAPS, &map("a", &json!({}))).await;
    assert_eq!(made.status, 201);
    let expected = "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p-binding': mind\"";
    assert_eq!(warnings(&made), [expected]);
}

#[tokio::test]
async fn an_expression_that_cannot_be_evaluated_refuses_or_not_as_the_policy_says() {
    for (failure_policy, code) in [("Fail", 422), ("Ignore", 201)] {
        let region = region();
        let spec = json!({"failurePolicy": failure_policy, "validations": [{"expression": "object.absent == 1"}]});
        validating(&region, "p", &spec, &json!({})).await;
        assert_eq!(region.post(MAPS, &map("a", &json!({}))).await.status, code);
    }
}

#[tokio::test]
async fn conditions_come_before_validations() {
    let region = region();
    let spec = json!({
        "matchConditions": [{"name": "c", "expression": "object.metadata.name != 'free'"}],
        "validations": [{"expression": "false"}],
    });
    validating(&region, "p", &spec, &json!({})).await;
    region.map("free", &json!({})).await;
    region.post(MAPS, &map("a", &json!({}))).await.failure(422);
}

#[tokio::test]
async fn a_costly_policy_is_cut_off() {
    let region = region();
    // A million steps and more.
    let list = format!("[{}]", (0..200).map(|number| number.to_string()).collect::<Vec<_>>().join(","));
    let expression = format!("{list}.all(x, {list}.all(y, {list}.all(z, x + y + z >= 0)))");
    validating(&region, "p", &json!({"validations": [{"expression": expression}]}), &json!({})).await;
    let message = region.post(MAPS, &map("a", &json!({}))).await.failure(422);
    assert!(message.ends_with("resulted in error: operation cancelled: actual cost limit exceeded"), "{message}");
}

#[tokio::test]
async fn parameters_come_from_objects_that_the_binding_chooses() {
    let region = region();
    let spec = json!({
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConditions": [{"name": "c", "expression": "object == null || params == null || object.metadata.name != params.metadata.name"}],
        "validations": [{
            "expression": "object == null || object.data.k != params.data.forbidden",
            "messageExpression": "'not ' + params.data.forbidden",
        }],
    });
    let reference = json!({"paramRef": {"name": "params", "parameterNotFoundAction": "Deny"}});
    let made = policy("ValidatingAdmissionPolicy", "p", &spec);
    region.post(&format!("{GROUP}/validatingadmissionpolicies"), &made).await.expect(201);
    region.post(MAPS, &json!({"metadata": {"name": "params"}, "data": {"forbidden": "v"}})).await.expect(201);
    let mut bound = reference.clone();
    bound["validationActions"] = json!(["Deny"]);
    let made = binding("ValidatingAdmissionPolicyBinding", "p-binding", "p", &bound);
    region.post(&format!("{GROUP}/validatingadmissionpolicybindings"), &made).await.expect(201);
    assert_eq!(region.post(MAPS, &map("a", &json!({}))).await.failure(422), said("not v"));
    region.post(MAPS, &json!({"metadata": {"name": "b"}, "data": {"k": "w"}})).await.expect(201);
    region.delete(&format!("{MAPS}/params")).await.expect(200);
    let missing = region.post(MAPS, &map("a", &json!({}))).await.failure(422);
    let why = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction";
    assert_eq!(missing, said(why));
}

#[tokio::test]
async fn parameters_by_selector_are_each_asked_for() {
    let region = region();
    for (name, forbidden) in [("one", "x"), ("two", "v")] {
        let labels = json!({"params": "yes"});
        let object = json!({"metadata": {"name": name, "labels": labels}, "data": {"forbidden": forbidden}});
        region.post(MAPS, &object).await.expect(201);
    }
    let spec = json!({
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "validations": [{
            "expression": "object.data.k != params.data.forbidden",
            "messageExpression": "string(params.metadata.name)",
        }],
    });
    let selector = json!({"matchLabels": {"params": "yes"}});
    let reference = json!({"paramRef": {"selector": selector, "parameterNotFoundAction": "Allow"}});
    validating(&region, "p", &spec, &reference).await;
    assert_eq!(region.post(MAPS, &map("a", &json!({}))).await.failure(422), said("two"));
    let unknown =
        json!({"paramKind": {"apiVersion": "x.example/v1", "kind": "X"}, "validations": [{"expression": "true"}]});
    let region = crate::fixture::region();
    validating(&region, "p", &unknown, &reference).await;
    assert_eq!(
        region.post(MAPS, &map("a", &json!({}))).await.failure(422),
        "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to \
         find resource referenced by paramKind: 'x.example/v1, Kind=X'"
    );
}

#[tokio::test]
async fn an_expression_that_does_not_compile_is_a_cause() {
    let region = region();
    // What the spec holds, and the field and the words of the cause.
    let table = [
        (
            json!({"validations": [{"expression": "object.x +"}]}),
            "spec.validations[0].expression",
            "Invalid value: \"object.x +\": compilation failed: ERROR: <input>:1:11: Syntax error",
        ),
        (
            json!({"validations": [{"expression": "1"}]}),
            "spec.validations[0].expression",
            "Invalid value: \"1\": must evaluate to bool but got int",
        ),
        (
            json!({"validations": [{"expression": "params.x"}]}),
            "spec.validations[0].expression",
            "Invalid value: \"params.x\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params'",
        ),
        (
            json!({"validations": [{"expression": "true", "messageExpression": "authorizer"}]}),
            "spec.validations[0].messageExpression",
            "Invalid value: \"authorizer\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'authorizer'",
        ),
        (
            json!({"validations": [{"expression": "variables.b"}], "variables": [{"name": "a", "expression": "true"}]}),
            "spec.validations[0].expression",
            "Invalid value: \"variables.b\": compilation failed: ERROR: <input>:1:10: undefined field 'b'",
        ),
        (
            json!({"validations": [{"expression": "true"}], "variables": [{"name": "a", "expression": "1 + 'x'"}]}),
            "spec.variables[0].expression",
            "Invalid value: \"1 + 'x'\": compilation failed: ERROR: <input>:1:3: found no matching overload",
        ),
        (
            json!({"auditAnnotations": [{"key": "k", "valueExpression": "1"}]}),
            "spec.auditAnnotations[0].valueExpression",
            "Invalid value: \"1\": must evaluate to one of [string null] but got int",
        ),
        (
            json!({"validations": [{"expression": "true"}], "matchConditions": [{"name": "c", "expression": "'x'"}]}),
            "spec.matchConditions[0].expression",
            "Invalid value: \"'x'\": must evaluate to bool but got string",
        ),
    ];
    for (spec, field, message) in table {
        let made = policy("ValidatingAdmissionPolicy", "p", &spec);
        let refused = region.post(&format!("{GROUP}/validatingadmissionpolicies"), &made).await.expect(422);
        let cause = &refused["details"]["causes"][0];
        assert_eq!(cause["field"], field, "{refused}");
        assert!(cause["message"].as_str().unwrap().starts_with(message), "{cause}");
    }
    let table = [
        (json!({"patchType": "JSONPatch", "jsonPatch": {"expression": "1"}}), "spec.mutations[0].jsonPatch.expression"),
        (
            json!({"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object.spec{}"}}),
            "spec.mutations[0].applyConfiguration.expression",
        ),
    ];
    for (mutation, field) in table {
        let made = policy("MutatingAdmissionPolicy", "p", &json!({"mutations": [mutation]}));
        let refused = region.post(&format!("{GROUP}/mutatingadmissionpolicies"), &made).await.expect(422);
        assert_eq!(refused["details"]["causes"][0]["field"], field, "{refused}");
    }
}

#[tokio::test]
async fn a_policy_changes_objects_by_configuration_and_by_patch() {
    let region = region();
    let configuration =
        "Object{metadata: Object.metadata{labels: {'from': 'policy'}}, data: {'added': object.data.k + '!'}}";
    let apply = json!({"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": configuration}});
    let patch = "[JSONPatch{op: 'test', path: '/data/k', value: 'v'}, \
                 JSONPatch{op: 'add', path: '/metadata/annotations', value: {'a': 'b'}}, \
                 JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('x.y'), value: string(size(object.data))}]";
    let patch = json!({"patchType": "JSONPatch", "jsonPatch": {"expression": patch}});
    mutating(&region, "p", &json!({"mutations": [apply, patch]}), &json!({})).await;
    let made = region.map("a", &json!({"l": "1"})).await;
    assert_eq!(made["data"], json!({"added": "v!", "k": "v", "x.y": "2"}));
    assert_eq!(made["metadata"]["labels"], json!({"from": "policy", "l": "1"}));
    assert_eq!(made["metadata"]["annotations"]["a"], "b");
    let other = region.post(MAPS, &json!({"metadata": {"name": "b"}, "data": {"k": "w"}})).await.expect(201);
    assert_eq!(other["data"], json!({"added": "w!", "k": "w"}), "a test that fails makes no change");
}

#[tokio::test]
async fn a_mutation_that_is_none_refuses_or_not_as_the_policy_says() {
    let wrong = |form: &str, expression: &str| match form {
        "JSONPatch" => json!({"patchType": form, "jsonPatch": {"expression": expression}}),
        _ => json!({"patchType": form, "applyConfiguration": {"expression": expression}}),
    };
    let table = [
        (
            wrong("ApplyConfiguration", "Object{metadata: Object.wrong{labels: {'a': 'b'}}}"),
            "type mismatch: unexpected type name \"Object.wrong\", expected \"Object.metadata\", which matches field name path \
             from root Object type",
        ),
        (
            wrong("ApplyConfiguration", "Object{nothing: 1}"),
            "error applying patch: failed to convert patch object to typed object: .nothing: field not declared in schema",
        ),
        (
            wrong("JSONPatch", "[JSONPatch{op: 'remove', path: '/data/absent'}]"),
            "JSON Patch: error in remove for path: '/data/absent': ",
        ),
    ];
    for (mutation, why) in table {
        for failure_policy in ["Fail", "Ignore"] {
            let region = region();
            let spec = json!({"mutations": [mutation], "failurePolicy": failure_policy});
            mutating(&region, "p", &spec, &json!({})).await;
            let reply = region.post(MAPS, &map("a", &json!({}))).await;
            if failure_policy == "Ignore" {
                reply.expect(201);
                continue;
            }
            let refused = reply.expect(403);
            let expected = format!("policy 'p' with binding 'p-binding' denied request: {why}");
            assert!(refused["message"].as_str().unwrap().starts_with(&expected), "{refused}");
            assert_eq!((&refused["reason"], &refused["details"]["name"]), (&json!("Invalid"), &json!("a")));
        }
    }
}

#[tokio::test]
async fn a_policy_is_asked_again_when_a_later_one_has_changed_the_object() {
    let region = region();
    let append = |letter: &str| {
        let expression = format!(
            "object.data.v.contains('{letter}') ? [] : \
             [JSONPatch{{op: 'replace', path: '/data/v', value: object.data.v + '{letter}'}}]"
        );
        json!({"patchType": "JSONPatch", "jsonPatch": {"expression": expression}})
    };
    let seen = "[JSONPatch{op: 'add', path: '/data/seen', value: object.data.v}]";
    let seen = json!({"patchType": "JSONPatch", "jsonPatch": {"expression": seen}});
    mutating(&region, "1", &json!({"mutations": [seen], "reinvocationPolicy": "IfNeeded"}), &json!({})).await;
    mutating(&region, "2", &json!({"mutations": [append("b")]}), &json!({})).await;
    let made = region.post(MAPS, &json!({"metadata": {"name": "x"}, "data": {"v": "0"}})).await.expect(201);
    assert_eq!(made["data"], json!({"seen": "0b", "v": "0b"}));
}

#[tokio::test]
async fn policies_are_not_up_to_policies() {
    let region = region();
    let everything = json!({"resourceRules": [{
        "operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"],
    }]});
    let spec = json!({"matchConstraints": everything, "validations": [{"expression": "false"}]});
    validating(&region, "p", &spec, &json!({})).await;
    region.delete(&format!("{GROUP}/validatingadmissionpolicybindings/p-binding")).await.expect(200);
    region.map("a", &json!({})).await;
}

#[tokio::test]
async fn conditions_of_webhooks_are_expressions_too() {
    let region = region();
    let hook = crate::hook::Hook::reviewing(|_| json!({"allowed": false})).await;
    let webhook = |conditions: Value| {
        json!({
            "kind": "ValidatingWebhookConfiguration",
            "apiVersion": "admissionregistration.k8s.io/v1",
            "metadata": {"name": "c"},
            "webhooks": [{
                "name": "w.example.com", "clientConfig": hook.client_config(), "sideEffects": "None",
                "admissionReviewVersions": ["v1"], "matchConditions": conditions,
                "rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}],
            }],
        })
    };
    let path = format!("{GROUP}/validatingwebhookconfigurations");
    let refused = region.post(&path, &webhook(json!([{"name": "c", "expression": "params.x"}]))).await.expect(422);
    assert_eq!(refused["details"]["causes"][0]["field"], "webhooks[0].matchConditions[0].expression");
    let conditions = json!([
        {"name": "a", "expression": "object.metadata.name.startsWith('a') && authorizer.requestResource.check('create').allowed()"},
        {"name": "b", "expression": "object.data.k == 'v'"},
    ]);
    region.post(&path, &webhook(conditions)).await.expect(201);
    region.post(MAPS, &map("a", &json!({}))).await.failure(400);
    region.map("b", &json!({})).await;
    assert_eq!(hook.requests().len(), 1);
    let failing = region.post(MAPS, &json!({"metadata": {"name": "a"}})).await;
    assert_eq!(
        failing.failure(403),
        "configmaps \"a\" is forbidden: expression 'object.data.k == 'v'' resulted in error: no such key: data"
    );
}

#[tokio::test]
async fn doubts_about_types_stand_in_the_status_from_the_first_moment() {
    let region = region();
    let spec = json!({
        "variables": [{"name": "data", "expression": "object.data"}],
        "validations": [
            {"expression": "object.data.k == 'v' && variables.data.size() > 0"},
            {"expression": "object.spec.replicas > 1", "messageExpression": "'a' + object.metadata.labels.l"},
            {"expression": "object.metadata.name == 1"},
        ],
    });
    let made = policy("ValidatingAdmissionPolicy", "p", &spec);
    let made = region.post(&format!("{GROUP}/validatingadmissionpolicies"), &made).await.expect(201);
    assert_eq!(made["status"]["observedGeneration"], 1);
    let warnings = made["status"]["typeChecking"]["expressionWarnings"].as_array().unwrap();
    let fields: Vec<&str> = warnings.iter().map(|warning| warning["fieldRef"].as_str().unwrap()).collect();
    assert_eq!(fields, ["spec.validations[1].expression", "spec.validations[2].expression"]);
    let expected =
        "/v1, Kind=ConfigMap: ERROR: <input>:1:7: undefined field 'spec'\n | object.spec.replicas > 1\n | ......^\n";
    assert_eq!(warnings[0]["warning"], expected);
    let path = format!("{GROUP}/validatingadmissionpolicies/p");
    let fixed = region.merge(&path, &json!({"spec": {"validations": [{"expression": "true"}]}})).await.expect(200);
    assert_eq!(fixed["status"], json!({"observedGeneration": 2, "typeChecking": {}}));
    let same = region.merge(&path, &json!({"metadata": {"labels": {"l": "1"}}})).await.expect(200);
    assert_eq!(same["status"], fixed["status"]);
}

#[tokio::test]
async fn a_policy_has_a_limit_of_variables() {
    let region = region();
    let variables: Vec<Value> =
        (0..1001).map(|number| json!({"name": format!("v{number}"), "expression": "1"})).collect();
    let made = policy(
        "ValidatingAdmissionPolicy",
        "p",
        &json!({"variables": variables, "validations": [{"expression": "true"}]}),
    );
    let refused = region.post(&format!("{GROUP}/validatingadmissionpolicies"), &made).await.expect(422);
    assert_eq!(refused["details"]["causes"][0]["field"], "spec.variables");
}

/// Each variable refers to the one before it: what is nested too deep is an error, and nothing else.
#[tokio::test]
async fn variables_that_refer_to_each_other_without_end_are_an_error() {
    let region = region();
    let long = "+1".repeat(100);
    let variables: Vec<Value> = (0..200)
        .map(|number| {
            let expression = if number == 0 { "1".to_owned() } else { format!("variables.v{}{long}", number - 1) };
            json!({"name": format!("v{number}"), "expression": expression})
        })
        .collect();
    let spec = json!({"variables": variables, "validations": [{"expression": "variables.v199 > 0"}]});
    validating(&region, "p", &spec, &json!({})).await;
    let message = region.post(MAPS, &map("a", &json!({}))).await.failure(422);
    assert!(message.contains("is nested too deep"), "{message}");
}

/// As deep as the parser lets an expression be, within another as deep: the stack holds both.
#[tokio::test]
async fn the_deepest_expressions_that_are_let_in_are_evaluated() {
    let region = region();
    let deep = |inner: &str| format!("{}{inner}{}", "[".repeat(60), "][0]".repeat(60));
    let negated = |inner: &str| format!("{}{inner}{}", "!(".repeat(120), ")".repeat(120));
    for wrap in [&deep as &dyn Fn(&str) -> String, &negated] {
        let name = format!("p{}", wrap("x").len());
        let variables = json!([{"name": "a", "expression": wrap("object.data.k == 'v'")}]);
        let expression = wrap("variables.a");
        let spec = json!({"variables": variables, "validations": [{"expression": expression}]});
        let made = policy("ValidatingAdmissionPolicy", &name, &spec);
        let made = region.post(&format!("{GROUP}/validatingadmissionpolicies"), &made).await;
        assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.bytes));
        let bound = json!({"validationActions": ["Deny"]});
        let made = binding("ValidatingAdmissionPolicyBinding", &format!("{name}-b"), &name, &bound);
        region.post(&format!("{GROUP}/validatingadmissionpolicybindings"), &made).await.expect(201);
    }
    let reply = region.post(MAPS, &map("a", &json!({}))).await;
    reply.expect(201);
}
