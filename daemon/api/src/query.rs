//! Query parameters, and the options that verbs read from them. A parameter that cannot be understood is an error of
//! the client's, never ignored; one that is not known is ignored, as upstream does.

use std::borrow::Cow;
use std::time::Duration;

use hanse_schema::apply::name::validate as validate_manager;
use hanse_schema::cause::Cause;
use hanse_schema::decode::FieldValidation;

use crate::status::Failure;

/// The parameters of a request, decoded, in their order. The first of a name counts, but for lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

/// Parameters of one request; more is 400.
const PARAMETERS_MAX: usize = 100;

impl Query {
    /// Divides and decodes a query without its `?`.
    ///
    /// # Errors
    /// 400: the encoding is broken, or there are too many parameters.
    pub fn parse(query: &str) -> Result<Self, Failure> {
        let broken = || Failure::BadRequest("the query is not valid percent-encoded UTF-8".to_owned());
        let mut pairs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == PARAMETERS_MAX {
                return Err(Failure::BadRequest(format!("the query has more than {PARAMETERS_MAX} parameters")));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent_decode(name, Plus::IsSpace).ok_or_else(broken)?.into_owned();
            let value = percent_decode(value, Plus::IsSpace).ok_or_else(broken)?.into_owned();
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// The first value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a parameter, empty when there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a boolean parameter is given and neither `false` nor `0`, as upstream reads them.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.optional_flag(name).unwrap_or(false)
    }

    /// A boolean parameter that may be absent.
    #[must_use]
    pub fn optional_flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(|value| !value.eq_ignore_ascii_case("false") && value != "0")
    }

    /// A whole number.
    ///
    /// # Errors
    /// 400: it is none, or does not fit.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Failure> {
        match self.get(name) {
            None | Some("") => Ok(None),
            Some(value) => value.parse().map(Some).or(Err(Failure::BadRequest(format!(
                "{name}: Invalid value: {}: must be a whole number",
                hanse_schema::cause::quote(value)
            )))),
        }
    }

    /// Whether answers are to be indented.
    #[must_use]
    pub fn pretty(&self) -> bool {
        self.flag("pretty")
    }
}

/// A `resourceVersion` that a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedRevision {
    /// Not given: the most recent.
    Latest,
    /// `0`: any.
    Any,
    /// Some revision.
    Given(u64),
}

impl WantedRevision {
    /// Reads it.
    ///
    /// # Errors
    /// 400: it is no number.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        match text {
            "" => Ok(Self::Latest),
            "0" => Ok(Self::Any),
            text => match text.parse::<u64>() {
                Ok(0) => Ok(Self::Any),
                Ok(number) if !text.starts_with('+') => Ok(Self::Given(number)),
                _ => Err(Failure::BadRequest(format!(
                    "resourceVersion: Invalid value: {}: must be a whole number as an answer of this server gave it",
                    hanse_schema::cause::quote(text)
                ))),
            },
        }
    }
}

/// `resourceVersionMatch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisionMatch {
    /// Exactly that state.
    Exact,
    /// That state or a newer one.
    NotOlderThan,
}

/// Parameters of list, watch and deletecollection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOptions {
    /// Label selector, not yet parsed.
    pub label_selector: String,
    /// Field selector, not yet parsed.
    pub field_selector: String,
    /// From which state.
    pub revision: WantedRevision,
    /// How exactly.
    pub revision_match: Option<RevisionMatch>,
    /// Objects of one page; 0 is all.
    pub limit: u64,
    /// Where the page before ended.
    pub continue_token: String,
    /// Whether the watch is sent bookmarks.
    pub bookmarks: bool,
    /// Whether the watch begins with the objects that there are (WatchList).
    pub send_initial_events: Option<bool>,
    /// When the watch ends.
    pub timeout: Option<Duration>,
}

impl ListOptions {
    /// Reads and checks the parameters. `watch` says which rules hold.
    ///
    /// # Errors
    /// 400 for what cannot be read, 422 for what does not go together.
    pub fn parse(query: &Query, watch: bool) -> Result<Self, Failure> {
        let match_text = query.text("resourceVersionMatch");
        let send_initial_events = query.optional_flag("sendInitialEvents");
        let causes = if watch {
            watch_causes(query, match_text, send_initial_events)
        } else {
            list_causes(query, match_text, send_initial_events)
        };
        if !causes.is_empty() {
            return Err(Failure::invalid("meta.k8s.io", "ListOptions", "", causes));
        }
        let seconds = query.number("timeoutSeconds")?;
        Ok(Self {
            label_selector: query.text("labelSelector").to_owned(),
            field_selector: query.text("fieldSelector").to_owned(),
            revision: WantedRevision::parse(query.text("resourceVersion"))?,
            revision_match: match match_text {
                "Exact" => Some(RevisionMatch::Exact),
                "NotOlderThan" => Some(RevisionMatch::NotOlderThan),
                _ => None,
            },
            limit: query.number("limit")?.map_or(0, |limit| u64::try_from(limit).unwrap_or(0)),
            continue_token: query.text("continue").to_owned(),
            bookmarks: query.flag("allowWatchBookmarks"),
            send_initial_events,
            timeout: seconds
                .and_then(|seconds| u64::try_from(seconds).ok())
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
        })
    }
}

fn list_causes(query: &Query, match_text: &str, send_initial_events: Option<bool>) -> Vec<Cause> {
    const FIELD: &str = "resourceVersionMatch";
    let mut causes = Vec::new();
    if !match_text.is_empty() {
        let revision = query.text("resourceVersion");
        if revision.is_empty() {
            causes
                .push(Cause::forbidden(FIELD, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
        }
        if !query.text("continue").is_empty() {
            causes.push(Cause::forbidden(FIELD, "resourceVersionMatch is forbidden when continue is provided"));
        }
        if !matches!(match_text, "Exact" | "NotOlderThan") {
            causes.push(Cause::not_supported(FIELD, match_text, &["Exact", "NotOlderThan", ""]));
        }
        if match_text == "Exact" && revision == "0" {
            causes
                .push(Cause::forbidden(FIELD, r#"resourceVersionMatch "exact" is forbidden for resourceVersion "0""#));
        }
    }
    if send_initial_events.is_some() {
        causes.push(Cause::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
    }
    causes
}

fn watch_causes(query: &Query, match_text: &str, send_initial_events: Option<bool>) -> Vec<Cause> {
    const FIELD: &str = "resourceVersionMatch";
    let mut causes = Vec::new();
    if !match_text.is_empty() {
        if send_initial_events.is_none() {
            causes.push(Cause::forbidden(
                FIELD,
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            ));
        }
        if match_text != "NotOlderThan" {
            causes.push(Cause::not_supported(FIELD, match_text, &["NotOlderThan"]));
        }
        if !query.text("continue").is_empty() {
            causes.push(Cause::forbidden(FIELD, "resourceVersionMatch is forbidden when continue is provided"));
        }
    }
    if send_initial_events.is_some() && match_text != "NotOlderThan" {
        causes.push(Cause::forbidden(FIELD, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
    }
    causes
}

/// Parameters of create, update and patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// Do everything but the write.
    pub dry_run: bool,
    /// What is done about unknown and duplicate fields.
    pub field_validation: FieldValidation,
    /// Who writes, for `managedFields`; empty when the client does not say it.
    pub field_manager: String,
    /// Whether an apply takes fields that others own.
    pub force: bool,
}

impl WriteOptions {
    /// Reads and checks the parameters. `kind` is the options' kind in messages, for example `CreateOptions`.
    ///
    /// # Errors
    /// 422 for a value that is not allowed.
    pub fn parse(query: &Query, kind: &str) -> Result<Self, Failure> {
        let mut causes = Vec::new();
        if query.get("force").is_some() && kind == "PatchOptions" {
            causes.push(Cause::forbidden("force", "may not be specified for non-apply patch"));
        }
        Self::parse_with(query, kind, causes)
    }

    /// Reads and checks the parameters of a server-side apply.
    ///
    /// # Errors
    /// As [`WriteOptions::parse`]; an apply must say who applies.
    pub fn parse_apply(query: &Query) -> Result<Self, Failure> {
        let mut causes = Vec::new();
        if query.text("fieldManager").is_empty() {
            causes.push(Cause::required("fieldManager", "is required for apply patch"));
        }
        Self::parse_with(query, "PatchOptions", causes)
    }

    fn parse_with(query: &Query, kind: &str, mut causes: Vec<Cause>) -> Result<Self, Failure> {
        let field_manager = query.text("fieldManager");
        validate_manager(field_manager, "fieldManager", &mut causes);
        causes.extend(dry_run_causes(query.all("dryRun")));
        let field_validation = match query.text("fieldValidation") {
            "" | "Warn" => FieldValidation::Warn,
            "Ignore" => FieldValidation::Ignore,
            "Strict" => FieldValidation::Strict,
            other => {
                causes.push(Cause::not_supported("fieldValidation", other, &["Ignore", "Strict", "Warn"]));
                FieldValidation::Warn
            }
        };
        if !causes.is_empty() {
            return Err(Failure::invalid("meta.k8s.io", kind, "", causes));
        }
        let dry_run = query.all("dryRun").next().is_some();
        Ok(Self { dry_run, field_validation, field_manager: field_manager.to_owned(), force: query.flag("force") })
    }
}

/// Only `All` is a value of `dryRun`.
pub(crate) fn dry_run_causes<'a>(mut values: impl Iterator<Item = &'a str>) -> Vec<Cause> {
    let other = values.find(|value| *value != "All");
    other.map(|value| Cause::not_supported("dryRun", value, &["All"])).into_iter().collect()
}

/// What a `+` stands for: itself in a path, a space in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    IsPlus,
    IsSpace,
}

/// Percent-decodes a text; `None` when an escape is broken or the result is not UTF-8.
pub(crate) fn percent_decode(text: &str, plus: Plus) -> Option<Cow<'_, str>> {
    let special = |byte: &u8| *byte == b'%' || (*byte == b'+' && plus == Plus::IsSpace);
    if !text.as_bytes().iter().any(special) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex_digit(bytes.next()?)? * 16 + hex_digit(bytes.next()?)?,
            b'+' if plus == Plus::IsSpace => b' ',
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hanse_schema::decode::FieldValidation;

    use super::{ListOptions, Query, RevisionMatch, WantedRevision, WriteOptions};

    fn query(text: &str) -> Query {
        Query::parse(text).unwrap()
    }

    #[test]
    fn parameters_are_decoded_and_the_first_counts() {
        let query = query("a=1&a=2&b=x%20y+z&c&watch=False&d=");
        assert_eq!(
            (query.get("a"), query.get("b"), query.get("c"), query.get("e")),
            (Some("1"), Some("x y z"), Some(""), None)
        );
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert!(query.flag("c") && !query.flag("watch") && !query.flag("e"));
        assert!(Query::parse("a=%f").is_err() && Query::parse("a=%ff").is_err());
        assert!(Query::parse(&"a&".repeat(101)).is_err());
    }

    #[test]
    fn list_options_that_do_not_go_together_are_refused() {
        let table = [
            ("", false, None),
            ("resourceVersion=5&resourceVersionMatch=Exact&limit=3", false, None),
            ("resourceVersion=5&resourceVersionMatch=NotOlderThan&sendInitialEvents=true", true, None),
            ("resourceVersionMatch=Exact", false, Some(422)),
            ("resourceVersionMatch=exact&resourceVersion=1", false, Some(422)),
            ("resourceVersionMatch=Exact&resourceVersion=0", false, Some(422)),
            ("resourceVersionMatch=NotOlderThan&resourceVersion=1&continue=x", false, Some(422)),
            ("sendInitialEvents=true", false, Some(422)),
            ("sendInitialEvents=true", true, Some(422)),
            ("resourceVersionMatch=NotOlderThan", true, Some(422)),
            ("resourceVersionMatch=Exact&sendInitialEvents=1", true, Some(422)),
            ("resourceVersion=abc", false, Some(400)),
            ("resourceVersion=-1", true, Some(400)),
            ("resourceVersion=%2B1", true, Some(400)),
            ("limit=x", false, Some(400)),
            ("timeoutSeconds=1h", true, Some(400)),
            ("limit=99999999999999999999", false, Some(400)),
        ];
        for (text, watch, code) in table {
            let failure = ListOptions::parse(&query(text), watch).err();
            assert_eq!(failure.map(|failure| failure.code()), code, "{text}");
        }
    }

    #[test]
    fn list_options_are_read() {
        let text = "labelSelector=a%3Db&resourceVersion=7&resourceVersionMatch=NotOlderThan&limit=9&timeoutSeconds=5";
        let options = ListOptions::parse(&query(text), false).unwrap();
        assert_eq!((options.label_selector.as_str(), options.limit), ("a=b", 9));
        assert_eq!(
            (options.revision, options.revision_match),
            (WantedRevision::Given(7), Some(RevisionMatch::NotOlderThan))
        );
        assert_eq!(options.timeout, Some(Duration::from_secs(5)));
        assert_eq!(ListOptions::parse(&query("limit=-1&timeoutSeconds=0"), true).unwrap().timeout, None);
        assert_eq!(ListOptions::parse(&query("resourceVersion=0"), true).unwrap().revision, WantedRevision::Any);
    }

    #[test]
    fn write_options_are_read_and_checked() {
        let options =
            WriteOptions::parse(&query("dryRun=All&fieldValidation=Strict&fieldManager=k"), "CreateOptions").unwrap();
        assert!(options.dry_run && options.field_validation == FieldValidation::Strict && options.field_manager == "k");
        let long = format!("fieldManager={}", "x".repeat(129));
        for text in ["dryRun=all", "dryRun=", "fieldValidation=strict", &long, "fieldManager=a%0Ab", "force=true"] {
            let failure = WriteOptions::parse(&query(text), "PatchOptions").unwrap_err();
            assert_eq!(failure.code(), 422, "{text}");
        }
        let message = WriteOptions::parse(&query("dryRun=x"), "CreateOptions").unwrap_err().message();
        assert_eq!(
            message,
            r#"CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: "x": supported values: "All""#
        );
    }
}
