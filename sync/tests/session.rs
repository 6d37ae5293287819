//! The pull session on a real mesh.
#![allow(clippy::unwrap_used, reason = "the helpers of a test may panic as the test does")]

#[allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
mod support;

use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hanse_base::id::{DaemonId, GroupId};
use hanse_base::net::BoxFuture;
use hanse_sync::cursor::{Changes, Cursor, Position};
use hanse_sync::error::LinkError;
use hanse_sync::lane::Lane;
use hanse_sync::limit::Limits;
use hanse_sync::mesh::Mesh;
use hanse_sync::message::{BATCH_BYTES_MAX, CHANGES_MAX, Message, Notice, Refusal};
use hanse_sync::session::{Batch, Beat, ChangeSource, Pulled, Puller, SessionError, serve};
use hanse_sync::stream::Stream;
use support::{Member, linked};
use tokio::sync::watch;

const TWO: DaemonId = DaemonId(2);

/// Documents in memory: generation and changes.
struct Book {
    documents: Mutex<Vec<(u32, Vec<Bytes>)>>,
    notice: Mutex<Option<Notice>>,
    version: watch::Sender<u64>,
}

impl Book {
    fn new(documents: usize) -> Arc<Self> {
        let documents = vec![(0, Vec::new()); documents];
        Arc::new(Self { documents: Mutex::new(documents), notice: Mutex::default(), version: watch::Sender::new(0) })
    }

    fn write(&self, document: usize, change: Vec<u8>) {
        self.documents.lock().unwrap()[document].1.push(Bytes::from(change));
        self.version.send_modify(|version| *version += 1);
    }

    fn begin_anew(&self, document: usize, change: Vec<u8>) {
        let mut documents = self.documents.lock().unwrap();
        documents[document] = (documents[document].0 + 1, vec![Bytes::from(change)]);
        drop(documents);
        self.version.send_modify(|version| *version += 1);
    }

    fn say(&self, version: u64, words: &'static [u8]) {
        *self.notice.lock().unwrap() = Some(Notice { version, bytes: Bytes::from_static(words) });
        self.version.send_modify(|version| *version += 1);
    }

    fn copy(&self) -> Vec<(u32, Vec<Bytes>)> {
        self.documents.lock().unwrap().clone()
    }
}

impl ChangeSource for Book {
    fn changes_after(&self, cursor: &Cursor) -> Batch {
        let documents = self.documents.lock().unwrap();
        let mut heads = Vec::new();
        for (number, (generation, changes)) in documents.iter().enumerate() {
            let document = u32::try_from(number).unwrap();
            let held = cursor.position(document);
            let first = if held.generation == *generation { usize::try_from(held.next_sequence).unwrap() } else { 0 };
            let mut bytes = 0;
            let batch: Vec<Bytes> = changes[first..]
                .iter()
                .take(CHANGES_MAX)
                .take_while(|change| {
                    bytes += change.len();
                    bytes == change.len() || bytes <= BATCH_BYTES_MAX
                })
                .cloned()
                .collect();
            if !batch.is_empty() {
                let first_sequence = first as u64;
                return Batch::Changes(Changes { document, generation: *generation, first_sequence, changes: batch });
            }
            heads.push(Position { document, generation: *generation, next_sequence: changes.len() as u64 });
        }
        Batch::CaughtUp { heads }
    }

    fn notice_after(&self, version: u64) -> Option<Notice> {
        self.notice.lock().unwrap().clone().filter(|notice| notice.version > version)
    }

    fn more<'a>(&'a self, cursor: &'a Cursor, notice: u64) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut version = self.version.subscribe();
            while matches!(self.changes_after(cursor), Batch::CaughtUp { .. }) && self.notice_after(notice).is_none() {
                version.changed().await.unwrap();
            }
        })
    }
}

fn group() -> GroupId {
    GroupId::new("eu").unwrap()
}

async fn streams(limits: &Limits) -> (Member, Member, Stream, Stream) {
    let [one, mut two] = <[Member; 2]>::try_from(linked(2, limits).await).ok().unwrap();
    let near = one.mesh.open(TWO, Lane::Tree).await.unwrap();
    let far = two.incoming.recv().await.unwrap().stream;
    (one, two, near, far)
}

/// Applies what is pulled until the source says that this is all.
async fn catch_up(puller: &mut Puller, copy: &mut [(u32, Vec<Bytes>)]) {
    loop {
        match puller.next().await.unwrap() {
            Pulled::Changes(batch) => {
                let document = &mut copy[usize::try_from(batch.document).unwrap()];
                if document.0 != batch.generation {
                    *document = (batch.generation, Vec::new());
                }
                assert_eq!(document.1.len() as u64, batch.first_sequence);
                document.1.extend(batch.changes);
            }
            Pulled::CaughtUp { heads } => {
                assert_eq!(Cursor::new(heads.into_iter().filter(|head| head.next_sequence > 0)), *puller.cursor());
                return;
            }
            Pulled::Notice(notice) => panic!("nobody gives one: {notice:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_puller_gets_all_that_there_is_and_then_what_comes() {
    let (_one, _two, near, far) = streams(&Limits::default()).await;
    let book = Book::new(3);
    for number in 0..2000_u32 {
        book.write(0, number.to_be_bytes().to_vec());
    }
    for _ in 0..5 {
        book.write(1, vec![7; 700_000]);
    }
    let source: Arc<dyn ChangeSource> = Arc::<Book>::clone(&book);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(serve(far, Beat::default(), move |name| ready((name == group()).then_some(source))));
    let mut copy = vec![(0, Vec::new()); 3];
    let mut puller = Puller::start(near, group(), Cursor::default(), 0, Beat::default()).await.unwrap();
    catch_up(&mut puller, &mut copy).await;
    assert!(copy == book.copy());
    book.write(2, b"new".to_vec());
    catch_up(&mut puller, &mut copy).await;
    assert!(copy == book.copy());
    book.begin_anew(0, b"compacted".to_vec());
    catch_up(&mut puller, &mut copy).await;
    assert!(copy == book.copy());
    puller.end();
    let ended = tasks.join_next().await.unwrap().unwrap().unwrap_err();
    assert!(matches!(ended, SessionError::Link(LinkError::HungUp { .. })), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_goes_on_from_the_cursor_of_the_last() {
    let (one, mut two, near, far) = streams(&Limits::default()).await;
    let book = Book::new(1);
    book.write(0, b"a".to_vec());
    let source: Arc<dyn ChangeSource> = Arc::<Book>::clone(&book);
    let mut tasks = tokio::task::JoinSet::new();
    let again = Arc::clone(&source);
    tasks.spawn(serve(far, Beat::default(), move |_| ready(Some(source))));
    let mut copy = vec![(0, Vec::new())];
    let mut puller = Puller::start(near, group(), Cursor::default(), 0, Beat::default()).await.unwrap();
    catch_up(&mut puller, &mut copy).await;
    let held = puller.cursor().clone();
    drop(puller);
    book.write(0, b"b".to_vec());
    let near = one.mesh.open(TWO, Lane::Tree).await.unwrap();
    let far = two.incoming.recv().await.unwrap().stream;
    tasks.spawn(serve(far, Beat::default(), move |_| ready(Some(again))));
    let mut puller = Puller::start(near, group(), held, 0, Beat::default()).await.unwrap();
    let batch = Changes { document: 0, generation: 0, first_sequence: 1, changes: vec![Bytes::from_static(b"b")] };
    assert_eq!(puller.next().await, Ok(Pulled::Changes(batch)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_comes_first_and_again_when_it_changes_and_never_twice() {
    let (one, mut two, near, far) = streams(&Limits::default()).await;
    let book = Book::new(1);
    book.write(0, b"a".to_vec());
    book.say(3, b"three");
    let source: Arc<dyn ChangeSource> = Arc::<Book>::clone(&book);
    let again = Arc::clone(&source);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(serve(far, Beat::default(), move |_| ready(Some(source))));
    let mut puller = Puller::start(near, group(), Cursor::default(), 0, Beat::default()).await.unwrap();
    let notice = |version, words| Pulled::Notice(Notice { version, bytes: Bytes::from_static(words) });
    assert_eq!(puller.next().await, Ok(notice(3, b"three")));
    assert!(matches!(puller.next().await, Ok(Pulled::Changes(_))));
    assert!(matches!(puller.next().await, Ok(Pulled::CaughtUp { .. })));
    book.say(7, b"seven");
    assert_eq!(puller.next().await, Ok(notice(7, b"seven")));
    let held = puller.cursor().clone();
    drop(puller);
    // A later session knows what is held; a source that knows less says nothing.
    let near = one.mesh.open(TWO, Lane::Tree).await.unwrap();
    let far = two.incoming.recv().await.unwrap().stream;
    tasks.spawn(serve(far, Beat::default(), move |_| ready(Some(again))));
    let mut puller = Puller::start(near, group(), held, 7, Beat::default()).await.unwrap();
    assert!(matches!(puller.next().await, Ok(Pulled::CaughtUp { .. })));
    book.say(6, b"six");
    book.write(0, b"b".to_vec());
    assert!(matches!(puller.next().await, Ok(Pulled::Changes(_))));
    assert!(matches!(puller.next().await, Ok(Pulled::CaughtUp { .. })));
    // One that says the same again, or less, is at fault.
    let near = one.mesh.open(TWO, Lane::Tree).await.unwrap();
    let mut far = two.incoming.recv().await.unwrap().stream;
    let mut puller = Puller::start(near, group(), Cursor::default(), 7, Beat::default()).await.unwrap();
    let stale = Message::Notice(Notice { version: 7, bytes: Bytes::new() });
    far.write_frame(stale.encode().unwrap()).await.unwrap();
    assert_eq!(puller.next().await, Err(SessionError::OutOfPlace));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_puller_of_another_version_is_refused() {
    let (_one, _two, mut near, far) = streams(&Limits::default()).await;
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(serve(far, Beat::default(), |_| ready(None)));
    let hello = Message::Hello { group: group(), cursor: Cursor::default(), notice: 0 };
    let mut older = hello.encode().unwrap().to_vec();
    older[0] = 1;
    near.write_frame(Bytes::from(older)).await.unwrap();
    let refused = near.read_frame(100).await.unwrap().unwrap();
    assert_eq!(Message::decode(refused), Ok(Message::Refused(Refusal::UnknownVersion)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_not_held_is_refused() {
    let (_one, _two, near, far) = streams(&Limits::default()).await;
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(serve(far, Beat::default(), |_| ready(None)));
    let mut puller = Puller::start(near, group(), Cursor::default(), 0, Beat::default()).await.unwrap();
    assert_eq!(puller.next().await, Err(SessionError::Refused(Refusal::UnknownGroup)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_keep_an_idle_session_and_silence_ends_it() {
    let beat = Beat { interval: Duration::from_millis(50), silence_max: Duration::from_millis(1500) };
    let (one, mut two, near, far) = streams(&Limits::default()).await;
    let source: Arc<dyn ChangeSource> = Book::new(1);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(serve(far, beat, move |_| ready(Some(source))));
    let mut puller = Puller::start(near, group(), Cursor::default(), 0, beat).await.unwrap();
    assert!(matches!(puller.next().await, Ok(Pulled::CaughtUp { .. })));
    let idle = tokio::time::timeout(beat.silence_max * 3, puller.next()).await;
    assert!(idle.is_err(), "nothing but heartbeats came: {idle:?}");
    assert!(tasks.try_join_next().is_none(), "the source hears the puller");
    // A source that says nothing, and a puller that says nothing.
    let near = one.mesh.open(TWO, Lane::Tree).await.unwrap();
    let silent_far = two.incoming.recv().await.unwrap().stream;
    let mut puller = Puller::start(near, group(), Cursor::default(), 0, beat).await.unwrap();
    assert_eq!(puller.next().await, Err(SessionError::Silent(beat.silence_max)));
    drop(silent_far);
    let _silent_near = one.mesh.open(TWO, Lane::Tree).await.unwrap();
    let far = two.incoming.recv().await.unwrap().stream;
    assert_eq!(serve(far, beat, |_| ready(None)).await.unwrap_err(), SessionError::Silent(beat.silence_max));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_do_not_follow_end_the_session() {
    let (_one, _two, near, mut far) = streams(&Limits::default()).await;
    let mut puller = Puller::start(near, group(), Cursor::default(), 0, Beat::default()).await.unwrap();
    let batch = |first_sequence| {
        let changes = vec![Bytes::from_static(b"x")];
        Message::Changes(Changes { document: 0, generation: 0, first_sequence, changes }).encode().unwrap()
    };
    far.write_frame(batch(0)).await.unwrap();
    far.write_frame(batch(2)).await.unwrap();
    assert!(matches!(puller.next().await, Ok(Pulled::Changes(_))));
    assert!(matches!(puller.next().await, Err(SessionError::Gap(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_when_the_mesh_does() {
    let (one, _two, near, far) = streams(&Limits::default()).await;
    let source: Arc<dyn ChangeSource> = Book::new(1);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(serve(far, Beat::default(), move |_| ready(Some(source))));
    let mut puller = Puller::start(near, group(), Cursor::default(), 0, Beat::default()).await.unwrap();
    assert!(matches!(puller.next().await, Ok(Pulled::CaughtUp { .. })));
    Mesh::shutdown(&one.mesh).await;
    assert!(matches!(puller.next().await, Err(SessionError::Link(LinkError::Lost { .. }))));
    let ended = tasks.join_next().await.unwrap().unwrap();
    assert!(matches!(ended, Err(SessionError::Link(LinkError::Lost { .. }))), "{ended:?}");
}
