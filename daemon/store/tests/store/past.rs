//! The past can be read exactly, as far back as the window reaches.

use std::collections::BTreeMap;
use std::sync::Arc;

use hanse_base::id::Revision;
use hanse_store::history::HistoryLimits;
use hanse_store::key::{Key, Scope};
use hanse_store::object::Object;
use hanse_store::state::State;
use hanse_store::txn::Operation;
use proptest::prelude::{any, proptest};

use crate::act::{act, command};
use crate::rig::{configmap, done, machine, machine_with, put, scope, txn};

fn listed(state: &State, scope: &Scope) -> Vec<(Key, Arc<Object>)> {
    state.list(scope, None).map(|(key, object)| (key.clone(), Arc::clone(object))).collect()
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, ..Default::default() })]

    #[test]
    fn a_list_in_the_past_is_what_a_list_was_then(
        acts in proptest::collection::vec(act(), 1..60),
        window in 1..80_usize,
        limit in 1..5_usize,
        chosen in any::<proptest::sample::Index>(),
    ) {
        let limits = HistoryLimits { history_events_max: window, ..HistoryLimits::default() };
        let mut machine = machine_with("eu", limits);
        let scopes = [
            scope("configmaps", None, None),
            scope("configmaps", Some("root"), None),
            scope("configmaps", Some("root"), Some("ns0")),
            scope("configmaps", None, Some("ns1")),
            scope("workspaces.tenancy.kcp.io", Some("root"), None),
            scope("nothing", None, None),
        ];
        let scope = &scopes[chosen.index(scopes.len())];
        let mut was = BTreeMap::from([(machine.state().revision(), listed(machine.state(), scope))]);
        for (number, act) in acts.iter().enumerate() {
            let command = command(act, &machine, 1_000_000 + number as u64);
            machine.apply_batch(&[command]);
            was.insert(machine.state().revision(), listed(machine.state(), scope));
        }
        let state = machine.state();
        for (revision, then) in &was {
            let mut pages = Vec::new();
            loop {
                let after = pages.last().map(|(key, _): &(Key, _)| key.clone());
                match state.list_at(scope, *revision, after.as_ref(), limit) {
                    Ok(page) => {
                        let last = page.len() < limit;
                        pages.extend(page);
                        if last {
                            break;
                        }
                    }
                    Err(compacted) => {
                        assert!(*revision < state.oldest() && compacted.oldest == state.oldest());
                        break;
                    }
                }
            }
            if *revision >= state.oldest() {
                assert_eq!(pages, *then);
                for (key, object) in then {
                    assert_eq!(state.get_at(key, *revision).unwrap().as_ref(), Some(object));
                }
            }
        }
        assert_eq!(state.count(scope), state.list(scope, None).count() as u64);
    }
}

#[test]
fn an_object_that_came_later_was_not_there_and_one_that_went_was() {
    let mut machine = machine("eu");
    let (gone, kept) = (configmap("root", "gone"), configmap("root", "kept"));
    let (_, before) = done(&mut machine, txn(vec![put(&gone, "1"), put(&kept, "1")]));
    done(
        &mut machine,
        txn(vec![Operation::Delete(gone.clone()), put(&kept, "2"), put(&configmap("root", "new"), "1")]),
    );
    let state = machine.state();
    let list = state.list_at(&scope("configmaps", Some("root"), None), Revision(before), None, 10).unwrap();
    assert_eq!(list.iter().map(|(key, _)| key.name()).collect::<Vec<_>>(), ["gone", "kept"]);
    assert!(state.get_at(&gone, Revision(before)).unwrap().is_some());
    assert_eq!(state.get_at(&kept, Revision(before)).unwrap().unwrap().revision(), Revision(before));
    assert_eq!(state.get_at(&gone, state.revision()).unwrap(), None);
    assert_eq!(state.get_at(&kept, Revision(u64::MAX)).unwrap().as_ref(), state.get(&kept));
}
