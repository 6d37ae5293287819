//! `/healthz`, `/livez`, `/readyz` and `/version`: what every client and every supervisor asks first.
//!
//! The text is kube-apiserver's (k8s.io/apiserver/pkg/server/healthz): `ok`, or one line for each check. The caller owns
//! the checks; this file runs them and words the answer. A failed check's reason is told only where it was asked for by
//! name: the list is public.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::body::{Answer, Body};

/// One named check. It must answer at once: it reads state, it does not go out and measure.
pub struct Check {
    name: &'static str,
    run: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
}

impl Check {
    /// A check of that name; the error says what is wrong.
    #[must_use]
    pub fn new(name: &'static str, run: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self { name, run: Box::new(run) }
    }

    /// The check that holds whenever the process answers.
    #[must_use]
    pub fn ping() -> Self {
        Self::new("ping", || Ok(()))
    }

    /// Its name, the last segment of its path.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// Which question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// `/healthz`, the old name of both others together.
    Healthz,
    /// `/livez`: must the process be started again?
    Livez,
    /// `/readyz`: should requests be sent here?
    Readyz,
}

impl Probe {
    /// The probe of a path's first segment.
    #[must_use]
    pub fn named(segment: &str) -> Option<Self> {
        match segment {
            "healthz" => Some(Self::Healthz),
            "livez" => Some(Self::Livez),
            "readyz" => Some(Self::Readyz),
            _ => None,
        }
    }

    /// The path's first segment.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthz => "healthz",
            Self::Livez => "livez",
            Self::Readyz => "readyz",
        }
    }
}

/// What the query of a probe says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `?verbose`, with or without a value.
    pub verbose: bool,
    /// The values of all `?exclude=`.
    pub exclude: Vec<String>,
}

/// Answers `/<probe>`: 200 `ok` (or the list, when asked for), or 500 with the list.
#[must_use]
pub fn all(probe: Probe, checks: &[Check], asked: &Asked) -> Answer {
    let mut lines = String::new();
    let mut failed = false;
    for check in checks {
        let name = check.name;
        let line = if asked.exclude.iter().any(|excluded| excluded == name) {
            format!("[+]{name} excluded: ok\n")
        } else if let Err(why) = (check.run)() {
            failed = true;
            tracing::debug!(probe = probe.name(), check = name, why, "a health check fails");
            format!("[-]{name} failed: reason withheld\n")
        } else {
            format!("[+]{name} ok\n")
        };
        lines.push_str(&line);
    }
    let known = |excluded: &&String| checks.iter().any(|check| check.name == excluded.as_str());
    let mut unknown: Vec<String> =
        asked.exclude.iter().filter(|name| !known(name)).map(|name| format!("{name:?}")).collect();
    unknown.sort();
    unknown.dedup();
    if !unknown.is_empty() {
        let names = unknown.join(",");
        lines.push_str(&format!("warn: some health checks cannot be excluded: no matches for {names}\n"));
    }
    match (failed, asked.verbose) {
        // Go's http.Error, which upstream uses, ends the text with a line feed.
        (true, _) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{lines}{} check failed\n", probe.name())),
        (false, true) => text(StatusCode::OK, format!("{lines}{} check passed\n", probe.name())),
        (false, false) => text(StatusCode::OK, "ok".to_owned()),
    }
}

/// Answers `/<probe>/<name>`: 200 `ok`, or 500 with the reason. `None` when there is no check of that name.
#[must_use]
pub fn single(checks: &[Check], name: &str) -> Option<Answer> {
    let check = checks.iter().find(|check| check.name == name)?;
    Some(match (check.run)() {
        Ok(()) => text(StatusCode::OK, "ok".to_owned()),
        Err(why) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("internal server error: {why}\n")),
    })
}

/// The Kubernetes version whose API is served.
pub const KUBERNETES_MAJOR: &str = "1";
/// As above.
pub const KUBERNETES_MINOR: &str = "36";

/// `/version`, as indented JSON. Clients parse `major`, `minor` and `gitVersion`; the rest must be there as text.
#[must_use]
pub fn version() -> Bytes {
    let own = env!("CARGO_PKG_VERSION");
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let version = json!({
        "major": KUBERNETES_MAJOR,
        "minor": KUBERNETES_MINOR,
        "gitVersion": format!("v{KUBERNETES_MAJOR}.{KUBERNETES_MINOR}.0+hanse-{own}"),
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "",
        "goVersion": "none (rust)",
        "compiler": "rustc",
        "platform": format!("{}/{architecture}", std::env::consts::OS),
    });
    Bytes::from(format!("{version:#}\n"))
}

fn text(status: StatusCode, text: String) -> Answer {
    let mut answer = Answer::new(Body::whole(Bytes::from(text)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    answer
}

#[cfg(test)]
mod tests {
    use super::{Answer, Asked, Check, Probe, all, single, version};

    fn checks() -> Vec<Check> {
        vec![Check::ping(), Check::new("raft", || Err("no leader".into())), Check::new("log", || Ok(()))]
    }

    fn shown(answer: Answer) -> (u16, String) {
        let status = answer.status().as_u16();
        (status, String::from_utf8(answer.into_body().into_bytes().unwrap().to_vec()).unwrap())
    }

    fn asked(verbose: bool, exclude: &[&str]) -> Asked {
        Asked { verbose, exclude: exclude.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn a_probe_answers_in_upstreams_words() {
        let table = [
            (
                Probe::Readyz,
                asked(false, &[]),
                500,
                "[+]ping ok\n[-]raft failed: reason withheld\n[+]log ok\nreadyz check failed\n",
            ),
            (Probe::Readyz, asked(false, &["raft"]), 200, "ok"),
            (
                Probe::Livez,
                asked(true, &["raft"]),
                200,
                "[+]ping ok\n[+]raft excluded: ok\n[+]log ok\nlivez check passed\n",
            ),
            (
                Probe::Healthz,
                asked(true, &["raft", "zebra", "ape", "ape"]),
                200,
                "[+]ping ok\n[+]raft excluded: ok\n[+]log ok\nwarn: some health checks cannot be excluded: no matches for \"ape\",\"zebra\"\nhealthz check passed\n",
            ),
        ];
        for (probe, asked, status, text) in table {
            assert_eq!(shown(all(probe, &checks(), &asked)), (status, text.to_owned()));
            assert_eq!(Probe::named(probe.name()), Some(probe));
        }
    }

    #[test]
    fn a_single_check_tells_its_reason() {
        assert_eq!(shown(single(&checks(), "ping").unwrap()), (200, "ok".to_owned()));
        assert_eq!(shown(single(&checks(), "raft").unwrap()), (500, "internal server error: no leader\n".to_owned()));
        assert!(single(&checks(), "etcd").is_none());
    }

    #[test]
    fn clients_can_parse_the_version() {
        let version: serde_json::Value = serde_json::from_slice(&version()).unwrap();
        assert_eq!((&version["major"], &version["minor"]), (&"1".into(), &"36".into()));
        assert!(version["gitVersion"].as_str().unwrap().starts_with("v1.36.0+hanse-"));
        for field in ["gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"] {
            assert!(version[field].is_string(), "{field}");
        }
    }
}
