//! What is refused first when there is little room.

use hanse_store::growth::SLACK_BYTES;
use hanse_store::txn::Operation;

use crate::rig::{configmap, done, draft_with, id, machine, put, txn};

#[test]
fn what_is_new_or_larger_grows_and_what_makes_room_does_not() {
    let mut machine = machine("eu");
    let old = configmap("root", "old");
    done(&mut machine, txn(vec![put(&old, "x")]));
    let state = machine.hub().view();
    let deleting = Operation::Put(old.clone(), draft_with(&"y".repeat(SLACK_BYTES / 2), true));
    for (operation, grows) in [
        (put(&configmap("root", "new"), "x"), true),
        (put(&old, &"x".repeat(SLACK_BYTES * 2)), true),
        (put(&old, "y"), false),
        (deleting, false),
        (Operation::Delete(old.clone()), false),
        (Operation::FinishWorkspace { id: id("a") }, false),
    ] {
        assert_eq!(txn(vec![operation.clone()]).grows(&state), grows, "{operation:?}");
    }
    assert!(txn(vec![Operation::Delete(old), put(&configmap("root", "new"), "x")]).grows(&state));
}
