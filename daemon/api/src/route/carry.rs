//! A request on its way to another region, and its answer on the way back.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::StreamExt;
use hanse_base::id::ClusterId;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyStream;

use crate::api::{Api, CARRIED_HEADERS, Inquiry, Slot};
use crate::body::{Answer, Body, BodyError};
use crate::federation::{Carried, CarriedAnswer, Purpose};
use crate::status::Failure;
use crate::workspace::ROW_VERSION;

/// Packs a request, with the logical cluster's id in place of its path.
///
/// # Errors
/// As reading the body.
pub(crate) async fn carried_request(inquiry: Inquiry, cluster: &ClusterId) -> Result<Carried, Failure> {
    let Inquiry { method, request, headers, body, proof, .. } = inquiry;
    Ok(Carried {
        method: method.as_str().to_owned(),
        target: target(cluster, &request.rest, &request.raw_query),
        headers: carried_headers(&headers),
        body: body.read().await?,
        proof,
        purpose: Purpose::Plain,
    })
}

/// Path and query of a carried request.
pub(crate) fn target(cluster: &ClusterId, rest: &str, raw_query: &str) -> String {
    let mark = if raw_query.is_empty() { "" } else { "?" };
    format!("/clusters/{cluster}{rest}{mark}{raw_query}")
}

/// The headers that go along.
pub(crate) fn carried_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |name: &HeaderName| Some((name.as_str().to_owned(), headers.get(name)?.to_str().ok()?.to_owned()));
    CARRIED_HEADERS.iter().filter_map(text).collect()
}

/// The home's answer as this daemon's own.
pub(crate) fn carried_answer(carried: CarriedAnswer) -> Answer {
    let mut answer = Answer::new(carried.body);
    *answer.status_mut() = StatusCode::from_u16(carried.status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in &carried.headers {
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) else {
            continue;
        };
        // What is this connection's own matter is not repeated.
        if ![CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, ROW_VERSION].contains(&name) {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}

/// As [`carried_answer`]; the stream counts as one of this daemon's watches, and ends when this server stops.
pub(crate) fn carried_watch(api: &Arc<Api>, carried: CarriedAnswer) -> Result<Answer, Failure> {
    let slot = Slot::watch(api)?;
    let mut closing = api.closing();
    let closed = Box::pin(async move { drop(closing.wait_for(|closing| *closing).await) });
    Ok(carried_answer(carried).map(|body| {
        let frames = BodyStream::new(body).take_until(closed);
        Body::stream(frames.filter_map(move |frame| {
            // The slot lives as long as the stream.
            let _held = &slot;
            let data: Option<Result<Bytes, BodyError>> = match frame {
                Ok(frame) => frame.into_data().ok().map(Ok),
                Err(error) => Some(Err(error)),
            };
            std::future::ready(data)
        }))
    }))
}
