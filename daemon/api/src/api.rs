//! The API server: one value for each daemon. It answers requests of clients ([`Api::answer`]) and requests that other
//! daemons carry here ([`Api::answer_carried`]).

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::FutureExt;
use hanse_base::clock::Clock;
use hanse_base::pulse::Pulse;
use hanse_base::random::Random;
use hanse_metrics::exposition::Exposition;
use http::header::{HeaderMap, HeaderName};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::watch;
use tracing::Instrument;

use crate::access::{self, Answered, Ration, Sight};
use crate::admission::Admission;
use crate::answer;
use crate::authenticate::{Authenticator, ClientCertificate, Holder, User};
use crate::authorize::authorize;
use crate::body::{Answer, Body};
use crate::definitions::Definitions;
use crate::egress::Egress;
use crate::federation::{Carried, CarriedAnswer, Federation, Proof, Purpose};
use crate::health::{Check, Probe};
use crate::limits::{
    PASSED_OVER_BYTES_MAX, REQUEST_BYTES_MAX, REQUEST_PATIENCE, REQUESTS_IN_FLIGHT_MAX, TARGET_BYTES_MAX, WATCHES_MAX,
};
use crate::measure::{Counted, Measures, Origin};
use crate::request::{Request, RequestKind};
use crate::route;
use crate::status::Failure;
use crate::token::{self, Issuer};

/// What the server is told when it is made.
pub struct ApiConfig {
    /// Scheme, host and port that clients of this region use, without a slash at the end.
    pub url: String,
    /// The certificates with which clients verify this API, PEM, for the ConfigMap `kube-root-ca.crt` of each namespace;
    /// empty when they are not known.
    pub root_ca: String,
    /// The way out to webhooks.
    pub egress: Arc<dyn Egress>,
    /// Who clients are.
    pub authenticator: Authenticator,
    /// Health checks of the daemon, beside the server's own.
    pub checks: Vec<Check>,
}

/// The API server of one daemon.
pub struct Api {
    url: String,
    root_ca: String,
    egress: Arc<dyn Egress>,
    authenticator: Authenticator,
    federation: Arc<dyn Federation>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    definitions: Definitions,
    admission: Admission,
    /// Turns true once, when the server stops: watches end, new requests are refused.
    closing: watch::Sender<bool>,
    requests: AtomicUsize,
    watches: AtomicUsize,
    measures: Measures,
    ration: Ration,
    /// Beats while the listener's loop lives.
    pulse: Pulse,
    /// What the daemon around the server counts.
    surroundings: OnceLock<Surroundings>,
    /// Whether the process works at all.
    live: Vec<Check>,
    /// Whether requests should be sent here: the daemon's checks, and that the server is not stopping.
    ready: Vec<Check>,
}

/// Writes what the daemon around the server counts. Called for each reading of `/metrics`: it must not wait.
pub type Surroundings = Box<dyn Fn(&mut Exposition) + Send + Sync>;

/// The body of a request, not yet read.
#[derive(Debug)]
pub enum RequestBody {
    /// All there.
    Whole(Bytes),
    /// Still on the socket.
    Incoming(hyper::body::Incoming),
}

impl RequestBody {
    /// How many bytes its sender has announced; nothing, where it has not.
    fn announced(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Incoming(incoming) => http_body::Body::size_hint(incoming).lower(),
        }
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// 413 above [`REQUEST_BYTES_MAX`], 400 when it breaks off.
    pub async fn read(self) -> Result<Bytes, Failure> {
        let too_large = || Failure::TooLarge(format!("limit is {REQUEST_BYTES_MAX}"));
        let incoming = match self {
            Self::Whole(bytes) if bytes.len() > REQUEST_BYTES_MAX => return Err(too_large()),
            Self::Whole(bytes) => return Ok(bytes),
            Self::Incoming(incoming) => incoming,
        };
        let mut incoming = incoming;
        if http_body::Body::size_hint(&incoming).lower() > REQUEST_BYTES_MAX as u64 {
            pass_over(&mut incoming).await;
            return Err(too_large());
        }
        match Limited::new(&mut incoming, REQUEST_BYTES_MAX).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                pass_over(&mut incoming).await;
                Err(too_large())
            }
            Err(error) => Err(Failure::BadRequest(format!("the body of the request broke off: {error}"))),
        }
    }
}

/// Takes the rest of a body that is too large and drops it, so that a client that writes all before it reads is there for
/// the answer: over HTTP/1.1 a connection that is closed on unread bytes is reset, and the answer is lost. A body that goes
/// on and on is cut off at [`PASSED_OVER_BYTES_MAX`].
async fn pass_over(incoming: &mut hyper::body::Incoming) {
    let mut passed = 0;
    while passed < PASSED_OVER_BYTES_MAX
        && let Some(Ok(frame)) = incoming.frame().await
    {
        passed += frame.data_ref().map_or(0, Bytes::len);
    }
}

/// A request whose sender is known, on its way to where it is answered.
pub(crate) struct Inquiry {
    pub(crate) method: http::Method,
    pub(crate) request: Request,
    pub(crate) headers: HeaderMap,
    pub(crate) body: RequestBody,
    pub(crate) user: Arc<User>,
    pub(crate) proof: Proof,
    pub(crate) purpose: Purpose,
    /// Whether another daemon carried it here: it is never carried further.
    pub(crate) carried: bool,
}

pub(crate) const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");
/// The headers that go with a carried request.
pub(crate) const CARRIED_HEADERS: [HeaderName; 5] =
    [http::header::ACCEPT, http::header::CONTENT_TYPE, http::header::USER_AGENT, http::header::IF_NONE_MATCH, AUDIT_ID];

impl Api {
    /// A server; it answers as soon as it is asked.
    #[must_use]
    pub fn new(
        config: ApiConfig,
        federation: Arc<dyn Federation>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Arc<Self> {
        let closing = watch::Sender::new(false);
        let stopping = closing.subscribe();
        let shutdown = Check::new("shutdown", move || {
            if *stopping.borrow() { Err("the server is shutting down".to_owned()) } else { Ok(()) }
        });
        let ready = [Check::ping(), shutdown].into_iter().chain(config.checks).collect();
        Arc::new(Self {
            url: config.url,
            root_ca: config.root_ca,
            egress: config.egress,
            authenticator: config.authenticator,
            federation,
            clock,
            random,
            definitions: Definitions::new(),
            admission: Admission::new(),
            closing,
            requests: AtomicUsize::new(0),
            watches: AtomicUsize::new(0),
            measures: Measures::new(),
            ration: Ration::default(),
            pulse: Pulse::default(),
            surroundings: OnceLock::new(),
            live: vec![Check::ping()],
            ready,
        })
    }

    /// Ends all watches cleanly and refuses new requests with 503. Requests in flight go on.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Answers a request of a client. Never fails: every error is an answer.
    pub async fn answer(
        self: &Arc<Self>,
        request: http::Request<RequestBody>,
        certificate: Option<&ClientCertificate>,
    ) -> Answer {
        let begun = self.clock.monotonic();
        let (mut parts, body) = request.into_parts();
        self.measures.request_bytes.add(body.announced());
        let audit_id = self.audit_id(parts.headers.get(AUDIT_ID));
        parts.headers.insert(AUDIT_ID, audit_id.clone());
        let (method, uri, span) = (parts.method.clone(), parts.uri.clone(), access::span(&audit_id));
        let work = async {
            let mut sight = Sight::NOTHING;
            let answer = self.answer_client(parts, body, certificate, &mut sight).await;
            let (code, took) = (answer.status().as_u16(), self.clock.monotonic().saturating_sub(begun));
            self.measures.sized(http_body::Body::size_hint(answer.body()).exact());
            let (origin, path) = (Origin::Client, uri.path());
            self.note(&Answered { origin, method: &method, path, sight: &sight, code, took });
            (answer, audit_id)
        };
        let (mut answer, audit_id) = work.instrument(span).await;
        answer.headers_mut().insert(AUDIT_ID, audit_id);
        answer
    }

    async fn answer_client(
        self: &Arc<Self>,
        parts: http::request::Parts,
        body: RequestBody,
        certificate: Option<&ClientCertificate>,
        sight: &mut Sight,
    ) -> Answer {
        let accept_encoding = parts.headers.get(http::header::ACCEPT_ENCODING).cloned();
        let accept = parts.headers.get(http::header::ACCEPT).cloned();
        let pretty = answer::wants_pretty(&parts);
        let head_only = parts.method == http::Method::HEAD;
        let answer = self.attempt(parts, body, certificate, sight).await;
        let mut answer = answer.unwrap_or_else(|failure| {
            answer::failure(&failure, accept.as_ref().map(http::HeaderValue::as_bytes), pretty)
        });
        answer::finish(&mut answer);
        if head_only {
            return answer.map(|_| Body::empty());
        }
        answer::compressed(accept_encoding, answer).await
    }

    /// Counts an answered request, and logs it.
    fn note(&self, answered: &Answered<'_>) {
        self.measures.answered(answered.origin, answered.sight.counted, answered.code, answered.took);
        if !answered.log(&self.ration, self.clock.monotonic()) {
            self.measures.lines_held_back.count();
        }
    }

    async fn attempt(
        self: &Arc<Self>,
        parts: http::request::Parts,
        body: RequestBody,
        certificate: Option<&ClientCertificate>,
        sight: &mut Sight,
    ) -> Result<Answer, Failure> {
        let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
        if path.len() + query.len() > TARGET_BYTES_MAX {
            return Err(Failure::TargetTooLong);
        }
        let (holder, proof) = self.authenticator.user(&parts.headers, certificate, self.clock.wall_ms())?;
        let mut request = Request::parse(&parts.method, path, query)?;
        sight.counted = Counted::of(&request);
        let user = self.user(holder, &proof, &mut request).await?;
        sight.user = Some(Arc::clone(&user));
        refuse_impersonation(&parts.headers, &user)?;
        let (method, headers) = (parts.method, parts.headers);
        let purpose = Purpose::Plain;
        self.guarded(Inquiry { method, request, headers, body, user, proof, purpose, carried: false }).await
    }

    /// Answers a request that another daemon has carried here, because this group is the home. It is authenticated and
    /// authorized again, and never carried further: at the wrong home it is 503 with `Retry-After`.
    pub async fn answer_carried(self: &Arc<Self>, carried: Carried) -> CarriedAnswer {
        let named = carried.headers.iter().find(|(name, _)| name == http::header::ACCEPT.as_str());
        let accept = named.map(|(_, value)| value.clone());
        let begun = self.clock.monotonic();
        let named = carried.headers.iter().find(|(name, _)| name == AUDIT_ID.as_str());
        let audit_id = named.and_then(|(_, value)| http::HeaderValue::from_str(value).ok());
        let audit_id = self.audit_id(audit_id.as_ref());
        let method = http::Method::from_bytes(carried.method.as_bytes()).unwrap_or_default();
        let path = carried.target.split('?').next().unwrap_or_default().to_owned();
        let work = async {
            let mut sight = Sight::NOTHING;
            let answer = self.attempt_carried(carried, &mut sight).await;
            let accept = accept.as_ref().map(String::as_bytes);
            let answer = answer.unwrap_or_else(|failure| answer::failure(&failure, accept, false));
            let (code, took) = (answer.status().as_u16(), self.clock.monotonic().saturating_sub(begun));
            let (method, path, sight, origin) = (&method, path.as_str(), &sight, Origin::Daemon);
            self.note(&Answered { origin, method, path, sight, code, took });
            answer
        };
        let answer = work.instrument(access::span(&audit_id)).await;
        let (head, body) = answer.into_parts();
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        CarriedAnswer { status: head.status.as_u16(), headers, body }
    }

    async fn attempt_carried(self: &Arc<Self>, carried: Carried, sight: &mut Sight) -> Result<Answer, Failure> {
        let holder = self.authenticator.carried_user(&carried.proof, self.clock.wall_ms())?;
        let method = http::Method::from_bytes(carried.method.as_bytes()).or(Err(Failure::MethodNotServed))?;
        let (path, query) = carried.target.split_once('?').unwrap_or((&carried.target, ""));
        let mut request = Request::parse(&method, path, query)?;
        sight.counted = Counted::of(&request);
        let user = self.user(holder, &carried.proof, &mut request).await?;
        sight.user = Some(Arc::clone(&user));
        let mut headers = HeaderMap::new();
        for (name, value) in &carried.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| CARRIED_HEADERS.contains(name));
            if let (Some(name), Ok(value)) = (name, http::HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        }
        let (body, proof, purpose) = (RequestBody::Whole(carried.body), carried.proof, carried.purpose);
        self.guarded(Inquiry { method, request, headers, body, user, proof, purpose, carried: true }).await
    }

    /// Who the sender of the request is. A service account's token decides where a request at the host is meant for.
    async fn user(&self, holder: Holder, proof: &Proof, request: &mut Request) -> Result<Arc<User>, Failure> {
        match holder {
            Holder::Known(user) => Ok(user),
            Holder::Account(bearer) => token::holder::user(self, &bearer, request, proof).await,
        }
    }

    /// Authorizes, counts and limits the time of a request; a panic costs this request only.
    async fn guarded(self: &Arc<Self>, inquiry: Inquiry) -> Result<Answer, Failure> {
        authorize(&inquiry.user, &inquiry.request, &inquiry.method)?;
        let health = matches!(inquiry.request.kind, RequestKind::Health(..));
        if *self.closing.borrow() && !health {
            return Err(Failure::Unavailable("the server is shutting down, please try again".to_owned()));
        }
        let watch = inquiry.request.is_watch();
        let reads = matches!(inquiry.method, http::Method::GET | http::Method::HEAD);
        let _slot = if watch { None } else { Some(Slot::request(self)?) };
        let work = AssertUnwindSafe(Box::pin(route::route(self, inquiry))).catch_unwind();
        match tokio::time::timeout(REQUEST_PATIENCE, work).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => {
                self.measures.panics.count();
                tracing::error!("a request panicked");
                Err(Failure::Internal("the request could not be completed; this is a bug".to_owned()))
            }
            Err(_) if reads => Err(Failure::Timeout("the request was not answered in time".to_owned())),
            Err(_) => Err(Failure::Timeout(
                "the request was not answered in time: the change may have happened or may still happen; read before trying again"
                    .to_owned(),
            )),
        }
    }

    /// Every request has an id: its own, where that is one that can be shown, or a new one.
    fn audit_id(&self, given: Option<&http::HeaderValue>) -> http::HeaderValue {
        let known = given.filter(|id| access::is_valid(id)).cloned();
        known.unwrap_or_else(|| {
            let made = http::HeaderValue::from_str(&crate::encode::uuid(&*self.random));
            made.unwrap_or(http::HeaderValue::from_static("-"))
        })
    }

    /// Adds what the daemon around the server counts to `/metrics`. Only the first call counts.
    pub fn surround(&self, surroundings: Surroundings) {
        self.surroundings.get_or_init(|| surroundings);
    }

    /// What `/metrics` shows.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut out = Exposition::new();
        self.measures.write(&mut out, self.requests.load(Ordering::Relaxed), self.watches.load(Ordering::Relaxed));
        if let Some(surroundings) = self.surroundings.get() {
            surroundings(&mut out);
        }
        out.into_text()
    }

    /// Beats while the listener's loop lives, at least every [`PULSE_INTERVAL`](crate::limits::PULSE_INTERVAL).
    #[must_use]
    pub fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Requests and watches at work now.
    #[must_use]
    pub fn at_work(&self) -> (usize, usize) {
        (self.requests.load(Ordering::Relaxed), self.watches.load(Ordering::Relaxed))
    }

    pub(crate) fn measures(&self) -> &Measures {
        &self.measures
    }

    pub(crate) fn root_ca(&self) -> &str {
        &self.root_ca
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn checks(&self, probe: Probe) -> &[Check] {
        if probe == Probe::Livez { &self.live } else { &self.ready }
    }

    pub(crate) fn federation(&self) -> &Arc<dyn Federation> {
        &self.federation
    }

    pub(crate) fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }

    pub(crate) fn egress(&self) -> &dyn Egress {
        &*self.egress
    }

    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// What signs tokens of service accounts, where the daemon has a key for it.
    pub(crate) fn issuer(&self) -> Option<&Arc<Issuer>> {
        self.authenticator.issuer()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.random
    }

    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }
}

/// A place among the requests, or the watches, that are at work. Given back when it is dropped.
pub(crate) struct Slot {
    api: Arc<Api>,
    watch: bool,
}

impl Slot {
    pub(crate) fn request(api: &Arc<Api>) -> Result<Self, Failure> {
        Self::take(api, false, REQUESTS_IN_FLIGHT_MAX)
    }

    pub(crate) fn watch(api: &Arc<Api>) -> Result<Self, Failure> {
        Self::take(api, true, WATCHES_MAX)
    }

    fn take(api: &Arc<Api>, watch: bool, max: usize) -> Result<Self, Failure> {
        // The slot comes first, so that a refusal gives the place back.
        let slot = Self { api: Arc::clone(api), watch };
        if slot.counter().fetch_add(1, Ordering::Relaxed) >= max {
            return Err(Failure::TooManyRequests("too many requests, please try again later".to_owned()));
        }
        Ok(slot)
    }

    fn counter(&self) -> &AtomicUsize {
        if self.watch { &self.api.watches } else { &self.api.requests }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.counter().fetch_sub(1, Ordering::Relaxed);
    }
}

/// Impersonation is not served yet; passing over it would let the request run with the sender's own rights.
fn refuse_impersonation(headers: &HeaderMap, user: &User) -> Result<(), Failure> {
    if headers.keys().any(|name| name.as_str().starts_with("impersonate-")) {
        let who = hanse_schema::cause::quote(&user.name);
        return Err(Failure::forbidden(
            crate::status::Subject::new("", "users", ""),
            format!("User {who} cannot impersonate resource \"users\" in API group \"\" at the cluster scope"),
        ));
    }
    Ok(())
}
