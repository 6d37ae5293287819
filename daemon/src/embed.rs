//! A daemon without sockets, for simulations: everything between its links and its disk, as `hansed run` wires it.
//!
//! What is left out is what a process has besides: the QUIC mesh, the API's listener, the admin socket, keys and signals.

use std::collections::BTreeSet;
use std::sync::Arc;

use hanse_api::api::{Api, ApiConfig};
use hanse_api::authenticate::{Authenticator, TokenTable};
use hanse_api::egress::HttpsEgress;
use hanse_base::id::{DaemonId, RegionName};
use hanse_controllers::settings::Settings;
use hanse_raft::group::{Group, Seams};
use hanse_store::home::Home;
use hanse_store::hub::Hub;
use hanse_sync::mesh::Incoming;
use hanse_sync::transport::Transport;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::bootstrap::Bootstrap;
use crate::carriage::Carriage;
use crate::config::{Config, group_of};
use crate::directory::Directories;
use crate::duty::Leadership;
use crate::federation::{Contacts, Follower, Source};
use crate::homes::GroupHome;
use crate::lanes::Lanes;
use crate::members::steward::Steward;
use crate::overview::{Overview, Views};
use crate::port::Port;
use crate::renewal::RenewalState;
use crate::run::watch_leadership;
use crate::space::Space;

/// One daemon of a federation, as the others know it.
#[derive(Debug, Clone)]
pub struct Place {
    /// The daemon.
    pub daemon: DaemonId,
    /// Its region.
    pub region: RegionName,
}

/// What a daemon is made from.
pub struct Ground {
    /// This daemon.
    pub daemon: DaemonId,
    /// All daemons of the federation. The first region is the founder.
    pub places: Vec<Place>,
    /// Bearer tokens, in kube-apiserver's form.
    pub tokens: String,
    /// The seams that the group runs on.
    pub seams: Seams,
    /// The running group.
    pub group: Group,
    /// Where the group's state is read.
    pub hub: Arc<Hub>,
    /// The way to other daemons.
    pub links: Arc<dyn Transport>,
    /// Streams that other daemons open.
    pub incoming: mpsc::Receiver<Incoming>,
}

/// A daemon that runs. It ends with the last task of [`Embedded::work`].
pub struct Embedded {
    /// The API, to be asked without sockets.
    pub api: Arc<Api>,
    /// The own group.
    pub home: Arc<dyn Home>,
    /// Its tasks.
    pub work: JoinSet<()>,
}

/// The places do not make a federation, or the tokens cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the daemon cannot be wired: {0}")]
pub struct WiringError(String);

/// Wires a daemon and starts its tasks. To be called within a Tokio runtime.
///
/// # Errors
/// See [`WiringError`].
pub fn start(ground: Ground) -> Result<Embedded, WiringError> {
    let config = Arc::new(Config::parse(&text(&ground)?, "/simulation/hansed.toml".as_ref()).map_err(wiring)?);
    let Ground { tokens, seams, group, hub, links, incoming, .. } = ground;
    let home: Arc<dyn Home> = Arc::new(GroupHome::new(group_of(&config.region), group.clone(), hub));
    let (clock, random) = (seams.clock, seams.random);
    let carriage = Carriage::new(links, Arc::clone(&config), Directories::new(&config));
    let contacts = Contacts::default();
    let views = Views {
        group: group.clone(),
        home: Arc::clone(&home),
        carriage: carriage.clone(),
        contacts: contacts.clone(),
        renewal: RenewalState::default(),
        space: Space::default(),
    };
    let overview = Arc::new(Overview::new(Arc::clone(&config), views, Arc::clone(&clock), Arc::clone(&random)));
    let port = Port::new(config.region.clone(), Arc::clone(&home), carriage.clone(), Arc::clone(&clock));
    let api_config = ApiConfig {
        url: config.api.url.clone(),
        root_ca: String::new(),
        egress: Arc::new(HttpsEgress::new(config.egress.clone())),
        authenticator: Authenticator::new(TokenTable::parse(&tokens).map_err(wiring)?, None),
        checks: Vec::new(),
    };
    let api = Api::new(api_config, Arc::new(port), Arc::clone(&clock), Arc::clone(&random));
    let lanes = Lanes {
        config: Arc::clone(&config),
        group: group.clone(),
        api: Arc::clone(&api),
        source: Arc::new(Source::new(Arc::clone(home.hub()))),
        overview,
    };
    // Nothing stops in order here: a simulated process ends when its runtime does.
    let (stop, stopped) = watch::channel(false);
    let (leads, led) = watch::channel(false);
    let mut work = JoinSet::new();
    work.spawn(Arc::new(lanes).run(incoming, stopped.clone()));
    work.spawn(watch_leadership(group.clone(), config.daemon, leads, stopped.clone()));
    let bootstrap = Bootstrap {
        config: Arc::clone(&config),
        home: Arc::clone(&home),
        root_ca: String::new(),
        clock: Arc::clone(&clock),
        random: Arc::clone(&random),
    };
    work.spawn(bootstrap.run(led.clone(), stopped.clone()));
    let duty = Arc::new(Leadership(led.clone()));
    let settings = Settings { service_accounts: true, ..Settings::default() };
    let never = std::future::pending();
    work.spawn(hanse_controllers::run::run(Arc::clone(&home), Arc::clone(&clock), duty, settings, never));
    let steward = Steward { config: Arc::clone(&config), group, home: Arc::clone(&home) };
    work.spawn(steward.run(led.clone(), stopped.clone()));
    let (region, founder) = (config.region.clone(), config.founder.clone());
    let follower = Follower { home: Arc::clone(&home), carriage, clock, random, contacts, region, founder };
    work.spawn(async move {
        let _stop = stop;
        follower.run(led, stopped).await;
    });
    Ok(Embedded { api, home, work })
}

fn wiring(error: impl std::fmt::Display) -> WiringError {
    WiringError(error.to_string())
}

/// The configuration file of the daemon. Paths in it are never opened.
fn text(ground: &Ground) -> Result<String, WiringError> {
    let own = ground.places.iter().find(|place| place.daemon == ground.daemon);
    let own = own.ok_or_else(|| wiring("the daemon is not among the places"))?;
    let founder = ground.places.first().map_or(&own.region, |place| &place.region);
    let regions: BTreeSet<&RegionName> = ground.places.iter().map(|place| &place.region).collect();
    let number = |region: &RegionName| regions.iter().position(|other| *other == region).unwrap_or(0);
    let mut text = format!(
        "federation = \"sim\"\nregion = \"{}\"\ndaemon = {}\nfounder = \"{founder}\"\n\
         [api]\nlisten = \"127.0.0.1:6443\"\nurl = \"https://{}.example:6443\"\ncertificate = \"c\"\nkey = \"k\"\n\
         client_ca = \"a\"\ntokens = \"t\"\n[peers]\nlisten = \"127.0.0.1:7443\"\ncertificate = \"c\"\nkey = \"k\"\nca = \"a\"\n",
        own.region, own.daemon, own.region,
    );
    for Place { daemon, region } in &ground.places {
        let address = format!("10.0.{}.{}", number(region), daemon);
        text += &format!(
            "[[member]]\ndaemon = {daemon}\nregion = \"{region}\"\nname = \"{region}-{daemon}\"\n\
             peers = \"{address}:7443\"\napi = \"{address}:6443\"\n"
        );
    }
    Ok(text)
}
