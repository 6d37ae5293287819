//! Watches, by the rules that etcd names and Kubernetes' clients rely on. A violation says which is broken:
//!
//! - **ordered**: revisions grow within a stream, and stay above where it began
//! - **unique**: no event comes twice
//! - **reliable**: no event is left out between a stream's beginning and the last that it showed
//! - **resumable**: the same holds for a stream that goes on where another has ended, at any daemon
//! - **bookmarkable**: behind a bookmark comes nothing older, and before it nothing was left out
//! - **consistent**: one revision is one event for everybody, with the value that was written; a stream's initial events are the
//!   objects as they were at its mark; an object is added when it is not there, and changed or deleted when it is
//! - **catching up**: in the end every stream comes to the last write
//!
//! What there was to be seen is the union of what all streams saw and of the writes that were acknowledged.
//!
//! `watch`: the revision of the `invoke` is where it goes on, none where it begins with what there is. The value of the `ok` is
//! [`Stream`]. A stream may always end with 410: that is told, not judged, for only the server knows what it has kept.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pair::{Operation, evidence, operations};
use crate::history::Op;
use crate::verdict::{Check, Status};

/// The checker's name.
pub const NAME: &str = "watch";

/// What a client saw of one stream.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// In the order in which they came.
    pub events: Vec<Event>,
    /// Where the initial events end: how many there are, and the revision of their mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<(usize, u64)>,
    /// How many events had come, and the revision of the bookmark.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bookmarks: Vec<(usize, u64)>,
    /// Why it ended.
    pub end: End,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event(
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub String,
    /// The object.
    pub String,
    /// Its value.
    pub Value,
    /// The revision.
    pub u64,
);

/// Why a stream ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The client had enough.
    #[default]
    Left,
    /// The server ended it.
    Closed,
    /// The connection broke.
    Broken,
    /// 410: what should come next is no longer kept.
    Expired,
    /// It did not come to the last write although there was time.
    Behind,
}

/// What is wrong, the operations that show it, and the revision around which to look.
type Violation<'a> = (String, Vec<Operation<'a>>, u64);

/// What happened at one revision, and who says so.
struct Fact<'a> {
    key: String,
    /// `None` where nobody saw the event, only the state after it.
    word: Option<String>,
    value: Value,
    by: Operation<'a>,
}

type Facts<'a> = BTreeMap<u64, Fact<'a>>;

/// Checks every logical cluster.
#[must_use]
pub fn check(history: &[Op]) -> Check {
    let operations = operations(history);
    let mut clusters: BTreeMap<&str, Vec<Operation<'_>>> = BTreeMap::new();
    for operation in &operations {
        if let Some(cluster) = operation.invoke.cluster.as_deref() {
            clusters.entry(cluster).or_default().push(*operation);
        }
    }
    let mut sums = Sums::default();
    let mut broken = Vec::new();
    for (cluster, operations) in clusters {
        let (violations, own) = Cluster::new(operations).check();
        sums.add(&own);
        broken.extend(violations.into_iter().map(|violation| (cluster, violation)));
    }
    if let Some((cluster, (what, operations, at))) = broken.first() {
        return Check {
            name: NAME.to_owned(),
            status: Status::Failed,
            summary: format!("{} violations; {cluster}: {what}", broken.len()),
            evidence: shortened(evidence(operations.iter().copied()), *at),
        };
    }
    if sums.events == 0 {
        return Check::new(NAME, Status::Unproven, format!("{} streams showed no event", sums.streams));
    }
    Check::new(NAME, Status::Ok, sums.to_string())
}

#[derive(Debug, Default)]
struct Sums {
    streams: u64,
    resumed: u64,
    initial: u64,
    events: u64,
    bookmarks: u64,
    expired: u64,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.streams += other.streams;
        self.resumed += other.resumed;
        self.initial += other.initial;
        self.events += other.events;
        self.bookmarks += other.bookmarks;
        self.expired += other.expired;
    }
}

impl std::fmt::Display for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { streams, resumed, initial, events, bookmarks, expired } = self;
        write!(
            f,
            "{events} events of {streams} streams ({resumed} resumed, {initial} from the beginning, {expired} ended with 410), \
             {bookmarks} bookmarks: each once, in order, none left out"
        )
    }
}

struct Cluster<'a> {
    operations: Vec<Operation<'a>>,
    streams: Vec<(Operation<'a>, Stream)>,
}

impl<'a> Cluster<'a> {
    fn new(operations: Vec<Operation<'a>>) -> Self {
        let watches = operations.iter().filter(|operation| operation.invoke.f == "watch" && operation.is_ok());
        let streams = watches.filter_map(|operation| {
            let stream = serde_json::from_value(operation.end?.value.clone()).ok()?;
            Some((*operation, stream))
        });
        let streams = streams.collect();
        Self { operations, streams }
    }

    fn check(&self) -> (Vec<Violation<'a>>, Sums) {
        let mut sums = Sums::default();
        let (facts, mut broken) = self.facts();
        for (operation, stream) in &self.streams {
            sums.streams += 1;
            sums.resumed += u64::from(operation.invoke.revision.is_some());
            sums.initial += u64::from(stream.mark.is_some());
            sums.events += stream.events.len() as u64;
            sums.bookmarks += stream.bookmarks.len() as u64;
            sums.expired += u64::from(stream.end == End::Expired);
            let of_stream = OfStream { operation: *operation, stream, facts: &facts };
            broken.extend(of_stream.check().and_then(|()| self.check_mark(operation, stream)).err());
        }
        broken.extend(self.check_deletions().err());
        (broken, sums)
    }

    /// The answer to a deletion tells no revision: but it lies between the version deleted and what was written afterwards.
    fn check_deletions(&self) -> Result<(), Violation<'a>> {
        let deletions = self.operations.iter().filter(|deletion| deletion.invoke.f == "delete" && deletion.is_ok());
        for deletion in deletions {
            let (Some(expect), Some(key)) = (deletion.invoke.revision, deletion.invoke.key.as_deref()) else {
                continue;
            };
            let later = self.writes().filter(|write| write.invoke.time_ns > deletion.last().time_ns);
            let Some(later) = later.filter_map(Operation::revision).min() else { continue };
            for (operation, stream) in &self.streams {
                let begin = stream.mark.map_or(operation.invoke.revision, |(_, mark)| Some(mark));
                let end = stream.events.last().map_or(0, |event| event.3);
                if begin.is_none_or(|begin| begin > expect) || end < later {
                    continue;
                }
                let shown = |Event(word, own, _, revision): &Event| {
                    word == "DELETED" && own == key && (expect..later).contains(revision)
                };
                if !stream.events.iter().any(shown) {
                    let what = format!("reliable: the deletion of {key:?} between {expect} and {later} is left out");
                    return Err((what, vec![*deletion, *operation], expect));
                }
            }
        }
        Ok(())
    }

    fn writes(&self) -> impl Iterator<Item = &Operation<'a>> {
        self.operations.iter().filter(|write| matches!(write.invoke.f.as_str(), "create" | "update"))
    }

    /// Everything that happened, by revision, as far as anybody knows.
    fn facts(&self) -> (Facts<'a>, Vec<Violation<'a>>) {
        let (mut facts, mut broken) = (Facts::new(), Vec::new());
        let mut written: HashSet<&Value> = HashSet::new();
        for write in self.writes() {
            written.insert(&write.invoke.value);
            if let Some(revision) = write.revision() {
                let (key, value) = (write.invoke.key.clone().unwrap_or_default(), write.invoke.value.clone());
                broken.extend(note(&mut facts, revision, Fact { key, word: None, value, by: *write }).err());
            }
        }
        for (operation, stream) in &self.streams {
            let initial = stream.mark.map_or(0, |(count, _)| count);
            for (place, Event(word, key, value, revision)) in stream.events.iter().enumerate() {
                // An initial event says that the object has this revision, and not what happened then.
                let word = Some(word.clone()).filter(|_| place >= initial);
                let fact = Fact { key: key.clone(), word, value: value.clone(), by: *operation };
                broken.extend(note(&mut facts, *revision, fact).err());
                if !written.contains(value) {
                    let what = format!("consistent: {key:?} was shown with {value}, which nobody has written");
                    broken.push((what, vec![*operation], *revision));
                }
            }
        }
        (facts, broken)
    }

    /// Initial events are those of a picture that holds everything that was acknowledged before.
    fn check_mark(&self, operation: &Operation<'a>, stream: &Stream) -> Result<(), Violation<'a>> {
        let Some((_, mark)) = stream.mark else { return Ok(()) };
        let mut writes = self.writes().filter(|write| write.last().time_ns < operation.invoke.time_ns);
        let Some((write, newer)) = writes.find_map(|write| Some((*write, write.revision().filter(|own| *own > mark)?)))
        else {
            return Ok(());
        };
        let what = format!("consistent: a stream begins at {mark} although {newer} had been acknowledged");
        Err((what, vec![write, *operation], mark))
    }
}

/// Adds a fact to what is known of a revision.
///
/// # Errors
/// Somebody else says otherwise.
fn note<'a>(facts: &mut Facts<'a>, revision: u64, fact: Fact<'a>) -> Result<(), Violation<'a>> {
    let Some(known) = facts.get_mut(&revision) else {
        facts.insert(revision, fact);
        return Ok(());
    };
    let words_agree = known.word.is_none() || fact.word.is_none() || known.word == fact.word;
    if known.key != fact.key || known.value != fact.value || !words_agree {
        let what = format!(
            "consistent: revision {revision} is {} {:?} {} to one and {} {:?} {} to another",
            known.word.as_deref().unwrap_or("a write of"),
            known.key,
            known.value,
            fact.word.as_deref().unwrap_or("a write of"),
            fact.key,
            fact.value,
        );
        return Err((what, vec![known.by, fact.by], revision));
    }
    if known.word.is_none() {
        known.word = fact.word;
    }
    Ok(())
}

/// One stream against what is known.
struct OfStream<'s, 'a> {
    operation: Operation<'a>,
    stream: &'s Stream,
    facts: &'s Facts<'a>,
}

impl<'a> OfStream<'_, 'a> {
    fn check(&self) -> Result<(), Violation<'a>> {
        let (initial, begin) = match self.stream.mark {
            Some((count, mark)) => (count.min(self.stream.events.len()), mark),
            // Without a mark and without a revision nothing is known of where it began.
            None => (0, self.operation.invoke.revision.unwrap_or(u64::MAX)),
        };
        if begin == u64::MAX {
            return Ok(());
        }
        let mut objects = self.initial(initial, begin)?;
        let mut position = begin;
        let mut bookmarks = self.stream.bookmarks.iter().peekable();
        for (place, event) in self.stream.events.iter().enumerate() {
            while let Some((_, bookmark)) = bookmarks.next_if(|(count, _)| *count <= place && place >= initial) {
                position = self.pass(position, *bookmark, true)?;
            }
            if place >= initial {
                let Event(word, key, value, revision) = event;
                position = self.pass(position, *revision, false)?;
                self.transition(&mut objects, (word, key, value), *revision)?;
            }
        }
        for (_, bookmark) in bookmarks {
            position = self.pass(position, *bookmark, true)?;
        }
        if self.stream.end == End::Behind {
            return Err(self.broken(position, format!("catching up: the stream stands still at {position}"), None));
        }
        Ok(())
    }

    /// The objects of the initial events: what is known to have been there at the mark, and nothing twice.
    fn initial(&self, count: usize, mark: u64) -> Result<BTreeMap<String, Option<Value>>, Violation<'a>> {
        let mut shown: BTreeMap<&str, u64> = BTreeMap::new();
        let mut objects = BTreeMap::new();
        for Event(word, key, value, revision) in self.stream.events.iter().take(count) {
            if word != "ADDED" || shown.insert(key, *revision).is_some() {
                return Err(self.broken(*revision, format!("unique: {key:?} comes twice in the initial events"), None));
            }
            if *revision > mark {
                let what = format!("ordered: {key:?} has revision {revision} in the initial events of {mark}");
                return Err(self.broken(*revision, what, None));
            }
            objects.insert(key.clone(), Some(value.clone()));
        }
        if self.stream.mark.is_none() {
            return Ok(objects);
        }
        let mut newest: BTreeMap<&str, (u64, &Fact<'a>)> = BTreeMap::new();
        for (revision, fact) in self.facts.range(..=mark) {
            newest.insert(&fact.key, (*revision, fact));
        }
        for (key, (revision, fact)) in newest {
            let own = shown.get(key).copied();
            let deleted = fact.word.as_deref() == Some("DELETED");
            let stale = own.is_some_and(|own| own < revision);
            // A newest write that is not shown may have been deleted by somebody whose event nobody saw.
            if stale || (own.is_some() && deleted) {
                let what =
                    format!("consistent: the initial events of {mark} show {key:?} at {own:?}, not at {revision}");
                return Err(self.broken(revision, what, Some(fact.by)));
            }
        }
        Ok(objects)
    }

    /// Goes on to a revision: it must be later, and nothing that happened in between may be left out.
    fn pass(&self, position: u64, revision: u64, is_bookmark: bool) -> Result<u64, Violation<'a>> {
        if revision <= position && !(is_bookmark && revision == position) {
            let rule = match (is_bookmark, revision == position) {
                (true, _) => "bookmarkable",
                (false, true) => "unique",
                (false, false) => "ordered",
            };
            let what = format!("{rule}: {revision} comes after {position}");
            return Err(self.broken(revision, what, None));
        }
        let left_out = self.facts.range(position + 1..revision + u64::from(is_bookmark)).next();
        match left_out {
            None => Ok(revision),
            Some((missed, fact)) => {
                let comes_later = self.stream.events.iter().any(|event| event.3 == *missed);
                let rule = match (is_bookmark, comes_later) {
                    (true, _) => "bookmarkable",
                    (false, true) => "ordered",
                    (false, false) => "reliable",
                };
                let what = format!("{rule}: {missed} ({:?}) is left out between {position} and {revision}", fact.key);
                Err(self.broken(*missed, what, Some(fact.by)))
            }
        }
    }

    /// What an event may be depends on what its stream has shown of the object.
    fn transition(
        &self,
        objects: &mut BTreeMap<String, Option<Value>>,
        (word, key, value): (&str, &str, &Value),
        revision: u64,
    ) -> Result<(), Violation<'a>> {
        let before = objects.get(key);
        let is_there = before.map(Option::is_some);
        let fits = match word {
            "ADDED" => is_there != Some(true),
            "MODIFIED" => is_there != Some(false),
            "DELETED" => before.is_none_or(|before| before.as_ref() == Some(value)),
            _ => false,
        };
        if !fits {
            let what = format!("consistent: {word} {key:?} {value} at {revision} after {before:?}");
            return Err(self.broken(revision, what, None));
        }
        objects.insert(key.to_owned(), Some(value.clone()).filter(|_| word != "DELETED"));
        Ok(())
    }

    fn broken(&self, revision: u64, what: String, other: Option<Operation<'a>>) -> Violation<'a> {
        let daemon = self.operation.invoke.daemon.as_deref().unwrap_or_default();
        let from = match self.operation.invoke.revision {
            Some(begin) => format!("resumed at {begin}"),
            None => "from the beginning".to_owned(),
        };
        let others = other.into_iter().chain([self.operation]).collect();
        (format!("{what} (stream of {daemon}, {from})"), others, revision)
    }
}

/// Records of streams with only the events around a revision.
fn shortened(mut evidence: Vec<Op>, revision: u64) -> Vec<Op> {
    for op in &mut evidence {
        let Ok(mut stream) = serde_json::from_value::<Stream>(op.value.clone()) else { continue };
        let close = stream.events.iter().position(|event| event.3 >= revision).unwrap_or(stream.events.len());
        let from = close.saturating_sub(EVENTS_AROUND);
        let to = (close + EVENTS_AROUND + 1).min(stream.events.len());
        stream.events = stream.events[from..to].to_vec();
        stream.bookmarks.retain(|(count, _)| (from..=to).contains(count));
        op.value = serde_json::to_value(stream).unwrap_or_default();
    }
    evidence
}

/// Events of evidence on each side of what is wrong.
const EVENTS_AROUND: usize = 3;

#[cfg(test)]
#[path = "watch_test.rs"]
mod tests;
