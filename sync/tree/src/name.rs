//! Which node has which name.
//!
//! Every live node bids for the name that it claims. If another has it, it also bids for a derived name, and so on
//! down a ladder of four rungs. Of all bids for one name below one parent, the lowest holds it: by rung, then reserved
//! names first, then by lamport, group and id. The rungs make the result unique and independent of the order in which
//! bids come: who holds a name on one rung depends only on this rung and those above it, and the last rung's names
//! belong to one node alone. A change of one bid touches at most two nodes for each rung.

use std::sync::{Arc, LazyLock};

use hanse_base::id::{ClusterId, GroupId};
use imbl::OrdSet;

use crate::row::Placement;

/// One bid of one node. The order of the fields is the order of bids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bid {
    pub(crate) parent: ClusterId,
    pub(crate) name: Arc<str>,
    rung: u8,
    unreserved: bool,
    lamport: u64,
    group: GroupId,
    pub(crate) id: ClusterId,
}

impl Bid {
    /// The bid of a node, by the placement that counts, on a rung.
    pub(crate) fn new(id: &ClusterId, placement: &Placement, rung: u8) -> Self {
        Self {
            parent: placement.parent.clone(),
            name: rung_name(id, &placement.name, rung),
            rung,
            unreserved: !placement.reserved,
            lamport: placement.lamport,
            group: placement.group.clone(),
            id: id.clone(),
        }
    }

    /// Below all bids for the name, and for the names after it.
    fn first(parent: &ClusterId, name: &Arc<str>) -> Self {
        let (group, id, _) = &*LOWEST;
        Self {
            parent: parent.clone(),
            name: name.clone(),
            rung: 0,
            unreserved: false,
            lamport: 0,
            group: group.clone(),
            id: id.clone(),
        }
    }
}

/// All bids of all nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bids(OrdSet<Bid>);

impl Bids {
    /// Adds a bid; gives the node that loses the name to it.
    pub(crate) fn insert(&mut self, bid: Bid) -> Option<ClusterId> {
        let before = self.holder(&bid.parent, &bid.name).filter(|before| **before > bid).map(|bid| bid.id.clone());
        self.0.insert(bid);
        before
    }

    /// Takes a bid back; gives the node that gets the name now.
    pub(crate) fn remove(&mut self, bid: &Bid) -> Option<ClusterId> {
        self.0.remove(bid)?;
        self.holder(&bid.parent, &bid.name).filter(|next| *next > bid).map(|next| next.id.clone())
    }

    /// The bid that holds a name.
    pub(crate) fn holder(&self, parent: &ClusterId, name: &Arc<str>) -> Option<&Bid> {
        self.0.get_next(&Bid::first(parent, name)).filter(|bid| bid.parent == *parent && bid.name == *name)
    }

    /// The names below a parent with their holders, sorted.
    pub(crate) fn names(&self, parent: &ClusterId) -> impl Iterator<Item = (&str, &ClusterId)> + '_ {
        let (.., empty) = &*LOWEST;
        let mut last: Option<&Bid> = None;
        let parent = parent.clone();
        self.0.range(Bid::first(&parent, empty)..).take_while(move |bid| bid.parent == parent).filter_map(move |bid| {
            let first = last.is_none_or(|last| last.name != bid.name);
            last = Some(bid);
            first.then_some((&*bid.name, &bid.id))
        })
    }

    /// All bids, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Bid> + '_ {
        self.0.iter()
    }
}

/// The name that a node bids for on a rung.
pub(crate) fn rung_name(id: &ClusterId, claimed: &Arc<str>, rung: u8) -> Arc<str> {
    let suffixed = |suffix: &str| {
        // A name has 63 bytes at most; all names are ASCII, by their grammar.
        let kept = claimed.len().min(62_usize.saturating_sub(suffix.len()));
        if kept == 0 { suffix.into() } else { format!("{}-{suffix}", &claimed[..kept]).into() }
    };
    match rung {
        0 => claimed.clone(),
        1 => suffixed(id.as_str()[..id.as_str().len().min(5)].trim_end_matches('-')),
        2 => suffixed(id.as_str()),
        // A dot is not allowed in claims, so nobody else can bid for it.
        _ => format!("{id}.conflict").into(),
    }
}

/// Rungs of the ladder.
pub(crate) const RUNGS: u8 = 4;

static LOWEST: LazyLock<(GroupId, ClusterId, Arc<str>)> = LazyLock::new(|| {
    let group = GroupId::new("0").expect("a digit is a group");
    (group, ClusterId::new("0").expect("a digit is a cluster"), Arc::from(""))
});
