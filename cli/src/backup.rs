//! `hanse backup`: a daemon's backup into a file, and what is in such a file.
//!
//! A file is written beside its place and gets its name when all of it is there, durable, and was read back and found
//! whole; so a file of that name is a backup, or is not there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Subcommand;
use hanse_backup::head::{Head, Subject, Whole};
use hanse_backup::reader::verify;
use serde_json::{Value, json};

use crate::client::{Client, ClientError};
use crate::table::{bytes, moment};

/// What to take a backup of.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Back up the region of the asked daemon: all that its group holds, at one moment, while it is in use
    ///
    /// Everything that was acknowledged before the command was typed is in the backup. The file is readable by its owner
    /// only: it holds all secrets of all tenants. Keep the federation's keys and the daemons' configurations elsewhere, too.
    #[command(
        after_help = "Examples:\n  hanse backup region --region eu --to eu-$(date +%F).backup\n  hanse --socket /run/hanse/admin.sock backup region --to /backups/eu.backup\n\nRestore it, when all daemons of the region are lost, with `hansed restore`."
    )]
    Region {
        /// The file to write; it must not be there yet
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// The region: a daemon of it is looked for in the data directory. By default that of the asked daemon
        #[arg(long)]
        region: Option<String>,
    },
    /// Back up one workspace that is at home in the asked daemon's region
    #[command(
        after_help = "Examples:\n  hanse backup workspace root:org --to org.backup\n  hanse backup workspace root:org --recursive --to org.backup\n\nRestore it, beside the old one or instead of it, with `hanse restore workspace`."
    )]
    Workspace {
        /// Path or id of the workspace
        path: String,
        /// The file to write; it must not be there yet
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// With the workspaces below it that are at home in the same region, as far as no other region lies between
        #[arg(long)]
        recursive: bool,
        /// The region that the workspace is at home in: a daemon of it is looked for in the data directory
        #[arg(long)]
        region: Option<String>,
    },
    /// Show what is in a backup, after reading all of it and finding it whole. Asks no daemon
    #[command(
        after_help = "Examples:\n  hanse backup show eu.backup\n  hanse backup show -o json eu.backup | jq .revision"
    )]
    Show {
        /// A file that `hanse backup` has written
        file: PathBuf,
    },
}

impl BackupCommand {
    /// Carries the command out; what is to be shown.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(crate) fn run(&self, client: &Client, as_json: bool) -> Result<String, ClientError> {
        let (file, region, request) = match self {
            Self::Region { to, region } => (to, region, json!({"request": "backup"})),
            Self::Workspace { path, to, recursive, region } => {
                (to, region, json!({"request": "backup", "workspace": path, "recursive": recursive}))
            }
            Self::Show { file } => {
                let (head, whole) = check(file)?;
                return Ok(if as_json { pretty(&described(file, &head, &whole)) } else { shown(&head, &whole) });
            }
        };
        let client = match region {
            Some(region) => &client.in_region(region)?,
            None => client,
        };
        let (head, whole) = fetch(client, &request, file)?;
        if as_json {
            return Ok(pretty(&described(file, &head, &whole)));
        }
        Ok(format!("wrote {}\n\n{}", file.display(), shown(&head, &whole)))
    }
}

/// Reads all of a file, and finds it whole.
///
/// # Errors
/// It cannot be read, or is not a whole backup.
pub(crate) fn check(path: &Path) -> Result<(Head, Whole), ClientError> {
    let file = File::open(path).map_err(|source| ClientError::File { path: path.to_owned(), source })?;
    verify(BufReader::with_capacity(BUFFER_BYTES, file))
        .map_err(|source| ClientError::Backup { path: path.to_owned(), source })
}

/// Has a daemon write a backup, and puts it into the file.
fn fetch(client: &Client, request: &Value, to: &Path) -> Result<(Head, Whole), ClientError> {
    let wrong = |source| ClientError::File { path: to.to_owned(), source };
    if to.exists() {
        return Err(wrong(io::Error::new(io::ErrorKind::AlreadyExists, "it is there already, give another name")));
    }
    let (answer, mut stream) = client.open(request)?;
    let objects = answer.pointer("/head/objects").and_then(Value::as_u64).unwrap_or_default();
    let part = Part::new(to).map_err(wrong)?;
    let mut progress = Progress::new(&format!("a backup of {objects} objects"));
    let mut piece = Vec::new();
    loop {
        let length = length(&mut stream)?;
        if length == 0 {
            break;
        }
        piece.resize(length, 0);
        stream.read_exact(&mut piece).map_err(ClientError::Broken)?;
        (&part.file).write_all(&piece).map_err(wrong)?;
        progress.add(length);
    }
    progress.end();
    crate::client::answer(&mut stream)?;
    part.file.sync_all().map_err(wrong)?;
    let checked = check(&part.path)?;
    part.keep(to).map_err(wrong)?;
    Ok(checked)
}

/// The length of the next piece.
fn length(stream: &mut impl Read) -> Result<usize, ClientError> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).map_err(ClientError::Broken)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > PIECE_BYTES_MAX {
        let why = io::Error::new(io::ErrorKind::InvalidData, "a piece is too long");
        return Err(ClientError::Broken(why));
    }
    Ok(length)
}

/// A file that has not got its name yet; removed when it is dropped before.
struct Part {
    file: File,
    path: PathBuf,
    kept: bool,
}

impl Part {
    fn new(to: &Path) -> io::Result<Self> {
        let mut name = to.file_name().ok_or_else(|| io::Error::other("it has no name"))?.to_owned();
        name.push(".part");
        let path = to.with_file_name(name);
        // What a command that was killed has left.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { file, path, kept: false })
    }

    /// Gives the file its name.
    fn keep(mut self, to: &Path) -> io::Result<()> {
        // A link does not replace what has come there in the meantime, as a renaming would.
        fs::hard_link(&self.path, to).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Err(error),
            // Not every file system has links.
            _ => fs::rename(&self.path, to),
        })?;
        self.kept = true;
        // After a renaming it is gone already.
        fs::remove_file(&self.path).unwrap_or_default();
        let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            fs::remove_file(&self.path).unwrap_or_default();
        }
    }
}

/// Tells on the standard error how far a file is: over one line on a terminal, else a line now and then.
pub(crate) struct Progress {
    what: String,
    done: u64,
    begun: Instant,
    told: Instant,
    is_terminal: bool,
}

impl Progress {
    /// Begins to count.
    pub(crate) fn new(what: &str) -> Self {
        let now = Instant::now();
        let is_terminal = io::stderr().is_terminal();
        Self { what: what.to_owned(), done: 0, begun: now, told: now, is_terminal }
    }

    /// So many bytes more.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.done += bytes as u64;
        let pause = if self.is_terminal { TELL_TERMINAL } else { TELL_LOG };
        if self.told.elapsed() >= pause {
            self.told = Instant::now();
            self.tell(if self.is_terminal { "\r" } else { "" }, if self.is_terminal { "" } else { "\n" });
        }
    }

    /// All is there.
    pub(crate) fn end(&self) {
        self.tell(if self.is_terminal { "\r" } else { "" }, "\n");
    }

    fn tell(&self, before: &str, after: &str) {
        let seconds = self.begun.elapsed().as_secs_f64();
        let line = format!("{before}{}: {}, {seconds:.1} s{after}", self.what, bytes(self.done));
        // Nobody is left to tell when this fails.
        drop(io::stderr().write_all(line.as_bytes()));
    }
}

/// For programs.
pub(crate) fn described(file: &Path, head: &Head, whole: &Whole) -> Value {
    let mut value = serde_json::to_value(head).unwrap_or_default();
    value["file"] = file.display().to_string().into();
    value["body_bytes"] = whole.body_bytes.into();
    value["sha256"] = whole.digest().into();
    value
}

/// For people.
fn shown(head: &Head, whole: &Whole) -> String {
    let mut lines = match &head.subject {
        Subject::Region => vec![("backup of", format!("region {}", head.region))],
        Subject::Workspace { path, cluster, recursive } => {
            let below = if *recursive { ", with those below it" } else { "" };
            vec![
                ("backup of", format!("workspace {path}{below}")),
                ("cluster", cluster.clone()),
                ("region", head.region.clone()),
            ]
        }
    };
    lines.extend([
        ("federation", head.federation.clone()),
        ("taken", moment(head.time_ms)),
        ("revision", head.revision.to_string()),
        ("workspaces", head.workspaces.to_string()),
        ("objects", head.objects.to_string()),
        ("size", bytes(whole.body_bytes)),
        ("written by", format!("hansed {}", head.daemon_version)),
        ("sha256", format!("{} (whole)", whole.digest())),
    ]);
    lines.into_iter().map(|(name, value)| format!("{name:<12}{value}\n")).collect()
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

const BUFFER_BYTES: usize = 1 << 20;
const PIECE_BYTES_MAX: usize = 1 << 20;
const TELL_TERMINAL: Duration = Duration::from_millis(200);
const TELL_LOG: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::thread;

    use hanse_backup::head::{Head, Subject};
    use hanse_backup::writer::Writer;
    use serde_json::Value;

    use super::BackupCommand;
    use crate::client::Client;

    fn file() -> Vec<u8> {
        let head = Head {
            subject: Subject::Region,
            federation: "f".to_owned(),
            region: "eu".to_owned(),
            group: "eu".to_owned(),
            revision: 42,
            time_ms: 1_700_000_000_000,
            daemon_version: "0.1.0".to_owned(),
            term: 3,
            index: 99,
            workspaces: 2,
            objects: 7,
        };
        let mut writer = Writer::new(Vec::new(), &head).unwrap();
        writer.write_all(&[5; 2000]).unwrap();
        writer.finish().unwrap().0
    }

    /// Serves one connection: a line, pieces, a last line.
    fn daemon(path: &Path, pieces: Vec<Vec<u8>>, last: &'static str) -> thread::JoinHandle<String> {
        let listener = UnixListener::bind(path).unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            stream.write_all(b"{\"head\":{\"objects\":7}}\n").unwrap();
            for piece in pieces {
                stream.write_all(&u32::try_from(piece.len()).unwrap().to_le_bytes()).unwrap();
                stream.write_all(&piece).unwrap();
            }
            // One who breaks off says nothing.
            if !last.is_empty() {
                stream.write_all(&[0; 4]).unwrap();
                stream.write_all(last.as_bytes()).unwrap();
            }
            line
        })
    }

    #[test]
    fn a_backup_gets_its_name_when_it_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let (socket, to) = (directory.path().join("admin.sock"), directory.path().join("eu.backup"));
        let pieces: Vec<Vec<u8>> = file().chunks(700).map(<[u8]>::to_vec).collect();
        let served = daemon(&socket, pieces, "{\"done\":true}\n");
        let client = Client::new(Some(socket), directory.path().to_owned());
        let shown = BackupCommand::Region { to: to.clone(), region: None }.run(&client, false).unwrap();
        assert_eq!(served.join().unwrap(), "{\"request\":\"backup\"}\n");
        assert!(shown.contains("region eu") && shown.contains("2023-11-14T22:13:20Z"), "{shown}");
        assert_eq!(fs::read(&to).unwrap(), file());
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!directory.path().join("eu.backup.part").exists());
        let json = BackupCommand::Show { file: to.clone() }.run(&client, true).unwrap();
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["kind"], &json["revision"]), (&Value::from("region"), &Value::from(42)));
        // What is there is not replaced.
        assert!(
            BackupCommand::Region { to, region: None }.run(&client, false).unwrap_err().to_string().contains("already")
        );
    }

    #[test]
    fn a_backup_that_breaks_off_or_is_damaged_leaves_nothing() {
        let mut damaged = file();
        damaged[300] ^= 1;
        let (half, whole) = (file()[..100].to_vec(), file());
        for (pieces, last, why) in [
            (vec![half], "", "broke off"),
            (vec![damaged], "{\"done\":true}\n", "checksum"),
            (vec![whole], "{\"error\":\"the disk is on fire\"}\n", "on fire"),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let socket = directory.path().join("admin.sock");
            let served = daemon(&socket, pieces, last);
            let client = Client::new(Some(socket), directory.path().to_owned());
            let error = {
                let to = directory.path().join("f");
                BackupCommand::Region { to, region: None }.run(&client, false).unwrap_err()
            };
            assert!(error.to_string().contains(why), "{error}");
            served.join().unwrap();
            let left: Vec<_> =
                fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left, ["admin.sock"]);
        }
    }
}
