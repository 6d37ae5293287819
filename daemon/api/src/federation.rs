//! The port through which the API reaches other regions: who they are, how a request is carried to one, and how a
//! name is reserved at one. The daemon implements it on QUIC; tests fake it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::{ClusterId, GroupId, RegionName};
use hanse_base::net::BoxFuture;
use hanse_store::home::Home;

use crate::body::Body;

/// A text that never shows in logs or `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Keeps the text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Box::from(text))
    }

    /// The text itself; for checking it and for carrying it, nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a client showed of itself. A carried request carries it, and the home checks it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A bearer token.
    Token(Secret),
    /// The client's certificate chain (DER, leaf first), as the TLS handshake of the carrying daemon accepted it.
    Certificate(Vec<Vec<u8>>),
    /// Nothing.
    Anonymous,
}

/// What the home is to do with a carried request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// What it says.
    Plain,
    /// Make a workspace that was placed here, with this id.
    CreateWorkspace {
        /// The logical cluster's id, chosen by the daemon that the client spoke to.
        id: ClusterId,
    },
    /// Change a workspace whose row is owned here.
    WriteWorkspace {
        /// The workspace that the name is of, as the daemon knows that the client spoke to: at the home the name may be
        /// another's by now. `None` from a daemon of an earlier version.
        id: Option<ClusterId>,
        /// The row's version that stands for the client's `resourceVersion`, where the client gave one.
        version: Option<u64>,
    },
}

/// A request on its way to another daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// HTTP method.
    pub method: String,
    /// Path and query, with the logical cluster's id in place of its path.
    pub target: String,
    /// The few headers that matter: accept, content-type, user-agent, audit-id, if-none-match. Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The client's body, whole. Travels in a frame of its own.
    pub body: Bytes,
    /// Who the client is.
    pub proof: Proof,
    /// What it is for.
    pub purpose: Purpose,
}

/// The answer to a carried request. Dropping its body stops the other side.
#[derive(Debug)]
pub struct CarriedAnswer {
    /// HTTP status code.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; that of a watch streams.
    pub body: Body,
}

/// Why a carried request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarryError {
    /// No daemon of the region can be reached: nothing was sent. Told within 2 seconds.
    #[error("region {region} is out of reach: {why}")]
    Unreachable {
        /// The region.
        region: RegionName,
        /// What is known of the cause.
        why: String,
    },
    /// The request may have arrived: what it did is unknown.
    #[error("region {region} gave no answer: {why}")]
    Unknown {
        /// The region.
        region: RegionName,
        /// What is known of the cause.
        why: String,
    },
}

/// What the parent's home says to a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// The name is held for the id.
    Granted,
    /// Another workspace has or holds it.
    Taken {
        /// The other's logical cluster.
        by: ClusterId,
    },
    /// The parent does not exist (any more).
    ParentMissing,
    /// The parent is being deleted.
    ParentDeleting,
}

/// A group of the federation, as a place for workspaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionView {
    /// The region's name.
    pub region: RegionName,
    /// Its group.
    pub group: GroupId,
    /// What `spec.location.selector` is matched against: `region`, `survives`, `name`.
    pub labels: BTreeMap<String, String>,
    /// Whether a daemon of it can be reached now.
    pub reachable: bool,
    /// Whether it is this daemon's own.
    pub local: bool,
}

/// The federation, as the API needs it.
pub trait Federation: Send + Sync + 'static {
    /// This daemon's regional group.
    fn local(&self) -> &Arc<dyn Home>;

    /// All groups of the federation, this daemon's included.
    fn regions(&self) -> Vec<RegionView>;

    /// Carries a request to a daemon of the group and gives back its answer as soon as its head is there. The body of
    /// a watch streams; dropping it stops the other side.
    ///
    /// # Errors
    /// See [`CarryError`]; a group out of reach is told within 2 seconds.
    fn carry(&self, to: &GroupId, request: Carried) -> BoxFuture<'_, Result<CarriedAnswer, CarryError>>;

    /// Asks the parent's home to hold a child's name for a logical cluster that is about to be made elsewhere.
    ///
    /// # Errors
    /// See [`CarryError`].
    fn reserve_name(
        &self,
        at: &GroupId,
        parent: &ClusterId,
        name: &str,
        id: &ClusterId,
    ) -> BoxFuture<'_, Result<Reserved, CarryError>>;
}
