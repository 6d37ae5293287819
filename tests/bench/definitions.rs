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

fn definitions_of(cluster: &str) -> String {
    format!("/clusters/{cluster}/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
}

async fn workspace(client: &Client, name: &str) -> Result<()> {
    let object = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": name}});
    client.post(ROOT, &object).await?.ok()?;
    Ok(())
}

impl Bench {
    /// All figures of this file.
    pub(crate) async fn definitions(&self) -> Result<()> {
        self.installs().await?;
        self.documents().await?;
        self.applies().await?;
        self.many_workspaces().await
    }

    /// From the request that makes a definition to the first answer of its resource.
    async fn installs(&self) -> Result<()> {
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
        Ok(())
    }

    /// Discovery and OpenAPI of a logical cluster with many definitions, when first asked for and afterwards.
    async fn documents(&self) -> Result<()> {
        let client = Client::new(self.access.clone())?;
        for (what, path) in [
            ("discovery", "/clusters/root:installs/apis"),
            ("OpenAPI v3, index", "/clusters/root:installs/openapi/v3"),
            ("OpenAPI v3, one group", "/clusters/root:installs/openapi/v3/apis/bench.example.com/v1"),
            ("OpenAPI v2", "/clusters/root:installs/openapi/v2"),
        ] {
            let began = Instant::now();
            let bytes = client.get(path).await?.body.len();
            let cold = began.elapsed();
            let (began, rounds) = (Instant::now(), 50);
            for _ in 0..rounds {
                client.get(path).await?;
            }
            println!(
                "{what:<28} {INSTALLS} definitions: {:>7} KiB   cold {:>8} us   warm {:>6} us",
                bytes >> 10,
                micros(cold),
                micros(began.elapsed() / rounds)
            );
        }
        Ok(())
    }

    /// Server-side apply: what creates, what changes nothing, and what changes one field.
    async fn applies(&self) -> Result<()> {
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
    async fn many_workspaces(&self) -> Result<()> {
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
            let path = definitions_of(&format!("root:many{}", number / DEFINITIONS));
            (Method::POST, path, bodies[number % DEFINITIONS].clone())
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
}
