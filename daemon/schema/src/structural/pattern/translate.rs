//! Reads a pattern as Go does and writes it for the `regex` crate.

use super::Wrong;
use super::class;

/// A pattern for the `regex` crate.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) text: String,
    pub(super) weight: usize,
}

/// One pass over a pattern. Groups are a list, not recursion.
pub(super) struct Translator<'a> {
    source: &'a str,
    at: usize,
    out: String,
    groups: Vec<Group>,
    /// What a repetition would apply to.
    last: Last,
}

/// What is known of an open group, or of the whole pattern.
#[derive(Clone, Copy, Default)]
struct Group {
    weight: usize,
    /// The largest product of nested counts.
    repeats: usize,
}

#[derive(Clone, Copy)]
enum Last {
    /// The beginning of a group or an alternative.
    Nothing,
    Atom {
        weight: usize,
        repeats: usize,
    },
    /// A repetition, whose operator begins here.
    Repetition {
        start: usize,
    },
}

impl<'a> Translator<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self {
            source,
            at: 0,
            out: String::with_capacity(source.len() + 16),
            groups: vec![Group::default()],
            last: Last::Nothing,
        }
    }

    pub(super) fn run(mut self) -> Result<Translated, Wrong> {
        while let Some(c) = self.peek() {
            match c {
                '(' => self.open()?,
                ')' => self.close()?,
                '|' => {
                    self.at += 1;
                    self.out.push('|');
                    self.last = Last::Nothing;
                }
                '*' | '+' | '?' => self.repeat(c)?,
                '{' => self.brace()?,
                '[' => {
                    let (text, length, weight) = class::bracket(self.rest())?;
                    self.atom(&text, length, weight);
                }
                '\\' => self.escape()?,
                '.' => self.atom(".", 1, ANY_WEIGHT),
                '^' | '$' => self.atom(if c == '^' { "^" } else { "$" }, 1, 1),
                c => self.literal(c, c.len_utf8()),
            }
        }
        match self.groups.as_slice() {
            [whole] => Ok(Translated { text: self.out, weight: whole.weight }),
            _ => Err(Wrong::new("missing closing )", self.source)),
        }
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn literal(&mut self, c: char, length: usize) {
        let text = regex::escape(c.encode_utf8(&mut [0; 4]));
        self.atom(&text, length, 1);
    }

    /// Writes an atom that takes `length` bytes of the source.
    fn atom(&mut self, text: &str, length: usize, weight: usize) {
        self.out.push_str(text);
        self.at += length;
        self.last = Last::Atom { weight, repeats: 1 };
        self.add(weight, 1);
    }

    fn add(&mut self, weight: usize, repeats: usize) {
        if let Some(group) = self.groups.last_mut() {
            group.weight = group.weight.saturating_add(weight);
            group.repeats = group.repeats.max(repeats);
        }
    }

    fn open(&mut self) -> Result<(), Wrong> {
        let rest = self.rest();
        if self.groups.len() >= GROUPS_MAX {
            return Err(Wrong::new("expression nests too deeply", self.source));
        }
        let Some(behind) = rest.strip_prefix("(?") else {
            self.out.push('(');
            return self.enter(1);
        };
        if behind.starts_with("P<") || behind.starts_with('<') {
            let Some(end) = rest.find('>') else { return Err(Wrong::new("invalid named capture", rest)) };
            let head = rest.get(..=end).unwrap_or(rest);
            let name = head.split_once('<').map_or("", |(_, name)| name.trim_end_matches('>'));
            let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(good) {
                return Err(Wrong::new("invalid named capture", head));
            }
            // Nothing is done with captures, so that names that the crate refuses do not matter.
            self.out.push('(');
            return self.enter(head.len());
        }
        self.flags(rest)
    }

    /// `(?i)` or `(?i:`
    fn flags(&mut self, rest: &str) -> Result<(), Wrong> {
        let (mut negated, mut any) = (false, false);
        for (position, c) in rest.char_indices().skip(2) {
            let head = rest.get(..position + c.len_utf8()).unwrap_or(rest);
            match c {
                'i' | 'm' | 's' | 'U' => any = true,
                '-' if !negated => (negated, any) = (true, false),
                ':' | ')' if !negated || any => {
                    self.out.push_str(if head == "(?)" { "(?:)" } else { head });
                    if c == ':' {
                        return self.enter(head.len());
                    }
                    self.at += head.len();
                    self.last = Last::Nothing;
                    return Ok(());
                }
                _ => return Err(Wrong::new("invalid or unsupported Perl syntax", head)),
            }
        }
        Err(Wrong::new("missing closing )", self.source))
    }

    fn enter(&mut self, length: usize) -> Result<(), Wrong> {
        self.at += length;
        self.groups.push(Group::default());
        self.last = Last::Nothing;
        Ok(())
    }

    fn close(&mut self) -> Result<(), Wrong> {
        if self.groups.len() == 1 {
            return Err(Wrong::new("unexpected )", self.source));
        }
        let group = self.groups.pop().unwrap_or_default();
        self.out.push(')');
        self.at += 1;
        let (weight, repeats) = (group.weight + 1, group.repeats.max(1));
        self.last = Last::Atom { weight, repeats };
        self.add(weight, repeats);
        Ok(())
    }

    fn repeat(&mut self, operator: char) -> Result<(), Wrong> {
        let start = self.at;
        self.at += 1;
        let lazy = self.take_lazy();
        self.repeatable(start)?;
        self.out.push(operator);
        if lazy {
            self.out.push('?');
        }
        self.last = Last::Repetition { start };
        Ok(())
    }

    fn take_lazy(&mut self) -> bool {
        let lazy = self.rest().starts_with('?');
        self.at += usize::from(lazy);
        lazy
    }

    /// Whether there is something to repeat; its weight and product of counts.
    fn repeatable(&self, start: usize) -> Result<(usize, usize), Wrong> {
        match self.last {
            Last::Atom { weight, repeats } => Ok((weight, repeats)),
            Last::Nothing => {
                let operator = self.source.get(start..self.at).unwrap_or_default();
                Err(Wrong::new("missing argument to repetition operator", operator))
            }
            Last::Repetition { start } => {
                let operators = self.source.get(start..self.at).unwrap_or_default();
                Err(Wrong::new("invalid nested repetition operator", operators))
            }
        }
    }

    /// `{2,5}`, or a brace that is only a brace.
    fn brace(&mut self) -> Result<(), Wrong> {
        let start = self.at;
        let Some((least, most, length)) = counts(self.rest()) else {
            self.literal('{', 1);
            return Ok(());
        };
        let operator = self.source.get(start..start + length).unwrap_or_default();
        let top = most.unwrap_or(least);
        if least > COUNT_MAX || top > COUNT_MAX || top < least {
            return Err(Wrong::new("invalid repeat count", operator));
        }
        self.at += length;
        let lazy = self.take_lazy();
        let (weight, repeats) = self.repeatable(start)?;
        let product = repeats.saturating_mul(top.max(1));
        if product > COUNT_MAX {
            return Err(Wrong::new("invalid repeat count", operator));
        }
        self.out.push_str(operator);
        if lazy {
            self.out.push('?');
        }
        self.add(weight.saturating_mul(top.saturating_sub(1)), product);
        self.last = Last::Repetition { start };
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Wrong> {
        let rest = self.rest();
        let Some(c) = rest.chars().nth(1) else {
            return Err(Wrong::new("trailing backslash at end of expression", ""));
        };
        match c {
            'A' => self.atom("\\A", 2, 1),
            'z' => self.atom("\\z", 2, 1),
            'b' => self.atom("(?-u:\\b)", 2, 1),
            'B' => self.atom("\\B", 2, 1),
            'Q' => {
                let quoted = rest.get(2..).unwrap_or_default();
                let (text, length) =
                    quoted.split_once("\\E").map_or((quoted, rest.len()), |(text, _)| (text, text.len() + 4));
                for c in text.chars() {
                    self.literal(c, 0);
                }
                self.at += length;
            }
            _ => {
                if let Some((text, length, weight)) = class::escaped(rest)? {
                    self.atom(&format!("[{text}]"), length, weight);
                    return Ok(());
                }
                let (c, length) = class::character(rest)?;
                self.literal(c, length);
            }
        }
        Ok(())
    }
}

/// Reads `{n}`, `{n,}` or `{n,m}`: the counts and how many bytes they take.
fn counts(rest: &str) -> Option<(usize, Option<usize>, usize)> {
    let inside = rest.strip_prefix('{')?;
    let end = inside.find('}')?;
    let text = inside.get(..end)?;
    let number = |digits: &str| {
        let good = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let good = good && (digits.len() == 1 || !digits.starts_with('0'));
        // What is too long for a number is too large in any case.
        good.then(|| digits.parse::<usize>().unwrap_or(usize::MAX))
    };
    let (least, most) = match text.split_once(',') {
        None => (number(text)?, None),
        Some((least, "")) => (number(least)?, None),
        Some((least, most)) => (number(least)?, Some(number(most)?)),
    };
    Some((least, most, end + 2))
}

/// Go's limit for counts and for products of nested counts.
const COUNT_MAX: usize = 1000;
const GROUPS_MAX: usize = 200;
const ANY_WEIGHT: usize = 12;
