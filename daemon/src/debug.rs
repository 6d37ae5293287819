//! `hanse debug`: what a daemon knows of its own parts, as JSON, for whoever looks for a cause.
//!
//! It is bounded by the number of daemons and regions, and holds neither secrets nor names of workspaces, users or objects.

use std::sync::Weak;
use std::time::Duration;

use hanse_sync::mesh::LinkState;
use serde_json::{Value, json};

use crate::metrics::Sources;
use crate::process::Process;
use crate::status::DaemonStatus;

/// All of it. `status` is this daemon's own.
pub(crate) fn debug(sources: &Sources, status: &DaemonStatus, uptime: Duration) -> Value {
    let raft = sources.group.status();
    let view = sources.home.view();
    let (topics, subscriptions) = sources.home.hub().visited();
    let api = sources.api.get().and_then(Weak::upgrade);
    let at_work = api.map(|api| api.at_work());
    json!({
        "daemon": {
            "name": status.name,
            "id": status.daemon,
            "version": status.version,
            "uptimeSeconds": uptime.as_secs(),
            "started": sources.started_ms,
        },
        "process": process(),
        "runtime": runtime(),
        "groups": [{
            "group": raft.group.as_str(),
            "role": status.role,
            "leader": status.leader,
            "term": raft.term.0,
            "engineAnswers": status.engine_answers,
            "failure": status.failure,
            "indexes": {
                "last": status.last_log,
                "committed": status.committed,
                "applied": status.applied,
                "snapshot": status.snapshot,
            },
            "voters": status.voters,
            "learners": raft.learners.iter().map(|learner| learner.0).collect::<Vec<_>>(),
            "followers": status.followers,
            "disk": {
                "condition": status.disk,
                "logBytes": raft.log_bytes,
                "logWaitingBytes": raft.log_waiting_bytes,
                "snapshotBytes": raft.snapshot_bytes,
                "freeBytes": status.disk_free_bytes,
                "totalBytes": status.disk_total_bytes,
            },
        }],
        "store": {
            "revision": view.revision().0,
            "oldestRevision": view.oldest().0,
            "objects": view.object_count(),
            "workspaces": view.cluster_count(),
            "windowBytes": view.history().bytes(),
            "topics": topics,
            "subscriptions": subscriptions,
        },
        "tree": { "tree": status.tree, "changesMerged": sources.contacts.merges() },
        "peers": peers(sources),
        "api": {
            "requests": at_work.map(|(requests, _)| requests),
            "watches": at_work.map(|(_, watches)| watches),
            "carriedHere": status.carried,
        },
        "controllers": {
            "items": sources.tally.waiting(),
            "answered": sources.tally.done(),
            "failed": sources.tally.failed(),
        },
        "certificates": status.certificates,
    })
}

fn process() -> Value {
    let process = Process::now();
    json!({
        "pid": std::process::id(),
        "rssBytes": process.rss_bytes,
        "virtualBytes": process.virtual_bytes,
        "cpuSeconds": process.cpu_seconds,
        "files": process.files,
        "filesMax": process.files_max,
        "threads": process.threads,
    })
}

fn runtime() -> Value {
    let metrics = tokio::runtime::Handle::current().metrics();
    let workers: Vec<Value> = (0..metrics.num_workers())
        .map(|worker| {
            json!({
                "parks": metrics.worker_park_count(worker),
                "polls": metrics.worker_poll_count(worker),
                "queued": metrics.worker_local_queue_depth(worker),
                "busySeconds": metrics.worker_total_busy_duration(worker).as_secs_f64(),
            })
        })
        .collect();
    json!({
        "tasks": metrics.num_alive_tasks(),
        "queued": metrics.global_queue_depth(),
        "blockingThreads": metrics.num_blocking_threads(),
        "blockingThreadsIdle": metrics.num_idle_blocking_threads(),
        "blockingQueued": metrics.blocking_queue_depth(),
        "workers": workers,
    })
}

fn peers(sources: &Sources) -> Vec<Value> {
    let links = sources.carriage.mesh().links();
    let peer = |link: hanse_sync::mesh::LinkStatus| {
        json!({
            "daemon": link.peer.daemon.0,
            "name": sources.carriage.name(link.peer.daemon),
            "region": link.peer.region.as_str(),
            "address": link.peer.address.to_string(),
            "control": state(&link.state),
            "bulk": state(&link.bulk),
            "bytesIn": link.bytes_in,
            "bytesOut": link.bytes_out,
        })
    };
    links.into_iter().map(peer).collect()
}

fn state(state: &LinkState) -> Value {
    match state {
        LinkState::Connected { rtt, since } => json!({
            "state": "connected",
            "rttMicroseconds": rtt.as_micros(),
            "seconds": since.elapsed().as_secs(),
        }),
        LinkState::Dialing => json!({"state": "dialing"}),
        LinkState::Down { why, since, .. } => {
            json!({"state": "down", "why": why, "seconds": since.elapsed().as_secs()})
        }
    }
}
