//! Definitions that the world uses, as their projects publish them: served at once, explained, enforced, and gone with all
//! their instances. And a definition is served by every daemon as soon as its creation is answered.

mod samples;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use hanse_tests::binary::project;
use hanse_tests::client::Client;
use hanse_tests::federation::Federation;
use serde_json::{Value, json};

use crate::runtime;
use crate::shell::{Shell, kubectl_is_here};

/// Where the published definitions are, next to the project.
const DATA: &str = "../shared/data/crds";
const PROJECTS: [&str; 5] = ["cert-manager", "gateway-api", "argo-cd", "crossplane", "open-cluster-management"];
const CRDS: &str = "/clusters/root/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// How many files of a folder define a kind.
fn definitions(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let text = fs::read_to_string(entry?.path())?;
        count += text.lines().filter(|line| *line == "kind: CustomResourceDefinition").count();
    }
    Ok(count)
}

fn shows(printed: &str, line: &str, pieces: &[&str]) -> Result<()> {
    let mut rest = printed;
    for piece in pieces {
        let Some(found) = rest.find(piece) else { bail!("no {piece:?} in what {line} prints:\n{printed}") };
        rest = &rest[found + piece.len()..];
    }
    Ok(())
}

/// Creates all definitions; right after, all are established, listed by discovery, and explained.
fn create_all(shell: &Shell, data: &Path) -> Result<()> {
    let mut wanted = 0;
    for project in PROJECTS {
        let folder = data.join(project);
        let count = definitions(&folder)?;
        wanted += count;
        let start = Instant::now();
        shell.type_line(&format!("kubectl create -f {} >/dev/null", folder.display()), false)?;
        println!("{project}: {count} definitions created in {:?}", start.elapsed());
    }
    let line = r#"kubectl get crd -o jsonpath='{range .items[*]}{.spec.names.plural}.{.spec.group} {.spec.names.kind} {.status.conditions[?(@.type=="Established")].status} {.status.conditions[?(@.type=="NonStructuralSchema")].message}{"\n"}{end}'"#;
    let printed = shell.type_line(line, false)?;
    let rows: Vec<Vec<&str>> = printed.lines().map(|row| row.split(' ').collect()).collect();
    ensure!(rows.len() == wanted, "{} definitions of {wanted}", rows.len());
    for row in &rows {
        ensure!(row.get(2) == Some(&"True") && row.last() == Some(&""), "not established: {row:?}");
    }
    let served = shell.type_line("kubectl api-resources -o name", false)?;
    let start = Instant::now();
    for row in &rows {
        ensure!(served.lines().any(|line| line == row[0]), "discovery does not list {}", row[0]);
        let line = format!("kubectl explain {}", row[0]);
        let printed = shell.type_line(&line, false)?;
        shows(
            &printed,
            &line,
            &[&format!("KIND:       {}", row[1]), "VERSION:", "DESCRIPTION:", "FIELDS:", "metadata\t<ObjectMeta>"],
        )?;
    }
    println!("{} definitions explained in {:?}", rows.len(), start.elapsed());
    Ok(())
}

fn judge_samples(shell: &Shell) -> Result<()> {
    let mut wrong = Vec::new();
    let mut note = |result: Result<()>| wrong.extend(result.err().map(|error| format!("{error:#}")));
    for sample in samples::VALID {
        let judged =
            shell.type_line(&format!("kubectl create -f - <<'E'\n---\n{}\nE", sample.text), false).and_then(|_| {
                let line = format!("kubectl get {}", sample.read.0);
                shows(&shell.type_line(&line, false)?, &line, &[sample.read.1])
            });
        note(judged);
    }
    for sample in samples::INVALID {
        let line = format!("kubectl create -f - <<'E'\n---\n{}\nE", sample.text);
        note(shell.type_line(&line, true).and_then(|printed| shows(&printed, &line, sample.why)));
    }
    let immutable =
        r#"kubectl patch gatewayclass class --type=merge -p '{"spec":{"controllerName":"example.com/other"}}'"#;
    let why = r#"The GatewayClass "class" is invalid: spec.controllerName: Invalid value: "example.com/other": Value is immutable"#;
    note(shell.type_line(immutable, true).and_then(|printed| shows(&printed, immutable, &[why])));
    ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    Ok(())
}

fn real_definitions(federation: &Federation, data: &Path) -> Result<()> {
    let shell = Shell::new(federation, &[])?;
    create_all(&shell, data)?;
    judge_samples(&shell)?;
    // Their own projects install them by server-side apply, for the large ones do not fit into an annotation.
    let again = format!("kubectl apply --server-side --force-conflicts -f {}", data.join("argo-cd").display());
    let printed = shell.type_line(&again, false)?;
    shows(
        &printed,
        &again,
        &["applications.argoproj.io serverside-applied", "applicationsets.argoproj.io serverside-applied"],
    )?;
    // The policy that the Gateway API brings along refuses its own definitions in the experimental channel.
    let experimental = "kubectl annotate crd gateways.gateway.networking.k8s.io --overwrite gateway.networking.k8s.io/channel=experimental";
    let printed = shell.type_line(experimental, true)?;
    shows(
        &printed,
        experimental,
        &[
            "ValidatingAdmissionPolicy 'safe-upgrades.gateway.networking.k8s.io'",
            "denied request: Installing experimental CRDs",
        ],
    )?;
    let start = Instant::now();
    shell.type_line("kubectl delete crd --all --timeout=25s", false)?;
    println!("all deleted, with instances, in {:?}", start.elapsed());
    let left = shell.type_line("kubectl get crd -o name; kubectl get --raw /clusters/root/apis", false)?;
    ensure!(!left.contains("customresourcedefinition.apiextensions.k8s.io/"), "{left}");
    ensure!(!left.contains("cert-manager.io") && !left.contains("argoproj.io"), "{left}");
    Ok(())
}

#[test]
fn definitions_of_five_projects_are_served_enforced_and_deleted() -> Result<()> {
    let data: PathBuf = project().join(DATA);
    if !data.is_dir() {
        println!("skipped: no {}", data.display());
        return Ok(());
    }
    if !kubectl_is_here() {
        return Ok(());
    }
    let mut federation = Federation::up("local", 1)?;
    real_definitions(&federation, &data.canonicalize()?)?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}

fn definition(plural: &str) -> Value {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "size": {"type": "integer", "default": 3},
    }}}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{plural}.example.com")},
        "spec": {
            "group": format!("{plural}.example.com"), "scope": "Cluster",
            "names": {"plural": plural, "singular": plural, "kind": "Thing", "listKind": "ThingList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    })
}

/// What a daemon answers, asked once, right after the creation was answered somewhere else.
async fn served(client: &Client, daemon: &str, plural: &str) -> Result<()> {
    let group = format!("{plural}.example.com");
    let groups = client.get("/clusters/root/apis").await?.ok()?;
    let listed = groups["groups"].as_array().context("a list of groups")?.iter().any(|one| one["name"] == *group);
    ensure!(listed, "{daemon} does not list {group}");
    let path = format!("/clusters/root/apis/{group}/v1");
    let resources = client.get(&path).await?.ok()?;
    ensure!(resources["resources"][0]["name"] == *plural, "{daemon}: {resources}");
    let schemas = client.get("/clusters/root/openapi/v3").await?.ok()?;
    ensure!(schemas["paths"][format!("apis/{group}/v1")].is_object(), "{daemon} has no schema of {group}");
    let thing = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": daemon}, "spec": {},
    });
    let made = client.post(&format!("{path}/{plural}"), &thing).await?.ok()?;
    ensure!(made["spec"]["size"] == 3, "{daemon}: {made}");
    Ok(())
}

/// Creates definitions through one daemon after the other; all others serve each at once.
async fn everywhere(federation: &Federation) -> Result<()> {
    let names: Vec<String> = federation.members()?.into_iter().map(|member| member.name).collect();
    let mut rounds = 0;
    for (number, creator) in names.iter().chain(&names).enumerate() {
        let plural = format!("things{number}");
        let made = federation.client(creator)?.post(CRDS, &definition(&plural)).await?.ok()?;
        let established = made["status"]["conditions"]
            .as_array()
            .is_some_and(|list| list.iter().any(|one| one["type"] == "Established" && one["status"] == "True"));
        ensure!(established, "the answer shows it established: {made}");
        let others = names.iter().map(|name| {
            let plural = plural.clone();
            async move { served(&federation.client(name)?, name, &plural).await }
        });
        futures_util::future::try_join_all(others).await?;
        // Gone is gone, too: a resource without definition is served by nobody.
        let path = format!("{CRDS}/{plural}.{plural}.example.com");
        let client = federation.client(creator)?;
        client.delete(&path).await?.ok()?;
        crate::eventually("the definition ends", &client, CRDS, |list| crate::names(list).is_empty()).await?;
        for name in &names {
            let answer =
                federation.client(name)?.get(&format!("/clusters/root/apis/{plural}.example.com/v1/{plural}")).await?;
            ensure!(answer.status == 404, "{name} still serves {plural}: {}", answer.status);
        }
        rounds += 1;
    }
    println!("{rounds} definitions, each served at once by {} daemons of two regions", names.len());
    Ok(())
}

#[test]
fn a_definition_is_served_at_once_by_every_daemon() -> Result<()> {
    let mut federation = Federation::up("eu,us", 3)?;
    runtime()?.block_on(everywhere(&federation))?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}
