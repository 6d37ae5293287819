//! `hanse region`: the regions of the federation.

use clap::Subcommand;
use serde::Deserialize;
use serde_json::json;

use crate::client::{self, Client, ClientError};
use crate::table::render;

/// What `hanse region` can do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Verb {
    /// Show the regions (as without a verb)
    List,
    /// Remove a region from the federation for ever, with its name
    ///
    /// Ask a daemon of the founding region: the others believe it. Refused while workspaces are at home in the region.
    #[command(after_help = "Examples:
  hanse region remove ap
  hanse region remove ap --force     a region that is lost, with its workspaces")]
    Remove {
        /// The region
        name: String,
        /// Lose the workspaces that are at home there; or, asked of another region than the founding one, let that region
        /// alone forget it
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Deserialize)]
struct Regions {
    regions: Vec<Region>,
    #[serde(default)]
    removed: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Region {
    region: String,
    #[serde(default)]
    founder: bool,
    reachable: bool,
    daemons: u64,
    up: u64,
    voters: Option<u64>,
    leader: Option<String>,
}

impl Region {
    fn row(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        let state = match (self.reachable, &self.leader) {
            (false, _) => "unreachable",
            (true, None) => "no leader",
            (true, Some(_)) if self.up < self.daemons => "degraded",
            (true, Some(_)) => "ok",
        };
        vec![
            self.region.clone(),
            state.to_owned(),
            format!("{}/{}", self.up, self.daemons),
            self.voters.map_or_else(dash, |voters| voters.to_string()),
            self.leader.clone().unwrap_or_else(dash),
            if self.founder { "yes" } else { "" }.to_owned(),
        ]
    }
}

/// `hanse region`.
///
/// # Errors
/// See [`ClientError`].
pub(crate) fn run(client: &Client, verb: Option<&Verb>, as_json: bool) -> Result<String, ClientError> {
    match verb {
        None | Some(Verb::List) => {
            let answer = client.ask(&json!({"request": "regions"}))?;
            let regions: Regions = client::read(&answer)?;
            if as_json {
                return Ok(format!("{answer:#}\n"));
            }
            let rows: Vec<Vec<String>> = regions.regions.iter().map(Region::row).collect();
            let mut text = render(&["REGION", "STATE", "DAEMONS", "VOTERS", "LEADER", "FOUNDER"], &rows);
            if !regions.removed.is_empty() {
                text.push_str(&format!("\nremoved: {}\n", regions.removed.join(", ")));
            }
            Ok(text)
        }
        Some(Verb::Remove { name, force }) => {
            let client = founders(client)?;
            let answer = client.ask(&json!({"request": "remove-region", "name": name, "force": force}))?;
            let lost = answer["lost"].as_u64().unwrap_or(0);
            let text = format!("region {name} has left the federation; {lost} workspaces were lost with it\n");
            Ok(if as_json { format!("{answer:#}\n") } else { text })
        }
    }
}

/// A client of the founding region's daemons, if their sockets are at hand.
fn founders(client: &Client) -> Result<Client, ClientError> {
    let answer = client.ask(&json!({"request": "status"}))?;
    let regions = answer["regions"].as_array().cloned().unwrap_or_default();
    let founder = regions.iter().find(|region| region["founder"] == true);
    let daemons = founder.and_then(|region| region["daemons"].as_array().cloned()).unwrap_or_default();
    let names: Vec<&str> = daemons.iter().filter_map(|daemon| daemon["name"].as_str()).collect();
    Ok(client.of_daemons(&names))
}
