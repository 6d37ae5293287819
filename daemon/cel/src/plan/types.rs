//! Names of types, which expressions can use as values.

/// The types that stand for themselves, by the name that an expression uses and the name that the type has.
const TYPES: [(&str, &str); 24] = [
    ("bool", "bool"),
    ("bytes", "bytes"),
    ("double", "double"),
    ("int", "int"),
    ("list", "list"),
    ("map", "map"),
    ("null_type", "null_type"),
    ("string", "string"),
    ("type", "type"),
    ("uint", "uint"),
    ("dyn", "dyn"),
    ("optional_type", "optional_type"),
    ("google.protobuf.Timestamp", "google.protobuf.Timestamp"),
    ("google.protobuf.Duration", "google.protobuf.Duration"),
    ("kubernetes.URL", "kubernetes.URL"),
    ("kubernetes.Quantity", "kubernetes.Quantity"),
    ("kubernetes.Semver", "kubernetes.Semver"),
    ("kubernetes.NamedFormat", "kubernetes.NamedFormat"),
    ("net.IP", "net.IP"),
    ("net.CIDR", "net.CIDR"),
    ("kubernetes.authorization.Authorizer", "kubernetes.authorization.Authorizer"),
    ("kubernetes.authorization.PathCheck", "kubernetes.authorization.PathCheck"),
    ("kubernetes.authorization.GroupCheck", "kubernetes.authorization.GroupCheck"),
    ("kubernetes.authorization.ResourceCheck", "kubernetes.authorization.ResourceCheck"),
];

/// The name of the type that a name in an expression stands for.
pub(super) fn named(name: &str) -> Option<&'static str> {
    TYPES.iter().find(|(spelling, _)| *spelling == name).map(|(_, name)| *name)
}
