//! What a token says: the claims of k8s.io/kubernetes/pkg/serviceaccount, with kcp's `clusterName` among the private ones.

use serde::{Deserialize, Serialize};

/// The payload of a token, as it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// Who signed it.
    #[serde(rename = "iss")]
    pub(crate) issuer: String,
    /// The account's user name.
    #[serde(rename = "sub")]
    pub(crate) subject: String,
    /// For whom it is.
    #[serde(rename = "aud")]
    pub(crate) audiences: Audiences,
    /// When it ends, in seconds since the epoch.
    #[serde(rename = "exp")]
    pub(crate) expires: u64,
    /// When it was signed.
    #[serde(rename = "iat")]
    pub(crate) issued: u64,
    /// Since when it is good.
    #[serde(rename = "nbf")]
    pub(crate) not_before: u64,
    /// Which token it is, for those who read logs.
    #[serde(rename = "jti", default)]
    pub(crate) id: String,
    #[serde(rename = "kubernetes.io")]
    pub(crate) private: Private,
}

/// The claims that are Kubernetes' and kcp's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Private {
    /// The logical cluster of the account: the token is good there and nowhere else.
    #[serde(rename = "clusterName")]
    pub(crate) cluster: String,
    /// The namespace of the account.
    pub(crate) namespace: String,
    /// The account.
    #[serde(rename = "serviceaccount")]
    pub(crate) account: Reference,
    /// The Secret without which the token is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<Reference>,
}

/// One object, and not a later one of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reference {
    pub(crate) name: String,
    pub(crate) uid: String,
}

/// RFC 7519 has one audience as a text and many as a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audiences {
    /// As this server writes them, one or many.
    Many(Vec<String>),
    /// As others may.
    One(String),
}

impl Audiences {
    /// Those that are among the wanted ones, in their own order.
    pub(crate) fn among(&self, wanted: &[String]) -> Vec<String> {
        let own = match self {
            Self::Many(own) => own.as_slice(),
            Self::One(own) => std::slice::from_ref(own),
        };
        own.iter().filter(|audience| wanted.contains(audience)).cloned().collect()
    }
}
