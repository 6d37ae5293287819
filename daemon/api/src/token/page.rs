//! What those who check tokens themselves read: the pages of OpenID Connect Discovery that upstream serves.

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::json;

use super::Issuer;
use super::signer::ALGORITHM;
use crate::body::{Answer, Body};
use crate::request::OpenIdPath;

/// The page. `url` is where clients of this region find the API.
pub(crate) fn page(issuer: &Issuer, path: OpenIdPath, url: &str) -> Answer {
    let (media_type, content) = match path {
        OpenIdPath::Configuration => (
            "application/json",
            json!({
                "issuer": issuer.name,
                "jwks_uri": format!("{url}/openid/v1/jwks"),
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
            }),
        ),
        OpenIdPath::Keys => ("application/jwk-set+json", json!({"keys": [issuer.signer.public_key()]})),
    };
    let mut answer = Answer::new(Body::whole(Bytes::from(content.to_string())));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    answer
}
