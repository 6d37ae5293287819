//! The sent form of a carried request's head and of its answer's head. The bodies are frames of their own.
//!
//! A head is one byte of version and then a postcard struct. What arrives comes from an authenticated peer, but is
//! checked like any input: every part has a limit, and a broken head is an error, never a panic.

use bytes::Bytes;
use hanse_base::id::ClusterId;

use crate::federation::{Carried, CarriedAnswer, Proof, Purpose, Secret};
use crate::limits::{CARRIED_HEAD_BYTES_MAX, REQUEST_BYTES_MAX, TARGET_BYTES_MAX};

/// Bytes that are no head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a carried head: {0}")]
pub struct HeadError(pub &'static str);

const VERSION: u8 = 1;
const METHOD_BYTES_MAX: usize = 16;
const HEADERS_MAX: usize = 32;
const HEADER_VALUE_BYTES_MAX: usize = 16 * 1024;
const CERTIFICATES_MAX: usize = 8;
const CERTIFICATE_BYTES_MAX: usize = 16 * 1024;

/// The forms of version 1. A later version is a module of its own beside it.
mod v1 {
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub(super) struct Head {
        pub(super) method: String,
        pub(super) target: String,
        pub(super) headers: Vec<(String, String)>,
        pub(super) proof: Proof,
        pub(super) purpose: Purpose,
    }

    #[derive(Serialize, Deserialize)]
    pub(super) enum Proof {
        Token(String),
        Certificate(Vec<Vec<u8>>),
        Anonymous,
    }

    #[derive(Serialize, Deserialize)]
    pub(super) enum Purpose {
        Plain,
        CreateWorkspace(String),
        /// Of earlier versions: the row's version.
        WriteWorkspace(Option<u64>),
        /// The workspace's id and the row's version.
        WriteRow(String, Option<u64>),
    }

    #[derive(Serialize, Deserialize)]
    pub(super) struct AnswerHead {
        pub(super) status: u16,
        pub(super) headers: Vec<(String, String)>,
    }
}

impl Carried {
    /// The head's bytes; the body follows in a frame of its own.
    ///
    /// # Errors
    /// A part is over its limit: the request cannot be carried.
    pub fn encode_head(&self) -> Result<Bytes, HeadError> {
        check_head(self)?;
        let head = v1::Head {
            method: self.method.clone(),
            target: self.target.clone(),
            headers: self.headers.clone(),
            proof: match &self.proof {
                Proof::Token(token) => v1::Proof::Token(token.expose().to_owned()),
                Proof::Certificate(chain) => v1::Proof::Certificate(chain.clone()),
                Proof::Anonymous => v1::Proof::Anonymous,
            },
            purpose: match &self.purpose {
                Purpose::Plain => v1::Purpose::Plain,
                Purpose::CreateWorkspace { id } => v1::Purpose::CreateWorkspace(id.to_string()),
                Purpose::WriteWorkspace { id: None, version } => v1::Purpose::WriteWorkspace(*version),
                Purpose::WriteWorkspace { id: Some(id), version } => v1::Purpose::WriteRow(id.to_string(), *version),
            },
        };
        encode(&head)
    }

    /// Joins a head's bytes and a body.
    ///
    /// # Errors
    /// The bytes are no head of a version that this daemon knows, or a part is over its limit.
    pub fn decode(head: &[u8], body: Bytes) -> Result<Self, HeadError> {
        let head: v1::Head = decode(head)?;
        let carried = Self {
            method: head.method,
            target: head.target,
            headers: head.headers,
            body,
            proof: match head.proof {
                v1::Proof::Token(token) => Proof::Token(Secret::new(&token)),
                v1::Proof::Certificate(chain) => Proof::Certificate(chain),
                v1::Proof::Anonymous => Proof::Anonymous,
            },
            purpose: match head.purpose {
                v1::Purpose::Plain => Purpose::Plain,
                v1::Purpose::CreateWorkspace(id) => Purpose::CreateWorkspace { id: cluster_id(&id)? },
                v1::Purpose::WriteWorkspace(version) => Purpose::WriteWorkspace { id: None, version },
                v1::Purpose::WriteRow(id, version) => Purpose::WriteWorkspace { id: Some(cluster_id(&id)?), version },
            },
        };
        check_head(&carried)?;
        Ok(carried)
    }
}

fn cluster_id(text: &str) -> Result<ClusterId, HeadError> {
    ClusterId::new(text).or(Err(HeadError("the id is not a logical cluster's")))
}

impl CarriedAnswer {
    /// The head's bytes; the body follows in chunks.
    ///
    /// # Errors
    /// The headers are over their limit.
    pub fn encode_head(&self) -> Result<Bytes, HeadError> {
        check_headers(&self.headers)?;
        encode(&v1::AnswerHead { status: self.status, headers: self.headers.clone() })
    }

    /// Joins a head's bytes and the body that follows.
    ///
    /// # Errors
    /// The bytes are no head of a version that this daemon knows.
    pub fn decode(head: &[u8], body: crate::body::Body) -> Result<Self, HeadError> {
        let head: v1::AnswerHead = decode(head)?;
        check_headers(&head.headers)?;
        if !(100..600).contains(&head.status) {
            return Err(HeadError("the status is not one of HTTP's"));
        }
        Ok(Self { status: head.status, headers: head.headers, body })
    }
}

fn encode(head: &impl serde::Serialize) -> Result<Bytes, HeadError> {
    let bytes = postcard::to_extend(head, vec![VERSION]).or(Err(HeadError("the head cannot be encoded")))?;
    if bytes.len() > CARRIED_HEAD_BYTES_MAX {
        return Err(HeadError("the head is too large"));
    }
    Ok(Bytes::from(bytes))
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, HeadError> {
    if bytes.len() > CARRIED_HEAD_BYTES_MAX {
        return Err(HeadError("the head is too large"));
    }
    let Some((&VERSION, rest)) = bytes.split_first() else {
        return Err(HeadError("the version is not known"));
    };
    let (head, rest) = postcard::take_from_bytes(rest).or(Err(HeadError("the head is malformed")))?;
    if rest.is_empty() { Ok(head) } else { Err(HeadError("something follows the head")) }
}

fn check_head(carried: &Carried) -> Result<(), HeadError> {
    if carried.method.len() > METHOD_BYTES_MAX {
        return Err(HeadError("the method is too long"));
    }
    if carried.target.len() > TARGET_BYTES_MAX {
        return Err(HeadError("the target is too long"));
    }
    if carried.body.len() > REQUEST_BYTES_MAX {
        return Err(HeadError("the body is too large"));
    }
    match &carried.proof {
        Proof::Token(token) if token.expose().len() > HEADER_VALUE_BYTES_MAX => Err(HeadError("the token is too long")),
        Proof::Certificate(chain)
            if chain.len() > CERTIFICATES_MAX || chain.iter().any(|der| der.len() > CERTIFICATE_BYTES_MAX) =>
        {
            Err(HeadError("the certificate chain is too long"))
        }
        _ => check_headers(&carried.headers),
    }
}

fn check_headers(headers: &[(String, String)]) -> Result<(), HeadError> {
    let too_long = |(name, value): &(String, String)| name.len() > 256 || value.len() > HEADER_VALUE_BYTES_MAX;
    if headers.len() > HEADERS_MAX || headers.iter().any(too_long) {
        return Err(HeadError("the headers are too large"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hanse_base::id::ClusterId;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use crate::body::Body;
    use crate::federation::{Carried, CarriedAnswer, Proof, Purpose, Secret};

    fn carried(proof: Proof, purpose: Purpose) -> Carried {
        Carried {
            method: "PATCH".into(),
            target: "/clusters/root/api/v1/namespaces/default?dryRun=All".into(),
            headers: vec![("accept".into(), "application/json".into())],
            body: Bytes::from_static(b"{}"),
            proof,
            purpose,
        }
    }

    #[test]
    fn a_request_arrives_as_it_was_sent() {
        let id = ClusterId::new("a1b2").unwrap();
        let proofs =
            [Proof::Anonymous, Proof::Token(Secret::new("secret")), Proof::Certificate(vec![vec![1, 2], vec![]])];
        let purposes = [
            Purpose::Plain,
            Purpose::CreateWorkspace { id: id.clone() },
            Purpose::WriteWorkspace { id: None, version: None },
            Purpose::WriteWorkspace { id: None, version: Some(u64::MAX) },
            Purpose::WriteWorkspace { id: Some(id), version: Some(1) },
        ];
        for proof in proofs {
            for purpose in &purposes {
                let sent = carried(proof.clone(), purpose.clone());
                assert_eq!(Carried::decode(&sent.encode_head().unwrap(), sent.body.clone()).unwrap(), sent);
            }
        }
    }

    #[test]
    fn a_head_of_another_version_or_over_a_limit_is_refused() {
        let good = carried(Proof::Anonymous, Purpose::Plain);
        let mut bytes = good.encode_head().unwrap().to_vec();
        bytes[0] = 2;
        assert!(Carried::decode(&bytes, Bytes::new()).is_err());
        let long = Carried { target: "x".repeat(17 * 1024), ..good.clone() };
        assert!(long.encode_head().is_err());
        let token = carried(Proof::Token(Secret::new(&"x".repeat(17 * 1024))), Purpose::Plain);
        assert!(token.encode_head().is_err());
        let large = Carried { body: Bytes::from(vec![0; 4 << 20]), ..good };
        assert!(large.encode_head().is_err());
    }

    #[test]
    fn a_token_is_not_shown() {
        let shown = format!("{:?}", carried(Proof::Token(Secret::new("hush")), Purpose::Plain));
        assert!(!shown.contains("hush"), "{shown}");
    }

    #[test]
    fn the_heads_bytes_do_not_change() {
        let golden = |purpose: &[u8]| {
            let head: &[u8] = &[1, 3, b'G', b'E', b'T', 2, b'/', b'a', 1, 1, b'b', 1, b'c', 0, 1, b't'];
            [head, purpose].concat()
        };
        let id = ClusterId::new("a1").unwrap();
        let purposes: [(Purpose, &[u8]); 2] = [
            (Purpose::WriteWorkspace { id: None, version: Some(3) }, &[2, 1, 3]),
            (Purpose::WriteWorkspace { id: Some(id), version: Some(3) }, &[3, 2, b'a', b'1', 1, 3]),
        ];
        for (purpose, bytes) in purposes {
            let head = carried(Proof::Token(Secret::new("t")), purpose);
            let head =
                Carried { method: "GET".into(), target: "/a".into(), headers: vec![("b".into(), "c".into())], ..head };
            assert_eq!(head.encode_head().unwrap().as_ref(), golden(bytes));
        }
    }

    proptest! {
        #[test]
        fn junk_is_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            drop(Carried::decode(&bytes, Bytes::new()));
            drop(CarriedAnswer::decode(&bytes, Body::empty()));
            let mut versioned = vec![1];
            versioned.extend_from_slice(&bytes);
            drop(Carried::decode(&versioned, Bytes::new()));
        }

        #[test]
        fn an_answers_head_arrives_as_it_was_sent(status in 100_u16..600, name in "[a-z-]{1,20}", value in ".{0,50}") {
            let sent = CarriedAnswer { status, headers: vec![(name, value)], body: Body::empty() };
            let came = CarriedAnswer::decode(&sent.encode_head().unwrap(), Body::empty()).unwrap();
            prop_assert_eq!((came.status, came.headers), (sent.status, sent.headers));
        }
    }
}
