//! The one thread that writes a group's log: takes everything that waits, writes it with one append, makes it durable
//! with one sync, then tells those who wait. Where the disk does not block it is a task, which waits for the disk between
//! writing and telling.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hanse_base::disk::Disk;
use hanse_base::mutant::Mutant;
use openraft::storage::IOFlushed;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::codec::Writer as Form;
use crate::consensus::{Kind, LogId, Vote};
use crate::form::{put_log_id, put_vote};
use crate::log::Shared;
use crate::measure::timed;
use crate::record::{Record, RecordKind, encode};
use crate::recover::{Base, Place, put_base};
use crate::segment::{HEADER_BYTES, Header, Identity, Segment};

/// How long the queue must be empty before the thread notes what is synced and committed.
const IDLE: Duration = Duration::from_millis(2);
/// Most bytes that one append takes from the queue, unless a single job is larger.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// Something to write.
pub(crate) enum Job {
    /// Entries, and whom to tell when they are durable.
    Append { entries: Vec<NewEntry>, done: IOFlushed<Kind> },
    /// A vote. One that only turns the stored vote into a committed one need not be synced for itself: see `storage`.
    Vote { vote: Vote, is_synced: bool, done: oneshot::Sender<io::Result<()>> },
    /// Entries from the index on are gone.
    Truncate { from: u64 },
    /// Entries up to the log id are gone; segments that hold nothing else are removed.
    Purge { upto: LogId },
}

/// An encoded entry on its way to the file.
pub(crate) struct NewEntry {
    pub(crate) index: u64,
    /// Tells this entry from another at the same index before or after a truncation.
    pub(crate) stamp: u64,
    pub(crate) form: Vec<u8>,
}

impl Job {
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Append { entries, .. } => entries.iter().map(|entry| entry.form.len()).sum(),
            Self::Vote { .. } | Self::Truncate { .. } | Self::Purge { .. } => 32,
        }
    }

    /// Tells the caller that it is done, or why it never will be.
    pub(crate) fn finish(self, result: Result<(), &io::Error>) {
        let result = result.map_err(|error| io::Error::new(error.kind(), error.to_string()));
        match self {
            Self::Append { done, .. } => done.io_completed(result),
            // Nobody waits any more when the group stopped meanwhile.
            Self::Vote { done, .. } => drop(done.send(result)),
            Self::Truncate { .. } | Self::Purge { .. } => {}
        }
    }
}

/// What the queue holds for the thread.
pub(crate) enum Work {
    /// Jobs, in order, and the newest committed log id.
    Jobs(Vec<Job>, Option<LogId>),
    /// Nothing waits: time to note what is committed and synced.
    Idle(Option<LogId>),
    /// The log is closed, and nothing waits.
    Close(Option<LogId>),
}

/// What the thread begins with.
pub(crate) struct Start {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) directory: PathBuf,
    pub(crate) identity: Identity,
    pub(crate) salt: u32,
    pub(crate) segments: Vec<Segment>,
    pub(crate) next_sequence: u64,
    pub(crate) marked: u64,
    pub(crate) base: Base,
    pub(crate) segment_bytes_max: u64,
}

/// Who writes.
pub(crate) enum Hand {
    /// A thread, which disks may block.
    Thread(JoinHandle<()>),
    /// A task, for disks that do not.
    Task(JoinSet<()>),
}

impl Hand {
    /// Begins to write. A task is begun within a Tokio runtime.
    pub(crate) fn start(writer: LogWriter) -> io::Result<Self> {
        if writer.start.disk.blocks() {
            let thread = std::thread::Builder::new().name("raft-log".to_owned());
            return thread.spawn(move || writer.run()).map(Self::Thread);
        }
        let mut task = JoinSet::new();
        task.spawn(writer.run_as_task());
        Ok(Self::Task(task))
    }
}

/// The state of the thread.
pub(crate) struct LogWriter {
    start: Start,
    shared: Arc<Shared>,
    active: Option<Segment>,
    older: VecDeque<Segment>,
    next_sequence: u64,
    /// Everything up to here is durable.
    synced: u64,
    /// The highest `synced` that a written record states.
    marked: u64,
    /// The state that the records written so far add up to.
    base: Base,
}

impl LogWriter {
    pub(crate) fn new(mut start: Start, shared: Arc<Shared>) -> Self {
        let mut older = VecDeque::from(std::mem::take(&mut start.segments));
        let active = older.pop_back();
        let (next_sequence, marked, base) = (start.next_sequence, start.marked, start.base);
        Self { start, shared, active, older, next_sequence, synced: next_sequence - 1, marked, base }
    }

    /// Works until the log is closed or the disk fails.
    pub(crate) fn run(mut self) {
        // Also when this thread panics, nobody may wait for it in vain.
        let _guard = Guard(self.shared.clone());
        loop {
            let work = self.shared.next_work(self.is_marked(), IDLE, BATCH_BYTES_MAX);
            self.shared.toil.begin();
            let done = self.carry_out(work);
            let is_more = self.conclude(done);
            self.shared.toil.end();
            if !is_more {
                return;
            }
        }
    }

    /// As [`LogWriter::run`], on a disk that does not block.
    async fn run_as_task(mut self) {
        let _guard = Guard(self.shared.clone());
        let shared = self.shared.clone();
        loop {
            let work = shared.next_task_work(self.is_marked(), IDLE, BATCH_BYTES_MAX).await;
            shared.toil.begin();
            let done = self.carry_out(work);
            self.start.disk.settled().await;
            let is_more = self.conclude(done);
            shared.toil.end();
            if !is_more {
                return;
            }
        }
    }

    /// Does the work on the disk. Nobody is told of it yet.
    fn carry_out(&mut self, work: Work) -> Done {
        match work {
            Work::Jobs(jobs, committed) => {
                let result = self.write(&jobs, committed);
                Done { jobs, result, is_last: false }
            }
            Work::Idle(committed) => Done { jobs: Vec::new(), result: self.note(committed, false), is_last: false },
            Work::Close(committed) => Done { jobs: Vec::new(), result: self.note(committed, true), is_last: true },
        }
    }

    /// Tells those who wait for what was done. Whether there can be more work.
    fn conclude(&mut self, done: Done) -> bool {
        let Done { jobs, result, is_last } = done;
        if let Err(error) = self.tell(jobs, result) {
            // What is on disk is unknown now. Trying again could make the kernel report success for lost pages.
            self.shared.fail(&format!("cannot write the log: {error}"));
            return false;
        }
        !is_last
    }

    /// Whether the file itself says that all that was acknowledged is durable.
    fn is_marked(&self) -> Marked {
        Marked { is_synced_stated: self.marked >= self.synced, committed: self.base.committed }
    }

    fn tell(&mut self, jobs: Vec<Job>, result: io::Result<()>) -> io::Result<()> {
        let answer = result.as_ref().map(|_durable| ());
        let failed = answer.is_err();
        let bytes: usize = jobs.iter().map(Job::bytes).sum();
        if failed {
            // First, so that nobody who is told of the failure can queue more.
            self.shared
                .fail(&format!("cannot write the log: {}", answer.err().map_or_else(String::new, ToString::to_string)));
        }
        let mut purged = None;
        for job in jobs {
            if let Job::Purge { upto } = &job {
                purged = Some(*upto);
            }
            job.finish(answer);
        }
        self.shared.finished(bytes);
        result?;
        purged.map_or(Ok(()), |upto| self.drop_segments(upto))
    }

    /// Writes the jobs and syncs them if any of them asks for it.
    fn write(&mut self, jobs: &[Job], committed: Option<LogId>) -> io::Result<()> {
        let is_new_segment = self.make_room()?;
        let Some(segment) = &self.active else { return Err(io::Error::other("no segment to write to")) };
        let (file, first_sequence, offset) = (segment.file.clone(), segment.first_sequence, segment.bytes);
        let mut buffer = Vec::with_capacity(jobs.iter().map(|job| job.bytes() + 128).sum::<usize>());
        if is_new_segment {
            let mut form = Form::default();
            put_base(&mut form, &self.base);
            self.record(&mut buffer, RecordKind::Base, &form.into_vec());
        }
        let mut places = Vec::new();
        let mut is_synced = is_new_segment;
        for job in jobs {
            is_synced |= self.job(&mut buffer, job, &mut |index, stamp, start, end| {
                let bytes = u32::try_from(end - start).unwrap_or(u32::MAX);
                places.push((index, stamp, Place { segment: first_sequence, offset: offset + start as u64, bytes }));
            });
        }
        self.committed(&mut buffer, committed);
        let measures = &self.shared.measures;
        measures.append_bytes.observe(buffer.len() as u64);
        timed(&measures.appends, || file.append(&buffer))?;
        if let Some(segment) = &mut self.active {
            segment.bytes += buffer.len() as u64;
            segment.last_index = self.base.last_index;
        }
        self.shared.written(&places, buffer.len() as u64);
        if is_synced {
            if !Mutant::AckBeforeSync.lives() {
                timed(&self.shared.measures.syncs, || file.sync())?;
            }
            if is_new_segment {
                self.start.disk.sync_directory(&self.start.directory)?;
            }
            self.synced = self.next_sequence - 1;
        }
        Ok(())
    }

    /// Appends a job's records to the buffer. Tells whether they must be synced.
    fn job(&mut self, buffer: &mut Vec<u8>, job: &Job, place: &mut dyn FnMut(u64, u64, usize, usize)) -> bool {
        match job {
            Job::Append { entries, .. } => {
                for entry in entries {
                    let start = buffer.len();
                    self.record(buffer, RecordKind::Entry, &entry.form);
                    place(entry.index, entry.stamp, start, buffer.len());
                    self.base.last_index = Some(entry.index);
                }
                true
            }
            Job::Vote { vote, is_synced, .. } => {
                let mut form = Form::default();
                put_vote(&mut form, vote);
                self.record(buffer, RecordKind::Vote, &form.into_vec());
                self.base.vote = Some(*vote);
                *is_synced && !Mutant::VoteNotSynced.lives()
            }
            Job::Truncate { from } => {
                self.record(buffer, RecordKind::Truncate, &from.to_le_bytes());
                self.base.last_index = from.checked_sub(1);
                false
            }
            Job::Purge { upto } => {
                let mut form = Form::default();
                put_log_id(&mut form, upto);
                self.record(buffer, RecordKind::Purge, &form.into_vec());
                self.base.purged = self.base.purged.max(Some(*upto));
                self.base.last_index = self.base.last_index.max(Some(upto.index));
                true
            }
        }
    }

    /// Appends a committed log id that is newer than the last one written.
    fn committed(&mut self, buffer: &mut Vec<u8>, committed: Option<LogId>) {
        if committed > self.base.committed
            && let Some(id) = committed
        {
            let mut form = Form::default();
            put_log_id(&mut form, &id);
            self.record(buffer, RecordKind::Committed, &form.into_vec());
            self.base.committed = committed;
        }
    }

    fn record(&mut self, buffer: &mut Vec<u8>, kind: RecordKind, payload: &[u8]) {
        encode(buffer, self.start.salt, &Record { kind, sequence: self.next_sequence, synced: self.synced, payload });
        self.next_sequence += 1;
        self.marked = self.synced;
    }

    /// States in the file what is committed and synced, so that damage to what was acknowledged is never taken for a
    /// torn write. Not synced, unless the log is being closed.
    fn note(&mut self, committed: Option<LogId>, is_closing: bool) -> io::Result<()> {
        let Some(segment) = &self.active else { return Ok(()) };
        let file = segment.file.clone();
        if is_closing && self.synced + 1 < self.next_sequence {
            file.sync()?;
            self.synced = self.next_sequence - 1;
        }
        let mut buffer = Vec::new();
        self.committed(&mut buffer, committed);
        if buffer.is_empty() && self.marked < self.synced {
            self.record(&mut buffer, RecordKind::Marker, &[]);
        }
        if buffer.is_empty() {
            return Ok(());
        }
        file.append(&buffer)?;
        if let Some(segment) = &mut self.active {
            segment.bytes += buffer.len() as u64;
        }
        self.shared.written(&[], buffer.len() as u64);
        if is_closing { file.sync() } else { Ok(()) }
    }

    /// Begins a new segment when there is none or the last is full. Tells whether it did.
    fn make_room(&mut self) -> io::Result<bool> {
        if let Some(full) = self.active.take_if(|segment| segment.bytes >= self.start.segment_bytes_max) {
            // Damage in a segment that is not the last is never a torn write: so all of it must be durable first.
            full.file.sync()?;
            self.synced = self.next_sequence - 1;
            self.older.push_back(full);
        }
        if self.active.is_some() {
            return Ok(false);
        }
        let identity = self.start.identity.clone();
        let header = Header { identity, salt: self.start.salt, first_sequence: self.next_sequence };
        let segment = Segment::create(&*self.start.disk, &self.start.directory, &header)?;
        self.shared.segment(segment.first_sequence, segment.file.clone());
        self.shared.written(&[], HEADER_BYTES as u64);
        self.active = Some(segment);
        Ok(true)
    }

    /// Removes the segments whose entries are all purged. The purge is durable already.
    fn drop_segments(&mut self, upto: LogId) -> io::Result<()> {
        while let Some(segment) = self.older.front()
            && segment.last_index.is_none_or(|last| last <= upto.index)
        {
            self.start.disk.remove(&segment.path)?;
            // Each by itself: if a later removal survived a crash and an earlier one did not, a hole would be found.
            self.start.disk.sync_directory(&self.start.directory)?;
            self.shared.dropped(segment.first_sequence, segment.bytes);
            self.older.pop_front();
        }
        Ok(())
    }
}

/// Work that the disk has done, or has failed to do.
struct Done {
    jobs: Vec<Job>,
    result: io::Result<()>,
    /// Whether the log is closed now.
    is_last: bool,
}

/// What the file says already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marked {
    pub(crate) is_synced_stated: bool,
    pub(crate) committed: Option<LogId>,
}

struct Guard(Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.thread_ended();
    }
}
