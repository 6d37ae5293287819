//! Amounts with a unit: `500m`, `1Gi`, `2e3`, as apimachinery's `api/resource` reads and writes them.
//!
//! An amount is a whole number of billionths. Upstream knows larger ones than fit into 128 bits (beyond 10^29), which are
//! refused here.

use std::cmp::Ordering;
use std::fmt;

/// An amount. Two amounts are equal when they are the same number, whatever their units.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nanos: i128,
    format: Format,
    /// The power of ten that upstream's 64-bit form counts in; none where it has none. Only such amounts count as whole, and
    /// their approximate value depends on it.
    scale: Option<i32>,
}

/// In which units an amount is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    /// Powers of ten by letter: `m`, `k`, `M`.
    #[default]
    Decimal,
    /// Powers of ten by exponent: `e3`.
    Exponent,
    /// Powers of two by letters: `Ki`, `Mi`.
    Binary,
}

impl Quantity {
    /// Reads an amount.
    ///
    /// # Errors
    /// Upstream's message.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        Written::read(text)?.amount()
    }

    /// A whole number.
    #[must_use]
    pub fn whole(number: i64) -> Self {
        Self { nanos: i128::from(number) * UNIT, format: Format::Decimal, scale: Some(0) }
    }

    /// The sum, in the units of the first unless that is zero; nothing when it is out of range.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let format = if self.nanos == 0 { other.format } else { self.format };
        let nanos = self.nanos.checked_add(other.nanos)?;
        Some(Self { nanos, format, scale: self.joint_scale(other, nanos) })
    }

    /// The difference, in the units of the first unless that is zero; nothing when it is out of range.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        let format = if self.nanos == 0 { other.format } else { self.format };
        let nanos = self.nanos.checked_sub(other.nanos)?;
        Some(Self { nanos, format, scale: self.joint_scale(other, nanos) })
    }

    /// -1, 0 or 1.
    #[must_use]
    pub const fn sign(self) -> i64 {
        if self.nanos < 0 {
            -1
        } else if self.nanos > 0 {
            1
        } else {
            0
        }
    }

    /// Whether it is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// The amount as a whole number, if upstream holds it as one: `1000m` is not, nor what does not fit into 64 bits.
    #[must_use]
    pub fn as_integer(self) -> Option<i64> {
        self.scale.filter(|scale| *scale >= 0).and_then(|_| i64::try_from(self.nanos / UNIT).ok())
    }

    /// About the amount, as upstream rounds it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "it is approximate")]
    pub fn approximate(self) -> f64 {
        let scale = self.scale.unwrap_or(-9);
        let base = power(scale + 9).map_or(0, |power| self.nanos / power) as f64;
        // A literal is the nearest number to a power of ten; a product would not be.
        if scale == 0 { base } else { base * format!("1e{scale}").parse::<f64>().unwrap_or(0.0) }
    }

    /// Whether it is a whole number once it is rounded up to thousandths, which is how upstream looks at it.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        const MILLI: i128 = UNIT / 1000;
        let millis = self.nanos / MILLI + if self.nanos % MILLI > 0 { 1 } else { 0 };
        millis % 1000 == 0
    }

    /// The amount without its fraction.
    #[must_use]
    pub const fn whole_units(self) -> i128 {
        self.nanos / UNIT
    }

    /// The nearest float.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "the nearest float is what is asked for")]
    pub const fn as_f64(self) -> f64 {
        self.nanos as f64 / UNIT as f64
    }

    /// The amount, rounded up to thousandths.
    #[must_use]
    pub fn rounded_to_millis(self) -> Self {
        const MILLI: i128 = UNIT / 1000;
        let rest = self.nanos % MILLI;
        let up = if rest == 0 {
            0
        } else if rest > 0 {
            MILLI - rest
        } else {
            -MILLI - rest
        };
        Self { nanos: self.nanos + up, format: self.format, scale: self.scale.map(|scale| scale.max(-3)) }
    }

    /// In which power of ten upstream counts a sum, if it fits into 64 bits there.
    fn joint_scale(self, other: Self, nanos: i128) -> Option<i32> {
        let (mine, others) = (self.scale?, other.scale?);
        let scale = match (self.nanos, other.nanos) {
            (_, 0) => mine,
            (0, _) => others,
            _ => mine.min(others),
        };
        let power = power(scale + 9)?;
        let fits = |nanos: i128| i64::try_from(nanos / power).is_ok();
        (fits(self.nanos) && fits(other.nanos) && fits(nanos)).then_some(scale)
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl fmt::Display for Quantity {
    /// The canonical form: the largest unit in which the amount is a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let is_small = self.nanos.abs() < 1024 * UNIT;
        if self.format == Format::Binary && !is_small && self.nanos % UNIT == 0 {
            let (number, times) = without_factors(self.nanos / UNIT, 1024);
            let suffix = usize::try_from(times).ok().and_then(|times| BINARY.get(times)).unwrap_or(&"");
            return write!(f, "{number}{suffix}");
        }
        let (mut number, times) = without_factors(self.nanos, 10);
        let mut exponent = times - 9;
        while exponent % 3 != 0 {
            number *= 10;
            exponent -= 1;
        }
        let letter = DECIMAL.iter().find(|(_, of)| *of == exponent);
        match (self.format, letter) {
            (_, _) if exponent == 0 => write!(f, "{number}"),
            (Format::Decimal | Format::Binary, Some((letter, _))) => write!(f, "{number}{letter}"),
            _ => write!(f, "{number}e{exponent}"),
        }
    }
}

/// The form in which upstream writes an amount that it has read: most are brought into canonical form, and what is nearly
/// canonical stays as it is.
///
/// # Errors
/// Upstream's message.
pub fn canonical(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let written = Written::read(text)?;
    let amount = written.amount()?;
    Ok(if written.stays() { text.to_owned() } else { amount.to_string() })
}

/// The parts of an amount as text.
struct Written<'a> {
    negative: bool,
    /// Digits before the point, without zeros in front; `0` when there are none.
    whole: &'a str,
    /// Digits after the point.
    fraction: &'a str,
    format: Format,
    /// Of ten, or of two.
    exponent: i32,
}

impl<'a> Written<'a> {
    fn read(text: &'a str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err(SYNTAX);
        }
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, rest) = digits(rest.trim_start_matches('0'));
        let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), digits);
        check_suffix(suffix)?;
        let (format, exponent) = unit(suffix).ok_or(SUFFIX)?;
        Ok(Self { negative, whole: if whole.is_empty() { "0" } else { whole }, fraction, format, exponent })
    }

    /// The power of ten in which upstream's 64-bit form counts, if the amount has one.
    fn scale(&self) -> Option<i32> {
        let whole_bytes = i32::try_from(self.whole.len()).ok()?;
        let fraction_bytes = i32::try_from(self.fraction.len()).ok()?;
        if self.format == Format::Binary {
            let fits = 14_i32.checked_sub(whole_bytes)? >= self.exponent * 3 / 10;
            return (self.fraction.is_empty() && fits).then_some(0);
        }
        let scale = self.exponent.checked_sub(fraction_bytes)?;
        (whole_bytes.checked_add(fraction_bytes)? <= 18 && scale >= -9).then_some(scale)
    }

    /// Whether upstream writes the text as it was read.
    fn stays(&self) -> bool {
        let whole_bytes = i32::try_from(self.whole.len()).unwrap_or(i32::MAX);
        let fraction_bytes = i32::try_from(self.fraction.len()).unwrap_or(i32::MAX);
        let bytes = whole_bytes.saturating_add(fraction_bytes);
        if self.format == Format::Binary {
            let fits = 14_i32.saturating_sub(whole_bytes) >= self.exponent * 3 / 10;
            let last_digit_bits = self.whole.parse::<u64>().map_or(0, |number| number & 7);
            return self.fraction.is_empty() && fits && last_digit_bits != 0;
        }
        let Some(scale) = self.exponent.checked_sub(fraction_bytes) else { return false };
        let shifted = [self.whole, self.fraction].concat();
        bytes <= 18 && scale >= -9 && scale % 3 == 0 && !shifted.ends_with("000") && !shifted.starts_with('0')
    }

    fn amount(&self) -> Result<Quantity, &'static str> {
        let digits_max = if self.format == Format::Binary { 19 } else { 38 };
        let (mut number, mut dropped, mut inexact) = (0_i128, 0_i64, false);
        let all = self.whole.bytes().chain(self.fraction.bytes());
        for (index, digit) in all.enumerate() {
            if index < digits_max {
                number = number.checked_mul(10).ok_or(NUMBER)? + i128::from(digit - b'0');
            } else {
                dropped += 1;
                inexact |= digit != b'0';
            }
        }
        let places = i64::try_from(self.fraction.len()).or(Err(NUMBER))?;
        let mut exponent = 9 + dropped - places;
        if self.format == Format::Binary {
            number = number.checked_mul(1_i128 << self.exponent).ok_or(NUMBER)?;
        } else {
            exponent += i64::from(self.exponent);
        }
        let mut format = self.format;
        let mut nanos = match (shifted(number, exponent, inexact), format) {
            (Some(nanos), Format::Binary) => nanos.min(BINARY_MAX),
            (None, Format::Binary) => BINARY_MAX,
            (nanos, _) => nanos.ok_or(NUMBER)?,
        };
        if format == Format::Binary && nanos > 0 && nanos < UNIT {
            format = Format::Decimal;
        }
        if self.negative {
            nanos = -nanos;
        }
        Ok(Quantity { nanos, format, scale: self.scale() })
    }
}

/// The number times a power of ten, rounded up; nothing when it is out of range.
fn shifted(number: i128, exponent: i64, inexact: bool) -> Option<i128> {
    if number == 0 {
        return Some(i128::from(inexact));
    }
    let power = |exponent: u64| i32::try_from(exponent).ok().and_then(power);
    if exponent >= 0 {
        return number.checked_mul(power(exponent.unsigned_abs())?)?.checked_add(i128::from(inexact));
    }
    match power(exponent.unsigned_abs()) {
        Some(divisor) => Some(number / divisor + i128::from(inexact || number % divisor != 0)),
        None => Some(1),
    }
}

fn power(exponent: i32) -> Option<i128> {
    u32::try_from(exponent).ok().and_then(|exponent| 10_i128.checked_pow(exponent))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Letters of units, then an optional sign and digits.
fn check_suffix(suffix: &str) -> Result<(), &'static str> {
    let rest = suffix.trim_start_matches(|letter: char| "eEinumkKMGTP".contains(letter));
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    if rest.bytes().all(|byte| byte.is_ascii_digit()) { Ok(()) } else { Err(SYNTAX) }
}

fn unit(suffix: &str) -> Option<(Format, i32)> {
    if suffix.is_empty() {
        return Some((Format::Decimal, 0));
    }
    if let Some((_, exponent)) = DECIMAL.iter().find(|(letter, _)| *letter == suffix) {
        return Some((Format::Decimal, *exponent));
    }
    if let Some(times) = BINARY.iter().position(|letters| *letters == suffix) {
        return Some((Format::Binary, i32::try_from(times * 10).ok()?));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?;
    Some((Format::Exponent, exponent))
}

/// The number without a factor as often as it goes in, and how often that is.
const fn without_factors(mut number: i128, factor: i128) -> (i128, i32) {
    let mut times = 0;
    while number != 0 && number % factor == 0 {
        number /= factor;
        times += 1;
    }
    (number, times)
}

const UNIT: i128 = 1_000_000_000;
/// Amounts in binary units are cut here, as upstream does.
const BINARY_MAX: i128 = 9_223_372_036_854_775_807 * UNIT;
const DECIMAL: [(&str, i32); 9] =
    [("n", -9), ("u", -6), ("m", -3), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const SYNTAX: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const NUMBER: &str = "unable to parse numeric part of quantity";
const SUFFIX: &str = "unable to parse quantity's suffix";

#[cfg(test)]
mod quantity_test;
