//! Which groups, versions and resources are served: one document for each, and all in one (KEP-3352).
//!
//! Each document is made when it is first asked for, and shared as bytes ever after. Groups without custom kinds are shared by
//! all logical clusters.

mod group;
mod order;
mod resource;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use hanse_schema::kind::Kind;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::json;

use crate::body::{Answer, Body};
use crate::document::Document;
use crate::negotiate::{self, DiscoveryForm, Format};
use crate::status::Failure;
use crate::yaml;
use group::Group;

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

/// The documents of one set of kinds.
#[derive(Debug)]
pub struct Discovery {
    /// In the order of discovery, the core group first.
    groups: Vec<Arc<Group>>,
    core: Whole,
    named: Whole,
}

/// `/api` or `/apis`, in all forms.
#[derive(Debug, Default)]
struct Whole {
    separate: OnceLock<Document>,
    v2: OnceLock<Document>,
    v2beta1: OnceLock<Document>,
}

impl Discovery {
    /// Describes the kinds.
    #[must_use]
    pub fn new(kinds: &[Arc<Kind>]) -> Self {
        Self::of(by_group(kinds).into_iter().map(|(name, kinds)| Arc::new(Group::new(name, &kinds))).collect())
    }

    /// Describes what these describe and further kinds. Groups without further kinds are shared. A resource that is there
    /// already stays as it is.
    #[must_use]
    pub fn with(&self, kinds: &[Arc<Kind>]) -> Self {
        let mut further = by_group(kinds);
        let mut groups: Vec<Arc<Group>> = Vec::with_capacity(self.groups.len() + further.len());
        for group in &self.groups {
            groups.push(match further.remove(group.name()) {
                None => Arc::clone(group),
                Some(kinds) => Arc::new(group.with(&kinds)),
            });
        }
        groups.extend(further.into_iter().map(|(name, kinds)| Arc::new(Group::new(name, &kinds))));
        Self::of(groups)
    }

    fn of(mut groups: Vec<Arc<Group>>) -> Self {
        groups.sort_by_cached_key(|group| order::group_order(group.name()));
        Self { groups, core: Whole::default(), named: Whole::default() }
    }

    /// Answers a GET of one of the documents.
    ///
    /// # Errors
    /// [`Failure::NoSuchPath`] for a group or version that is not served, [`Failure::NotAcceptable`].
    pub fn answer(
        &self,
        place: Place<'_>,
        accept: Option<&[u8]>,
        if_none_match: Option<&[u8]>,
    ) -> Result<Answer, Failure> {
        let group = |name: &str| self.groups.iter().find(|group| group.name() == name).ok_or(Failure::NoSuchPath);
        let document = match place {
            Place::Core | Place::Groups => return self.whole(place == Place::Core, accept, if_none_match),
            // The core group has no document of its own, as it has no name.
            Place::Group("") => return Err(Failure::NoSuchPath),
            Place::Group(name) => group(name)?.document(),
            Place::Version(name, version) => group(name)?.resources(version).ok_or(Failure::NoSuchPath)?,
        };
        separate(document, negotiate::plain(accept)?, if_none_match)
    }

    fn whole(&self, is_core: bool, accept: Option<&[u8]>, if_none_match: Option<&[u8]>) -> Result<Answer, Failure> {
        let whole = if is_core { &self.core } else { &self.named };
        let groups =
            || self.groups.iter().map(AsRef::as_ref).filter(|group: &&Group| group.name().is_empty() == is_core);
        match negotiate::discovery(accept)? {
            DiscoveryForm::AggregatedV2 => Ok(whole.v2.get_or_init(|| aggregated(V2, groups())).answer(if_none_match)),
            DiscoveryForm::AggregatedV2beta1 => {
                Ok(whole.v2beta1.get_or_init(|| aggregated(V2BETA1, groups())).answer(if_none_match))
            }
            DiscoveryForm::Separate(format) => {
                let document = whole.separate.get_or_init(|| if is_core { versions(groups()) } else { list(groups()) });
                separate(document, format, if_none_match)
            }
        }
    }
}

fn by_group(kinds: &[Arc<Kind>]) -> BTreeMap<&str, Vec<Arc<Kind>>> {
    let mut groups: BTreeMap<&str, Vec<Arc<Kind>>> = BTreeMap::new();
    for kind in kinds {
        groups.entry(&kind.group).or_default().push(Arc::clone(kind));
    }
    groups
}

/// `APIVersions`
fn versions<'a>(core: impl Iterator<Item = &'a Group>) -> Document {
    let versions: Vec<&str> = core.flat_map(Group::versions).collect();
    Document::json(&json!({"kind": "APIVersions", "versions": versions, "serverAddressByClientCIDRs": []}))
}

/// `APIGroupList`
fn list<'a>(groups: impl Iterator<Item = &'a Group>) -> Document {
    let groups: Vec<_> = groups.map(Group::to_json).collect();
    Document::json(&json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
}

/// `APIGroupDiscoveryList`
fn aggregated<'a>((version, content_type): (&str, &'static str), groups: impl Iterator<Item = &'a Group>) -> Document {
    let mut text = format!(
        r#"{{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/{version}","metadata":{{}},"items":["#
    );
    for (position, group) in groups.enumerate() {
        if position > 0 {
            text.push(',');
        }
        text.push_str(group.discovered());
    }
    text.push_str("]}");
    Document::new(content_type, Bytes::from(text))
}

const V2: (&str, &str) = ("v2", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
const V2BETA1: (&str, &str) = ("v2beta1", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList");

fn separate(document: &Document, format: Format, if_none_match: Option<&[u8]>) -> Result<Answer, Failure> {
    match format {
        Format::Json | Format::Protobuf => Ok(document.answer(if_none_match)),
        Format::Yaml => {
            let mut answer = Answer::new(Body::whole(yaml::from_json(document.bytes())?));
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
            Ok(answer)
        }
    }
}

#[cfg(test)]
mod tests {
    use hanse_schema::kinds::KINDS;
    use serde_json::{Value, json};

    use super::{Discovery, Place};

    fn document(place: Place<'_>, accept: Option<&str>) -> (u16, String, Value) {
        let answer = Discovery::new(&KINDS).answer(place, accept.map(str::as_bytes), None).unwrap();
        let (head, body) = answer.into_parts();
        let content_type = head.headers["content-type"].to_str().unwrap().to_owned();
        (head.status.as_u16(), content_type, serde_json::from_slice(&body.into_bytes().unwrap()).unwrap())
    }

    fn names(list: &Value, field: &str) -> Vec<String> {
        list.as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
    }

    /// The groups that are served, as kube-apiserver orders them.
    fn in_order() -> Vec<&'static str> {
        let all = [
            "events.k8s.io",
            "authentication.k8s.io",
            "authorization.k8s.io",
            "certificates.k8s.io",
            "rbac.authorization.k8s.io",
            "admissionregistration.k8s.io",
            "apiextensions.k8s.io",
            "coordination.k8s.io",
            "apis.kcp.io",
            "cache.kcp.io",
            "core.kcp.io",
            "tenancy.kcp.io",
            "topology.kcp.io",
        ];
        all.into_iter().filter(|group| KINDS.iter().any(|kind| kind.group == *group)).collect()
    }

    fn named<'a>(list: &'a Value, field: &str, name: &str) -> &'a Value {
        list.as_array().unwrap().iter().find(|item| item[field] == name).unwrap()
    }

    #[test]
    fn each_group_and_version_has_a_document() {
        let (status, content_type, core) = document(Place::Core, None);
        assert_eq!((status, content_type.as_str()), (200, "application/json"));
        assert_eq!(core, json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}));
        let (_, _, groups) = document(Place::Groups, Some("application/json"));
        assert_eq!(names(&groups["groups"], "name"), in_order());
        let (_, _, group) = document(Place::Group("tenancy.kcp.io"), None);
        let version = json!({"groupVersion": "tenancy.kcp.io/v1alpha1", "version": "v1alpha1"});
        let expected = json!({"kind": "APIGroup", "apiVersion": "v1", "name": "tenancy.kcp.io", "versions": [version],
            "preferredVersion": version});
        assert_eq!(group, expected);
        let (_, _, resources) = document(Place::Version("", "v1"), None);
        assert_eq!((&resources["kind"], &resources["groupVersion"]), (&json!("APIResourceList"), &json!("v1")));
        assert!(resources.get("apiVersion").is_none());
        let found = names(&resources["resources"], "name");
        assert!(found.is_sorted());
        for name in ["configmaps", "namespaces", "namespaces/finalize", "namespaces/status", "secrets"] {
            assert!(found.iter().any(|own| own == name), "{name}");
        }
        let all = json!(["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]);
        // The hash is the one that kube-apiserver shows for the same kind.
        let config_maps = json!({"name": "configmaps", "singularName": "configmap", "namespaced": true,
            "kind": "ConfigMap", "verbs": all, "shortNames": ["cm"], "storageVersionHash": "qFsyl6wFWjQ="});
        assert_eq!(*named(&resources["resources"], "name", "configmaps"), config_maps);
        let finalize = json!({"name": "namespaces/finalize", "singularName": "", "namespaced": false,
            "kind": "Namespace", "verbs": ["update"]});
        assert_eq!(*named(&resources["resources"], "name", "namespaces/finalize"), finalize);
        let (_, _, workspaces) = document(Place::Version("tenancy.kcp.io", "v1alpha1"), None);
        assert_eq!(workspaces["apiVersion"], "v1");
        let workspaces = named(&workspaces["resources"], "name", "workspaces");
        assert_eq!((&workspaces["shortNames"], &workspaces["categories"]), (&json!(["ws"]), &json!(["kcp"])));
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
            assert_eq!(*named(&v1["resources"], "resource", "namespaces"), expected);
            let (_, _, groups) = document(Place::Groups, Some(&accept));
            let named: Vec<&Value> =
                groups["items"].as_array().unwrap().iter().map(|item| &item["metadata"]["name"]).collect();
            assert_eq!(named, in_order());
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
}
