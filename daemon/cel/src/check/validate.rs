//! What Kubernetes asks of an expression besides its types: literals that cannot be right are told when it is compiled.

use std::ops::RangeInclusive;

use crate::ast::{Element, Entry, Expr, Literal, Node};
use crate::check::{Checked, format};
use crate::library::pattern;
use crate::problem::Problem;
use crate::ty::Type;

/// What is wrong with the literals of an expression: arguments of `duration`, `timestamp` and `matches`, and lists and maps
/// whose parts differ in type.
pub(crate) fn validate(checked: &Checked) -> Vec<Problem> {
    let mut validator = Validator { checked, formats: 0, shown_bytes: 0, problems: Vec::new() };
    validator.visit(&checked.root);
    validator.problems
}

struct Validator<'a> {
    checked: &'a Checked,
    /// How many calls of `format` are around: their arguments may differ in type.
    formats: u32,
    /// How long the messages about types are together: types can be larger than the text.
    shown_bytes: usize,
    problems: Vec<Problem>,
}

impl<'a> Validator<'a> {
    fn visit(&mut self, expr: &Expr) {
        match &expr.node {
            Node::Literal(_) | Node::Ident(_) => {}
            Node::Select(select) => self.visit(&select.operand),
            Node::Call(call) => {
                self.argument(&call.function, call.args.first());
                self.problems.extend(format::check(self.checked, expr, call));
                let format = u32::from(&*call.function == "format");
                self.formats += format;
                call.target.iter().chain(&call.args).for_each(|part| self.visit(part));
                self.formats -= format;
            }
            Node::List(elements) => {
                self.same_elements(elements);
                elements.iter().for_each(|element| self.visit(&element.value));
            }
            Node::Map(entries) => {
                self.same_entries(entries);
                for entry in entries {
                    self.visit(&entry.key);
                    self.visit(&entry.value);
                }
            }
            Node::Struct(object) => object.fields.iter().for_each(|field| self.visit(&field.value)),
            Node::Comprehension(fold) => {
                [&fold.range, &fold.init, &fold.condition, &fold.step, &fold.result]
                    .into_iter()
                    .for_each(|part| self.visit(part));
            }
        }
    }

    fn argument(&mut self, function: &str, arg: Option<&Expr>) {
        let Some(Expr { at, node: Node::Literal(literal), .. }) = arg else { return };
        let good = match (function, literal) {
            ("duration", Literal::String(text)) => is_duration(text),
            ("duration", _) => false,
            ("timestamp", Literal::String(text)) => is_timestamp(text),
            ("timestamp", Literal::Int(seconds)) => SECONDS.contains(seconds),
            ("matches", Literal::String(text)) => pattern::compile(text).is_ok(),
            _ => true,
        };
        if !good {
            self.problems.push(Problem::at(*at, format!("invalid {function} argument")));
        }
    }

    fn same_elements(&mut self, elements: &[Element]) {
        let [first, rest @ ..] = elements else { return };
        let wanted = self.ty(&first.value, first.optional);
        for element in rest {
            let found = self.ty(&element.value, element.optional);
            if self.differ(element.value.at, wanted, found) {
                return;
            }
        }
    }

    fn same_entries(&mut self, entries: &[Entry]) {
        let [first, rest @ ..] = entries else { return };
        let (key, value) = (self.ty(&first.key, false), self.ty(&first.value, first.optional));
        for entry in rest {
            self.differ(entry.key.at, key, self.ty(&entry.key, false));
            self.differ(entry.value.at, value, self.ty(&entry.value, entry.optional));
        }
    }

    fn ty(&self, part: &Expr, optional: bool) -> &'a Type {
        match &self.checked.types[part.id as usize] {
            Type::Optional(inner) if optional => inner,
            ty => ty,
        }
    }

    fn differ(&mut self, at: u32, wanted: &Type, found: &Type) -> bool {
        if self.formats > 0 || wanted == found {
            return false;
        }
        if self.shown_bytes < SHOWN_BYTES_MAX {
            let message = format!("expected type '{wanted}' but found '{found}'");
            self.shown_bytes += message.len();
            self.problems.push(Problem::at(at, message));
        }
        true
    }
}

/// Whether a text is a duration of Go: `1h30m`, `-1.5s`, `0`, of less than about 292 years.
fn is_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, unit) = rest.split_at(digits);
        let length = unit.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(unit.len());
        let (unit, after) = unit.split_at(length);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return false,
        };
        let plain = number.matches('.').count() <= 1 && number.bytes().any(|b| b.is_ascii_digit());
        let Some(value) = Some(format!("0{number}0")).filter(|_| plain).and_then(|text| text.parse::<f64>().ok())
        else {
            return false;
        };
        // The zero before keeps `.5` a number; the one after a whole number would make it ten times as large.
        total += seconds * if number.contains('.') { value } else { value / 10.0 };
        rest = after;
    }
    !text.is_empty() && text != "-" && text != "+" && total <= NANOSECONDS_MAX_SECONDS
}

/// Whether a text is a time of RFC 3339, between the years 1 and 9999.
fn is_timestamp(text: &str) -> bool {
    let number = |from: usize, length: usize| {
        let digits = text.get(from..from + length).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
        digits.and_then(|digits| digits.parse::<u32>().ok())
    };
    let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    if !marks.iter().all(|(at, mark)| text.get(*at..*at + 1) == Some(*mark)) {
        return false;
    }
    let (Some(year), Some(month), Some(day)) = (number(0, 4), number(5, 2), number(8, 2)) else { return false };
    let (Some(hour), Some(minute), Some(second)) = (number(11, 2), number(14, 2), number(17, 2)) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    if year == 0 || day == 0 || day > days || hour > 23 || minute > 59 || second > 59 {
        return false;
    }
    let mut zone = &text[19..];
    if let Some(fraction) = zone.strip_prefix(['.', ',']) {
        zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        if zone.len() == fraction.len() {
            return false;
        }
    }
    if zone == "Z" {
        return true;
    }
    let at = text.len() - zone.len();
    let offset =
        matches!((number(at + 1, 2), number(at + 4, 2)), (Some(hours), Some(minutes)) if hours <= 24 && minutes < 60);
    zone.len() == 6 && zone.starts_with(['+', '-']) && zone.get(3..4) == Some(":") && offset
}

/// The longest duration, in seconds: what 63 bits of nanoseconds hold.
const NANOSECONDS_MAX_SECONDS: f64 = 9_223_372_036.854_775;
/// The times that there are, in seconds since 1970: the years 1 to 9999.
const SECONDS: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// After so many bytes of messages about types, further ones are left out.
const SHOWN_BYTES_MAX: usize = 1 << 20;
