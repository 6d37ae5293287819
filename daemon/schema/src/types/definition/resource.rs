//! Types of `apiextensions.k8s.io/v1` but the JSON schema.

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};
use crate::types::definition::schema::JSON_SCHEMA_PROPS;
use crate::types::meta::OBJECT_META;

/// Names of a custom resource.
pub static CUSTOM_RESOURCE_DEFINITION_NAMES: TypeDescriptor = TypeDescriptor {
    name: "CustomResourceDefinitionNames",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "names of a custom resource",
    atomic: false,
    fields: &[
        field("plural", FieldKind::String, Presence::Always, "plural name in URLs").required().wire(&[1]),
        field("singular", FieldKind::String, Presence::OmitEmpty, "singular name, the kind in lower case by default")
            .wire(&[2]),
        field(
            "shortNames",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "short names for kubectl",
        )
        .wire(&[3]),
        field("kind", FieldKind::String, Presence::Always, "kind of the objects").required().wire(&[4]),
        field(
            "listKind",
            FieldKind::String,
            Presence::OmitEmpty,
            "kind of lists, the kind with List at its end by default",
        )
        .wire(&[5]),
        field(
            "categories",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "groups of resources, such as all",
        )
        .wire(&[6]),
    ],
};

/// Schema of a version.
pub static CUSTOM_RESOURCE_VALIDATION: TypeDescriptor = TypeDescriptor {
    name: "CustomResourceValidation",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "schema of a version",
    atomic: false,
    fields: &[field(
        "openAPIV3Schema",
        FieldKind::Object(&JSON_SCHEMA_PROPS),
        Presence::Optional,
        "schema of the objects",
    )
    .wire(&[1])],
};

/// Serves status apart from the object; has no fields.
pub static CUSTOM_RESOURCE_SUBRESOURCE_STATUS: TypeDescriptor = TypeDescriptor {
    name: "CustomResourceSubresourceStatus",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "serves status apart from the object; has no fields",
    atomic: false,
    fields: &[],
};

/// Where the scale of an object is found.
pub static CUSTOM_RESOURCE_SUBRESOURCE_SCALE: TypeDescriptor = TypeDescriptor {
    name: "CustomResourceSubresourceScale",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "where the scale of an object is found",
    atomic: false,
    fields: &[
        field(
            "specReplicasPath",
            FieldKind::String,
            Presence::Always,
            "where the wanted number of replicas is, .spec.replicas for instance",
        )
        .required()
        .wire(&[1]),
        field("statusReplicasPath", FieldKind::String, Presence::Always, "where the observed number of replicas is")
            .required()
            .wire(&[2]),
        field(
            "labelSelectorPath",
            FieldKind::String,
            Presence::Optional,
            "where the label selector of the replicas is, as text",
        )
        .wire(&[3]),
    ],
};

/// Parts of an object that are written apart.
pub static CUSTOM_RESOURCE_SUBRESOURCES: TypeDescriptor = TypeDescriptor {
    name: "CustomResourceSubresources",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "parts of an object that are written apart",
    atomic: false,
    fields: &[
        field(
            "status",
            FieldKind::Object(&CUSTOM_RESOURCE_SUBRESOURCE_STATUS),
            Presence::Optional,
            "serves status apart from the object",
        )
        .wire(&[1]),
        field(
            "scale",
            FieldKind::Object(&CUSTOM_RESOURCE_SUBRESOURCE_SCALE),
            Presence::Optional,
            "serves the scale of the object",
        )
        .wire(&[2]),
    ],
};

/// A column that kubectl get prints.
pub static CUSTOM_RESOURCE_COLUMN_DEFINITION: TypeDescriptor = TypeDescriptor {
    name: "CustomResourceColumnDefinition",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "a column that kubectl get prints",
    atomic: false,
    fields: &[
        field("name", FieldKind::String, Presence::Always, "heading").required().wire(&[1]),
        field("type", FieldKind::String, Presence::Always, "integer, number, string, boolean or date")
            .required()
            .wire(&[2]),
        field("format", FieldKind::String, Presence::OmitEmpty, "format of the type, name for instance").wire(&[3]),
        field("description", FieldKind::String, Presence::OmitEmpty, "what the column shows").wire(&[4]),
        field(
            "priority",
            FieldKind::Int32,
            Presence::OmitEmpty,
            "0 for a column that is always shown, more for one that is shown with -o wide",
        )
        .wire(&[5]),
        field("jsonPath", FieldKind::String, Presence::Always, "path to the value, .spec.size for instance")
            .required()
            .wire(&[6]),
    ],
};

/// A field that field selectors can ask for.
pub static SELECTABLE_FIELD: TypeDescriptor = TypeDescriptor {
    name: "SelectableField",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "a field that field selectors can ask for",
    atomic: false,
    fields: &[field("jsonPath", FieldKind::String, Presence::Always, "path to the value, .spec.size for instance")
        .required()
        .wire(&[1])],
};

/// A version of a custom resource.
pub static CUSTOM_RESOURCE_DEFINITION_VERSION: TypeDescriptor = TypeDescriptor {
    name: "CustomResourceDefinitionVersion",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "a version of a custom resource",
    atomic: false,
    fields: &[
        field("name", FieldKind::String, Presence::Always, "name of the version, v1 for instance")
            .required()
            .wire(&[1]),
        field("served", FieldKind::Bool, Presence::Always, "whether the version is served").required().wire(&[2]),
        field(
            "storage",
            FieldKind::Bool,
            Presence::Always,
            "whether objects are stored in this version; true for exactly one",
        )
        .required()
        .wire(&[3]),
        field("deprecated", FieldKind::Bool, Presence::OmitEmpty, "whether clients are warned").wire(&[7]),
        field(
            "deprecationWarning",
            FieldKind::String,
            Presence::Optional,
            "the warning, where another than the usual one is wanted",
        )
        .wire(&[8]),
        field(
            "schema",
            FieldKind::Object(&CUSTOM_RESOURCE_VALIDATION),
            Presence::Optional,
            "schema of the objects in this version",
        )
        .wire(&[4]),
        field(
            "subresources",
            FieldKind::Object(&CUSTOM_RESOURCE_SUBRESOURCES),
            Presence::Optional,
            "parts of an object that are written apart",
        )
        .wire(&[5]),
        field(
            "additionalPrinterColumns",
            FieldKind::List(List::of(&FieldKind::Object(&CUSTOM_RESOURCE_COLUMN_DEFINITION)).atomic()),
            Presence::OmitEmpty,
            "columns that kubectl get prints",
        )
        .wire(&[6]),
        field(
            "selectableFields",
            FieldKind::List(List::of(&FieldKind::Object(&SELECTABLE_FIELD)).atomic()),
            Presence::OmitEmpty,
            "fields that field selectors can ask for",
        )
        .wire(&[9]),
    ],
};

/// Names a service.
pub static SERVICE_REFERENCE: TypeDescriptor = TypeDescriptor {
    name: "ServiceReference",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "names a service",
    atomic: false,
    fields: &[
        field("namespace", FieldKind::String, Presence::Always, "namespace of the service").required().wire(&[1]),
        field("name", FieldKind::String, Presence::Always, "name of the service").required().wire(&[2]),
        field("path", FieldKind::String, Presence::Optional, "path in the URL of requests").wire(&[3]),
        field("port", FieldKind::Int32, Presence::Optional, "port of the service, 443 by default").wire(&[4]),
    ],
};

/// Where a webhook is, and how to trust it.
pub static WEBHOOK_CLIENT_CONFIG: TypeDescriptor = TypeDescriptor {
    name: "WebhookClientConfig",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "where a webhook is, and how to trust it",
    atomic: false,
    fields: &[
        field(
            "url",
            FieldKind::String,
            Presence::Optional,
            "address, https://host:port/path; service must then be absent",
        )
        .wire(&[3]),
        field(
            "service",
            FieldKind::Object(&SERVICE_REFERENCE),
            Presence::Optional,
            "service that answers; url must then be absent",
        )
        .wire(&[1]),
        field(
            "caBundle",
            FieldKind::Bytes,
            Presence::OmitEmpty,
            "PEM certificates that vouch for the webhook; the system's by default",
        )
        .wire(&[2]),
    ],
};

/// A webhook that converts between versions.
pub static WEBHOOK_CONVERSION: TypeDescriptor = TypeDescriptor {
    name: "WebhookConversion",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "a webhook that converts between versions",
    atomic: false,
    fields: &[
        field("clientConfig", FieldKind::Object(&WEBHOOK_CLIENT_CONFIG), Presence::Optional, "where the webhook is")
            .wire(&[2]),
        field(
            "conversionReviewVersions",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::Always,
            "versions of ConversionReview that the webhook understands, best first",
        )
        .required()
        .wire(&[3]),
    ],
};

/// How objects are converted between versions.
pub static CUSTOM_RESOURCE_CONVERSION: TypeDescriptor = TypeDescriptor {
    name: "CustomResourceConversion",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "how objects are converted between versions",
    atomic: false,
    fields: &[
        field("strategy", FieldKind::String, Presence::Always, "None, or Webhook")
            .required()
            .go("v1.ConversionStrategyType")
            .wire(&[1]),
        field(
            "webhook",
            FieldKind::Object(&WEBHOOK_CONVERSION),
            Presence::Optional,
            "the webhook, for strategy Webhook",
        )
        .wire(&[2]),
    ],
};

/// Names, scope and versions of a custom resource.
pub static CUSTOM_RESOURCE_DEFINITION_SPEC: TypeDescriptor = TypeDescriptor {
    name: "CustomResourceDefinitionSpec",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "names, scope and versions of a custom resource",
    atomic: false,
    fields: &[
        field("group", FieldKind::String, Presence::Always, "group of the custom resource").required().wire(&[1]),
        field(
            "names",
            FieldKind::Object(&CUSTOM_RESOURCE_DEFINITION_NAMES),
            Presence::Always,
            "names of the custom resource",
        )
        .required()
        .wire(&[3]),
        field("scope", FieldKind::String, Presence::Always, "Cluster or Namespaced")
            .required()
            .go("v1.ResourceScope")
            .wire(&[4]),
        field(
            "versions",
            FieldKind::List(List::of(&FieldKind::Object(&CUSTOM_RESOURCE_DEFINITION_VERSION)).atomic()),
            Presence::Always,
            "versions of the custom resource",
        )
        .required()
        .wire(&[7]),
        field(
            "conversion",
            FieldKind::Object(&CUSTOM_RESOURCE_CONVERSION),
            Presence::Optional,
            "how objects are converted between versions",
        )
        .wire(&[9]),
        field(
            "preserveUnknownFields",
            FieldKind::Bool,
            Presence::OmitEmpty,
            "must be false; see x-kubernetes-preserve-unknown-fields",
        )
        .wire(&[10]),
    ],
};

/// One observation about a definition.
pub static CUSTOM_RESOURCE_DEFINITION_CONDITION: TypeDescriptor = TypeDescriptor {
    name: "CustomResourceDefinitionCondition",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "one observation about a definition",
    atomic: false,
    fields: &[
        field("type", FieldKind::String, Presence::Always, "what is observed, Established for instance")
            .required()
            .go("v1.CustomResourceDefinitionConditionType")
            .wire(&[1]),
        field("status", FieldKind::String, Presence::Always, "True, False or Unknown")
            .required()
            .go("v1.ConditionStatus")
            .wire(&[2]),
        field("lastTransitionTime", FieldKind::Time, Presence::Always, "when the status last changed").wire(&[3]),
        field("reason", FieldKind::String, Presence::OmitEmpty, "one word for the last change").wire(&[4]),
        field("message", FieldKind::String, Presence::OmitEmpty, "sentence about the last change").wire(&[5]),
        field(
            "observedGeneration",
            FieldKind::Int64,
            Presence::OmitEmpty,
            "generation of the definition that was looked at",
        )
        .wire(&[6]),
    ],
};

/// Observed state of a definition.
pub static CUSTOM_RESOURCE_DEFINITION_STATUS: TypeDescriptor = TypeDescriptor {
    name: "CustomResourceDefinitionStatus",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "observed state of a definition",
    atomic: false,
    fields: &[
        field(
            "conditions",
            FieldKind::List(List::of(&FieldKind::Object(&CUSTOM_RESOURCE_DEFINITION_CONDITION)).map(&["type"])),
            Presence::Always,
            "latest observations",
        )
        .wire(&[1]),
        field(
            "acceptedNames",
            FieldKind::Object(&CUSTOM_RESOURCE_DEFINITION_NAMES),
            Presence::Always,
            "names that are served",
        )
        .wire(&[2]),
        field(
            "storedVersions",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::Always,
            "versions in which objects may still be stored",
        )
        .wire(&[3]),
        field("observedGeneration", FieldKind::Int64, Presence::OmitEmpty, "generation that was looked at").wire(&[4]),
    ],
};

/// Defines a kind of custom resources.
pub static CUSTOM_RESOURCE_DEFINITION: TypeDescriptor = TypeDescriptor {
    name: "CustomResourceDefinition",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "defines a kind of custom resources",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&CUSTOM_RESOURCE_DEFINITION_SPEC), Presence::Always, "wanted state")
            .required()
            .wire(&[2]),
        field("status", FieldKind::Object(&CUSTOM_RESOURCE_DEFINITION_STATUS), Presence::Always, "observed state")
            .wire(&[3]),
    ],
};
