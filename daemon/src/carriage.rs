//! Requests on their way to another region: which daemon is asked, how long it is tried, and what the failure means.
//!
//! A region is asked through whichever of its daemons can be reached: the one with the shortest round trip first, then
//! the others. As long as nothing was sent, the next daemon is tried; once a request may have arrived, only a request
//! that changes nothing is tried again. Everything until a request has left is bounded by [`REACH_MAX`].

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use hanse_api::body::{Body, BodyError};
use hanse_api::federation::{Carried, CarriedAnswer, CarryError, Reserved};
use hanse_api::limits::CARRIED_HEAD_BYTES_MAX;
use hanse_base::id::{DaemonId, GroupId, RegionName};
use hanse_sync::error::LinkError;
use hanse_sync::lane::Lane;
use hanse_sync::mesh::{LinkState, LinkStatus};
use hanse_sync::stream::{ReceiveHalf, Stream};
use hanse_sync::transport::Transport;
use tokio::time::{Instant, timeout_at};

use crate::config::{Config, region_of};
use crate::directory::Directories;
use crate::names::{self, Question};

/// The way to other regions.
#[derive(Clone)]
pub(crate) struct Carriage {
    mesh: Arc<dyn Transport>,
    config: Arc<Config>,
    directories: Directories,
}

/// How far one attempt has come.
enum Failure {
    /// Nothing has arrived.
    NotSent(String),
    /// The request may have arrived.
    Sent(String),
}

impl Carriage {
    /// Lays requests on the mesh.
    pub(crate) fn new(mesh: Arc<dyn Transport>, config: Arc<Config>, directories: Directories) -> Self {
        Self { mesh, config, directories }
    }

    /// Who belongs to the federation.
    pub(crate) fn directories(&self) -> &Directories {
        &self.directories
    }

    /// The links that the daemons are joined by.
    pub(crate) fn mesh(&self) -> &dyn Transport {
        &*self.mesh
    }

    /// Whether a daemon of the region has a link to this one.
    pub(crate) fn reaches(&self, region: &RegionName) -> bool {
        *region == self.config.region
            || self.mesh.links().iter().any(|link| link.peer.region == *region && is_connected(&link.state))
    }

    /// The region's daemons, nearest first: those with a link by round trip, then those being dialed, then the others.
    /// This daemon is not among them.
    pub(crate) fn nearest(&self, region: &RegionName, lane: Lane) -> Vec<DaemonId> {
        let mut links: Vec<LinkStatus> = self.mesh.links();
        links.retain(|link| link.peer.region == *region);
        links.sort_by_key(|link| rank(state_for(link, lane)));
        links.into_iter().map(|link| link.peer.daemon).collect()
    }

    /// See [`hanse_api::federation::Federation::carry`].
    pub(crate) async fn carry(&self, to: &GroupId, request: Carried) -> Result<CarriedAnswer, CarryError> {
        let region = region_of(to);
        let head = request.encode_head().map_err(|error| unreachable(&region, error.to_string()))?;
        let deadline = Instant::now() + REACH_MAX;
        let changes_nothing = matches!(request.method.as_str(), "GET" | "HEAD");
        let mut why = String::from("it has no other daemon");
        for daemon in self.nearest(&region, Lane::Carry) {
            match self.attempt(daemon, &head, &request, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::NotSent(reason)) => why = reason,
                Err(Failure::Sent(reason)) if changes_nothing => why = reason,
                Err(Failure::Sent(why)) => return Err(CarryError::Unknown { region, why }),
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        Err(unreachable(&region, why))
    }

    /// See [`hanse_api::federation::Federation::reserve_name`]. Asking twice for the same id is harmless, so every
    /// daemon of the region is tried.
    pub(crate) async fn reserve_name(&self, question: &Question) -> Result<Reserved, CarryError> {
        let region = region_of(&question.group);
        let request = question.encode();
        let deadline = Instant::now() + REACH_MAX;
        let mut failure = unreachable(&region, String::from("it has no other daemon"));
        for daemon in self.nearest(&region, Lane::Names) {
            let left = deadline.saturating_duration_since(Instant::now());
            failure = match self.mesh.call(daemon, Lane::Names, request.clone(), left).await {
                Ok(answer) => match names::decode_answer(&answer) {
                    Ok(Ok(reserved)) => return Ok(reserved),
                    Ok(Err(why)) => unreachable(&region, why),
                    Err(error) => unreachable(&region, error.to_string()),
                },
                Err(error) if error.nothing_done() => unreachable(&region, self.describe(daemon, &error)),
                Err(error) => CarryError::Unknown { region: region.clone(), why: self.describe(daemon, &error) },
            };
            if Instant::now() >= deadline {
                break;
            }
        }
        Err(failure)
    }

    /// A daemon's name.
    pub(crate) fn name(&self, daemon: DaemonId) -> String {
        let directory = self.directories.now();
        directory.member(daemon).map_or_else(|| "a daemon".to_owned(), |member| member.name.clone())
    }

    /// A failure in words for people, who know daemons by their names.
    fn describe(&self, daemon: DaemonId, error: &LinkError) -> String {
        let name = self.name(daemon);
        match error {
            LinkError::Unreachable { why, .. } | LinkError::Unanswered { why, .. } => format!("{name}: {why}"),
            LinkError::Refused { why, .. } => format!("{name}: {why}"),
            other => format!("{name}: {other}"),
        }
    }

    async fn attempt(
        &self,
        daemon: DaemonId,
        head: &bytes::Bytes,
        request: &Carried,
        deadline: Instant,
    ) -> Result<CarriedAnswer, Failure> {
        let late = |_elapsed| {
            Failure::NotSent(format!(
                "{}: it did not take the request within {} ms",
                self.name(daemon),
                REACH_MAX.as_millis()
            ))
        };
        let not_sent = |error: LinkError| Failure::NotSent(self.describe(daemon, &error));
        let opened = timeout_at(deadline, self.mesh.open(daemon, Lane::Carry)).await.map_err(late)?;
        let mut stream = opened.map_err(not_sent)?;
        // The home begins when the whole body is there, which is written last: a failed write has begun nothing.
        stream.write_frame(head.clone()).await.map_err(not_sent)?;
        stream.write_frame(request.body.clone()).await.map_err(not_sent)?;
        stream.finish().map_err(not_sent)?;
        let sent = |error: LinkError| {
            if error.nothing_done() { not_sent(error) } else { Failure::Sent(self.describe(daemon, &error)) }
        };
        read_answer(stream).await.map_err(|error| error.map_or_else(|| Failure::Sent("no answer".into()), sent))
    }
}

/// Waits for the answer's head, for as long as the link stands: the home bounds its own work, and a link on which
/// nothing is heard is closed within 2 seconds.
async fn read_answer(stream: Stream) -> Result<CarriedAnswer, Option<LinkError>> {
    let (_sent, mut receive) = stream.split();
    let head = receive.read_frame(CARRIED_HEAD_BYTES_MAX).await?.ok_or(None)?;
    CarriedAnswer::decode(&head, body(receive)).map_err(|error| Some(LinkError::Lost { why: error.to_string() }))
}

/// The rest of the stream as a body. Dropping it tells the home to stop.
fn body(receive: ReceiveHalf) -> Body {
    Body::stream(stream::unfold(Some(receive), |receive| async move {
        let mut receive = receive?;
        match receive.read_chunk().await {
            Ok(Some(chunk)) => Some((Ok(chunk), Some(receive))),
            Ok(None) => None,
            Err(error) => Some((Err(BodyError(error.to_string())), None)),
        }
    }))
}

fn unreachable(region: &RegionName, why: String) -> CarryError {
    CarryError::Unreachable { region: region.clone(), why }
}

fn state_for(link: &LinkStatus, lane: Lane) -> &LinkState {
    match lane.class() {
        hanse_sync::lane::Class::Control => &link.state,
        hanse_sync::lane::Class::Bulk => &link.bulk,
    }
}

fn rank(state: &LinkState) -> (u8, Duration) {
    match state {
        LinkState::Connected { rtt, .. } => (0, *rtt),
        LinkState::Dialing => (1, Duration::ZERO),
        LinkState::Down { .. } => (2, Duration::ZERO),
    }
}

/// Whether there is a link now.
pub(crate) fn is_connected(state: &LinkState) -> bool {
    matches!(state, LinkState::Connected { .. })
}

/// The longest time until a request has left, or the region is called out of reach.
const REACH_MAX: Duration = Duration::from_millis(1500);

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use hanse_sync::mesh::LinkState;

    use super::rank;

    #[test]
    fn the_nearest_daemon_with_a_link_is_asked_first() {
        let connected = |ms| LinkState::Connected { rtt: Duration::from_millis(ms), since: Instant::now() };
        let down = LinkState::Down { why: String::new(), not_a_member: false, since: Instant::now() };
        let mut states = [down, LinkState::Dialing, connected(80), connected(2)];
        states.sort_by_key(rank);
        assert_eq!(states.iter().map(|state| rank(state).0).collect::<Vec<_>>(), [0, 0, 1, 2]);
        assert_eq!(rank(&states[0]).1, Duration::from_millis(2));
    }
}
