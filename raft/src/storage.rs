//! openraft's log storage, on [`Log`].

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds, RangeInclusive};

use futures_util::Stream;
use futures_util::stream::{self, TryStreamExt};
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft::{LogIdOptionExt, OptionalSend};

use crate::consensus::{Entry, Kind, LogId, Vote};
use crate::log::Log;

/// What openraft writes to and reads from.
#[derive(Clone)]
pub(crate) struct Storage {
    pub(crate) log: Log,
    /// Most bytes of entries that are read at once for a follower or to be applied.
    pub(crate) message_bytes_max: usize,
}

fn range_of(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(index) => *index,
        Bound::Excluded(index) => index.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(index) => index.saturating_add(1),
        Bound::Excluded(index) => *index,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}

impl RaftLogReader<Kind> for Storage {
    async fn try_get_log_entries<R>(&mut self, range: R) -> Result<Vec<Entry>, io::Error>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        self.log.read(range_of(&range), usize::MAX).await
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        self.log.read(start..end, self.message_bytes_max).await
    }

    /// Reads in steps, so that a replica that has much to apply does not hold it all in memory.
    async fn entries_stream<R>(&mut self, range: R) -> impl Stream<Item = Result<Entry, io::Error>> + OptionalSend
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (log, bytes_max) = (self.log.clone(), self.message_bytes_max);
        let steps = stream::try_unfold(range_of(&range), move |rest| {
            let log = log.clone();
            async move {
                if rest.is_empty() {
                    return Ok::<_, io::Error>(None);
                }
                let entries = log.read(rest.clone(), bytes_max).await?;
                let missing = || io::Error::other(format!("entry {} is missing from the log", rest.start));
                if entries.first().ok_or_else(missing)?.log_id.index != rest.start {
                    return Err(missing());
                }
                let next = rest.start + entries.len() as u64;
                Ok(Some((stream::iter(entries.into_iter().map(Ok)), next..rest.end)))
            }
        });
        Box::pin(steps.try_flatten())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.log.vote())
    }

    async fn get_key_log_ids(&mut self, range: RangeInclusive<LogId>) -> Result<Vec<LogId>, io::Error> {
        Ok(self.log.term_ends(range.start().index..=range.end().index))
    }
}

impl RaftLogStorage<Kind> for Storage {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Kind>, io::Error> {
        let extent = self.log.extent();
        Ok(LogState { last_purged_log_id: extent.purged, last_log_id: extent.last })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        self.log.save_vote(*vote).await
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        if let Some(committed) = committed {
            self.log.save_committed(committed);
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        // What is committed may be written before the last of its entries is. What is left of them is committed too.
        let last = self.log.extent().last;
        let committed = self.log.committed();
        Ok(if committed.next_index() > last.next_index() { last } else { committed })
    }

    async fn append<I>(&mut self, entries: I, done: IOFlushed<Kind>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        self.log.append(entries.into_iter(), done).await
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        self.log.truncate_from(last.next_index()).await
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        self.log.purge(upto).await
    }
}
