//! GET with `watch`: a stream of events that begins where the client says, misses nothing and repeats nothing.
//!
//! ```text
//! state at the start ──► ADDED of what there is (when asked for) ──► bookmark that ends them
//! Subscription ────────► the shared line of each event, or a line made at a selector's border
//! timer ───────────────► bookmarks, the end
//! ```
//! A stream holds a place in the hub and nothing else: a reader that does not read is not sent more, falls behind the
//! window, and is ended with 410.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream;
use hanse_base::id::Revision;
use hanse_base::net::BoxFuture;
use hanse_schema::protobuf;
use hanse_schema::types::meta::STATUS;
use hanse_store::history::{Compacted, Event, EventKind};
use hanse_store::hub::{Batch, Subscription};
use hanse_store::key::Key;
use hanse_store::object::Object;
use hanse_store::state::State;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use tokio::time::{Instant, Sleep};

use crate::answer::{Form, STATUS_KIND};
use crate::api::{Api, Slot};
use crate::body::{Answer, Body, BodyError};
use crate::call::Call;
use crate::limits::{BODY_CHUNK_BYTES, BOOKMARK_INTERVAL, WATCH_PATIENCE};
use crate::measure::WatchEnd;
use crate::negotiate::Format;
use crate::query::{ListOptions, WantedRevision};
use crate::selection::Selection;
use crate::status::Failure;
use crate::table::{INITIAL_EVENTS_END, Shaper};
use crate::verbs::get;
use crate::view::View;

/// Opens the stream.
pub(crate) async fn watch(call: &Call<'_>) -> Result<Answer, Failure> {
    let form = Form::of_watch(call)?;
    let options = ListOptions::parse(call.query, true)?;
    let mut fields = options.field_selector.clone();
    if let Some(name) = &call.path.name {
        // The old form `/watch/<resource>/<name>`.
        let comma = if fields.is_empty() { "" } else { "," };
        fields.push_str(&format!("{comma}metadata.name={name}"));
    }
    let selection = Selection::parse(call.kind, &options.label_selector, &fields)?;
    let slot = Slot::watch(call.api)?;
    let state = get::state(call, options.revision).await?;
    let start = Start::of(&options, &state);
    let scope = call.scope();
    let initial = match start {
        Start::WithInitial { .. } => {
            let wanted = state.list(&scope, None).filter(|(key, object)| selection.wants(key, object));
            wanted.map(|(key, object)| (key.clone(), Arc::clone(object))).collect()
        }
        Start::After(_) => Vec::new(),
    };
    let after = match start {
        Start::WithInitial { .. } => state.revision(),
        Start::After(revision) => revision,
    };
    let media_type = form.accepted.format.stream_media_type();
    let lines = Lines {
        kind_line: kind_line(call),
        selection,
        shaper: form.shaper,
        format: form.accepted.format,
        view: call.view.clone(),
        api: Arc::clone(call.api),
    };
    let subscription = call.home.hub().subscribe(scope, after);
    let watch = Watch::new(lines, subscription, slot).starting_with(initial, start, after).timed(&options, call.api);
    let mut answer = Answer::new(Body::stream(stream::unfold(Box::new(watch), Watch::step)));
    *answer.status_mut() = StatusCode::OK;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    Ok(answer)
}

/// `"kind":"ConfigMap","apiVersion":"v1"`, for bookmarks.
fn kind_line(call: &Call<'_>) -> String {
    // A bookmark goes the way of every object, which is from the stored form to the one that is asked for.
    let stored = call.kind.stored();
    format!(r#""kind":"{}","apiVersion":"{}""#, stored.kind, stored.api_version())
}

/// Where a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// With what there is; `mark` asks for the bookmark that ends it.
    WithInitial { mark: bool },
    /// Behind a revision.
    After(Revision),
}

impl Start {
    fn of(options: &ListOptions, state: &State) -> Self {
        match (options.send_initial_events, options.revision) {
            (Some(true), _) => Self::WithInitial { mark: options.bookmarks },
            (None, WantedRevision::Latest | WantedRevision::Any) => Self::WithInitial { mark: false },
            (Some(false), WantedRevision::Latest | WantedRevision::Any) => Self::After(state.revision()),
            (_, WantedRevision::Given(revision)) => Self::After(Revision(revision)),
        }
    }
}

/// How events become lines.
struct Lines {
    kind_line: String,
    selection: Selection,
    shaper: Shaper,
    format: Format,
    view: View,
    api: Arc<Api>,
}

impl Lines {
    /// The line of an event; `None` when it is not for this watcher.
    async fn line(&mut self, event: &Event) -> Result<Option<Bytes>, Failure> {
        let now = self.is_shown(&event.key, Some(&event.object));
        if event.kind != EventKind::Modified || self.selection.is_everything() {
            return if now { self.shown(event).await.map(Some) } else { Ok(None) };
        }
        let before = self.is_shown(&event.key, event.previous.as_ref());
        match (before, now) {
            (true, true) => self.shown(event).await.map(Some),
            (false, true) => self.object(EventKind::Added.as_str(), &event.object).await.map(Some),
            (true, false) => {
                // The object leaves the selection: it is shown as it was last, under the revision of its leaving.
                let previous = event.previous.as_ref().map(|previous| previous.draft());
                let farewell = previous.and_then(|draft| Object::new(&draft, event.revision));
                match farewell {
                    Some(object) => self.object(EventKind::Deleted.as_str(), &object).await.map(Some),
                    None => Ok(None),
                }
            }
            (false, false) => Ok(None),
        }
    }

    fn is_shown(&self, key: &Key, object: Option<&Arc<Object>>) -> bool {
        object.is_some_and(|object| self.selection.wants(key, object))
    }

    /// The line that all watchers of the stored form share, or one in the form asked for.
    async fn shown(&mut self, event: &Event) -> Result<Bytes, Failure> {
        if self.shaper.is_identity() && self.view.passes(&event.object) {
            return Ok(event.line().clone());
        }
        self.object(event.kind.as_str(), &event.object).await
    }

    async fn object(&mut self, event_type: &str, object: &Object) -> Result<Bytes, Failure> {
        let bytes = self.view.bytes(object).await?;
        self.made(event_type, &bytes)
    }

    fn made(&mut self, event_type: &str, stored: &Bytes) -> Result<Bytes, Failure> {
        let object = self.shaper.event(stored, self.api.clock().wall_ms())?;
        Ok(self.line_of(event_type, &object))
    }

    /// A line of JSON, or a frame of protobuf.
    fn line_of(&self, event_type: &str, object: &[u8]) -> Bytes {
        match self.format {
            Format::Protobuf => protobuf::watch_frame(event_type, object).into(),
            Format::Json | Format::Yaml => line(event_type, object),
        }
    }

    /// The event that ends a watch.
    fn error(&self, failure: &Failure) -> Bytes {
        let status = failure.to_bytes();
        match self.format {
            Format::Protobuf => protobuf::encode_type(&STATUS, STATUS_KIND, &status)
                .map_or_else(|_| Bytes::new(), |status| self.line_of("ERROR", &status)),
            Format::Json | Format::Yaml => line("ERROR", &status),
        }
    }

    fn bookmark(&mut self, revision: Revision, initial_end: bool) -> Result<Bytes, Failure> {
        let annotations =
            if initial_end { format!(r#","annotations":{{"{INITIAL_EVENTS_END}":"true"}}"#) } else { String::new() };
        let object = format!(
            r#"{{{},"metadata":{{"resourceVersion":"{revision}","creationTimestamp":null{annotations}}}}}"#,
            self.kind_line
        );
        self.made("BOOKMARK", &Bytes::from(object))
    }
}

/// `{"type":"ADDED","object":<object>}` and a line feed.
fn line(event_type: &str, object: &[u8]) -> Bytes {
    let mut line = BytesMut::with_capacity(event_type.len() + object.len() + 24);
    for part in [br#"{"type":""#.as_slice(), event_type.as_bytes(), br#"","object":"#, object, b"}\n"] {
        line.put_slice(part);
    }
    line.freeze()
}

/// One stream.
struct Watch {
    lines: Lines,
    subscription: Subscription,
    initial: std::vec::IntoIter<(Key, Arc<Object>)>,
    /// The revision for the bookmark that ends the initial events.
    mark: Option<Revision>,
    /// Set when the last line has been sent.
    ended: bool,
    /// Why it ends; the client's going away, while nothing else is known.
    end: WatchEnd,
    bookmarks: Option<Instant>,
    deadline: Instant,
    timer: Pin<Box<Sleep>>,
    /// Ready when the server stops. Waits in one place for the stream's life: it is polled for each chunk.
    closed: BoxFuture<'static, ()>,
    _slot: Slot,
}

/// Why a stream has something to do.
enum Woken {
    Batch(Result<Batch, Compacted>),
    Timer,
    End,
}

impl Watch {
    fn new(lines: Lines, subscription: Subscription, slot: Slot) -> Self {
        let now = Instant::now();
        let mut closing = lines.api.closing();
        let closed = Box::pin(async move { drop(closing.wait_for(|closing| *closing).await) });
        Self {
            lines,
            subscription,
            initial: Vec::new().into_iter(),
            mark: None,
            ended: false,
            end: WatchEnd::Client,
            bookmarks: None,
            deadline: now,
            timer: Box::pin(tokio::time::sleep_until(now)),
            closed,
            _slot: slot,
        }
    }

    fn starting_with(mut self, initial: Vec<(Key, Arc<Object>)>, start: Start, revision: Revision) -> Self {
        self.initial = initial.into_iter();
        self.mark = (start == Start::WithInitial { mark: true }).then_some(revision);
        self
    }

    fn timed(mut self, options: &ListOptions, api: &Api) -> Self {
        // Without a limit of its own a watch ends after one to two times the patience, so that clients spread over time.
        let spread = WATCH_PATIENCE.mul_f64(1.0 + f64::from((api.random().number() & 0xffff) as u16) / 65_536.0);
        self.deadline = Instant::now() + options.timeout.unwrap_or(spread).min(LONGEST);
        self.bookmarks = options.bookmarks.then(|| Instant::now() + BOOKMARK_INTERVAL);
        self.set_timer();
        self
    }

    fn set_timer(&mut self) {
        let next = self.bookmarks.map_or(self.deadline, |bookmark| bookmark.min(self.deadline));
        self.timer.as_mut().reset(next);
    }

    /// The next chunk; `None` ends the stream.
    async fn step(mut self: Box<Self>) -> Option<(Result<Bytes, BodyError>, Box<Self>)> {
        if self.ended {
            return None;
        }
        let chunk = match self.next().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return None,
            Err(failure) => {
                self.ended = true;
                self.end = if failure.code() == 410 { WatchEnd::Expired } else { WatchEnd::Failed };
                self.lines.error(&failure)
            }
        };
        self.lines.api.measures().watch_bytes.add(chunk.len() as u64);
        Some((Ok(chunk), self))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if let Some(chunk) = self.initial_chunk().await? {
            return Ok(Some(chunk));
        }
        loop {
            // What ends a stream goes before what it carries, so that a busy one ends, too.
            let woken = tokio::select! {
                biased;
                () = self.closed.as_mut() => Woken::End,
                () = self.timer.as_mut() => Woken::Timer,
                batch = self.subscription.next() => Woken::Batch(batch),
            };
            let batch = match woken {
                Woken::Batch(Ok(batch)) => batch,
                Woken::Batch(Err(Compacted { oldest })) => {
                    let position = self.subscription.position();
                    return Err(Failure::Expired(format!("too old resource version: {position} ({oldest})")));
                }
                Woken::Timer if Instant::now() < self.deadline => {
                    self.bookmarks = Some(Instant::now() + BOOKMARK_INTERVAL);
                    self.set_timer();
                    let position = self.subscription.position();
                    return self.lines.bookmark(position, false).map(Some);
                }
                Woken::Timer => {
                    self.end = WatchEnd::Timeout;
                    return Ok(None);
                }
                Woken::End => {
                    self.end = WatchEnd::Shutdown;
                    return Ok(None);
                }
            };
            if let Some(chunk) = self.chunk(&batch.events).await? {
                return Ok(Some(chunk));
            }
        }
    }

    /// The lines of a batch: one is shared, several are joined.
    async fn chunk(&mut self, events: &[Arc<Event>]) -> Result<Option<Bytes>, Failure> {
        let mut only = None;
        let mut joined = BytesMut::new();
        for event in events {
            let Some(line) = self.lines.line(event).await? else { continue };
            self.lines.api.measures().watch_events.count();
            if let Some(first) = only.take() {
                joined.put::<Bytes>(first);
            }
            if joined.is_empty() {
                only = Some(line);
            } else {
                joined.put(line);
            }
        }
        Ok(only.or_else(|| (!joined.is_empty()).then(|| joined.freeze())))
    }

    /// ADDED lines of what there is, in chunks; then, once, the bookmark that ends them.
    async fn initial_chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let mut chunk = BytesMut::new();
        for (_, object) in self.initial.by_ref() {
            chunk.put(self.lines.object(EventKind::Added.as_str(), &object).await?);
            self.lines.api.measures().watch_events.count();
            if chunk.len() >= BODY_CHUNK_BYTES {
                return Ok(Some(chunk.freeze()));
            }
        }
        if let Some(revision) = self.mark.take() {
            chunk.put(self.lines.bookmark(revision, true)?);
        }
        Ok((!chunk.is_empty()).then(|| chunk.freeze()))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.lines.api.measures().watch_ended(self.end);
    }
}

/// No watch lives longer, whatever `timeoutSeconds` says: a number of seconds that no clock can add is not one.
const LONGEST: Duration = Duration::from_secs(86_400);
