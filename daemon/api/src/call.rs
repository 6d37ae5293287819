//! One request for a resource of a logical cluster that is at home here: what every verb needs to know of it.

use std::sync::Arc;

use hanse_base::id::ClusterId;
use hanse_schema::kind::{Kind, Part};
use hanse_schema::time::{Moment, Precision};
use hanse_store::home::Home;
use hanse_store::key::{Key, Scope};
use http::HeaderMap;

use crate::api::Api;
use crate::authenticate::User;
use crate::federation::Purpose;
use crate::query::Query;
use crate::request::ResourcePath;
use crate::status::{Failure, Subject, qualified};
use crate::view::View;

/// A request, understood and permitted, at the right place.
pub(crate) struct Call<'a> {
    pub(crate) api: &'a Arc<Api>,
    pub(crate) home: &'a Arc<dyn Home>,
    /// The logical cluster; `None` for a wildcard request.
    pub(crate) cluster: Option<&'a ClusterId>,
    pub(crate) kind: &'a Arc<Kind>,
    pub(crate) part: Part,
    /// How its objects are read and written in the version of the request.
    pub(crate) view: View,
    pub(crate) path: &'a ResourcePath,
    pub(crate) query: &'a Query,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) user: &'a User,
    pub(crate) purpose: &'a Purpose,
}

impl Call<'_> {
    /// Where the kind's objects are stored.
    pub(crate) fn storage(&self) -> String {
        let (group, plural) = &self.kind.storage;
        qualified(group, plural)
    }

    /// The key of an object of the request's kind, logical cluster and namespace.
    pub(crate) fn key(&self, name: &str) -> Result<Key, Failure> {
        let missing = || Failure::NotFound(self.subject(name));
        let cluster = self.cluster.ok_or_else(missing)?;
        let namespace = self.path.namespace.as_deref().unwrap_or_default();
        Key::new(&self.storage(), cluster, namespace, name).ok().ok_or_else(missing)
    }

    /// The name in the path; verbs on one object have one.
    pub(crate) fn name(&self) -> Result<&str, Failure> {
        self.path.name.as_deref().ok_or(Failure::MethodNotServed)
    }

    /// The range that a list or watch covers.
    pub(crate) fn scope(&self) -> Scope {
        Scope { resource: self.storage(), cluster: self.cluster.cloned(), namespace: self.path.namespace.clone() }
    }

    /// What a `Status` about an object of the request says that it is about.
    pub(crate) fn subject(&self, name: &str) -> Subject {
        Subject::new(&self.kind.group, &self.kind.plural, name)
    }

    /// A header's bytes.
    pub(crate) fn header(&self, name: http::header::HeaderName) -> Option<&[u8]> {
        self.headers.get(name).map(http::HeaderValue::as_bytes)
    }

    /// The wall clock.
    pub(crate) fn now_ms(&self) -> u64 {
        self.api.clock().wall_ms()
    }

    /// The wall clock as a `metav1.Time`.
    pub(crate) fn now_text(&self) -> String {
        Moment::from_unix_ms(self.now_ms()).format(Precision::Seconds)
    }
}
