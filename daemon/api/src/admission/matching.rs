//! Which requests a webhook, a policy or a binding wants to see: rules, selectors, and the versions of a resource that are
//! one to it.

use std::sync::Arc;

use hanse_schema::cause::aggregate;
use hanse_schema::kind::Kind;
use hanse_schema::metadata;
use hanse_schema::selector::label::Selector;
use serde_json::{Map, Value};

use crate::admission::attributes::{Action, Attributes, Operation};
use crate::admit::NAMESPACES;
use crate::status::{Failure, Subject};

/// What is to be matched.
#[derive(Debug)]
pub(crate) struct Criteria {
    rules: Vec<Rule>,
    /// Takes away from what the rules match.
    excluded: Vec<Rule>,
    /// Whether requests in other versions of a rule's resource count as requests for it.
    equivalent: bool,
    /// Without rules, everything matches.
    all_without_rules: bool,
    namespaces: Selected,
    objects: Selected,
}

/// A selector, or why it is none.
type Selected = Result<Selector, String>;

/// One rule.
#[derive(Debug)]
struct Rule {
    operations: Vec<String>,
    groups: Vec<String>,
    versions: Vec<String>,
    /// Resource and subresource.
    resources: Vec<(String, String)>,
    scope: RuleScope,
    names: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RuleScope {
    All,
    Cluster,
    Namespaced,
}

impl Criteria {
    /// Those of a webhook.
    pub(crate) fn of_webhook(webhook: &Value) -> Self {
        Self {
            rules: rules(webhook.get("rules")),
            excluded: Vec::new(),
            equivalent: webhook.get("matchPolicy").and_then(Value::as_str) != Some("Exact"),
            all_without_rules: false,
            namespaces: selector(webhook.get("namespaceSelector")),
            objects: selector(webhook.get("objectSelector")),
        }
    }

    /// Those of a policy (`matchConstraints`) or a binding (`matchResources`).
    pub(crate) fn of_policy(resources: &Value) -> Self {
        Self {
            rules: rules(resources.get("resourceRules")),
            excluded: rules(resources.get("excludeResourceRules")),
            equivalent: resources.get("matchPolicy").and_then(Value::as_str) != Some("Exact"),
            all_without_rules: true,
            namespaces: selector(resources.get("namespaceSelector")),
            objects: selector(resources.get("objectSelector")),
        }
    }

    /// The kind in whose form the request is to be shown, when it matches.
    ///
    /// # Errors
    /// The rules match, and whether the selectors do cannot be told: the namespace does not exist, a selector is none.
    pub(crate) fn matches(
        &self,
        attributes: &Attributes<'_>,
        operation: &Operation,
    ) -> Result<Option<Arc<Kind>>, Failure> {
        let namespaces = self.namespace_selected(attributes, operation);
        let objects = self.object_selected(operation);
        // A request that is not meant at all is not refused for what cannot be told of it.
        if matches!(namespaces, Ok(false)) || matches!(objects, Ok(false)) {
            return Ok(None);
        }
        if first(&self.excluded, self.equivalent, attributes).is_some() {
            return Ok(None);
        }
        let matched = if self.all_without_rules && self.rules.is_empty() {
            Some(Arc::clone(attributes.call.kind))
        } else {
            first(&self.rules, self.equivalent, attributes)
        };
        if matched.is_some() {
            namespaces?;
            objects?;
        }
        Ok(matched)
    }

    fn namespace_selected(&self, attributes: &Attributes<'_>, operation: &Operation) -> Result<bool, Failure> {
        if attributes.namespace.is_empty() && !attributes.is_namespace() {
            return Ok(true);
        }
        let selector = self.namespaces.as_ref().map_err(|why| Failure::Internal(why.clone()))?;
        if selector.is_empty() {
            return Ok(true);
        }
        // What a request writes to a namespace decides, not what is stored.
        if attributes.is_namespace() && attributes.subresource().is_empty() && attributes.action != Action::Delete {
            return Ok(selector.matches(metadata::labels(&operation.object)));
        }
        let Some(namespace) = &attributes.namespace_object else {
            return Err(Failure::NotFound(Subject::new("", NAMESPACES, &attributes.namespace)));
        };
        let labels = namespace.labels();
        Ok(selector.matches_with(|key| labels.iter().find(|(own, _)| **own == *key).map(|(_, value)| &**value)))
    }

    fn object_selected(&self, operation: &Operation) -> Result<bool, Failure> {
        let selector = self.objects.as_ref().map_err(|why| Failure::Internal(why.clone()))?;
        let mut both = [&operation.object, &operation.old].into_iter().filter(|object| !object.is_null());
        Ok(selector.is_empty() || both.any(|object| selector.matches(metadata::labels(object))))
    }
}

/// The kind by which the first rule matches: the request's own where one does, else another version.
fn first(rules: &[Rule], equivalent: bool, attributes: &Attributes<'_>) -> Option<Arc<Kind>> {
    let own = attributes.call.kind;
    if rules.iter().any(|rule| rule.matches(attributes, own)) {
        return Some(Arc::clone(own));
    }
    if !equivalent {
        return None;
    }
    let others = || attributes.equivalents.iter();
    rules.iter().find_map(|rule| others().find(|kind| rule.matches(attributes, kind)).cloned())
}

impl Rule {
    fn of(rule: &Value) -> Self {
        let texts = |field: &str| {
            let list = rule.get(field).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        let split = |text: String| match text.split_once('/') {
            Some((resource, subresource)) => (resource.to_owned(), subresource.to_owned()),
            None => (text, String::new()),
        };
        Self {
            operations: texts("operations"),
            groups: texts("apiGroups"),
            versions: texts("apiVersions"),
            resources: texts("resources").into_iter().map(split).collect(),
            scope: match rule.get("scope").and_then(Value::as_str) {
                Some("Cluster") => RuleScope::Cluster,
                Some("Namespaced") => RuleScope::Namespaced,
                _ => RuleScope::All,
            },
            names: texts("resourceNames"),
        }
    }

    fn matches(&self, attributes: &Attributes<'_>, kind: &Kind) -> bool {
        let any = |list: &[String], wanted: &str| list.iter().any(|own| own == "*" || own == wanted);
        let resource = |(resource, subresource): &(String, String)| {
            (resource == "*" || *resource == kind.plural)
                && (subresource == "*" || *subresource == attributes.subresource())
        };
        // A namespace is an object of the cluster, though it counts as its own namespace elsewhere.
        let in_cluster = attributes.is_namespace() || attributes.namespace.is_empty();
        let scope = match self.scope {
            RuleScope::All => true,
            RuleScope::Cluster => in_cluster,
            RuleScope::Namespaced => !in_cluster,
        };
        scope
            && any(&self.operations, attributes.action.as_str())
            && any(&self.groups, &kind.group)
            && any(&self.versions, &kind.version)
            && self.resources.iter().any(resource)
            && (self.names.is_empty() || self.names.contains(&attributes.name))
    }
}

fn rules(list: Option<&Value>) -> Vec<Rule> {
    list.and_then(Value::as_array).into_iter().flatten().map(Rule::of).collect()
}

fn selector(object: Option<&Value>) -> Selected {
    let empty = Value::Object(Map::new());
    Selector::from_object(object.filter(|object| object.is_object()).unwrap_or(&empty), "")
        .map_err(|causes| aggregate(&causes))
}
