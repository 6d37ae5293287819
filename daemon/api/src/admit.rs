//! What may be written, beyond what an object's kind says: the life of namespaces and logical clusters, metadata that kcp
//! reserves, and kinds that the system writes itself.

use hanse_schema::kind::{Kind, Part};
use hanse_schema::metadata;
use hanse_store::key::Key;
use hanse_store::txn::{Exceeded, Precondition, Refusal};
use serde_json::{Map, Value};

use crate::authenticate::{MASTERS, User};
use crate::call::Call;
use crate::definitions::{DEFINITIONS, definition_of};
use crate::encode::CLUSTER_ANNOTATION;
use crate::status::{Cause, Failure, Subject};

/// Where namespaces are stored.
pub(crate) const NAMESPACES: &str = "namespaces";
/// Namespaces that are never deleted (upstream's admission plugin NamespaceLifecycle).
const IMMORTAL_NAMESPACES: [&str; 3] = ["default", "kube-system", "kube-public"];

/// What must hold for a new object, in the order in which upstream complains.
pub(crate) fn create_preconditions(call: &Call<'_>, key: &Key) -> Result<Vec<Precondition>, Failure> {
    let mut preconditions = vec![Precondition::ClusterLive(key.cluster())];
    if let Some(namespace) = namespace_key(call, key)? {
        preconditions.push(Precondition::Live(namespace));
    }
    if call.kind.schema().is_some() {
        let definition = definition_of(&key.cluster(), &call.kind.group, &call.kind.plural);
        preconditions.push(Precondition::Live(definition.ok_or(Failure::NoSuchPath)?));
    }
    preconditions.push(Precondition::Absent(key.clone()));
    Ok(preconditions)
}

fn namespace_key(call: &Call<'_>, key: &Key) -> Result<Option<Key>, Failure> {
    if !call.kind.namespaced {
        return Ok(None);
    }
    let namespace = key.namespace();
    let found = Key::new(NAMESPACES, &key.cluster(), "", namespace).ok();
    found.map(Some).ok_or_else(|| Failure::NotFound(Subject::new("", NAMESPACES, namespace)))
}

/// A refused transaction in upstream's words. What may be tried again is decided before, by the verb.
pub(crate) fn refused(call: &Call<'_>, key: &Key, refusal: Refusal) -> Failure {
    let subject = || call.subject(key.name());
    match refusal {
        // The instances of a definition go with it.
        Refusal::Missing { what } if what.starts_with(DEFINITIONS) && call.kind.schema().is_some() => {
            Failure::NoSuchPath
        }
        Refusal::Deleting { what } if what.starts_with(DEFINITIONS) && call.kind.schema().is_some() => {
            let why = "create not allowed while custom resource definition is terminating";
            Failure::forbidden(subject(), why.to_owned())
        }
        Refusal::Exists { .. } => Failure::AlreadyExists(subject()),
        Refusal::Missing { .. } if key.namespace().is_empty() => Failure::NotFound(subject()),
        Refusal::Missing { .. } => Failure::NotFound(Subject::new("", NAMESPACES, key.namespace())),
        Refusal::Changed { .. } => modified(subject()),
        Refusal::Deleting { what } if what == key.cluster_str() => Failure::forbidden(
            subject(),
            format!("unable to create new content in logical cluster {what} because it is being terminated"),
        ),
        Refusal::Deleting { .. } => terminating(subject(), key.namespace()),
        Refusal::NotHome { cluster } => Failure::Unavailable(format!(
            "this group is not the home of the logical cluster {cluster}, please try again"
        )),
        Refusal::NotEmpty { what } => Failure::Conflict(subject(), format!("{what} is not empty")),
        Refusal::Cycle { id } => Failure::Conflict(subject(), format!("{id} would become its own ancestor")),
        Refusal::Malformed { why } | Refusal::Forbidden { why } => {
            Failure::Internal(format!("the transaction was refused: {why}"))
        }
        Refusal::OverQuota { quota, exceeded } => Failure::forbidden(subject(), over_quota(&quota, &exceeded)),
    }
}

/// What a namespace on its way out says to a new object.
pub(crate) fn terminating(subject: Subject, namespace: &str) -> Failure {
    Failure::Forbidden(
        subject,
        format!("unable to create new content in namespace {namespace} because it is being terminated"),
        vec![Cause::new(
            "NamespaceTerminating",
            format!("namespace {namespace} is being terminated"),
            "metadata.namespace",
        )],
    )
}

/// `exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=5, limited: count/configmaps=5`, as the quota
/// admission plugin words it. A transaction adds one object.
pub(crate) fn over_quota(quota: &str, exceeded: &[Exceeded]) -> String {
    let listed = |number: fn(&Exceeded) -> u64| {
        let items = exceeded.iter().map(|one| format!("{}={}", one.item, number(one)));
        items.collect::<Vec<_>>().join(",")
    };
    let (requested, used, limited) = (listed(|_| 1), listed(|one| one.used), listed(|one| one.limit));
    format!("exceeded quota: {quota}, requested: {requested}, used: {used}, limited: {limited}")
}

/// The well-known message about optimistic concurrency.
pub(crate) fn modified(subject: Subject) -> Failure {
    Failure::Conflict(
        subject,
        "the object has been modified; please apply your changes to the latest version and try again".to_owned(),
    )
}

/// An update without a version, where the kind asks for one. Upstream shows the version as the number that it is in the
/// registry, and the resource's name in place of the kind's.
pub(crate) fn without_version(call: &Call<'_>, name: &str) -> Failure {
    let why = "must be specified for an update";
    let cause = hanse_schema::cause::Cause::invalid_value("metadata.resourceVersion", Some(&Value::from(0)), why);
    Failure::invalid(&call.kind.group, &call.kind.plural, name, vec![cause])
}

/// Whether an object of the kind may be deleted by this name.
pub(crate) fn may_delete(call: &Call<'_>, name: &str) -> Result<(), Failure> {
    if is_namespace(call.kind) && IMMORTAL_NAMESPACES.contains(&name) {
        return Err(Failure::forbidden(call.subject(name), "this namespace may not be deleted"));
    }
    if is_logical_cluster(call.kind) {
        return Err(Failure::forbidden(
            call.subject(name),
            "LogicalCluster cannot be deleted directly: delete its Workspace",
        ));
    }
    Ok(())
}

/// Whether users may create objects of the kind.
pub(crate) fn may_create(call: &Call<'_>) -> Result<(), Failure> {
    if is_logical_cluster(call.kind) {
        return Err(Failure::forbidden(call.subject(""), "LogicalCluster cannot be created"));
    }
    Ok(())
}

/// Whether the user may make this change: what kcp reserves stays as it was, and a LogicalCluster's spec and status are
/// written by the system.
pub(crate) fn may_change(call: &Call<'_>, object: &Value, old: Option<&Value>) -> Result<(), Failure> {
    let subject = || call.subject(metadata::name(object));
    if is_logical_cluster(call.kind)
        && let Some(old) = old
        && (call.part != Part::Object || object.get("spec") != old.get("spec"))
    {
        return Err(Failure::forbidden(subject(), "spec and status of a LogicalCluster are written by the system"));
    }
    may_change_metadata(call.user, object, old).map_err(|why| Failure::forbidden(subject(), why))
}

/// kcp's admission plugin of reserved metadata, with the domain of the key taken for what decides.
fn may_change_metadata(user: &User, object: &Value, old: Option<&Value>) -> Result<(), String> {
    if user.is_in(MASTERS) {
        return Ok(());
    }
    let (annotations, labels) = (metadata::annotations, metadata::labels);
    if let Some(key) = changed_reserved(annotations(object), old.and_then(annotations)) {
        return Err(format!("modification of reserved annotation: {}", hanse_schema::cause::quote(key)));
    }
    if let Some(key) = changed_reserved(labels(object), old.and_then(labels)) {
        return Err(format!("modification of reserved label: {}", hanse_schema::cause::quote(key)));
    }
    Ok(())
}

fn changed_reserved<'a>(new: Option<&'a Map<String, Value>>, old: Option<&'a Map<String, Value>>) -> Option<&'a str> {
    let keys = new.into_iter().chain(old).flat_map(|map| map.keys());
    let mut reserved = keys.map(String::as_str).filter(|key| is_reserved(key));
    reserved.find(|key| new.and_then(|map| map.get(*key)) != old.and_then(|map| map.get(*key)))
}

fn is_reserved(key: &str) -> bool {
    const OPEN: [&str; 4] = [
        // Set by this server on every write, whatever the client sends.
        CLUSTER_ANNOTATION,
        "experimental.tenancy.kcp.io/owner",
        "authorization.kcp.io/required-groups",
        "kcp.io/path",
    ];
    let Some((domain, _)) = key.split_once('/') else { return false };
    (domain == "kcp.io" || domain.ends_with(".kcp.io"))
        && domain != "claimed.internal.apis.kcp.io"
        && !OPEN.contains(&key)
}

/// Whether the kind is v1 Namespace.
pub(crate) fn is_namespace(kind: &Kind) -> bool {
    kind.storage.0.is_empty() && kind.storage.1 == NAMESPACES
}

/// Whether the kind is CertificateSigningRequest.
pub(crate) fn is_signing_request(kind: &Kind) -> bool {
    kind.group == "certificates.k8s.io" && kind.plural == "certificatesigningrequests"
}

fn is_logical_cluster(kind: &Kind) -> bool {
    kind.storage.0 == "core.kcp.io" && kind.storage.1 == "logicalclusters"
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::may_change_metadata;
    use crate::authenticate::User;

    fn may(group: &str, new: &Value, old: Option<&Value>) -> Result<(), String> {
        let user = User { name: "u".into(), uid: String::new(), groups: vec![group.into()], ..User::default() };
        may_change_metadata(&user, new, old)
    }

    #[test]
    fn what_kcp_reserves_is_written_by_the_system_only() {
        let with = |key: &str, value: &str| json!({"metadata": {"annotations": {key: value}}});
        let reserved = with("core.kcp.io/max-total-objects", "1");
        let why = may("system:kcp:admin", &reserved, None).unwrap_err();
        assert_eq!(why, r#"modification of reserved annotation: "core.kcp.io/max-total-objects""#);
        assert!(may("system:kcp:admin", &reserved, Some(&with("core.kcp.io/max-total-objects", "2"))).is_err());
        assert!(may("system:kcp:admin", &json!({}), Some(&reserved)).is_err());
        assert!(may("system:kcp:admin", &reserved, Some(&reserved)).is_ok());
        assert!(may("system:masters", &reserved, None).is_ok());
        for open in
            ["kcp.io/path", "kcp.io/cluster", "claimed.internal.apis.kcp.io/x", "notkcp.io/x", "kcp.io", "a/kcp.io"]
        {
            assert!(may("system:kcp:admin", &with(open, "1"), None).is_ok(), "{open}");
        }
        let label = json!({"metadata": {"labels": {"tenancy.kcp.io/phase": "Ready"}}});
        assert!(may("system:kcp:admin", &label, None).unwrap_err().contains("label"));
    }
}
