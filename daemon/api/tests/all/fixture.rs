//! Regions in memory, joined by function calls, and a client for them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use hanse_api::api::{Api, ApiConfig, RequestBody};
use hanse_api::authenticate::{Authenticator, TokenTable};
use hanse_api::body::Answer;
use hanse_api::egress::HttpsEgress;
use hanse_api::egress::address::AddressRules;
use hanse_api::federation::{Carried, CarriedAnswer, CarryError, Federation, RegionView, Reserved};
use hanse_api::token::Issuer;
use hanse_api::workspace::content::root_objects;
use hanse_base::clock::Clock;
use hanse_base::id::{ClusterId, GroupId, RegionName, Revision};
use hanse_base::net::BoxFuture;
use hanse_base::random::Random;
use hanse_store::history::HistoryLimits;
use hanse_store::home::{Home, HomeError};
use hanse_store::hub::Hub;
use hanse_store::memory::MemoryHome;
use hanse_store::state::State;
use hanse_store::txn::{Operation, Outcome, Refusal, Region as Described, Txn};
use http_body_util::{BodyExt, BodyStream};
use serde_json::Value;

pub(crate) const TOKENS: &str =
    "admin,kcp-admin,1,\"system:kcp:admin\"\nmaster,shard-admin,2,\"system:masters\"\nuser,joe,3,team\n";
pub(crate) const NOW_MS: u64 = 1_790_000_000_000;
/// Who signs tokens of service accounts, in all regions.
pub(crate) const ISSUER: &str = "https://hanse.test";
static SIGNING_KEY: LazyLock<Vec<u8>> = LazyLock::new(|| rcgen::KeyPair::generate().unwrap().serialize_der());

/// Stands still until a test moves it.
pub(crate) struct TestClock(pub(crate) AtomicU64);

impl Clock for TestClock {
    fn wall_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// A fixed sequence (splitmix64), so that a failure repeats.
struct TestRandom(AtomicU64);

impl Random for TestRandom {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let mut number = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(number ^ (number >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A home in memory that can be late and can fail, as a group on a network is and does.
pub(crate) struct Gate {
    home: Arc<MemoryHome>,
    /// What the local replica still shows.
    late: Mutex<Option<Arc<State>>>,
    /// What comes of a submission.
    pub(crate) failure: Mutex<Option<HomeError>>,
    pub(crate) reads_fail: AtomicBool,
    /// Whether others come between a read and the submission that follows it.
    pub(crate) others_between: AtomicBool,
    /// What others do right after a submission, before its sender looks again.
    pub(crate) afterwards: Mutex<Option<Afterwards>>,
}

pub(crate) type Afterwards = Box<dyn Fn(&MemoryHome) + Send>;

impl Home for Gate {
    fn group(&self) -> &GroupId {
        self.home.group()
    }

    fn view(&self) -> Arc<State> {
        self.late.lock().unwrap().clone().unwrap_or_else(|| self.home.view())
    }

    fn read(&self) -> BoxFuture<'_, Result<Arc<State>, HomeError>> {
        if self.reads_fail.load(Ordering::Relaxed) {
            let error = HomeError::Unavailable { group: self.group().clone(), why: "no leader".into() };
            return Box::pin(std::future::ready(Err(error)));
        }
        self.home.read()
    }

    fn read_from(&self, revision: Revision, patience: Duration) -> BoxFuture<'_, Result<Arc<State>, HomeError>> {
        self.home.read_from(revision, patience)
    }

    fn submit(&self, txn: Txn) -> BoxFuture<'_, Result<Outcome, HomeError>> {
        match self.failure.lock().unwrap().clone() {
            Some(error) => Box::pin(std::future::ready(Err(error))),
            None => Box::pin(async move {
                if self.others_between.load(Ordering::Relaxed) {
                    tokio::task::yield_now().await;
                }
                let outcome = self.home.submit(txn).await;
                if let Some(afterwards) = &*self.afterwards.lock().unwrap() {
                    afterwards(&self.home);
                }
                outcome
            }),
        }
    }

    fn hub(&self) -> &Arc<Hub> {
        self.home.hub()
    }
}

/// One region with one group.
pub(crate) struct Region {
    pub(crate) api: Arc<Api>,
    pub(crate) home: Arc<MemoryHome>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) link: Arc<Link>,
    pub(crate) clock: Arc<TestClock>,
}

/// What a region knows of the others.
pub(crate) struct Link {
    name: String,
    local: Arc<dyn Home>,
    /// Whether the region is cut from all others.
    pub(crate) cut: AtomicBool,
    peers: OnceLock<BTreeMap<GroupId, Peer>>,
    pub(crate) carried: Mutex<Vec<String>>,
}

struct Peer {
    api: Weak<Api>,
    home: Arc<MemoryHome>,
    link: Arc<Link>,
}

impl Link {
    fn reachable(&self, to: &GroupId) -> Result<&Peer, CarryError> {
        let peer = self.peers.get().and_then(|peers| peers.get(to));
        let open = |peer: &&Peer| !self.cut.load(Ordering::Relaxed) && !peer.link.cut.load(Ordering::Relaxed);
        let region = RegionName::new(to.as_str()).unwrap();
        peer.filter(open).ok_or(CarryError::Unreachable { region, why: "no link".into() })
    }
}

impl Federation for Link {
    fn local(&self) -> &Arc<dyn Home> {
        &self.local
    }

    fn regions(&self) -> Vec<RegionView> {
        let groups = self.peers.get().unwrap().keys();
        groups
            .map(|group| RegionView {
                region: RegionName::new(group.as_str()).unwrap(),
                group: group.clone(),
                labels: BTreeMap::from([
                    ("region".to_owned(), group.to_string()),
                    ("survives".to_owned(), "zone".to_owned()),
                ]),
                reachable: self.reachable(group).is_ok(),
                local: group.as_str() == self.name,
            })
            .collect()
    }

    fn carry(&self, to: &GroupId, request: Carried) -> BoxFuture<'_, Result<CarriedAnswer, CarryError>> {
        let to = to.clone();
        Box::pin(async move {
            let peer = self.reachable(&to)?.api.upgrade().expect("the region lives");
            self.carried.lock().unwrap().push(format!("{} {}", request.method, request.target));
            let head = request.encode_head().expect("the request fits into a head");
            let request = Carried::decode(&head, request.body).expect("a head is decoded");
            let answer = peer.answer_carried(request).await;
            let head = answer.encode_head().expect("the answer fits into a head");
            Ok(CarriedAnswer::decode(&head, hanse_api::body::Body::boxed(answer.body)).expect("a head is decoded"))
        })
    }

    fn reserve_name(
        &self,
        at: &GroupId,
        parent: &ClusterId,
        name: &str,
        id: &ClusterId,
    ) -> BoxFuture<'_, Result<Reserved, CarryError>> {
        let operation = Operation::ReserveName { parent: parent.clone(), name: name.to_owned(), id: id.clone() };
        let home = self.reachable(at).map(|peer| Arc::clone(&peer.home));
        Box::pin(async move {
            let home = home?;
            Ok(match apply(&home, vec![operation]) {
                Outcome::Done { .. } => Reserved::Granted,
                Outcome::Refused(Refusal::Missing { .. }) => Reserved::ParentMissing,
                Outcome::Refused(Refusal::Deleting { .. }) => Reserved::ParentDeleting,
                Outcome::Refused(_) => Reserved::Taken { by: ClusterId::new("another").unwrap() },
            })
        })
    }
}

pub(crate) fn apply(home: &MemoryHome, operations: Vec<Operation>) -> Outcome {
    home.apply(&[Txn { time_ms: NOW_MS, preconditions: Vec::new(), operations }]).remove(0)
}

/// One region on its own, with `root`.
pub(crate) fn region() -> Region {
    region_with(HistoryLimits::default())
}

pub(crate) fn region_with(limits: HistoryLimits) -> Region {
    regions_with(&["eu"], limits, Some(&issuer())).remove(0)
}

/// One region whose daemon was given no key for tokens of service accounts.
pub(crate) fn region_without_keys() -> Region {
    regions_with(&["eu"], HistoryLimits::default(), None).remove(0)
}

fn issuer() -> Arc<Issuer> {
    Arc::new(Issuer::new(ISSUER, &SIGNING_KEY).unwrap())
}

/// Regions that know each other; the first is the founder.
pub(crate) fn regions(names: &[&str]) -> Vec<Region> {
    regions_with(names, HistoryLimits::default(), Some(&issuer()))
}

fn regions_with(names: &[&str], limits: HistoryLimits, issuer: Option<&Arc<Issuer>>) -> Vec<Region> {
    let founder = GroupId::new(names[0]).unwrap();
    let regions: Vec<Region> =
        names.iter().zip(1_u64..).map(|(name, seed)| one(name, seed, &founder, limits, issuer)).collect();
    for region in &regions {
        let peer = |other: &Region| Peer {
            api: Arc::downgrade(&other.api),
            home: Arc::clone(&other.home),
            link: Arc::clone(&other.link),
        };
        let peers = regions.iter().map(|other| (other.home.group().clone(), peer(other))).collect();
        assert!(region.link.peers.set(peers).is_ok());
    }
    regions
}

fn one(name: &str, seed: u64, founder: &GroupId, limits: HistoryLimits, issuer: Option<&Arc<Issuer>>) -> Region {
    let home = MemoryHome::with_limits(GroupId::new(name).unwrap(), limits);
    let url = format!("https://{name}.example:6443");
    let random = Arc::new(TestRandom(AtomicU64::new(seed)));
    let described = Described { name: RegionName::new(name).unwrap(), url: url.clone(), founder: founder.clone() };
    let mut operations = vec![Operation::Describe(described)];
    if *home.group() == *founder {
        operations.push(Operation::FoundRoot(root_objects(&url, "", NOW_MS, &*random)));
    }
    assert!(matches!(apply(&home, operations), Outcome::Done { .. }));
    let gate = Arc::new(Gate {
        home: Arc::clone(&home),
        late: Mutex::default(),
        failure: Mutex::default(),
        reads_fail: AtomicBool::new(false),
        others_between: AtomicBool::new(false),
        afterwards: Mutex::default(),
    });
    let link = Arc::new(Link {
        name: name.to_owned(),
        local: Arc::clone(&gate) as Arc<dyn Home>,
        cut: AtomicBool::new(false),
        peers: OnceLock::new(),
        carried: Mutex::default(),
    });
    let mut authenticator = Authenticator::new(TokenTable::parse(TOKENS).unwrap(), None);
    if let Some(issuer) = issuer {
        authenticator = authenticator.with_issuer(Arc::clone(issuer));
    }
    let egress = Arc::new(HttpsEgress::new(AddressRules::default().with_loopback()));
    let config = ApiConfig { url, root_ca: String::new(), egress, authenticator, checks: Vec::new() };
    let clock = Arc::new(TestClock(AtomicU64::new(NOW_MS)));
    let api = Api::new(config, Arc::clone(&link) as Arc<dyn Federation>, Arc::clone(&clock) as Arc<dyn Clock>, random);
    Region { api, home, gate, link, clock }
}

/// Brings every region's documents to all others.
pub(crate) fn synchronize(regions: &[Region]) {
    for from in regions {
        for to in regions.iter().filter(|to| !Arc::ptr_eq(&to.home, &from.home)) {
            let cursor = to.home.view().cursor(from.home.group());
            let batch = from.home.view().changes().changes_after(&cursor, 1 << 24, 1 << 16);
            for change in batch.changes {
                let (document, sequence) = (change.document, change.sequence);
                let operation = Operation::MergeChanges { document, sequence, changes: vec![change.bytes] };
                assert!(matches!(apply(&to.home, vec![operation]), Outcome::Done { .. }));
            }
        }
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The answer's JSON, after a look at its status.
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }

    /// The message of a `Status`, after a look at its code.
    pub(crate) fn failure(&self, status: u16) -> String {
        let json = self.expect(status);
        assert_eq!(json["kind"], "Status");
        json["message"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// `METHOD /path`, as the administrator of kcp unless a header says otherwise. Paths that do not begin with
/// `/clusters/` or `//` are below `root`; `//` is the host.
pub(crate) fn request(line: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> http::Request<RequestBody> {
    let (method, path) = line.split_once(' ').unwrap();
    let uri = match path.strip_prefix("//") {
        Some(rest) => format!("/{rest}"),
        None if path.starts_with("/clusters/") => path.to_owned(),
        None => format!("/clusters/root{path}"),
    };
    let mut request = http::Request::builder().method(method).uri(uri);
    if !headers.iter().any(|(name, _)| *name == "authorization") {
        request = request.header("authorization", "Bearer admin");
    }
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    request.body(RequestBody::Whole(body.into())).unwrap()
}

impl Region {
    /// From now on the local replica shows the state of this moment, while the group goes on.
    pub(crate) fn freeze(&self) {
        *self.gate.late.lock().unwrap() = Some(self.home.view());
    }

    pub(crate) fn home_revision(&self) -> u64 {
        self.home.view().revision().0
    }

    pub(crate) async fn send(&self, line: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
        read(self.api.answer(request(line, headers, body), None).await).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(&format!("GET {path}"), &[], "").await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(&format!("DELETE {path}"), &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(&format!("POST {path}"), &[], body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(&format!("PUT {path}"), &[], body.to_string()).await
    }

    pub(crate) async fn merge(&self, path: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/merge-patch+json")];
        self.send(&format!("PATCH {path}"), &headers, body.to_string()).await
    }

    /// Makes a ConfigMap in `default` of `root` and returns it.
    pub(crate) async fn map(&self, name: &str, labels: &Value) -> Value {
        self.post(MAPS, &map(name, labels)).await.expect(201)
    }

    /// Opens a watch.
    pub(crate) async fn watch(&self, path: &str) -> Watcher {
        self.open_as(&format!("GET {path}"), "admin").await
    }

    /// Opens a watch as another user.
    pub(crate) async fn open_as(&self, line: &str, token: &str) -> Watcher {
        self.stream(line, &[("authorization", &format!("Bearer {token}"))]).await
    }

    /// Opens a watch that shows tables.
    pub(crate) async fn open_table(&self, path: &str) -> Watcher {
        self.stream(&format!("GET {path}"), &[("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")]).await
    }

    async fn stream(&self, line: &str, headers: &[(&str, &str)]) -> Watcher {
        let answer = self.api.answer(request(line, headers, ""), None).await;
        assert_eq!(answer.status(), 200);
        Watcher { frames: BodyStream::new(answer.into_body()), rest: Vec::new() }
    }
}

pub(crate) const MAPS: &str = "/api/v1/namespaces/default/configmaps";

pub(crate) fn map(name: &str, labels: &Value) -> Value {
    serde_json::json!({"metadata": {"name": name, "labels": labels}, "data": {"k": "v"}})
}

pub(crate) async fn read(answer: Answer) -> Reply {
    let (head, body) = answer.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Reply { status: head.status.as_u16(), headers: head.headers, bytes }
}

/// A watch under way.
pub(crate) struct Watcher {
    frames: BodyStream<hanse_api::body::Body>,
    rest: Vec<u8>,
}

impl Watcher {
    /// The next event; `None` when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = self.frames.next().await?.unwrap();
            self.rest.extend_from_slice(&frame.into_data().unwrap());
        }
    }

    /// `TYPE name` of the next events.
    pub(crate) async fn shown(&mut self, count: usize) -> Vec<String> {
        let mut shown = Vec::new();
        for _ in 0..count {
            let event = self.next().await.expect("the watch goes on");
            let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            shown.push(format!("{} {name}", event["type"].as_str().unwrap()).trim().to_owned());
        }
        shown
    }
}
