//! The grammar of label selectors.

use super::{Operator, Requirement, check_key};

/// Reads the requirements, in the order of the text.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    Parser { items: scan(text), at: 0 }.run()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Error,
    End,
    Close,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    Greater,
    Identifier,
    In,
    Less,
    NotEquals,
    NotIn,
    Open,
}

struct Item {
    token: Token,
    literal: String,
}

/// Where a token stands: `in` and `notin` are operators behind a key and plain words among values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Operator,
    Values,
}

struct Parser {
    /// What was scanned; the last one is the end.
    items: Vec<Item>,
    at: usize,
}

impl Parser {
    fn run(mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        loop {
            let (token, literal) = self.look(Context::Values);
            match token {
                Token::Identifier | Token::Not => {
                    let requirement =
                        self.requirement().map_err(|message| format!("unable to parse requirement: {message}"))?;
                    requirements.push(requirement);
                    let (token, literal) = self.take(Context::Values);
                    match token {
                        Token::End => return Ok(requirements),
                        Token::Comma => {
                            let (token, literal) = self.look(Context::Values);
                            if !matches!(token, Token::Identifier | Token::Not) {
                                return Err(format!("found '{literal}', expected: identifier after ','"));
                            }
                        }
                        _ => return Err(format!("found '{literal}', expected: ',' or 'end of string'")),
                    }
                }
                Token::End => return Ok(requirements),
                _ => return Err(format!("found '{literal}', expected: !, identifier, or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let (mut token, mut literal) = self.take(Context::Values);
        let is_negated = token == Token::Not;
        if is_negated {
            (token, literal) = self.take(Context::Values);
        }
        if token != Token::Identifier {
            return Err(format!("found '{literal}', expected: identifier"));
        }
        let key = literal;
        // Upstream gives no path here.
        check_key(&key, "<nil>").map_err(|cause| cause.to_string())?;
        let ends = matches!(self.look(Context::Values).0, Token::End | Token::Comma);
        if is_negated {
            return Requirement::new(&key, Operator::DoesNotExist, Vec::new());
        }
        if ends {
            return Requirement::new(&key, Operator::Exists, Vec::new());
        }
        let operator = self.operator()?;
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => vec![self.exact_value()?],
        };
        Requirement::new(&key, operator, values)
    }

    fn operator(&mut self) -> Result<Operator, String> {
        let (token, literal) = self.take(Context::Operator);
        Ok(match token {
            Token::In => Operator::In,
            Token::Equals => Operator::Equals,
            Token::DoubleEquals => Operator::DoubleEquals,
            Token::Greater => Operator::GreaterThan,
            Token::Less => Operator::LessThan,
            Token::NotIn => Operator::NotIn,
            Token::NotEquals => Operator::NotEquals,
            _ => return Err(format!("found '{literal}', expected: in, notin, =, ==, !=, gt, lt")),
        })
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        let (token, literal) = self.take(Context::Values);
        if token != Token::Open {
            return Err(format!("found '{literal}' expected: '('"));
        }
        let (token, literal) = self.look(Context::Values);
        match token {
            Token::Identifier | Token::Comma => {
                let values = self.identifiers()?;
                if self.take(Context::Values).0 != Token::Close {
                    return Err(format!("found '{literal}', expected: ')'"));
                }
                Ok(values)
            }
            Token::Close => {
                self.take(Context::Values);
                Ok(vec![String::new()])
            }
            _ => Err(format!("found '{literal}', expected: ',', ')' or identifier")),
        }
    }

    /// Words between commas; nothing between two commas is the empty word.
    fn identifiers(&mut self) -> Result<Vec<String>, String> {
        let mut values: Vec<String> = Vec::new();
        loop {
            let (token, literal) = self.take(Context::Values);
            match token {
                Token::Identifier => {
                    values.push(literal);
                    let (token, literal) = self.look(Context::Values);
                    match token {
                        Token::Comma => {}
                        Token::Close => break,
                        _ => return Err(format!("found '{literal}', expected: ',' or ')'")),
                    }
                }
                Token::Comma => {
                    if values.is_empty() {
                        values.push(String::new());
                    }
                    match self.look(Context::Values).0 {
                        Token::Close => {
                            values.push(String::new());
                            break;
                        }
                        Token::Comma => values.push(String::new()),
                        _ => {}
                    }
                }
                _ => return Err(format!("found '{literal}', expected: ',', or identifier")),
            }
        }
        values.sort_unstable();
        values.dedup();
        Ok(values)
    }

    fn exact_value(&mut self) -> Result<String, String> {
        if matches!(self.look(Context::Values).0, Token::End | Token::Comma) {
            return Ok(String::new());
        }
        let (token, literal) = self.take(Context::Values);
        if token == Token::Identifier { Ok(literal) } else { Err(format!("found '{literal}', expected: identifier")) }
    }

    fn look(&self, context: Context) -> (Token, String) {
        let Some(item) = self.items.get(self.at) else { return (Token::End, String::new()) };
        let token = match item.token {
            Token::In | Token::NotIn if context == Context::Values => Token::Identifier,
            token => token,
        };
        (token, item.literal.clone())
    }

    fn take(&mut self, context: Context) -> (Token, String) {
        let taken = self.look(context);
        self.at += 1;
        taken
    }
}

fn scan(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    // Upstream takes a zero byte for the end.
    rest = rest.split('\0').next().unwrap_or_default();
    while let Some(first) = rest.chars().next() {
        let (item, left) = if is_special(first) { special(rest) } else { word(rest) };
        items.push(item);
        rest = left.trim_start_matches(is_space);
    }
    items.push(Item { token: Token::End, literal: String::new() });
    items
}

fn word(text: &str) -> (Item, &str) {
    let end = text.find(|c| is_space(c) || is_special(c)).unwrap_or(text.len());
    let (literal, rest) = text.split_at(end);
    let token = match literal {
        "in" => Token::In,
        "notin" => Token::NotIn,
        _ => Token::Identifier,
    };
    (Item { token, literal: literal.to_owned() }, rest)
}

/// The longest operator at the front. Special characters are ASCII, so bytes and characters agree.
fn special(text: &str) -> (Item, &str) {
    const TOKENS: [(&str, Token); 9] = [
        ("==", Token::DoubleEquals),
        ("!=", Token::NotEquals),
        (")", Token::Close),
        (",", Token::Comma),
        ("!", Token::Not),
        ("=", Token::Equals),
        (">", Token::Greater),
        ("<", Token::Less),
        ("(", Token::Open),
    ];
    let found = TOKENS.iter().find_map(|(literal, token)| Some((literal, token, text.strip_prefix(literal)?)));
    match found {
        Some((literal, token, rest)) => (Item { token: *token, literal: (*literal).to_owned() }, rest),
        None => (Item { token: Token::Error, literal: text.to_owned() }, ""),
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}
