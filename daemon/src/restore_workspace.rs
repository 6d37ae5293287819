//! One workspace out of a backup, as a new one. Its objects wait in the group's state until all are there, and come to be
//! with the workspace in one commit. Whoever types the same command again after a crash goes on where it stopped: the new
//! logical cluster's id is made of the file and the path.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hanse_api::federation::{Federation, Reserved};
use hanse_api::workspace::restore::{Plan, Rank, Target, derived_id};
use hanse_backup::head::{Head, Subject};
use hanse_backup::reader::{Reader, verify};
use hanse_base::clock::Clock;
use hanse_base::id::{ClusterId, is_segment};
use hanse_store::backup::{ClusterReader, Saved, SavedCluster};
use hanse_store::home::HomeError;
use hanse_store::key::Key;
use hanse_store::object::Draft;
use hanse_store::staged::Stage;
use hanse_store::state::State;
use hanse_store::txn::{NewWorkspace, Operation, Outcome, Precondition, Refusal, Txn};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Restores workspaces into the own group.
pub(crate) struct Restorer {
    /// The own group, and the way to parents that are at home elsewhere.
    pub(crate) federation: Arc<dyn Federation>,
    /// Where clients of the region reach the API.
    pub(crate) url: String,
    /// For transactions' times.
    pub(crate) clock: Arc<dyn Clock>,
}

/// What a file holds, once all of it was read and found whole.
struct Contents {
    head: Head,
    digest: [u8; 32],
    clusters: Vec<SavedCluster>,
    uids: BTreeSet<Box<str>>,
}

impl Restorer {
    /// Restores the workspace of the file to the path. What was done is told; done already is told, too.
    ///
    /// # Errors
    /// One line that says what is wrong and what to do. The workspace is not there then, or the outcome is unknown and the
    /// line says so.
    pub(crate) async fn restore(&self, file: PathBuf, to: &str) -> Result<Value, String> {
        let path = file.clone();
        let reading = tokio::task::spawn_blocking(move || contents(&path)).await;
        let Contents { head, digest, clusters, uids } = reading.map_err(|error| error.to_string())??;
        let home = self.federation.local();
        let view = home.read().await.map_err(|error| unread(&error))?;
        let (parent, parent_path, name) = place(&view, to)?;
        let (id, is_there) = choose(&view, &digest, (&parent, &name));
        let told = |revision| {
            json!({"path": to, "cluster": id.as_str(), "workspaces": head.workspaces, "objects": head.objects,
                "already": is_there, "revision": revision})
        };
        if is_there {
            return Ok(told(view.revision().0));
        }
        if view.tree().child(&parent, &name).is_some() {
            return Err(format!("{to} is there already: give another name, or delete that workspace first"));
        }
        let target = Target { id: id.clone(), parent: parent.clone(), parent_path, name, url: self.url.clone() };
        let plan = Plan::new(target, clusters, uids).map_err(|error| error.to_string())?;
        let revision = match self.fill(&plan, &id, file, &view).await {
            Ok(revision) => revision,
            Err(why) => {
                // What waits goes by itself, too, if this does not arrive.
                drop(home.submit(self.txn(vec![Operation::Unstage { id: id.clone() }])).await);
                return Err(why);
            }
        };
        Ok(told(revision))
    }

    /// Brings the objects, then makes the workspace.
    async fn fill(&self, plan: &Plan, id: &ClusterId, file: PathBuf, view: &State) -> Result<u64, String> {
        // A plan is pure: a thread reads and renews, this task submits.
        let mut position = 0;
        for rank in Rank::ALL {
            let (sender, mut read) = mpsc::channel(OBJECTS_WAITING_MAX);
            let path = file.clone();
            let reading = tokio::task::spawn_blocking(move || objects(&path, rank, &sender));
            let mut batch = Batch::default();
            while let Some((key, bytes)) = read.recv().await {
                let (key, draft) = plan.object(&key, &bytes).map_err(|error| error.to_string())?;
                if batch.push(key, draft) {
                    position = self.stage(id, position, &mut batch).await?;
                }
            }
            reading.await.map_err(|error| error.to_string())??;
            position = self.stage(id, position, &mut batch).await?;
        }
        let now_ms = self.clock.wall_ms();
        let parents = plan.workspaces(now_ms, false);
        let first = parents.first().ok_or("the backup holds no workspace")?;
        let reserved = self.reserve(view, first).await?;
        let here = view.home_of(&first.parent) == Some(self.federation.local().group());
        let preconditions = if here { vec![Precondition::ClusterLive(first.parent.clone())] } else { vec![] };
        let operations = vec![Operation::CreateStaged(plan.workspaces(now_ms, reserved))];
        self.make(Txn { preconditions, ..self.txn(operations) }, first).await
    }

    /// Asks the parent's home to hold the name.
    async fn reserve(&self, view: &State, new: &NewWorkspace) -> Result<bool, String> {
        let Some(home) = view.home_of(&new.parent).filter(|home| *home != self.federation.local().group()) else {
            return Ok(true);
        };
        match self.federation.reserve_name(home, &new.parent, &new.name, &new.id).await {
            Ok(Reserved::Granted) => Ok(true),
            Ok(Reserved::Taken { .. }) => Err(format!("the name {} is taken: give another one", new.name)),
            Ok(Reserved::ParentMissing) => Err("the parent is gone: restore to another path".to_owned()),
            Ok(Reserved::ParentDeleting) => Err("the parent is being deleted: restore to another path".to_owned()),
            Err(error) => Err(format!("the parent's home cannot reserve the name: {error}: try again")),
        }
    }

    /// Brings a batch of objects; where the next one begins.
    async fn stage(&self, id: &ClusterId, position: u64, batch: &mut Batch) -> Result<u64, String> {
        let objects = std::mem::take(batch).objects;
        if objects.is_empty() {
            return Ok(position);
        }
        let next = position + objects.len() as u64;
        let stage = Stage { id: id.clone(), position, objects };
        self.submit(self.txn(vec![Operation::Stage(stage)])).await?;
        Ok(next)
    }

    /// The commit that makes the workspace; its revision.
    async fn make(&self, txn: Txn, new: &NewWorkspace) -> Result<u64, String> {
        let home = self.federation.local();
        match home.submit(txn).await {
            Ok(Outcome::Done { last, .. }) => Ok(last.0),
            Ok(Outcome::Refused(refusal)) => Err(format!("the workspace cannot be made: {refusal}: {REPEAT}")),
            Err(HomeError::Unknown { .. }) => {
                let view = home.read().await.map_err(|error| unread(&error))?;
                let made = view.cluster(&new.id).is_some();
                if made { Ok(view.revision().0) } else { Err(format!("it is not known whether it was made: {REPEAT}")) }
            }
            Err(error) => Err(format!("the workspace cannot be made: {error}: {REPEAT}")),
        }
    }

    /// Submits a transaction that may be repeated, until it is through.
    async fn submit(&self, txn: Txn) -> Result<(), String> {
        let mut attempts = 0;
        loop {
            match self.federation.local().submit(txn.clone()).await {
                Ok(Outcome::Done { .. }) => return Ok(()),
                Ok(Outcome::Refused(Refusal::Missing { .. })) => {
                    return Err(format!("what was brought has been dropped in the meantime: {REPEAT}"));
                }
                Ok(Outcome::Refused(refusal)) => return Err(refusal.to_string()),
                Err(error @ (HomeError::TooLarge { .. } | HomeError::StorageFull { .. })) => {
                    return Err(error.to_string());
                }
                Err(error) if attempts == ATTEMPTS_MAX => return Err(format!("{error}: {REPEAT}")),
                Err(_) => {
                    attempts += 1;
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn txn(&self, operations: Vec<Operation>) -> Txn {
        Txn { time_ms: self.clock.wall_ms(), preconditions: Vec::new(), operations }
    }
}

/// The parent of a path, that one's path, and the last name.
fn place(view: &State, to: &str) -> Result<(ClusterId, String, String), String> {
    let split = to.rsplit_once(':').filter(|(_, name)| is_segment(name));
    let (above, name) =
        split.ok_or_else(|| format!("{to} is not a path of a new workspace: give one such as root:org:name"))?;
    let parent = view.resolve(above);
    let parent = parent.ok_or_else(|| format!("there is no workspace {above}: make it, or restore to another path"))?;
    let path = view.tree().path(&parent).unwrap_or_else(|| above.to_owned());
    Ok((parent, path, name.to_owned()))
}

/// The id of the new logical cluster, and whether it stands at the path already. An id whose workspace was deleted, or has
/// gone elsewhere, is passed over.
fn choose(view: &State, digest: &[u8; 32], (parent, name): (&ClusterId, &str)) -> (ClusterId, bool) {
    let mut round = 0_u64;
    loop {
        let parts = [b"restore".as_slice(), digest, parent.as_str().as_bytes(), name.as_bytes(), &round.to_le_bytes()];
        let id = derived_id(&parts);
        if view.tree().child(parent, name) == Some(&id) {
            return (id, true);
        }
        if view.tree().get(&id).is_none() && view.cluster(&id).is_none() {
            return (id, false);
        }
        round += 1;
    }
}

/// Reads all of a file: that it is whole, its logical clusters, the uids of its objects. Blocks.
fn contents(path: &Path) -> Result<Contents, String> {
    let open = || File::open(path).map(BufReader::new).map_err(|error| error.to_string());
    let (head, whole) = verify(open()?).map_err(|error| error.to_string())?;
    if !matches!(head.subject, Subject::Workspace { .. }) {
        return Err("this is the backup of a region: restore it with `hansed restore`".to_owned());
    }
    let (mut clusters, mut uids) = (Vec::new(), BTreeSet::new());
    let (reader, _) = Reader::new(open()?).map_err(|error| error.to_string())?;
    let mut reader = ClusterReader::new(reader).map_err(|error| error.to_string())?;
    let mut content_bytes = 0;
    while let Some(saved) = reader.next_saved().map_err(|error| error.to_string())? {
        match saved {
            Saved::Cluster(cluster) => {
                content_bytes += cluster.content.len();
                clusters.push(cluster);
            }
            Saved::Object { bytes, .. } => {
                let object: Uid = serde_json::from_slice(&bytes).map_err(|error| format!("an object: {error}"))?;
                uids.extend(object.metadata.uid.filter(|uid| !uid.is_empty()).map(String::into_boxed_str));
            }
        }
        if clusters.len() > WORKSPACES_MAX || content_bytes > CONTENT_BYTES_MAX {
            return Err(format!(
                "the backup holds more workspaces than can be made in one commit ({WORKSPACES_MAX}, {CONTENT_BYTES_MAX} bytes): \
                 take backups of its parts"
            ));
        }
    }
    Ok(Contents { head, digest: whole.sha256, clusters, uids })
}

/// The part of an object that is asked for.
#[derive(serde::Deserialize)]
struct Uid {
    #[serde(default)]
    metadata: UidMetadata,
}

#[derive(Default, serde::Deserialize)]
struct UidMetadata {
    #[serde(default)]
    uid: Option<String>,
}

/// Reads the objects of one rank. Blocks.
fn objects(path: &Path, rank: Rank, sender: &mpsc::Sender<(Key, bytes::Bytes)>) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let (reader, _) = Reader::new(BufReader::new(file)).map_err(|error| error.to_string())?;
    let mut reader = ClusterReader::new(reader).map_err(|error| error.to_string())?;
    while let Some(saved) = reader.next_saved().map_err(|error| error.to_string())? {
        if let Saved::Object { key, bytes } = saved
            && Rank::of(&key) == rank
            && sender.blocking_send((key, bytes)).is_err()
        {
            return Ok(());
        }
    }
    Ok(())
}

/// Objects of one transaction.
#[derive(Default)]
struct Batch {
    objects: Vec<(Key, Draft)>,
    bytes: usize,
}

impl Batch {
    /// Adds an object; whether the batch is full.
    fn push(&mut self, key: Key, draft: Draft) -> bool {
        self.bytes += draft.bytes.len();
        self.objects.push((key, draft));
        self.bytes >= BATCH_BYTES || self.objects.len() >= BATCH_OBJECTS
    }
}

fn unread(error: &HomeError) -> String {
    format!("the region cannot be read: {error}: try again when `hanse status` shows a leader")
}

const REPEAT: &str = "type the same command again, which goes on where this one has stopped";
/// Objects that were read and wait to be submitted.
const OBJECTS_WAITING_MAX: usize = 256;
/// A batch is submitted when it has so much.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_OBJECTS: usize = 1_000;
/// Workspaces of one backup, and the bytes of their rows: they come to be in one transaction.
const WORKSPACES_MAX: usize = 4_096;
const CONTENT_BYTES_MAX: usize = 4 << 20;
/// How often a transaction is tried, and how long is waited in between: a change of leader takes a second.
const ATTEMPTS_MAX: u32 = 20;
const PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use bytes::Bytes;
    use hanse_api::federation::{Carried, CarriedAnswer, CarryError, Federation, RegionView, Reserved};
    use hanse_backup::head::{Head, Subject};
    use hanse_backup::writer::Writer;
    use hanse_base::clock::SystemClock;
    use hanse_base::id::{ClusterId, GroupId, RegionName, Revision};
    use hanse_base::net::BoxFuture;
    use hanse_store::home::{Home, HomeError};
    use hanse_store::hub::Hub;
    use hanse_store::key::{Key, Scope};
    use hanse_store::memory::MemoryHome;
    use hanse_store::object::Draft;
    use hanse_store::state::State;
    use hanse_store::txn::{Operation, Outcome, Txn};
    use serde_json::json;
    use tokio::time::timeout;

    use super::Restorer;
    use crate::testing::{cluster, create, group, txn};

    /// A group that takes a number of transactions, and then never answers again.
    struct Mortal {
        home: Arc<MemoryHome>,
        left: AtomicUsize,
    }

    impl Home for Mortal {
        fn group(&self) -> &GroupId {
            self.home.group()
        }

        fn view(&self) -> Arc<State> {
            self.home.view()
        }

        fn read(&self) -> BoxFuture<'_, Result<Arc<State>, HomeError>> {
            self.home.read()
        }

        fn read_from(&self, revision: Revision, patience: Duration) -> BoxFuture<'_, Result<Arc<State>, HomeError>> {
            self.home.read_from(revision, patience)
        }

        fn submit(&self, txn: Txn) -> BoxFuture<'_, Result<Outcome, HomeError>> {
            let lives = |left: usize| left.checked_sub(1);
            match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lives) {
                Ok(_) => self.home.submit(txn),
                Err(_) => Box::pin(std::future::pending()),
            }
        }

        fn hub(&self) -> &Arc<Hub> {
            self.home.hub()
        }
    }

    /// One region, which is alone.
    struct Alone(Arc<dyn Home>);

    impl Federation for Alone {
        fn local(&self) -> &Arc<dyn Home> {
            &self.0
        }

        fn regions(&self) -> Vec<RegionView> {
            Vec::new()
        }

        fn carry(&self, _: &GroupId, _: Carried) -> BoxFuture<'_, Result<CarriedAnswer, CarryError>> {
            Box::pin(async { Err(far()) })
        }

        fn reserve_name(
            &self,
            _: &GroupId,
            _: &ClusterId,
            _: &str,
            _: &ClusterId,
        ) -> BoxFuture<'_, Result<Reserved, CarryError>> {
            Box::pin(async { Err(far()) })
        }
    }

    fn far() -> CarryError {
        CarryError::Unreachable { region: RegionName::new("us").unwrap(), why: "it is far".to_owned() }
    }

    fn restorer(home: Arc<dyn Home>) -> Restorer {
        let url = "https://eu".to_owned();
        Restorer { federation: Arc::new(Alone(home)), url, clock: Arc::new(SystemClock::default()) }
    }

    fn maps(cluster: &ClusterId) -> Scope {
        Scope { resource: "configmaps".to_owned(), cluster: Some(cluster.clone()), namespace: None }
    }

    /// The backup of a workspace with many objects.
    fn backup(directory: &Path, objects: usize) -> PathBuf {
        let home = group("eu");
        create(&home, "root", "old", "old");
        for number in 0..objects {
            let key = Key::new("configmaps", &cluster("old"), "default", &format!("m{number}")).unwrap();
            let object = json!({"metadata": {"name": key.name(), "uid": format!("uid-{number}")}});
            home.apply(&[txn(Operation::Put(key, Draft::of(&object).unwrap()))]);
        }
        let state = home.view();
        let (path, recursive) = ("root:old".to_owned(), false);
        let head = Head {
            subject: Subject::Workspace { path, cluster: "old".to_owned(), recursive },
            federation: "f".to_owned(),
            region: "eu".to_owned(),
            group: "eu".to_owned(),
            revision: 1,
            time_ms: 1,
            daemon_version: "0".to_owned(),
            term: 1,
            index: 1,
            workspaces: 1,
            objects: objects as u64,
        };
        let mut writer = Writer::new(Vec::new(), &head).unwrap();
        state.write_clusters(&[cluster("old")], &mut writer).unwrap();
        let path = directory.join("old.backup");
        std::fs::File::create(&path).unwrap().write_all(&writer.finish().unwrap().0).unwrap();
        path
    }

    #[tokio::test]
    async fn whoever_dies_at_any_step_leaves_nothing_and_a_repeat_finishes_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = backup(directory.path(), 2_500);
        // Three batches of objects, and the commit.
        for steps in 0..5 {
            let home = group("eu");
            let mortal = Arc::new(Mortal { home: Arc::clone(&home), left: AtomicUsize::new(steps) });
            let dying = restorer(mortal);
            let broken = timeout(Duration::from_secs(2), dying.restore(file.clone(), "root:new")).await;
            if let Ok(told) = broken {
                assert!(steps == 4 && told.unwrap()["already"] == false, "{steps} steps are all");
            } else {
                assert!(home.view().resolve("root:new").is_none(), "{steps}: there is nothing to be seen");
            }
            let whole = restorer(Arc::<MemoryHome>::clone(&home));
            let told = whole.restore(file.clone(), "root:new").await.unwrap();
            assert_eq!(told["already"], steps == 4);
            let id = home.view().resolve("root:new").unwrap();
            assert_eq!(told["cluster"], id.as_str());
            assert_eq!((home.view().count(&maps(&id)), home.view().staged(&id)), (2_500, 0), "{steps}");
            home.view().check();
        }
    }

    #[tokio::test]
    async fn what_cannot_be_restored_says_what_to_do_and_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = backup(directory.path(), 3);
        let home = group("eu");
        create(&home, "root", "taken", "taken");
        let restorer = restorer(Arc::<MemoryHome>::clone(&home));
        for (to, why) in [
            ("root:taken", "there already"),
            ("root", "not a path"),
            ("root:A", "not a path"),
            ("root:nobody:new", "no workspace root:nobody"),
        ] {
            let says = restorer.restore(file.clone(), to).await.unwrap_err();
            assert!(says.contains(why), "{to}: {says}");
        }
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        assert!(restorer.restore(file.clone(), "root:new").await.unwrap_err().contains("damaged"));
        std::fs::write(&file, Bytes::from_static(b"junk")).unwrap();
        assert!(restorer.restore(file, "root:new").await.unwrap_err().contains("not a backup"));
        assert_eq!(home.view().clusters().count(), 2);
    }
}
