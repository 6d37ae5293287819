//! This room's private decoders, for `tests/fuzz` alone. Each function says whether it understood the bytes.
#![allow(clippy::missing_panics_doc, reason = "to panic where a promise is broken is what these are for")]

use crate::greeting::Greeting;
use crate::lane::Class;

/// What a peer says first: it has one spelling.
pub fn greeting(bytes: &[u8]) -> bool {
    let Some(greeting) = Greeting::decode(bytes) else { return false };
    assert_eq!(greeting.encode(), bytes);
    true
}

/// Greetings.
#[must_use]
pub fn greetings() -> Vec<Vec<u8>> {
    Class::ALL.iter().map(|class| Greeting { class: *class, incarnation: 7 }.encode().to_vec()).collect()
}
