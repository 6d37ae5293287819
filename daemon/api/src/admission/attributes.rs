//! What admission is asked about: one operation on one object, and what is known of its sender and its place.

use std::sync::Arc;

use hanse_schema::kind::{Kind, Part, Shape};
use hanse_schema::kinds::KINDS;
use hanse_schema::metadata;
use hanse_store::key::Key;
use hanse_store::object::Object;
use hanse_store::state::State;
use serde_json::{Map, Value, json};

use crate::admit;
use crate::call::Call;
use crate::status::{Failure, Subject};

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    Update,
    Delete,
}

impl Action {
    /// The word in rules and in reviews.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }

    const fn options_kind(self) -> &'static str {
        match self {
            Self::Create => "CreateOptions",
            Self::Update => "UpdateOptions",
            Self::Delete => "DeleteOptions",
        }
    }
}

/// What is about to happen. Objects are in the form in which the verbs have them.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) action: Action,
    /// The object as it is to be; null for a deletion.
    pub(crate) object: Value,
    /// The object as it is; null for a creation.
    pub(crate) old: Value,
    /// The options of a deletion; null for other operations, whose options are read from the query.
    pub(crate) options: Value,
    pub(crate) dry_run: bool,
}

impl Operation {
    /// A new object.
    pub(crate) fn create(object: Value, dry_run: bool) -> Self {
        Self { action: Action::Create, object, old: Value::Null, options: Value::Null, dry_run }
    }

    /// A changed object.
    pub(crate) fn update(object: Value, old: Value, dry_run: bool) -> Self {
        Self { action: Action::Update, object, old, options: Value::Null, dry_run }
    }

    /// An object that is to go.
    pub(crate) fn delete(old: Value, options: Value, dry_run: bool) -> Self {
        Self { action: Action::Delete, object: Value::Null, old, options, dry_run }
    }
}

/// One operation, as rules, reviews and expressions see it.
pub(crate) struct Attributes<'a> {
    pub(crate) call: &'a Call<'a>,
    pub(crate) action: Action,
    /// Empty while a generated name is not known, and for each object of a deletion of many.
    pub(crate) name: String,
    /// The namespace; that of a namespace is its own name.
    pub(crate) namespace: String,
    /// The object of that namespace.
    pub(crate) namespace_object: Option<Arc<Object>>,
    /// The other served versions of the resource, and other resources that show the same objects.
    pub(crate) equivalents: Vec<Arc<Kind>>,
    /// `CreateOptions`, `UpdateOptions` or `DeleteOptions`.
    pub(crate) options: Value,
    pub(crate) dry_run: bool,
}

impl<'a> Attributes<'a> {
    /// Gathers what there is to know.
    ///
    /// # Errors
    /// The group is not available; the namespace of a new object does not exist or is on its way out.
    pub(crate) async fn of(call: &'a Call<'a>, operation: &Operation, state: &State) -> Result<Self, Failure> {
        let name = call.path.name.clone().unwrap_or_else(|| metadata::name(&operation.object).to_owned());
        let is_namespace = admit::is_namespace(call.kind);
        let namespace = match &call.path.namespace {
            _ if is_namespace => name.clone(),
            Some(namespace) => namespace.clone(),
            None => String::new(),
        };
        let attributes = Self {
            namespace_object: namespace_object(call, state, &namespace).await?,
            equivalents: equivalents(call, state),
            options: options(call, operation),
            call,
            action: operation.action,
            name,
            namespace,
            dry_run: operation.dry_run,
        };
        if operation.action == Action::Create && !is_namespace {
            attributes.expect_live_namespace()?;
        }
        Ok(attributes)
    }

    /// Upstream's plugin NamespaceLifecycle stands before all others: what cannot be made bothers no webhook. That it holds
    /// when the object is made is for the transaction to see.
    fn expect_live_namespace(&self) -> Result<(), Failure> {
        if !self.call.kind.namespaced {
            return Ok(());
        }
        match &self.namespace_object {
            None => Err(Failure::NotFound(Subject::new("", admit::NAMESPACES, &self.namespace))),
            Some(object) if object.deleting() => Err(admit::terminating(self.subject(), &self.namespace)),
            Some(_) => Ok(()),
        }
    }

    /// The subresource, empty for the object itself.
    pub(crate) fn subresource(&self) -> &'static str {
        self.call.part.segment().unwrap_or_default()
    }

    /// Group, version and kind of what a request at this kind's place sends.
    pub(crate) fn sent_kind<'k>(&self, kind: &'k Kind) -> [&'k str; 3] {
        match self.call.part {
            Part::Scale => return ["autoscaling", "v1", "Scale"],
            Part::Token => return ["authentication.k8s.io", "v1", "TokenRequest"],
            _ => {}
        }
        [&kind.group, &kind.version, &kind.kind]
    }

    /// Whether it is about a `v1` Namespace.
    pub(crate) fn is_namespace(&self) -> bool {
        admit::is_namespace(self.call.kind)
    }

    /// What a refusal is about, with upstream's names for objects that have none.
    pub(crate) fn subject(&self) -> Subject {
        self.subject_of(&Value::Null)
    }

    /// As [`Attributes::subject`], with the object at hand, whose name may be about to be generated.
    pub(crate) fn subject_of(&self, object: &Value) -> Subject {
        let name = [&*self.name, metadata::name(object), metadata::generate_name(object), "Unknown"];
        self.call.subject(name.into_iter().find(|name| !name.is_empty()).unwrap_or_default())
    }

    /// The sender, as `userInfo` of a review or an expression.
    pub(crate) fn user_info(&self) -> Value {
        let user = self.call.user;
        let mut info = Map::new();
        if !user.name.is_empty() {
            info.insert("username".to_owned(), Value::from(user.name.as_str()));
        }
        if !user.uid.is_empty() {
            info.insert("uid".to_owned(), Value::from(user.uid.as_str()));
        }
        if !user.groups.is_empty() {
            info.insert("groups".to_owned(), Value::from(user.groups.clone()));
        }
        if !user.extra.is_empty() {
            info.insert("extra".to_owned(), json!(user.extra));
        }
        Value::Object(info)
    }

    /// The request as a review and `request` of expressions show it, for one of the resource's kinds; without what is told
    /// apart from it.
    pub(crate) fn request(&self, matched: &Kind) -> Map<String, Value> {
        let kind = |kind: &Kind| {
            let [group, version, kind] = self.sent_kind(kind);
            json!({"group": group, "version": version, "kind": kind})
        };
        let resource = |kind: &Kind| json!({"group": kind.group, "version": kind.version, "resource": kind.plural});
        let mut request = Map::new();
        let mut put = |name: &str, value: Value| {
            if value != "" {
                request.insert(name.to_owned(), value);
            }
        };
        put("kind", kind(matched));
        put("resource", resource(matched));
        put("subResource", Value::from(self.subresource()));
        put("requestKind", kind(self.call.kind));
        put("requestResource", resource(self.call.kind));
        put("requestSubResource", Value::from(self.subresource()));
        put("name", Value::from(self.name.as_str()));
        put("namespace", Value::from(self.namespace.as_str()));
        put("operation", Value::from(self.action.as_str()));
        put("userInfo", self.user_info());
        put("dryRun", Value::from(self.dry_run));
        put("options", self.options.clone());
        request
    }
}

async fn namespace_object(call: &Call<'_>, state: &State, namespace: &str) -> Result<Option<Arc<Object>>, Failure> {
    let Some(cluster) = call.cluster.filter(|_| !namespace.is_empty()) else { return Ok(None) };
    let Ok(key) = Key::new(admit::NAMESPACES, cluster, "", namespace) else { return Ok(None) };
    match state.get(&key) {
        Some(object) => Ok(Some(Arc::clone(object))),
        // The local replica may not have it yet.
        None => Ok(call.home.read().await?.get(&key).cloned()),
    }
}

fn equivalents(call: &Call<'_>, state: &State) -> Vec<Arc<Kind>> {
    let all = match (&call.kind.shape, call.cluster) {
        (Shape::Structural(_), Some(cluster)) => {
            call.api.definitions().versions(state, cluster, &call.kind.group, &call.kind.plural)
        }
        _ => KINDS.iter().filter(|kind| kind.storage == call.kind.storage).cloned().collect(),
    };
    let is_other = |kind: &Arc<Kind>| (&kind.group, &kind.version) != (&call.kind.group, &call.kind.version);
    let has_part = |kind: &Arc<Kind>| call.part == Part::Object || kind.subresources.contains(&call.part);
    all.into_iter().filter(|kind| is_other(kind) && has_part(kind)).collect()
}

fn options(call: &Call<'_>, operation: &Operation) -> Value {
    let mut options = json!({"kind": operation.action.options_kind(), "apiVersion": "meta.k8s.io/v1"});
    if let Value::Object(given) = &operation.options {
        for (name, value) in given.iter().filter(|(name, _)| !matches!(name.as_str(), "kind" | "apiVersion")) {
            options[name] = value.clone();
        }
        return options;
    }
    if operation.dry_run {
        options["dryRun"] = json!(["All"]);
    }
    for name in ["fieldManager", "fieldValidation"] {
        if let Some(value) = call.query.get(name).filter(|value| !value.is_empty()) {
            options[name] = Value::from(value);
        }
    }
    options
}
