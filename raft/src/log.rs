//! The log in memory: where each entry is, the newest entries themselves, and the queue to the thread that writes.
//!
//! Kept relations: indexes are without a gap from `first` on; `purged.index + 1 == first` when anything was purged;
//! the last `cached` slots hold their entries, and every slot without an entry has a place in a file.

mod slots;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hanse_base::disk::{Disk, DiskFile};
use tokio::sync::{Notify, watch};

use crate::codec::Writer as Form;
use crate::config::Limits;
use crate::consensus::{Entry, LogId, Vote, log_id};
use crate::disk_watch::Toil;
use crate::error::{Failure, StartError};
use crate::fetch::{Source, read_sources};
use crate::form::{entry_bytes, put_entry};
use crate::measure::Measures;
use crate::recover::{Base, Place, recover};
use crate::segment::{Identity, Segment};
use crate::work::work;
use crate::writer::{Hand, Job, LogWriter, Marked, NewEntry, Start, Work};

/// A handle to the log; clones are the same log.
#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) shared: Arc<Shared>,
}

/// What handles and the writing thread share.
pub(crate) struct Shared {
    state: Mutex<State>,
    queue: Mutex<Queue>,
    /// Wakes the writing thread.
    work: Condvar,
    /// Wakes the writing task, where the disk needs no thread.
    task_work: Notify,
    /// Wakes those who wait for room in the queue.
    room: Notify,
    failure: watch::Sender<Option<Failure>>,
    disk: Arc<dyn Disk>,
    pub(crate) measures: Measures,
    pub(crate) toil: Toil,
    salt: u32,
    cache_bytes_max: usize,
    queue_bytes_max: usize,
}

#[derive(Default)]
struct State {
    vote: Option<Vote>,
    committed: Option<LogId>,
    purged: Option<LogId>,
    first: u64,
    slots: VecDeque<Slot>,
    /// How many slots at the end hold their entry.
    cached: usize,
    cached_bytes: usize,
    stamp: u64,
    segments: BTreeMap<u64, Arc<dyn DiskFile>>,
    /// Bytes of all segments on disk.
    disk_bytes: u64,
    /// Bytes written since the log was opened; only ever grows.
    written_bytes: u64,
}

struct Slot {
    term: u64,
    stamp: u64,
    bytes: usize,
    entry: Option<Entry>,
    place: Option<Place>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    bytes: usize,
    committed: Option<LogId>,
    is_closed: bool,
    /// The thread waits for a wake-up without a time limit.
    is_resting: bool,
    failure: Option<Failure>,
    hand: Option<Hand>,
}

/// The log's own view of its extent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) purged: Option<LogId>,
    pub(crate) last: Option<LogId>,
    /// Bytes of all segments on disk.
    pub(crate) disk_bytes: u64,
    /// Bytes written since the log was opened.
    pub(crate) written_bytes: u64,
}

impl Log {
    /// Opens the log, or makes a new one. `salt` is used for a new one. Blocks.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        group_directory: &Path,
        identity: Identity,
        limits: &Limits,
        salt: u32,
    ) -> Result<Self, StartError> {
        let directory = group_directory.join("log");
        disk.create_directory(&directory).map_err(|error| StartError::disk("create", &directory, error))?;
        for path in [group_directory.parent(), Some(group_directory)].into_iter().flatten() {
            disk.sync_directory(path).map_err(|error| StartError::disk("sync", path, error))?;
        }
        let found = recover(&*disk, &directory, group_directory, &identity)?;
        let replay = found.replay;
        let base = Base {
            vote: replay.vote,
            committed: replay.committed,
            purged: replay.purged,
            last_index: replay.last_index(),
        };
        let salt = if found.segments.is_empty() { salt } else { found.salt };
        let slot = |(term, place): (u64, Place)| Slot { term, stamp: 0, bytes: 0, entry: None, place: Some(place) };
        let state = State {
            vote: replay.vote,
            committed: replay.committed,
            purged: replay.purged,
            first: replay.first,
            slots: replay.entries.into_iter().map(slot).collect(),
            segments: found.segments.iter().map(|segment| (segment.first_sequence, segment.file.clone())).collect(),
            disk_bytes: found.segments.iter().map(|segment: &Segment| segment.bytes).sum(),
            ..State::default()
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            queue: Mutex::new(Queue { committed: replay.committed, ..Queue::default() }),
            work: Condvar::new(),
            task_work: Notify::new(),
            room: Notify::new(),
            failure: watch::Sender::new(None),
            disk: Arc::clone(&disk),
            measures: Measures::new(),
            toil: Toil::default(),
            salt,
            cache_bytes_max: limits.cache_bytes_max,
            queue_bytes_max: limits.queue_bytes_max,
        });
        let start = Start {
            disk,
            directory: directory.clone(),
            identity,
            salt,
            segments: found.segments,
            next_sequence: found.next_sequence,
            marked: found.marked,
            base,
            segment_bytes_max: limits.segment_bytes_max,
        };
        let writer = LogWriter::new(start, shared.clone());
        let hand = Hand::start(writer).map_err(|error| StartError::disk("start a thread for", &directory, error))?;
        lock(&shared.queue).hand = Some(hand);
        Ok(Self { shared })
    }

    /// What the group counts. The log has it, because its thread counts, too.
    pub(crate) fn measures(&self) -> &Measures {
        &self.shared.measures
    }

    /// The number of the job that the writing thread is at; nothing while it waits for one.
    pub(crate) fn working_on(&self) -> Option<u64> {
        self.shared.toil.at()
    }

    /// Bytes that wait to be written.
    pub(crate) fn waiting_bytes(&self) -> usize {
        lock(&self.shared.queue).bytes
    }

    pub(crate) fn vote(&self) -> Option<Vote> {
        lock(&self.shared.state).vote
    }

    pub(crate) fn committed(&self) -> Option<LogId> {
        lock(&self.shared.state).committed
    }

    pub(crate) fn extent(&self) -> Extent {
        let state = lock(&self.shared.state);
        let last = state.slots.back().map(|slot| log_id(slot.term, state.first + state.slots.len() as u64 - 1));
        let (disk_bytes, written_bytes) = (state.disk_bytes, state.written_bytes);
        Extent { purged: state.purged, last: last.or(state.purged), disk_bytes, written_bytes }
    }

    /// Whether the log holds nothing: no entry, not even a purged one, and no vote.
    pub(crate) fn is_fresh(&self) -> bool {
        let state = lock(&self.shared.state);
        state.slots.is_empty() && state.purged.is_none() && state.vote.is_none()
    }

    /// Log ids of the last entry of each term within the indexes.
    pub(crate) fn term_ends(&self, indexes: std::ops::RangeInclusive<u64>) -> Vec<LogId> {
        let state = lock(&self.shared.state);
        let mut ends: Vec<LogId> = Vec::new();
        for index in indexes {
            let Some(slot) = index.checked_sub(state.first).and_then(|at| state.slots.get(usize::try_from(at).ok()?))
            else {
                continue;
            };
            match ends.last_mut() {
                Some(end) if end.leader_id.term == slot.term => end.index = index,
                _ => ends.push(log_id(slot.term, index)),
            }
        }
        ends
    }

    /// Sets the vote, and writes it. Waits until it is durable, unless it only confirms the stored one: then it becomes
    /// durable with the first entry that is written under it, and its loss would change no election.
    pub(crate) async fn save_vote(&self, vote: Vote) -> io::Result<()> {
        let previous = lock(&self.shared.state).vote.replace(vote);
        let is_synced = previous.is_none_or(|previous| previous.leader_id != vote.leader_id);
        let (done, durable) = tokio::sync::oneshot::channel();
        self.push(Job::Vote { vote, is_synced, done }).await?;
        durable.await.unwrap_or_else(|_thread_ended| Err(io::Error::other("the log has stopped")))
    }

    /// Notes what is committed; written with the next job, or when the queue is idle.
    pub(crate) fn save_committed(&self, committed: LogId) {
        let mut state = lock(&self.shared.state);
        state.committed = state.committed.max(Some(committed));
        drop(state);
        let mut queue = lock(&self.shared.queue);
        queue.committed = queue.committed.max(Some(committed));
        if queue.is_resting {
            self.shared.wake();
        }
    }

    /// Makes the entries readable at once and queues them for the file.
    pub(crate) async fn append(
        &self,
        entries: impl Iterator<Item = Entry>,
        done: openraft::storage::IOFlushed<crate::consensus::Kind>,
    ) -> io::Result<()> {
        let mut forms = Vec::new();
        let mut slots = Vec::new();
        for entry in entries {
            let mut form = Form::with_capacity(entry_bytes(&entry));
            put_entry(&mut form, &entry);
            forms.push(NewEntry { index: entry.log_id.index, stamp: 0, form: form.into_vec() });
            slots.push(entry);
        }
        {
            let mut state = lock(&self.shared.state);
            for (entry, new) in slots.into_iter().zip(&mut forms) {
                new.stamp = state.push(entry, new.form.len())?;
            }
        }
        self.push(Job::Append { entries: forms, done }).await
    }

    /// Removes the entries from the index on.
    pub(crate) async fn truncate_from(&self, index: u64) -> io::Result<()> {
        lock(&self.shared.state).truncate_from(index);
        self.push(Job::Truncate { from: index }).await
    }

    /// Removes the entries up to the log id.
    pub(crate) async fn purge(&self, upto: LogId) -> io::Result<()> {
        lock(&self.shared.state).purge(upto);
        self.push(Job::Purge { upto }).await
    }

    /// The entries of the range that the log holds, in order, up to about `bytes_max` but at least one.
    pub(crate) async fn read(&self, range: Range<u64>, bytes_max: usize) -> io::Result<Vec<Entry>> {
        let sources = lock(&self.shared.state).sources(range, bytes_max)?;
        let salt = self.shared.salt;
        let needs_file = sources.iter().any(|source| matches!(source, Source::File(..)));
        if needs_file {
            work(&*self.shared.disk, move || read_sources(sources, salt)).await?
        } else {
            read_sources(sources, salt)
        }
    }

    /// An index up to which the log can be purged when a snapshot at `snapshot` exists, so that at least `keep_bytes`
    /// of older entries stay for followers that are a little behind.
    pub(crate) fn purge_candidate(&self, snapshot: u64, keep_bytes: u64) -> Option<u64> {
        let state = lock(&self.shared.state);
        let upto = usize::try_from((snapshot + 1).checked_sub(state.first)?).ok()?.min(state.slots.len());
        let mut kept = 0;
        for (at, slot) in state.slots.range(..upto).enumerate().rev() {
            kept += slot.place.map_or(slot.bytes as u64, |place| u64::from(place.bytes));
            if kept > keep_bytes {
                return Some(state.first + at as u64);
            }
        }
        None
    }

    /// About how many bytes the entries from the index on take on disk.
    pub(crate) fn bytes_after(&self, index: u64) -> u64 {
        let state = lock(&self.shared.state);
        let skipped = usize::try_from(index.saturating_sub(state.first)).unwrap_or(usize::MAX);
        let bytes = |slot: &Slot| slot.place.map_or(slot.bytes as u64, |place| u64::from(place.bytes));
        state.slots.iter().skip(skipped).map(bytes).sum()
    }

    /// Checks the relations that the head of this file states.
    #[cfg(test)]
    pub(crate) fn check(&self) {
        let state = lock(&self.shared.state);
        let uncached = state.slots.len() - state.cached;
        assert!(state.purged.is_none_or(|purged| purged.index + 1 == state.first));
        assert!(state.slots.iter().take(uncached).all(|slot| slot.entry.is_none() && slot.place.is_some()));
        assert!(state.slots.iter().skip(uncached).all(|slot| slot.entry.is_some()));
        let bytes: usize = state.slots.iter().skip(uncached).map(|slot| slot.bytes).sum();
        assert_eq!(bytes, state.cached_bytes);
    }

    /// Resolves with the reason when the log has stopped for good.
    pub(crate) fn failure(&self) -> watch::Receiver<Option<Failure>> {
        self.shared.failure.subscribe()
    }

    /// Writes what waits, syncs it, and ends the thread. Blocks, but for a task, which it leaves to end by itself.
    pub(crate) fn close(&self) {
        if let Some(Hand::Thread(thread)) = self.shared.close()
            && thread.join().is_err()
        {
            self.shared.fail("the thread that writes the log panicked");
        }
    }

    /// As [`Log::close`], on an asynchronous runtime.
    pub(crate) async fn end(&self) {
        match self.shared.close() {
            Some(Hand::Thread(thread)) => {
                let joined = tokio::task::spawn_blocking(move || thread.join()).await;
                if !matches!(joined, Ok(Ok(()))) {
                    self.shared.fail("the thread that writes the log panicked");
                }
            }
            Some(Hand::Task(mut task)) => while task.join_next().await.is_some() {},
            None => {}
        }
    }

    /// Like [`Log::close`], without waiting.
    pub(crate) fn abandon(&self) {
        lock(&self.shared.queue).is_closed = true;
        self.shared.wake();
    }

    async fn push(&self, job: Job) -> io::Result<()> {
        let shared = &self.shared;
        loop {
            let room = shared.room.notified();
            {
                let mut queue = lock(&shared.queue);
                if let Some(failure) = &queue.failure {
                    return Err(io::Error::other(failure.to_string()));
                }
                if queue.is_closed {
                    return Err(io::Error::other("the log is closed"));
                }
                if queue.bytes < shared.queue_bytes_max {
                    queue.bytes += job.bytes();
                    queue.jobs.push_back(job);
                    break;
                }
            }
            room.await;
        }
        shared.wake();
        Ok(())
    }
}

impl Shared {
    fn wake(&self) {
        self.work.notify_all();
        self.task_work.notify_one();
    }

    /// Takes no more, and gives back who writes, the first time.
    fn close(&self) -> Option<Hand> {
        let mut queue = lock(&self.queue);
        queue.is_closed = true;
        self.wake();
        queue.hand.take()
    }

    /// As [`Shared::next_work`], on an asynchronous runtime.
    pub(crate) async fn next_task_work(&self, marked: Marked, idle: Duration, bytes_max: usize) -> Work {
        loop {
            let is_at_rest = {
                let mut queue = lock(&self.queue);
                if let Some(work) = queue.work(bytes_max) {
                    return work;
                }
                queue.is_resting = queue.is_stated(marked);
                queue.is_resting
            };
            let woken = self.task_work.notified();
            if is_at_rest {
                woken.await;
                lock(&self.queue).is_resting = false;
            } else if tokio::time::timeout(idle, woken).await.is_err() {
                let mut queue = lock(&self.queue);
                let committed = queue.committed;
                return queue.work(bytes_max).unwrap_or(Work::Idle(committed));
            }
        }
    }

    /// Waits for something to do.
    pub(crate) fn next_work(&self, marked: Marked, idle: Duration, bytes_max: usize) -> Work {
        let mut queue = lock(&self.queue);
        loop {
            if let Some(work) = queue.work(bytes_max) {
                return work;
            }
            if queue.is_stated(marked) {
                queue.is_resting = true;
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.is_resting = false;
                continue;
            }
            let (guard, timeout) = self.work.wait_timeout(queue, idle).unwrap_or_else(PoisonError::into_inner);
            queue = guard;
            if timeout.timed_out() && queue.jobs.is_empty() && !queue.is_closed {
                return Work::Idle(queue.committed);
            }
        }
    }

    /// Notes where entries were written.
    pub(crate) fn written(&self, places: &[(u64, u64, Place)], bytes: u64) {
        let mut state = lock(&self.state);
        state.disk_bytes += bytes;
        state.written_bytes += bytes;
        for (index, stamp, place) in places {
            let at = index.checked_sub(state.first).and_then(|at| usize::try_from(at).ok());
            if let Some(slot) = at.and_then(|at| state.slots.get_mut(at))
                && slot.stamp == *stamp
            {
                slot.place = Some(*place);
            }
        }
        state.evict(self.cache_bytes_max);
    }

    /// Notes a new segment.
    pub(crate) fn segment(&self, first_sequence: u64, file: Arc<dyn DiskFile>) {
        lock(&self.state).segments.insert(first_sequence, file);
    }

    /// Notes that a segment was removed.
    pub(crate) fn dropped(&self, first_sequence: u64, bytes: u64) {
        let mut state = lock(&self.state);
        state.segments.remove(&first_sequence);
        state.disk_bytes = state.disk_bytes.saturating_sub(bytes);
    }

    /// Gives the room in the queue back that jobs took.
    pub(crate) fn finished(&self, bytes: usize) {
        let mut queue = lock(&self.queue);
        queue.bytes = queue.bytes.saturating_sub(bytes);
        drop(queue);
        self.room.notify_waiters();
    }

    /// Stops the log for good: everything that waits and everything to come is refused.
    pub(crate) fn fail(&self, why: &str) {
        let failure = Failure::new(why);
        let (failure, jobs) = {
            let mut queue = lock(&self.queue);
            if queue.failure.is_none() {
                tracing::error!(%failure, "the log has stopped");
            }
            (queue.failure.get_or_insert(failure).clone(), std::mem::take(&mut queue.jobs))
        };
        self.failure.send_if_modified(|current| current.is_none() && current.replace(failure.clone()).is_none());
        let error = io::Error::other(failure.to_string());
        jobs.into_iter().for_each(|job| job.finish(Err(&error)));
        self.room.notify_waiters();
    }

    /// The writing thread is gone, for whatever reason.
    pub(crate) fn thread_ended(&self) {
        let is_expected = {
            let queue = lock(&self.queue);
            (queue.is_closed || queue.failure.is_some()) && queue.jobs.is_empty()
        };
        if !is_expected {
            self.fail("the thread that writes the log ended");
        }
    }
}

impl Queue {
    /// Jobs, if there are any, or the order to end.
    fn work(&mut self, bytes_max: usize) -> Option<Work> {
        if !self.jobs.is_empty() {
            return Some(Work::Jobs(self.take(bytes_max), self.committed));
        }
        self.is_closed.then_some(Work::Close(self.committed))
    }

    /// Whether the file itself says already what is committed and synced.
    fn is_stated(&self, marked: Marked) -> bool {
        marked.is_synced_stated && self.committed <= marked.committed
    }

    fn take(&mut self, bytes_max: usize) -> Vec<Job> {
        let mut jobs = Vec::new();
        let mut bytes = 0;
        while let Some(job) = self.jobs.front() {
            bytes += job.bytes();
            if bytes > bytes_max && !jobs.is_empty() {
                break;
            }
            jobs.extend(self.jobs.pop_front());
        }
        jobs
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock was held stops the group by itself; what the lock guards is consistent between statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
