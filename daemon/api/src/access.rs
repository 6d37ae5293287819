//! One line for each request: at `debug` for all, at `info` for slow ones and for those that prove nobody, at `warn` for those
//! that failed here.
//!
//! A line has the request's id (`Audit-ID`), which the answer has, too, and which a carried request takes to its home: so one
//! id finds a request in the logs of both daemons. It shows the path without its query, and never a header, a body or a token.
//! Whoever can reach the listener can cause lines; above `info` only [`LINES_PER_SECOND_MAX`] of them are written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderValue, Method};

use crate::authenticate::User;
use crate::limits::{AUDIT_ID_BYTES_MAX, LINES_PER_SECOND_MAX, SLOW_REQUEST};
use crate::measure::{Counted, Origin};

/// What is known of a request while it is answered.
pub(crate) struct Sight {
    pub(crate) counted: Counted,
    /// Who it is from, once that is known.
    pub(crate) user: Option<Arc<User>>,
}

impl Sight {
    pub(crate) const NOTHING: Self = Self { counted: Counted::NONE, user: None };
}

/// A request that was answered.
pub(crate) struct Answered<'a> {
    pub(crate) origin: Origin,
    pub(crate) method: &'a Method,
    /// Path without query.
    pub(crate) path: &'a str,
    pub(crate) sight: &'a Sight,
    pub(crate) code: u16,
    pub(crate) took: Duration,
}

/// Whether an id that came from outside can be logged and echoed as it is: short, and printable without quoting.
pub(crate) fn is_valid(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
    !bytes.is_empty() && bytes.len() <= AUDIT_ID_BYTES_MAX && bytes.iter().all(is_plain)
}

/// What every line that is written while a request is at work stands in.
pub(crate) fn span(id: &HeaderValue) -> tracing::Span {
    tracing::info_span!("request", audit_id = id.to_str().unwrap_or_default())
}

/// Keeps lines that outsiders can cause from filling the log.
#[derive(Debug, Default)]
pub(crate) struct Ration {
    /// The second, and how many lines it has had.
    second: AtomicU64,
    lines: AtomicU64,
}

impl Ration {
    /// Whether one more line may be written in this second.
    pub(crate) fn take(&self, now: Duration) -> bool {
        let second = now.as_secs();
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.lines.store(0, Ordering::Relaxed);
        }
        self.lines.fetch_add(1, Ordering::Relaxed) < LINES_PER_SECOND_MAX
    }
}

/// How loud a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// It failed here.
    Failed,
    /// It took long, or proved nobody.
    Notable,
    Plain,
}

impl Answered<'_> {
    fn weight(&self) -> Weight {
        let is_slow = self.took >= SLOW_REQUEST && !self.sight.counted.is_watch();
        match self.code {
            500.. => Weight::Failed,
            401 | 429 => Weight::Notable,
            _ if is_slow => Weight::Notable,
            _ => Weight::Plain,
        }
    }

    /// Writes the line. False when it was held back.
    pub(crate) fn log(&self, ration: &Ration, now: Duration) -> bool {
        let weight = self.weight();
        if weight != Weight::Plain && !ration.take(now) {
            return false;
        }
        let (method, path, code) = (self.method.as_str(), self.path, self.code);
        let verb = self.sight.counted.verb();
        let user = self.sight.user.as_ref().map_or("", |user| &user.name);
        let ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        let carried = self.origin == Origin::Daemon;
        match weight {
            Weight::Failed => tracing::warn!(method, path, verb, user, code, ms, carried, "a request failed"),
            Weight::Notable => tracing::info!(method, path, verb, user, code, ms, carried, "a request is notable"),
            Weight::Plain => tracing::debug!(method, path, verb, user, code, ms, carried, "a request"),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderValue, Method};

    use super::{Answered, Ration, Sight, Weight, is_valid};
    use crate::limits::LINES_PER_SECOND_MAX;
    use crate::measure::Origin;

    #[test]
    fn an_id_from_outside_is_taken_when_it_is_plain() {
        for good in ["a", "0e1b5b2c-7c1d-4f5e-8e2f-0123456789ab", &"x".repeat(64)] {
            assert!(is_valid(&HeaderValue::from_str(good).unwrap()), "{good}");
        }
        for bad in ["", "a b", "a\"b", &"x".repeat(65), "a\tb", "{x}"] {
            assert!(!is_valid(&HeaderValue::from_str(bad).unwrap()), "{bad}");
        }
        assert!(!is_valid(&HeaderValue::from_bytes(&[0xe4]).unwrap()));
    }

    #[test]
    fn a_second_has_so_many_lines() {
        let ration = Ration::default();
        let taken = |second| (0..1000).filter(|_| ration.take(Duration::from_secs(second))).count() as u64;
        assert_eq!((taken(1), taken(2)), (LINES_PER_SECOND_MAX, LINES_PER_SECOND_MAX));
    }

    #[test]
    fn slow_and_failed_requests_are_louder() {
        let weight = |code, seconds| {
            let (sight, took) = (&Sight::NOTHING, Duration::from_secs(seconds));
            Answered { origin: Origin::Client, method: &Method::GET, path: "/", sight, code, took }.weight()
        };
        let table = [(200, 0, Weight::Plain), (404, 0, Weight::Plain), (200, 2, Weight::Notable)];
        let louder = [(401, 0, Weight::Notable), (503, 0, Weight::Failed), (504, 60, Weight::Failed)];
        for (code, seconds, expected) in table.into_iter().chain(louder) {
            assert_eq!(weight(code, seconds), expected, "{code} after {seconds} s");
        }
    }
}
