//! kube-rs, the library that controllers in Rust are written with: a derived definition, typed clients, apply, a reflector
//! on a streamed list, and a controller with a finalizer, under load, with the daemon killed and started again.
//!
//! A program of its own, outside of the project's workspace, so that its dependencies are not those of the project. It takes a
//! kubeconfig, prints `restart` when it wants the daemon to be killed and started, and goes on under load until a line comes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::controller::Action;
use kube::runtime::finalizer::{Event, finalizer};
use kube::runtime::reflector::{self, Store};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::{Controller, WatchStreamExt, watcher};
use kube::{Client, Config, CustomResource, CustomResourceExt, Resource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::task::JoinSet;

const GADGETS: usize = 12;
const FINALIZER: &str = "rust.hanse.example/outside";

/// What a user wants.
#[derive(CustomResource, Serialize, Deserialize, Debug, Clone, PartialEq, JsonSchema)]
#[kube(
    group = "rust.hanse.example",
    version = "v1",
    kind = "Gadget",
    namespaced,
    status = "GadgetStatus",
    printcolumn = r#"{"name":"Size","type":"integer","jsonPath":".spec.size"}"#
)]
struct GadgetSpec {
    #[schemars(range(min = 1, max = 1000))]
    size: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// What the controller has made of it.
#[derive(Serialize, Deserialize, Debug, Clone, Default, PartialEq, JsonSchema)]
struct GadgetStatus {
    #[serde(default)]
    made: u32,
}

fn gadget(name: &str, size: u32) -> Gadget {
    let mut gadget = Gadget::new(name, GadgetSpec { size, note: None });
    gadget.labels_mut().insert("app".to_owned(), "e2e".to_owned());
    gadget
}

async fn client(kubeconfig: &str) -> Result<Client> {
    let config =
        Config::from_custom_kubeconfig(Kubeconfig::read_from(kubeconfig)?, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// The kind is applied as its derivation describes it, and served at once.
async fn define(client: &Client) -> Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = Gadget::crd().name_any();
    let force = PatchParams::apply("e2e").force();
    definitions.patch(&name, &force, &Patch::Apply(Gadget::crd())).await?;
    let established = await_condition(definitions, &name, conditions::is_crd_established());
    tokio::time::timeout(Duration::from_secs(10), established).await.context("established in time")??;
    Ok(())
}

/// What a typed client does by hand.
async fn by_hand(gadgets: &Api<Gadget>) -> Result<()> {
    let made = gadgets.create(&PostParams::default(), &gadget("hand", 1)).await?;
    ensure!(made.uid().is_some() && made.meta().generation == Some(1), "{made:?}");
    let twice = gadgets.create(&PostParams::default(), &gadget("hand", 1)).await;
    ensure!(matches!(&twice, Err(kube::Error::Api(status)) if status.is_already_exists()), "{twice:?}");
    let large = gadgets.create(&PostParams::default(), &gadget("large", 1001)).await;
    let invalid = matches!(&large, Err(kube::Error::Api(status)) if status.is_invalid());
    ensure!(invalid && format!("{large:?}").contains("should be less than or equal to 1000"), "{large:?}");

    let patch = Patch::Merge(json!({"spec": {"note": "merged"}}));
    let merged = gadgets.patch("hand", &PatchParams::default(), &patch).await?;
    ensure!(merged.spec.note.as_deref() == Some("merged") && merged.meta().generation == Some(2), "{merged:?}");
    let wish = json!({"apiVersion": "rust.hanse.example/v1", "kind": "Gadget", "spec": {"size": 7}});
    let refused = gadgets.patch("hand", &PatchParams::apply("one"), &Patch::Apply(&wish)).await;
    ensure!(matches!(&refused, Err(kube::Error::Api(status)) if status.is_conflict()), "{refused:?}");
    let forced = gadgets.patch("hand", &PatchParams::apply("one").force(), &Patch::Apply(&wish)).await?;
    ensure!(forced.spec.size == 7 && forced.spec.note.as_deref() == Some("merged"), "{forced:?}");
    let again = gadgets.patch("hand", &PatchParams::apply("one"), &Patch::Apply(&wish)).await?;
    ensure!(again.resource_version() == forced.resource_version(), "applying the same is no write");

    let status = Patch::Merge(json!({"status": {"made": 3}, "spec": {"size": 9}}));
    let told = gadgets.patch_status("hand", &PatchParams::default(), &status).await?;
    ensure!(told.spec.size == 7 && told.status == Some(GadgetStatus { made: 3 }), "{told:?}");
    let mut stale = made;
    stale.spec.size = 2;
    let late = gadgets.replace("hand", &PostParams::default(), &stale).await;
    ensure!(matches!(&late, Err(kube::Error::Api(status)) if status.is_conflict()), "{late:?}");
    ensure!(gadgets.list(&ListParams::default().labels("app=e2e")).await?.items.len() == 1, "one is listed");
    gadgets.delete("hand", &DeleteParams::foreground()).await?;
    let gone = tokio::time::timeout(Duration::from_secs(10), async {
        while gadgets.get_opt("hand").await?.is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    });
    gone.await.context("it goes")?
}

/// The controller's means, and how often it was at work.
struct Works {
    client: Client,
    reconciles: AtomicU64,
}

/// One gadget has a map of its size, and says so in its status. The writes are repeated each time: that this ends rests on
/// the server, to which a write of nothing is no write.
async fn reconcile(gadget: Arc<Gadget>, works: Arc<Works>) -> kube::Result<Action> {
    works.reconciles.fetch_add(1, Ordering::Relaxed);
    let namespace = gadget.namespace().unwrap_or_default();
    let maps: Api<ConfigMap> = Api::namespaced(works.client.clone(), &namespace);
    let gadgets: Api<Gadget> = Api::namespaced(works.client.clone(), &namespace);
    let name = format!("gadget-{}", gadget.name_any());
    let owner = gadget.controller_owner_ref(&());
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "ownerReferences": [owner], "labels": {"app": "e2e"}},
        "data": {"size": gadget.spec.size.to_string()},
    });
    maps.patch(&name, &PatchParams::apply("gadgets").force(), &Patch::Apply(map)).await?;
    let status = json!({"status": {"made": gadget.spec.size}});
    gadgets.patch_status(&gadget.name_any(), &PatchParams::default(), &Patch::Merge(status)).await?;
    Ok(Action::await_change())
}

type FinalizerError = kube::runtime::finalizer::Error<kube::Error>;

async fn with_finalizer(gadget: Arc<Gadget>, works: Arc<Works>) -> Result<Action, FinalizerError> {
    let namespace = gadget.namespace().unwrap_or_default();
    let gadgets: Api<Gadget> = Api::namespaced(works.client.clone(), &namespace);
    finalizer(&gadgets, FINALIZER, gadget, |event| async {
        match event {
            Event::Apply(gadget) => reconcile(gadget, works).await,
            Event::Cleanup(_) => Ok(Action::await_change()),
        }
    })
    .await
}

async fn control(client: Client, works: Arc<Works>) {
    let streamed = watcher::Config::default().streaming_lists();
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let controller = Controller::new(Api::<Gadget>::default_namespaced(client), streamed.clone())
        .owns(maps, streamed)
        .run(with_finalizer, |_, _, _| Action::requeue(Duration::from_millis(200)), works);
    controller.for_each(|_| std::future::ready(())).await;
}

/// Sizes grow in rounds; what fails while the daemon is away is tried again.
async fn load(gadgets: Api<Gadget>, rounds: u32) -> Result<()> {
    for round in 1..=rounds {
        for number in 0..GADGETS {
            let wanted = gadget(&format!("g{number}"), round);
            let end = Instant::now() + Duration::from_secs(30);
            let force = PatchParams::apply("user").force();
            while let Err(error) = gadgets.patch(&wanted.name_any(), &force, &Patch::Apply(&wanted)).await {
                ensure!(Instant::now() < end, "{error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    Ok(())
}

/// Waits until a list, the reflector's store and the controller's works are of one mind.
async fn settled(client: &Client, store: &Store<Gadget>, wanted: usize) -> Result<()> {
    let gadgets: Api<Gadget> = Api::default_namespaced(client.clone());
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let end = Instant::now() + Duration::from_secs(40);
    loop {
        let seen = gadgets.list(&ListParams::default()).await?.items;
        let made = maps.list(&ListParams::default().labels("app=e2e")).await?.items;
        let sizes: BTreeMap<String, String> = made
            .into_iter()
            .map(|map| (map.name_any(), map.data.unwrap_or_default().remove("size").unwrap_or_default()))
            .collect();
        let versions = |items: Vec<Gadget>| -> BTreeMap<String, Option<String>> {
            items.into_iter().map(|gadget| (gadget.name_any(), gadget.resource_version())).collect()
        };
        let stored = versions(store.state().iter().map(|gadget| (**gadget).clone()).collect());
        let done = seen.iter().all(|gadget| {
            let map = sizes.get(&format!("gadget-{}", gadget.name_any()));
            map == Some(&gadget.spec.size.to_string())
                && gadget.status.as_ref().is_some_and(|status| status.made == gadget.spec.size)
        });
        if done && seen.len() == wanted && sizes.len() == wanted && stored == versions(seen.clone()) {
            return Ok(());
        }
        ensure!(Instant::now() < end, "not of one mind: {seen:?}\n{sizes:?}\n{stored:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn story(kubeconfig: &str) -> Result<()> {
    let client = client(kubeconfig).await?;
    define(&client).await?;
    let gadgets: Api<Gadget> = Api::default_namespaced(client.clone());
    by_hand(&gadgets).await?;

    let (store, writer) = reflector::store();
    let streamed = watcher(gadgets.clone(), watcher::Config::default().streaming_lists()).default_backoff();
    let mut following = Box::pin(reflector::reflector(writer, streamed));
    let works = Arc::new(Works { client: client.clone(), reconciles: AtomicU64::new(0) });
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        // An error is tried again by the stream itself.
        while let Some(_event) = following.next().await {}
        anyhow::Ok(())
    });
    let controlled = (client.clone(), works.clone());
    tasks.spawn(async move {
        control(controlled.0, controlled.1).await;
        Ok(())
    });
    store.wait_until_ready().await?;

    let mut users = JoinSet::new();
    users.spawn(load(gadgets.clone(), 15));
    tokio::time::sleep(Duration::from_millis(700)).await;
    println!("restart");
    BufReader::new(stdin()).lines().next_line().await?.context("nobody restarts the daemon")?;
    while let Some(result) = users.join_next().await {
        result??;
    }
    settled(&client, &store, GADGETS).await?;
    // Nothing goes on when nobody changes anything.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = works.reconciles.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = works.reconciles.load(Ordering::Relaxed);
    ensure!(before == after, "{} reconciles while nobody changes anything", after - before);

    gadgets.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
    settled(&client, &store, 0).await?;
    println!("ok kube-rs {GADGETS} gadgets in 15 rounds, {after} reconciles, one kill -9");
    tasks.abort_all();
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let kubeconfig = std::env::args().nth(1).context("the kubeconfig is the first argument")?;
    story(&kubeconfig).await
}
