//! What the subresources of a kind are, for discovery and for OpenAPI documents.

use crate::field::TypeDescriptor;
use crate::kind::{Part, Verb};
use crate::types::{authentication, autoscaling};

/// What can be done with a subresource, and what is sent and answered.
#[derive(Clone, Copy, Debug)]
pub struct Face {
    /// What can be done, in alphabetical order of the words.
    pub verbs: &'static [Verb],
    /// What is sent and answered where that is another kind than the resource's.
    pub other: Option<Other>,
}

/// A kind that exists in a subresource only.
#[derive(Clone, Copy, Debug)]
pub struct Other {
    /// API group.
    pub group: &'static str,
    /// Version.
    pub version: &'static str,
    /// The fields; the kind has the type's name.
    pub descriptor: &'static TypeDescriptor,
}

/// What clients see of a part; nothing for the object itself.
#[must_use]
pub fn face(part: Part) -> Option<Face> {
    let (verbs, other) = match part.segment()? {
        "finalize" => (&[Verb::Update][..], None),
        "scale" => {
            (READ_AND_WRITE, Some(Other { group: "autoscaling", version: "v1", descriptor: &autoscaling::SCALE }))
        }
        "token" => {
            let descriptor = &authentication::TOKEN_REQUEST;
            (&[Verb::Create][..], Some(Other { group: "authentication.k8s.io", version: "v1", descriptor }))
        }
        _ => (READ_AND_WRITE, None),
    };
    Some(Face { verbs, other })
}

const READ_AND_WRITE: &[Verb] = &[Verb::Get, Verb::Patch, Verb::Update];
