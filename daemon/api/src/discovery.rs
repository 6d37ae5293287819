//! Which groups, versions and resources are served: one document for each, and all in one (KEP-3352).
//!
//! Made once from the descriptors of `schema`, shared as bytes ever after.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hanse_schema::kind::{Kind, Part, Verb};
use hanse_schema::kinds::KINDS;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::body::{Answer, Body};
use crate::document::Document;
use crate::negotiate::{self, DiscoveryForm, Format};
use crate::status::Failure;
use crate::yaml;

/// A path of discovery, below the logical cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// `/api`
    Core,
    /// `/apis`
    Groups,
    /// `/apis/<group>`
    Group(&'a str),
    /// `/apis/<group>/<version>`, and `/api/v1` with an empty group.
    Version(&'a str, &'a str),
}

/// Answers a GET of discovery. Every logical cluster of this release serves the same kinds.
///
/// # Errors
/// [`Failure::NoSuchPath`] for a group or version that is not served, [`Failure::NotAcceptable`].
pub fn answer(place: Place<'_>, accept: Option<&[u8]>, if_none_match: Option<&[u8]>) -> Result<Answer, Failure> {
    static BUILT_IN: OnceLock<Discovery> = OnceLock::new();
    BUILT_IN.get_or_init(|| Discovery::new(&KINDS)).answer(place, accept, if_none_match)
}

/// The documents of one set of kinds.
#[derive(Debug)]
pub struct Discovery {
    core: Whole,
    groups: Whole,
    group: BTreeMap<String, Document>,
    version: BTreeMap<(String, String), Document>,
}

/// `/api` or `/apis`, in all forms.
#[derive(Debug)]
struct Whole {
    separate: Document,
    v2: Document,
    v2beta1: Document,
}

impl Discovery {
    /// Describes the kinds.
    #[must_use]
    pub fn new(kinds: &[Arc<Kind>]) -> Self {
        let groups = grouped(kinds);
        let (core, named): (Vec<_>, Vec<_>) = groups.iter().partition(|group| group.name.is_empty());
        let core_versions: Vec<&str> =
            core.iter().flat_map(|group| group.versions.iter().map(|(name, _)| *name)).collect();
        let list = named.iter().map(|group| group_json(group)).collect::<Vec<_>>();
        Self {
            core: Whole {
                separate: Document::json(
                    &json!({"kind": "APIVersions", "versions": core_versions, "serverAddressByClientCIDRs": []}),
                ),
                v2: aggregated("v2", &core),
                v2beta1: aggregated("v2beta1", &core),
            },
            groups: Whole {
                separate: Document::json(&json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": list})),
                v2: aggregated("v2", &named),
                v2beta1: aggregated("v2beta1", &named),
            },
            group: named.iter().map(|group| (group.name.to_owned(), group_document(group))).collect(),
            version: groups.iter().flat_map(Group::resource_lists).collect(),
        }
    }

    /// Answers a GET of one of the documents.
    ///
    /// # Errors
    /// As [`answer`].
    pub fn answer(
        &self,
        place: Place<'_>,
        accept: Option<&[u8]>,
        if_none_match: Option<&[u8]>,
    ) -> Result<Answer, Failure> {
        let document = match place {
            Place::Core => return whole(&self.core, accept, if_none_match),
            Place::Groups => return whole(&self.groups, accept, if_none_match),
            Place::Group(group) => self.group.get(group),
            Place::Version(group, version) => self.version.get(&(group.to_owned(), version.to_owned())),
        };
        separate(document.ok_or(Failure::NoSuchPath)?, negotiate::plain(accept)?, if_none_match)
    }
}

fn whole(whole: &Whole, accept: Option<&[u8]>, if_none_match: Option<&[u8]>) -> Result<Answer, Failure> {
    match negotiate::discovery(accept)? {
        DiscoveryForm::AggregatedV2 => Ok(whole.v2.answer(if_none_match)),
        DiscoveryForm::AggregatedV2beta1 => Ok(whole.v2beta1.answer(if_none_match)),
        DiscoveryForm::Separate(format) => separate(&whole.separate, format, if_none_match),
    }
}

fn separate(document: &Document, format: Format, if_none_match: Option<&[u8]>) -> Result<Answer, Failure> {
    match format {
        Format::Json => Ok(document.answer(if_none_match)),
        Format::Yaml => {
            let mut answer = Answer::new(Body::whole(yaml::from_json(document.bytes())?));
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
            Ok(answer)
        }
    }
}

/// A group with its versions, the preferred one first, and each version's kinds by resource name.
struct Group<'a> {
    name: &'a str,
    versions: Vec<(&'a str, Vec<&'a Kind>)>,
}

fn grouped(kinds: &[Arc<Kind>]) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<&str, BTreeMap<&str, Vec<&Kind>>> = BTreeMap::new();
    for kind in kinds {
        groups.entry(&kind.group).or_default().entry(&kind.version).or_default().push(kind);
    }
    let mut groups: Vec<Group<'_>> = groups
        .into_iter()
        .map(|(name, versions)| {
            let mut versions: Vec<_> = versions.into_iter().collect();
            versions.sort_by_key(|(version, _)| version_order(version));
            for (_, kinds) in &mut versions {
                kinds.sort_by(|left, right| left.plural.cmp(&right.plural));
            }
            Group { name, versions }
        })
        .collect();
    groups.sort_by_key(|group| (Reverse(group_priority(group.name)), group.name));
    groups
}

/// Where upstream puts its own groups; everybody else's come behind them, by name. Source: the table of API services in
/// k8s.io/kubernetes/pkg/controlplane/apiserver/aggregator.go, and 1000 for custom resources.
fn group_priority(group: &str) -> u16 {
    match group {
        "" => 18_000,
        "events.k8s.io" => 17_750,
        "authentication.k8s.io" => 17_700,
        "authorization.k8s.io" => 17_600,
        "certificates.k8s.io" => 17_300,
        "rbac.authorization.k8s.io" => 17_000,
        "apiextensions.k8s.io" | "admissionregistration.k8s.io" => 16_700,
        "coordination.k8s.io" => 16_500,
        _ => 1_000,
    }
}

/// Kubernetes' order of versions: `v2` before `v1` before `v1beta2` before `v1beta1` before `v1alpha1`, others last.
fn version_order(version: &str) -> (u8, Reverse<u64>, Reverse<u64>, &str) {
    parsed_version(version).map_or((3, Reverse(0), Reverse(0), version), |(stage, major, minor)| {
        (stage, Reverse(major), Reverse(minor), "")
    })
}

fn parsed_version(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    for (stage, name) in [(1, "beta"), (2, "alpha")] {
        if let Some((major, minor)) = rest.split_once(name) {
            return Some((stage, number(major)?, number(minor)?));
        }
    }
    Some((0, number(rest)?, 0))
}

/// A whole number without a leading zero.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && !text.starts_with('0') { text.parse().ok() } else { None }
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

fn group_json(group: &Group<'_>) -> Value {
    let versions: Vec<Value> = group
        .versions
        .iter()
        .map(|(version, _)| json!({"groupVersion": group_version(group.name, version), "version": version}))
        .collect();
    let preferred = versions.first().cloned().unwrap_or_default();
    json!({"name": group.name, "versions": versions, "preferredVersion": preferred})
}

fn group_document(group: &Group<'_>) -> Document {
    let mut object = Map::new();
    object.insert("kind".to_owned(), "APIGroup".into());
    object.insert("apiVersion".to_owned(), "v1".into());
    if let Value::Object(fields) = group_json(group) {
        object.extend(fields);
    }
    Document::json(&Value::Object(object))
}

impl Group<'_> {
    /// The `APIResourceList` of each version.
    fn resource_lists(&self) -> impl Iterator<Item = ((String, String), Document)> {
        self.versions.iter().map(|(version, kinds)| {
            let mut resources: Vec<(String, Value)> = kinds.iter().flat_map(|kind| resources(kind)).collect();
            resources.sort_by(|(left, _), (right, _)| left.cmp(right));
            let resources: Vec<Value> = resources.into_iter().map(|(_, resource)| resource).collect();
            let mut list = Map::new();
            list.insert("kind".to_owned(), "APIResourceList".into());
            // Upstream's core group has none, for the sake of clients of release 1.1.
            if !self.name.is_empty() {
                list.insert("apiVersion".to_owned(), "v1".into());
            }
            list.insert("groupVersion".to_owned(), group_version(self.name, version).into());
            list.insert("resources".to_owned(), resources.into());
            ((self.name.to_owned(), (*version).to_owned()), Document::json(&Value::Object(list)))
        })
    }
}

/// A kind and its subresources as `APIResource`s, with their names.
fn resources(kind: &Kind) -> Vec<(String, Value)> {
    let mut resource = json!({
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": verbs(kind.verbs),
    });
    add_names(&mut resource, kind);
    resource["storageVersionHash"] = storage_version_hash(kind).into();
    let subresources = subresources(kind).into_iter().map(|Subresource { name, verbs, other }| {
        let name = format!("{}/{name}", kind.plural);
        let mut value = json!({"name": name, "singularName": "", "namespaced": kind.namespaced});
        if let Some((group, version, _)) = other {
            value["group"] = group.into();
            value["version"] = version.into();
        }
        value["kind"] = other.map_or(&*kind.kind, |(.., kind)| kind).into();
        value["verbs"] = verbs.into();
        (name, value)
    });
    std::iter::once((kind.plural.to_string(), resource)).chain(subresources).collect()
}

fn add_names(resource: &mut Value, kind: &Kind) {
    for (field, names) in [("shortNames", &kind.short_names), ("categories", &kind.categories)] {
        if !names.is_empty() {
            resource[field] = names.iter().map(AsRef::as_ref).collect::<Vec<&str>>().into();
        }
    }
}

fn verbs(verbs: &[Verb]) -> Vec<&'static str> {
    let mut verbs: Vec<_> = verbs.iter().map(|verb| verb.as_str()).collect();
    verbs.sort_unstable();
    verbs
}

/// A subresource of a kind.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Subresource {
    name: &'static str,
    verbs: &'static [&'static str],
    /// Group, version and kind of what is sent and answered, where that is another kind than the resource's.
    other: Option<(&'static str, &'static str, &'static str)>,
}

/// A kind's subresources, by name.
fn subresources(kind: &Kind) -> Vec<Subresource> {
    const READ_AND_WRITE: &[&str] = &["get", "patch", "update"];
    let described = |part: &Part| {
        let (verbs, other) = match part {
            Part::Object => return None,
            Part::Status => (READ_AND_WRITE, None),
            Part::Finalize => (&["update"][..], None),
            Part::Scale => (READ_AND_WRITE, Some(("autoscaling", "v1", "Scale"))),
        };
        Some(Subresource { name: part.segment()?, verbs, other })
    };
    let mut subresources: Vec<Subresource> = kind.subresources.iter().filter_map(described).collect();
    subresources.sort_unstable();
    subresources
}

/// Tells clients when the stored version of a kind changes: the first 8 bytes of SHA-256 over its name, in base64.
fn storage_version_hash(kind: &Kind) -> String {
    let digest = Sha256::digest(format!("{}/{}/{}", kind.group, kind.version, kind.kind));
    STANDARD.encode(&digest[..8])
}

/// The `APIGroupDiscoveryList` of the groups.
fn aggregated(version: &str, groups: &[&Group<'_>]) -> Document {
    let items: Vec<Value> = groups
        .iter()
        .map(|group| {
            let metadata = if group.name.is_empty() { json!({}) } else { json!({"name": group.name}) };
            let versions: Vec<Value> = group
                .versions
                .iter()
                .map(|(version, kinds)| {
                    let resources: Vec<Value> = kinds.iter().map(|kind| discovered(kind)).collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let list = json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {},
        "items": items,
    });
    let content_type = match version {
        "v2" => "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        _ => "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
    };
    Document::new(content_type, Bytes::from(list.to_string()))
}

/// A kind as `APIResourceDiscovery`.
fn discovered(kind: &Kind) -> Value {
    let response_kind = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    let mut resource = json!({
        "resource": kind.plural,
        "responseKind": response_kind,
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.singular,
        "verbs": verbs(kind.verbs),
    });
    add_names(&mut resource, kind);
    let subresources: Vec<Value> = subresources(kind)
        .into_iter()
        .map(|Subresource { name, verbs, other }| {
            let response_kind = match other {
                Some((group, version, kind)) => json!({"group": group, "version": version, "kind": kind}),
                None => response_kind.clone(),
            };
            json!({"subresource": name, "responseKind": response_kind, "verbs": verbs})
        })
        .collect();
    if !subresources.is_empty() {
        resource["subresources"] = subresources.into();
    }
    resource
}

#[cfg(test)]
mod tests {
    use hanse_schema::kinds::KINDS;
    use serde_json::{Value, json};

    use super::{Discovery, Place, version_order};

    fn document(place: Place<'_>, accept: Option<&str>) -> (u16, String, Value) {
        let answer = Discovery::new(&KINDS).answer(place, accept.map(str::as_bytes), None).unwrap();
        let (head, body) = answer.into_parts();
        let content_type = head.headers["content-type"].to_str().unwrap().to_owned();
        (head.status.as_u16(), content_type, serde_json::from_slice(&body.into_bytes().unwrap()).unwrap())
    }

    fn names(list: &Value, field: &str) -> Vec<String> {
        list.as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn each_group_and_version_has_a_document() {
        let (status, content_type, core) = document(Place::Core, None);
        assert_eq!((status, content_type.as_str()), (200, "application/json"));
        assert_eq!(core, json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}));
        let (_, _, groups) = document(Place::Groups, Some("application/json"));
        assert_eq!(
            names(&groups["groups"], "name"),
            ["events.k8s.io", "coordination.k8s.io", "core.kcp.io", "tenancy.kcp.io"]
        );
        let (_, _, group) = document(Place::Group("tenancy.kcp.io"), None);
        let version = json!({"groupVersion": "tenancy.kcp.io/v1alpha1", "version": "v1alpha1"});
        let expected = json!({"kind": "APIGroup", "apiVersion": "v1", "name": "tenancy.kcp.io", "versions": [version],
            "preferredVersion": version});
        assert_eq!(group, expected);
        let (_, _, resources) = document(Place::Version("", "v1"), None);
        assert_eq!((&resources["kind"], &resources["groupVersion"]), (&json!("APIResourceList"), &json!("v1")));
        assert!(resources.get("apiVersion").is_none());
        assert_eq!(
            names(&resources["resources"], "name"),
            [
                "configmaps",
                "events",
                "namespaces",
                "namespaces/finalize",
                "namespaces/status",
                "secrets",
                "serviceaccounts"
            ]
        );
        let all = json!(["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]);
        // The hash is the one that kube-apiserver shows for the same kind.
        let config_maps = json!({"name": "configmaps", "singularName": "configmap", "namespaced": true,
            "kind": "ConfigMap", "verbs": all, "shortNames": ["cm"], "storageVersionHash": "qFsyl6wFWjQ="});
        assert_eq!(resources["resources"][0], config_maps);
        let finalize = json!({"name": "namespaces/finalize", "singularName": "", "namespaced": false,
            "kind": "Namespace", "verbs": ["update"]});
        assert_eq!(resources["resources"][3], finalize);
        let (_, _, workspaces) = document(Place::Version("tenancy.kcp.io", "v1alpha1"), None);
        assert_eq!(workspaces["apiVersion"], "v1");
        assert_eq!(workspaces["resources"][0]["shortNames"], json!(["ws"]));
        assert_eq!(workspaces["resources"][0]["categories"], json!(["kcp"]));
    }

    #[test]
    fn all_in_one_is_served_in_the_version_asked_for() {
        for version in ["v2", "v2beta1"] {
            let wanted = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
            let accept = format!("{wanted},application/json");
            let (_, content_type, core) = document(Place::Core, Some(&accept));
            assert_eq!(content_type, wanted);
            assert_eq!(core["apiVersion"], format!("apidiscovery.k8s.io/{version}"));
            assert_eq!(core["items"][0]["metadata"], json!({}));
            let v1 = &core["items"][0]["versions"][0];
            assert_eq!((&v1["version"], &v1["freshness"]), (&json!("v1"), &json!("Current")));
            let kind = json!({"group": "", "version": "v1", "kind": "Namespace"});
            let expected = json!({"resource": "namespaces", "responseKind": kind, "scope": "Cluster",
            "singularResource": "namespace", "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
            "shortNames": ["ns"], "subresources": [
                {"subresource": "finalize", "responseKind": kind, "verbs": ["update"]},
                {"subresource": "status", "responseKind": kind, "verbs": ["get", "patch", "update"]},
            ]});
            assert_eq!(v1["resources"][2], expected);
            let (_, _, groups) = document(Place::Groups, Some(&accept));
            let named: Vec<&Value> =
                groups["items"].as_array().unwrap().iter().map(|item| &item["metadata"]["name"]).collect();
            assert_eq!(named, ["events.k8s.io", "coordination.k8s.io", "core.kcp.io", "tenancy.kcp.io"]);
        }
    }

    #[test]
    fn every_served_kind_stands_in_both_forms() {
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        let lists = [document(Place::Core, Some(accept)).2, document(Place::Groups, Some(accept)).2];
        for kind in KINDS.iter() {
            let (_, _, separate) = document(Place::Version(&kind.group, &kind.version), None);
            assert!(names(&separate["resources"], "name").contains(&kind.plural.to_string()), "{}", kind.plural);
            let found = lists.iter().flat_map(|list| list["items"].as_array().unwrap()).any(|group| {
                group["metadata"]["name"].as_str().unwrap_or_default() == kind.group
                    && names(&group["versions"][0]["resources"], "resource").contains(&kind.plural.to_string())
            });
            assert!(found, "{}", kind.plural);
        }
    }

    #[test]
    fn what_is_not_served_is_not_found_and_what_is_known_is_not_sent_again() {
        let discovery = Discovery::new(&KINDS);
        for place in [Place::Group("apps"), Place::Group(""), Place::Version("apps", "v1"), Place::Version("", "v2")] {
            assert_eq!(discovery.answer(place, None, None).unwrap_err().code(), 404, "{place:?}");
        }
        assert_eq!(discovery.answer(Place::Groups, Some(b"image/png"), None).unwrap_err().code(), 406);
        let first = discovery.answer(Place::Groups, None, None).unwrap();
        let etag = first.headers()["etag"].clone();
        assert_eq!(discovery.answer(Place::Groups, None, Some(etag.as_bytes())).unwrap().status(), 304);
        let yaml = discovery.answer(Place::Core, Some(b"application/yaml"), None).unwrap();
        assert_eq!(yaml.headers()["content-type"], "application/yaml");
    }

    #[test]
    fn versions_are_in_kubernetes_order() {
        let mut versions = ["foo1", "v1", "v1alpha1", "v10", "v2", "v1beta2", "v1beta1", "v11alpha2", "v01", "v"];
        versions.sort_by_key(|version| version_order(version));
        assert_eq!(versions, ["v10", "v2", "v1", "v1beta2", "v1beta1", "v11alpha2", "v1alpha1", "foo1", "v", "v01"]);
    }
}
