//! The kind that defines kinds.

use super::{NO_RULES, core_kind, created, name, names};
use crate::definition::{default, status, validate};
use crate::kind::{Kind, Part, Rules};
use crate::types::definition::resource;

pub(super) fn custom_resource_definition() -> Kind {
    Kind {
        group: GROUP.into(),
        plural: "customresourcedefinitions".into(),
        singular: "customresourcedefinition".into(),
        short_names: names(&["crd", "crds"]),
        categories: names(&["api-extensions"]),
        namespaced: false,
        subresources: vec![Part::Status],
        columns: vec![name(), created()],
        storage: (GROUP.into(), "customresourcedefinitions".into()),
        keeps: &[(Part::Object, &["status"]), (Part::Status, &["spec"])],
        standard_finalizers: false,
        generation: true,
        unconditional_update: false,
        rules: &Rules {
            default: default::apply,
            create: status::begin,
            validate: validate::create,
            validate_update: |new, old, part, causes| validate::update(new, old, part, causes),
            warn: validate::warnings,
            ..NO_RULES
        },
        ..core_kind("CustomResourceDefinition", &resource::CUSTOM_RESOURCE_DEFINITION)
    }
}

const GROUP: &str = "apiextensions.k8s.io";
