//! Where a walk stands, as a chain on the stack that is only turned into text for a message.
//!
//! Objects and schemas come from users, with keys of any length: text for every node would cost depth times size.

/// A place: a step below another place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<'p> {
    parent: Option<&'p Self>,
    step: Step<'p>,
}

/// One step down.
#[derive(Clone, Copy, Debug)]
enum Step<'p> {
    /// The beginning, with a text that may be empty.
    Root(&'p str),
    /// A field: `.name`
    Field(&'p str),
    /// A key of a map: `[name]`
    Key(&'p str),
    /// A position in a list: `[0]`
    Index(usize),
}

impl<'p> Path<'p> {
    /// Where a walk over a whole object begins.
    pub(crate) const ROOT: Path<'static> = Path { parent: None, step: Step::Root("") };

    /// A place whose text is known.
    pub(crate) const fn at(text: &'p str) -> Self {
        Self { parent: None, step: Step::Root(text) }
    }

    /// A field of what is here.
    pub(crate) const fn child<'c>(&'c self, name: &'c str) -> Path<'c> {
        Path { parent: Some(self), step: Step::Field(name) }
    }

    /// A key of the map that is here.
    pub(crate) const fn key<'c>(&'c self, name: &'c str) -> Path<'c> {
        Path { parent: Some(self), step: Step::Key(name) }
    }

    /// An item of the list that is here.
    pub(crate) const fn index<'c>(&'c self, position: usize) -> Path<'c> {
        Path { parent: Some(self), step: Step::Index(position) }
    }

    /// Whether this is the beginning, without a text.
    pub(crate) fn is_root(&self) -> bool {
        matches!(self.step, Step::Root(""))
    }

    /// The path as apimachinery's `field.Path` shows it, `spec.properties[a].items[0]`; `<nil>` at the beginning.
    pub(crate) fn render(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Keys::InBrackets);
        if out.is_empty() { "<nil>".to_owned() } else { out }
    }

    /// The path with keys of maps as if they were fields, `spec.labels.a.items[0]`; empty at the beginning.
    pub(crate) fn dotted(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Keys::AsFields);
        out
    }

    fn write(&self, out: &mut String, keys: Keys) {
        if let Some(parent) = self.parent {
            parent.write(out, keys);
        }
        match (self.step, keys) {
            (Step::Root(text), _) => out.push_str(text),
            (Step::Field(name), _) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(name);
            }
            (Step::Key(name), Keys::AsFields) => {
                out.push('.');
                out.push_str(name);
            }
            (Step::Key(name), Keys::InBrackets) => {
                out.push('[');
                out.push_str(name);
                out.push(']');
            }
            (Step::Index(position), _) => out.push_str(&format!("[{position}]")),
        }
    }
}

/// How keys of maps are written.
#[derive(Clone, Copy)]
enum Keys {
    InBrackets,
    AsFields,
}
