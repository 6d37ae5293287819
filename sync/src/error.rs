//! What can go wrong on a link, and what the caller may do then.

use std::io;

use hanse_base::id::DaemonId;
use hanse_base::net::NetError;

use crate::identity::IdentityError;

/// Why an operation on a link or a stream failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No such peer is configured. Nothing was sent.
    #[error("daemon {0} is not a configured peer")]
    UnknownPeer(DaemonId),
    /// There is no link to the peer. Nothing was sent.
    #[error("daemon {daemon} is out of reach: {why}")]
    Unreachable {
        /// The peer.
        daemon: DaemonId,
        /// What the transport says.
        why: String,
    },
    /// The peer lets us in no longer: we were removed from the federation, or it has not heard of us yet. Nothing was sent.
    #[error("daemon {daemon} does not know us as a member of the federation: {why}")]
    NotAMember {
        /// The peer.
        daemon: DaemonId,
        /// What it says.
        why: String,
    },
    /// The peer did not take the stream, because it has too much to do or does not know the lane. It did nothing.
    #[error("daemon {daemon} did not take the stream: {why}")]
    Refused {
        /// The peer.
        daemon: DaemonId,
        /// Its reason.
        why: &'static str,
    },
    /// The request was sent, wholly or in part, and there is no answer: what it did is unknown.
    #[error("no answer from daemon {daemon}: {why}")]
    Unanswered {
        /// The peer.
        daemon: DaemonId,
        /// What the transport says.
        why: String,
    },
    /// A frame is longer than allowed. When writing, nothing of it was sent.
    #[error("a frame of {bytes} bytes is longer than the {bytes_max} allowed")]
    FrameTooLarge {
        /// Its length.
        bytes: usize,
        /// The longest allowed.
        bytes_max: usize,
    },
    /// The other end finished the stream within a frame.
    #[error("the stream ended within a frame")]
    Truncated,
    /// The other end gave the stream up, or wants no more of it.
    #[error("the other end hung up (code {code})")]
    HungUp {
        /// See [`crate::stream::code`].
        code: u64,
    },
    /// The link under the stream is gone.
    #[error("the link was lost: {why}")]
    Lost {
        /// What the transport says.
        why: String,
    },
    /// This side has finished or given up the stream before.
    #[error("the stream was ended on this side")]
    Closed,
    /// The mesh is being shut down. Nothing was sent.
    #[error("the mesh is shut down")]
    ShutDown,
}

impl LinkError {
    /// Whether it is certain that the peer did nothing, so that the caller can try again elsewhere.
    #[must_use]
    pub const fn nothing_done(&self) -> bool {
        matches!(
            self,
            Self::UnknownPeer(_)
                | Self::Unreachable { .. }
                | Self::NotAMember { .. }
                | Self::Refused { .. }
                | Self::FrameTooLarge { .. }
                | Self::ShutDown
        )
    }

    /// The same failure, seen by someone who has sent a request on the stream.
    pub(crate) fn after_sending(self, daemon: DaemonId) -> Self {
        match self {
            Self::Refused { .. } | Self::Unanswered { .. } => self,
            other => Self::Unanswered { daemon, why: other.to_string() },
        }
    }

    /// What Raft's seam makes of the failure.
    pub(crate) fn for_net(self, daemon: DaemonId) -> NetError {
        let nothing_done = self.nothing_done();
        let why = match self {
            Self::Unreachable { why, .. } | Self::Unanswered { why, .. } => why,
            Self::Refused { why, .. } => why.to_owned(),
            other => other.to_string(),
        };
        if nothing_done { NetError::Unreachable { daemon, why } } else { NetError::Unanswered { daemon, why } }
    }
}

/// Why a mesh cannot start.
#[derive(Debug, thiserror::Error)]
pub enum MeshError {
    /// The configuration contradicts itself.
    #[error("the mesh cannot start: {0}")]
    Config(&'static str),
    /// Our own certificate does not say who we are.
    #[error("our own certificate: {0}")]
    Identity(#[from] IdentityError),
    /// Our key, certificate or roots cannot be used.
    #[error("our own keys cannot be used: {0}")]
    Tls(String),
    /// The socket cannot be opened.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// The operating system's reason.
        source: io::Error,
    },
}
