//! Before a daemon with an empty data directory takes part: is it new, or has it lost its disk?
//!
//! A voter that has forgotten its votes could undo what was acknowledged, so it must never vote as its old self. Three
//! things tell: a mark beside the configuration that this daemon has run before; the other founders of its region, of whom
//! so many must be heard that one of any majority which this daemon may have been part of is among them; and other
//! regions, which hold documents of the group if it ever was. While it asks, it answers the same question of others: that
//! is how founders that start together find each other.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use hanse_base::id::DaemonId;
use hanse_base::net::BoxFuture;
use hanse_sync::lane::Lane;
use hanse_sync::mesh::{Incoming, Mesh};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::config::{Config, Member};
use crate::members::verbs::Question;
use crate::pki::{SECRET, write_file};

/// Why a daemon may not take part.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FoundingError {
    /// The mark says that it has run before.
    #[error(
        "{data} is empty, but this daemon has run before ({mark} says so): it has lost its disk and must not vote as its old \
         self; remove it (`hanse members remove {name}` at another daemon), and join anew with another directory \
         (`hanse token create`, `hansed join`)",
        data = data.display(), mark = mark.display()
    )]
    Lost {
        /// The data directory.
        data: PathBuf,
        /// The mark.
        mark: PathBuf,
        /// The daemon's name.
        name: String,
    },
    /// Another daemon knows the group.
    #[error(
        "{data} is empty, but {by} knows {name} as a part of its group: it has lost its disk and must not vote as its old \
         self; remove it (`hanse members remove {name}` at another daemon), and join anew with another directory \
         (`hanse token create`, `hansed join`); a region that has lost all its daemons is restored from a backup",
        data = data.display()
    )]
    Known {
        /// The data directory.
        data: PathBuf,
        /// The other daemon.
        by: String,
        /// The daemon's name.
        name: String,
    },
    /// The disk refuses.
    #[error("{path} cannot be used: {source}: correct the permissions", path = path.display())]
    Disk {
        /// The path.
        path: PathBuf,
        /// What the disk says.
        source: io::Error,
    },
}

/// What is answered to [`Question::Founding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Founding {
    /// Whether the asked daemon knows that the asker, or its group, has been there before.
    pub(crate) known: bool,
}

/// Returns when this daemon may take part. What peers open meanwhile is answered as far as it is this question, and
/// refused otherwise.
///
/// # Errors
/// See [`FoundingError`].
pub(crate) async fn clear(
    config: &Config,
    mesh: &Mesh,
    incoming: &mut mpsc::Receiver<Incoming>,
) -> Result<(), FoundingError> {
    let mark = config.path.with_file_name(MARK);
    if !is_empty(&config.data)? {
        return Ok(());
    }
    if mark.exists() {
        return Err(FoundingError::Lost { data: config.data.clone(), mark, name: config.own().name.clone() });
    }
    let mut asked_by = BTreeSet::new();
    let mut inquiry: BoxFuture<'_, Vec<(DaemonId, Founding)>> = Box::pin(inquire(config, mesh));
    let mut heard = None;
    let mut told = Instant::now();
    loop {
        tokio::select! {
            answers = &mut inquiry => {
                let left = judge(config, &answers, &asked_by)?;
                if left == 0 {
                    return Ok(());
                }
                if heard != Some(left) || told.elapsed() > TELL_EVERY {
                    let region = &config.region;
                    tracing::info!(%region, left, "waits for more daemons of the region before it takes part the first time");
                    (heard, told) = (Some(left), Instant::now());
                }
                inquiry = Box::pin(async { sleep(PAUSE).await; inquire(config, mesh).await });
            }
            Some(opened) = incoming.recv() => answer(opened, &mut asked_by).await,
        }
    }
}

/// Notes that this daemon has taken part. Without a place for it beside the configuration, the other daemons still know.
pub(crate) fn note(config: &Config) {
    let mark = config.path.with_file_name(MARK);
    let text = "This daemon has run. If its data directory is empty, it has lost its disk: see `hansed run`.\n";
    if !mark.exists()
        && let Err(error) = write_file(&mark, text.as_bytes(), SECRET)
    {
        tracing::debug!(%error, "no mark beside the configuration");
    }
}

/// What each other daemon said; nothing of those that did not.
async fn inquire(config: &Config, mesh: &Mesh) -> Vec<(DaemonId, Founding)> {
    let others = config.members.iter().filter(|member| member.daemon != config.daemon);
    let asked = others.map(|member| async move {
        let question = Question::Founding { group: config.region.to_string() };
        let request = Bytes::from(serde_json::to_vec(&question).ok()?);
        let answer = mesh.call(member.daemon, Lane::Status, request, ASK_MAX).await.ok()?;
        Some((member.daemon, serde_json::from_slice(&answer).ok()?))
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// How many more daemons of the own region must be heard. `asked_by` have asked the same of this daemon while it was empty:
/// they were empty, too, and what they know now has begun after that.
fn judge(
    config: &Config,
    answers: &[(DaemonId, Founding)],
    asked_by: &BTreeSet<DaemonId>,
) -> Result<usize, FoundingError> {
    for (daemon, Founding { known }) in answers {
        if *known && !asked_by.contains(daemon) {
            let by = config.member(*daemon).map_or_else(|| daemon.to_string(), |member| member.name.clone());
            let name = config.own().name.clone();
            return Err(FoundingError::Known { data: config.data.clone(), by, name });
        }
    }
    let own = |member: &&Member| member.region == config.region;
    let founders = config.members.iter().filter(own).count();
    let heard = answers.iter().filter(|(daemon, _)| config.member(*daemon).is_some_and(|member| own(&member))).count();
    // Any majority has this many others, or more: one of them is heard.
    let needed = if config.joined { 1 } else { founders - founders / 2 };
    Ok(needed.min(founders - 1).saturating_sub(heard))
}

async fn answer(opened: Incoming, asked_by: &mut BTreeSet<DaemonId>) {
    let Incoming { peer, lane, mut stream } = opened;
    if lane != Lane::Status {
        return stream.reset();
    }
    let question = match stream.read_frame(QUESTION_BYTES_MAX).await {
        Ok(Some(frame)) => serde_json::from_slice::<Question>(&frame).ok(),
        Ok(None) | Err(_) => None,
    };
    let Some(Question::Founding { .. }) = question else { return stream.reset() };
    asked_by.insert(peer.daemon);
    let text = serde_json::to_vec(&Founding { known: false }).unwrap_or_default();
    if let Err(error) = stream.answer(Bytes::from(text)).await {
        tracing::debug!(peer = %peer.daemon, %error, "an answer did not arrive");
    }
}

fn is_empty(data: &Path) -> Result<bool, FoundingError> {
    match fs::read_dir(data) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(source) => Err(FoundingError::Disk { path: data.to_owned(), source }),
    }
}

/// Beside the configuration.
const MARK: &str = "hansed.started";
/// How long another daemon may take for its answer.
const ASK_MAX: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);
const TELL_EVERY: Duration = Duration::from_secs(10);
const QUESTION_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hanse_base::id::DaemonId;

    use super::{Founding, judge};
    use crate::config::Config;
    use crate::testing::config;

    /// A region of so many founders, of which this daemon is the first, and one daemon elsewhere.
    fn region(founders: u64) -> Config {
        let mut config = config();
        let own = config.own().clone();
        for number in 1..founders {
            let mut member = own.clone();
            (member.daemon, member.name) = (DaemonId(100 + number), format!("eu-{}", number + 1));
            config.members.push(member);
        }
        config
    }

    fn left(config: &Config, answers: &[(u64, bool)], asked_by: &[u64]) -> Option<usize> {
        let answers: Vec<_> = answers.iter().map(|(id, known)| (DaemonId(*id), Founding { known: *known })).collect();
        judge(config, &answers, &asked_by.iter().copied().map(DaemonId).collect::<BTreeSet<_>>()).ok()
    }

    #[test]
    fn so_many_founders_are_heard_that_no_majority_is_missed() {
        let cases = [
            (1, &[][..], Some(0)),
            (1, &[(8, false)], Some(0)),
            (3, &[], Some(2)),
            (3, &[(101, false), (8, false)], Some(1)),
            (3, &[(101, false), (102, false)], Some(0)),
            (5, &[(101, false), (102, false)], Some(1)),
            (5, &[(101, false), (102, false), (104, false)], Some(0)),
        ];
        for (founders, answers, expected) in cases {
            assert_eq!(left(&region(founders), answers, &[]), expected, "{founders}: {answers:?}");
        }
    }

    #[test]
    fn one_who_knows_the_daemon_stops_it_unless_both_began_together() {
        assert_eq!(left(&region(1), &[(8, true)], &[]), None, "another region holds documents of the group");
        assert_eq!(left(&region(3), &[(101, true), (102, false)], &[102]), None);
        assert_eq!(left(&region(3), &[(101, true), (102, true)], &[101, 102]), Some(0));
        let mut joined = region(3);
        joined.joined = true;
        assert_eq!(left(&joined, &[], &[]), Some(1));
        assert_eq!(left(&joined, &[(101, false)], &[]), Some(0));
        assert_eq!(left(&joined, &[(101, true)], &[]), None);
    }
}
