//! Operations: what can be done at a path.

use serde_json::{Map, Value, json};

use super::part::Other;
use super::schema::{GROUP_VERSION_KIND, PATCH, group_version_kind, list_name, reference, schema_name};
use crate::kind::{Kind, Shape, Verb};
use crate::patch::PatchType;
use crate::protobuf;
use crate::types::meta;

/// What a path leads to.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// The objects of one namespace, or all where there are no namespaces.
    Collection,
    /// The objects of all namespaces.
    AllNamespaces,
    /// One object.
    Object,
    /// A subresource of one object, and what it speaks where that is not the kind.
    Part(&'static str, Option<Other>),
}

impl Target {
    const fn is_one(self) -> bool {
        matches!(self, Self::Object | Self::Part(..))
    }

    /// Whether objects of all namespaces are meant.
    const fn is_everywhere(self) -> bool {
        matches!(self, Self::AllNamespaces)
    }
}

/// A verb at a path.
pub(super) struct Operation<'k> {
    pub(super) kind: &'k Kind,
    pub(super) target: Target,
    pub(super) verb: Verb,
}

impl Operation<'_> {
    /// The HTTP method, as OpenAPI writes it.
    pub(super) const fn method(&self) -> &'static str {
        match self.verb {
            Verb::Get | Verb::List | Verb::Watch => "get",
            Verb::Create => "post",
            Verb::Update => "put",
            Verb::Patch => "patch",
            Verb::Delete | Verb::DeleteCollection => "delete",
        }
    }

    /// The whole operation.
    pub(super) fn describe(&self) -> Value {
        let mut operation = Map::new();
        let mut set = |key: &str, value: Value| {
            operation.insert(key.to_owned(), value);
        };
        set("description", json!(format!("{} {}", self.verb.as_str(), self.kind.plural)));
        set("operationId", json!(self.id()));
        set("tags", json!([self.tag()]));
        set("parameters", Value::Array(self.parameters().iter().map(|name| parameter(name)).collect()));
        if let Some(body) = self.body() {
            set("requestBody", body);
        }
        set("responses", self.responses());
        set("x-kubernetes-action", json!(self.action()));
        set(GROUP_VERSION_KIND, self.speaks());
        Value::Object(operation)
    }

    /// The kind that clients find the operation by. As upstream, a custom resource's scale is found by the custom resource.
    fn speaks(&self) -> Value {
        match (self.target, &self.kind.shape) {
            (Target::Part(_, Some(other)), Shape::Typed(_)) => {
                json!({"group": other.group, "kind": other.descriptor.name, "version": other.version})
            }
            _ => group_version_kind(self.kind, &self.kind.kind),
        }
    }

    /// Name of the schema of what is sent and answered.
    fn object_name(&self) -> String {
        match self.target {
            Target::Part(_, Some(other)) => other.descriptor.schema_name(),
            _ => schema_name(self.kind),
        }
    }

    const fn action(&self) -> &'static str {
        match self.verb {
            Verb::Create => "post",
            Verb::Update => "put",
            verb => verb.as_str(),
        }
    }

    /// The operation's name, as client generators know it: `listCoreV1NamespacedConfigMap`.
    fn id(&self) -> String {
        let word = match self.verb {
            Verb::Create => "create",
            Verb::Delete | Verb::DeleteCollection => "delete",
            Verb::Get => "read",
            Verb::List => "list",
            Verb::Patch => "patch",
            Verb::Update => "replace",
            Verb::Watch => "watch",
        };
        let collection = if self.verb == Verb::DeleteCollection { "Collection" } else { "" };
        let namespaced = if self.kind.namespaced && !self.target.is_everywhere() { "Namespaced" } else { "" };
        let end = match self.target {
            Target::AllNamespaces => "ForAllNamespaces".to_owned(),
            Target::Part(segment, _) => capital(segment),
            Target::Collection | Target::Object => String::new(),
        };
        format!(
            "{word}{}{}{collection}{namespaced}{}{end}",
            group_word(&self.kind.group),
            capital(&self.kind.version),
            self.kind.kind
        )
    }

    fn tag(&self) -> String {
        let group = group_word(&self.kind.group);
        let mut chars = group.chars();
        let first = chars.next().map(|c| c.to_ascii_lowercase()).unwrap_or_default();
        format!("{first}{}_{}", chars.as_str(), self.kind.version)
    }

    const fn parameters(&self) -> &'static [&'static str] {
        match self.verb {
            Verb::Get => &[],
            Verb::Create | Verb::Update => &["dryRun", "fieldManager", "fieldValidation"],
            Verb::Patch => &["dryRun", "fieldManager", "fieldValidation", "force"],
            Verb::Delete => &["dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy"],
            Verb::List | Verb::Watch => &[
                "allowWatchBookmarks",
                "continue",
                "fieldSelector",
                "labelSelector",
                "limit",
                "resourceVersion",
                "resourceVersionMatch",
                "sendInitialEvents",
                "timeoutSeconds",
                "watch",
            ],
            Verb::DeleteCollection => &[
                "continue",
                "dryRun",
                "fieldSelector",
                "gracePeriodSeconds",
                "labelSelector",
                "limit",
                "orphanDependents",
                "propagationPolicy",
                "resourceVersion",
                "resourceVersionMatch",
                "timeoutSeconds",
            ],
        }
    }

    fn body(&self) -> Option<Value> {
        match self.verb {
            Verb::Create | Verb::Update => {
                let schema = json!({"schema": reference(&self.object_name())});
                Some(json!({"required": true, "content": self.taken(&schema)}))
            }
            Verb::Patch => {
                let schema = json!({"schema": reference(PATCH)});
                let types = PatchType::of(self.kind).iter().map(|patch| patch.content_type()).chain([APPLY]);
                let content = types.map(|content_type| (content_type.to_owned(), schema.clone()));
                Some(json!({"required": true, "content": content.collect::<Map<_, _>>()}))
            }
            Verb::Delete | Verb::DeleteCollection => {
                let schema = json!({"schema": reference(&meta::DELETE_OPTIONS.schema_name())});
                Some(json!({"content": self.taken(&schema)}))
            }
            Verb::Get | Verb::List | Verb::Watch => None,
        }
    }

    /// As upstream: types that are compiled in are taken in every form, custom resources in the forms without a scheme.
    fn taken(&self, schema: &Value) -> Value {
        match self.kind.shape {
            Shape::Typed(_) => json!({"*/*": schema}),
            Shape::Structural(_) => json!({"application/json": schema, "application/yaml": schema}),
        }
    }

    fn responses(&self) -> Value {
        let name = match self.verb {
            Verb::List | Verb::Watch => list_name(self.kind),
            Verb::Delete | Verb::DeleteCollection => meta::STATUS.schema_name(),
            _ => self.object_name(),
        };
        let schema = json!({"schema": reference(&name)});
        let content: Map<String, Value> =
            self.media_types().into_iter().map(|media_type| (media_type.to_owned(), schema.clone())).collect();
        let response = |description: &str| json!({"description": description, "content": content});
        let mut responses = Map::new();
        responses.insert("200".to_owned(), response("OK"));
        let typed = matches!(self.kind.shape, Shape::Typed(_));
        if matches!(self.verb, Verb::Create | Verb::Update) || (self.verb == Verb::Patch && typed) {
            responses.insert("201".to_owned(), response("Created"));
        }
        if matches!(self.verb, Verb::Create | Verb::Delete) {
            responses.insert("202".to_owned(), response("Accepted"));
        }
        responses.insert("401".to_owned(), json!({"description": "Unauthorized"}));
        Value::Object(responses)
    }

    /// The forms of an answer, in alphabetical order.
    fn media_types(&self) -> Vec<&'static str> {
        // Upstream does not list the forms of a watch of custom resources.
        let stream = self.verb == Verb::List && matches!(self.kind.shape, Shape::Typed(_));
        let mut types = vec!["application/json"];
        if stream {
            types.push("application/json;stream=watch");
        }
        if protobuf::speaks(self.kind) {
            types.push(protobuf::MEDIA_TYPE);
            if stream {
                types.push(protobuf::WATCH_MEDIA_TYPE);
            }
        }
        types.push("application/yaml");
        types
    }
}

/// The content type of server-side apply.
const APPLY: &str = "application/apply-patch+yaml";

/// The parameters that all operations at a path have.
pub(super) fn path_parameters(kind: &Kind, target: Target) -> Value {
    let in_path = |name: &str, description: &str| {
        json!({
            "name": name, "in": "path", "required": true, "description": description,
            "schema": {"type": "string", "uniqueItems": true},
        })
    };
    let mut parameters = Vec::new();
    if target.is_one() {
        parameters.push(in_path("name", "name of the object"));
    }
    if kind.namespaced && !target.is_everywhere() {
        parameters.push(in_path("namespace", "namespace of the objects"));
    }
    parameters.push(parameter("pretty"));
    Value::Array(parameters)
}

fn parameter(name: &str) -> Value {
    let known = PARAMETERS.iter().find(|(known, _, _)| *known == name);
    let (_, value_type, description) = known.copied().unwrap_or((name, "string", ""));
    let schema = json!({"type": value_type, "uniqueItems": true});
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}

/// `coordination.k8s.io` is `Coordination`, other groups are written in full: `TenancyKcpIo`.
fn group_word(group: &str) -> String {
    if group.is_empty() { "Core".to_owned() } else { word(group.strip_suffix(".k8s.io").unwrap_or(group)) }
}

/// A name as one word: what is no letter and no digit is left out, and what follows begins with a capital letter.
fn word(name: &str) -> String {
    let mut word = String::with_capacity(name.len());
    let mut capital = true;
    for (position, c) in name.char_indices() {
        if c.is_ascii_alphabetic() || c == '_' || (position > 0 && c.is_ascii_digit()) {
            word.push(if capital { c.to_ascii_uppercase() } else { c });
            capital = false;
        } else {
            capital = true;
        }
    }
    word
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

/// Name, type and meaning of the parameters in queries.
const PARAMETERS: [(&str, &str, &str); 18] = [
    ("allowWatchBookmarks", "boolean", "send bookmarks in a watch"),
    ("continue", "string", "token of the page to go on with"),
    ("dryRun", "string", "All: go through every step but store nothing"),
    ("fieldManager", "string", "who makes the change; up to 128 printable characters"),
    ("fieldSelector", "string", "only objects whose fields have these values"),
    ("fieldValidation", "string", "Ignore, Warn or Strict: what is done about unknown and duplicate fields"),
    ("force", "boolean", "take fields over from other managers; for apply patches only"),
    ("gracePeriodSeconds", "integer", "seconds before the object goes; 0 means at once"),
    ("labelSelector", "string", "only objects with these labels"),
    ("limit", "integer", "how many objects a page may have"),
    ("orphanDependents", "boolean", "older form of propagationPolicy"),
    ("pretty", "string", "true: indent the answer"),
    ("propagationPolicy", "string", "Orphan, Background or Foreground"),
    ("resourceVersion", "string", "how fresh the answer must be, or from where a watch goes on"),
    ("resourceVersionMatch", "string", "Exact or NotOlderThan: how resourceVersion is meant"),
    ("sendInitialEvents", "boolean", "begin a watch with the objects that are there"),
    ("timeoutSeconds", "integer", "end the call after this time"),
    ("watch", "boolean", "stream changes instead of a list"),
];
