//! Rules of Namespace.

use serde_json::Value;

use super::{at, text};
use crate::cause::Cause;
use crate::format::qualified_name;
use crate::kind::Part;
use crate::metadata::{is_deleting, texts, validate_standard_finalizer};

/// The names in `spec.finalizers`.
pub(crate) fn namespace(object: &Value, causes: &mut Vec<Cause>) {
    for finalizer in texts(at(object, &["spec", "finalizers"])) {
        check_finalizer(finalizer, "spec.finalizers", causes);
    }
}

/// A namespace is Terminating exactly while it is being deleted.
pub(crate) fn namespace_update(object: &Value, _: &Value, part: Part, causes: &mut Vec<Cause>) {
    match part {
        Part::Object | Part::Scale | Part::Approval | Part::Token => {}
        Part::Finalize => {
            for (index, finalizer) in texts(at(object, &["spec", "finalizers"])).enumerate() {
                check_finalizer(finalizer, &format!("spec.finalizers[{index}]"), causes);
            }
        }
        Part::Status => {
            let phase = text(object, &["status", "phase"]);
            let (wanted, when) =
                if is_deleting(object) { ("Terminating", "is not empty") } else { ("Active", "is empty") };
            if phase != wanted {
                let detail = format!("may only be '{wanted}' if `deletionTimestamp` {when}");
                causes.push(Cause::invalid("status.Phase", phase, detail));
            }
        }
    }
}

fn check_finalizer(finalizer: &str, field: &str, causes: &mut Vec<Cause>) {
    causes.extend(qualified_name(finalizer).iter().map(|text| Cause::invalid(field, finalizer, text)));
    validate_standard_finalizer(finalizer, field, causes);
}
