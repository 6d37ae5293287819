//! Tokens to join by, as they are written down: who lets whom in, where, and what the federation's root is.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_base::random::Random;
use hanse_store::roster::MembershipChange;
use hanse_store::token::{TOKEN_MS_MAX, Token};
use hanse_store::txn::{Outcome, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::admin::Role;
use crate::keys;
use crate::members::verbs::Verbs;

/// What a token says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invitation {
    /// The federation.
    pub(crate) federation: String,
    /// Id of the token.
    pub(crate) id: String,
    /// Its secret.
    pub(crate) secret: [u8; 32],
    /// SHA-256 of the root's certificate in DER.
    pub(crate) root_sha256: [u8; 32],
    /// The region that lets in.
    pub(crate) region: String,
    /// The region to be founded; otherwise its bearer joins the region above.
    pub(crate) new_region: Option<String>,
    /// Where to ask.
    pub(crate) addresses: Vec<SocketAddr>,
}

/// A text is no token of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no token of `hanse token create`: copy the whole line, or create a new one")]
pub(crate) struct InvitationError;

impl Invitation {
    /// The token as a text without spaces.
    ///
    /// # Panics
    /// Never: texts can be written to memory.
    pub(crate) fn encode(&self) -> String {
        let bytes = postcard::to_extend(self, vec![VERSION]).expect("texts can be written to memory");
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn decode(text: &str) -> Result<Self, InvitationError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(InvitationError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).or(Err(InvitationError))?;
        let Some((&VERSION, rest)) = bytes.split_first() else { return Err(InvitationError) };
        match postcard::take_from_bytes::<Self>(rest) {
            Ok((invitation, [])) if invitation.addresses.len() <= ADDRESSES_MAX => Ok(invitation),
            _ => Err(InvitationError),
        }
    }
}

/// What a token is wanted for.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    /// What its bearer becomes.
    pub(crate) role: Role,
    /// How long it lives.
    pub(crate) ttl_ms: u64,
    /// The region that its bearer founds.
    pub(crate) new_region: Option<hanse_base::id::RegionName>,
}

impl Verbs {
    /// Makes a token.
    ///
    /// # Errors
    /// One line that says why not, and what to do.
    pub(crate) async fn grant(&self, grant: Grant, random: &Arc<dyn Random>) -> Result<Value, String> {
        let Grant { role, ttl_ms, new_region } = grant;
        if ttl_ms == 0 || ttl_ms > TOKEN_MS_MAX {
            return Err(format!("a token lives for at most {} minutes: give a shorter --ttl", TOKEN_MS_MAX / 60_000));
        }
        let mut secret = [0; 32];
        random.fill(&mut secret);
        let id = random.text(b"abcdefghijkmnpqrstuvwxyz23456789", ID_CHARACTERS);
        let expires_ms = self.clock.wall_ms() + ttl_ms;
        let token = Token {
            id: id.clone(),
            secret_hash: Sha256::digest(secret).into(),
            expires_ms,
            role: role.into(),
            new_region: new_region.clone(),
            redeemed: None,
        };
        let root = keys::root_sha256(&self.config).map_err(|error| error.to_string())?;
        match self.change(MembershipChange::GrantToken(token)).await? {
            Outcome::Done { .. } => {}
            Outcome::Refused(refusal) => return Err(refusal.to_string()),
        }
        let directory = self.carriage.directories().now();
        let own = |member: &&crate::config::Member| member.region == self.config.region;
        let mut addresses: Vec<SocketAddr> = directory.members.iter().filter(own).map(|member| member.peers).collect();
        // Who makes the token is there: it is asked first.
        addresses.sort_by_key(|address| *address != self.config.own().peers);
        addresses.truncate(ADDRESSES_MAX);
        let invitation = Invitation {
            federation: self.config.federation.clone(),
            id: id.clone(),
            secret,
            root_sha256: root,
            region: self.config.region.to_string(),
            new_region: new_region.as_ref().map(ToString::to_string),
            addresses,
        };
        tracing::info!(
            id,
            ?role,
            new_region = new_region.as_ref().map(|region| region.as_str()),
            "an administrator made a token"
        );
        Ok(json!({
            "id": id,
            "token": invitation.encode(),
            "expires_ms": expires_ms,
            "role": role,
            "region": new_region.as_ref().unwrap_or(&self.config.region),
            "new_region": new_region.is_some(),
        }))
    }

    /// All tokens; their secrets nobody knows any more.
    pub(crate) fn tokens(&self) -> Value {
        let view = self.home.view();
        let now_ms = self.clock.wall_ms();
        let tokens = view.membership().tokens().map(|token| {
            let state = match token.redeemed {
                Some(_) => "used",
                None if token.expires_ms <= now_ms => "expired",
                None => "open",
            };
            json!({
                "id": token.id,
                "state": state,
                "role": Role::of(token.role),
                "new_region": token.new_region,
                "expires_ms": token.expires_ms,
                "daemon": token.redeemed.map(|redeemed| redeemed.daemon),
            })
        });
        json!({"now_ms": now_ms, "tokens": tokens.collect::<Vec<_>>()})
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// As for [`Verbs::grant`].
    pub(crate) async fn revoke(&self, id: &str) -> Result<Value, String> {
        match self.change(MembershipChange::RevokeToken { id: id.to_owned() }).await? {
            Outcome::Done { .. } => Ok(json!({"id": id, "changed": true})),
            Outcome::Refused(Refusal::Missing { .. }) => {
                Err(format!("there is no token {id}: look at `hanse token list`"))
            }
            Outcome::Refused(refusal) => Err(refusal.to_string()),
        }
    }
}

const VERSION: u8 = 1;
/// Daemons that a token names.
const ADDRESSES_MAX: usize = 5;
const TEXT_BYTES_MAX: usize = 2048;
const ID_CHARACTERS: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::Invitation;

    fn invitation() -> Invitation {
        Invitation {
            federation: "a1b2c3d4".into(),
            id: "abc".into(),
            secret: [1; 32],
            root_sha256: [2; 32],
            region: "eu".into(),
            new_region: Some("ap".into()),
            addresses: vec!["127.0.0.1:6444".parse().unwrap(), "[::1]:6444".parse().unwrap()],
        }
    }

    #[test]
    fn a_token_reads_back_as_it_was_written_and_nothing_else_is_one() {
        let text = invitation().encode();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
        assert!(Invitation::decode(&format!(" {text}\n")).is_ok_and(|read| read == invitation()));
        for wrong in ["", "x", &text[1..], &text[..text.len() - 3], &format!("{text}AAAA"), &"A".repeat(4096)] {
            assert!(Invitation::decode(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            drop(Invitation::decode(&text));
            let encoded = base64::Engine::encode(&super::URL_SAFE_NO_PAD, [&[super::VERSION], &bytes[..]].concat());
            if let Ok(read) = Invitation::decode(&encoded) {
                assert!(Invitation::decode(&read.encode()).is_ok_and(|again| again == read));
            }
        }
    }
}
