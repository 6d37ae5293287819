//! The kinds that a definition adds: one for each version that is served.

use std::sync::Arc;

use super::compile::{Conversion, Definition, ScalePaths, Version};
use crate::kind::{
    Cell, Column, ConversionWebhook, Custom, Kind, NameRule, Part, Scale, SchemaText, Selectable, SelectableField,
    Shape, Text,
};
use crate::kinds::{ALL_VERBS, NO_RULES};

impl Definition {
    /// The kinds of the versions that are served, in the definition's order.
    #[must_use]
    pub fn kinds(&self) -> Vec<Arc<Kind>> {
        let storage = self.storage().map_or("", |version| &version.name);
        let storage_version = format!("{}/{storage}", self.group);
        let conversion = match &self.conversion {
            Conversion::None => None,
            Conversion::Webhook { client, review_versions } => Some(Arc::new(ConversionWebhook {
                client_config: client.clone(),
                review_versions: review_versions.clone(),
            })),
        };
        let served = self.versions.iter().filter(|version| version.served);
        let kind = |version: &Version| {
            let custom = Custom {
                schema: Arc::clone(&version.schema),
                document: SchemaText::of(&version.document),
                storage_version: storage_version.clone().into(),
                conversion: conversion.clone(),
            };
            Arc::new(self.kind(version, Shape::Structural(Arc::new(custom))))
        };
        served.map(kind).collect()
    }

    fn kind(&self, version: &Version, shape: Shape) -> Kind {
        let names = &self.names;
        let texts = |texts: &[String]| texts.iter().cloned().map(Text::Owned).collect::<Vec<_>>();
        let mut subresources = Vec::new();
        if version.has_status {
            subresources.push(Part::Status);
        }
        if version.scale.is_some() {
            subresources.push(Part::Scale);
        }
        Kind {
            group: self.group.clone().into(),
            version: version.name.clone().into(),
            kind: names.kind.clone().into(),
            list_kind: names.list_kind.clone().into(),
            plural: names.plural.clone().into(),
            singular: names.singular.clone().into(),
            short_names: texts(&names.short_names),
            categories: texts(&names.categories),
            namespaced: self.namespaced,
            subresources,
            verbs: ALL_VERBS,
            shape,
            name_rule: NameRule::DnsSubdomain,
            columns: columns(version),
            selectable: Selectable::Listed(selectable(self, version)),
            storage: (self.group.clone().into(), names.plural.clone().into()),
            keeps: if version.has_status { STATUS_APART } else { &[] },
            standard_finalizers: false,
            generation: true,
            strategic_patch: false,
            create_on_update: false,
            unconditional_update: false,
            scale: version.scale.as_ref().map(scale),
            deprecation: version.deprecation.clone().map(Text::Owned),
            rules: &NO_RULES,
        }
    }
}

/// A write of the object leaves the status as it was, and a write of the status everything else.
const STATUS_APART: &[(Part, &[&str])] = &[(Part::Object, &["status"]), (Part::Status, &["metadata", "spec"])];

fn columns(version: &Version) -> Vec<Column> {
    let name = Column {
        name: "Name".into(),
        cell_type: "string".into(),
        format: "name".into(),
        description: "Name of the object.".into(),
        priority: 0,
        cell: Cell::Text(&["metadata", "name"]),
    };
    let given = version.columns.iter().map(|column| Column {
        name: column.name.clone().into(),
        cell_type: column.cell_type.clone().into(),
        format: column.format.clone().into(),
        description: column.description.clone().into(),
        priority: column.priority,
        cell: Cell::Path(column.path.clone()),
    });
    std::iter::once(name).chain(given).collect()
}

fn selectable(definition: &Definition, version: &Version) -> Vec<SelectableField> {
    let field =
        |label: &str, path: Vec<Text>| SelectableField { label: label.to_owned().into(), path, otherwise: Vec::new() };
    let mut fields = vec![field("metadata.name", vec!["metadata".into(), "name".into()])];
    if definition.namespaced {
        fields.push(field("metadata.namespace", vec!["metadata".into(), "namespace".into()]));
    }
    let given = version.selectable.iter();
    fields.extend(given.map(|given| field(&given.label, given.path.iter().cloned().map(Text::Owned).collect())));
    fields
}

fn scale(paths: &ScalePaths) -> Scale {
    let texts = |texts: &[String]| texts.iter().cloned().map(Text::Owned).collect();
    Scale {
        spec_replicas: texts(&paths.spec_replicas),
        status_replicas: texts(&paths.status_replicas),
        label_selector: texts(&paths.label_selector),
    }
}
