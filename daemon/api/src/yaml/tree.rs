//! The first document of a text as a tree, with its aliases still in place.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::problem::{Problem, wants_indentation};
use super::resolve::Tag;

/// A node, and the line on which it begins.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) content: Content,
}

/// What a node holds. Nodes are named by their place in the tree.
#[derive(Debug)]
pub(super) enum Content {
    /// Text that may stand for something else.
    Scalar(Tag, String),
    /// Items.
    Sequence(Vec<usize>),
    /// Keys and values by turns.
    Mapping(Vec<usize>),
    /// Another node, and the name of its anchor.
    Alias(usize, String),
}

/// A document.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    /// Reads the first document; what follows it is not looked at, as upstream does not. Nothing for a text without one.
    ///
    /// # Errors
    /// The text is no YAML, or the document is too large or nested too deep.
    pub(super) fn read(text: &str) -> Result<Option<(Self, usize)>, Problem> {
        let mut text = Cow::Borrowed(text);
        let (mut read_bytes, mut last) = (0, 0);
        loop {
            read_bytes += text.len();
            match Reader::new(&text).read() {
                // Spaces at the start of a line mean nothing where they are missed, and no line gets another number.
                Err(Stop::Unindented(line, _)) if line > last && read_bytes < READ_BYTES_MAX => {
                    text = Cow::Owned(indented(&text, line));
                    last = line;
                }
                Err(Stop::Unindented(_, problem) | Stop::Problem(problem)) => return Err(problem),
                Ok(read) => return Ok(read),
            }
        }
    }

    /// A node of the tree.
    pub(super) fn node(&self, place: usize) -> &Node {
        &self.nodes[place]
    }
}

/// The text with spaces before the line, which is counted from 1.
fn indented(text: &str, line: usize) -> String {
    let start = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let (before, after) = text.split_at(start);
    format!("{before}{:width$}{after}", "", width = 2 * DEPTH_MAX)
}

/// Why a text is not read to its end.
enum Stop {
    Problem(Problem),
    /// The line must begin with more spaces.
    Unindented(usize, Problem),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

struct Reader<'a> {
    text: &'a str,
    tree: Tree,
    /// The collections that are not at their end.
    open: Vec<usize>,
    /// Anchors by their number, and the nodes that have them.
    anchors: Vec<(usize, usize)>,
}

impl<'a> Reader<'a> {
    const fn new(text: &'a str) -> Self {
        Self { text, tree: Tree { nodes: Vec::new() }, open: Vec::new(), anchors: Vec::new() }
    }

    fn read(mut self) -> Result<Option<(Tree, usize)>, Stop> {
        let mut events = Parser::new_from_str(self.text);
        loop {
            let (event, span) = match events.next_event() {
                Some(Ok(event)) => event,
                Some(Err(error)) if wants_indentation(&error) => {
                    return Err(Stop::Unindented(error.marker().line(), Problem::of_parser(&error)));
                }
                Some(Err(error)) if error.info() == "while parsing node, found unknown anchor" => {
                    let name = self.name_at(error.marker().index());
                    return Err(Problem::new(format!("unknown anchor '{name}' referenced")).into());
                }
                Some(Err(error)) => return Err(Problem::of_parser(&error).into()),
                None => return Ok(None),
            };
            match event {
                Event::StreamEnd => return Ok(None),
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
                Event::DocumentEnd => return Ok((!self.tree.nodes.is_empty()).then_some((self.tree, ROOT))),
                event => self.take(event, &span)?,
            }
        }
    }

    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Problem> {
        let (anchor, content) = match event {
            Event::Alias(anchor) => {
                // An anchor that is given again means the later node from there on, under a number of its own.
                let target = self.anchors.iter().rev().find(|(number, _)| *number == anchor).map(|(_, place)| *place);
                let name = self.name_at(span.start.index());
                let Some(target) = target else {
                    return Err(Problem::new(format!("unknown anchor '{name}' referenced")));
                };
                (0, Content::Alias(target, name))
            }
            Event::Scalar(text, style, anchor, tag) => {
                let mut text = text.into_owned();
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                if is_block && !self.text.ends_with('\n') && span.end.index() >= self.characters() {
                    // The parser ends the last line of a text that ends without an end of line.
                    text.truncate(text.trim_end_matches('\n').len());
                }
                let tag = match tag.as_deref() {
                    Some(tag) => core_type(tag).map_or(Tag::Foreign, Tag::Core),
                    None if style == ScalarStyle::Plain => Tag::Plain,
                    None => Tag::Foreign,
                };
                (anchor, Content::Scalar(tag, text))
            }
            Event::SequenceStart(anchor, _) => (anchor, Content::Sequence(Vec::new())),
            Event::MappingStart(anchor, _) => (anchor, Content::Mapping(Vec::new())),
            _ => {
                self.open.pop();
                return Ok(());
            }
        };
        let place = self.tree.nodes.len();
        if place == NODES_MAX {
            return Err(Problem::new(format!("document has more than {NODES_MAX} values")));
        }
        if let Some(Content::Sequence(inner) | Content::Mapping(inner)) =
            self.open.last().and_then(|open| self.tree.nodes.get_mut(*open)).map(|node| &mut node.content)
        {
            inner.push(place);
        }
        if anchor > 0 {
            self.anchors.push((anchor, place));
        }
        if matches!(content, Content::Sequence(_) | Content::Mapping(_)) {
            if self.open.len() == DEPTH_MAX {
                return Err(Problem::new(format!("exceeded max depth of {DEPTH_MAX}")));
            }
            self.open.push(place);
        }
        self.tree.nodes.push(Node { line: span.start.line(), content });
        Ok(())
    }

    fn characters(&self) -> usize {
        self.text.chars().count()
    }

    /// The name of the anchor that the alias at this character refers to.
    fn name_at(&self, index: usize) -> String {
        let name = self.text.chars().skip(index).skip_while(|c| *c == '*');
        name.take_while(|c| !c.is_whitespace() && !",[]{}".contains(*c)).take(NAME_CHARACTERS_SHOWN).collect()
    }
}

/// The name of one of YAML's own types, `int` for instance.
fn core_type(tag: &saphyr_parser::Tag) -> Option<String> {
    if tag.is_yaml_core_schema() {
        return Some(tag.suffix.clone());
    }
    format!("{}{}", tag.handle, tag.suffix).strip_prefix("tag:yaml.org,2002:").map(str::to_owned)
}

/// The first node is the root.
const ROOT: usize = 0;
/// Keys and values that a document may have. An object may have half as many values.
pub(super) const NODES_MAX: usize = 250_000;
/// Collections inside each other, aliases followed. More than JSON may have in the end.
pub(super) const DEPTH_MAX: usize = 100;
/// What is read in all, from the start again each time that a line lacks spaces.
const READ_BYTES_MAX: usize = 8 << 20;
const NAME_CHARACTERS_SHOWN: usize = 64;
