//! What is wrong with the expressions of a policy or of a webhook's conditions when it is written, and what is doubtful.
//!
//! The rest of their rules are those of their kinds (`hanse_schema::validate`), which know no CEL.

use hanse_schema::cause::Cause;
use hanse_schema::kind::{Kind, Part};
use serde_json::Value;

use crate::admission::condition::Conditions;
use crate::admission::expression::Expression;
use crate::admission::policy::mutating::Form;
use crate::admission::policy::{Policy, VARIABLES_MAX};

/// The causes for which a new or changed object is refused. `old` is the stored one, null for a new object: what stood in it
/// already is not refused again.
pub(crate) fn causes(kind: &Kind, part: Part, object: &Value, old: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if kind.group != "admissionregistration.k8s.io" || part != Part::Object {
        return causes;
    }
    match &*kind.kind {
        "ValidatingAdmissionPolicy" | "MutatingAdmissionPolicy" if object.get("spec") != old.get("spec") => {
            policy(&object["spec"], &mut causes);
        }
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration"
            if object.get("webhooks") != old.get("webhooks") =>
        {
            webhooks(object, &mut causes);
        }
        _ => {}
    }
    causes
}

fn webhooks(object: &Value, causes: &mut Vec<Cause>) {
    for (index, webhook) in object["webhooks"].as_array().into_iter().flatten().enumerate() {
        let conditions = Conditions::compile(webhook.get("matchConditions"), false, false);
        conditions.causes(&format!("webhooks[{index}].matchConditions"), causes);
    }
}

fn policy(spec: &Value, causes: &mut Vec<Cause>) {
    let variables = spec["variables"].as_array().map_or(0, Vec::len);
    if variables > VARIABLES_MAX {
        let why = format!("must not have more than {VARIABLES_MAX} variables");
        causes.push(Cause::invalid("spec.variables", &variables.to_string(), why));
        return;
    }
    let policy = Policy::compile("", spec);
    policy.conditions.causes("spec.matchConditions", causes);
    let mut look = |field: String, expression: &Expression| {
        // That there must be an expression is said elsewhere.
        if let Some(fault) = expression.fault().filter(|_| !expression.source().trim().is_empty()) {
            causes.push(Cause::invalid(field, expression.source(), fault));
        }
    };
    for (index, variable) in policy.variables.iter().enumerate() {
        look(format!("spec.variables[{index}].expression"), &variable.expression);
    }
    for (index, validation) in policy.validations.iter().enumerate() {
        look(format!("spec.validations[{index}].expression"), validation.expression());
        if let Some(expression) = validation.message_expression() {
            look(format!("spec.validations[{index}].messageExpression"), expression);
        }
    }
    for (index, annotation) in policy.annotations.iter().enumerate() {
        look(format!("spec.auditAnnotations[{index}].valueExpression"), annotation.expression());
    }
    for (index, mutation) in policy.mutations.iter().enumerate() {
        let form = match mutation.form() {
            Form::ApplyConfiguration => "applyConfiguration",
            Form::JsonPatch => "jsonPatch",
        };
        look(format!("spec.mutations[{index}].{form}.expression"), mutation.expression());
    }
}
