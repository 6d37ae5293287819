//! What is wrong with an expression, as the API server prints it.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Byte offset in the source; `None` where no place is to blame.
    pub at: Option<u32>,
    /// What is wrong.
    pub message: String,
}

impl Problem {
    pub(crate) fn at(at: u32, message: impl Into<String>) -> Self {
        Self { at: Some(at), message: message.into() }
    }

    pub(crate) fn nowhere(message: impl Into<String>) -> Self {
        Self { at: None, message: message.into() }
    }
}

/// All that is wrong with an expression. Its display is what cel-go's `Issues.String()` gives: for each problem a line
/// `ERROR: <input>:1:5: ...`, the line of the source, and a line that points into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// What is wrong, in the order of the source.
    pub list: Vec<Problem>,
    rendered: String,
}

impl Problems {
    /// Sorts and renders `problems`, the first hundred of them.
    pub(crate) fn new(source: &str, mut problems: Vec<Problem>) -> Self {
        let dropped = problems.len().saturating_sub(PROBLEMS_MAX);
        problems.truncate(PROBLEMS_MAX);
        problems.sort_by_key(|problem| problem.at.map_or(-1, i64::from));
        let mut places = Places::new(source);
        let mut lines: Vec<String> = problems.iter().map(|problem| places.render(problem)).collect();
        if dropped > 0 {
            lines.push(format!("{dropped} more errors were truncated"));
        }
        Self { list: problems, rendered: lines.join("\n") }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rendered)
    }
}

/// Turns byte offsets into lines and columns. Asked in ascending order, it reads the source once.
struct Places<'a> {
    source: &'a str,
    line: usize,
    line_begin: usize,
}

impl<'a> Places<'a> {
    fn new(source: &'a str) -> Self {
        Self { source, line: 1, line_begin: 0 }
    }

    fn render(&mut self, problem: &Problem) -> String {
        let Some(at) = problem.at else {
            return format!("ERROR: <input>:-1:0: {}", problem.message);
        };
        if self.source.is_empty() {
            return format!("ERROR: <input>:1:0: {}", problem.message);
        }
        let mut at = usize::try_from(at).map_or(self.source.len(), |at| at.min(self.source.len()));
        while !self.source.is_char_boundary(at) {
            at -= 1;
        }
        while let Some(end) = self.source[self.line_begin..at].find('\n') {
            self.line_begin += end + 1;
            self.line += 1;
        }
        let before = &self.source[self.line_begin..at];
        let line = self.source[self.line_begin..].split('\n').next().unwrap_or_default();
        let mut text = format!("ERROR: <input>:{}:{}: {}", self.line, before.chars().count() + 1, problem.message);
        if line.len() <= SNIPPET_BYTES_MAX {
            text.push_str("\n | ");
            text.extend(line.chars().map(|c| if c == '\t' { ' ' } else { c }));
            text.push_str("\n | ");
            text.extend(before.chars().map(|c| if c.len_utf8() > 1 { '\u{ff0e}' } else { '.' }));
            let wide = self.source[at..].chars().next().is_some_and(|c| c.len_utf8() > 1);
            text.push(if wide { '\u{ff3e}' } else { '^' });
        }
        text
    }
}

/// How many problems are told at most.
const PROBLEMS_MAX: usize = 100;
/// The longest line of source that is shown.
const SNIPPET_BYTES_MAX: usize = 16_384;
