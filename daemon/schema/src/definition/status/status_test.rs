use super::{ESTABLISHED, NAMES_ACCEPTED, begin, is_true, update};
use serde_json::{Value, json};

fn definition(plural: &str, kind: &str, short: &[&str]) -> Value {
    let mut definition = json!({
        "metadata": {"name": format!("{plural}.example.com")},
        "spec": {
            "group": "example.com", "scope": "Cluster",
            "names": {"plural": plural, "singular": kind.to_lowercase(), "shortNames": short, "kind": kind, "listKind": format!("{kind}List")},
            "versions": [{"name": "v1", "served": true, "storage": true}],
        },
    });
    begin(&mut definition);
    definition
}

fn condition<'v>(definition: &'v Value, kind: &str) -> &'v Value {
    let conditions = definition["status"]["conditions"].as_array().unwrap();
    conditions.iter().find(|condition| condition["type"] == kind).unwrap()
}

#[test]
fn a_new_definition_is_established_in_the_write_that_creates_it() {
    let mut one = definition("things", "Thing", &["th"]);
    update(&mut one, &[], "2026-01-02T03:04:05Z");
    assert_eq!(
        one["status"],
        json!({
            "conditions": [
                {"type": "NamesAccepted", "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z", "reason": "NoConflicts", "message": "no conflicts found"},
                {"type": "Established", "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z", "reason": "InitialNamesAccepted", "message": "the initial names have been accepted"},
            ],
            "acceptedNames": {"plural": "things", "singular": "thing", "shortNames": ["th"], "kind": "Thing", "listKind": "ThingList"},
            "storedVersions": ["v1"],
        })
    );
    let before = one.clone();
    update(&mut one, &[], "2027-01-02T03:04:05Z");
    assert_eq!(one, before);
}

#[test]
fn names_that_others_hold_are_not_accepted() {
    let mut holder = definition("things", "Thing", &["th", "tg"]);
    update(&mut holder, &[], "2026-01-02T03:04:05Z");
    for (plural, kind, short, reason, message) in [
        ("things", "Other", &[][..], "PluralConflict", "\"things\" is already in use"),
        ("others", "Thing", &[][..], "KindConflict", "\"Thing\" is already in use"),
        ("others", "Other", &["th"][..], "ShortNamesConflict", "\"th\" is already in use"),
        (
            "others",
            "Other",
            &["th", "x", "tg"][..],
            "ShortNamesConflict",
            "[\"th\" is already in use, \"tg\" is already in use]",
        ),
        ("others", "TH", &[][..], "SingularConflict", "\"th\" is already in use"),
    ] {
        let mut late = definition(plural, kind, short);
        update(&mut late, [&holder], "2026-01-02T03:04:06Z");
        let names = condition(&late, NAMES_ACCEPTED);
        if reason == "KindConflict" {
            // The last conflict is told: here that of the list's kind.
            assert_eq!(
                (&names["reason"], &names["message"]),
                (&json!("ListKindConflict"), &json!("\"ThingList\" is already in use"))
            );
        } else {
            assert_eq!((&names["reason"], &names["message"]), (&json!(reason), &json!(message)));
        }
        assert!(!is_true(&late, ESTABLISHED));
        assert_eq!(condition(&late, ESTABLISHED)["reason"], "NotAccepted");
    }
}

#[test]
fn a_name_that_becomes_free_is_accepted_later() {
    let mut holder = definition("things", "Thing", &["th"]);
    update(&mut holder, &[], "2026-01-02T03:04:05Z");
    let mut late = definition("others", "Other", &["th"]);
    update(&mut late, [&holder], "2026-01-02T03:04:06Z");
    assert!(!is_true(&late, ESTABLISHED));
    holder["spec"]["names"]["shortNames"] = json!([]);
    update(&mut holder, [&late], "2026-01-02T03:04:07Z");
    update(&mut late, [&holder], "2026-01-02T03:04:08Z");
    assert!(is_true(&late, ESTABLISHED));
    assert_eq!(condition(&late, NAMES_ACCEPTED)["lastTransitionTime"], "2026-01-02T03:04:08Z");
    // Once established, a definition stays so when it asks for a name that another has.
    late["spec"]["names"]["kind"] = json!("Thing");
    update(&mut late, [&holder], "2026-01-02T03:04:09Z");
    assert!(is_true(&late, ESTABLISHED) && !is_true(&late, NAMES_ACCEPTED));
    assert_eq!(late["status"]["acceptedNames"]["kind"], "Other");
}

#[test]
fn a_new_storage_version_is_added_to_the_stored_ones() {
    let mut one = definition("things", "Thing", &[]);
    one["spec"]["versions"] = json!([{"name": "v1", "storage": false}, {"name": "v2", "storage": true}]);
    update(&mut one, &[], "2026-01-02T03:04:05Z");
    assert_eq!(one["status"]["storedVersions"], json!(["v1", "v2"]));
}

#[test]
fn definitions_in_groups_of_kubernetes_tell_where_they_were_approved() {
    for (annotation, status, reason) in [
        ("https://github.com/kubernetes/x", "True", "ApprovedAnnotation"),
        ("unapproved, experimental", "False", "UnapprovedAnnotation"),
        ("what", "False", "InvalidAnnotation"),
        ("", "False", "MissingAnnotation"),
    ] {
        let mut one = definition("things", "Thing", &[]);
        one["spec"]["group"] = json!("x.k8s.io");
        one["metadata"]["annotations"] = json!({"api-approved.kubernetes.io": annotation});
        update(&mut one, &[], "2026-01-02T03:04:05Z");
        let approval = condition(&one, "KubernetesAPIApprovalPolicyConformant");
        assert_eq!((&approval["status"], &approval["reason"]), (&json!(status), &json!(reason)));
    }
}
