//! Types of `admissionregistration.k8s.io/v1` that all policies share.

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};
use crate::types::meta::LABEL_SELECTOR;

/// Kind of the objects that give parameters to a policy.
pub static PARAM_KIND: TypeDescriptor = TypeDescriptor {
    name: "ParamKind",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "kind of the objects that give parameters to a policy",
    atomic: true,
    fields: &[
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of the parameters").wire(&[1]),
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of the parameters").wire(&[2]),
    ],
};

/// Operations on resources that match, maybe on certain names only.
pub static NAMED_RULE_WITH_OPERATIONS: TypeDescriptor = TypeDescriptor {
    name: "NamedRuleWithOperations",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "operations on resources that match, maybe on certain names only",
    atomic: true,
    fields: &[
        field(
            "resourceNames",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "names to which the rule is restricted; none means every name",
        )
        .wire(&[1]),
        field(
            "operations",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "CREATE, UPDATE, DELETE, CONNECT or * for all",
        )
        .go("[]v1.OperationType")
        .wire(&[2, 1]),
        field(
            "apiGroups",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "groups of the resources; * means all",
        )
        .wire(&[2, 2, 1]),
        field(
            "apiVersions",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "versions of the resources; * means all",
        )
        .wire(&[2, 2, 2]),
        field(
            "resources",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "resources, with /subresource where one is meant; * means all",
        )
        .wire(&[2, 2, 3]),
        field("scope", FieldKind::String, Presence::Optional, "Cluster, Namespaced or * for both")
            .go("v1.ScopeType")
            .wire(&[2, 2, 4]),
    ],
};

/// Selects requests by resource, namespace and labels.
pub static MATCH_RESOURCES: TypeDescriptor = TypeDescriptor {
    name: "MatchResources",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "selects requests by resource, namespace and labels",
    atomic: true,
    fields: &[
        field(
            "namespaceSelector",
            FieldKind::Object(&LABEL_SELECTOR),
            Presence::Optional,
            "labels that the object's namespace must have",
        )
        .wire(&[1]),
        field(
            "objectSelector",
            FieldKind::Object(&LABEL_SELECTOR),
            Presence::Optional,
            "labels that the object must have, before or after the change",
        )
        .wire(&[2]),
        field(
            "resourceRules",
            FieldKind::List(List::of(&FieldKind::Object(&NAMED_RULE_WITH_OPERATIONS)).atomic()),
            Presence::OmitEmpty,
            "requests that match",
        )
        .wire(&[3]),
        field(
            "excludeResourceRules",
            FieldKind::List(List::of(&FieldKind::Object(&NAMED_RULE_WITH_OPERATIONS)).atomic()),
            Presence::OmitEmpty,
            "requests that do not match, whatever resourceRules says",
        )
        .wire(&[4]),
        field(
            "matchPolicy",
            FieldKind::String,
            Presence::Optional,
            "Exact, or Equivalent to match other versions of the same resource, too",
        )
        .go("v1.MatchPolicyType")
        .wire(&[7]),
    ],
};

/// A CEL expression with a name, for use in other expressions.
pub static VARIABLE: TypeDescriptor = TypeDescriptor {
    name: "Variable",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "a CEL expression with a name, for use in other expressions",
    atomic: true,
    fields: &[
        field("name", FieldKind::String, Presence::Always, "name, used as variables.name").required().wire(&[1]),
        field("expression", FieldKind::String, Presence::Always, "CEL expression of the value").required().wire(&[2]),
    ],
};

/// Selects the objects that give parameters.
pub static PARAM_REF: TypeDescriptor = TypeDescriptor {
    name: "ParamRef",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "selects the objects that give parameters",
    atomic: true,
    fields: &[
        field("name", FieldKind::String, Presence::OmitEmpty, "name of the object; selector must then be absent")
            .wire(&[1]),
        field(
            "namespace",
            FieldKind::String,
            Presence::OmitEmpty,
            "namespace of the object; the request's own by default",
        )
        .wire(&[2]),
        field(
            "selector",
            FieldKind::Object(&LABEL_SELECTOR),
            Presence::Optional,
            "labels of the objects; name must then be absent",
        )
        .wire(&[3]),
        field(
            "parameterNotFoundAction",
            FieldKind::String,
            Presence::Optional,
            "Allow or Deny: what happens when no object is found",
        )
        .go("v1.ParameterNotFoundActionType")
        .wire(&[4]),
    ],
};
