//! Points in time and spans of time, as Go's `time` package reads, writes and calculates them.

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};

use crate::budget::EvalError;

const NANOSECONDS: i64 = 1_000_000_000;
/// `0001-01-01T00:00:00Z`
const SECONDS_MIN: i64 = -62_135_596_800;
/// `9999-12-31T23:59:59Z`
const SECONDS_MAX: i64 = 253_402_300_799;
const DAY: i64 = 86_400;

/// A point in time between the years 1 and 9999, with the offset from UTC in which it was written.
#[derive(Clone, Copy, Debug)]
pub struct Timestamp {
    /// Since 1970 in UTC.
    seconds: i64,
    /// 0 to 999,999,999.
    nanoseconds: u32,
    /// Seconds east of UTC. Only `string()` shows it.
    offset: i32,
}

/// A span of time, within about 292 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(i64);

/// A point in time as calendars and clocks of one zone show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: i64,
    /// Day of the month, 1 to 31.
    pub day: i64,
    /// Day of the year, from 1.
    pub day_of_year: i64,
    /// Day of the week, Sunday is 0.
    pub weekday: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
}

impl Timestamp {
    /// A point in time from the seconds since 1970; none outside of the years 1 to 9999.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        (SECONDS_MIN..=SECONDS_MAX).contains(&seconds).then_some(Self { seconds, nanoseconds: 0, offset: 0 })
    }

    /// Reads RFC 3339.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_zoned(text).ok().flatten()
    }

    /// Reads RFC 3339; `Err` when it is well written, but beyond the years 1 to 9999.
    pub(crate) fn parse_zoned(text: &str) -> Result<Option<Self>, EvalError> {
        let Some((seconds, nanoseconds, rest)) = parse_civil(text) else { return Ok(None) };
        let Some(offset) = parse_offset(rest) else { return Ok(None) };
        let seconds = seconds - i64::from(offset);
        if !(SECONDS_MIN..=SECONDS_MAX).contains(&seconds) {
            return Err(EvalError::other("timestamp overflow"));
        }
        Ok(Some(Self { seconds, nanoseconds, offset }))
    }

    /// Reads what the format `date-time` of schemas allows: also without a zone, then UTC.
    pub fn parse_lenient(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Self::from_seconds(0);
        }
        match parse_civil(text) {
            Some((seconds, nanoseconds, "")) => Some(Self { seconds, nanoseconds, offset: 0 }),
            _ => Self::parse(text),
        }
    }

    /// Reads a day, `2006-01-02`.
    pub fn parse_date(text: &str) -> Option<Self> {
        let (days, rest) = parse_day(text)?;
        rest.is_empty().then_some(Self { seconds: days * DAY, nanoseconds: 0, offset: 0 })
    }

    /// Seconds since 1970 in UTC.
    pub const fn seconds(&self) -> i64 {
        self.seconds
    }

    /// The part of a second, 0 to 999,999,999.
    pub const fn nanoseconds(&self) -> u32 {
        self.nanoseconds
    }

    /// Whether it is the first moment of the year 1, which is Go's zero.
    pub const fn is_zero(&self) -> bool {
        self.seconds == SECONDS_MIN && self.nanoseconds == 0
    }

    /// The later point in time.
    ///
    /// # Errors
    /// When it is beyond the years 1 to 9999.
    pub fn after(&self, duration: Duration) -> Result<Self, EvalError> {
        let total =
            i128::from(self.seconds) * i128::from(NANOSECONDS) + i128::from(self.nanoseconds) + i128::from(duration.0);
        let nanoseconds = i128::from(NANOSECONDS);
        match (i64::try_from(total.div_euclid(nanoseconds)), u32::try_from(total.rem_euclid(nanoseconds))) {
            (Ok(seconds), Ok(nanoseconds)) if (SECONDS_MIN..=SECONDS_MAX).contains(&seconds) => {
                Ok(Self { seconds, nanoseconds, offset: self.offset })
            }
            _ => Err(EvalError::other("timestamp overflow")),
        }
    }

    /// The earlier point in time.
    ///
    /// # Errors
    /// When it is beyond the years 1 to 9999.
    pub fn before(&self, duration: Duration) -> Result<Self, EvalError> {
        self.after(duration.opposite()?)
    }

    /// The time since `earlier`.
    ///
    /// # Errors
    /// When it is longer than a duration can be.
    pub fn since(&self, earlier: &Self) -> Result<Duration, EvalError> {
        let total = (i128::from(self.seconds) - i128::from(earlier.seconds)) * i128::from(NANOSECONDS)
            + i128::from(self.nanoseconds)
            - i128::from(earlier.nanoseconds);
        i64::try_from(total).map(Duration).map_err(|_too_long| overflow())
    }

    /// What calendars and clocks show `offset` seconds east of UTC.
    pub fn civil(&self, offset: i32) -> Civil {
        let local = self.seconds + i64::from(offset);
        let days = local.div_euclid(DAY);
        let of_day = local.rem_euclid(DAY);
        let (year, month, day) = civil_from_days(days);
        Civil {
            year,
            month,
            day,
            day_of_year: days - days_from_civil(year, 1, 1) + 1,
            weekday: (days + 4).rem_euclid(7),
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }
}

impl PartialEq for Timestamp {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Timestamp {}

impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.seconds, self.nanoseconds).cmp(&(other.seconds, other.nanoseconds))
    }
}

/// RFC 3339 with as many digits of the second as are needed.
impl Display for Timestamp {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second, .. } = self.civil(self.offset);
        write!(formatter, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanoseconds != 0 {
            let digits = format!("{:09}", self.nanoseconds);
            write!(formatter, ".{}", digits.trim_end_matches('0'))?;
        }
        if self.offset == 0 {
            return formatter.write_str("Z");
        }
        let minutes = self.offset.abs() / 60;
        let sign = if self.offset < 0 { '-' } else { '+' };
        write!(formatter, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl Duration {
    /// A span of nanoseconds.
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// Its length in nanoseconds.
    pub const fn nanoseconds(&self) -> i64 {
        self.0
    }

    /// Its length in seconds.
    #[expect(clippy::cast_precision_loss, reason = "the parts are small")]
    pub fn seconds(&self) -> f64 {
        (self.0 / NANOSECONDS) as f64 + (self.0 % NANOSECONDS) as f64 / 1e9
    }

    /// Reads numbers with units, as Go does: `1h30m`, `-1.5s`, `0`.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, mut rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Some(Self(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let (nanoseconds, after) = parse_part(rest)?;
            total = total.checked_add(nanoseconds).filter(|total| *total <= 1 << 63)?;
            rest = after;
        }
        if negative {
            return Some(Self(0_i64.checked_sub_unsigned(total)?));
        }
        i64::try_from(total).ok().map(Self)
    }

    /// Reads what the format `duration` of schemas allows: also days, weeks, and words.
    pub fn parse_lenient(text: &str) -> Option<Self> {
        Self::parse(text).or_else(|| parse_words(text))
    }

    /// Both together.
    ///
    /// # Errors
    /// When the sum is too long.
    pub fn plus(self, other: Self) -> Result<Self, EvalError> {
        self.0.checked_add(other.0).map(Self).ok_or_else(overflow)
    }

    /// What is left of this without the other.
    ///
    /// # Errors
    /// When the difference is too long.
    pub fn minus(self, other: Self) -> Result<Self, EvalError> {
        self.0.checked_sub(other.0).map(Self).ok_or_else(overflow)
    }

    /// As long, the other way.
    ///
    /// # Errors
    /// When it has no opposite.
    pub fn opposite(self) -> Result<Self, EvalError> {
        self.0.checked_neg().map(Self).ok_or_else(overflow)
    }
}

/// Seconds with a unit: `1.5s`.
impl Display for Duration {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}s", self.seconds())
    }
}

fn overflow() -> EvalError {
    EvalError::other("integer overflow")
}

/// One number and its unit, in nanoseconds, and what follows.
#[expect(clippy::cast_possible_truncation, reason = "the fraction is below 1 and the unit below an hour")]
#[expect(clippy::cast_sign_loss, reason = "the fraction is not negative")]
#[expect(clippy::cast_precision_loss, reason = "as Go calculates it")]
fn parse_part(text: &str) -> Option<(u64, &str)> {
    let whole_length = digits(text);
    let mut whole: u64 = if whole_length == 0 { 0 } else { text[..whole_length].parse().ok()? };
    let mut rest = &text[whole_length..];
    let (mut fraction, mut scale) = (0_u64, 1.0_f64);
    if let Some(after) = rest.strip_prefix('.') {
        let length = digits(after);
        if whole_length == 0 && length == 0 {
            return None;
        }
        for digit in after[..length].bytes() {
            let Some(next) = fraction.checked_mul(10).and_then(|next| next.checked_add(u64::from(digit - b'0'))) else {
                break;
            };
            if next > 1 << 63 {
                break;
            }
            fraction = next;
            scale *= 10.0;
        }
        rest = &after[length..];
    } else if whole_length == 0 {
        return None;
    }
    let unit_length = rest.find(|next: char| next == '.' || next.is_ascii_digit()).unwrap_or(rest.len());
    let unit: u64 = match &rest[..unit_length] {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    whole = whole.checked_mul(unit).filter(|total| *total <= 1 << 63)?;
    if fraction > 0 {
        whole = whole.checked_add((fraction as f64 * (unit as f64 / scale)) as u64)?;
    }
    Some((whole, &rest[unit_length..]))
}

/// Numbers followed by words that begin as units do, anywhere in the text.
fn parse_words(text: &str) -> Option<Duration> {
    let mut total: Option<i64> = None;
    let mut rest = text;
    while let Some(at) = rest.find(|next: char| next.is_ascii_digit()) {
        rest = &rest[at..];
        let length = digits(rest);
        let number = &rest[..length];
        let after = rest[length..].trim_start_matches(|next: char| next.is_ascii_whitespace());
        let word_length = after.find(|next: char| !(next.is_ascii_alphabetic() || next == 'µ')).unwrap_or(after.len());
        if word_length == 0 {
            rest = &rest[length..];
            continue;
        }
        let number: i64 = number.parse().ok()?;
        if let Some(unit) = unit_of(&after[..word_length].to_lowercase()) {
            total = Some(total.unwrap_or(0).wrapping_add(number.wrapping_mul(unit)));
        }
        rest = &after[word_length..];
    }
    total.map(Duration)
}

fn unit_of(word: &str) -> Option<i64> {
    const UNITS: [(&[&str], &str, i64); 8] = [
        (&["ns"], "nano", 1),
        (&["us", "µs"], "micro", 1_000),
        (&["ms"], "milli", 1_000_000),
        (&["s"], "sec", NANOSECONDS),
        (&["m"], "min", 60 * NANOSECONDS),
        (&["h", "hr"], "hour", 3600 * NANOSECONDS),
        (&["d"], "day", DAY * NANOSECONDS),
        (&["w", "wk"], "week", 7 * DAY * NANOSECONDS),
    ];
    UNITS
        .iter()
        .find(|(short, long, _)| short.contains(&word) || word.starts_with(long))
        .map(|(_, _, nanoseconds)| *nanoseconds)
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Days since 1970 and the rest of the text.
fn parse_day(text: &str) -> Option<(i64, &str)> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
    let valid = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    valid.then(|| (days_from_civil(year, month, day), rest))
}

/// Seconds since 1970 as if in UTC, the part of a second, and the rest of the text.
fn parse_civil(text: &str) -> Option<(i64, u32, &str)> {
    let (days, rest) = parse_day(text)?;
    let clock = rest.strip_prefix('T')?;
    // Go takes hours of one digit, too.
    let (hour, rest) = number(clock, 2).or_else(|| number(clock, 1))?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, mut rest) = number(rest.strip_prefix(':')?, 2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut nanoseconds = 0;
    if let Some(after) = rest.strip_prefix(['.', ',']) {
        let length = digits(after);
        if length == 0 {
            return None;
        }
        let kept = &after[..length.min(9)];
        nanoseconds = kept.parse::<u32>().ok()? * 10_u32.pow(u32::try_from(9 - kept.len()).ok()?);
        rest = &after[length..];
    }
    Some((days * DAY + hour * 3600 + minute * 60 + second, nanoseconds, rest))
}

/// Seconds east of UTC.
fn parse_offset(text: &str) -> Option<i32> {
    if text == "Z" {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, rest) = number(&text[1..], 2)?;
    let (minutes, rest) = number(rest.strip_prefix(':')?, 2)?;
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    (rest.is_empty() && hours <= 24 && minutes < 60).then_some(sign * seconds)
}

/// A number of exactly `length` digits.
fn number(text: &str, length: usize) -> Option<(i64, &str)> {
    let digits = text.get(..length)?;
    digits.bytes().all(|digit| digit.is_ascii_digit()).then_some(())?;
    Some((digits.parse().ok()?, &text[length..]))
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a day of the proleptic Gregorian calendar. Years begin in March here, so that leap days are last.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The day of the proleptic Gregorian calendar: year, month, day.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_written_as_they_were_read() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2024-02-29T23:59:59.123456789Z",
            "2020-06-01T10:00:00.5+02:00",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
            "1969-12-31T23:59:59-11:30",
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "2024-02-30T00:00:00Z", "2024-01-01", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("1h30m", 5_400 * NANOSECONDS),
            ("-1.5s", -1_500_000_000),
            (".5ms", 500_000),
            ("1µs", 1_000),
            ("-9223372036854775808ns", i64::MIN),
        ] {
            assert_eq!(Duration::parse(text), Some(Duration(nanoseconds)), "{text}");
        }
        for text in ["", "-", "1", "1x", "s", ".s", "9223372036854775808ns", "1h 2m", "1d"] {
            assert_eq!(Duration::parse(text), None, "{text}");
        }
        assert_eq!(Duration::parse_lenient("2 days"), Some(Duration(2 * DAY * NANOSECONDS)));
        assert_eq!(Duration::parse_lenient("1w"), Some(Duration(7 * DAY * NANOSECONDS)));
        assert_eq!(Duration::parse_lenient("soon"), None);
    }

    #[test]
    fn days_are_counted_both_ways() {
        for days in (-800_000..3_000_000).step_by(97) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }
}
