//! Reads a path.

use serde_json::{Number, Value};

use super::{Filter, JsonPathError, Slice, Step};

/// Parses the text between braces.
pub(super) fn parse(path: &str) -> Result<Vec<Step>, JsonPathError> {
    if path.len() > PATH_BYTES_MAX {
        return syntax("the path is too long");
    }
    action(path, 0)
}

fn action(text: &str, depth: usize) -> Result<Vec<Step>, JsonPathError> {
    if depth > DEPTH_MAX {
        return syntax("the path is nested too deeply");
    }
    Parser { rest: text, steps: Vec::new(), depth }.run()
}

fn syntax<T>(why: impl Into<String>) -> Result<T, JsonPathError> {
    Err(JsonPathError::Syntax(why.into()))
}

struct Parser<'a> {
    rest: &'a str,
    steps: Vec<Step>,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn run(mut self) -> Result<Vec<Step>, JsonPathError> {
        while let Some(c) = self.rest.chars().next() {
            let after = self.rest.get(c.len_utf8()..).unwrap_or_default();
            match c {
                '}' => return syntax("unexpected }"),
                _ if self.rest.starts_with("[?(") => self.filter()?,
                _ if self.rest.starts_with("..") => self.recursive()?,
                '\r' | '\n' => return syntax("unclosed action"),
                ' ' | '@' | '$' => self.rest = after,
                '[' => self.bracket()?,
                '"' | '\'' => self.quoted(c)?,
                '.' => {
                    self.rest = after;
                    self.field();
                }
                '+' | '-' => self.number()?,
                c if c.is_numeric() => self.number()?,
                c if c == '_' || c.is_alphabetic() => self.word(),
                c => return syntax(format!("unrecognized character in action: U+{:04X} '{c}'", u32::from(c))),
            }
        }
        Ok(self.steps)
    }

    /// Takes text from the front.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn field(&mut self) {
        let mut end = self.rest.len();
        let mut escaped = false;
        for (position, c) in self.rest.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if is_terminator(c) => {
                    end = position;
                    break;
                }
                _ => {}
            }
        }
        let name = self.take(end);
        let step = if name == "*" { Step::Wildcard } else { Step::Field(name.replace('\\', "").into()) };
        self.steps.push(step);
    }

    fn word(&mut self) {
        let end = self.rest.find(is_terminator).unwrap_or(self.rest.len());
        let step = match self.take(end) {
            "true" => Step::Constant(Value::Bool(true)),
            "false" => Step::Constant(Value::Bool(false)),
            word => Step::Word(word.into()),
        };
        self.steps.push(step);
    }

    fn recursive(&mut self) -> Result<(), JsonPathError> {
        if self.steps.last() == Some(&Step::Recursive) {
            return syntax("invalid multiple recursive descent");
        }
        self.take(2);
        self.steps.push(Step::Recursive);
        if self.rest.starts_with(|c: char| c == '_' || c.is_alphanumeric()) {
            self.field();
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonPathError> {
        let sign = usize::from(self.rest.starts_with(['+', '-']));
        let unsigned = self.rest.get(sign..).unwrap_or_default();
        let end = unsigned.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(unsigned.len());
        let text = self.take(sign + end);
        let value = match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(integer), _) => Value::from(integer),
            (Err(_), Ok(float)) if !text.is_empty() => Number::from_f64(float).map_or(Value::Null, Value::Number),
            _ => return syntax(format!("cannot parse number {text}")),
        };
        self.steps.push(Step::Constant(value));
        Ok(())
    }

    fn quoted(&mut self, quote: char) -> Result<(), JsonPathError> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((position, c)) = chars.next() {
            match c {
                '\n' => break,
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, c @ ('\\' | '"' | '\''))) => text.push(c),
                    _ => return syntax(format!("unquote string {} error invalid syntax", self.rest)),
                },
                c if c == quote => {
                    self.take(position + 1);
                    self.steps.push(Step::Constant(Value::String(text)));
                    return Ok(());
                }
                c => text.push(c),
            }
        }
        syntax("unterminated quoted string")
    }

    fn bracket(&mut self) -> Result<(), JsonPathError> {
        let line = self.rest.split('\n').next().unwrap_or_default();
        let Some(end) = line.find(']') else { return syntax("unterminated array") };
        let text = self.take(end + 1);
        let text = text.get(1..end).unwrap_or_default();
        let text = if text == "*" { ":" } else { text };
        if text.contains(',') {
            let parts = text.split(',').map(|part| action(&format!("[{}]", part.trim_matches(' ')), self.depth + 1));
            self.steps.push(Step::Union(parts.collect::<Result<_, _>>()?));
            return Ok(());
        }
        let quoted = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        if let Some(key) = quoted.filter(|key| !key.contains('\'')) {
            self.steps.extend(action(&format!(".{key}"), self.depth + 1)?);
            return Ok(());
        }
        self.steps.push(Step::Slice(slice(text)?));
        Ok(())
    }

    /// `[?(left operator right)]`, or `[?(left)]` for what exists.
    fn filter(&mut self) -> Result<(), JsonPathError> {
        self.take(3);
        let (mut begun, mut ended, mut quote, mut before) = (false, false, '"', ' ');
        let mut end = None;
        for (position, c) in self.rest.char_indices() {
            match c {
                '\n' => break,
                '"' | '\'' if !begun => (begun, quote) = (true, c),
                '"' | '\'' if before != '\\' && c == quote => ended = true,
                ')' if begun == ended => {
                    end = Some(position);
                    break;
                }
                _ => {}
            }
            before = c;
        }
        let Some(end) = end else { return syntax("unterminated filter") };
        let text = self.take(end);
        if !self.rest.starts_with(")]") {
            return syntax("unclosed array expect ]");
        }
        self.take(2);
        let is_operator = |c: char| matches!(c, '!' | '<' | '>' | '=');
        let at = text.find(is_operator).filter(|at| *at > 0);
        let split = at.and_then(|at| {
            let behind = text.get(at..)?;
            let length = behind.find(|c| !is_operator(c))?;
            Some((text.get(..at)?, behind.get(..length)?, behind.get(length..)?))
        });
        let filter = match split {
            None => Filter { left: action(text, self.depth + 1)?, right: None },
            Some((left, operator, right)) => Filter {
                left: action(left, self.depth + 1)?,
                right: Some((operator.into(), action(right, self.depth + 1)?)),
            },
        };
        self.steps.push(Step::Filter(Box::new(filter)));
        Ok(())
    }
}

/// `1`, `-1`, `1:`, `:2`, `0:4:2`
fn slice(text: &str) -> Result<Slice, JsonPathError> {
    let mut parts = text.split(':');
    let numbers = [parts.next(), parts.next(), parts.next()];
    let mut parsed = [None; 3];
    for (slot, part) in parsed.iter_mut().zip(numbers) {
        let part = part.unwrap_or_default();
        let digits = part.strip_prefix('-').unwrap_or(part);
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) || parts.clone().next().is_some() {
            return syntax(format!("invalid array index {text}"));
        }
        *slot = match part {
            "" => None,
            part => match part.parse::<i64>() {
                Ok(number) => Some(number),
                Err(_) => return syntax(format!("array index {part} is not a number")),
            },
        };
    }
    let [from, to, step] = parsed;
    let derived = !text.contains(':');
    let to = if derived { Some(from.unwrap_or(0).saturating_add(1)) } else { to };
    Ok(Slice { from, to, derived, step })
}

fn is_terminator(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}

const PATH_BYTES_MAX: usize = 4096;
const DEPTH_MAX: usize = 8;
