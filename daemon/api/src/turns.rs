//! One after the other, in each logical cluster: for writes that would refuse each other if they came at the same time.
//!
//! Turns are of one daemon. They save attempts; that writes are right is for their transactions to see.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hanse_base::id::ClusterId;
use tokio::sync::OwnedMutexGuard;

/// The lines that writers wait in.
#[derive(Default)]
pub(crate) struct Turns {
    by_cluster: Mutex<HashMap<ClusterId, Weak<Line>>>,
}

type Line = tokio::sync::Mutex<()>;

/// A writer's turn. The next one has its turn when this is dropped.
pub(crate) struct Turn(#[expect(dead_code, reason = "held, never read")] OwnedMutexGuard<()>);

impl Turns {
    /// Waits until it is the caller's turn in this logical cluster, in order of arrival.
    pub(crate) async fn take(&self, cluster: &ClusterId) -> Turn {
        let line = self.line(cluster);
        Turn(line.lock_owned().await)
    }

    /// No panic can happen while the lock is held; were there one, the map would be whole all the same.
    fn line(&self, cluster: &ClusterId) -> Arc<Line> {
        let mut lines = self.by_cluster.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(cluster).and_then(Weak::upgrade) {
            return line;
        }
        if lines.len() >= LINES_KEPT {
            lines.retain(|_, line| line.strong_count() > 0);
        }
        let line = Arc::new(Line::default());
        lines.insert(cluster.clone(), Arc::downgrade(&line));
        line
    }
}

/// From here on, lines that nobody waits in are taken away. There are never more than this and the requests at work.
const LINES_KEPT: usize = 64;

#[cfg(test)]
mod tests {
    use hanse_base::id::ClusterId;

    use super::{LINES_KEPT, Turns};

    #[tokio::test]
    async fn one_cluster_waits_for_its_own_writer_only_and_nothing_is_kept() {
        let turns = Turns::default();
        let id = |number: usize| ClusterId::new(&format!("c{number}")).unwrap();
        let first = turns.take(&id(0)).await;
        assert!(turns.line(&id(0)).try_lock().is_err(), "it is somebody's turn");
        drop(turns.take(&id(1)).await);
        drop(first);
        drop(turns.take(&id(0)).await);
        for number in 0..10 * LINES_KEPT {
            drop(turns.take(&id(number)).await);
        }
        assert!(turns.by_cluster.lock().unwrap().len() <= LINES_KEPT);
    }
}
