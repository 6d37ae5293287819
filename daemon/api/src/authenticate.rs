//! Who is asking: bearer tokens from the token file, service accounts, client certificates, or nobody (`system:anonymous`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderMap};
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::federation::{Proof, Secret};
use crate::status::Failure;
use crate::token::{Bearer, Issuer, Refused};

/// A user, as authorization and the objects that it makes see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Name, for example `kcp-admin`.
    pub name: String,
    /// Unique id, may be empty.
    pub uid: String,
    /// Groups, `system:authenticated` or `system:unauthenticated` among them.
    pub groups: Vec<String>,
    /// What else is known, by key: which token it was, for instance.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Whom credentials name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A user who is known here.
    Known(Arc<User>),
    /// A service account, whose token is signed well: whether the account exists is known at its home only.
    Account(Box<Bearer>),
}

/// Members may do everything, everywhere, by every path.
pub const MASTERS: &str = "system:masters";
/// kcp's administrators: everything but what is reserved to [`MASTERS`].
pub const KCP_ADMIN: &str = "system:kcp:admin";
const AUTHENTICATED: &str = "system:authenticated";

impl User {
    /// The user of a request without credentials.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            uid: String::new(),
            groups: vec!["system:unauthenticated".to_owned()],
            extra: BTreeMap::new(),
        }
    }

    /// Whether the user is a member.
    #[must_use]
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }

    fn authenticated(name: &str, uid: &str, groups: impl Iterator<Item = String>) -> Self {
        let mut groups: Vec<String> = groups.filter(|group| !group.is_empty() && group != AUTHENTICATED).collect();
        groups.push(AUTHENTICATED.to_owned());
        Self { name: name.to_owned(), uid: uid.to_owned(), groups, extra: BTreeMap::new() }
    }
}

/// The token file's content: only hashes of the tokens are kept, and they are compared in constant time.
#[derive(Default)]
pub struct TokenTable(Vec<([u8; 32], Arc<User>)>);

/// A line of the token file that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the token file is malformed: {rule}")]
pub struct TokenFileError {
    /// Its number, from 1.
    pub line: usize,
    /// The rule that it breaks.
    pub rule: &'static str,
}

const TOKENS_MAX: usize = 1_000;

impl TokenTable {
    /// Reads kube-apiserver's format: `token,user,uid,"group1,group2"`, the groups optional. Empty lines and those
    /// that begin with `#` are skipped.
    ///
    /// # Errors
    /// The first line that is not understood. The line itself is never shown: it holds a secret.
    pub fn parse(text: &str) -> Result<Self, TokenFileError> {
        let mut rows = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let error = |rule| TokenFileError { line: index + 1, rule };
            let fields = csv_fields(line).ok_or(error("a quote is not closed, or something follows a closed one"))?;
            let [token, name, uid, groups @ ..] = fields.as_slice() else {
                return Err(error("it must have at least token, user and uid"));
            };
            if token.is_empty() || name.is_empty() || groups.len() > 1 {
                return Err(error("it must be token,user,uid,\"group1,group2\" with a token and a user"));
            }
            if rows.len() == TOKENS_MAX {
                return Err(error("there are more than 1000 tokens"));
            }
            let groups = groups.first().map(String::as_str).unwrap_or_default();
            let groups = groups.split(',').map(|group| group.trim().to_owned());
            rows.push((digest(token), Arc::new(User::authenticated(name, uid, groups))));
        }
        Ok(Self(rows))
    }

    /// The user of a token. Takes the same time for every token.
    fn user(&self, token: &str) -> Option<&Arc<User>> {
        let wanted = digest(token);
        self.0.iter().fold(None, |found, (own, user)| if bool::from(own.ct_eq(&wanted)) { Some(user) } else { found })
    }
}

impl fmt::Debug for TokenTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenTable({} tokens)", self.0.len())
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Fields of one CSV line; `""` in quotes is a quote.
fn csv_fields(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let (field, after) = rest.split_once(',').map_or((rest, None), |(field, after)| (field, Some(after)));
            fields.push(field.to_owned());
            match after {
                Some(after) => rest = after,
                None => return Some(fields),
            }
            continue;
        };
        let mut field = String::new();
        let mut characters = quoted.char_indices().peekable();
        let end = loop {
            match characters.next()? {
                (_, '"') if characters.next_if(|(_, next)| *next == '"').is_some() => field.push('"'),
                (at, '"') => break at + 1,
                (_, other) => field.push(other),
            }
        };
        fields.push(field);
        match quoted.get(end..)? {
            "" => return Some(fields),
            after => rest = after.strip_prefix(',')?,
        }
    }
}

/// Turns credentials into users.
pub struct Authenticator {
    tokens: TokenTable,
    /// Checks certificates that a carried request shows; those of connections were checked by the TLS handshake.
    clients: Option<Arc<dyn ClientCertVerifier>>,
    /// Signs and checks tokens of service accounts.
    issuer: Option<Arc<Issuer>>,
    anonymous: Arc<User>,
}

impl Authenticator {
    /// `clients` is the verifier that the listener's TLS uses; without it no certificate is accepted.
    #[must_use]
    pub fn new(tokens: TokenTable, clients: Option<Arc<dyn ClientCertVerifier>>) -> Self {
        Self { tokens, clients, issuer: None, anonymous: Arc::new(User::anonymous()) }
    }

    /// Lets service accounts in, and lets them have tokens.
    #[must_use]
    pub fn with_issuer(self, issuer: Arc<Issuer>) -> Self {
        Self { issuer: Some(issuer), ..self }
    }

    pub(crate) fn issuer(&self) -> Option<&Arc<Issuer>> {
        self.issuer.as_ref()
    }

    /// The user of a request on a connection. As upstream, a certificate goes before a token, and a token that is not
    /// known is refused even where nobody would have to be known.
    ///
    /// # Errors
    /// 401.
    pub fn user(
        &self,
        headers: &HeaderMap,
        certificate: Option<&ClientCertificate>,
        now_ms: u64,
    ) -> Result<(Holder, Proof), Failure> {
        if let Some(certificate) = certificate {
            let proof = Proof::Certificate(certificate.chain.as_ref().clone());
            return Ok((Holder::Known(Arc::clone(&certificate.user)), proof));
        }
        let Some(header) = headers.get(AUTHORIZATION) else {
            return Ok((self.nobody(), Proof::Anonymous));
        };
        let text = header.to_str().or(Err(Failure::Unauthorized))?.trim();
        match text.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                let token = token.trim();
                Ok((self.holder(token, now_ms)?, Proof::Token(Secret::new(token))))
            }
            // Other schemes are nobody's here; upstream passes over them.
            _ => Ok((self.nobody(), Proof::Anonymous)),
        }
    }

    /// Whose bearer token it is, for those who want one for these audiences; `None` stands for the API itself.
    ///
    /// # Errors
    /// Why it is nobody's.
    pub(crate) fn holder_of(&self, token: &str, audiences: Option<&[String]>, now_ms: u64) -> Result<Holder, Refused> {
        // Tokens of the file are for the API itself.
        let for_api = audiences.is_none_or(|wanted| wanted.iter().any(|audience| self.is_own_audience(audience)));
        if let Some(user) = self.tokens.user(token).filter(|_| for_api) {
            return Ok(Holder::Known(Arc::clone(user)));
        }
        let issuer = self.issuer.as_ref().filter(|issuer| issuer.is_named_by(token)).ok_or(Refused::Unknown)?;
        let own = [issuer.audience().to_owned()];
        issuer.verify(token, audiences.unwrap_or(&own), now_ms).map(|bearer| Holder::Account(Box::new(bearer)))
    }

    fn is_own_audience(&self, audience: &str) -> bool {
        self.issuer.as_ref().is_some_and(|issuer| issuer.audience() == audience)
    }

    fn holder(&self, token: &str, now_ms: u64) -> Result<Holder, Failure> {
        self.holder_of(token, None, now_ms).map_err(|why| {
            tracing::debug!(%why, "a token is refused");
            Failure::Unauthorized
        })
    }

    fn nobody(&self) -> Holder {
        Holder::Known(Arc::clone(&self.anonymous))
    }

    /// The sender of a carried request: its proof is checked again, here at the home.
    ///
    /// # Errors
    /// 401.
    pub fn carried_user(&self, proof: &Proof, now_ms: u64) -> Result<Holder, Failure> {
        match proof {
            Proof::Anonymous => Ok(self.nobody()),
            Proof::Token(token) => self.holder(token.expose(), now_ms),
            Proof::Certificate(chain) => self.certificate_user(chain, now_ms).map(Holder::Known),
        }
    }

    fn certificate_user(&self, chain: &[Vec<u8>], now_ms: u64) -> Result<Arc<User>, Failure> {
        let clients = self.clients.as_ref().ok_or(Failure::Unauthorized)?;
        let (leaf, intermediates) = chain.split_first().ok_or(Failure::Unauthorized)?;
        let intermediates: Vec<_> = intermediates.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_millis(now_ms));
        clients
            .verify_client_cert(&CertificateDer::from(leaf.as_slice()), &intermediates, now)
            .or(Err(Failure::Unauthorized))?;
        ClientCertificate::new(chain.to_vec()).map(|certificate| certificate.user).ok_or(Failure::Unauthorized)
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// The certificate of a connection: read once, when the handshake is done. The handshake has checked it.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    user: Arc<User>,
    chain: Arc<Vec<Vec<u8>>>,
}

impl ClientCertificate {
    /// Reads the user (common name) and the groups (organizations) of the leaf. `None` when there is no common name.
    #[must_use]
    pub fn new(chain: Vec<Vec<u8>>) -> Option<Self> {
        let (_, leaf) = X509Certificate::from_der(chain.first()?).ok()?;
        let subject = leaf.subject();
        let name = subject.iter_common_name().next()?.as_str().ok()?;
        let groups = subject.iter_organization().filter_map(|group| group.as_str().ok()).map(str::to_owned);
        let user = Arc::new(User::authenticated(name, "", groups));
        Some(Self { user, chain: Arc::new(chain) })
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::proptest;

    use super::{Authenticator, ClientCertificate, Holder, TokenTable, User};
    use crate::federation::{Proof, Secret};
    use crate::status::Failure;

    const FILE: &str =
        "# comment\n\nabc,kcp-admin,u1,\"system:kcp:admin, team\"\ndef,\"joe \"\"x\"\"\",,\nghi,solo,u3\n";

    fn known(holder: Holder) -> User {
        match holder {
            Holder::Known(user) => User::clone(&user),
            Holder::Account(bearer) => panic!("{bearer:?}"),
        }
    }

    fn bearer(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::header::AUTHORIZATION, HeaderValue::from_str(text).unwrap())])
    }

    #[test]
    fn tokens_are_known_and_others_are_refused() {
        let authenticator = Authenticator::new(TokenTable::parse(FILE).unwrap(), None);
        let user =
            |headers: &HeaderMap| authenticator.user(headers, None, 0).map(|(holder, proof)| (known(holder), proof));
        let (admin, proof) = user(&bearer("Bearer abc")).unwrap();
        assert_eq!((admin.name.as_str(), admin.uid.as_str()), ("kcp-admin", "u1"));
        assert_eq!(admin.groups, ["system:kcp:admin", "team", "system:authenticated"]);
        assert_eq!(proof, Proof::Token(Secret::new("abc")));
        assert_eq!(user(&bearer("bearer  def")).unwrap().0.name, "joe \"x\"");
        assert_eq!(user(&bearer("Bearer ghi")).unwrap().0.groups, ["system:authenticated"]);
        for bad in ["Bearer nope", "Bearer ab", "Bearer abc,kcp-admin"] {
            assert_eq!(user(&bearer(bad)), Err(Failure::Unauthorized), "{bad}");
        }
        assert_eq!(user(&bearer("Basic abc")).unwrap().0.name, "system:anonymous");
        assert_eq!(user(&HeaderMap::new()).unwrap().0.groups, ["system:unauthenticated"]);
    }

    #[test]
    fn a_carried_proof_is_checked_again() {
        let authenticator = Authenticator::new(TokenTable::parse(FILE).unwrap(), None);
        let carried = |proof| authenticator.carried_user(&proof, 0).map(|holder| known(holder).name);
        assert_eq!(carried(Proof::Token(Secret::new("abc"))), Ok("kcp-admin".to_owned()));
        assert_eq!(carried(Proof::Token(Secret::new("x"))), Err(Failure::Unauthorized));
        assert_eq!(carried(Proof::Anonymous), Ok("system:anonymous".to_owned()));
        assert_eq!(carried(Proof::Certificate(vec![vec![1, 2, 3]])), Err(Failure::Unauthorized));
    }

    #[test]
    fn a_malformed_line_is_named_but_not_shown() {
        for bad in
            ["hush", "hush,user", ",user,uid", "hush,,uid", "hush,user,uid,a,b", "hush,\"user,uid", "hush,\"u\"x,uid"]
        {
            let error = TokenTable::parse(&format!("\n{bad}\n")).unwrap_err();
            assert_eq!(error.line, 2, "{bad}");
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }

    #[test]
    fn tokens_do_not_show() {
        let table = TokenTable::parse(FILE).unwrap();
        assert_eq!(
            format!("{:?}", Authenticator::new(table, None)),
            "Authenticator { tokens: TokenTable(3 tokens), .. }"
        );
    }

    proptest! {
        #[test]
        fn no_token_file_and_no_certificate_panics(text in "(\\PC|[\",\n]){0,80}", der in proptest::collection::vec(0_u8.., 0..64)) {
            drop(TokenTable::parse(&text));
            drop(ClientCertificate::new(vec![der]));
        }
    }
}
