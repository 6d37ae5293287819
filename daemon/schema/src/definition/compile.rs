//! A stored definition, ready to serve objects.

use std::sync::Arc;

use serde_json::Value;

use crate::structural::build::{BuildError, build};
use crate::structural::jsonpath::{JsonPath, fields};
use crate::structural::props::Props;
use crate::structural::rule;
use crate::structural::schema::Schema;
use crate::types::meta::OBJECT_META;

/// What a definition defines. Immutable, to be shared.
#[derive(Debug)]
pub struct Definition {
    /// API group.
    pub group: String,
    /// Names of the resource and the kind.
    pub names: Names,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// The versions, in the definition's order.
    pub versions: Vec<Version>,
    /// How objects are converted between versions.
    pub conversion: Conversion,
}

/// Names of a resource and its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Resource in URLs.
    pub plural: String,
    /// Singular resource.
    pub singular: String,
    /// Short names for kubectl.
    pub short_names: Vec<String>,
    /// Kind of the objects.
    pub kind: String,
    /// Kind of lists of the objects.
    pub list_kind: String,
    /// Groups of resources for kubectl.
    pub categories: Vec<String>,
}

/// One version.
#[derive(Debug)]
pub struct Version {
    /// Name, `v1`.
    pub name: String,
    /// Whether it is served.
    pub served: bool,
    /// Whether objects are stored in it.
    pub storage: bool,
    /// What clients of a deprecated version are told; nothing for a version that is not deprecated.
    pub deprecation: Option<String>,
    /// The schema, with its rules.
    pub schema: Arc<Schema>,
    /// The schema as the definition has it, for OpenAPI documents.
    pub document: Value,
    /// Whether `…/status` is served.
    pub has_status: bool,
    /// Where `…/scale` finds its numbers.
    pub scale: Option<ScalePaths>,
    /// Columns of tables, in addition to the name; where the definition gives none, the age.
    pub columns: Vec<Column>,
    /// What field selectors can ask for, in addition to the name and namespace.
    pub selectable: Vec<SelectableField>,
}

/// Where `…/scale` finds its numbers: names of fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalePaths {
    /// The wanted number of replicas.
    pub spec_replicas: Vec<String>,
    /// The number of replicas there are.
    pub status_replicas: Vec<String>,
    /// The label selector of the replicas, as text; empty when there is none.
    pub label_selector: Vec<String>,
}

/// A column of tables.
#[derive(Clone, Debug)]
pub struct Column {
    /// Heading.
    pub name: String,
    /// `integer`, `number`, `string`, `boolean` or `date`.
    pub cell_type: String,
    /// OpenAPI format of the cells; empty for none.
    pub format: String,
    /// One line for people.
    pub description: String,
    /// 0 for a column that is always shown; greater for one that is shown with `-o wide`.
    pub priority: i32,
    /// Where the cells are: [`JsonPath::cell`] makes them.
    pub path: JsonPath,
}

/// A field that selectors can ask for.
#[derive(Clone, Debug)]
pub struct SelectableField {
    /// Name in selectors, `spec.color`.
    pub label: String,
    /// Names of the fields on the way.
    pub path: Vec<String>,
}

/// How objects are converted.
#[derive(Clone, Debug, PartialEq)]
pub enum Conversion {
    /// Only `apiVersion` changes.
    None,
    /// By a webhook.
    Webhook {
        /// `clientConfig` as the definition has it.
        client: Value,
        /// The versions of reviews that it reads, the preferred one first.
        review_versions: Vec<String>,
    },
}

/// Why a definition cannot be served. Definitions that were validated can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A version has no schema.
    #[error("version {0} has no schema")]
    NoSchema(String),
    /// The schema of a version does not compile.
    #[error("the schema of version {version} does not compile: {error}")]
    Schema {
        /// Name of the version.
        version: String,
        /// Why.
        error: BuildError,
    },
}

impl Definition {
    /// Compiles the spec of a definition.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn compile(spec: &Value) -> Result<Self, CompileError> {
        let spec = Props::of(spec);
        let versions =
            spec.list("versions").map(|version| Version::compile(version, spec)).collect::<Result<_, _>>()?;
        Ok(Self {
            group: spec.text("group").to_owned(),
            names: Names::of(Props::of(spec.value("names").unwrap_or(&Value::Null))),
            namespaced: spec.text("scope") == "Namespaced",
            versions,
            conversion: Conversion::of(Props::of(spec.value("conversion").unwrap_or(&Value::Null))),
        })
    }

    /// The version in which objects are stored.
    #[must_use]
    pub fn storage(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.storage)
    }

    /// The version with this name.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }
}

impl Names {
    fn of(names: Props<'_>) -> Self {
        Self {
            plural: names.text("plural").to_owned(),
            singular: names.text("singular").to_owned(),
            short_names: names.texts("shortNames").map(str::to_owned).collect(),
            kind: names.text("kind").to_owned(),
            list_kind: names.text("listKind").to_owned(),
            categories: names.texts("categories").map(str::to_owned).collect(),
        }
    }
}

impl Version {
    fn compile(version: Props<'_>, spec: Props<'_>) -> Result<Self, CompileError> {
        let name = version.text("name");
        let validation = version.value("schema").map(Props::of);
        let Some(document) = validation.and_then(|validation| validation.value("openAPIV3Schema")) else {
            return Err(CompileError::NoSchema(name.to_owned()));
        };
        let schema = build(document);
        let mut schema = schema.map_err(|error| CompileError::Schema { version: name.to_owned(), error })?;
        rule::attach(&mut schema, document);
        let subresources = Props::of(version.value("subresources").unwrap_or(&Value::Null));
        Ok(Self {
            name: name.to_owned(),
            served: version.flag("served"),
            storage: version.flag("storage"),
            deprecation: deprecation(version, spec),
            schema: Arc::new(schema),
            document: document.clone(),
            has_status: subresources.value("status").is_some(),
            scale: subresources.value("scale").map(|scale| ScalePaths::of(Props::of(scale))),
            columns: columns(version),
            selectable: version.list("selectableFields").map(SelectableField::of).collect(),
        })
    }
}

impl ScalePaths {
    fn of(scale: Props<'_>) -> Self {
        let names = |name: &str| match scale.text(name) {
            "" => Vec::new(),
            path => fields(path).into_iter().map(str::to_owned).collect(),
        };
        Self {
            spec_replicas: names("specReplicasPath"),
            status_replicas: names("statusReplicasPath"),
            label_selector: names("labelSelectorPath"),
        }
    }
}

impl SelectableField {
    fn of(field: Props<'_>) -> Self {
        let path = field.text("jsonPath");
        Self {
            label: path.strip_prefix('.').unwrap_or(path).to_owned(),
            path: fields(path).into_iter().map(str::to_owned).collect(),
        }
    }
}

impl Conversion {
    fn of(conversion: Props<'_>) -> Self {
        let webhook = conversion.value("webhook").filter(|_| conversion.text("strategy") == "Webhook").map(Props::of);
        let Some(webhook) = webhook else { return Self::None };
        Self::Webhook {
            client: webhook.value("clientConfig").cloned().unwrap_or_default(),
            review_versions: webhook.texts("conversionReviewVersions").map(str::to_owned).collect(),
        }
    }
}

/// What clients of a deprecated version are told: what the definition says, or which version takes its place.
fn deprecation(version: Props<'_>, spec: Props<'_>) -> Option<String> {
    if !version.flag("deprecated") {
        return None;
    }
    if let Some(warning) = version.optional_text("deprecationWarning") {
        return Some(warning.to_owned());
    }
    let (group, kind) = (spec.text("group"), spec.value("names").map_or("", |names| Props::of(names).text("kind")));
    let own = version.text("name");
    let warning = format!("{group}/{own} {kind} is deprecated");
    let newer = spec
        .list("versions")
        .filter(|other| other.flag("served") && !other.flag("deprecated"))
        .map(|other| other.text("name"))
        .filter(|other| priority(other) > priority(own))
        .max_by_key(|other| priority(other));
    Some(match newer {
        Some(newer) => format!("{warning}; use {group}/{newer} {kind}"),
        None => warning,
    })
}

/// How Kubernetes orders versions: general availability before beta before alpha, then by number; others last.
fn priority(name: &str) -> (u8, u64, u64) {
    let other = (0, 0, 0);
    let Some(rest) = name.strip_prefix('v') else { return other };
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (major, rest) = rest.split_at_checked(digits(rest)).unwrap_or((rest, ""));
    let Ok(major) = major.parse::<u64>() else { return other };
    let stage = |name: &str, stage: u8| {
        let minor = rest.strip_prefix(name)?.parse::<u64>().ok()?;
        Some((stage, major, minor))
    };
    if rest.is_empty() {
        return (3, major, 0);
    }
    stage("beta", 2).or_else(|| stage("alpha", 1)).unwrap_or(other)
}

fn columns(version: Props<'_>) -> Vec<Column> {
    let given = version.list("additionalPrinterColumns").map_while(|column| {
        let path = column.text("jsonPath");
        let description = match column.text("description") {
            "" => format!("Custom resource definition column (in JSONPath format): {path}"),
            given => given.to_owned(),
        };
        Some(Column {
            name: column.text("name").to_owned(),
            cell_type: column.text("type").to_owned(),
            format: column.text("format").to_owned(),
            description,
            priority: column.integer("priority").and_then(|priority| i32::try_from(priority).ok()).unwrap_or(0),
            // As upstream, a column whose path does not parse ends the columns that are shown.
            path: JsonPath::parse(path).ok()?,
        })
    });
    let columns: Vec<Column> = given.collect();
    if version.values("additionalPrinterColumns").is_empty()
        && let Ok(path) = JsonPath::parse(".metadata.creationTimestamp")
    {
        let description = OBJECT_META.field("creationTimestamp").map_or("", |field| field.doc);
        return vec![Column {
            name: "Age".to_owned(),
            cell_type: "date".to_owned(),
            format: String::new(),
            description: description.to_owned(),
            priority: 0,
            path,
        }];
    }
    columns
}

#[cfg(test)]
mod compile_test;
