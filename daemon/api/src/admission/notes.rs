//! What admission has to say beside yes and no.

/// Warnings for the sender, and annotations for the audit log.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    warnings: Vec<String>,
}

impl Notes {
    /// A text for a `Warning` header; each is told once.
    pub(crate) fn warn(&mut self, text: String) {
        if self.warnings.len() < WARNINGS_MAX && !self.warnings.contains(&text) {
            self.warnings.push(text);
        }
    }

    /// An annotation. There is no audit log that would hold it: it goes to the daemon's own.
    #[expect(clippy::unused_self, reason = "the notes are where an audit log takes annotations from")]
    pub(crate) fn audit(&mut self, key: String, value: String) {
        tracing::debug!(key, value, "audit annotation");
    }

    /// The warnings.
    pub(crate) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }
}

/// More warnings than fit into an answer are not kept.
const WARNINGS_MAX: usize = 256;
