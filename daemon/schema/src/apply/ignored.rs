//! Which fields a write through one door of a kind does not touch, and so does not own.
//!
//! Source: `GetResetFields` of upstream's strategies.

use super::set::Set;
use crate::kind::{Kind, Part};

/// The fields for [`super::Writer::ignored`]: those that the part keeps as they were, but for a few kinds for which
/// upstream says otherwise.
#[must_use]
pub fn ignored(kind: &Kind, part: Part) -> Set {
    let exception =
        EXCEPTIONS.iter().find(|(group, name, of, _)| (*group, *name, *of) == (&kind.group, &kind.kind, part));
    if let Some((_, _, _, paths)) = exception {
        return Set::of_names(paths);
    }
    let kept = kind.keeps.iter().filter(|(of, _)| *of == part).flat_map(|(_, names)| names.iter());
    let paths: Vec<[&str; 1]> = kept.map(|name| [*name]).collect();
    let paths: Vec<&[&str]> = paths.iter().map(<[&str; 1]>::as_slice).collect();
    Set::of_names(&paths)
}

/// Group, kind, part, and the paths that the part does not own.
type Exception = (&'static str, &'static str, Part, &'static [&'static [&'static str]]);

const EXCEPTIONS: &[Exception] = &[
    ("", "Namespace", Part::Object, &[&["status"]]),
    ("certificates.k8s.io", "CertificateSigningRequest", Part::Status, &[&["spec"], &["status", "conditions"]]),
    ("certificates.k8s.io", "CertificateSigningRequest", Part::Approval, &[&["spec"], &["status", "certificate"]]),
];
