//! What a client takes and what it sends: the headers `Accept` and `Content-Type`.
//!
//! Pure functions over the header's bytes, in the order of preference that upstream uses
//! (k8s.io/apiserver/pkg/endpoints/handlers/negotiation): entries by falling `q`, then those that name a type before
//! wildcards, then as they stand. An entry that asks for something that is not served is passed over, so a client that
//! asks for protobuf first and takes JSON gets JSON. `q=0` means "never".

use std::borrow::Cow;
use std::cmp::Reverse;

use hanse_schema::protobuf;

use crate::status::Failure;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/json`.
    Json,
    /// `application/yaml`; never for a watch.
    Yaml,
    /// Kubernetes' protobuf form: never for a table, and only metadata of kinds that come from definitions.
    Protobuf,
}

impl Format {
    /// The media type, as `Content-Type` of an answer shows it.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Yaml => YAML,
            Self::Protobuf => protobuf::MEDIA_TYPE,
        }
    }

    /// The media type of a watch.
    #[must_use]
    pub fn stream_media_type(self) -> &'static str {
        match self {
            Self::Json | Self::Yaml => JSON,
            Self::Protobuf => protobuf::WATCH_MEDIA_TYPE,
        }
    }
}

/// What whole objects can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// JSON and YAML.
    Text,
    /// Protobuf, too.
    Everything,
}

impl Spoken {
    /// Whether objects in this shape are written in this format. There are no tables in protobuf, and the metadata of any object
    /// have one version there.
    fn has(self, format: Format, shape: Shape) -> bool {
        match (format, shape) {
            (Format::Json | Format::Yaml, _) => true,
            (Format::Protobuf, Shape::Whole) => self == Self::Everything,
            (Format::Protobuf, Shape::PartialMetadata(version) | Shape::PartialMetadataList(version)) => {
                version == MetaVersion::V1
            }
            (Format::Protobuf, Shape::Table(_)) => false,
        }
    }
}

/// The version of `meta.k8s.io` that a transformed answer speaks. Both have the same fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaVersion {
    /// `meta.k8s.io/v1`.
    V1,
    /// `meta.k8s.io/v1beta1`.
    V1beta1,
}

impl MetaVersion {
    /// The `apiVersion` of a transformed answer.
    #[must_use]
    pub fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

/// What of an object is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The object as it is stored.
    Whole,
    /// Columns and rows for people.
    Table(MetaVersion),
    /// Its metadata.
    PartialMetadata(MetaVersion),
    /// The metadata of each object of a list.
    PartialMetadataList(MetaVersion),
}

/// What the client takes of what is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// How the answer is written.
    pub format: Format,
    /// What of the object is answered.
    pub shape: Shape,
    /// Whether the media type asks for an indented answer (`pretty=1`).
    pub pretty: bool,
}

/// Which form of discovery the client takes at `/api` and `/apis`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscoveryForm {
    /// One document for each group and version.
    Separate(Format),
    /// All in one, `apidiscovery.k8s.io/v2`.
    AggregatedV2,
    /// All in one, `apidiscovery.k8s.io/v2beta1`.
    AggregatedV2beta1,
}

/// How the body of a create, update or delete is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyType {
    /// JSON, as every client of Kubernetes can send it.
    Json,
    /// YAML.
    Yaml,
    /// Kubernetes' protobuf form, which typed clients send for the kinds of their scheme.
    Protobuf,
}

impl BodyType {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Json, Self::Yaml, Self::Protobuf];
    /// Those that need no table of the kind.
    pub const TEXT: &[Self] = &[Self::Json, Self::Yaml];

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Yaml => YAML,
            Self::Protobuf => protobuf::MEDIA_TYPE,
        }
    }
}

/// How the body of a patch is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchType {
    /// RFC 6902.
    Json,
    /// RFC 7396.
    Merge,
    /// Kubernetes' strategic merge patch.
    Strategic,
    /// Server-side apply.
    Apply,
}

impl PatchType {
    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json-patch+json",
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Apply => "application/apply-patch+yaml",
        }
    }
}

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";
const SERVED: [Format; 3] = [Format::Json, Format::Yaml, Format::Protobuf];

/// The answer to a request for an object or a list.
///
/// # Errors
/// [`Failure::NotAcceptable`], listing what is served.
pub fn answer(accept: Option<&[u8]>, spoken: Spoken) -> Result<Accepted, Failure> {
    choose(accept, |format, entry| {
        let shape = entry.shape().filter(|shape| spoken.has(format, *shape))?;
        Some(Accepted { format, shape, pretty: entry.pretty() })
    })
    .ok_or_else(|| not_acceptable(&[JSON, YAML, protobuf::MEDIA_TYPE]))
}

/// The answer to a watch: JSON, each event on a line, or protobuf, each event in a frame.
///
/// # Errors
/// [`Failure::NotAcceptable`], listing what is served.
pub fn stream(accept: Option<&[u8]>, spoken: Spoken) -> Result<Accepted, Failure> {
    choose(accept, |format, entry| {
        let shape = entry.shape().filter(|shape| spoken.has(format, *shape))?;
        (format != Format::Yaml).then_some(Accepted { format, shape, pretty: false })
    })
    .ok_or_else(|| not_acceptable(&["application/json;stream=watch", protobuf::WATCH_MEDIA_TYPE]))
}

/// The answer to a request for something that has one shape only: discovery, versions.
///
/// # Errors
/// [`Failure::NotAcceptable`], listing what is served.
pub fn plain(accept: Option<&[u8]>) -> Result<Format, Failure> {
    choose(accept, |format, entry| (entry.target().is_none() && format != Format::Protobuf).then_some(format))
        .ok_or_else(|| not_acceptable(&[JSON, YAML]))
}

/// How a `Status` is written: as the client likes best of what can be, and as JSON when it takes nothing.
#[must_use]
pub fn status(accept: Option<&[u8]>) -> Format {
    choose(accept, |format, entry| entry.target().is_none().then_some(format)).unwrap_or(Format::Json)
}

/// The answer to `/api` and `/apis`. As upstream, one entry that asks for the aggregated form is enough to get it.
///
/// # Errors
/// [`Failure::NotAcceptable`], listing what is served.
pub fn discovery(accept: Option<&[u8]>) -> Result<DiscoveryForm, Failure> {
    let aggregated = choose(accept, |format, entry| match (format, entry.target()?) {
        (Format::Json, ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2")) => Some(DiscoveryForm::AggregatedV2),
        (Format::Json, ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2beta1")) => {
            Some(DiscoveryForm::AggregatedV2beta1)
        }
        _ => None,
    });
    aggregated.map_or_else(|| plain(accept).map(DiscoveryForm::Separate), Ok)
}

/// Whether JSON is among what the client takes, whatever it prefers: for documents that are served as JSON only.
#[must_use]
pub fn takes_json(accept: Option<&[u8]>) -> bool {
    choose(accept, |format, _| (format == Format::Json).then_some(())).is_some()
}

/// The form of a document that is served in these media types only. As for OpenAPI upstream, what a media type's parameters
/// say is not looked at.
///
/// # Errors
/// [`Failure::NotAcceptable`], listing what is served.
pub(crate) fn one_of<T: Copy>(accept: Option<&[u8]>, served: &[(&'static str, T)]) -> Result<T, Failure> {
    let find = |entry: &Entry<'_>| served.iter().find(|(media_type, _)| entry.is_of(media_type)).map(|(_, form)| *form);
    let types: Vec<&str> = served.iter().map(|(media_type, _)| *media_type).collect();
    with_entries(accept, |entries| entries.iter().find_map(find)).ok_or_else(|| not_acceptable(&types))
}

/// Whether an answer is indented: `?pretty=`, or a client that shows it to people without being asked.
#[must_use]
pub fn pretty(query: Option<&str>, user_agent: Option<&str>) -> bool {
    match query {
        Some(text) if !text.is_empty() => matches!(text, "1" | "t" | "T" | "TRUE" | "true" | "True"),
        _ => user_agent.is_some_and(|agent| ["curl", "Wget", "Mozilla/5.0"].iter().any(|name| agent.starts_with(name))),
    }
}

/// The body of a create, update or delete, where the types of `allowed` are taken. No type at all counts as JSON.
///
/// # Errors
/// [`Failure::UnsupportedMediaType`], listing what is taken.
pub fn body(content_type: Option<&[u8]>, allowed: &[BodyType]) -> Result<BodyType, Failure> {
    let essence = essence(content_type).filter(|essence| !essence.is_empty());
    let essence = essence.as_deref().unwrap_or(JSON);
    allowed
        .iter()
        .copied()
        .find(|body| body.media_type() == essence)
        .ok_or_else(|| unsupported(&allowed.iter().map(|body| body.media_type()).collect::<Vec<_>>()))
}

/// The body of a patch to a kind that takes the types of `allowed`.
///
/// # Errors
/// [`Failure::UnsupportedMediaType`], listing what is taken.
pub fn patch(content_type: Option<&[u8]>, allowed: &[PatchType]) -> Result<PatchType, Failure> {
    let essence = essence(content_type).unwrap_or_default();
    allowed
        .iter()
        .copied()
        .find(|patch| patch.media_type() == essence)
        .ok_or_else(|| unsupported(&allowed.iter().map(|patch| patch.media_type()).collect::<Vec<_>>()))
}

/// Whether a patch is a server-side apply.
#[must_use]
pub fn is_apply(content_type: Option<&[u8]>) -> bool {
    essence(content_type).unwrap_or_default() == PatchType::Apply.media_type()
}

/// Whether the client takes gzip (`Accept-Encoding`).
#[must_use]
pub fn takes_gzip(accept_encoding: Option<&[u8]>) -> bool {
    let text = accept_encoding.map(String::from_utf8_lossy).unwrap_or_default();
    let weight = |name: &str| {
        text.split(',').find_map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            parts.next().filter(|coding| coding.eq_ignore_ascii_case(name))?;
            Some(parts.find_map(|part| weight_of(part.split_once('=')?)).unwrap_or(WEIGHT_ONE))
        })
    };
    weight("gzip").or_else(|| weight("*")).is_some_and(|weight| weight > 0)
}

fn not_acceptable(served: &[&str]) -> Failure {
    Failure::NotAcceptable(format!("only the following media types are accepted: {}", served.join(", ")))
}

fn unsupported(taken: &[&str]) -> Failure {
    Failure::UnsupportedMediaType(format!(
        "the body of the request was in an unknown format - accepted media types include: {}",
        taken.join(", ")
    ))
}

/// The media type without its parameters, in lower case.
fn essence(content_type: Option<&[u8]>) -> Option<String> {
    let text = String::from_utf8_lossy(content_type?);
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// One entry of `Accept`.
#[derive(Debug)]
struct Entry<'a> {
    kind: &'a str,
    subkind: &'a str,
    /// `q` in thousandths.
    weight: u16,
    parameters: Vec<(&'a str, &'a str)>,
}

/// `q=1`, in thousandths.
const WEIGHT_ONE: u16 = 1_000;

impl<'a> Entry<'a> {
    /// An entry without a slash is no media type, except `*`, which some old clients send.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subkind) = match parts.next()? {
            "*" => ("*", "*"),
            media_type => media_type.split_once('/')?,
        };
        let mut weight = WEIGHT_ONE;
        let mut parameters = Vec::new();
        for part in parts {
            let Some((name, value)) = part.split_once('=') else { continue };
            let pair = (name.trim(), value.trim().trim_matches('"'));
            match weight_of(pair) {
                Some(given) => weight = given,
                None => parameters.push(pair),
            }
        }
        Some(Self { kind: kind.trim(), subkind: subkind.trim(), weight, parameters })
    }

    fn is_of(&self, media_type: &str) -> bool {
        let (kind, subkind) = media_type.split_once('/').unwrap_or_default();
        match (self.kind, self.subkind) {
            ("*", "*") => true,
            (own, "*") => own.eq_ignore_ascii_case(kind),
            (own, own_sub) => own.eq_ignore_ascii_case(kind) && own_sub.eq_ignore_ascii_case(subkind),
        }
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().rev().find(|(own, _)| *own == name).map(|(_, value)| *value)
    }

    /// Kind, group and version that the object is to be turned into; absent parts are empty.
    fn target(&self) -> Option<(&'a str, &'a str, &'a str)> {
        let parts = ["as", "g", "v"].map(|name| self.parameter(name));
        parts.iter().any(Option::is_some).then(|| {
            let [kind, group, version] = parts.map(Option::unwrap_or_default);
            (kind, group, version)
        })
    }

    fn shape(&self) -> Option<Shape> {
        let Some((kind, group, version)) = self.target() else { return Some(Shape::Whole) };
        let version = match (group, version) {
            ("meta.k8s.io", "v1") => MetaVersion::V1,
            ("meta.k8s.io", "v1beta1") => MetaVersion::V1beta1,
            _ => return None,
        };
        match kind {
            "Table" => Some(Shape::Table(version)),
            "PartialObjectMetadata" => Some(Shape::PartialMetadata(version)),
            "PartialObjectMetadataList" => Some(Shape::PartialMetadataList(version)),
            _ => None,
        }
    }

    fn pretty(&self) -> bool {
        self.parameter("pretty") == Some("1")
    }

    /// Whether the entry asks for a kind of stream, or a server version, that is not served.
    fn foreign(&self) -> bool {
        self.parameter("stream").is_some_and(|stream| !stream.is_empty() && stream != "watch")
            || self.parameter("sv").is_some_and(|version| !version.is_empty())
    }
}

/// The weight in thousandths, when the pair is `q`. One that is no number counts as 1, as upstream has it.
fn weight_of((name, value): (&str, &str)) -> Option<u16> {
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let value = value.trim();
    let thousandths = match value.split_once('.').unwrap_or((value, "")) {
        ("0" | "", digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => digits
            .bytes()
            .chain(std::iter::repeat(b'0'))
            .take(3)
            .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')),
        _ => WEIGHT_ONE,
    };
    Some(thousandths)
}

/// The first pair of an entry, by preference, and a served format that `fits` takes.
fn choose<T>(accept: Option<&[u8]>, fits: impl Fn(Format, &Entry<'_>) -> Option<T>) -> Option<T> {
    with_entries(accept, |entries| {
        entries.iter().filter(|entry| !entry.foreign()).find_map(|entry| {
            let formats = SERVED.into_iter().filter(|format| entry.is_of(format.media_type()));
            formats.into_iter().find_map(|format| fits(format, entry))
        })
    })
}

/// The entries that are not refused, by preference. No header at all takes anything.
fn with_entries<T>(accept: Option<&[u8]>, found: impl FnOnce(&[Entry<'_>]) -> T) -> T {
    let text = accept.map_or(Cow::Borrowed(""), String::from_utf8_lossy);
    let text = if text.trim().is_empty() { "*/*" } else { text.as_ref() };
    let mut entries: Vec<Entry<'_>> = text.split(',').filter_map(Entry::parse).collect();
    entries.retain(|entry| entry.weight > 0);
    entries.sort_by_key(|entry| (Reverse(entry.weight), entry.kind == "*", entry.subkind == "*"));
    found(&entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::{
        Accepted, BodyType, DiscoveryForm, Format, MetaVersion, PatchType, Shape, Spoken, answer, body, discovery,
        patch, plain, pretty, status, stream, takes_gzip, takes_json,
    };

    fn shape(accept: &str) -> Option<(Format, Shape)> {
        answer(Some(accept.as_bytes()), Spoken::Text).ok().map(|Accepted { format, shape, .. }| (format, shape))
    }

    #[test]
    fn the_best_entry_that_is_served_is_taken() {
        use Format::{Json, Protobuf, Yaml};
        use MetaVersion::{V1, V1beta1};
        let table: [(&str, Option<(Format, Shape)>); 22] = [
            ("", Some((Json, Shape::Whole))),
            ("*/*", Some((Json, Shape::Whole))),
            ("*", Some((Json, Shape::Whole))),
            ("application/*", Some((Json, Shape::Whole))),
            ("application/json", Some((Json, Shape::Whole))),
            ("Application/JSON", Some((Json, Shape::Whole))),
            ("application/yaml", Some((Yaml, Shape::Whole))),
            ("application/json;q=0.1,application/yaml;q=0.2", Some((Yaml, Shape::Whole))),
            ("*/*;q=0.9, application/yaml;q=0.9", Some((Yaml, Shape::Whole))),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Some((Json, Shape::Whole))),
            ("application/vnd.kubernetes.protobuf,application/json", Some((Json, Shape::Whole))),
            ("application/vnd.kubernetes.protobuf, application/json;q=0.3", Some((Json, Shape::Whole))),
            ("application/json;stream=watch", Some((Json, Shape::Whole))),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                Some((Json, Shape::Table(V1))),
            ),
            ("application/json;as=Table;g=meta.k8s.io;v=v1beta1", Some((Json, Shape::Table(V1beta1)))),
            ("application/json;as=\"Table\";g=meta.k8s.io;v=v1", Some((Json, Shape::Table(V1)))),
            (
                "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
                Some((Protobuf, Shape::PartialMetadataList(V1))),
            ),
            ("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", Some((Json, Shape::PartialMetadata(V1)))),
            ("application/json;as=Chair;g=meta.k8s.io;v=v1, application/json", Some((Json, Shape::Whole))),
            ("application/vnd.kubernetes.protobuf", None),
            ("application/json;as=Table;g=meta.k8s.io;v=v9", None),
            ("application/json;q=0", None),
        ];
        for (accept, expected) in table {
            assert_eq!(shape(accept), expected, "{accept}");
        }
        assert_eq!(answer(None, Spoken::Text).unwrap(), Accepted { format: Json, shape: Shape::Whole, pretty: false });
        assert!(answer(Some(b"application/json;pretty=1"), Spoken::Text).unwrap().pretty);
    }

    #[test]
    fn a_refusal_lists_what_is_served() {
        let message = |failure: crate::status::Failure| (failure.code(), failure.message());
        let protobuf = Some(&b"application/vnd.kubernetes.protobuf"[..]);
        assert_eq!(
            message(answer(protobuf, Spoken::Text).unwrap_err()),
            (
                406,
                "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf"
                    .into()
            )
        );
        assert_eq!(
            message(stream(Some(b"application/yaml"), Spoken::Text).unwrap_err()),
            (
                406,
                "only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
                    .into()
            )
        );
        assert_eq!(
            message(body(protobuf, &[BodyType::Json]).unwrap_err()),
            (
                415,
                "the body of the request was in an unknown format - accepted media types include: application/json"
                    .into()
            )
        );
        assert_eq!(
            message(body(Some(b"application/cbor"), BodyType::ALL).unwrap_err()),
            (
                415,
                "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf"
                    .into()
            )
        );
        assert_eq!(
            message(patch(Some(b"application/json"), &[PatchType::Json, PatchType::Merge]).unwrap_err()),
            (
                415,
                "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json"
                    .into()
            )
        );
    }

    /// What typed clients, informers and metadata clients send.
    #[test]
    fn protobuf_is_served_where_it_can_be() {
        use Format::{Json, Protobuf};
        const BOTH: &str = "application/vnd.kubernetes.protobuf,application/json";
        const PARTIAL: &str =
            "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
        let table = [
            (BOTH, Spoken::Everything, Some((Protobuf, Shape::Whole))),
            (BOTH, Spoken::Text, Some((Json, Shape::Whole))),
            ("application/vnd.kubernetes.protobuf, */*", Spoken::Everything, Some((Protobuf, Shape::Whole))),
            ("application/vnd.kubernetes.protobuf, */*", Spoken::Text, Some((Json, Shape::Whole))),
            (
                "application/vnd.kubernetes.protobuf;q=0.5,application/json",
                Spoken::Everything,
                Some((Json, Shape::Whole)),
            ),
            ("*/*", Spoken::Everything, Some((Json, Shape::Whole))),
            ("application/vnd.kubernetes.protobuf", Spoken::Everything, Some((Protobuf, Shape::Whole))),
            ("application/vnd.kubernetes.protobuf;stream=watch", Spoken::Everything, Some((Protobuf, Shape::Whole))),
            ("application/vnd.kubernetes.protobuf", Spoken::Text, None),
            (PARTIAL, Spoken::Text, Some((Protobuf, Shape::PartialMetadata(MetaVersion::V1)))),
            (PARTIAL, Spoken::Everything, Some((Protobuf, Shape::PartialMetadata(MetaVersion::V1)))),
            (
                "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1beta1",
                Spoken::Text,
                None,
            ),
            ("application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1", Spoken::Everything, None),
            (
                "application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1,application/json;as=Table;g=meta.k8s.io;v=v1",
                Spoken::Everything,
                Some((Json, Shape::Table(MetaVersion::V1))),
            ),
            ("application/cbor", Spoken::Everything, None),
            ("application/cbor,application/json", Spoken::Everything, Some((Json, Shape::Whole))),
        ];
        for (accept, spoken, expected) in table {
            for accepted in [answer(Some(accept.as_bytes()), spoken), stream(Some(accept.as_bytes()), spoken)] {
                assert_eq!(accepted.ok().map(|own| (own.format, own.shape)), expected, "{accept} {spoken:?}");
            }
        }
        assert_eq!(status(Some(BOTH.as_bytes())), Protobuf);
        for accept in [Some("application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1"), Some("image/png"), None]
        {
            assert_eq!(status(accept.map(str::as_bytes)), Json, "{accept:?}");
        }
        assert_eq!(plain(Some(BOTH.as_bytes())).unwrap(), Json);
    }

    #[test]
    fn a_watch_is_json_even_when_yaml_is_liked_better() {
        let accepted =
            stream(Some(b"application/yaml, application/json;q=0.5;as=Table;g=meta.k8s.io;v=v1"), Spoken::Text)
                .unwrap();
        assert_eq!((accepted.format, accepted.shape), (Format::Json, Shape::Table(MetaVersion::V1)));
        assert!(stream(Some(b"application/json;stream=watch"), Spoken::Text).is_ok());
        assert!(stream(Some(b"application/json;stream=other"), Spoken::Text).is_err());
    }

    #[test]
    fn aggregated_discovery_is_served_to_whoever_asks() {
        let table = [
            ("", DiscoveryForm::Separate(Format::Json)),
            ("application/json", DiscoveryForm::Separate(Format::Json)),
            ("application/yaml", DiscoveryForm::Separate(Format::Yaml)),
            (
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json",
                DiscoveryForm::AggregatedV2,
            ),
            (
                "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json",
                DiscoveryForm::AggregatedV2beta1,
            ),
            (
                "application/json, application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList;profile=nopeer",
                DiscoveryForm::AggregatedV2,
            ),
            (
                "application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList,application/json",
                DiscoveryForm::Separate(Format::Json),
            ),
        ];
        for (accept, expected) in table {
            assert_eq!(discovery(Some(accept.as_bytes())).unwrap(), expected, "{accept}");
        }
        assert_eq!(discovery(Some(b"image/png")).unwrap_err().code(), 406);
        assert_eq!(plain(Some(b"application/json;as=Table;g=meta.k8s.io;v=v1")).unwrap_err().code(), 406);
        assert!(takes_json(Some(b"application/com.github.proto-openapi.spec.v3@v1.0+protobuf, */*;q=0.1")));
        assert!(!takes_json(Some(b"application/com.github.proto-openapi.spec.v3@v1.0+protobuf")));
    }

    #[test]
    fn bodies_and_patches_are_known_by_their_type() {
        let table = [
            (None, Some(BodyType::Json)),
            (Some(""), Some(BodyType::Json)),
            (Some("application/json"), Some(BodyType::Json)),
            (Some("Application/Json; charset=utf-8"), Some(BodyType::Json)),
            (Some("application/vnd.kubernetes.protobuf"), Some(BodyType::Protobuf)),
            (Some("application/vnd.kubernetes.protobuf;type=watch"), Some(BodyType::Protobuf)),
            (Some("application/yaml"), Some(BodyType::Yaml)),
            (Some("application/cbor"), None),
            (Some("text/plain"), None),
            (Some("application/merge-patch+json"), None),
        ];
        for (content_type, expected) in table {
            assert_eq!(body(content_type.map(str::as_bytes), BodyType::ALL).ok(), expected, "{content_type:?}");
            let json = expected.filter(|body| *body == BodyType::Json);
            assert_eq!(body(content_type.map(str::as_bytes), &[BodyType::Json]).ok(), json, "{content_type:?}");
        }
        let all = [PatchType::Json, PatchType::Merge, PatchType::Strategic, PatchType::Apply];
        for kind in all {
            assert_eq!(patch(Some(kind.media_type().as_bytes()), &all).unwrap(), kind);
        }
        assert_eq!(patch(Some(b"application/merge-patch+json; charset=utf-8"), &all).unwrap(), PatchType::Merge);
        assert!(patch(Some(b"application/strategic-merge-patch+json"), &all[..2]).is_err());
        assert!(patch(None, &all).is_err());
    }

    #[test]
    fn gzip_is_used_only_for_those_who_take_it() {
        let table = [
            ("gzip", true),
            ("deflate, gzip;q=0.5", true),
            ("*", true),
            ("GZIP", true),
            ("identity", false),
            ("gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("*;q=0", false),
            ("", false),
        ];
        for (header, expected) in table {
            assert_eq!(takes_gzip(Some(header.as_bytes())), expected, "{header}");
        }
        assert!(!takes_gzip(None));
    }

    #[test]
    fn answers_are_indented_for_people() {
        assert!(pretty(Some("true"), None) && pretty(None, Some("curl/8")) && pretty(Some(""), Some("curl/8")));
        assert!(!pretty(Some("false"), Some("curl/8")) && !pretty(None, Some("kubectl/v1.32")) && !pretty(None, None));
    }

    proptest! {
        #[test]
        fn no_header_stops_the_server(bytes in prop::collection::vec(any::<u8>(), 0..200), words in "[a-z*/;=,q0-9. \"]{0,80}") {
            for header in [bytes.as_slice(), words.as_bytes()] {
                answer(Some(header), Spoken::Everything).ok();
                std::hint::black_box(status(Some(header)));
                let stream = stream(Some(header), Spoken::Text);
                assert!(stream.is_err() || stream.is_ok_and(|accepted| accepted.format != Format::Yaml));
                plain(Some(header)).ok();
                discovery(Some(header)).ok();
                body(Some(header), BodyType::ALL).ok();
                patch(Some(header), &[PatchType::Json]).ok();
                std::hint::black_box(takes_gzip(Some(header)));
            }
        }
    }
}
