//! Semantic versions: Kubernetes' `semver` library, version 1.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::value::Value;
use crate::value::opaque::Opaque;

/// A version. Two versions that differ only in their build are the same.
#[derive(Clone, Debug)]
pub struct Semver {
    /// Incompatible changes.
    pub major: u64,
    /// Additions.
    pub minor: u64,
    /// Corrections.
    pub patch: u64,
    /// What it comes before: `alpha.1`.
    pub pre: Box<[Part]>,
}

/// A part of what a version comes before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Digits only, compared as a number, and less than every word.
    Number(u64),
    /// Anything else.
    Word(Box<str>),
}

impl Semver {
    /// Reads a version, `1.2.3-alpha.1+build`.
    pub(crate) fn parse(text: &str) -> Result<Self, EvalError> {
        if text.is_empty() {
            return Err(EvalError::other("Version string empty"));
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(EvalError::other("No Major.Minor.Patch elements found"));
        };
        let (rest, build) = rest.split_once('+').map_or((rest, None), |(rest, build)| (rest, Some(build)));
        let (patch, pre) = rest.split_once('-').map_or((rest, None), |(patch, pre)| (patch, Some(pre)));
        let version = Self {
            major: number(major, "major")?,
            minor: number(minor, "minor")?,
            patch: number(patch, "patch")?,
            pre: pre.map(|pre| pre.split('.').map(Part::parse).collect()).transpose()?.unwrap_or_default(),
        };
        for part in build.into_iter().flat_map(|build| build.split('.')) {
            if part.is_empty() {
                return Err(EvalError::other("Build meta data is empty"));
            }
            if !part.bytes().all(is_allowed) {
                return Err(EvalError::other(format!("Invalid character(s) found in build meta data {part:?}")));
            }
        }
        Ok(version)
    }

    /// Reads a version that is written less strictly: with a `v`, without minor or patch, with leading zeros.
    fn parse_tolerant(text: &str) -> Result<Self, EvalError> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts: Vec<String> = text.splitn(3, '.').map(without_zeros).collect();
        if parts.len() < 3 {
            if parts.last().is_some_and(|last| last.contains(['+', '-'])) {
                return Err(EvalError::other("short version cannot contain PreRelease/Build meta data"));
            }
            parts.resize(3, "0".into());
        }
        Self::parse(&parts.join("."))
    }
}

fn without_zeros(part: &str) -> String {
    if part.len() < 2 {
        return part.to_owned();
    }
    let rest = part.trim_start_matches('0');
    if rest.starts_with(|first: char| first.is_ascii_digit()) { rest.to_owned() } else { format!("0{rest}") }
}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

fn number(text: &str, what: &str) -> Result<u64, EvalError> {
    let mut capital = what.to_owned();
    if let Some(first) = capital.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(EvalError::other(format!("Invalid character(s) found in {what} number {text:?}")));
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(EvalError::other(format!("{capital} number must not contain leading zeroes {text:?}")));
    }
    let why = if text.is_empty() { "invalid syntax" } else { "value out of range" };
    text.parse().map_err(|_invalid| EvalError::other(format!("strconv.ParseUint: parsing {text:?}: {why}")))
}

impl Part {
    fn parse(text: &str) -> Result<Self, EvalError> {
        if text.is_empty() {
            return Err(EvalError::other("Prerelease is empty"));
        }
        if !text.bytes().all(|digit| digit.is_ascii_digit()) {
            if !text.bytes().all(is_allowed) {
                return Err(EvalError::other(format!("Invalid character(s) found in prerelease {text:?}")));
            }
            return Ok(Self::Word(text.into()));
        }
        if text.len() > 1 && text.starts_with('0') {
            let message = format!("Numeric PreRelease version must not contain leading zeroes {text:?}");
            return Err(EvalError::other(message));
        }
        let too_large = |_| EvalError::other(format!("strconv.ParseUint: parsing {text:?}: value out of range"));
        text.parse().map(Self::Number).map_err(too_large)
    }
}

impl Ord for Semver {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch).cmp(&(other.major, other.minor, other.patch)).then_with(|| {
            // A version comes after all that come before it.
            match (self.pre.is_empty(), other.pre.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => self.pre.cmp(&other.pre),
            }
        })
    }
}

impl PartialOrd for Semver {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Semver {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Semver {}

fn read(args: &[Value<'_>]) -> Result<Result<Semver, EvalError>, EvalError> {
    match args {
        [Value::String(text)] | [Value::String(text), Value::Bool(false)] => Ok(Semver::parse(text)),
        [Value::String(text), Value::Bool(true)] => Ok(Semver::parse_tolerant(text)),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `semver`
pub(crate) fn semver<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Opaque(Opaque::Semver(Arc::new(read(args)??))))
}

/// `isSemver`
pub(crate) fn is_semver<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Bool(read(args)?.is_ok()))
}

fn part<'a>(args: &[Value<'a>], part: impl Fn(&Semver) -> u64) -> Outcome<'a> {
    match args {
        [Value::Opaque(Opaque::Semver(version))] => Ok(Value::Int(part(version).cast_signed())),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `major`
pub(crate) fn major<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    part(args, |version| version.major)
}

/// `minor`
pub(crate) fn minor<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    part(args, |version| version.minor)
}

/// `patch`
pub(crate) fn patch<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    part(args, |version| version.patch)
}
