//! What is wrong with a YAML document, in the words of upstream's reader (go.yaml.in/yaml, a libyaml).

use saphyr_parser::ScanError;

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Problem(String);

impl Problem {
    /// A problem of the document as a whole.
    pub(super) fn new(why: impl AsRef<str>) -> Self {
        Self(format!("yaml: {}", why.as_ref()))
    }

    /// A value that JSON has no form for.
    pub(super) fn in_json(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// What the parser says. Upstream has fewer words, and counts lines from 0 where the grammar is broken and from 1 where a
    /// token is; of the first line it says nothing.
    pub(super) fn of_parser(error: &ScanError) -> Self {
        let (broken, said) = told(error.info());
        let line = error.marker().line().saturating_sub(1);
        match (line, broken) {
            (0, _) => Self::new(said),
            (line, Broken::Grammar) => Self::new(format!("line {line}: {said}")),
            (line, Broken::Token) => Self::new(format!("line {}: {said}", line + 1)),
        }
    }
}

/// What a problem is found in.
enum Broken {
    Token,
    Grammar,
}

/// Upstream's words for those of the parser.
fn told(info: &str) -> (Broken, &str) {
    match info {
        "recursion limit exceeded" => return (Broken::Token, "exceeded max depth of 255"),
        "simple key expect ':'" | "simple key expected" | "illegal placement of ':' indicator" => {
            return (Broken::Token, "could not find expected ':'");
        }
        "a block scalar content cannot start with a tab" => {
            return (Broken::Token, "found a tab character where an indentation space is expected");
        }
        "misplaced bracket" | r#""-" is only valid inside a block"# => {
            return (Broken::Grammar, "did not find expected node content");
        }
        "invalid trailing content after double-quoted scalar" => {
            return (Broken::Grammar, "did not find expected key");
        }
        _ => {}
    }
    if info.starts_with("unexpected character") || info.starts_with("tab") {
        return (Broken::Token, "found character that cannot start any token");
    }
    match info.split_once(", ") {
        Some((context, said)) if context.starts_with("while scanning") || context.contains("quoted") => {
            told_of_token(said)
        }
        Some((context, said)) if context.starts_with("while parsing") => (Broken::Grammar, said),
        None if info.starts_with("did not find") => (Broken::Grammar, info),
        _ => (Broken::Token, info),
    }
}

fn told_of_token(said: &str) -> (Broken, &str) {
    let said = if said == "did not find expected hexadecimal number" {
        "did not find expected hexdecimal number"
    } else {
        said
    };
    (Broken::Token, said)
}

/// Whether the parser, which is of YAML 1.2, misses an indentation that YAML 1.1 does not ask for: inside brackets and quotes.
pub(super) fn wants_indentation(error: &ScanError) -> bool {
    matches!(
        error.info(),
        "invalid indentation" | "invalid indentation in quoted scalar" | "invalid indentation in flow construct"
    )
}
