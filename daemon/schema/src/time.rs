//! Times as Kubernetes writes them: RFC 3339 in UTC, with seconds (`Time`) or exactly six more digits (`MicroTime`).
//!
//! Parsing follows Go's `time.Parse` for these two layouts, messages included, because clients see them.

/// A moment as microseconds since 1970-01-01T00:00:00Z; years 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    micros: i64,
}

/// Which of the two forms of a time is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// `2006-01-02T15:04:05Z`
    Seconds,
    /// `2006-01-02T15:04:05.000000Z`
    Micros,
}

impl Precision {
    const fn layout(self) -> &'static str {
        match self {
            Self::Seconds => "2006-01-02T15:04:05Z07:00",
            Self::Micros => "2006-01-02T15:04:05.000000Z07:00",
        }
    }
}

impl Moment {
    /// From milliseconds since the epoch, the unit of the project's clock.
    #[must_use]
    pub const fn from_unix_ms(ms: u64) -> Self {
        let capped = if ms > UNIX_MS_MAX { UNIX_MS_MAX } else { ms };
        Self { micros: capped.cast_signed() * 1000 }
    }

    /// From seconds since the epoch and microseconds on top; nothing outside of the years 0 to 9999.
    #[must_use]
    pub fn from_unix(seconds: i64, micros: i64) -> Option<Self> {
        let micros = seconds.checked_mul(MICROS)?.checked_add(micros)?;
        (FIRST_MICROS..=LAST_MICROS).contains(&micros).then_some(Self { micros })
    }

    /// Milliseconds since the epoch; negative before it.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.micros.div_euclid(1000)
    }

    /// Reads a time.
    ///
    /// # Errors
    /// The message of Go's `time.Parse`, `parsing time "x" as "2006-…": cannot parse "x" as "2006"`.
    pub fn parse(text: &str, precision: Precision) -> Result<Self, String> {
        Parser { text, at: 0, layout: precision.layout() }.run(precision)
    }

    /// Whether this is Go's zero time, the first of January of the year 1, which Kubernetes takes as "not set".
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.micros == GO_ZERO_MICROS
    }

    /// Seconds since the epoch, and microseconds in that second.
    #[must_use]
    pub const fn unix(self) -> (i64, i64) {
        (self.micros.div_euclid(MICROS), self.micros.rem_euclid(MICROS))
    }

    /// Writes the time in UTC. Digits beyond the precision are cut off.
    #[must_use]
    pub fn format(self, precision: Precision) -> String {
        let seconds = self.micros.div_euclid(MICROS);
        let (days, of_day) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        match precision {
            Precision::Seconds => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"),
            Precision::Micros => format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z",
                self.micros.rem_euclid(MICROS)
            ),
        }
    }
}

/// A duration as kubectl shows ages, with two or three significant figures: `5s`, `3m20s`, `7d4h`, `2y120d`.
/// Up to two seconds in the future count as now, since clocks differ; more than that is `<invalid>`.
#[must_use]
pub fn human_duration(ms: i64) -> String {
    let seconds = ms / 1000;
    if seconds < -1 {
        return "<invalid>".to_owned();
    } else if seconds < 0 {
        return "0s".to_owned();
    } else if seconds < 120 {
        return format!("{seconds}s");
    }
    let minutes = seconds / 60;
    if minutes < 10 {
        return with_rest(minutes, 'm', seconds % 60, 's');
    } else if minutes < 180 {
        return format!("{minutes}m");
    }
    let hours = minutes / 60;
    if hours < 8 {
        return with_rest(hours, 'h', minutes % 60, 'm');
    } else if hours < 48 {
        return format!("{hours}h");
    } else if hours < 24 * 8 {
        return with_rest(hours / 24, 'd', hours % 24, 'h');
    } else if hours < 24 * 365 * 2 {
        return format!("{}d", hours / 24);
    } else if hours < 24 * 365 * 8 {
        return with_rest(hours / 24 / 365, 'y', hours / 24 % 365, 'd');
    }
    format!("{}y", hours / 24 / 365)
}

fn with_rest(whole: i64, unit: char, rest: i64, rest_unit: char) -> String {
    if rest == 0 { format!("{whole}{unit}") } else { format!("{whole}{unit}{rest}{rest_unit}") }
}

/// Reads one time; `at` is what has been read.
struct Parser<'a> {
    text: &'a str,
    at: usize,
    layout: &'static str,
}

impl Parser<'_> {
    fn run(mut self, precision: Precision) -> Result<Moment, String> {
        let mut range = None;
        let year = self.digits(4, "2006")?;
        self.literal("-")?;
        let month = self.digits(2, "01")?;
        if !(1..=12).contains(&month) {
            range = range.or(Some("month"));
        }
        self.literal("-")?;
        let day = self.digits(2, "02")?;
        self.literal("T")?;
        let hour = self.hour()?;
        range = range.or((hour > 23).then_some("hour"));
        self.fail_on(range)?;
        self.literal(":")?;
        let minute = self.digits(2, "04")?;
        self.fail_on((minute > 59).then_some("minute"))?;
        self.literal(":")?;
        let second = self.digits(2, "05")?;
        self.fail_on((second > 59).then_some("second"))?;
        let micros = match precision {
            Precision::Seconds => self.optional_fraction(),
            Precision::Micros => self.six_digits()?,
        };
        let offset = self.zone()?;
        if self.at < self.text.len() {
            return Err(self.message(&format!(": extra text: {}", crate::cause::quote(self.rest()))));
        }
        if day < 1 || day > days_in(year, month) {
            return Err(self.message(": day out of range"));
        }
        let seconds = days_from_civil(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset;
        Ok(Moment { micros: seconds * MICROS + micros })
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn digits(&mut self, count: usize, element: &str) -> Result<i64, String> {
        let mut value = 0;
        for ahead in 0..count {
            match self.byte(ahead) {
                Some(byte @ b'0'..=b'9') => value = value * 10 + i64::from(byte - b'0'),
                _ => return Err(self.cannot(element)),
            }
        }
        self.at += count;
        Ok(value)
    }

    /// Go reads the hour with one digit or two.
    fn hour(&mut self) -> Result<i64, String> {
        if matches!(self.byte(0), Some(b'0'..=b'9')) && !matches!(self.byte(1), Some(b'0'..=b'9')) {
            return self.digits(1, "15");
        }
        self.digits(2, "15")
    }

    fn literal(&mut self, text: &str) -> Result<(), String> {
        if !self.rest().starts_with(text) {
            return Err(self.cannot(text));
        }
        self.at += text.len();
        Ok(())
    }

    fn optional_fraction(&mut self) -> i64 {
        if !matches!(self.byte(0), Some(b'.' | b',')) || !matches!(self.byte(1), Some(b'0'..=b'9')) {
            return 0;
        }
        self.at += 1;
        let (mut micros, mut scale) = (0, MICROS / 10);
        while let Some(byte @ b'0'..=b'9') = self.byte(0) {
            micros += i64::from(byte - b'0') * scale;
            scale /= 10;
            self.at += 1;
        }
        micros
    }

    fn six_digits(&mut self) -> Result<i64, String> {
        let enough = matches!(self.byte(0), Some(b'.' | b',')) && (1..=6).all(|ahead| self.byte(ahead).is_some());
        if !enough || !(1..=6).all(|ahead| matches!(self.byte(ahead), Some(b'0'..=b'9'))) {
            return Err(self.cannot(".000000"));
        }
        self.at += 1;
        self.digits(6, ".000000")
    }

    /// `Z` or an offset; the result is seconds east of Greenwich.
    fn zone(&mut self) -> Result<i64, String> {
        if self.byte(0) == Some(b'Z') {
            self.at += 1;
            return Ok(0);
        }
        let sign = match self.byte(0) {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(self.cannot("Z07:00")),
        };
        let digit = |ahead| match self.byte(ahead) {
            Some(byte @ b'0'..=b'9') => Some(i64::from(byte - b'0')),
            _ => None,
        };
        let parts = (digit(1), digit(2), self.byte(3), digit(4), digit(5));
        let (Some(a), Some(b), Some(b':'), Some(c), Some(d)) = parts else { return Err(self.cannot("Z07:00")) };
        self.at += 6;
        let (hours, minutes) = (a * 10 + b, c * 10 + d);
        self.fail_on((hours > 24).then_some("time zone offset hour"))?;
        self.fail_on((minutes > 60).then_some("time zone offset minute"))?;
        Ok(sign * (hours * 3600 + minutes * 60))
    }

    fn fail_on(&self, range: Option<&str>) -> Result<(), String> {
        range.map_or(Ok(()), |what| Err(self.message(&format!(": {what} out of range"))))
    }

    fn cannot(&self, element: &str) -> String {
        use crate::cause::quote;
        format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quote(self.text),
            quote(self.layout),
            quote(self.rest()),
            quote(element)
        )
    }

    fn message(&self, detail: &str) -> String {
        format!("parsing time {}{detail}", crate::cause::quote(self.text))
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a day in the proleptic Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400;
/// The last millisecond of the year 9999.
const UNIX_MS_MAX: u64 = 253_402_300_799_999;
/// The first and the last microsecond that can be written with a year of four digits.
const FIRST_MICROS: i64 = days_from_civil(0, 1, 1) * DAY * MICROS;
const LAST_MICROS: i64 = days_from_civil(10_000, 1, 1) * DAY * MICROS - 1;
const GO_ZERO_MICROS: i64 = -62_135_596_800 * MICROS;

#[cfg(test)]
mod tests {
    use super::{Moment, Precision, human_duration};
    use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

    #[test]
    fn ages_read_as_kubectl_shows_them() {
        let (s, m, h, d) = (1000_i64, 60_000_i64, 3_600_000_i64, 86_400_000_i64);
        for (ms, want) in [
            (-2 * s, "<invalid>"),
            (-s, "0s"),
            (-1, "0s"),
            (0, "0s"),
            (119 * s, "119s"),
            (120 * s, "2m"),
            (2 * m + s, "2m1s"),
            (10 * m + 5 * s, "10m"),
            (179 * m, "179m"),
            (3 * h, "3h"),
            (3 * h + m, "3h1m"),
            (8 * h + m, "8h"),
            (47 * h, "47h"),
            (48 * h, "2d"),
            (49 * h, "2d1h"),
            (8 * d + h, "8d"),
            (729 * d, "729d"),
            (730 * d, "2y"),
            (731 * d, "2y1d"),
            (8 * 365 * d + 5 * d, "8y"),
        ] {
            assert_eq!(human_duration(ms), want, "{ms}");
        }
    }

    #[test]
    fn times_are_parsed_with_the_messages_of_go() {
        use Precision::{Micros, Seconds};
        for (text, precision, want) in [
            ("2026-07-23T07:07:48Z", Seconds, Ok("2026-07-23T07:07:48Z")),
            ("2026-07-23T07:07:48.9Z", Seconds, Ok("2026-07-23T07:07:48Z")),
            ("2026-07-23T07:07:48+02:00", Seconds, Ok("2026-07-23T05:07:48Z")),
            ("1969-12-31T23:59:59Z", Seconds, Ok("1969-12-31T23:59:59Z")),
            ("2024-02-29T00:00:00Z", Seconds, Ok("2024-02-29T00:00:00Z")),
            ("2026-07-23T07:07:48.123456Z", Micros, Ok("2026-07-23T07:07:48.123456Z")),
            ("x", Seconds, Err("parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\"")),
            ("2026-13-23T07:07:48Z", Seconds, Err("parsing time \"2026-13-23T07:07:48Z\": month out of range")),
            ("2026-02-30T07:07:48Z", Seconds, Err("parsing time \"2026-02-30T07:07:48Z\": day out of range")),
            ("2026-02-20T24:07:48Z", Seconds, Err("parsing time \"2026-02-20T24:07:48Z\": hour out of range")),
            ("2026-02-20T22:07:48Zz", Seconds, Err("parsing time \"2026-02-20T22:07:48Zz\": extra text: \"z\"")),
            (
                "2026-07-23T07:07:48Z",
                Micros,
                Err(
                    "parsing time \"2026-07-23T07:07:48Z\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse \"Z\" as \".000000\"",
                ),
            ),
        ] {
            let got = Moment::parse(text, precision).map(|moment| moment.format(precision));
            assert_eq!(got, want.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn what_is_written_is_read_back(ms in 0_u64..253_402_300_799_999) {
            let moment = Moment::from_unix_ms(ms);
            prop_assert_eq!(Moment::parse(&moment.format(Precision::Micros), Precision::Micros), Ok(moment));
        }

        #[test]
        fn any_text_is_refused_or_read_without_panic(text in "[0-9TZ:+.,-]{0,40}|\\PC{0,30}", micro in any::<bool>()) {
            let precision = if micro { Precision::Micros } else { Precision::Seconds };
            drop(Moment::parse(&text, precision));
        }
    }
}
