//! Descriptors: what the fields of a type are, as data.
//!
//! Everything that depends on the shape of an object (decoding, canonical form, strategic merge patch, OpenAPI) reads these
//! tables, so a kind is added by writing data. The facts (names, types, list types, merge keys) are those of the published
//! OpenAPI of Kubernetes v1.36, which a test compares; the descriptions are ours.

/// A named object type: what OpenAPI calls a schema and Go a struct.
#[derive(Debug)]
pub struct TypeDescriptor {
    /// Name without package, `ConfigMap`.
    pub name: &'static str,
    /// Package under which OpenAPI publishes the type, `io.k8s.api.core.v1`.
    pub package: &'static str,
    /// Package name in messages of decoders, `v1` in `v1.ObjectMeta`.
    pub go_package: &'static str,
    /// One line for people.
    pub doc: &'static str,
    /// Whether server-side apply takes a value of the type as one piece (`x-kubernetes-map-type: atomic`).
    pub atomic: bool,
    /// The fields, in the order in which they are written.
    pub fields: &'static [Field],
}

impl TypeDescriptor {
    /// The field with this exact name; names are case sensitive, as they are for Kubernetes.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// How many fields are written for an object even when it gives none.
    pub(crate) fn fields_always(&self) -> usize {
        let written = |field: &&Field| matches!(field.presence, Presence::Always | Presence::Nullable);
        self.fields.iter().filter(written).count()
    }

    /// The name of the schema in OpenAPI documents, `io.k8s.api.core.v1.ConfigMap`.
    #[must_use]
    pub fn schema_name(&self) -> String {
        format!("{}.{}", self.package, self.name)
    }
}

/// One field of a [`TypeDescriptor`].
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name in JSON.
    pub name: &'static str,
    /// What values it takes.
    pub kind: FieldKind,
    /// Whether OpenAPI lists it as required. Decoding does not ask for it: validation does, with its own messages.
    pub required: bool,
    /// What is written for a zero value.
    pub presence: Presence,
    /// One line for people.
    pub doc: &'static str,
    /// The type's name in decoder messages where it is not the usual one of `kind`, `types.UID`.
    pub go_type: Option<&'static str>,
    /// The field's number in protobuf, from `generated.proto`. Several numbers are a path: what Go embeds is a field of the
    /// same object in JSON and a message inside the message in protobuf. Empty where protobuf has no such field.
    pub wire: &'static [u32],
}

impl Field {
    /// The type's name as messages of decoders show it, `map[string]string`.
    #[must_use]
    pub fn go_name(&self) -> String {
        self.go_type.map_or_else(|| self.kind.go_name(), str::to_owned)
    }

    /// Marks the field as required in OpenAPI.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Gives the number in protobuf.
    #[must_use]
    pub const fn wire(mut self, path: &'static [u32]) -> Self {
        self.wire = path;
        self
    }

    /// Gives the type's name in decoder messages.
    #[must_use]
    pub const fn go(mut self, name: &'static str) -> Self {
        self.go_type = Some(name);
        self
    }
}

/// A field that OpenAPI does not require and whose type has its usual name.
#[must_use]
pub const fn field(name: &'static str, kind: FieldKind, presence: Presence, doc: &'static str) -> Field {
    Field { name, kind, required: false, presence, doc, go_type: None, wire: &[] }
}

/// What becomes of a zero value (empty text, 0, false, nothing in a list) in the stored and answered form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// A given value is kept, zero or not; only null and absence are left out (a pointer in Go).
    Optional,
    /// Zero values are left out (`omitempty`).
    OmitEmpty,
    /// Written even when zero: `""`, `0`, `{}`, and null for times and lists.
    Always,
    /// A given value is kept, zero or not; absence is written as null (a pointer in Go without `omitempty`).
    Nullable,
}

/// What values a field takes.
#[derive(Clone, Copy, Debug)]
pub enum FieldKind {
    /// Text.
    String,
    /// A number that fits into 32 bits, with sign.
    Int32,
    /// A number that fits into 64 bits, with sign.
    Int64,
    /// true or false.
    Bool,
    /// Bytes, in base64.
    Bytes,
    /// A time in seconds, RFC 3339.
    Time,
    /// A time in microseconds, RFC 3339 with exactly six digits.
    MicroTime,
    /// Keys that the user chooses, all values of one kind.
    Map(&'static Self),
    /// A list.
    List(List),
    /// An object of a known type.
    Object(&'static TypeDescriptor),
    /// A set of fields in JSON (`FieldsV1`), kept as it is.
    Any,
    /// A number that may have a fraction.
    Double,
    /// An amount with a unit, `500m`, in the form that [`crate::quantity::canonical`] gives it. A number is taken, too.
    Quantity,
    /// Any JSON value. Keys are sorted, and whole numbers have no fraction.
    Json(JsonType),
    /// An object of a known type, or something else.
    ObjectOr(&'static TypeDescriptor, Alternative),
}

/// The types of upstream that hold any JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonType {
    /// `apiextensions/v1.JSON`: a value in a JSON schema.
    Schema,
    /// `runtime.RawExtension`: an object of any kind.
    Extension,
}

impl JsonType {
    /// The name of the schema in OpenAPI documents.
    #[must_use]
    pub const fn schema_name(self) -> &'static str {
        match self {
            Self::Schema => "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON",
            Self::Extension => "io.k8s.apimachinery.pkg.runtime.RawExtension",
        }
    }
}

/// What may stand in the place of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alternative {
    /// true or false.
    Bool,
    /// A list of such objects.
    List,
    /// A list of texts.
    TextList,
}

impl Alternative {
    /// How upstream's type of such values is called after the object's own type, `OrBool`.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Bool => "OrBool",
            Self::List => "OrArray",
            Self::TextList => "OrStringArray",
        }
    }
}

impl FieldKind {
    /// The name of the Go type that upstream uses, for messages of decoders.
    #[must_use]
    pub fn go_name(&self) -> String {
        match self {
            Self::String => "string".to_owned(),
            Self::Int32 => "int32".to_owned(),
            Self::Int64 => "int64".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Bytes => "[]uint8".to_owned(),
            Self::Time => "v1.Time".to_owned(),
            Self::MicroTime => "v1.MicroTime".to_owned(),
            Self::Map(of) => format!("map[string]{}", of.go_name()),
            Self::List(list) => format!("[]{}", list.of.go_name()),
            Self::Object(descriptor) => format!("{}.{}", descriptor.go_package, descriptor.name),
            Self::Any => "v1.FieldsV1".to_owned(),
            Self::Double => "float64".to_owned(),
            Self::Quantity => "resource.Quantity".to_owned(),
            Self::Json(JsonType::Schema) => "v1.JSON".to_owned(),
            Self::Json(JsonType::Extension) => "runtime.RawExtension".to_owned(),
            Self::ObjectOr(descriptor, alternative) => {
                format!("{}.{}{}", descriptor.go_package, descriptor.name, alternative.suffix())
            }
        }
    }
}

/// A list, and how others may change it in part.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// Kind of the items.
    pub of: &'static FieldKind,
    /// How server-side apply merges it (`x-kubernetes-list-type`); nothing is published for some old fields.
    pub list_type: Option<ListType>,
    /// How strategic merge patch merges it.
    pub patch: PatchStrategy,
}

impl List {
    /// A list that patches replace as a whole.
    #[must_use]
    pub const fn of(of: &'static FieldKind) -> Self {
        Self { of, list_type: None, patch: PatchStrategy::Replace }
    }

    /// Server-side apply takes it as one piece.
    #[must_use]
    pub const fn atomic(mut self) -> Self {
        self.list_type = Some(ListType::Atomic);
        self
    }

    /// Server-side apply takes it as a set of scalars.
    #[must_use]
    pub const fn set(mut self) -> Self {
        self.list_type = Some(ListType::Set);
        self
    }

    /// Server-side apply takes it as items that are told apart by these fields.
    #[must_use]
    pub const fn map(mut self, keys: &'static [&'static str]) -> Self {
        self.list_type = Some(ListType::Map(keys));
        self
    }

    /// Strategic merge patch merges it as scalars.
    #[must_use]
    pub const fn merge(mut self) -> Self {
        self.patch = PatchStrategy::MergeScalars;
        self
    }

    /// Strategic merge patch merges items with the same value of this field.
    #[must_use]
    pub const fn merge_by(mut self, key: &'static str) -> Self {
        self.patch = PatchStrategy::MergeBy(key);
        self
    }
}

/// `x-kubernetes-list-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// One piece.
    Atomic,
    /// Scalars, each once.
    Set,
    /// Items told apart by the values of these fields (`x-kubernetes-list-map-keys`).
    Map(&'static [&'static str]),
}

/// `x-kubernetes-patch-strategy` and `x-kubernetes-patch-merge-key` of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchStrategy {
    /// The patch's list takes the place of the stored one.
    Replace,
    /// Scalars of both, each once.
    MergeScalars,
    /// Items of both, merged when they have the same value of this field.
    MergeBy(&'static str),
}

/// A type and all that its values can hold, each once.
#[cfg(test)]
pub(crate) fn used_types(descriptor: &'static TypeDescriptor) -> Vec<&'static TypeDescriptor> {
    let (mut all, mut next) = (vec![descriptor], 0);
    while let Some(descriptor) = all.get(next).copied() {
        next += 1;
        for field in descriptor.fields {
            if let Some(inner) = inside(&field.kind)
                && !all.iter().any(|known| std::ptr::eq(*known, inner))
            {
                all.push(inner);
            }
        }
    }
    all
}

/// The type of the objects inside a value of this kind.
#[cfg(test)]
fn inside(kind: &'static FieldKind) -> Option<&'static TypeDescriptor> {
    match kind {
        FieldKind::Object(descriptor) | FieldKind::ObjectOr(descriptor, _) => Some(descriptor),
        FieldKind::List(list) => inside(list.of),
        FieldKind::Map(of) => inside(of),
        _ => None,
    }
}
