//! Letting a daemon in: what is asked and answered on the join protocol, and who answers.
//!
//! The request can come from anyone. Before anything is changed the token must be known and its secret right; the state
//! machine then decides, once for all replicas. The answer holds the region's keys: the protocol sends it only to who has
//! proved the secret, over TLS. A repeat by the same key gets the same answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hanse_base::id::{DaemonId, RegionName};
use hanse_base::random::Random;
use hanse_store::roster::{Member, MemberRole, MembershipChange};
use hanse_store::txn::{Outcome, Refusal};
use hanse_sync::join::JoinRequest;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::authority::RegionAuthority;
use crate::config::{Config, DAEMON_ID_MAX};
use crate::members::verbs::Verbs;
use crate::pki::read_file;

/// What a joiner asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ask {
    /// Id of its token.
    pub(crate) token: String,
    /// The token's secret.
    pub(crate) secret: [u8; 32],
    /// A signing request by its key, DER.
    pub(crate) request: Vec<u8>,
    /// What it is to be called.
    pub(crate) name: String,
    /// Where others reach its QUIC port.
    pub(crate) peers: SocketAddr,
    /// Its own API address.
    pub(crate) api: String,
}

/// What a joiner is given.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Admission {
    /// The daemon that it becomes.
    pub(crate) daemon: u64,
    /// The region that it belongs to.
    pub(crate) region: RegionName,
    /// The region that `root` is at home in.
    pub(crate) founder: RegionName,
    /// Root of the federation, PEM.
    pub(crate) root: String,
    /// What only a daemon of the same region gets.
    pub(crate) keys: Option<RegionKeys>,
    /// Authority of client certificates, PEM.
    pub(crate) client_ca: String,
    /// The administrators' tokens.
    pub(crate) tokens: String,
    /// What signs tokens of service accounts, PEM.
    pub(crate) service_account_key: Option<String>,
    /// Who those tokens say they are from.
    pub(crate) service_account_issuer: String,
    /// All daemons of the federation.
    pub(crate) members: Vec<Contact>,
}

/// The keys of a region.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RegionKeys {
    /// The joiner's chain, PEM.
    pub(crate) chain: String,
    /// The region's authority and its key, PEM.
    pub(crate) authority: Option<(String, String)>,
    /// The API's certificate and key, PEM.
    pub(crate) serving: (String, String),
    /// What clients verify that with, PEM.
    pub(crate) api_ca: Option<String>,
    /// The region's address.
    pub(crate) url: String,
}

/// A daemon to talk to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contact {
    /// Its id.
    pub(crate) daemon: u64,
    /// Its region.
    pub(crate) region: RegionName,
    /// Its name.
    pub(crate) name: String,
    /// Where its QUIC port is reached.
    pub(crate) peers: SocketAddr,
    /// Its API address.
    pub(crate) api: String,
}

/// What is sent: a version byte, and this in postcard.
pub(crate) type Answer = Result<Admission, String>;

/// Bytes that are no message of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message about joining cannot be read: do both daemons have the same version?")]
pub(crate) struct AdmissionError;

/// The message as bytes.
///
/// # Panics
/// Never: texts can be written to memory.
pub(crate) fn encode(message: &impl Serialize) -> Bytes {
    Bytes::from(postcard::to_extend(message, vec![VERSION]).expect("texts can be written to memory"))
}

/// Reads a message.
///
/// # Errors
/// It is none.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, AdmissionError> {
    let Some((&VERSION, rest)) = bytes.split_first() else { return Err(AdmissionError) };
    match postcard::take_from_bytes(rest) {
        Ok((message, [])) => Ok(message),
        _ => Err(AdmissionError),
    }
}

/// Answers those who ask to join.
pub(crate) struct Porter {
    /// Changes the roster.
    pub(crate) verbs: Arc<Verbs>,
    /// For ids.
    pub(crate) random: Arc<dyn Random>,
}

impl Porter {
    /// Answers until `stop` changes.
    pub(crate) async fn run(self, mut joins: mpsc::Receiver<JoinRequest>, mut stop: watch::Receiver<bool>) {
        let porter = Arc::new(self);
        let mut answering = JoinSet::new();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                Some(_) = answering.join_next() => {}
                asked = joins.recv() => {
                    let Some(asked) = asked else { break };
                    let porter = Arc::clone(&porter);
                    // The protocol bounds how many are answered at once.
                    answering.spawn(async move { porter.answer(asked).await });
                }
            }
        }
        answering.shutdown().await;
    }

    async fn answer(&self, asked: JoinRequest) {
        let from = asked.from;
        let answer: Answer = match decode::<Ask>(&asked.request) {
            Ok(ask) => {
                let (token, name) = (ask.token.clone(), ask.name.clone());
                let admitted = self.admit(ask).await;
                match &admitted {
                    Ok(admission) => {
                        tracing::info!(%from, token, name, daemon = admission.daemon, "a daemon has joined")
                    }
                    Err(why) => tracing::warn!(%from, token, name, why, "a daemon may not join"),
                }
                admitted
            }
            Err(error) => {
                tracing::warn!(%from, %error, "a daemon may not join");
                Err(error.to_string())
            }
        };
        asked.answer(encode(&answer));
    }

    async fn admit(&self, ask: Ask) -> Answer {
        let verbs = &self.verbs;
        let view = verbs.home.read().await.map_err(|error| error.to_string())?;
        // Whoever knows no secret learns nothing of what tokens there are.
        let denied = || "the token is not known, or its secret is wrong: create a new one".to_owned();
        let secret_hash: [u8; 32] = Sha256::digest(ask.secret).into();
        let token = view.membership().token(&ask.token).ok_or_else(denied)?;
        if !bool::from(token.secret_hash.ct_eq(&secret_hash)) {
            return Err(denied());
        }
        let key = key_of(&ask.request)?;
        let daemon = token.redeemed.map_or_else(|| DaemonId(1 + self.random.number() % DAEMON_ID_MAX), |it| it.daemon);
        let member = Member {
            daemon,
            name: ask.name.clone(),
            role: MemberRole::Learner,
            drained: false,
            peers: ask.peers,
            api: ask.api.clone(),
        };
        let redeem = MembershipChange::RedeemToken { id: ask.token.clone(), secret_hash, key, member };
        match verbs.change(redeem).await? {
            Outcome::Done { .. } => {}
            Outcome::Refused(Refusal::Missing { .. }) => return Err(denied()),
            Outcome::Refused(Refusal::Exists { what }) => return Err(format!("{what} exists already")),
            Outcome::Refused(refusal) => return Err(refusal.to_string()),
        }
        let view = verbs.home.read().await.map_err(|error| error.to_string())?;
        let token = view.membership().token(&ask.token).ok_or_else(denied)?;
        let daemon = token.redeemed.ok_or_else(denied)?.daemon;
        self.admission(&ask, daemon, token.new_region.clone())
    }

    fn admission(&self, ask: &Ask, daemon: DaemonId, new_region: Option<RegionName>) -> Answer {
        let config = &self.verbs.config;
        let read = |path: &std::path::Path| read_file(path).map_err(|error| error.to_string());
        let keys = if new_region.is_none() { Some(region_keys(config, &ask.request, daemon)?) } else { None };
        let directory = self.verbs.carriage.directories().now();
        let contacts = directory.members.iter().filter(|member| member.daemon != daemon).map(|member| Contact {
            daemon: member.daemon.0,
            region: member.region.clone(),
            name: member.name.clone(),
            peers: member.peers,
            api: member.api.clone(),
        });
        Ok(Admission {
            daemon: daemon.0,
            region: new_region.unwrap_or_else(|| config.region.clone()),
            founder: config.founder.clone(),
            root: read(&config.peers.ca)?,
            keys,
            client_ca: read(&config.api.client_ca)?,
            tokens: read(&config.api.tokens)?,
            service_account_key: config.api.service_account_key.as_deref().map(read).transpose()?,
            service_account_issuer: config.api.service_account_issuer.clone(),
            members: contacts.collect(),
        })
    }
}

fn region_keys(config: &Config, request: &[u8], daemon: DaemonId) -> Result<RegionKeys, String> {
    let text = |error: crate::pki::PkiError| error.to_string();
    let Some(files) = &config.peers.authority else {
        return Err(format!(
            "the asked daemon has no authority of region {} ([peers] authority_certificate, authority_key), and cannot \
             sign: ask another one",
            config.region
        ));
    };
    let authority =
        RegionAuthority::load(&files.certificate, &files.key, &config.federation, &config.region).map_err(text)?;
    let life: Duration = config.peers.certificate_life;
    Ok(RegionKeys {
        chain: authority.sign_request(request, daemon, life).map_err(text)?,
        authority: Some((read_file(&files.certificate).map_err(text)?, read_file(&files.key).map_err(text)?)),
        serving: (read_file(&config.api.certificate).map_err(text)?, read_file(&config.api.key).map_err(text)?),
        api_ca: config.api.ca.as_deref().map(read_file).transpose().map_err(text)?,
        url: config.api.url.clone(),
    })
}

/// SHA-256 of the key of a signing request, whose signature must be by that key.
pub(crate) fn key_of(request: &[u8]) -> Result<[u8; 32], String> {
    let unreadable = |_error| "the signing request cannot be read".to_owned();
    let (_, parsed) = X509CertificationRequest::from_der(request).map_err(unreadable)?;
    parsed.verify_signature().map_err(|_error| "the signing request is not signed by its key".to_owned())?;
    Ok(Sha256::digest(parsed.certification_request_info.subject_pki.raw).into())
}

const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use rcgen::{CertificateParams, KeyPair};

    use super::{Answer, Ask, decode, encode, key_of};

    fn ask() -> Ask {
        Ask {
            token: "t".into(),
            secret: [7; 32],
            request: vec![1, 2, 3],
            name: "eu-2".into(),
            peers: "127.0.0.1:6454".parse().unwrap(),
            api: "https://127.0.0.1:6453".into(),
        }
    }

    #[test]
    fn messages_read_back_as_they_were_written_and_junk_is_refused() {
        let bytes = encode(&ask());
        assert_eq!(decode::<Ask>(&bytes), Ok(ask()));
        for cut in 0..bytes.len() {
            assert!(decode::<Ask>(&bytes[..cut]).is_err(), "{cut}");
        }
        let refused: Answer = Err("no".into());
        assert!(decode::<Answer>(&encode(&refused)).is_ok_and(|read| read.is_err_and(|why| why == "no")));
    }

    #[test]
    fn a_key_is_known_by_its_signing_requests_and_must_have_signed_them() {
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let request = |key: &KeyPair, name: &str| {
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.serialize_request(key).unwrap().der().to_vec()
        };
        assert_eq!(key_of(&request(&key, "a")), key_of(&request(&key, "b")));
        assert_ne!(key_of(&request(&key, "a")), key_of(&request(&other, "a")));
        let mut damaged = request(&key, "a");
        *damaged.last_mut().unwrap() ^= 1;
        assert!(key_of(&damaged).is_err() && key_of(b"junk").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(bytes in any::<Vec<u8>>()) {
            for bytes in [bytes.clone(), [&[super::VERSION], &bytes[..]].concat()] {
                if let Ok(read) = decode::<Ask>(&bytes) {
                    assert_eq!(decode::<Ask>(&encode(&read)), Ok(read));
                }
                drop(decode::<Answer>(&bytes));
            }
            drop(key_of(&bytes));
        }
    }
}
