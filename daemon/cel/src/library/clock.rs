//! What calendars and clocks show at a timestamp, and the units of durations.

use jiff::tz::TimeZone;

use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::value::Value;
use crate::value::time::{Civil, Duration, Timestamp};

/// Seconds east of UTC in a zone at a time. Without a zone, times are shown in UTC.
fn offset(time: &Timestamp, zone: &str) -> Result<i32, EvalError> {
    if let Some((hours, minutes)) = zone.split_once(':') {
        let hours_east = atoi(hours)?;
        let minutes_east = atoi(minutes)?;
        let minutes =
            if zone.starts_with('-') { hours_east * 60 - minutes_east } else { hours_east * 60 + minutes_east };
        // No clock is that far off; what is further would leave the calendar.
        return i32::try_from(minutes.clamp(-10_000_000, 10_000_000) * 60)
            .map_err(|_too_far| EvalError::other("invalid time zone"));
    }
    if matches!(zone, "" | "UTC" | "Local") {
        return Ok(0);
    }
    let unknown = || EvalError::other(format!("unknown time zone {zone}"));
    // Names are written as the database has them.
    let zone = TimeZone::get(zone).ok().filter(|found| found.iana_name() == Some(zone)).ok_or_else(unknown)?;
    let nanoseconds = i32::try_from(time.nanoseconds()).unwrap_or(0);
    let instant = jiff::Timestamp::new(time.seconds(), nanoseconds).unwrap_or(if time.seconds() < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    });
    Ok(zone.to_offset(instant).seconds())
}

/// A number as Go's `Atoi` takes it.
fn atoi(text: &str) -> Result<i64, EvalError> {
    let refuse = |why| EvalError::other(format!("strconv.Atoi: parsing {text:?}: {why}"));
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(refuse("invalid syntax"));
    }
    let number: i64 = text.parse().map_err(|_too_large| refuse("value out of range"))?;
    Ok(number.clamp(-1_000_000, 1_000_000))
}

fn shown<'a>(args: &[Value<'a>], part: impl Fn(&Civil) -> i64) -> Outcome<'a> {
    let (time, zone) = match args {
        [Value::Timestamp(time)] => (time, "UTC"),
        [Value::Timestamp(time), Value::String(zone)] => (time, &**zone),
        _ => return Err(EvalError::no_such_overload()),
    };
    Ok(Value::Int(part(&time.civil(offset(time, zone)?))))
}

/// `getFullYear`
pub(crate) fn full_year<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    shown(args, |civil| civil.year)
}

/// `getMonth`, January is 0
pub(crate) fn month<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    shown(args, |civil| civil.month - 1)
}

/// `getDayOfYear`, from 0
pub(crate) fn day_of_year<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    shown(args, |civil| civil.day_of_year - 1)
}

/// `getDayOfMonth`, from 0
pub(crate) fn day_of_month<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    shown(args, |civil| civil.day - 1)
}

/// `getDate`, from 1
pub(crate) fn date<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    shown(args, |civil| civil.day)
}

/// `getDayOfWeek`, Sunday is 0
pub(crate) fn day_of_week<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    shown(args, |civil| civil.weekday)
}

fn unit<'a>(args: &[Value<'a>], nanoseconds: i64, part: impl Fn(&Civil) -> i64) -> Outcome<'a> {
    match args {
        [Value::Duration(duration)] => Ok(Value::Int(whole(*duration, nanoseconds))),
        _ => shown(args, part),
    }
}

const fn whole(duration: Duration, nanoseconds: i64) -> i64 {
    duration.nanoseconds() / nanoseconds
}

/// `getHours`
pub(crate) fn hours<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    unit(args, 3_600_000_000_000, |civil| civil.hour)
}

/// `getMinutes`
pub(crate) fn minutes<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    unit(args, 60_000_000_000, |civil| civil.minute)
}

/// `getSeconds`
pub(crate) fn seconds<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    unit(args, 1_000_000_000, |civil| civil.second)
}

/// `getMilliseconds`
pub(crate) fn milliseconds<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    let of_second = match args.first() {
        Some(Value::Timestamp(time)) => i64::from(time.nanoseconds() / 1_000_000),
        _ => 0,
    };
    unit(args, 1_000_000, |_| of_second)
}
