//! Tokens of service accounts: signed here, good in the account's own logical cluster, and void when the account is gone.
//!
//! All daemons of a federation have the same key, so each can tell whether a token was signed by the federation. Whether its
//! account still exists is known at the home of its logical cluster only: who answers there looks it up, who carries a request
//! there leaves it to the home.
//!
//! ```text
//! text ──► Issuer::verify (signature, time, audience) ──► Bearer ──► holder (which logical cluster, account, Secret) ──► User
//! ```
//!
//! A token is a secret: no part of it stands in a log, an error or `Debug`. Source: KEP-1205, RFC 7519,
//! k8s.io/kubernetes/pkg/serviceaccount; kcp adds the claim `kubernetes.io/clusterName`.
//!
//! Reading order: `claims`, `signer`, [`Issuer`], `holder`, `page`.

mod claims;
pub(crate) mod holder;
pub(crate) mod page;
mod signer;

use std::collections::BTreeMap;
use std::fmt;

use hanse_base::id::ClusterId;
use serde::Deserialize;

use crate::authenticate::User;
use crate::status::Failure;

pub(crate) use claims::Reference;
use claims::{Audiences, Claims, Private};
pub use signer::KeyRefused;
pub(crate) use signer::TOKEN_BYTES_MAX;
use signer::{Compact, Signer};

/// Signs tokens and checks them. The same in all daemons of a federation.
pub struct Issuer {
    /// `iss` of all tokens, and the audience of the API itself.
    name: String,
    signer: Signer,
}

/// What a new token is to say.
pub(crate) struct Grant<'a> {
    pub(crate) cluster: &'a ClusterId,
    pub(crate) namespace: &'a str,
    pub(crate) account: Reference,
    pub(crate) secret: Option<Reference>,
    pub(crate) audiences: Vec<String>,
    /// Chosen at random.
    pub(crate) id: String,
    /// Seconds since the epoch.
    pub(crate) issued: u64,
    pub(crate) seconds: u64,
}

/// Why a token is refused, in upstream's words. Tells nothing of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("invalid bearer token")]
    Unknown,
    #[error("invalid signature")]
    Signature,
    #[error("token audiences {0:?} is invalid for the target audiences {1:?}")]
    Audience(Vec<String>, Vec<String>),
    #[error("service account token has expired")]
    Expired,
    #[error("service account token is not valid yet")]
    NotYet,
    #[error("service account token is issued in the future")]
    Future,
    #[error("serviceaccounts {0:?} not found")]
    Missing(String),
    #[error("service account UID ({0}) does not match claim ({1})")]
    Replaced(String, String),
    #[error("service account {0} has been deleted")]
    Deleted(String),
    #[error("service account token has been invalidated")]
    Invalidated,
    #[error("secret UID ({0}) does not match service account secret ref claim ({1})")]
    SecretReplaced(String, String),
}

/// A token whose signature, time and audience are good. Whether its account exists is not yet known.
#[derive(Clone, PartialEq, Eq)]
pub struct Bearer {
    claims: Claims,
    cluster: ClusterId,
    /// The audiences that it shares with whom it was shown to.
    pub(crate) audiences: Vec<String>,
}

impl Issuer {
    /// An issuer of this name, an `https` URL, that signs with a PKCS#8 key (DER) on P-256.
    ///
    /// # Errors
    /// The key cannot be used.
    pub fn new(name: &str, pkcs8: &[u8]) -> Result<Self, KeyRefused> {
        Ok(Self { name: name.to_owned(), signer: Signer::new(pkcs8)? })
    }

    /// The audience of the API itself: what a token is for when nobody says it.
    pub(crate) fn audience(&self) -> &str {
        &self.name
    }

    /// A new token.
    ///
    /// # Errors
    /// 413 for one that fits into no header, 500 when the system has no randomness.
    pub(crate) fn sign(&self, grant: Grant<'_>) -> Result<String, Failure> {
        let claims = Claims {
            issuer: self.name.clone(),
            subject: user_name(grant.namespace, &grant.account.name),
            audiences: Audiences::Many(grant.audiences),
            expires: grant.issued.saturating_add(grant.seconds),
            issued: grant.issued,
            not_before: grant.issued,
            id: grant.id,
            private: Private {
                cluster: grant.cluster.to_string(),
                namespace: grant.namespace.to_owned(),
                account: grant.account,
                secret: grant.secret,
            },
        };
        let failed = || Failure::Internal("failed to generate token".to_owned());
        let payload = serde_json::to_vec(&claims).ok().ok_or_else(failed)?;
        let token = self.signer.sign(&payload).ok_or_else(failed)?;
        if token.len() > TOKEN_BYTES_MAX {
            let bytes = token.len();
            return Err(Failure::TooLarge(format!("the token would have {bytes} bytes, limit is {TOKEN_BYTES_MAX}")));
        }
        Ok(token)
    }

    /// A payload with a good signature, whatever it says.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn sign_payload(&self, payload: &[u8]) -> Option<String> {
        self.signer.sign(payload)
    }

    /// Whether a text says that it is a token of this issuer, which is not to be believed.
    pub(crate) fn is_named_by(&self, token: &str) -> bool {
        #[derive(Deserialize)]
        struct Named {
            iss: String,
        }
        let payload = Compact::new(token).and_then(|token| token.payload());
        payload
            .is_some_and(|payload| serde_json::from_slice::<Named>(&payload).is_ok_and(|named| named.iss == self.name))
    }

    /// Checks signature, audience and time: all that can be checked without the account.
    ///
    /// # Errors
    /// See [`Refused`].
    pub(crate) fn verify(&self, token: &str, wanted: &[String], now_ms: u64) -> Result<Bearer, Refused> {
        let token = Compact::new(token).ok_or(Refused::Unknown)?;
        if !self.signer.has_signed(&token) {
            return Err(Refused::Signature);
        }
        let payload = token.payload().ok_or(Refused::Signature)?;
        let claims: Claims = serde_json::from_slice(&payload).or(Err(Refused::Unknown))?;
        let cluster = ClusterId::new(&claims.private.cluster).or(Err(Refused::Unknown))?;
        if claims.issuer != self.name {
            return Err(Refused::Unknown);
        }
        let audiences = claims.audiences.among(wanted);
        if audiences.is_empty() {
            let Audiences::Many(own) = claims.audiences else { return Err(Refused::Unknown) };
            return Err(Refused::Audience(own, wanted.to_vec()));
        }
        check_time(&claims, now_ms)?;
        Ok(Bearer { claims, cluster, audiences })
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("name", &self.name).finish_non_exhaustive()
    }
}

fn check_time(claims: &Claims, now_ms: u64) -> Result<(), Refused> {
    let ms = |seconds: u64| seconds.saturating_mul(1_000);
    let latest = now_ms.saturating_add(LEEWAY_MS);
    if latest < ms(claims.not_before) {
        Err(Refused::NotYet)
    } else if now_ms.saturating_sub(LEEWAY_MS) > ms(claims.expires) {
        Err(Refused::Expired)
    } else if latest < ms(claims.issued) {
        Err(Refused::Future)
    } else {
        Ok(())
    }
}

impl Bearer {
    /// The logical cluster that the token is good in.
    pub(crate) fn cluster(&self) -> &ClusterId {
        &self.cluster
    }

    /// The account, as a user.
    pub(crate) fn user(&self) -> User {
        let Private { cluster, namespace, account, .. } = &self.claims.private;
        let mut extra = BTreeMap::from([(CLUSTER_KEY.to_owned(), vec![cluster.clone()])]);
        if !self.claims.id.is_empty() {
            extra.insert(CREDENTIAL_KEY.to_owned(), vec![format!("JTI={}", self.claims.id)]);
        }
        User {
            name: user_name(namespace, &account.name),
            uid: account.uid.clone(),
            groups: vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".to_owned(),
            ],
            extra,
        }
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bearer({} in {})", self.claims.subject, self.cluster)
    }
}

fn user_name(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

/// How far clocks may be apart; upstream's library has the same.
pub(crate) const LEEWAY_MS: u64 = 60_000;
/// What a user's `extra` says of the token.
const CREDENTIAL_KEY: &str = "authentication.kubernetes.io/credential-id";
/// What a user's `extra` says of the logical cluster (kcp).
const CLUSTER_KEY: &str = "authentication.kcp.io/cluster-name";

#[cfg(test)]
mod token_test;
