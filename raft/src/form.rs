//! The stored and sent forms of Raft's values, version 1. They are explicit, so that neither files nor frames change
//! when openraft's own types do.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use hanse_base::id::DaemonId;

use crate::codec::{Malformed, Reader, Writer};
use crate::consensus::{Commands, Entry, LogId, Membership, Payload, SnapshotMeta, StoredMembership, Vote, log_id};

/// Terms and indexes beyond this are refused: arithmetic on smaller ones cannot overflow.
pub(crate) const NUMBER_MAX: u64 = 1 << 62;
/// Most voter sets in a membership: one, or two while it changes. More than two is not a state of Raft.
const VOTER_SETS_MAX: usize = 2;
/// Most daemons in a membership.
const DAEMONS_MAX: usize = 64;

const BLANK: u8 = 0;
const COMMANDS: u8 = 1;
const MEMBERSHIP: u8 = 2;

/// Reads a term or an index.
pub(crate) fn number(from: &mut Reader) -> Result<u64, Malformed> {
    let value = from.u64()?;
    if value > NUMBER_MAX { Err(Malformed("term or index out of range")) } else { Ok(value) }
}

pub(crate) fn put_vote(to: &mut Writer, vote: &Vote) {
    to.u64(vote.leader_id.term);
    to.u64(vote.leader_id.voted_for.0);
    to.u8(u8::from(vote.committed));
}

pub(crate) fn get_vote(from: &mut Reader) -> Result<Vote, Malformed> {
    let (term, daemon) = (number(from)?, DaemonId(from.u64()?));
    Ok(if from.flag()? { Vote::new_committed(term, daemon) } else { Vote::new(term, daemon) })
}

pub(crate) fn put_log_id(to: &mut Writer, id: &LogId) {
    to.u64(id.leader_id.term);
    to.u64(id.index);
}

pub(crate) fn get_log_id(from: &mut Reader) -> Result<LogId, Malformed> {
    Ok(log_id(number(from)?, number(from)?))
}

/// Writes a value that may be absent.
pub(crate) fn put_option<T>(to: &mut Writer, value: Option<&T>, put: impl FnOnce(&mut Writer, &T)) {
    to.u8(u8::from(value.is_some()));
    if let Some(value) = value {
        put(to, value);
    }
}

/// Reads a value that may be absent.
pub(crate) fn get_option<T>(
    from: &mut Reader,
    get: impl FnOnce(&mut Reader) -> Result<T, Malformed>,
) -> Result<Option<T>, Malformed> {
    if from.flag()? { get(from).map(Some) } else { Ok(None) }
}

pub(crate) fn put_membership(to: &mut Writer, membership: &Membership) {
    let sets = membership.get_joint_config();
    to.count(sets.len());
    for set in sets {
        to.count(set.len());
        set.iter().for_each(|daemon| to.u64(daemon.0));
    }
    let daemons: Vec<_> = membership.nodes().map(|(daemon, ())| *daemon).collect();
    to.count(daemons.len());
    daemons.iter().for_each(|daemon| to.u64(daemon.0));
}

pub(crate) fn get_membership(from: &mut Reader) -> Result<Membership, Malformed> {
    let sets = from.count(4)?;
    if sets > VOTER_SETS_MAX {
        return Err(Malformed("too many voter sets"));
    }
    let sets = (0..sets).map(|_| get_daemons(from)).collect::<Result<Vec<_>, _>>()?;
    let nodes: BTreeMap<_, _> = get_daemons(from)?.into_iter().map(|daemon| (daemon, ())).collect();
    if sets.is_empty() && nodes.is_empty() {
        return Ok(Membership::default());
    }
    Membership::new(sets, nodes).map_err(|_invalid| Malformed("not a membership"))
}

fn get_daemons(from: &mut Reader) -> Result<BTreeSet<DaemonId>, Malformed> {
    let count = from.count(8)?;
    if count > DAEMONS_MAX {
        return Err(Malformed("too many daemons"));
    }
    (0..count).map(|_| from.u64().map(DaemonId)).collect()
}

fn put_stored_membership(to: &mut Writer, membership: &StoredMembership) {
    put_option(to, membership.log_id().as_ref(), put_log_id);
    put_membership(to, membership.membership());
}

fn get_stored_membership(from: &mut Reader) -> Result<StoredMembership, Malformed> {
    Ok(StoredMembership::new(get_option(from, get_log_id)?, get_membership(from)?))
}

pub(crate) fn put_meta(to: &mut Writer, meta: &SnapshotMeta) {
    put_option(to, meta.last_log_id.as_ref(), put_log_id);
    put_stored_membership(to, &meta.last_membership);
}

pub(crate) fn get_meta(from: &mut Reader) -> Result<SnapshotMeta, Malformed> {
    Ok(SnapshotMeta { last_log_id: get_option(from, get_log_id)?, last_membership: get_stored_membership(from)? })
}

pub(crate) fn put_commands(to: &mut Writer, commands: &[Bytes]) {
    to.count(commands.len());
    commands.iter().for_each(|command| to.bytes(command));
}

pub(crate) fn get_commands(from: &mut Reader) -> Result<Vec<Bytes>, Malformed> {
    let count = from.count(4)?;
    (0..count).map(|_| from.bytes()).collect()
}

pub(crate) fn put_entry(to: &mut Writer, entry: &Entry) {
    put_log_id(to, &entry.log_id);
    match &entry.payload {
        Payload::Blank => to.u8(BLANK),
        Payload::Normal(commands) => {
            to.u8(COMMANDS);
            put_commands(to, &commands.0);
        }
        Payload::Membership(membership) => {
            to.u8(MEMBERSHIP);
            put_membership(to, membership);
        }
    }
}

pub(crate) fn get_entry(from: &mut Reader) -> Result<Entry, Malformed> {
    let log_id = get_log_id(from)?;
    let payload = match from.u8()? {
        BLANK => Payload::Blank,
        COMMANDS => Payload::Normal(Commands::from(get_commands(from)?)),
        MEMBERSHIP => Payload::Membership(get_membership(from)?),
        _ => return Err(Malformed("unknown kind of entry")),
    };
    Ok(Entry { log_id, payload })
}

/// About how many bytes [`put_entry`] writes.
pub(crate) fn entry_bytes(entry: &Entry) -> usize {
    match &entry.payload {
        Payload::Blank => 17,
        Payload::Normal(commands) => 21 + 4 * commands.0.len() + commands.bytes(),
        Payload::Membership(_) => 64,
    }
}
