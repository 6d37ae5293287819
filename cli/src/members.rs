//! `hanse members` and `hanse drain`: who belongs to the federation, and changing it while looking on.

use std::io::{self, Write};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{self, Client, ClientError};
use crate::table::{age, render};

/// What `hanse members` can do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Verb {
    /// Show every daemon: what it is wanted to be, and what it is (as without a verb)
    List,
    /// Give a member a vote, once it has caught up
    #[command(after_help = "Example:\n  hanse members promote eu-4")]
    Promote {
        /// The member
        name: String,
        #[command(flatten)]
        patience: Patience,
    },
    /// Take a member's vote: it follows on without one
    ///
    /// A leader hands over first. Refused when the voters that are left and alive would be no majority.
    #[command(after_help = "Example:\n  hanse members demote eu-2")]
    Demote {
        /// The member
        name: String,
        #[command(flatten)]
        patience: Patience,
    },
    /// Remove a member for ever: its links are closed, and its identity is never let in again
    ///
    /// A leader hands over first. Refused when the voters that are left and alive would be no majority: says who has to
    /// come back, or go, before. A removed daemon comes back by joining anew, with an empty directory.
    #[command(after_help = "Examples:
  hanse members remove eu-2

Replace a machine that is lost:
  hanse members remove eu-2
  hanse token create --role voter       and on the new machine: hansed join --token ...")]
    Remove {
        /// The member
        name: String,
        #[command(flatten)]
        patience: Patience,
    },
    /// Let another voter lead the region
    #[command(after_help = "Examples:\n  hanse members transfer-leader\n  hanse members transfer-leader eu-3")]
    TransferLeader {
        /// The voter that shall lead; the one that is best up to date when it is left out
        name: Option<String>,
    },
}

/// How long a verb looks on.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct Patience {
    /// Return as soon as the change is decided, while the region still carries it out
    #[arg(long)]
    no_wait: bool,
    /// How long to look on: the change goes on afterwards
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration)]
    timeout: Duration,
}

/// `90s`, `15m`, `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: write for example 90s, 15m or 1h");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_error| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

/// The answer to `{"request":"members"}`.
#[derive(Debug, Deserialize)]
struct Members {
    asked: String,
    #[serde(default)]
    now_ms: u64,
    region: String,
    /// Who leads the asked daemon's region.
    leader: Option<String>,
    waits: Option<String>,
    members: Vec<Member>,
    #[serde(default)]
    leaving: Vec<Leaving>,
}

#[derive(Debug, Deserialize)]
struct Leaving {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Member {
    name: String,
    region: String,
    role: Option<String>,
    #[serde(default)]
    drained: bool,
    raft: Option<String>,
    reachable: bool,
    state: Option<String>,
    lag: Option<u64>,
    heard_ms: Option<u64>,
    address: String,
    certificate_end_ms: Option<u64>,
    error: Option<String>,
}

impl Members {
    fn fetch(client: &Client) -> Result<(Value, Self), ClientError> {
        let answer = client.ask(&json!({"request": "members"}))?;
        let members = client::read(&answer)?;
        Ok((answer, members))
    }

    fn member(&self, name: &str) -> Option<&Member> {
        let own = self.members.iter().find(|member| member.name == name && member.region == self.region);
        own.or_else(|| self.members.iter().find(|member| member.name == name))
    }

    fn table(&self) -> String {
        let mut rows: Vec<Vec<String>> = self.members.iter().map(|member| member.row(self.now_ms)).collect();
        let dash = || "-".to_owned();
        rows.extend(self.leaving.iter().map(|leaving| {
            vec![
                leaving.name.clone(),
                self.region.clone(),
                "removed".to_owned(),
                "leaving".to_owned(),
                dash(),
                dash(),
                dash(),
            ]
        }));
        let mut text = render(&["NAME", "REGION", "ROLE", "STATE", "LAG", "ADDRESS", "CERTIFICATE"], &rows);
        if let Some(why) = &self.waits {
            text.push_str(&format!("\nregion {} waits: {why}\n", self.region));
        }
        for member in &self.members {
            if let Some(error) = &member.error {
                text.push_str(&format!("\ndaemon {}: {error}\n", member.name));
            }
        }
        text
    }
}

impl Member {
    fn row(&self, now_ms: u64) -> Vec<String> {
        let role = match (&self.role, self.drained) {
            (Some(role), true) => format!("{role} (drained)"),
            (Some(role), false) => role.clone(),
            (None, _) => "-".to_owned(),
        };
        let lag = match (self.lag, self.state.as_deref()) {
            (_, Some("leader")) => "0".to_owned(),
            (Some(lag), _) if self.reachable => lag.to_string(),
            _ => "-".to_owned(),
        };
        let certificate = self.certificate_end_ms.map_or_else(
            || "-".to_owned(),
            |end| match end.checked_sub(now_ms) {
                Some(left) => age(left),
                None => "ended".to_owned(),
            },
        );
        vec![self.name.clone(), self.region.clone(), role, self.shown_state(), lag, self.address.clone(), certificate]
    }

    /// What it is, in a word or two.
    fn shown_state(&self) -> String {
        if !self.reachable {
            return match self.heard_ms {
                Some(ms) => format!("unreachable ({})", age(ms)),
                None => "unreachable".to_owned(),
            };
        }
        let state = self.state.clone().unwrap_or_else(|| "-".to_owned());
        let wants_vote = self.role.as_deref() == Some("voter") && !self.drained;
        match self.raft.as_deref() {
            Some("learner") if wants_vote => "catching up".to_owned(),
            None if self.role.is_some() && state == "learner" => "being added".to_owned(),
            Some("voter") if !wants_vote && self.role.is_some() => format!("{state} (losing its vote)"),
            _ => state,
        }
    }
}

/// `hanse members`.
///
/// # Errors
/// See [`ClientError`].
pub(crate) fn run(client: &Client, verb: Option<&Verb>, as_json: bool) -> Result<String, ClientError> {
    let (request, name, goal, patience) = match verb {
        None | Some(Verb::List) => {
            let (answer, members) = Members::fetch(client)?;
            return Ok(if as_json { format!("{answer:#}\n") } else { members.table() });
        }
        Some(Verb::TransferLeader { name }) => {
            let client = match name {
                Some(name) => home_of(client, name)?,
                None => client.clone(),
            };
            let answer = client.ask(&json!({"request": "transfer", "name": name}))?;
            let leader = answer["leader"].as_str().unwrap_or("?").to_owned();
            return Ok(if as_json { format!("{answer:#}\n") } else { format!("{leader} leads\n") });
        }
        Some(Verb::Promote { name, patience }) => ("promote", name, Goal::Votes, patience),
        Some(Verb::Demote { name, patience }) => ("demote", name, Goal::Follows, patience),
        Some(Verb::Remove { name, patience }) => ("remove", name, Goal::Gone, patience),
    };
    carry_out(client, &Order { request: json!({"request": request, "name": name}), name, goal, patience }, as_json)
}

/// `hanse drain`.
///
/// # Errors
/// See [`ClientError`].
pub(crate) fn drain(
    client: &Client,
    name: &str,
    undo: bool,
    patience: &Patience,
    as_json: bool,
) -> Result<String, ClientError> {
    let goal = if undo { Goal::Undrained } else { Goal::Follows };
    let request = json!({"request": "drain", "name": name, "undo": undo});
    carry_out(client, &Order { request, name, goal, patience }, as_json)
}

/// Something to be done to a member, and looked on at.
struct Order<'a> {
    request: Value,
    name: &'a str,
    goal: Goal,
    patience: &'a Patience,
}

/// When it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Votes,
    Follows,
    Undrained,
    Gone,
}

impl Goal {
    fn is_reached(self, members: &Members, name: &str) -> bool {
        let member = members.member(name);
        let raft = member.and_then(|member| member.raft.as_deref());
        let leads = member.is_some_and(|member| member.state.as_deref() == Some("leader"));
        match self {
            Self::Votes => raft == Some("voter"),
            Self::Follows => raft == Some("learner") && !leads,
            Self::Undrained => {
                let wants_vote = member.is_some_and(|member| member.role.as_deref() == Some("voter"));
                raft == Some(if wants_vote { "voter" } else { "learner" })
            }
            // Only a leader knows who is leaving.
            Self::Gone => {
                members.leader.is_some()
                    && member.is_none()
                    && !members.leaving.iter().any(|leaving| leaving.name == name)
            }
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Votes => "is a voter",
            Self::Follows => "follows without a vote, and nothing depends on it",
            Self::Undrained => "is back",
            Self::Gone => "has left",
        }
    }
}

fn carry_out(client: &Client, order: &Order<'_>, as_json: bool) -> Result<String, ClientError> {
    let Order { request, name, goal, patience } = order;
    let client = home_of(client, name)?;
    let decided = client.ask(request)?;
    if patience.no_wait {
        let text = format!("{name}: the change is decided, and under way: look at `hanse members`\n");
        return Ok(if as_json { format!("{decided:#}\n") } else { text });
    }
    let deadline = Instant::now() + patience.timeout;
    let mut said = String::new();
    loop {
        let look = Members::fetch(&client);
        if let Ok((_, members)) = &look
            && goal.is_reached(members, name)
        {
            let text = format!("{name} {}\n", goal.words());
            return Ok(if as_json { format!("{decided:#}\n") } else { text });
        }
        let progress = match &look {
            Ok((_, members)) => progress(members, name),
            // The daemon may be the one that goes.
            Err(error) => error.to_string(),
        };
        if progress != said {
            // Nobody is left to tell when even this fails.
            drop(writeln!(io::stderr(), "{name}: {progress}"));
            said = progress;
        }
        if Instant::now() >= deadline {
            return Err(ClientError::Refused(format!(
                "{name}: not within {} s ({said}): it goes on by itself: look at `hanse members`",
                patience.timeout.as_secs()
            )));
        }
        sleep(LOOK_EVERY);
    }
}

fn progress(members: &Members, name: &str) -> String {
    let waits = members.waits.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let Some(member) = members.member(name) else { return format!("leaving{waits}") };
    let lag = member.lag.filter(|lag| *lag > 0).map(|lag| format!(", {lag} entries behind")).unwrap_or_default();
    format!("{}{lag}{waits}", member.shown_state())
}

/// A client of daemons of the member's region, which alone can change it; of the given one, when there are no others.
fn home_of(client: &Client, name: &str) -> Result<Client, ClientError> {
    let (_, members) = Members::fetch(client)?;
    let Some(region) = members.member(name).map(|member| member.region.clone()) else { return Ok(client.clone()) };
    let neighbours = members.members.iter().filter(|member| member.region == region && member.reachable);
    // The one that is asked about last: it may be the one that goes.
    let mut names: Vec<&str> = neighbours.map(|member| &*member.name).collect();
    names.sort_by_key(|other| (*other == name, *other != members.asked));
    Ok(client.of_daemons(&names))
}

const LOOK_EVERY: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Goal, Members, duration, progress};

    fn members() -> Members {
        let member = |name: &str, role: &str, raft: Option<&str>, state: &str, lag: u64| {
            json!({"name": name, "region": "eu", "role": role, "raft": raft, "reachable": true, "state": state,
                   "lag": lag, "address": "127.0.0.1:1"})
        };
        let answer = json!({
            "asked": "eu-1", "region": "eu", "leader": "eu-1", "waits": "eu-3 is 900 entries behind",
            "members": [
                member("eu-1", "voter", Some("voter"), "leader", 0),
                member("eu-2", "learner", Some("learner"), "learner", 2),
                member("eu-3", "voter", Some("learner"), "learner", 900),
                {"name": "us-1", "region": "us", "role": "voter", "raft": null, "reachable": false, "state": null,
                 "address": "127.0.0.1:2", "error": "no link"},
            ],
            "leaving": [{"name": "eu-9", "daemon": 9}],
        });
        serde_json::from_value(answer).unwrap()
    }

    #[test]
    fn the_table_shows_what_is_wanted_and_what_is() {
        let table = members().table();
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["NAME", "REGION", "ROLE", "STATE", "LAG", "ADDRESS", "CERTIFICATE"]);
        assert_eq!(lines[1], ["eu-1", "eu", "voter", "leader", "0", "127.0.0.1:1", "-"]);
        assert_eq!(lines[3], ["eu-3", "eu", "voter", "catching", "up", "900", "127.0.0.1:1", "-"]);
        assert_eq!(lines[4], ["us-1", "us", "voter", "unreachable", "-", "127.0.0.1:2", "-"]);
        assert_eq!(lines[5][..4], ["eu-9", "eu", "removed", "leaving"]);
        assert!(table.contains("region eu waits: eu-3 is 900 entries behind"), "{table}");
    }

    #[test]
    fn a_verb_looks_on_until_its_goal_is_reached() {
        let members = members();
        let cases = [
            (Goal::Votes, "eu-1", true),
            (Goal::Votes, "eu-3", false),
            (Goal::Follows, "eu-2", true),
            (Goal::Follows, "eu-1", false),
            (Goal::Undrained, "eu-2", true),
            (Goal::Undrained, "eu-3", false),
            (Goal::Gone, "eu-1", false),
            (Goal::Gone, "eu-9", false),
            (Goal::Gone, "eu-8", true),
        ];
        for (goal, name, reached) in cases {
            assert_eq!(goal.is_reached(&members, name), reached, "{goal:?} {name}");
        }
        assert_eq!(progress(&members, "eu-3"), "catching up, 900 entries behind: eu-3 is 900 entries behind");
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("90s").unwrap().as_secs(), 90);
        assert_eq!(duration("15m").unwrap().as_secs(), 900);
        assert_eq!(duration("1h").unwrap().as_secs(), 3600);
        for wrong in ["", "5", "m", "-1s", "1d", "99999999999999999999h", "1\u{e9}"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
