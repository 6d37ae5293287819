//! The admin socket: one line of JSON in, one line back, then the connection closes. A request for a file goes on with
//! frames behind the answer: see `frames`.
//!
//! The socket has mode 0600 from its first moment: it is made under another name and renamed, which also replaces the
//! socket of a process that was killed. Who may open it may do everything that the protocol offers.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hanse_base::id::RegionName;
use hanse_base::net::BoxFuture;
use hanse_store::roster::MemberRole;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::backup::Wish;
use crate::files::Files;

/// What an administrator can ask.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "request", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Request {
    /// Regions and daemons.
    Status {},
    /// A part of the workspace tree.
    Tree {
        /// Path or id of the workspace to begin with.
        path: String,
        /// Path of the last workspace of the page before.
        #[serde(default)]
        after: Option<String>,
    },
    /// What the asked daemon knows of its own parts.
    Debug {},
    /// The daemon's program.
    Version {},
    /// Every daemon: what it is wanted to be, and what it is.
    Members {},
    /// Gives a member of the own region a vote.
    Promote {
        /// The member.
        name: String,
    },
    /// Takes a member's vote.
    Demote {
        /// The member.
        name: String,
    },
    /// Removes a member for ever.
    Remove {
        /// The member.
        name: String,
    },
    /// Spares a member for the time being, or no longer.
    Drain {
        /// The member.
        name: String,
        /// Whether it is no longer to be spared.
        #[serde(default)]
        undo: bool,
    },
    /// Lets another voter lead.
    Transfer {
        /// Which; the best when it is left out.
        #[serde(default)]
        name: Option<String>,
    },
    /// Makes a token to join by.
    Grant {
        /// What its bearer becomes.
        role: Role,
        /// How long it lives.
        ttl_ms: u64,
        /// The region that its bearer founds.
        #[serde(default)]
        new_region: Option<RegionName>,
    },
    /// All tokens.
    Tokens {},
    /// Takes a token back.
    Revoke {
        /// Its id.
        id: String,
    },
    /// All regions.
    Regions {},
    /// Ends a region's membership in the federation.
    #[serde(rename = "remove-region")]
    RemoveRegion {
        /// The region.
        name: String,
        /// Whether to lose what lives there.
        #[serde(default)]
        force: bool,
    },
    /// A backup, as a file.
    Backup {
        /// Path or id of a workspace; without it, the region.
        #[serde(default)]
        workspace: Option<String>,
        /// With the workspaces below it.
        #[serde(default)]
        recursive: bool,
    },
    /// To take the backup of a workspace, and make a new one of it.
    Restore {
        /// The new workspace's path.
        to: String,
    },
}

/// A member's role, as administrators write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Follows without a vote.
    Learner,
    /// Votes.
    Voter,
}

impl Role {
    /// The role in the roster's words.
    pub(crate) const fn of(role: MemberRole) -> Self {
        match role {
            MemberRole::Learner => Self::Learner,
            MemberRole::Voter => Self::Voter,
        }
    }
}

impl From<Role> for MemberRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Learner => Self::Learner,
            Role::Voter => Self::Voter,
        }
    }
}

/// Who answers.
pub(crate) trait Administration: Send + Sync + 'static {
    /// The answer to a request, or one line that says what is wrong and what to do.
    fn answer(&self, request: Request) -> BoxFuture<'_, Result<Value, String>>;
}

/// Makes the socket.
///
/// # Errors
/// The directory cannot be written, or the path is too long for a socket.
pub(crate) fn listen(path: &Path) -> io::Result<UnixListener> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&beside)?;
    fs::set_permissions(&beside, Permissions::from_mode(0o600))?;
    fs::rename(&beside, path)?;
    Ok(listener)
}

/// Answers connections until `stop` changes.
pub(crate) async fn serve(
    listener: UnixListener,
    (administration, files): (Arc<dyn Administration>, Option<Arc<Files>>),
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, place)) => {
                let (administration, files) = (Arc::clone(&administration), files.clone());
                connections.spawn(async move {
                    let _place = place;
                    // An administrator who goes away early needs no answer.
                    drop(converse(stream, administration.as_ref(), files.as_deref()).await);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the admin socket cannot accept");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.shutdown().await;
}

async fn accept(
    listener: &UnixListener,
    places: &Arc<Semaphore>,
) -> io::Result<(UnixStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

async fn converse(
    mut stream: UnixStream,
    administration: &dyn Administration,
    files: Option<&Files>,
) -> io::Result<()> {
    let mut line = String::new();
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    timeout(PATIENCE, (&mut reader).take(REQUEST_BYTES_MAX).read_line(&mut line)).await??;
    match (parse(&line), files) {
        (Ok(Request::Backup { workspace, recursive }), Some(files)) => {
            let wish = workspace.map_or(Wish::Region, |path| Wish::Workspace { path, recursive });
            files.give(wish, &mut writer).await?;
            writer.shutdown().await
        }
        (Ok(Request::Restore { to }), Some(files)) => {
            files.take(&to, &mut reader, &mut writer).await?;
            writer.shutdown().await
        }
        (parsed, _) => {
            let answer = async {
                let answer = match parsed {
                    Ok(request) => administration.answer(request).await.unwrap_or_else(|why| json!({"error": why})),
                    Err(why) => json!({"error": why}),
                };
                writer.write_all(format!("{answer}\n").as_bytes()).await?;
                writer.shutdown().await
            };
            timeout(PATIENCE, answer).await?
        }
    }
}

pub(crate) fn parse(line: &str) -> Result<Request, String> {
    serde_json::from_str(line).map_err(|error| {
        format!("the request is not understood: {error}: send one line such as {{\"request\":\"status\"}}")
    })
}

const CONNECTIONS_MAX: usize = 64;
const REQUEST_BYTES_MAX: u64 = 64 * 1024;
/// For a request to come, and again for its answer to go.
const PATIENCE: Duration = Duration::from_secs(10);
/// After a failed accept, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::sync::Arc;

    use hanse_base::net::BoxFuture;
    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;
    use tokio::sync::watch;
    use tokio::task::JoinSet;

    use super::{Administration, Request, listen, parse, serve};

    struct Echo;

    impl Administration for Echo {
        fn answer(&self, request: Request) -> BoxFuture<'_, Result<Value, String>> {
            Box::pin(async move {
                match request {
                    Request::Tree { path, .. } => Err(format!("no workspace {path}")),
                    other => Ok(json!({"echo": format!("{other:?}")})),
                }
            })
        }
    }

    async fn ask(path: &Path, line: &str) -> Value {
        let mut stream = UnixStream::connect(path).await.unwrap();
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with('\n'), "{answer}");
        serde_json::from_str(&answer).unwrap()
    }

    #[tokio::test]
    async fn each_connection_is_one_question_and_one_answer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("admin.sock");
        std::fs::write(&path, "left by a process that was killed").unwrap();
        let listener = listen(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let (stop, stopped) = watch::channel(false);
        let mut served = JoinSet::new();
        served.spawn(serve(listener, (Arc::new(Echo), None), stopped));
        assert_eq!(ask(&path, "{\"request\":\"status\"}\n").await, json!({"echo": "Status"}));
        assert_eq!(ask(&path, "{\"request\":\"tree\",\"path\":\"x\"}\n").await, json!({"error": "no workspace x"}));
        let error = ask(&path, "junk\n").await["error"].as_str().unwrap().to_owned();
        assert!(error.contains("{\"request\":\"status\"}"), "{error}");
        stop.send_replace(true);
        served.join_next().await.unwrap().unwrap();
    }

    #[test]
    fn requests_are_told_apart() {
        assert_eq!(parse(r#"{"request":"version"}"#).unwrap(), Request::Version {});
        let tree = Request::Tree { path: "root".into(), after: Some("root:a".into()) };
        assert_eq!(parse(r#"{"request":"tree","path":"root","after":"root:a"}"#).unwrap(), tree);
        for wrong in ["", "{}", r#"{"request":"stop"}"#, r#"{"request":"tree"}"#, r#"{"request":"status","x":1}"#] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
