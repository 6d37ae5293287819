//! A net in memory between replicas of one process, whose links can be cut.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hanse_base::id::DaemonId;
use hanse_base::net::{BoxFuture, Net, NetError};

use crate::group::Group;

/// All daemons and links. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Hub(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    groups: BTreeMap<DaemonId, Group>,
    cut: BTreeSet<(DaemonId, DaemonId)>,
    calls: BTreeMap<(DaemonId, DaemonId), u64>,
    uploads: u64,
}

/// The net as one daemon sees it.
pub(crate) struct HubNet {
    hub: Hub,
    here: DaemonId,
}

impl Hub {
    pub(crate) fn net(&self, here: DaemonId) -> Arc<dyn Net> {
        Arc::new(HubNet { hub: self.clone(), here })
    }

    pub(crate) fn join(&self, daemon: DaemonId, group: Group) {
        self.0.lock().unwrap().groups.insert(daemon, group);
    }

    pub(crate) fn leave(&self, daemon: DaemonId) {
        self.0.lock().unwrap().groups.remove(&daemon);
    }

    /// Cuts or mends both ways between a daemon and all others.
    pub(crate) fn isolate(&self, daemon: DaemonId, others: &[DaemonId], is_cut: bool) {
        let mut state = self.0.lock().unwrap();
        for other in others.iter().filter(|other| **other != daemon) {
            for way in [(daemon, *other), (*other, daemon)] {
                if is_cut {
                    state.cut.insert(way)
                } else {
                    state.cut.remove(&way)
                };
            }
        }
    }

    /// Cuts the ways from all others to a daemon, which is heard by them and hears nobody.
    pub(crate) fn deafen(&self, daemon: DaemonId, others: &[DaemonId]) {
        let others = others.iter().filter(|other| **other != daemon);
        self.0.lock().unwrap().cut.extend(others.map(|other| (*other, daemon)));
    }

    pub(crate) fn calls(&self, from: DaemonId, to: DaemonId) -> u64 {
        self.0.lock().unwrap().calls.get(&(from, to)).copied().unwrap_or(0)
    }

    fn is_cut(&self, from: DaemonId, to: DaemonId) -> bool {
        self.0.lock().unwrap().cut.contains(&(from, to))
    }

    pub(crate) fn uploads(&self) -> u64 {
        self.0.lock().unwrap().uploads
    }
}

impl HubNet {
    fn reach(&self, to: DaemonId) -> Result<Group, NetError> {
        let mut state = self.hub.0.lock().unwrap();
        *state.calls.entry((self.here, to)).or_default() += 1;
        let is_cut = state.cut.contains(&(self.here, to));
        let group = state.groups.get(&to).filter(|_group| !is_cut).cloned();
        group.ok_or_else(|| NetError::Unreachable { daemon: to, why: "no link".to_owned() })
    }
}

impl Net for HubNet {
    fn call(&self, to: DaemonId, request: Bytes, wait: Duration) -> BoxFuture<'_, Result<Bytes, NetError>> {
        Box::pin(async move {
            let group = self.reach(to)?;
            let answer = tokio::time::timeout(wait, group.receive_call(self.here, request)).await;
            if self.hub.is_cut(to, self.here) {
                // Nothing tells the caller that its answer is lost.
                tokio::time::sleep(wait).await;
                return Err(NetError::Unanswered { daemon: to, why: "no answer".to_owned() });
            }
            answer.map_err(|_elapsed| NetError::Unanswered { daemon: to, why: "too late".to_owned() })
        })
    }

    fn upload(
        &self,
        to: DaemonId,
        head: Bytes,
        mut body: Box<dyn Read + Send>,
        _wait: Duration,
    ) -> BoxFuture<'_, Result<Bytes, NetError>> {
        Box::pin(async move {
            let group = self.reach(to)?;
            self.hub.0.lock().unwrap().uploads += 1;
            let mut bytes = Vec::new();
            body.read_to_end(&mut bytes).unwrap();
            Ok(group.receive_upload(self.here, head, Box::new(Cursor::new(bytes))).await)
        })
    }
}
