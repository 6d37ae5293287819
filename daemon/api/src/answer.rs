//! From what was read or written to an HTTP answer: headers, status, indentation, YAML.

use std::sync::Arc;

use bytes::Bytes;
use hanse_schema::field::TypeDescriptor;
use hanse_schema::protobuf::{encode_type, speaks};
use hanse_schema::types::meta::STATUS;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WARNING, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::body::{Answer, Body};
use crate::call::Call;
use crate::compress;
use crate::limits::WARNING_BYTES_MAX;
use crate::negotiate::{self, Accepted, Format, Spoken};
use crate::status::Failure;
use crate::table::{Include, Shaper};
use crate::workspace::ROW_VERSION;
use crate::yaml;

/// Whether the answer is to be indented: asked for by parameter, or read by people.
pub(crate) fn wants_pretty(parts: &http::request::Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("pretty="));
    negotiate::pretty(asked, user_agent(&parts.headers))
}

fn user_agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok())
}

/// An error's answer, in a form that the client takes; as JSON when it takes none, for every client reads that.
pub(crate) fn failure(failure: &Failure, accept: Option<&[u8]>, pretty: bool) -> Answer {
    let json = failure.to_bytes();
    let (format, bytes) = match negotiate::status(accept) {
        Format::Json if pretty => (Format::Json, indented(&json)),
        Format::Json => (Format::Json, json),
        Format::Yaml => yaml::from_json(&json).map_or((Format::Json, json), |yaml| (Format::Yaml, yaml)),
        Format::Protobuf => {
            let encoded = encode_type(&STATUS, STATUS_KIND, &json);
            encoded.map_or((Format::Json, json), |bytes| (Format::Protobuf, bytes.into()))
        }
    };
    let mut answer = Answer::new(Body::whole(bytes));
    *answer.status_mut() = StatusCode::from_u16(failure.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    if let Some(seconds) = failure.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if *failure == Failure::Unauthorized {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer
}

/// Group and version, and the name, of `Status`.
pub(crate) const STATUS_KIND: (&str, &str) = ("v1", "Status");

/// The headers that every answer has.
pub(crate) fn finish(answer: &mut Answer) {
    let headers = answer.headers_mut();
    headers.remove(ROW_VERSION);
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    }
}

/// Compresses a large answer for those who take it, on a thread where it holds nobody up.
pub(crate) async fn compressed(accept_encoding: Option<HeaderValue>, answer: Answer) -> Answer {
    if !compress::worthwhile(accept_encoding.as_ref().map(HeaderValue::as_bytes), &answer) {
        return answer;
    }
    let work = move || compress::compressed(accept_encoding.as_ref().map(HeaderValue::as_bytes), answer);
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| failure(&Failure::Internal("an answer could not be compressed".to_owned()), None, false))
}

/// How the objects of a call are to be answered.
pub(crate) struct Form {
    pub(crate) accepted: Accepted,
    pub(crate) shaper: Shaper,
    pretty: bool,
}

impl Form {
    /// Reads the headers and parameters of a request for objects.
    ///
    /// # Errors
    /// 406, or 400 for an unknown `includeObject`.
    pub(crate) fn of(call: &Call<'_>) -> Result<Self, Failure> {
        Self::accepted(call, negotiate::answer(call.header(ACCEPT), spoken(call))?)
    }

    /// As [`Form::of`], for an answer that is of a type of its own whatever the kind is: a `Scale`.
    pub(crate) fn of_own_type(call: &Call<'_>) -> Result<Self, Failure> {
        Self::accepted(call, negotiate::answer(call.header(ACCEPT), Spoken::Everything)?)
    }

    /// As [`Form::of`], for a watch.
    pub(crate) fn of_watch(call: &Call<'_>) -> Result<Self, Failure> {
        Self::accepted(call, negotiate::stream(call.header(ACCEPT), spoken(call))?)
    }

    fn accepted(call: &Call<'_>, accepted: Accepted) -> Result<Self, Failure> {
        let include = Include::parse(call.query.get("includeObject"))?;
        let shaper = Shaper::new(Arc::clone(call.kind), accepted.shape, include);
        let shaper = shaper.at(call.now_ms()).written_as(accepted.format);
        let pretty = accepted.pretty || negotiate::pretty(call.query.get("pretty"), user_agent(call.headers));
        Ok(Self { accepted, shaper, pretty })
    }

    /// An object as it is stored, in the form asked for.
    pub(crate) fn object(&self, status: StatusCode, stored: &Bytes) -> Result<Answer, Failure> {
        self.shaped(status, Body::whole(self.shaper.object(stored)?))
    }

    /// An object of a type that is no kind of its own, given as JSON: whole, whatever shape was asked for, as upstream does it
    /// with a `Status`.
    pub(crate) fn typed(
        &self,
        status: StatusCode,
        (descriptor, kind): (&TypeDescriptor, (&str, &str)),
        json: Bytes,
    ) -> Result<Answer, Failure> {
        let bytes = match self.accepted.format {
            Format::Protobuf => encode_type(descriptor, kind, &json)?.into(),
            Format::Json | Format::Yaml => json,
        };
        self.shaped(status, Body::whole(bytes))
    }

    /// What the shaper has made: JSON, to be written as JSON or YAML, indented or not, or protobuf.
    pub(crate) fn shaped(&self, status: StatusCode, body: Body) -> Result<Answer, Failure> {
        let body = match (self.accepted.format, self.pretty) {
            (Format::Json, false) | (Format::Protobuf, _) => body,
            (Format::Json, true) => Body::whole(indented(&whole(body)?)),
            (Format::Yaml, _) => Body::whole(yaml::from_json(&whole(body)?)?),
        };
        let mut answer = Answer::new(body);
        *answer.status_mut() = status;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.accepted.format.media_type()));
        Ok(answer)
    }
}

/// What the kind of a call can be written as.
fn spoken(call: &Call<'_>) -> Spoken {
    if speaks(call.kind) { Spoken::Everything } else { Spoken::Text }
}

fn whole(body: Body) -> Result<Bytes, Failure> {
    body.into_bytes().or(Err(Failure::Internal("a stream cannot be rewritten".to_owned())))
}

fn indented(json: &Bytes) -> Bytes {
    let value = serde_json::from_slice::<serde_json::Value>(json);
    value.map_or_else(|_| json.clone(), |value| Bytes::from(format!("{value:#}\n")))
}

/// Adds `Warning: 299 - "text"` headers. Texts that cannot stand in a header, and those beyond the limit, are left out.
pub(crate) fn warn(answer: &mut Answer, warnings: &[String]) {
    let mut left = WARNING_BYTES_MAX;
    for text in warnings {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let header = format!("299 - \"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let Some(rest) = left.checked_sub(header.len()) else { return };
        left = rest;
        if let Ok(header) = HeaderValue::from_str(&header) {
            answer.headers_mut().append(WARNING, header);
        }
    }
}
