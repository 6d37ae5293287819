//! Patterns: regular expressions in Go's syntax (RE2), translated for the `regex` crate.
//!
//! Both run in time linear in the text. What differs is the meaning of some syntax (`\d` is ASCII in Go, `&&` in a class is
//! two characters, `\Q...\E`, a brace that is no repetition), so that a pattern is read as Go reads it and written out again.
//! Refusals have Go's words, which the API server shows.

mod class;
mod translate;

use std::fmt;

use regex::{Regex, RegexBuilder};

use translate::Translator;

/// A compiled pattern.
#[derive(Clone)]
pub struct Pattern {
    source: Box<str>,
    regex: Regex,
    weight: usize,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Go's words, ``error parsing regexp: missing closing ): `a(` ``.
    pub fn compile(source: &str) -> Result<Self, String> {
        let translated = Translator::new(source).run().map_err(|wrong| wrong.to_string())?;
        let too_large = || Wrong::new("expression too large", source).to_string();
        if translated.weight > WEIGHT_MAX {
            return Err(too_large());
        }
        let regex = RegexBuilder::new(&translated.text)
            .size_limit(PROGRAM_BYTES_MAX)
            .dfa_size_limit(CACHE_BYTES_MAX)
            .nest_limit(NESTING_MAX)
            .build();
        let regex = regex.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => too_large(),
            // What Go may read and the crate does not: an unknown name of a character class.
            _ => Wrong::new("invalid character class range", source).to_string(),
        })?;
        Ok(Self { source: source.into(), regex, weight: translated.weight })
    }

    /// The pattern as the schema gives it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it matches anywhere in the text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// How large the compiled form is, in units of one character of the pattern.
    #[must_use]
    pub const fn weight(&self) -> usize {
        self.weight
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.source).finish()
    }
}

/// Why a pattern is refused.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    what: &'static str,
    part: Box<str>,
}

impl Wrong {
    fn new(what: &'static str, part: &str) -> Self {
        Self { what, part: part.into() }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error parsing regexp: {}: `{}`", self.what, self.part)
    }
}

/// Patterns heavier than this are refused.
const WEIGHT_MAX: usize = 100_000;
const PROGRAM_BYTES_MAX: usize = 10 << 20;
const CACHE_BYTES_MAX: usize = 1 << 20;
const NESTING_MAX: u32 = 250;

#[cfg(test)]
mod pattern_test;
