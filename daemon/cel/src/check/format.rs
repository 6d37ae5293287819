//! Calls of `format` whose text and arguments are written out: their clauses are checked when the expression is compiled, in
//! the words of cel-go's ext/formatting.go.

use crate::ast::{Call, Element, Expr, Literal, Node};
use crate::check::Checked;
use crate::problem::Problem;
use crate::ty::Type;

/// What is wrong with a call of `format`, if it is one whose text and list of arguments are written out.
pub(super) fn check(checked: &Checked, expr: &Expr, call: &Call) -> Option<Problem> {
    let Some(Expr { node: Node::Literal(Literal::String(text)), .. }) = &call.target else { return None };
    let [Expr { node: Node::List(args), .. }] = call.args.as_slice() else { return None };
    if &*call.function != "format" {
        return None;
    }
    let mut clauses = Clauses { checked, args, next: 0 };
    match clauses.check(text) {
        Err(Wrong { at, message }) => Some(Problem::at(at.unwrap_or(expr.at), message)),
        Ok(()) if args.len() > clauses.next => {
            let (wanted, found) = (clauses.next, args.len());
            let message = format!("too many arguments supplied to string.format (expected {wanted}, got {found})");
            Some(Problem::at(expr.at, message))
        }
        Ok(()) => None,
    }
}

/// What is wrong, and with which argument.
struct Wrong {
    at: Option<u32>,
    message: String,
}

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Self { at: None, message }
    }
}

struct Clauses<'a> {
    checked: &'a Checked,
    args: &'a [Element],
    next: usize,
}

impl Clauses<'_> {
    fn check(&mut self, text: &str) -> Result<(), Wrong> {
        let mut rest = text.as_bytes();
        while let Some(percent) = rest.iter().position(|byte| *byte == b'%') {
            rest = &rest[percent + 1..];
            match rest.first() {
                Some(b'%') => rest = &rest[1..],
                None => {
                    self.next += 1;
                    return Err("unexpected end of string".to_owned().into());
                }
                Some(_) => {
                    let Some(arg) = self.args.get(self.next) else {
                        return Err(format!("index {} out of range", self.next).into());
                    };
                    self.next += 1;
                    rest =
                        precision(rest).map_err(|why| format!("{UNREADABLE}: error while parsing precision: {why}"))?;
                    let (clause, after) = rest.split_first().ok_or_else(|| "unexpected end of string".to_owned())?;
                    self.clause(*clause, &arg.value)?;
                    rest = after;
                }
            }
        }
        Ok(())
    }

    fn clause(&self, clause: u8, arg: &Expr) -> Result<(), Wrong> {
        let ty = self.ty(arg);
        let (fits, message) = match clause {
            b's' => return self.text(arg),
            b'd' => (matches!(ty, Type::Int | Type::Uint), "decimal clause can only be used on integers"),
            b'f' => (matches!(ty, Type::Double | Type::String), "fixed-point clause can only be used on doubles"),
            b'e' => (matches!(ty, Type::Double | Type::String), "scientific clause can only be used on doubles"),
            b'b' => {
                let fits = matches!(ty, Type::Int | Type::Uint | Type::Bool);
                (fits, "only integers and bools can be formatted as binary")
            }
            b'x' | b'X' => {
                let fits = matches!(ty, Type::Int | Type::Uint | Type::String | Type::Bytes);
                (fits, "only integers, byte buffers, and strings can be formatted as hex")
            }
            b'o' => (matches!(ty, Type::Int | Type::Uint), "octal clause can only be used on integers"),
            other => {
                let other = char::from(other);
                return Err(format!("{UNREADABLE}: unrecognized formatting clause \"{other}\"").into());
            }
        };
        if fits || *ty == Type::Dyn { Ok(()) } else { Err(refused(arg, ty, message)) }
    }

    /// Whether an argument and all of its parts that are written out can be shown as text.
    fn text(&self, arg: &Expr) -> Result<(), Wrong> {
        let ty = self.ty(arg);
        if matches!(ty, Type::Optional(_) | Type::Object(_) | Type::Opaque(_)) {
            let message = "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, \
                           and timestamps";
            return Err(refused(arg, ty, message));
        }
        match &arg.node {
            Node::List(elements) => elements.iter().try_for_each(|element| self.text(&element.value)),
            Node::Map(entries) => entries.iter().try_for_each(|entry| {
                self.text(&entry.key)?;
                self.text(&entry.value)
            }),
            _ => Ok(()),
        }
    }

    fn ty(&self, arg: &Expr) -> &Type {
        &self.checked.types[arg.id as usize]
    }
}

/// What comes after a precision such as `.3`, if there is one.
fn precision(rest: &[u8]) -> Result<&[u8], String> {
    let Some(digits) = rest.strip_prefix(b".") else { return Ok(rest) };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == digits.len() {
        return Err("could not find end of precision specifier".into());
    }
    let (digits, after) = digits.split_at(length);
    let digits = String::from_utf8_lossy(digits);
    if digits.parse::<i64>().is_ok() {
        return Ok(after);
    }
    let why = if digits.is_empty() { "invalid syntax" } else { "value out of range" };
    Err(format!("error while converting precision to integer: strconv.Atoi: parsing \"{digits}\": {why}"))
}

fn refused(arg: &Expr, ty: &Type, message: &str) -> Wrong {
    let name = match ty {
        Type::List(_) => "list",
        Type::Map(..) => "map",
        Type::Optional(_) => "optional_type",
        Type::Type(_) => "type",
        Type::Null => "null_type",
        Type::Timestamp => "google.protobuf.Timestamp",
        Type::Duration => "google.protobuf.Duration",
        other => &other.to_string(),
    };
    Wrong { at: Some(arg.at), message: format!("error during formatting: {message}, was given {name}") }
}

const UNREADABLE: &str = "could not parse formatting clause";
