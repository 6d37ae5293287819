//! A definition's spec as upstream's internal form has it: what all versions have in common stands beside the versions.

use serde_json::Value;

use crate::structural::props::Props;

/// The versions of a definition.
pub(crate) fn versions(definition: &Value) -> impl Iterator<Item = Props<'_>> {
    Props::of(definition.get("spec").unwrap_or(&Value::Null)).list("versions")
}

/// A spec.
pub(crate) struct View<'v> {
    pub(crate) spec: Props<'v>,
    /// What all versions have in common.
    pub(crate) common: Parts<'v>,
    pub(crate) versions: Vec<VersionView<'v>>,
}

/// One version, without what all have in common.
pub(crate) struct VersionView<'v> {
    pub(crate) props: Props<'v>,
    pub(crate) schema: Option<Props<'v>>,
    pub(crate) subresources: Option<Props<'v>>,
    pub(crate) columns: &'v [Value],
    pub(crate) selectable: &'v [Value],
}

/// What can be common to all versions.
#[derive(Clone, Copy, Default)]
pub(crate) struct Parts<'v> {
    /// `schema`
    pub(crate) schema: Option<Props<'v>>,
    /// `subresources`
    pub(crate) subresources: Option<Props<'v>>,
    /// `additionalPrinterColumns`
    pub(crate) columns: &'v [Value],
    /// `selectableFields`
    pub(crate) selectable: &'v [Value],
}

impl<'v> View<'v> {
    /// Looks at a definition.
    pub(crate) fn of(definition: &'v Value) -> Self {
        let spec = Props::of(definition.get("spec").unwrap_or(&Value::Null));
        let all: Vec<Props<'v>> = spec.list("versions").collect();
        let is_common = |name: &str| {
            let first = all.first().and_then(|version| version.value(name));
            all.iter().all(|version| version.value(name) == first)
        };
        let [schema, subresources, columns, selectable] =
            ["schema", "subresources", "additionalPrinterColumns", "selectableFields"].map(is_common);
        let first = all.first().copied();
        let object =
            |version: Option<Props<'v>>, name: &str| version.and_then(|version| version.value(name)).map(Props::of);
        let list = |version: Option<Props<'v>>, name: &str| version.map_or(&[][..], |version| version.values(name));
        let common = Parts {
            schema: object(first.filter(|_| schema), "schema"),
            subresources: object(first.filter(|_| subresources), "subresources"),
            columns: list(first.filter(|_| columns), "additionalPrinterColumns"),
            selectable: list(first.filter(|_| selectable), "selectableFields"),
        };
        let versions = all.into_iter().map(|props| VersionView {
            props,
            schema: object(Some(props).filter(|_| !schema), "schema"),
            subresources: object(Some(props).filter(|_| !subresources), "subresources"),
            columns: list(Some(props).filter(|_| !columns), "additionalPrinterColumns"),
            selectable: list(Some(props).filter(|_| !selectable), "selectableFields"),
        });
        Self { spec, common, versions: versions.collect() }
    }

    /// Whether a version has a status of its own.
    pub(crate) fn has_status(&self, version: &VersionView<'v>) -> bool {
        let own = self.versions.iter().any(|version| version.subresources.is_some());
        let subresources = if own { version.subresources } else { self.common.subresources };
        subresources.is_some_and(|subresources| subresources.value("status").is_some())
    }

    /// Whether any version has a status of its own.
    pub(crate) fn has_any_status(&self) -> bool {
        let all = self.versions.iter().filter_map(|version| version.subresources).chain(self.common.subresources);
        all.into_iter().any(|subresources| subresources.value("status").is_some())
    }

    /// Whether a schema has such a node.
    pub(crate) fn any_schema(&self, is_such: &dyn Fn(Props<'_>) -> bool) -> bool {
        let validations = self.versions.iter().filter_map(|version| version.schema).chain(self.common.schema);
        validations
            .into_iter()
            .filter_map(|schema| schema.value("openAPIV3Schema"))
            .any(|raw| Props::of(raw).any(is_such))
    }
}
