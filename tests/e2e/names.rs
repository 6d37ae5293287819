//! Promise 2: of two workspaces that took one name on two sides of a partition, one keeps it and none is lost.

use anyhow::{Context, Result, ensure};
use hanse_tests::federation::Federation;
use serde_json::Value;

use crate::{WORKSPACES, configmap, eventually, names, runtime, workspace};

fn id(object: &Value) -> Result<String> {
    Ok(object["spec"]["cluster"].as_str().context("a workspace has spec.cluster")?.to_owned())
}

#[test]
fn one_name_taken_on_two_sides_of_a_cut_has_one_owner_and_a_visible_conflict() -> Result<()> {
    let mut federation = Federation::up("eu,us,ap", 1)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        federation.split().await?;
        let (us, ap) = (federation.client("us-1")?, federation.client("ap-1")?);
        for (one, other) in [("eu", "us"), ("eu", "ap"), ("us", "ap")] {
            federation.cut(one, other, true)?;
        }
        let first = us.post(WORKSPACES, &workspace("same", None)).await?.ok()?;
        let second = ap.post(WORKSPACES, &workspace("same", None)).await?.ok()?;
        let (first, second) = (id(&first)?, id(&second)?);
        ensure!(first != second);
        for (client, id) in [(&us, &first), (&ap, &second)] {
            let path = format!("/clusters/{id}/api/v1/namespaces/default/configmaps");
            client.post(&path, &configmap("mine", id)).await?.ok()?;
        }
        for (one, other) in [("eu", "us"), ("eu", "ap"), ("us", "ap")] {
            federation.cut(one, other, false)?;
        }
        let mut pictures = Vec::new();
        for daemon in ["eu-1", "us-1", "ap-1"] {
            let client = federation.client(daemon)?;
            let list = eventually("both are listed", &client, WORKSPACES, |list| names(list).len() == 2).await?;
            let items = list["items"].as_array().context("a list has items")?;
            let owner =
                items.iter().find(|item| item["metadata"]["name"] == "same").context("somebody owns the name")?;
            let loser =
                items.iter().find(|item| item["metadata"]["name"] != "same").context("the other has another")?;
            let derived = loser["metadata"]["name"].as_str().context("a name is text")?;
            ensure!(derived.starts_with("same-"), "{derived}");
            let conflicts = |item: &Value| {
                let conditions = item["status"]["conditions"].as_array().cloned().unwrap_or_default();
                conditions.iter().any(|condition| condition["type"] == "NameConflict" && condition["status"] == "True")
            };
            ensure!(conflicts(loser) && !conflicts(owner), "{list}");
            for (id, path) in [(&first, format!("/clusters/{first}")), (&second, format!("/clusters/{second}"))] {
                let got = client.get(&format!("{path}/api/v1/namespaces/default/configmaps/mine")).await?.ok()?;
                ensure!(got["data"]["value"] == **id, "{got}");
            }
            // Both are reachable by their paths, too.
            for path in ["root:same".to_owned(), format!("root:{derived}")] {
                client.get(&format!("/clusters/{path}/api/v1/namespaces/default/configmaps/mine")).await?.ok()?;
            }
            pictures.push((id(owner)?, id(loser)?, derived.to_owned()));
        }
        ensure!(pictures.iter().all(|picture| *picture == pictures[0]), "{pictures:?}");
        anyhow::Ok(())
    })?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}
