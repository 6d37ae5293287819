//! Where a webhook is: read once from its `clientConfig`, used for every call.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::egress::trust;

/// A URL to be called, and what its certificate is verified against.
#[derive(Clone)]
pub struct Endpoint {
    url: String,
    authority: String,
    host: String,
    port: u16,
    server_name: ServerName<'static>,
    trust: Trust,
}

/// What a certificate is verified against.
#[derive(Clone)]
pub(crate) enum Trust {
    /// The system's roots.
    System,
    /// A bundle of the configuration, and its digest.
    Bundle(Arc<ClientConfig>, [u8; 32]),
}

/// What connections are kept by: two configurations with different bundles never share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    host: String,
    port: u16,
    bundle: Option<[u8; 32]>,
}

/// Why a `clientConfig` leads nowhere. A mistake of who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// `service` is set.
    #[error("clientConfig.service is not served: there are no services here, use clientConfig.url")]
    Service,
    /// Neither `service` nor `url` is set.
    #[error("webhook configuration must have either service or URL")]
    Absent,
    /// The URL is none that is called.
    #[error("Unparsable URL: {0}")]
    Url(&'static str),
    /// The bundle holds no certificate that can be used.
    #[error("unable to load root certificates: {0}")]
    Bundle(String),
}

impl Endpoint {
    /// Reads a `clientConfig`, of admission or of conversion.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn of(client_config: &Value) -> Result<Self, EndpointError> {
        let text = |field: &str| client_config.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        if client_config.get("service").is_some_and(|service| !service.is_null()) {
            return Err(EndpointError::Service);
        }
        Self::new(text("url").ok_or(EndpointError::Absent)?, text("caBundle"))
    }

    /// A URL and, in base64, the certificates in PEM that its own must come from; without them the system's roots count.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn new(url: &str, bundle: Option<&str>) -> Result<Self, EndpointError> {
        let rule = EndpointError::Url;
        let uri: http::Uri = url.parse().ok().ok_or(rule("it is not a URL"))?;
        if uri.scheme_str() != Some("https") {
            return Err(rule("'https' is the only allowed URL scheme"));
        }
        let authority = uri.authority().ok_or(rule("host must be specified"))?;
        if authority.as_str().contains('@') {
            return Err(rule("user information is not permitted in the URL"));
        }
        if uri.query().is_some() || url.contains('#') {
            return Err(rule("query parameters and fragments are not permitted in the URL"));
        }
        let host = authority.host();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let server_name =
            ServerName::try_from(host.to_owned()).ok().ok_or(rule("host must be a name or an address"))?;
        if authority.port().is_some() && authority.port_u16().is_none() {
            return Err(rule("the port is not a number"));
        }
        let trust = match bundle.filter(|bundle| !bundle.is_empty()) {
            None => Trust::System,
            Some(bundle) => {
                let pem = STANDARD.decode(bundle).map_err(|error| EndpointError::Bundle(error.to_string()))?;
                Trust::Bundle(trust::bundle(&pem).map_err(EndpointError::Bundle)?, Sha256::digest(&pem).into())
            }
        };
        let path = if uri.path() == "/" { "" } else { uri.path() };
        Ok(Self {
            url: format!("https://{authority}{path}"),
            authority: authority.to_string(),
            host: host.to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(443),
            server_name,
            trust,
        })
    }

    /// The URL without parameters.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn server_name(&self) -> ServerName<'static> {
        self.server_name.clone()
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    pub(crate) fn destination(&self) -> Destination {
        let bundle = match &self.trust {
            Trust::System => None,
            Trust::Bundle(_, digest) => Some(*digest),
        };
        Destination { host: self.host.clone(), port: self.port, bundle }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Endpoint;

    #[test]
    fn a_client_config_leads_to_a_host_and_a_port() {
        let table = [
            ("https://hook.example/validate", "hook.example", 443, "https://hook.example/validate"),
            ("https://Hook.example:8443", "hook.example", 8443, "https://Hook.example:8443"),
            ("https://[::1]:1/x/y", "::1", 1, "https://[::1]:1/x/y"),
            ("https://10.0.0.1/", "10.0.0.1", 443, "https://10.0.0.1"),
        ];
        for (url, host, port, shown) in table {
            let endpoint = Endpoint::of(&json!({"url": url})).unwrap();
            assert_eq!((endpoint.host(), endpoint.port(), endpoint.url()), (host, port, shown));
        }
    }

    #[test]
    fn a_client_config_that_leads_nowhere_says_why() {
        let table = [
            (json!({}), "webhook configuration must have either service or URL"),
            (
                json!({"service": {"name": "s", "namespace": "n"}}),
                "clientConfig.service is not served: there are no services here, use clientConfig.url",
            ),
            (json!({"url": "http://x"}), "Unparsable URL: 'https' is the only allowed URL scheme"),
            (json!({"url": "x y"}), "Unparsable URL: it is not a URL"),
            (json!({"url": "https://u:p@x"}), "Unparsable URL: user information is not permitted in the URL"),
            (
                json!({"url": "https://x?a=b"}),
                "Unparsable URL: query parameters and fragments are not permitted in the URL",
            ),
            (
                json!({"url": "https://x", "caBundle": "eA=="}),
                "unable to load root certificates: unable to parse bytes as PEM block",
            ),
        ];
        for (config, expected) in table {
            assert_eq!(Endpoint::of(&config).unwrap_err().to_string(), expected);
        }
    }
}
