//! Tokens to join by: short-lived, for one key, kept as hashes.

use hanse_base::id::{DaemonId, RegionName};
use serde::{Deserialize, Serialize};

use crate::roster::MemberRole;
use crate::txn::Refusal;

/// Tokens that a group holds at a time.
pub const TOKENS_MAX: usize = 64;
/// The longest life of a token.
pub const TOKEN_MS_MAX: u64 = 3_600_000;

/// Lets the bearer of a secret join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// What it is called by; no secret.
    pub id: String,
    /// SHA-256 of its secret.
    pub secret_hash: [u8; 32],
    /// When it ends, by the clock of transactions.
    pub expires_ms: u64,
    /// The role that its bearer gets.
    pub role: MemberRole,
    /// The region that its bearer founds; otherwise it joins the group's own.
    pub new_region: Option<RegionName>,
    /// Who has redeemed it.
    pub redeemed: Option<Redeemed>,
}

/// Who has redeemed a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeemed {
    /// SHA-256 of its public key.
    pub key: [u8; 32],
    /// The daemon that it became.
    pub daemon: DaemonId,
    /// When.
    pub at_ms: u64,
}

impl Token {
    /// Whether it is held no longer. One that was redeemed stays as long again, so that a joiner that was interrupted gets
    /// its answer.
    pub(crate) fn is_stale(&self, time_ms: u64) -> bool {
        time_ms >= self.expires_ms.saturating_add(if self.redeemed.is_some() { TOKEN_MS_MAX } else { 0 })
    }

    pub(crate) fn may_be_granted(&self, held: usize, time_ms: u64) -> Result<(), Refusal> {
        let forbidden = |why: String| Err(Refusal::Forbidden { why });
        if held >= TOKENS_MAX {
            return forbidden(format!(
                "there are {TOKENS_MAX} tokens already: revoke some, or wait until some have ended"
            ));
        }
        if self.expires_ms <= time_ms || self.expires_ms - time_ms > TOKEN_MS_MAX {
            return forbidden(format!("a token lives for at most {} minutes", TOKEN_MS_MAX / 60_000));
        }
        if self.redeemed.is_some() {
            return forbidden("a new token has not been redeemed".to_owned());
        }
        self.sound(&self.id)
    }

    pub(crate) fn sound(&self, id: &str) -> Result<(), Refusal> {
        let is_id = (1..=ID_BYTES_MAX).contains(&self.id.len()) && self.id.bytes().all(|b| b.is_ascii_alphanumeric());
        if self.id == id && is_id {
            return Ok(());
        }
        Err(Refusal::Forbidden { why: "the token's id is none".to_owned() })
    }

    /// Notes who redeems it. False when this key has done so before.
    pub(crate) fn redeem(
        &mut self,
        secret_hash: [u8; 32],
        key: [u8; 32],
        (daemon, time_ms): (DaemonId, u64),
    ) -> Result<bool, Refusal> {
        let forbidden = |why: &str| Err(Refusal::Forbidden { why: why.to_owned() });
        // Hashes are compared: how long it takes tells nothing about the secret.
        if self.secret_hash != secret_hash {
            return forbidden("the token's secret is wrong");
        }
        match self.redeemed {
            Some(redeemed) if redeemed.key == key => Ok(false),
            Some(_) => forbidden("the token has been used by another daemon: create a new one"),
            None if time_ms >= self.expires_ms => forbidden("the token has expired: create a new one"),
            None => {
                self.redeemed = Some(Redeemed { key, daemon, at_ms: time_ms });
                Ok(true)
            }
        }
    }
}

const ID_BYTES_MAX: usize = 32;
