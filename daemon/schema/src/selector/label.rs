//! Label selectors: `a=b,c in (d,e),!f`, with the grammar and the messages of apimachinery's `labels`.

use std::fmt;

use serde_json::{Map, Value};

use crate::cause::{Cause, aggregate};
use crate::format::{label_value, qualified_name};
use crate::metadata;

mod parser;

/// A label selector. All its requirements must hold; without any it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Sorted by key.
    requirements: Vec<Requirement>,
}

/// One condition on a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// How the values are meant.
    pub operator: Operator,
    /// Values, sorted, each once.
    pub values: Vec<String>,
}

/// How the values of a [`Requirement`] are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `key=value`
    Equals,
    /// `key==value`
    DoubleEquals,
    /// `key!=value`; also selects where the label is absent.
    NotEquals,
    /// `key in (…)`
    In,
    /// `key notin (…)`; also selects where the label is absent.
    NotIn,
    /// `key`
    Exists,
    /// `!key`
    DoesNotExist,
    /// `key>number`
    GreaterThan,
    /// `key<number`
    LessThan,
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// Upstream's message, `unable to parse requirement: …` or `found 'x', expected: …`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut requirements = parser::parse(text)?;
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self { requirements })
    }

    /// From a LabelSelector object (`matchLabels`, `matchExpressions`), whose path is `field`.
    ///
    /// # Errors
    /// What is wrong with the object.
    pub fn from_object(selector: &Value, field: &str) -> Result<Self, Vec<Cause>> {
        let mut causes = Vec::new();
        let match_labels = selector.get("matchLabels").and_then(Value::as_object);
        metadata::validate_labels(match_labels, &format!("{field}.matchLabels"), &mut causes);
        let mut requirements = Vec::new();
        for (key, value) in match_labels.into_iter().flatten() {
            let values = vec![value.as_str().unwrap_or_default().to_owned()];
            requirements.push(Requirement { key: key.clone(), operator: Operator::In, values });
        }
        let expressions = selector.get("matchExpressions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (index, expression) in expressions.iter().enumerate() {
            let field = format!("{field}.matchExpressions[{index}]");
            requirements.extend(expression_requirement(expression, &field, &mut causes));
        }
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        if causes.is_empty() { Ok(Self { requirements }) } else { Err(causes) }
    }

    /// Whether it selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The conditions, sorted by key.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether an object with these labels is selected.
    #[must_use]
    pub fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.matches_with(|key| labels?.get(key)?.as_str())
    }

    /// Whether an object is selected whose labels are looked up by this function.
    pub fn matches_with<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(label(&requirement.key)))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{requirement}")?;
        }
        Ok(())
    }
}

impl Requirement {
    /// A condition, checked.
    ///
    /// # Errors
    /// What is wrong with it, as upstream's aggregate shows it.
    fn new(key: &str, operator: Operator, mut values: Vec<String>) -> Result<Self, String> {
        let mut causes = Vec::new();
        if let Err(message) = check_key(key, "key") {
            causes.push(message);
        }
        match operator {
            Operator::In | Operator::NotIn if values.is_empty() => {
                let detail = "for 'in', 'notin' operators, values set can't be empty";
                causes.push(Cause::invalid_value("values", Some(&Value::Array(Vec::new())), detail));
            }
            Operator::GreaterThan | Operator::LessThan => {
                for (index, value) in values.iter().enumerate() {
                    if value.parse::<i64>().is_err() {
                        let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
                        causes.push(Cause::invalid(format!("values[{index}]"), value, detail));
                    }
                }
            }
            _ => {}
        }
        for (index, value) in values.iter().enumerate() {
            let complaints = label_value(value);
            if !complaints.is_empty() {
                causes.push(Cause::invalid(format!("values[{index}][{key}]"), value, complaints.join("; ")));
            }
        }
        if !causes.is_empty() {
            return Err(aggregate(&causes));
        }
        values.sort_unstable();
        values.dedup();
        Ok(Self { key: key.to_owned(), operator, values })
    }

    fn matches(&self, label: Option<&str>) -> bool {
        let has = |label: &str| self.values.iter().any(|value| value == label);
        let number = || {
            let value = self.values.first()?.parse::<i64>().ok()?;
            Some((label?.parse::<i64>().ok()?, value))
        };
        match self.operator {
            Operator::Equals | Operator::DoubleEquals | Operator::In => label.is_some_and(has),
            Operator::NotEquals | Operator::NotIn => !label.is_some_and(has),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::GreaterThan => number().is_some_and(|(label, value)| label > value),
            Operator::LessThan => number().is_some_and(|(label, value)| label < value),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, self.values.join(","));
        match self.operator {
            Operator::Equals => write!(f, "{key}={values}"),
            Operator::DoubleEquals => write!(f, "{key}=={values}"),
            Operator::NotEquals => write!(f, "{key}!={values}"),
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}

fn check_key(key: &str, field: &str) -> Result<(), Cause> {
    let complaints = qualified_name(key);
    if complaints.is_empty() { Ok(()) } else { Err(Cause::invalid(field, key, complaints.join("; "))) }
}

fn expression_requirement(expression: &Value, field: &str, causes: &mut Vec<Cause>) -> Option<Requirement> {
    let get = |name: &str| expression.get(name).and_then(Value::as_str).unwrap_or_default();
    let values: Vec<String> = metadata::texts(expression.get("values")).map(str::to_owned).collect();
    let operator = match get("operator") {
        "In" => Some(Operator::In),
        "NotIn" => Some(Operator::NotIn),
        "Exists" => Some(Operator::Exists),
        "DoesNotExist" => Some(Operator::DoesNotExist),
        _ => None,
    };
    match operator {
        Some(Operator::In | Operator::NotIn) if values.is_empty() => {
            let detail = "must be specified when `operator` is 'In' or 'NotIn'";
            causes.push(Cause::required(format!("{field}.values"), detail));
        }
        Some(Operator::Exists | Operator::DoesNotExist) if !values.is_empty() => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            causes.push(Cause::forbidden(format!("{field}.values"), detail));
        }
        Some(_) => {}
        None => {
            causes.push(Cause::invalid(format!("{field}.operator"), get("operator"), "not a valid selector operator"));
        }
    }
    let key = get("key");
    causes.extend(qualified_name(key).iter().map(|text| Cause::invalid(format!("{field}.key"), key, text)));
    for (index, value) in values.iter().enumerate() {
        let field = format!("{field}.values[{index}]");
        causes.extend(label_value(value).iter().map(|text| Cause::invalid(field.clone(), value, text)));
    }
    Some(Requirement { key: key.to_owned(), operator: operator?, values })
}

#[cfg(test)]
mod label_test;
