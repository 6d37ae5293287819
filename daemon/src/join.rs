//! `hansed join` and `hansed authority`: how a daemon gets its place in a federation.
//!
//! The key is made first and kept, so that a repeat after a crash or a lost answer is the same joiner. Every other file is
//! written once the answer is there, the configuration last: what has no configuration has not joined.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::Args;
use hanse_base::id::{DaemonId, RegionName, is_segment};
use hanse_sync::join::{Target, call};
use rcgen::{CertificateParams, KeyPair};

use crate::authority::{RegionAuthority, Root};
use crate::config::Config;
use crate::members::admission::{self, Admission, Answer, Ask, Contact};
use crate::members::invite::Invitation;
use crate::pki::{Authority, PUBLIC, SECRET, Subject, exists, read_file, write_file};
use crate::up::parse_region;

/// Flags of `hansed join`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct JoinArgs {
    /// The token of `hanse token create`
    #[arg(long, value_name = "TOKEN", env = "HANSE_TOKEN", hide_env_values = true)]
    token: String,
    /// What this daemon is to be called: lower case letters, digits and '-'; unique in its region
    #[arg(long)]
    name: String,
    /// Where its configuration, keys and data will be; made when it does not exist
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Where its Kubernetes API listens
    #[arg(long, value_name = "HOST:PORT")]
    api_listen: SocketAddr,
    /// Where it listens for other daemons (UDP)
    #[arg(long, value_name = "HOST:PORT")]
    peers_listen: SocketAddr,
    /// The region's address for clients; that of the region that lets it in when it is left out
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// Where others reach its UDP port, if not at --peers-listen
    #[arg(long, value_name = "HOST:PORT")]
    advertise_peers: Option<SocketAddr>,
    /// For the first daemon of a new region: the region's authority, as `hansed authority` has written it
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
}

/// Flags of `hansed authority`.
#[derive(Debug, Args)]
#[command(after_help = AUTHORITY_EXAMPLES)]
pub(crate) struct AuthorityArgs {
    /// The directory with the federation's root.crt and root.key: the root's key is needed for nothing else, and stays offline
    #[arg(long, value_name = "DIR")]
    root_dir: PathBuf,
    /// The federation, as `federation` in a hansed.toml
    #[arg(long)]
    federation: String,
    /// The region
    #[arg(long, value_parser = parse_region)]
    region: RegionName,
    /// Where certificate and key go, mode 0600
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

const EXAMPLES: &str = "Examples:
  hansed join --token TOKEN --name eu-2 --data-dir /var/lib/hanse --api-listen 10.0.0.2:6443 --peers-listen 10.0.0.2:6444
  hansed join --token TOKEN --name ap-1 --data-dir ap-1 --api-listen 10.9.0.1:6443 --peers-listen 10.9.0.1:6444 \\
      --authority ap.pem --api-url https://ap.example.com:6443

The same command again, after an interruption, goes on where it stopped. Then: hansed run --config DIR/hansed.toml";

const AUTHORITY_EXAMPLES: &str = "Example:
  hansed authority --root-dir hanse-data/pki --federation a1b2c3d4 --region ap --out ap.pem";

/// Makes the authority of a new region.
///
/// # Errors
/// Says what is wrong, and what to do.
pub(crate) fn authority(args: &AuthorityArgs) -> anyhow::Result<()> {
    let (certificate, key) = (args.root_dir.join("root.crt"), args.root_dir.join("root.key"));
    for path in [&certificate, &key] {
        anyhow::ensure!(
            exists(path)?,
            "{} is not there: give the directory with the federation's root",
            path.display()
        );
    }
    let out = std::path::absolute(&args.out)?;
    anyhow::ensure!(!exists(&out)?, "{} exists already: give another --out", args.out.display());
    anyhow::ensure!(is_segment(&args.federation), "federation {:?}: write it as in a hansed.toml", args.federation);
    let root = Root::load_or_make(&args.root_dir)?;
    let (certificate, key) = root.found(&args.federation, &args.region)?;
    write_file(&out, format!("{certificate}{key}").as_bytes(), SECRET)?;
    writeln!(io::stderr(), "authority of region {} written to {}", args.region, args.out.display())?;
    Ok(())
}

/// Joins.
///
/// # Errors
/// Says what is wrong, and what to do.
pub(crate) async fn join(args: JoinArgs) -> anyhow::Result<()> {
    let invitation = Invitation::decode(&args.token)?;
    anyhow::ensure!(is_segment(&args.name), "name {:?}: write lower case letters, digits and '-'", args.name);
    let peers = args.advertise_peers.unwrap_or(args.peers_listen);
    anyhow::ensure!(
        !peers.ip().is_unspecified() && peers.port() != 0,
        "others cannot reach {peers}: say where they do with --advertise-peers HOST:PORT"
    );
    let founds = invitation.new_region.is_some();
    anyhow::ensure!(
        founds == args.authority.is_some(),
        "{}",
        if founds {
            "this token founds a region, which needs its authority: make one with `hansed authority`, and give it with --authority"
        } else {
            "this token joins a region that has an authority already: leave --authority out"
        }
    );
    let directory = std::path::absolute(&args.data_dir)?;
    let config_path = directory.join("hansed.toml");
    anyhow::ensure!(
        !exists(&config_path)?,
        "{} has joined already: run it with hansed run --config {}",
        directory.display(),
        config_path.display()
    );
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
    let key = own_key(&directory.join("peer.key"))?;
    let ask = Ask {
        token: invitation.id.clone(),
        secret: invitation.secret,
        request: CertificateParams::new(Vec::<String>::new())?.serialize_request(&key)?.der().to_vec(),
        name: args.name.clone(),
        peers,
        api: format!("https://{}", args.api_listen),
    };
    let target = Target {
        federation: invitation.federation.clone(),
        region: Some(RegionName::new(&invitation.region)?),
        root_sha256: invitation.root_sha256,
    };
    let answer = call(&invitation.addresses, &target, admission::encode(&ask)).await;
    let answer = answer.map_err(|error| {
        anyhow::anyhow!(
            "nobody lets this daemon in: {error}: look whether a daemon of {} runs, then try again",
            invitation.region
        )
    })?;
    let admission = admission::decode::<Answer>(&answer)?;
    let admission =
        admission.map_err(|why| anyhow::anyhow!("region {} does not let this daemon in: {why}", invitation.region))?;
    settle(&args, &directory, &invitation.federation, (&admission, peers))?;
    let shown = config_path.display();
    writeln!(
        io::stderr(),
        "{} has joined region {} of federation {} as daemon {}\nnext: hansed run --config {shown}",
        args.name,
        admission.region,
        invitation.federation,
        admission.daemon
    )?;
    Ok(())
}

/// The key that this daemon joins by: made once, and kept.
fn own_key(path: &Path) -> anyhow::Result<KeyPair> {
    if !exists(path)? {
        write_file(path, KeyPair::generate()?.serialize_pem().as_bytes(), SECRET)?;
    }
    Ok(KeyPair::from_pem(&read_file(path)?)?)
}

/// Writes everything, the configuration last.
fn settle(
    args: &JoinArgs,
    directory: &Path,
    federation: &str,
    (admission, peers): (&Admission, SocketAddr),
) -> anyhow::Result<()> {
    let secret = |name: &str, text: &str| write_file(&directory.join(name), text.as_bytes(), SECRET);
    let public = |name: &str, text: &str| write_file(&directory.join(name), text.as_bytes(), PUBLIC);
    public("root.crt", &admission.root)?;
    public("client-ca.crt", &admission.client_ca)?;
    secret("tokens.csv", &admission.tokens)?;
    if let Some(key) = &admission.service_account_key {
        secret("service-account.key", key)?;
    }
    let mut has_api_ca = true;
    let url = match (&admission.keys, &args.authority) {
        (Some(keys), _) => {
            secret("api.key", &keys.serving.1)?;
            public("api.crt", &keys.serving.0)?;
            public("peer.crt", &keys.chain)?;
            if let Some((certificate, key)) = &keys.authority {
                secret("region.key", key)?;
                public("region.crt", certificate)?;
            }
            match &keys.api_ca {
                Some(ca) => public("api-ca.crt", ca)?,
                None => has_api_ca = false,
            }
            keys.url.clone()
        }
        (None, Some(authority)) => {
            let text = read_file(authority)?;
            let at = text.find("-----BEGIN PRIVATE KEY-----").or_else(|| text.find("-----BEGIN EC PRIVATE KEY-----"));
            let at = at.ok_or_else(|| anyhow::anyhow!("{} holds no key: make it anew", authority.display()))?;
            public("region.crt", &text[..at])?;
            secret("region.key", &text[at..])?;
            let (certificate, key) = (directory.join("region.crt"), directory.join("region.key"));
            let signer = RegionAuthority::load(&certificate, &key, federation, &admission.region)?;
            let own_key = read_file(&directory.join("peer.key"))?;
            let chain = signer.sign_key(&own_key, DaemonId(admission.daemon), FIRST_LIFE)?;
            public("peer.crt", &chain)?;
            let api = Authority::load_or_make(directory, "api-ca", "hanse API authority")?;
            let subject = Subject::Server { name: &args.name, address: args.api_listen.ip() };
            api.load_or_issue(&directory.join("api.crt"), &directory.join("api.key"), &subject)?;
            format!("https://{}", args.api_listen)
        }
        (None, None) => anyhow::bail!("the answer holds no certificate: ask a daemon of the same version"),
    };
    let url = args.api_url.clone().unwrap_or(url);
    let text = render(args, federation, (admission, peers), (&url, has_api_ca));
    let path = directory.join("hansed.toml");
    // What cannot be read again must not count as joined.
    Config::parse(&text, &path)?;
    secret("hansed.toml", &text)?;
    Ok(())
}

/// The configuration, written for a reader.
fn render(
    args: &JoinArgs,
    federation: &str,
    (admission, peers): (&Admission, SocketAddr),
    (url, has_api_ca): (&str, bool),
) -> String {
    let Admission { daemon, region, founder, .. } = admission;
    let (name, api_listen, peers_listen) = (&args.name, args.api_listen, args.peers_listen);
    // The first daemon of a region founds its group.
    let joined = admission.keys.is_some();
    let line = |is_there: bool, line: &str| if is_there { format!("{line}\n") } else { String::new() };
    let ca = line(has_api_ca, "ca = \"api-ca.crt\"");
    let signing = line(admission.service_account_key.is_some(), "service_account_key = \"service-account.key\"");
    let issuer = &admission.service_account_issuer;
    let mut text = format!(
        r#"# Daemon {name}. Made by `hansed join`; start it with: hansed run --config hansed.toml
federation = "{federation}"
region = "{region}"
daemon = {daemon}
joined = {joined}
founder = "{founder}"
data = "data"
admin_socket = "admin.sock"

[api]
listen = "{api_listen}"
url = "{url}"
certificate = "api.crt"
key = "api.key"
client_ca = "client-ca.crt"
tokens = "tokens.csv"
{ca}{signing}service_account_issuer = "{issuer}"

[peers]
listen = "{peers_listen}"
certificate = "peer.crt"
key = "peer.key"
ca = "root.crt"
authority_certificate = "region.crt"
authority_key = "region.key"

# This daemon, and those that it asks first. Who belongs to the federation later, its state says.
"#
    );
    let own = Contact {
        daemon: *daemon,
        region: region.clone(),
        name: name.clone(),
        peers,
        api: format!("https://{api_listen}"),
    };
    for Contact { daemon, region, name, peers, api } in std::iter::once(&own).chain(&admission.members) {
        text.push_str(&format!(
            "[[member]]\ndaemon = {daemon}\nregion = \"{region}\"\nname = \"{name}\"\npeers = \"{peers}\"\napi = \"{api}\"\n"
        ));
    }
    text
}

/// The first certificate of a new region's first daemon; it renews itself.
const FIRST_LIFE: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
