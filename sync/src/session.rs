//! The pull session: follows the changes of a group at a peer that holds them, by cursor.
//!
//! ```text
//!   puller                                   source
//!   Hello { group, cursor, .. }  ────▶
//!                                ◀────       Notice                     (if the puller holds an older one; again when it changes)
//!                                ◀────       Changes, Changes, ...      (bounded batches, back pressure by QUIC)
//!                                ◀────       CaughtUp { heads }         (whenever all is sent)
//!   Heartbeat every second       ────▶
//!                                ◀────       Heartbeat every second, Changes as they come, ...
//! ```
//!
//! A session keeps no state that outlives it: after any error the puller begins another one from the cursor of what it
//! holds durably. A side that hears nothing for [`Beat::silence_max`] gives up.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hanse_base::id::GroupId;
use hanse_base::net::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::cursor::{Changes, Cursor, Gap, Position};
use crate::error::LinkError;
use crate::message::{MESSAGE_BYTES_MAX, Message, MessageError, Notice, Refusal};
use crate::stream::{ReceiveHalf, SendHalf, Stream};

/// Where a source's changes come from.
pub trait ChangeSource: Send + Sync {
    /// What follows the cursor. Changes must be the next ones of one document, at least one, and within
    /// [`crate::message`]'s limits (`CHANGES_MAX`, `BATCH_BYTES_MAX`, `CHANGE_BYTES_MAX`). Must not block.
    fn changes_after(&self, cursor: &Cursor) -> Batch;

    /// What the source's region says of itself, if its version is later than the one that the puller holds. Must not block.
    fn notice_after(&self, version: u64) -> Option<Notice>;

    /// Completes when there is something after the cursor, or a notice after the version; at once when there is already.
    /// May complete without reason.
    fn more<'a>(&'a self, cursor: &'a Cursor, notice: u64) -> BoxFuture<'a, ()>;
}

/// What follows a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Batch {
    /// The next changes of one document.
    Changes(Changes),
    /// Nothing.
    CaughtUp {
        /// Up to where changes exist, in the order of the documents, at most `POSITIONS_MAX`.
        heads: Vec<Position>,
    },
}

/// How often each side says that it is there, and how long it waits for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// Between two heartbeats.
    pub interval: Duration,
    /// The longest time without a byte from the other side.
    pub silence_max: Duration,
}

impl Default for Beat {
    fn default() -> Self {
        Self { interval: Duration::from_secs(1), silence_max: Duration::from_secs(3) }
    }
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The stream failed. Begin again.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The other side ended the session. Begin again.
    #[error("the other side ended the session")]
    Ended,
    /// Nothing was heard from the other side. Begin again.
    #[error("nothing heard for {0:?}")]
    Silent(Duration),
    /// The source does not serve this session. Ask another one, or later.
    #[error("the source refused: {0:?}")]
    Refused(Refusal),
    /// The other side sent what cannot be read, or our own side gave what cannot be sent: a fault in a program.
    #[error("a message cannot be used: {0}")]
    Message(#[from] MessageError),
    /// The source's changes do not follow the cursor: a fault in its program.
    #[error(transparent)]
    Gap(#[from] Gap),
    /// The other side sent a message that has no place here: a fault in its program.
    #[error("a message out of place")]
    OutOfPlace,
}

/// The puller's side of a session.
#[derive(Debug)]
pub struct Puller {
    inbox: Inbox,
    cursor: Cursor,
    notice: u64,
    /// Sends heartbeats, also while the caller is busy with a batch. Ends with the puller.
    heart: JoinSet<()>,
}

/// What a puller is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pulled {
    /// The next changes, checked to follow those before.
    Changes(Changes),
    /// Everything that there was has been given.
    CaughtUp {
        /// Up to where changes exist.
        heads: Vec<Position>,
    },
    /// What the source's region says of itself, later than all before.
    Notice(Notice),
}

impl Puller {
    /// Begins a session on a stream just opened: asks for the changes of a group after the cursor, and for its region's
    /// notice if it is later than this version (0: any).
    ///
    /// # Errors
    /// The stream failed, or the cursor has too many positions.
    pub async fn start(
        stream: Stream,
        group: GroupId,
        cursor: Cursor,
        notice: u64,
        beat: Beat,
    ) -> Result<Self, SessionError> {
        let (mut send, receive) = stream.split();
        let hello = Message::Hello { group, cursor: cursor.clone(), notice };
        send.write_frame(hello.encode()?).await?;
        let mut heart = JoinSet::new();
        heart.spawn(async move {
            // How it ends does not matter: the reading half meets the same fate.
            drop(heartbeats(&mut send, beat.interval).await);
        });
        Ok(Self { inbox: Inbox { receive, silence_max: beat.silence_max }, cursor, notice, heart })
    }

    /// Waits for the next batch. May be cancelled: nothing is lost. A caller that takes long for a batch slows the
    /// source down, and loses nothing.
    ///
    /// # Errors
    /// The session has ended.
    pub async fn next(&mut self) -> Result<Pulled, SessionError> {
        loop {
            match self.inbox.next().await? {
                Message::Changes(changes) => {
                    self.cursor.advance(&changes)?;
                    return Ok(Pulled::Changes(changes));
                }
                Message::CaughtUp { heads } => return Ok(Pulled::CaughtUp { heads }),
                Message::Notice(notice) if notice.version > self.notice => {
                    self.notice = notice.version;
                    return Ok(Pulled::Notice(notice));
                }
                Message::Heartbeat => {}
                Message::Refused(refusal) => return Err(SessionError::Refused(refusal)),
                Message::Notice(_) | Message::Hello { .. } => return Err(SessionError::OutOfPlace),
            }
        }
    }

    /// The place after everything that [`Puller::next`] has given.
    #[must_use]
    pub const fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Ends the session; so does a drop.
    pub fn end(mut self) {
        self.heart.abort_all();
    }
}

/// The source's side: serves a session on a stream that a peer has opened, until it ends. `open` gives the source for a
/// group, if this daemon holds it; the puller waits for it no longer than for anything else.
///
/// # Errors
/// Always, sooner or later: says why the session ended.
pub async fn serve<Opening>(
    stream: Stream,
    beat: Beat,
    open: impl FnOnce(GroupId) -> Opening,
) -> Result<Infallible, SessionError>
where
    Opening: Future<Output = Option<Arc<dyn ChangeSource>>>,
{
    let (mut send, receive) = stream.split();
    let mut inbox = Inbox { receive, silence_max: beat.silence_max };
    let (source, held) = match inbox.next().await {
        Ok(Message::Hello { group, cursor, notice }) => match open(group).await {
            Some(source) => (source, (cursor, notice)),
            None => return refuse(send, Refusal::UnknownGroup).await,
        },
        Ok(_) => return Err(SessionError::OutOfPlace),
        Err(SessionError::Message(MessageError::Version(_))) => return refuse(send, Refusal::UnknownVersion).await,
        Err(error) => return Err(error),
    };
    // The puller's heartbeats are heard also while a write waits for it.
    tokio::select! {
        ended = listen(&mut inbox) => ended,
        ended = feed(&mut send, source.as_ref(), held, beat) => ended,
    }
}

async fn refuse(mut send: SendHalf, refusal: Refusal) -> Result<Infallible, SessionError> {
    send.write_frame(Message::Refused(refusal).encode()?).await?;
    send.finish()?;
    Err(SessionError::Refused(refusal))
}

async fn listen(inbox: &mut Inbox) -> Result<Infallible, SessionError> {
    loop {
        match inbox.next().await? {
            Message::Heartbeat => {}
            _ => return Err(SessionError::OutOfPlace),
        }
    }
}

async fn feed(
    send: &mut SendHalf,
    source: &dyn ChangeSource,
    (mut cursor, mut known): (Cursor, u64),
    beat: Beat,
) -> Result<Infallible, SessionError> {
    let mut said_caught_up = false;
    loop {
        // First, so that a long history does not keep a puller from knowing who is there.
        if let Some(notice) = source.notice_after(known).filter(|notice| notice.version > known) {
            known = notice.version;
            send.write_frame(Message::Notice(notice).encode()?).await?;
        }
        match source.changes_after(&cursor) {
            Batch::Changes(changes) => {
                cursor.advance(&changes)?;
                send.write_frame(Message::Changes(changes).encode()?).await?;
                said_caught_up = false;
                // A long history must not keep a thread from others while the windows are open.
                tokio::task::yield_now().await;
            }
            Batch::CaughtUp { heads } => {
                if !said_caught_up {
                    send.write_frame(Message::CaughtUp { heads }.encode()?).await?;
                    said_caught_up = true;
                }
                more_or_beat(send, source, (&cursor, known), beat.interval).await?;
            }
        }
    }
}

/// Waits until there is more, or says that we are there.
async fn more_or_beat(
    send: &mut SendHalf,
    source: &dyn ChangeSource,
    (cursor, known): (&Cursor, u64),
    pause: Duration,
) -> Result<(), SessionError> {
    // Two steps, so that a heartbeat is written whole: writing must not be cancelled.
    while timeout(pause, source.more(cursor, known)).await.is_err() {
        send.write_frame(Message::Heartbeat.encode()?).await?;
    }
    Ok(())
}

async fn heartbeats(send: &mut SendHalf, pause: Duration) -> Result<Infallible, SessionError> {
    let heartbeat = Message::Heartbeat.encode()?;
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        send.write_frame(heartbeat.clone()).await?;
    }
}

/// Reads messages, and notices silence.
#[derive(Debug)]
struct Inbox {
    receive: ReceiveHalf,
    silence_max: Duration,
}

impl Inbox {
    async fn next(&mut self) -> Result<Message, SessionError> {
        loop {
            let before = self.receive.received();
            match timeout(self.silence_max, self.receive.read_frame(MESSAGE_BYTES_MAX)).await {
                Ok(Ok(Some(frame))) => return Ok(Message::decode(frame)?),
                Ok(Ok(None)) => return Err(SessionError::Ended),
                Ok(Err(error)) => return Err(error.into()),
                // A long message on a slow link is not silence.
                Err(_elapsed) if self.receive.received() > before => {}
                Err(_elapsed) => return Err(SessionError::Silent(self.silence_max)),
            }
        }
    }
}
