//! Names in seeds.

use hanse_base::id::{ClusterId, GroupId};

pub(crate) fn group(name: &str) -> GroupId {
    GroupId::new(name).expect("it is a name")
}

pub(crate) fn id(text: &str) -> ClusterId {
    ClusterId::new(text).expect("it is an id")
}
