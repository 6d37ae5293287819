//! Linearizable reads: many callers share one round to the leader.

use std::sync::Arc;
use std::time::Duration;

use hanse_base::id::LogIndex;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::error::ReadError;
use crate::frame::{Answer, Request};
use crate::replica::{Replica, Route};

/// A read that waits for the index of a round that begins after it.
pub(crate) type Waiter = oneshot::Sender<Result<LogIndex, ReadError>>;

/// Answers reads until the replica stops. A round serves those who came before it began, and only those: who comes
/// later must not be given an index that was read before.
pub(crate) async fn run(replica: Arc<Replica>, mut waiters: mpsc::Receiver<Waiter>) {
    let rounds_max = replica.config.limits.rounds_in_flight_max;
    let mut closing = replica.closing.subscribe();
    let mut rounds = JoinSet::new();
    loop {
        let has_room = rounds.len() < rounds_max;
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => break,
            Some(_ended) = rounds.join_next(), if !rounds.is_empty() => {}
            first = waiters.recv(), if has_room => {
                let Some(first) = first else { break };
                let mut batch = vec![first];
                while let Ok(waiter) = waiters.try_recv() {
                    batch.push(waiter);
                }
                let replica = replica.clone();
                rounds.spawn(async move {
                    let index = round(&replica).await;
                    // A caller that went away needs no answer.
                    batch.into_iter().for_each(|waiter| drop(waiter.send(index.clone())));
                });
            }
        }
    }
    waiters.close();
    while let Ok(waiter) = waiters.try_recv() {
        drop(waiter.send(Err(ReadError::ShuttingDown)));
    }
    while rounds.join_next().await.is_some() {}
}

async fn round(replica: &Replica) -> Result<LogIndex, ReadError> {
    let waited = replica.config.limits.leader_wait;
    let deadline = Instant::now() + waited;
    // A leader that cannot reach a majority says so after its lease at the latest.
    let wait = Duration::from_millis(replica.config.election_ms_max * 2);
    let mut known = replica.leadership.subscribe();
    loop {
        known.borrow_and_update();
        let index = match replica.route() {
            Route::Here => replica.leader_read_index().await,
            Route::There(leader) => match replica.links.ask(leader, &Request::ReadIndex, wait).await {
                Ok(Answer::ReadIndex(index)) => Some(LogIndex(index)),
                Ok(_) | Err(_) => None,
            },
            Route::Nowhere => None,
        };
        if let Some(index) = index {
            return Ok(index);
        }
        replica.went_astray();
        if !replica.may_retry(&mut known, deadline).await {
            return Err(if replica.is_closing() { ReadError::ShuttingDown } else { ReadError::NoLeader { waited } });
        }
    }
}
