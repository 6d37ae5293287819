//! Ids, epochs and counters. Each is a newtype, so that two numbers in one signature cannot change places.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A text is not a valid id; says which rule it breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {text:?} is not valid: {rule}")]
pub struct IdError {
    /// What the text was meant to be, for example `region`.
    pub kind: &'static str,
    /// The text as it came, cut to 80 characters.
    pub text: String,
    /// The rule in words.
    pub rule: &'static str,
}

impl IdError {
    fn new(kind: &'static str, text: &str, rule: &'static str) -> Self {
        Self { kind, text: text.chars().take(80).collect(), rule }
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:path, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text against the grammar.
            ///
            /// # Errors
            /// The text breaks the grammar.
            pub fn new(text: &str) -> Result<Self, IdError> {
                if $check(text) { Ok(Self(Arc::from(text))) } else { Err(IdError::new($kind, text, $rule)) }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        // Equal, ordered and hashed as its text is, so that a map by id is asked with a text.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

text_id!(
    /// Id of a logical cluster: what stands behind `/clusters/` in a URL and in the annotation `kcp.io/cluster`.
    /// `root`, or 16 generated characters, or a `system:` name. Never a path.
    ClusterId,
    "logical cluster",
    is_cluster_id,
    "must be lower case letters, digits and '-', at most 63 characters, and begin and end with a letter or digit"
);

text_id!(
    /// Name of a region of the federation, for example `eu`.
    RegionName,
    "region",
    is_segment,
    "must be lower case letters, digits and '-', at most 63 characters, and begin and end with a letter or digit"
);

text_id!(
    /// Id of a Raft group. A region starts with one group, which has the region's name.
    GroupId,
    "group",
    is_segment,
    "must be lower case letters, digits and '-', at most 63 characters, and begin and end with a letter or digit"
);

number_id!(
    /// One replica for ever: minted when a daemon's data directory is made, never configured twice, never used again.
    DaemonId
);
number_id!(
    /// One increasing counter for each group; Kubernetes' `resourceVersion`. Each event has a revision of its own.
    Revision
);
number_id!(
    /// How often a logical cluster has changed its owner: the fencing number.
    Epoch
);
number_id!(
    /// Position in a group's Raft log.
    LogIndex
);
number_id!(
    /// Raft term.
    Term
);

impl Revision {
    /// The revision after this one.
    ///
    /// # Panics
    /// After 2^64 - 1 revisions, which no group reaches.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("a group does not live for 2^64 revisions"))
    }
}

/// Whether the text is one segment of a workspace path: `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`.
#[must_use]
pub fn is_segment(text: &str) -> bool {
    let bytes = text.as_bytes();
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    matches!(bytes.len(), 1..=63)
        && bytes.iter().all(|b| alphanumeric(b) || *b == b'-')
        && bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
}

fn is_cluster_id(text: &str) -> bool {
    text.strip_prefix("system:").map_or_else(|| is_segment(text), |rest| rest.split(':').all(is_segment))
}

#[cfg(test)]
mod tests {
    use super::{ClusterId, RegionName};

    #[test]
    fn cluster_ids_follow_the_grammar_of_kcp() {
        for good in ["root", "a", "2a3xe0w4ccbkyd01", "system:admin", &"a".repeat(63)] {
            assert!(ClusterId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a:b", "*", "system:", "a/b", "a\0b", "ä", &"a".repeat(64)] {
            assert!(ClusterId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_stored_id_is_checked_when_it_is_read() {
        assert!(RegionName::try_from("EU".to_owned()).is_err());
        assert!(RegionName::try_from("eu".to_owned()).is_ok());
    }
}
