//! `hanse token`: letting daemons join.

use std::io::{self, Write};
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::json;

use crate::client::{self, Client, ClientError};
use crate::members::duration;
use crate::table::{age, render};

/// What `hanse token` can do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Verb {
    /// Make a token: it lets one daemon join, once, and soon
    ///
    /// The token goes to the standard output, and nowhere else: its secret is kept as a hash. It names the federation and
    /// pins its root, so that who joins sends its secret to nobody else.
    #[command(after_help = "Examples:
  hanse token create                           a learner of the asked daemon's region, within 15 minutes
  hanse token create --role voter --ttl 1h     a voter, as soon as it has caught up
  hanse token create --new-region ap           the first daemon of a new region

On the new machine:
  hansed join --token TOKEN --name eu-2 --data-dir DIR --api-listen HOST:PORT --peers-listen HOST:PORT")]
    Create {
        /// What the daemon becomes
        #[arg(long, value_enum, default_value_t = Role::Learner)]
        role: Role,
        /// How long the token lives, at most 1h
        #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration)]
        ttl: Duration,
        /// Let it found this region, instead of joining the asked daemon's
        #[arg(long, value_name = "REGION")]
        new_region: Option<String>,
    },
    /// Show the tokens of the asked daemon's region
    List,
    /// Take a token back; who has joined by it stays
    #[command(after_help = "Example:\n  hanse token revoke k3v9x2ab")]
    Revoke {
        /// The token's id, as `hanse token list` shows it
        id: String,
    },
}

/// A member's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Follows without a vote
    Learner,
    /// Votes
    Voter,
}

#[derive(Debug, Deserialize)]
struct Tokens {
    now_ms: u64,
    tokens: Vec<Token>,
}

#[derive(Debug, Deserialize)]
struct Token {
    id: String,
    state: String,
    role: String,
    new_region: Option<String>,
    expires_ms: u64,
}

impl Token {
    fn row(&self, now_ms: u64) -> Vec<String> {
        let left = self.expires_ms.checked_sub(now_ms).filter(|_| self.state == "open");
        vec![
            self.id.clone(),
            self.state.clone(),
            self.role.clone(),
            self.new_region.clone().unwrap_or_else(|| "-".to_owned()),
            left.map_or_else(|| "-".to_owned(), age),
        ]
    }
}

/// `hanse token`.
///
/// # Errors
/// See [`ClientError`].
pub(crate) fn run(client: &Client, verb: &Verb, as_json: bool) -> Result<String, ClientError> {
    match verb {
        Verb::Create { role, ttl, new_region } => {
            // The first daemon of a region votes: there is nobody else.
            let is_voter = *role == Role::Voter || new_region.is_some();
            let role = if is_voter { "voter" } else { "learner" };
            let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
            let request = json!({"request": "grant", "role": role, "ttl_ms": ttl_ms, "new_region": new_region});
            let answer = client.ask(&request)?;
            if as_json {
                return Ok(format!("{answer:#}\n"));
            }
            let text = |field: &str| answer[field].as_str().unwrap_or("?").to_owned();
            let told =
                format!("token {} lets one {role} join region {} within {}\n", text("id"), text("region"), age(ttl_ms));
            // Nobody is left to tell when even this fails.
            drop(io::stderr().write_all(told.as_bytes()));
            Ok(format!("{}\n", text("token")))
        }
        Verb::List => {
            let answer = client.ask(&json!({"request": "tokens"}))?;
            let tokens: Tokens = client::read(&answer)?;
            let rows: Vec<Vec<String>> = tokens.tokens.iter().map(|token| token.row(tokens.now_ms)).collect();
            let table = render(&["ID", "STATE", "ROLE", "NEW-REGION", "ENDS-IN"], &rows);
            Ok(if as_json { format!("{answer:#}\n") } else { table })
        }
        Verb::Revoke { id } => {
            let answer = client.ask(&json!({"request": "revoke", "id": id}))?;
            Ok(if as_json { format!("{answer:#}\n") } else { format!("token {id} is revoked\n") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn only_an_open_token_has_time_left() {
        let token = |state: &str| Token {
            id: "a".into(),
            state: state.into(),
            role: "voter".into(),
            new_region: None,
            expires_ms: 60_000,
        };
        assert_eq!(token("open").row(0)[4], "60s");
        assert_eq!(token("used").row(0)[4], "-");
        assert_eq!(token("expired").row(70_000)[4], "-");
    }
}
