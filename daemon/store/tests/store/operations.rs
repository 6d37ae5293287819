//! What each operation and each precondition does and refuses.

use bytes::Bytes;
use hanse_base::id::Revision;
use hanse_store::history::EventKind;
use hanse_store::key::Key;
use hanse_store::machine::Machine;
use hanse_store::object::Draft;
use hanse_store::txn::{Exceeded, NewWorkspace, Operation, Outcome, Precondition, RESERVATION_MS, Refusal, Txn};
use hanse_store::workspace::WORKSPACES;

use crate::rig::{
    apply, configmap, content, create, data, deliver, describe, done, draft, draft_with, group, guarded, id, key,
    machine, names, put, refused, rename, revision, scope, txn, update, workspace,
};

#[test]
fn each_event_takes_the_next_revision_in_the_order_of_the_operations() {
    let mut machine = machine("eu");
    let before = revision(&machine);
    let (a, b) = (configmap("root", "a"), configmap("root", "b"));
    let absent = configmap("root", "absent");
    let operations =
        vec![put(&b, "1"), put(&a, "2"), Operation::Delete(absent), put(&b, "3"), Operation::Delete(a.clone())];
    let (first, last) = done(&mut machine, txn(operations));
    assert_eq!((first, last), (before.0 + 1, before.0 + 4));
    let events: Vec<_> =
        machine.state().events_after(before).unwrap().map(|e| (e.kind, e.key.clone(), e.revision.0)).collect();
    let expected = [
        (EventKind::Added, b.clone(), first),
        (EventKind::Added, a.clone(), first + 1),
        (EventKind::Modified, b.clone(), first + 2),
        (EventKind::Deleted, a.clone(), first + 3),
    ];
    assert_eq!(events, expected);
    assert_eq!((data(&machine, &a), data(&machine, &b)), (None, Some("3".into())));
    let nothing = done(&mut machine, txn(vec![]));
    assert_eq!(nothing, (last, last), "without an event both are the group's revision");
}

#[test]
fn of_two_writers_who_saw_the_same_one_wins() {
    let mut machine = machine("eu");
    let key = configmap("root", "a");
    let create = guarded(vec![Precondition::Absent(key.clone())], vec![put(&key, "1")]);
    let outcomes = apply(&mut machine, &[create.clone(), create]);
    let Outcome::Done { last: seen, .. } = outcomes[0] else { panic!("{outcomes:?}") };
    assert!(matches!(&outcomes[1], Outcome::Refused(Refusal::Exists { .. })));
    let write = |text| guarded(vec![Precondition::At(key.clone(), seen)], vec![put(&key, text)]);
    let outcomes = apply(&mut machine, &[write("2"), write("3")]);
    let Outcome::Done { last, .. } = outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(outcomes[1], Outcome::Refused(Refusal::Changed { current: last.0 }));
    assert_eq!(data(&machine, &key), Some("2".into()));
}

#[test]
fn preconditions_refuse_exactly_what_they_say() {
    let mut machine = machine("eu");
    let (namespace, missing) = (key("namespaces", "root", "", "n"), key("namespaces", "root", "", "missing"));
    let inside = key("configmaps", "root", "n", "x");
    let (_, at) = done(&mut machine, txn(vec![put(&namespace, "1")]));
    let check =
        |machine: &mut _, precondition: Precondition| apply(machine, &[guarded(vec![precondition], vec![])]).remove(0);
    let holds = [
        Precondition::Absent(missing.clone()),
        Precondition::At(namespace.clone(), Revision(at)),
        Precondition::Live(namespace.clone()),
        Precondition::ClusterLive(id("root")),
        Precondition::ClusterLive(id("system:any")),
        Precondition::ClusterHome(id("root")),
        Precondition::NamespaceEmpty(id("root"), "n".into()),
    ];
    for precondition in holds {
        assert!(matches!(check(&mut machine, precondition.clone()), Outcome::Done { .. }), "{precondition:?}");
    }
    done(&mut machine, txn(vec![Operation::Put(namespace.clone(), draft_with("2", true)), put(&inside, "1")]));
    let text = |key: &Key| format!("{key:?}");
    let cases = [
        (Precondition::Absent(namespace.clone()), Refusal::Exists { what: text(&namespace) }),
        (Precondition::At(missing.clone(), Revision(1)), Refusal::Missing { what: text(&missing) }),
        (Precondition::At(namespace.clone(), Revision(at)), Refusal::Changed { current: at + 1 }),
        (Precondition::Live(missing.clone()), Refusal::Missing { what: text(&missing) }),
        (Precondition::Live(namespace.clone()), Refusal::Deleting { what: text(&namespace) }),
        (Precondition::ClusterLive(id("other")), Refusal::NotHome { cluster: id("other") }),
        (Precondition::ClusterHome(id("other")), Refusal::NotHome { cluster: id("other") }),
        (Precondition::NamespaceEmpty(id("root"), "n".into()), Refusal::NotEmpty { what: "n (configmaps)".into() }),
    ];
    for (precondition, refusal) in cases {
        assert_eq!(check(&mut machine, precondition), Outcome::Refused(refusal));
    }
    let ending: Vec<_> = machine.state().ending_namespaces().cloned().collect();
    assert_eq!(ending, std::slice::from_ref(&namespace));
    done(&mut machine, txn(vec![Operation::Delete(namespace)]));
    assert_eq!(machine.state().ending_namespaces().count(), 0);
}

#[test]
fn a_refused_transaction_changes_nothing_even_when_its_first_steps_were_fine() {
    let mut machine = machine("eu");
    let good = || put(&configmap("root", "a"), "1");
    let bad = Operation::Put(configmap("root", "b"), Draft { revision_at: 3, ..draft("x") });
    assert!(matches!(refused(&mut machine, txn(vec![good(), bad.clone()])), Refusal::Malformed { .. }));
    let elsewhere = put(&configmap("elsewhere", "a"), "1");
    assert_eq!(refused(&mut machine, txn(vec![good(), elsewhere])), Refusal::NotHome { cluster: id("elsewhere") });
    let projected = put(&key(WORKSPACES, "root", "", "w"), "1");
    assert!(matches!(refused(&mut machine, txn(vec![good(), projected])), Refusal::Malformed { .. }));
    let steps = vec![create("w1", "root", "a"), good(), bad];
    assert!(matches!(refused(&mut machine, txn(steps)), Refusal::Malformed { .. }));
    let steps = vec![create("w1", "root", "a"), create("w2", "root", "a")];
    assert_eq!(refused(&mut machine, txn(steps)), Refusal::Exists { what: "a".into() });
    done(&mut machine, txn(vec![create("w1", "root", "a"), put(&configmap("w1", "c"), "1")]));
}

#[test]
fn the_region_and_root_are_founded_once() {
    let mut eu = machine("eu");
    assert_eq!(refused(&mut eu, txn(vec![Operation::FoundRoot(vec![])])), Refusal::Exists { what: "root".into() });
    assert!(matches!(refused(&mut eu, txn(vec![describe("us", "eu")])), Refusal::Malformed { .. }));
    assert!(matches!(refused(&mut eu, txn(vec![describe("eu", "us")])), Refusal::Malformed { .. }));
    let mut us = machine("us");
    assert_eq!(refused(&mut us, txn(vec![Operation::FoundRoot(vec![])])), Refusal::NotHome { cluster: id("root") });
    assert_eq!(us.state().home_of(&id("root")), Some(&group("eu")));
    assert_eq!(us.state().home_of(&id("system:admin")), Some(&group("us")));
    assert_eq!(us.state().home_of(&id("unknown")), None);
    assert_eq!(us.state().resolve("root"), Some(id("root")));
    assert_eq!(us.state().resolve("system:admin"), Some(id("system:admin")));
}

#[test]
fn a_workspace_is_there_with_all_it_begins_with_in_one_commit() {
    let mut machine = machine("eu");
    done(&mut machine, txn(vec![create("w1", "root", "org")]));
    done(&mut machine, txn(vec![create("w2", "w1", "team")]));
    let state = machine.state();
    assert_eq!(state.resolve("root:org:team"), Some(id("w2")));
    assert_eq!(state.resolve("w1:team"), Some(id("w2")));
    assert_eq!(state.home_of(&id("w2")), Some(&group("eu")));
    assert_eq!(state.cluster(&id("w2")).map(|cluster| (cluster.epoch.0, cluster.deleting)), Some((1, false)));
    assert!(state.get(&key("namespaces", "w2", "", "default")).is_some());
    let shown = workspace(&machine, "w1", "team").unwrap();
    assert_eq!(shown["spec"]["URL"], "https://eu.example:6443/clusters/root:org:team");
    assert_eq!(shown["spec"]["cluster"], "w2");
    assert_eq!(shown["metadata"]["labels"]["region"], "eu");
    let at = key(WORKSPACES, "w1", "", "team");
    assert_eq!(state.workspace_row(&at), Some((id("w2"), 1)));
    assert_eq!(state.workspace_key(&id("w2")), Some(&at));
    assert!(state.workspace_merged(&id("w2"), 1) && !state.workspace_merged(&id("w2"), 2));
    assert_eq!(state.count(&scope(WORKSPACES, None, None)), 2);
}

#[test]
fn a_workspace_is_not_made_where_it_cannot_be() {
    let mut machine = machine("eu");
    done(&mut machine, txn(vec![create("w1", "root", "org"), create("w2", "root", "other")]));
    done(&mut machine, txn(vec![update("w2", 1, "x", true)]));
    let first = |cluster: &str| {
        Operation::CreateWorkspace(NewWorkspace {
            id: id("w9"),
            parent: id("root"),
            name: "new".into(),
            reserved: false,
            content: content("new", false),
            objects: vec![(key("namespaces", cluster, "", "default"), draft("x"))],
        })
    };
    let large = Operation::CreateWorkspace(NewWorkspace {
        id: id("w9"),
        parent: id("root"),
        name: "new".into(),
        reserved: false,
        content: Bytes::from(vec![b' '; 300_000]),
        objects: vec![],
    });
    let cases = [
        (create("w1", "root", "new"), Refusal::Exists { what: "w1".into() }),
        (create("root", "w1", "new"), Refusal::Exists { what: "root".into() }),
        (create("w9", "root", "org"), Refusal::Exists { what: "org".into() }),
        (create("w9", "unknown", "new"), Refusal::Missing { what: "unknown".into() }),
        (create("w9", "w2", "new"), Refusal::Deleting { what: "w2".into() }),
    ];
    for (operation, refusal) in cases {
        assert_eq!(refused(&mut machine, txn(vec![operation])), refusal);
    }
    for operation in
        [create("w9", "root", "No"), create("w9", "root", ""), create("system:x", "root", "n"), first("w1"), large]
    {
        assert!(matches!(refused(&mut machine, txn(vec![operation])), Refusal::Malformed { .. }));
    }
}

#[test]
fn a_row_is_changed_only_by_who_saw_its_version_and_only_at_its_home() {
    let (mut eu, mut us) = (machine("eu"), machine("us"));
    done(&mut eu, txn(vec![create("w1", "root", "org")]));
    deliver(&eu, &mut us);
    assert_eq!(refused(&mut us, txn(vec![update("w1", 1, "x", false)])), Refusal::NotHome { cluster: id("w1") });
    assert_eq!(refused(&mut us, txn(vec![rename("w1", 1, "root", "x")])), Refusal::NotHome { cluster: id("w1") });
    assert_eq!(refused(&mut eu, txn(vec![update("w1", 2, "x", false)])), Refusal::Changed { current: 1 });
    done(&mut eu, txn(vec![update("w1", 1, "changed", false)]));
    assert_eq!(refused(&mut eu, txn(vec![rename("w1", 1, "root", "x")])), Refusal::Changed { current: 2 });
    assert_eq!(workspace(&eu, "root", "org").unwrap()["spec"]["note"], "changed");
    let before = revision(&us);
    deliver(&eu, &mut us);
    assert!(us.state().workspace_merged(&id("w1"), 2));
    assert_eq!(revision(&us), before.next(), "one change is one event");
    assert_eq!(workspace(&us, "root", "org").unwrap()["spec"]["note"], "changed");
}

#[test]
fn a_rename_moves_the_object_and_the_urls_below_it() {
    let mut machine = machine("eu");
    done(&mut machine, txn(vec![create("w1", "root", "org"), create("w2", "w1", "team"), create("w3", "w2", "deep")]));
    let before = revision(&machine);
    done(&mut machine, txn(vec![rename("w1", 1, "root", "firm")]));
    let events: Vec<_> =
        machine.state().events_after(before).unwrap().map(|e| (e.kind, e.key.name().to_owned())).collect();
    let expected = [
        (EventKind::Deleted, "org".to_owned()),
        (EventKind::Added, "firm".into()),
        (EventKind::Modified, "team".into()),
        (EventKind::Modified, "deep".into()),
    ];
    assert_eq!(events, expected);
    let url = "https://eu.example:6443/clusters/root:firm:team:deep";
    assert_eq!(workspace(&machine, "w2", "deep").unwrap()["spec"]["URL"], url);
    done(&mut machine, txn(vec![rename("w2", 1, "root", "team")]));
    assert_eq!((names(&machine, "root"), names(&machine, "w1")), (vec!["firm".into(), "team".into()], vec![]));
    assert_eq!(refused(&mut machine, txn(vec![rename("w2", 2, "w3", "x")])), Refusal::Cycle { id: id("w2") });
    assert_eq!(refused(&mut machine, txn(vec![rename("w2", 2, "w2", "x")])), Refusal::Cycle { id: id("w2") });
    assert_eq!(
        refused(&mut machine, txn(vec![rename("w2", 2, "root", "firm")])),
        Refusal::Exists { what: "firm".into() }
    );
    assert_eq!(
        refused(&mut machine, txn(vec![rename("w2", 2, "nowhere", "x")])),
        Refusal::Missing { what: "nowhere".into() }
    );
}

#[test]
fn names_may_change_hands_in_one_transaction() {
    let mut machine = machine("eu");
    done(&mut machine, txn(vec![create("w1", "root", "a"), create("w2", "root", "b")]));
    done(
        &mut machine,
        txn(vec![rename("w1", 1, "root", "c"), rename("w2", 1, "root", "a"), rename("w1", 2, "root", "b")]),
    );
    assert_eq!(workspace(&machine, "root", "a").unwrap()["spec"]["cluster"], "w2");
    assert_eq!(workspace(&machine, "root", "b").unwrap()["spec"]["cluster"], "w1");
    assert_eq!(names(&machine, "root"), ["a", "b"]);
}

#[test]
fn a_new_address_shows_in_all_workspaces() {
    let mut machine = machine("eu");
    done(&mut machine, txn(vec![create("w1", "root", "a"), create("w2", "w1", "b")]));
    let before = revision(&machine).0;
    let Operation::Describe(mut region) = describe("eu", "eu") else { unreachable!() };
    region.url = "https://moved.example".into();
    assert_eq!(done(&mut machine, txn(vec![Operation::Describe(region.clone())])), (before + 1, before + 2));
    assert_eq!(workspace(&machine, "w1", "b").unwrap()["spec"]["URL"], "https://moved.example/clusters/root:a:b");
    assert_eq!(done(&mut machine, txn(vec![Operation::Describe(region)])), (before + 2, before + 2));
}

#[test]
fn a_workspace_ends_when_it_is_empty_and_takes_its_name_with_it() {
    let mut machine = machine("eu");
    done(&mut machine, txn(vec![create("w1", "root", "org"), create("w2", "w1", "team")]));
    let finish = |workspace: &str| txn(vec![Operation::FinishWorkspace { id: id(workspace) }]);
    assert!(matches!(refused(&mut machine, finish("w1")), Refusal::Malformed { .. }), "its deletion has not begun");
    done(&mut machine, txn(vec![update("w1", 1, "x", true)]));
    assert_eq!(machine.state().ending_clusters().cloned().collect::<Vec<_>>(), [id("w1")]);
    assert_eq!(machine.state().doomed().cloned().collect::<Vec<_>>(), [id("w2")], "children go with their parent");
    assert!(matches!(refused(&mut machine, txn(vec![update("w1", 2, "x", false)])), Refusal::Malformed { .. }));
    let live = guarded(vec![Precondition::ClusterLive(id("w1"))], vec![]);
    assert_eq!(refused(&mut machine, live), Refusal::Deleting { what: "w1".into() });
    done(&mut machine, txn(vec![Operation::Delete(key("namespaces", "w1", "", "default"))]));
    let not_empty = refused(&mut machine, finish("w1"));
    assert_eq!(not_empty, Refusal::NotEmpty { what: format!("w1 ({WORKSPACES})") });
    done(&mut machine, txn(vec![update("w2", 1, "x", true)]));
    assert_eq!(machine.state().doomed().count(), 0);
    done(&mut machine, txn(vec![Operation::Delete(key("namespaces", "w2", "", "default"))]));
    done(&mut machine, finish("w2"));
    done(&mut machine, finish("w1"));
    assert_eq!(names(&machine, "root"), Vec::<String>::new());
    assert_eq!((machine.state().cluster(&id("w1")), machine.state().resolve("w1")), (None, None));
    assert!(machine.state().workspace_merged(&id("w1"), 3));
    assert_eq!(refused(&mut machine, finish("w1")), Refusal::NotHome { cluster: id("w1") });
    assert_eq!(refused(&mut machine, txn(vec![create("w1", "root", "org")])), Refusal::Exists { what: "w1".into() });
    done(&mut machine, txn(vec![create("w3", "root", "org")]));
    let orphan = refused(&mut machine, txn(vec![create("w4", "w1", "x")]));
    assert_eq!(orphan, Refusal::Missing { what: "w1".into() });
    for gone in ["w1", "w2"] {
        assert_eq!(machine.state().home_of(&id(gone)), None, "nobody answers for {gone}");
    }
}

#[test]
fn a_reserved_name_waits_for_its_workspace_and_for_no_other() {
    let (mut eu, mut us) = (machine("eu"), machine("us"));
    let reserve = |name: &str, workspace: &str| {
        let (parent, name, id) = (id("root"), name.to_owned(), id(workspace));
        txn(vec![Operation::ReserveName { parent, name, id }])
    };
    assert_eq!(refused(&mut us, reserve("org", "w1")), Refusal::NotHome { cluster: id("root") });
    done(&mut eu, reserve("org", "w1"));
    done(&mut eu, reserve("org", "w1"));
    assert_eq!(refused(&mut eu, reserve("org", "w2")), Refusal::Exists { what: "org".into() });
    assert_eq!(refused(&mut eu, txn(vec![create("w2", "root", "org")])), Refusal::Exists { what: "org".into() });
    let later = Txn { time_ms: 1_000_000 + RESERVATION_MS, ..reserve("org", "w2") };
    done(&mut eu, later);
    assert_eq!(
        refused(&mut eu, Txn { time_ms: 1_000_000 + RESERVATION_MS, ..reserve("org", "w1") }),
        Refusal::Exists { what: "org".into() }
    );
    let Operation::CreateWorkspace(mut new) = create("w2", "root", "org") else { unreachable!() };
    new.reserved = true;
    done(&mut us, txn(vec![Operation::CreateWorkspace(new)]));
    deliver(&us, &mut eu);
    assert_eq!(eu.state().resolve("root:org"), Some(id("w2")));
    done(&mut eu, reserve("org", "w2"));
    assert_eq!(refused(&mut eu, reserve("org", "w1")), Refusal::Exists { what: "org".into() });
}

#[test]
fn a_quota_is_exact_among_creators_who_do_not_know_of_each_other() {
    let mut machine = machine("eu");
    let below = |quota: &str, item: &str, resource: &str, limit| Precondition::CountBelow {
        cluster: id("root"),
        namespace: "default".into(),
        resource: resource.into(),
        limit,
        quota: quota.into(),
        item: item.into(),
    };
    let create = |name: &str| {
        let key = configmap("root", name);
        let preconditions = vec![
            below("wide", "count/configmaps", "configmaps", 50),
            below("q", "count/secrets", "secrets", 1),
            below("q", "count/configmaps", "configmaps", 5),
            Precondition::Absent(key.clone()),
        ];
        guarded(preconditions, vec![put(&key, "1")])
    };
    let creators: Vec<Txn> = (0..32).map(|number| create(&format!("c{number}"))).collect();
    let outcomes = apply(&mut machine, &creators);
    let made = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Done { .. })).count();
    assert_eq!(made, 5, "never over, never refusing what fits");
    let exceeded = |item: &str, used, limit| Exceeded { item: item.into(), used, limit };
    let refusal = Refusal::OverQuota { quota: "q".into(), exceeded: vec![exceeded("count/configmaps", 5, 5)] };
    assert!(outcomes[5..].iter().all(|outcome| *outcome == Outcome::Refused(refusal.clone())));
    // One that goes makes place for one.
    done(&mut machine, txn(vec![Operation::Delete(configmap("root", "c0"))]));
    let outcomes = apply(&mut machine, &[create("d"), create("e")]);
    assert!(matches!(outcomes[0], Outcome::Done { .. }) && matches!(outcomes[1], Outcome::Refused(_)));
    // All that is exceeded in a quota is told at once, and another namespace's objects do not count.
    done(&mut machine, txn(vec![put(&key("secrets", "root", "other", "s"), "1")]));
    let both = vec![
        below("wide", "configmaps", "configmaps", 6),
        below("q", "count/secrets", "secrets", 0),
        below("q", "count/configmaps", "configmaps", 5),
        below("q", "configmaps", "configmaps", 4),
        below("last", "configmaps", "configmaps", 0),
    ];
    let expected =
        vec![exceeded("configmaps", 5, 4), exceeded("count/configmaps", 5, 5), exceeded("count/secrets", 0, 0)];
    let refusal = Refusal::OverQuota { quota: "q".into(), exceeded: expected };
    assert_eq!(machine.state().rehearse(&both), Err(refusal.clone()));
    assert_eq!(refused(&mut machine, guarded(both, vec![])), refusal);
}

#[test]
fn whoever_depends_on_all_of_a_resource_notices_each_change_of_it() {
    let mut machine = machine("eu");
    let (x, y) = (key("widgets.example.com", "root", "", "x"), key("widgets.example.com", "root", "", "y"));
    let since = revision(&machine);
    let unchanged =
        |since| Precondition::ResourceUnchanged { cluster: id("root"), resource: "widgets.example.com".into(), since };
    // Of two who saw nothing, one is first.
    let first = |key: &Key| guarded(vec![unchanged(since)], vec![put(key, "1")]);
    let outcomes = apply(&mut machine, &[first(&x), first(&y)]);
    let Outcome::Done { last, .. } = outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(outcomes[1], Outcome::Refused(Refusal::Changed { current: last.0 }));
    let steps: [(Operation, &str); 5] = [
        (put(&x, "2"), "a replacement"),
        (put(&y, "1"), "a creation"),
        (Operation::Delete(y), "a deletion"),
        (Operation::Delete(x.clone()), "the last one's deletion"),
        (put(&x, "3"), "another first"),
    ];
    for (operation, what) in steps {
        let seen = revision(&machine);
        assert_eq!(machine.state().rehearse(&[unchanged(seen)]), Ok(()), "before {what}");
        done(&mut machine, txn(vec![operation]));
        let last = machine.state().last_change(&id("root"), "widgets.example.com");
        assert_eq!(last, revision(&machine), "{what}");
        assert_eq!(machine.state().rehearse(&[unchanged(seen)]), Err(Refusal::Changed { current: last.0 }), "{what}");
    }
    let seen = revision(&machine);
    done(&mut machine, txn(vec![put(&configmap("root", "a"), "1"), create("w1", "root", "w1")]));
    done(&mut machine, txn(vec![put(&key("widgets.example.com", "w1", "", "x"), "1")]));
    assert_eq!(machine.state().rehearse(&[unchanged(seen)]), Ok(()), "others' changes are none");
}

#[test]
fn a_resource_is_empty_when_its_last_object_is_gone() {
    let mut machine = machine("eu");
    let empty = Precondition::ResourceEmpty { cluster: id("root"), resource: "widgets.example.com".into() };
    let (x, elsewhere) =
        (key("widgets.example.com", "root", "n", "x"), key("widgets.example.com", "system:a", "", "x"));
    done(&mut machine, txn(vec![put(&x, "1"), put(&elsewhere, "1")]));
    let refusal = refused(&mut machine, guarded(vec![empty.clone()], vec![]));
    assert_eq!(refusal, Refusal::NotEmpty { what: "widgets.example.com (1)".into() });
    done(&mut machine, txn(vec![Operation::Delete(x)]));
    done(&mut machine, guarded(vec![empty], vec![]));
}

#[test]
fn the_owners_of_objects_are_found_and_forgotten_with_them() {
    let mut machine = machine("eu");
    let owned = |name: &str, owners: &[&str], deleting: bool, finalizer: &str| {
        let references: Vec<_> = owners.iter().map(|uid| serde_json::json!({"uid": uid})).collect();
        let mut object = serde_json::json!({"metadata": {"name": name, "ownerReferences": references}});
        object["metadata"]["finalizers"] = [finalizer].as_slice().into();
        if deleting {
            object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        }
        Operation::Put(configmap("root", name), Draft::of(&object).unwrap())
    };
    let dependents = |machine: &Machine, cluster: &str, uid: &str| -> Vec<String> {
        let found = machine.state().dependents(&id(cluster), uid, None);
        found.map(|key| key.name().to_owned()).collect()
    };
    let long = "x".repeat(1000);
    done(
        &mut machine,
        txn(vec![owned("a", &["u", "v", "u"], false, "x/y"), owned("b", &["u", &long], false, "orphan")]),
    );
    assert_eq!(dependents(&machine, "root", "u"), ["a", "b"]);
    let after = configmap("root", "a");
    assert_eq!(machine.state().dependents(&id("root"), "u", Some(&after)).count(), 1);
    assert_eq!(dependents(&machine, "root", "v"), ["a"]);
    assert!(dependents(&machine, "w1", "u").is_empty() && dependents(&machine, "root", "uv").is_empty());
    assert_eq!(dependents(&machine, "root", &long[..128]), ["b"], "a uid is cut at a length that none has");
    assert_eq!(machine.state().owned(None).count(), 4);
    let second = machine.state().owned(None).nth(1).cloned();
    assert_eq!(machine.state().owned(second.as_ref()).count(), 2);
    assert_eq!(machine.state().awaiting_collection().count(), 0);
    done(&mut machine, txn(vec![owned("a", &["v"], true, "foregroundDeletion"), owned("b", &["u"], true, "orphan")]));
    assert_eq!(dependents(&machine, "root", "u"), ["b"]);
    assert_eq!(machine.state().awaiting_collection().count(), 2);
    done(&mut machine, txn(vec![owned("a", &["v"], true, "x/y"), Operation::Delete(configmap("root", "b"))]));
    assert_eq!(machine.state().awaiting_collection().count(), 0);
    assert!(dependents(&machine, "root", "u").is_empty());
    assert_eq!(machine.state().owned(None).count(), 1);
}
