//! Figures about definitions and what comes with them: how long until a kind is served, what a thousand workspaces with the same
//! definitions cost, documents cold and warm, and server-side apply.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use hanse_tests::client::Client;
use http::Method;
use serde_json::{Map, Value, json};

use crate::{Bench, CONFIGMAPS, CONNECTIONS, Load, OBJECTS, micros, ratio, report};

const INSTALLS: usize = 200;
const RULES: usize = 100;
const LARGE: usize = 2_000;
const WORKSPACES: usize = 1_000;
const DEFINITIONS: usize = 20;
const ROOT: &str = "/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces";

/// A definition of about 10 KiB, as generators write them.
fn definition(name: &str) -> Value {
    let mut groups = Map::new();
    for group in 0..12 {
        let mut fields = Map::new();
        for field in 0..12 {
            let schema = json!({"type": "string", "maxLength": 253, "description": "One of the fields of a group."});
            fields.insert(format!("field{field}"), schema);
        }
        groups.insert(format!("group{group}"), json!({"type": "object", "properties": fields}));
    }
    let spec = json!({
        "type": "object", "properties": groups,
        "x-kubernetes-validations": [{"rule": "!has(self.group0) || !has(self.group1)", "message": "not both"}],
    });
    let schema = json!({"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{name}s.bench.example.com")},
        "spec": {
            "group": "bench.example.com", "scope": "Namespaced",
            "names": {"plural": format!("{name}s"), "singular": name, "kind": format!("K{name}"), "listKind": format!("K{name}List")},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}

/// A definition with as many rules as large operators have.
fn ruled(name: &str) -> Value {
    let mut definition = definition(name);
    let rules: Vec<Value> = (0..RULES)
        .map(|rule| {
            let (group, field) = (rule % 12, rule / 12);
            let rule = format!(
                "!has(self.group{group}) || !has(self.group{group}.field{field}) || self.group{group}.field{field}.size() > 0 \
                 && self.group{group}.field{field}.startsWith('a')"
            );
            json!({"rule": rule, "message": "starts with a"})
        })
        .collect();
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["x-kubernetes-validations"] =
        Value::from(rules);
    definition
}

fn definitions_of(cluster: &str) -> String {
    format!("/clusters/{cluster}/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
}

async fn workspace(client: &Client, name: &str) -> Result<()> {
    let object = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": name}});
    client.post(ROOT, &object).await?.ok()?;
    Ok(())
}

impl Bench {
    /// From the request that makes a definition to the first answer of its resource.
    pub(crate) async fn installs(&self) -> Result<()> {
        let client = Client::new(self.access.clone())?;
        workspace(&client, "installs").await?;
        let (mut made, mut served) = (Vec::new(), Vec::new());
        let (cpu, start) = (self.federation.cpu(self.daemon)?, Instant::now());
        for number in 0..INSTALLS {
            let name = format!("install{number}");
            let began = Instant::now();
            client.post(&definitions_of("root:installs"), &definition(&name)).await?.ok()?;
            made.push(micros(began.elapsed()));
            let path = format!("/clusters/root:installs/apis/bench.example.com/v1/{name}s");
            client.get(&path).await?.ok()?;
            served.push(micros(began.elapsed()));
        }
        let (wall, cpu) = (start.elapsed(), self.federation.cpu(self.daemon)?.saturating_sub(cpu));
        report("definition: created", INSTALLS, wall, cpu, &mut made);
        report("definition: until served", INSTALLS, wall, cpu, &mut served);
        let (cpu, start, rounds, mut latencies) = (self.federation.cpu(self.daemon)?, Instant::now(), 20, Vec::new());
        for number in 0..rounds {
            let began = Instant::now();
            client.post(&definitions_of("root:installs"), &ruled(&format!("ruled{number}"))).await?.ok()?;
            latencies.push(micros(began.elapsed()));
        }
        let (wall, cpu) = (start.elapsed(), self.federation.cpu(self.daemon)?.saturating_sub(cpu));
        report(&format!("definition with {RULES} rules"), rounds, wall, cpu, &mut latencies);
        Ok(())
    }

    /// Discovery and OpenAPI of a logical cluster with many definitions, when first asked for and afterwards.
    pub(crate) async fn documents(&self) -> Result<()> {
        for (what, path) in [
            ("discovery", "/clusters/root:installs/apis"),
            ("OpenAPI v3, index", "/clusters/root:installs/openapi/v3"),
            ("OpenAPI v3, one group", "/clusters/root:installs/openapi/v3/apis/bench.example.com/v1"),
            ("OpenAPI v2", "/clusters/root:installs/openapi/v2"),
        ] {
            self.document(what, path).await?;
        }
        Ok(())
    }

    async fn document(&self, what: &str, path: &str) -> Result<()> {
        let client = Client::new(self.access.clone())?;
        client.get("/readyz").await?;
        // Aggregated discovery; for other documents it is the same as JSON.
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        let (cpu, began) = (self.federation.cpu(self.daemon)?, Instant::now());
        let answer = client.get_as(accept, path).await?;
        ensure!(answer.status.is_success(), "{path}: {}", answer.status);
        let (cold, cold_cpu) = (began.elapsed(), self.federation.cpu(self.daemon)?.saturating_sub(cpu));
        let (cpu, began, rounds) = (self.federation.cpu(self.daemon)?, Instant::now(), 50);
        for _ in 0..rounds {
            client.get_as(accept, path).await?;
        }
        let warm_cpu = self.federation.cpu(self.daemon)?.saturating_sub(cpu) / rounds;
        println!(
            "{what:<28} {:>7} KiB   cold {:>8} us, server CPU {:>8} us   warm {:>6} us, server CPU {:>6} us",
            answer.body.len() >> 10,
            micros(cold),
            micros(cold_cpu),
            micros(began.elapsed() / rounds),
            micros(warm_cpu),
        );
        Ok(())
    }

    /// Server-side apply: what creates, what changes nothing, and what changes one field.
    pub(crate) async fn applies(&self) -> Result<()> {
        let body = |number: usize, value: &str| {
            let object = json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("applied-{number}")},
                "data": {"value": value, "filler": "x".repeat(900)}
            });
            Bytes::from(object.to_string())
        };
        for (what, value) in [("apply: create", "1"), ("apply: no change", "1"), ("apply: one field", "2")] {
            let load = Load { what, media_type: "application/apply-patch+yaml", count: OBJECTS, lanes: 1 };
            self.run(load, move |number| {
                let path = format!("{CONFIGMAPS}/applied-{number}?fieldManager=bench");
                (Method::PATCH, path, body(number, value))
            })
            .await?;
        }
        Ok(())
    }

    /// The same definitions in many workspaces.
    pub(crate) async fn many_workspaces(&self) -> Result<()> {
        let clients = self.clients(CONNECTIONS)?;
        try_join_all((0..CONNECTIONS).map(|lane| {
            let client = clients[lane].clone();
            async move {
                for number in (lane..WORKSPACES).step_by(CONNECTIONS) {
                    workspace(&client, &format!("many{number}")).await?;
                }
                anyhow::Ok(())
            }
        }))
        .await?;
        let bodies: Vec<Bytes> =
            (0..DEFINITIONS).map(|n| Bytes::from(definition(&format!("many{n}")).to_string())).collect();
        let size = bodies.iter().map(Bytes::len).sum::<usize>() / DEFINITIONS;
        let before = self.federation.resident(self.daemon)?;
        self.load("definitions in workspaces", WORKSPACES * DEFINITIONS, 1, move |number| {
            let path = definitions_of(&format!("root:many{}", number % WORKSPACES));
            (Method::POST, path, bodies[number / WORKSPACES].clone())
        })
        .await?;
        let after = self.federation.resident(self.daemon)?;
        println!(
            "memory of {DEFINITIONS} definitions     {:.1} KiB resident for each of {WORKSPACES} workspaces ({} KiB of JSON each)",
            ratio(after.saturating_sub(before) / 1024, WORKSPACES),
            (size * DEFINITIONS) >> 10,
        );
        let client = Client::new(self.access.clone())?;
        let began = Instant::now();
        for number in 0..WORKSPACES {
            let path = format!("/clusters/root:many{number}/apis");
            let answer = client.get(&path).await?;
            ensure!(answer.status.is_success(), "{path}: {}", answer.status);
        }
        let each: Duration = began.elapsed() / u32::try_from(WORKSPACES)?;
        println!(
            "their discovery              {} us each, first time; {:.1} MiB resident",
            micros(each),
            ratio(self.federation.resident(self.daemon)? / 1024, 1024)
        );
        Ok(())
    }

    /// One workspace with very many definitions, which many write at the same time.
    pub(crate) async fn large_workspace(&self) -> Result<()> {
        let client = Client::new(self.access.clone())?;
        workspace(&client, "large").await?;
        let before = self.federation.resident(self.daemon)?;
        self.load("definitions in one workspace", LARGE, 1, |number| {
            let body = definition(&format!("large{number}")).to_string();
            (Method::POST, definitions_of("root:large"), Bytes::from(body))
        })
        .await?;
        let after = self.federation.resident(self.daemon)?;
        println!(
            "memory of {LARGE} definitions   {:.1} KiB resident each",
            ratio(after.saturating_sub(before) / 1024, LARGE)
        );
        self.document("discovery of all", "/clusters/root:large/apis").await?;
        self.document("OpenAPI index of all", "/clusters/root:large/openapi/v3").await?;
        let group = "/clusters/root:large/apis/bench.example.com/v1/namespaces/default";
        self.load("create of a custom resource", OBJECTS, 1, move |number| {
            let object = json!({
                "apiVersion": "bench.example.com/v1", "kind": format!("Klarge{}", number % LARGE),
                "metadata": {"name": format!("object-{number}")}, "spec": {"group0": {"field0": "x".repeat(200), "field1": "y"}},
            });
            (Method::POST, format!("{group}/large{}s", number % LARGE), Bytes::from(object.to_string()))
        })
        .await?;
        self.load("get of a custom resource", OBJECTS, 1, move |number| {
            (Method::GET, format!("{group}/large{}s/object-{number}", number % LARGE), Bytes::new())
        })
        .await
    }
}
