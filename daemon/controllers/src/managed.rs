//! Writes down in `metadata.managedFields` what controllers write for users to see, under upstream's names, so that a user
//! who applies such a field hears whose it is.

use hanse_schema::apply::{Force, OneVersion, Set, Shape, Writer, ignored};
use hanse_schema::kind::{self, Kind, Part, Shape as KindShape};
use serde_json::Value;

use crate::object::written_time;

/// The name of upstream's controllers.
pub(crate) const CONTROLLER_MANAGER: &str = "kube-controller-manager";

/// One write of a controller to an object of a built-in kind.
pub(crate) struct Write<'a> {
    /// Group and plural of the kind.
    pub(crate) resource: (&'a str, &'a str),
    pub(crate) part: Part,
    pub(crate) manager: &'a str,
    pub(crate) wall_ms: u64,
}

impl Write<'_> {
    /// Sets `managedFields` of an object that is to be stored; `live` is the stored one, nothing on creation. Where the
    /// owners cannot be computed, they stay as they are.
    pub(crate) fn update(&self, live: Option<&Value>, new: &mut Value) {
        let before = new.clone();
        let done = self.with_writer(|writer| writer.update(live, new));
        if !matches!(done, Some(Ok(()))) {
            *new = before;
        }
    }

    /// The stored object with the applied one laid over it by force. `None` when it cannot be.
    pub(crate) fn apply(&self, live: &Value, applied: &Value) -> Option<Value> {
        self.with_writer(|writer| writer.apply(Some(live), applied, Force::Yes))?.ok()
    }

    fn with_writer<T>(&self, act: impl FnOnce(&Writer<'_>) -> T) -> Option<T> {
        let (group, plural) = self.resource;
        let kind: &Kind = kind::by_storage(group, plural)?;
        let KindShape::Typed(descriptor) = &kind.shape else { return None };
        let (shape, api_version) = (Shape::Type(descriptor), kind.api_version());
        let ignored: Set = ignored(kind, self.part);
        let writer = Writer {
            shape,
            api_version: &api_version,
            kind: &kind.kind,
            manager: self.manager,
            subresource: self.part.segment().unwrap_or_default(),
            now: &written_time(self.wall_ms),
            ignored: &ignored,
            versions: &OneVersion { api_version: &api_version, shape },
        };
        Some(act(&writer))
    }
}
