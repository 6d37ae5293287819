//! Proposals: the commands of many callers go into few entries, on the leader or by way of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hanse_base::id::{DaemonId, LogIndex};
use hanse_base::mutant::Mutant;
use hanse_base::net::NetError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::consensus::Commands;
use crate::error::ProposeError;
use crate::frame::{Answer, Request};
use crate::replica::{Attempt, Replica, Route};

/// A command that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// Index of the entry that held it, perhaps with others.
    pub index: LogIndex,
    /// What the state machine answered.
    pub outcome: Bytes,
}

/// A command that waits to be put into an entry.
pub(crate) struct Proposal {
    pub(crate) command: Bytes,
    pub(crate) answer: oneshot::Sender<Result<Proposed, ProposeError>>,
}

/// Puts proposals into entries until the replica stops. While as many entries are on their way as are allowed, what
/// arrives waits, and goes into the next one together.
pub(crate) async fn run(replica: Arc<Replica>, mut proposals: mpsc::Receiver<Proposal>) {
    let limits = replica.config.limits.clone();
    let mut closing = replica.closing.subscribe();
    let mut flights = JoinSet::new();
    let mut held = None;
    loop {
        let has_room = flights.len() < limits.batches_in_flight_max;
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => break,
            Some(_landed) = flights.join_next(), if !flights.is_empty() => {}
            first = next(&mut held, &mut proposals), if has_room => {
                let Some(first) = first else { break };
                let batch = fill(first, &mut held, &mut proposals, limits.batch_commands_max, limits.batch_bytes_max);
                flights.spawn(fly(replica.clone(), batch));
            }
        }
    }
    proposals.close();
    let mut waiting: Vec<_> = held.into_iter().collect();
    while let Ok(proposal) = proposals.try_recv() {
        waiting.push(proposal);
    }
    for proposal in waiting {
        // A caller that went away needs no answer, here and below.
        drop(proposal.answer.send(Err(ProposeError::ShuttingDown)));
    }
    while flights.join_next().await.is_some() {}
}

async fn next(held: &mut Option<Proposal>, proposals: &mut mpsc::Receiver<Proposal>) -> Option<Proposal> {
    match held.take() {
        Some(proposal) => Some(proposal),
        None => proposals.recv().await,
    }
}

/// Takes what waits already, up to the limits. What does not fit is held for the next batch.
fn fill(
    first: Proposal,
    held: &mut Option<Proposal>,
    proposals: &mut mpsc::Receiver<Proposal>,
    commands_max: usize,
    bytes_max: usize,
) -> Vec<Proposal> {
    let mut bytes = first.command.len();
    let mut batch = vec![first];
    while batch.len() < commands_max
        && let Ok(proposal) = proposals.try_recv()
    {
        bytes += proposal.command.len();
        if bytes > bytes_max {
            *held = Some(proposal);
            break;
        }
        batch.push(proposal);
    }
    batch
}

/// Brings one batch to the leader and its outcomes back.
async fn fly(replica: Arc<Replica>, batch: Vec<Proposal>) {
    let (commands, answers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|proposal| (proposal.command, proposal.answer)).unzip();
    match send(&replica, commands.into()).await {
        Ok((index, outcomes)) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                drop(answer.send(Ok(Proposed { index, outcome })));
            }
        }
        Err(error) => answers.into_iter().for_each(|answer| drop(answer.send(Err(error.clone())))),
    }
}

/// Tries until the batch is applied, or nothing more can be known about it, or no leader was found in time.
async fn send(replica: &Replica, commands: Commands) -> Result<(LogIndex, Vec<Bytes>), ProposeError> {
    let waited = replica.config.limits.leader_wait;
    let deadline = Instant::now() + waited;
    let mut known = replica.leadership.subscribe();
    loop {
        known.borrow_and_update();
        if let Some(hindrance) = replica.hindrance() {
            return Err(hindrance);
        }
        let attempt = match replica.route() {
            Route::Here => replica.write(commands.clone()).await,
            Route::There(leader) => forward(replica, leader, &commands).await,
            Route::Nowhere => Attempt::Again,
        };
        match attempt {
            Attempt::Done { index, outcomes } if outcomes.len() == commands.0.len() => {
                return Ok((LogIndex(index), outcomes));
            }
            Attempt::Done { .. } => {
                return Err(ProposeError::Unknown {
                    why: "the leader answered for another number of commands".to_owned(),
                });
            }
            Attempt::Unknown(why) => return Err(ProposeError::Unknown { why }),
            Attempt::Again => replica.went_astray(),
        }
        if !replica.may_retry(&mut known, deadline).await {
            return Err(if replica.is_closing() {
                ProposeError::ShuttingDown
            } else {
                ProposeError::NoLeader { waited }
            });
        }
    }
}

/// Ends when another daemon than this leader has led for two heartbeats: time enough for a former leader that lives to
/// answer. One that is dead is noticed by its link much later, and until then would hold batches that others wait behind.
async fn replaced(replica: &Replica, leader: DaemonId) {
    let mut known = replica.leadership.subscribe();
    // An error means that the replica is gone.
    drop(known.wait_for(|known| known.leader.is_some_and(|now| now != leader)).await);
    tokio::time::sleep(Duration::from_millis(replica.config.heartbeat_ms * 2)).await;
}

async fn forward(replica: &Replica, leader: DaemonId, commands: &Commands) -> Attempt {
    let request = Request::Forward(commands.0.to_vec());
    // The leader answers within its own wait; the way takes a little longer.
    let wait = replica.config.limits.outcome_wait + replica.links.append_wait;
    let answer = tokio::select! {
        biased;
        answer = replica.unless_closing(replica.links.ask(leader, &request, wait)) => answer,
        () = replaced(replica, leader) => {
            return Attempt::Unknown(format!("another daemon leads now, and {leader} does not answer"));
        }
    };
    let Some(answer) = answer else { return Attempt::Unknown("this replica stopped on the way".to_owned()) };
    match answer {
        Ok(Answer::Applied { index, outcomes }) => Attempt::Done { index, outcomes },
        Ok(Answer::Refused(refusal, why)) => {
            tracing::debug!(%leader, ?refusal, why, "a forwarded batch was refused");
            Attempt::Again
        }
        Ok(Answer::Unknown(why)) => Attempt::Unknown(why),
        Ok(_) => Attempt::Unknown("the leader gave an answer that does not fit".to_owned()),
        Err(NetError::Unreachable { .. }) => Attempt::Again,
        Err(NetError::Unanswered { .. }) if Mutant::ForwardTwice.lives() => Attempt::Again,
        Err(error @ NetError::Unanswered { .. }) => Attempt::Unknown(error.to_string()),
    }
}
