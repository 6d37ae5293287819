//! Kinds: what the API serves, as data. A kind comes from the table of built-in kinds or from a CustomResourceDefinition; who
//! serves it need not ask from which.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::cause::Cause;
use crate::field::TypeDescriptor;
use crate::kinds::KINDS;
use crate::structural::jsonpath::JsonPath;
use crate::structural::schema::Schema;

/// A text that the program knows, or that came with a definition.
pub type Text = Cow<'static, str>;

/// A kind that the API serves in one group and version.
#[derive(Debug)]
pub struct Kind {
    /// API group, empty for the core group.
    pub group: Text,
    /// Version, `v1`.
    pub version: Text,
    /// Name of the kind, `ConfigMap`.
    pub kind: Text,
    /// Name of a list of the kind, `ConfigMapList`.
    pub list_kind: Text,
    /// Resource in URLs, `configmaps`.
    pub plural: Text,
    /// Singular resource, `configmap`.
    pub singular: Text,
    /// Short names for kubectl.
    pub short_names: Vec<Text>,
    /// Groups of resources for kubectl, `all` for instance.
    pub categories: Vec<Text>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// What can be written apart from the object itself.
    pub subresources: Vec<Part>,
    /// What can be done, in the order of discovery.
    pub verbs: &'static [Verb],
    /// The fields.
    pub shape: Shape,
    /// What names are good.
    pub name_rule: NameRule,
    /// Columns of tables.
    pub columns: Vec<Column>,
    /// What field selectors can ask for.
    pub selectable: Selectable,
    /// Group and plural under which objects are stored. Two kinds with the same storage are two forms of one resource; the
    /// stored form is that of the kind whose own group this is.
    pub storage: (Text, Text),
    /// For each part, the top-level fields that a write to it leaves as they were. `metadata` stands for all of the metadata
    /// but `resourceVersion` and `managedFields`.
    pub keeps: &'static [(Part, &'static [&'static str])],
    /// Whether finalizers without a domain must be Kubernetes' own.
    pub standard_finalizers: bool,
    /// Whether `metadata.generation` counts changes of the wanted state.
    pub generation: bool,
    /// Whether strategic merge patch is served; not for kinds that kcp defines by CustomResourceDefinition.
    pub strategic_patch: bool,
    /// Whether an update may create the object.
    pub create_on_update: bool,
    /// Whether an update may come without `resourceVersion`.
    pub unconditional_update: bool,
    /// Where `…/scale` finds its numbers.
    pub scale: Option<Scale>,
    /// What clients of a version that is on its way out are told in a `Warning` header.
    pub deprecation: Option<Text>,
    /// Rules that are not data.
    pub rules: &'static Rules,
}

/// Where the fields of a kind are described.
#[derive(Clone, Debug)]
pub enum Shape {
    /// In a table of the program.
    Typed(&'static TypeDescriptor),
    /// In a CustomResourceDefinition.
    Structural(Arc<Custom>),
}

/// What a CustomResourceDefinition says of the fields of one version.
#[derive(Debug)]
pub struct Custom {
    /// The compiled schema.
    pub schema: Arc<Schema>,
    /// The schema as the definition has it, for OpenAPI documents.
    pub document: SchemaText,
    /// `group/version` in which objects of the definition are stored.
    pub storage_version: Text,
    /// The webhook that converts between versions; without one only `apiVersion` differs.
    pub conversion: Option<Arc<ConversionWebhook>>,
}

/// A schema as its definition has it. It is kept as text, which takes a tenth of the memory of a value, and is read only when
/// an OpenAPI document is made of it.
#[derive(Debug)]
pub struct SchemaText(Box<str>);

impl SchemaText {
    /// The text of a schema.
    #[must_use]
    pub fn of(schema: &Value) -> Self {
        Self(schema.to_string().into())
    }

    /// The schema.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// `spec.conversion.webhook` of a CustomResourceDefinition.
#[derive(Debug)]
pub struct ConversionWebhook {
    /// `clientConfig` as the definition has it.
    pub client_config: Value,
    /// `conversionReviewVersions`
    pub review_versions: Vec<String>,
}

/// Where `…/scale` finds its numbers in an object: paths of field names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// The wanted number of replicas.
    pub spec_replicas: Vec<Text>,
    /// The number of replicas there are.
    pub status_replicas: Vec<Text>,
    /// The label selector of the replicas, as text; empty when there is none.
    pub label_selector: Vec<Text>,
}

impl Kind {
    /// `v1`, or `group/version`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `configmaps`, or `leases.coordination.k8s.io`: how messages name the resource.
    #[must_use]
    pub fn qualified_resource(&self) -> String {
        qualified(&self.plural, &self.group)
    }

    /// `ConfigMap`, or `Lease.coordination.k8s.io`: how messages name the kind.
    #[must_use]
    pub fn qualified_kind(&self) -> String {
        qualified(&self.kind, &self.group)
    }

    /// The kind in whose form objects are stored: itself, but for built-in kinds that share storage.
    #[must_use]
    pub fn stored(&self) -> &Self {
        if (&self.group, &self.plural) == (&self.storage.0, &self.storage.1) {
            return self;
        }
        by_storage(&self.storage.0, &self.storage.1).map_or(self, |kind| kind)
    }

    /// Whether objects are questions, which are answered at once and never stored.
    #[must_use]
    pub fn is_review(&self) -> bool {
        self.verbs == [Verb::Create]
    }

    /// The table of the fields; nothing for a kind that comes from a definition.
    #[must_use]
    pub fn descriptor(&self) -> Option<&'static TypeDescriptor> {
        match &self.shape {
            Shape::Typed(descriptor) => Some(descriptor),
            Shape::Structural(_) => None,
        }
    }

    /// The schema of a kind that comes from a definition.
    #[must_use]
    pub fn schema(&self) -> Option<&Schema> {
        match &self.shape {
            Shape::Typed(_) => None,
            Shape::Structural(custom) => Some(&custom.schema),
        }
    }
}

/// The built-in kind that is served at this place.
#[must_use]
pub fn by_plural(group: &str, version: &str, plural: &str) -> Option<&'static Arc<Kind>> {
    KINDS.iter().find(|kind| kind.plural == plural && kind.group == group && kind.version == version)
}

/// The built-in kind with this name.
#[must_use]
pub fn by_kind(group: &str, version: &str, name: &str) -> Option<&'static Arc<Kind>> {
    KINDS.iter().find(|kind| kind.kind == name && kind.group == group && kind.version == version)
}

/// The built-in kind that is stored under this group and plural.
#[must_use]
pub fn by_storage(group: &str, plural: &str) -> Option<&'static Arc<Kind>> {
    KINDS.iter().find(|kind| kind.group == group && kind.plural == plural)
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

/// What a request writes: the object, or one of its subresources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The object itself.
    Object,
    /// `…/status`
    Status,
    /// `…/finalize`: a namespace's `spec.finalizers`.
    Finalize,
    /// `…/scale`: how many replicas are wanted and there, as `autoscaling/v1` Scale.
    Scale,
    /// `…/approval`: the decisions about a CertificateSigningRequest.
    Approval,
    /// `…/token`: a service account's tokens, as `authentication.k8s.io/v1` TokenRequest.
    Token,
}

impl Part {
    /// The last segment of the URL; nothing for the object itself.
    #[must_use]
    pub const fn segment(self) -> Option<&'static str> {
        match self {
            Self::Object => None,
            Self::Status => Some("status"),
            Self::Finalize => Some("finalize"),
            Self::Scale => Some("scale"),
            Self::Approval => Some("approval"),
            Self::Token => Some("token"),
        }
    }
}

/// What can be done with objects of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// POST to the collection.
    Create,
    /// DELETE of one.
    Delete,
    /// DELETE of the collection.
    DeleteCollection,
    /// GET of one.
    Get,
    /// GET of the collection.
    List,
    /// PATCH of one.
    Patch,
    /// PUT of one.
    Update,
    /// A stream of changes.
    Watch,
}

impl Verb {
    /// The word in discovery and in access rules.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Get => "get",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Update => "update",
            Self::Watch => "watch",
        }
    }
}

/// What names a kind's objects may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// RFC 1123 subdomain: letters, digits, `-` and `.`, up to 253.
    DnsSubdomain,
    /// RFC 1123 label: letters, digits and `-`, up to 63.
    DnsLabel,
    /// Whatever fits into one segment of a URL.
    PathSegment,
    /// A segment of a workspace path (kcp contract §1).
    Workspace,
    /// Only `cluster`.
    LogicalCluster,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Heading.
    pub name: Text,
    /// OpenAPI type of the cells: `string`, `integer`, `date`.
    pub cell_type: Text,
    /// OpenAPI format of the cells, `name` for the column that tells objects apart.
    pub format: Text,
    /// One line for people.
    pub description: Text,
    /// 0 for a column that is always shown, 1 for one that is shown with `-o wide`.
    pub priority: i32,
    /// Where its cells come from.
    pub cell: Cell,
}

/// Where the cells of a column come from.
#[derive(Clone, Debug)]
pub enum Cell {
    /// The text at this path, empty when there is none.
    Text(&'static [&'static str]),
    /// The text at this path, null when there is none.
    OptionalText(&'static [&'static str]),
    /// How many entries the objects at these paths have together.
    Count(&'static [&'static [&'static str]]),
    /// How long ago the time at this path was.
    Age(&'static [&'static str]),
    /// Whatever the path of a CustomResourceDefinition's column leads to.
    Path(JsonPath),
    /// Made from several fields; the second argument is the time in milliseconds since the epoch.
    Made(fn(&Value, i64) -> Value),
}

/// What field selectors can ask for.
#[derive(Clone, Debug)]
pub enum Selectable {
    /// `metadata.name` and `metadata.namespace`.
    Metadata,
    /// These and no others.
    Listed(Vec<SelectableField>),
}

/// A field that selectors can ask for.
#[derive(Clone, Debug)]
pub struct SelectableField {
    /// Name in selectors.
    pub label: Text,
    /// Path in the stored form; where it is absent or empty the second path is taken.
    pub path: Vec<Text>,
    /// The second path, empty when there is none.
    pub otherwise: Vec<Text>,
}

/// Rules of a kind that are not data. Each gets objects in canonical form.
#[derive(Debug)]
pub struct Rules {
    /// Fills what a client may leave out. Run on everything that a client sends, patched objects included.
    pub default: fn(&mut Value),
    /// Sets what the server sets when an object is created.
    pub create: fn(&mut Value),
    /// Sets what the server sets when an object is updated: the new object and the stored one.
    pub update: fn(&mut Value, &Value, Part),
    /// Finds what is wrong with an object beside its metadata.
    pub validate: fn(&Value, &mut Vec<Cause>),
    /// Finds what is wrong with a change beside metadata: the new object and the stored one.
    pub validate_update: fn(&Value, &Value, Part, &mut Vec<Cause>),
    /// What is fine but should not be: the new object and the stored one.
    pub warn: fn(&Value, Option<&Value>) -> Vec<String>,
}
