//! The admin protocol's client: finds a daemon that answers, asks it one thing.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hanse_backup::reader::BackupError;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Asks daemons over their admin sockets.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    socket: Option<PathBuf>,
    data_dir: PathBuf,
    /// Sockets to be tried before all others.
    first: Vec<PathBuf>,
}

/// Why there is no answer; each says what to type next.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The directory holds no admin socket.
    #[error("there is no daemon in {path}: start a federation with `hansed up`, or say where it is with --data-dir DIR or --socket PATH", path = path.display())]
    NoSocket {
        /// The directory.
        path: PathBuf,
    },
    /// No socket is answered.
    #[error("no daemon answers at {path}: {source}: start it with `hansed up` or `hansed run --config FILE`, or ask another one with --socket PATH", path = path.display())]
    NoAnswer {
        /// The last socket that was tried.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The daemon refuses the request.
    #[error("{0}")]
    Refused(String),
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not a whole backup.
    #[error("{path}: {source}", path = path.display())]
    Backup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BackupError,
    },
    /// The daemon is gone in the middle.
    #[error("the daemon broke off: {0}: look at its log, and type the command again")]
    Broken(io::Error),
    /// None of the daemons is of a region.
    #[error("no daemon of region {region} answers in {path}: say where one is with --data-dir DIR or --socket PATH", path = path.display())]
    NoRegion {
        /// The region.
        region: String,
        /// The directory.
        path: PathBuf,
    },
    /// The answer is not what this version of the program understands.
    #[error("the daemon's answer cannot be read: {0}: compare the versions with `hanse version`")]
    Unreadable(#[from] serde_json::Error),
}

impl Client {
    /// A client of one socket, or else of the first daemon in the directory that answers.
    pub(crate) fn new(socket: Option<PathBuf>, data_dir: PathBuf) -> Self {
        Self { socket, data_dir, first: Vec::new() }
    }

    /// The same client, that asks these daemons first where their sockets are in the directory. A socket that was given
    /// is asked in any case.
    pub(crate) fn of_daemons(&self, names: &[&str]) -> Self {
        let first = names.iter().map(|name| self.data_dir.join(name).join(SOCKET)).filter(|path| path.exists());
        Self { first: first.collect(), ..self.clone() }
    }

    /// Sends a request and gives the answer.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(crate) fn ask(&self, request: &Value) -> Result<Value, ClientError> {
        let mut failure = ClientError::NoSocket { path: self.data_dir.clone() };
        for path in self.sockets() {
            match exchange(&path, request) {
                Ok((line, _)) => {
                    let answer: Value = serde_json::from_str(&line)?;
                    let gone = answer.get("gone").is_some();
                    match answer.get("error").and_then(Value::as_str) {
                        // It answers for nothing any more: another one may.
                        Some(error) if gone => failure = ClientError::Refused(error.to_owned()),
                        Some(error) => return Err(ClientError::Refused(error.to_owned())),
                        None => return Ok(answer),
                    }
                }
                // Who says why is told rather than who says nothing.
                Err(_) if matches!(failure, ClientError::Refused(_)) => {}
                Err(source) => failure = ClientError::NoAnswer { path, source },
            }
        }
        Err(failure)
    }

    /// Sends a request that goes on behind its answer, and gives both.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(crate) fn open(&self, request: &Value) -> Result<(Value, BufReader<UnixStream>), ClientError> {
        // One daemon is asked, whatever comes of it: the next one may be of another region.
        let path = self.answering()?;
        let (line, stream) = exchange(&path, request).map_err(|source| ClientError::NoAnswer { path, source })?;
        let answer = judged(&line)?;
        for set in [UnixStream::set_read_timeout, UnixStream::set_write_timeout] {
            set(stream.get_ref(), Some(FILE_PATIENCE)).map_err(ClientError::Broken)?;
        }
        Ok((answer, stream))
    }

    /// The socket that was given, or else that of the first daemon in the directory that answers.
    fn answering(&self) -> Result<PathBuf, ClientError> {
        if let Some(socket) = &self.socket {
            return Ok(socket.clone());
        }
        let mut failure = ClientError::NoSocket { path: self.data_dir.clone() };
        for path in self.sockets() {
            match exchange(&path, &version()) {
                Ok(_) => return Ok(path),
                Err(source) => failure = ClientError::NoAnswer { path, source },
            }
        }
        Err(failure)
    }

    /// A client of the first daemon of a region that answers.
    ///
    /// # Errors
    /// None of them is of the region.
    pub(crate) fn in_region(&self, region: &str) -> Result<Self, ClientError> {
        for path in self.sockets() {
            let answer = exchange(&path, &version()).ok().and_then(|(line, _)| judged(&line).ok());
            if answer.is_some_and(|answer| answer.get("region").and_then(Value::as_str) == Some(region)) {
                return Ok(Self { socket: Some(path), ..self.clone() });
            }
        }
        let path = self.socket.clone().unwrap_or_else(|| self.data_dir.clone());
        Err(ClientError::NoRegion { region: region.to_owned(), path })
    }

    fn sockets(&self) -> Vec<PathBuf> {
        match &self.socket {
            Some(socket) => vec![socket.clone()],
            None => self.first.iter().cloned().chain(sockets_in(&self.data_dir)).collect(),
        }
    }
}

fn version() -> Value {
    serde_json::json!({"request": "version"})
}

/// Reads the last line of an answer that went on.
///
/// # Errors
/// The daemon is gone, or says why it has failed.
pub(crate) fn answer(stream: &mut BufReader<UnixStream>) -> Result<Value, ClientError> {
    judged(&line_of(stream).map_err(ClientError::Broken)?)
}

/// An answer, or what the daemon says against the request.
fn judged(line: &str) -> Result<Value, ClientError> {
    let answer: Value = serde_json::from_str(line)?;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => Err(ClientError::Refused(error.to_owned())),
        None => Ok(answer),
    }
}

/// Turns an answer into what the caller shows.
///
/// # Errors
/// [`ClientError::Unreadable`].
pub(crate) fn read<T: DeserializeOwned>(answer: &Value) -> Result<T, ClientError> {
    Ok(T::deserialize(answer)?)
}

/// The directory's own socket, then those one level below, sorted.
fn sockets_in(directory: &Path) -> Vec<PathBuf> {
    let mut sockets: Vec<PathBuf> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join(SOCKET)))
        .chain([directory.join(SOCKET)])
        .filter(|path| path.exists())
        .collect();
    sockets.sort_by_key(|path| (path.components().count(), path.clone()));
    sockets
}

fn exchange(path: &Path, request: &Value) -> io::Result<(String, BufReader<UnixStream>)> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    writeln!(stream, "{request}")?;
    let mut stream = BufReader::new(stream);
    Ok((line_of(&mut stream)?, stream))
}

fn line_of(stream: &mut BufReader<UnixStream>) -> io::Result<String> {
    let mut line = String::new();
    stream.take(ANSWER_BYTES_MAX).read_line(&mut line)?;
    if !line.ends_with('\n') {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer has no end"));
    }
    Ok(line)
}

const SOCKET: &str = "admin.sock";
/// The daemon itself waits no longer for others.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long a daemon may take for a piece of a file, or for what comes of one.
const FILE_PATIENCE: Duration = Duration::from_secs(300);
const ANSWER_BYTES_MAX: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::thread;

    use serde_json::{Value, json};

    use super::{Client, ClientError};

    /// Answers the given number of requests on a socket.
    fn daemon(path: &Path, answers: Vec<&'static str>) -> thread::JoinHandle<Vec<String>> {
        let listener = UnixListener::bind(path).unwrap();
        thread::spawn(move || {
            let answer = |answer: &str| {
                let (stream, _) = listener.accept().unwrap();
                let mut line = String::new();
                BufReader::new(&stream).read_line(&mut line).unwrap();
                (&stream).write_all(answer.as_bytes()).unwrap();
                line
            };
            answers.into_iter().map(answer).collect()
        })
    }

    #[test]
    fn the_first_daemon_that_answers_is_asked() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["eu-1", "us-1"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        // A daemon that was killed leaves its socket behind.
        drop(UnixListener::bind(directory.path().join("eu-1/admin.sock")).unwrap());
        let served = daemon(&directory.path().join("us-1/admin.sock"), vec!["{\"version\":\"1\"}\n"]);
        let client = Client::new(None, directory.path().to_owned());
        assert_eq!(client.ask(&json!({"request": "version"})).unwrap(), json!({"version": "1"}));
        let requests = served.join().unwrap();
        assert_eq!(serde_json::from_str::<Value>(&requests[0]).unwrap(), json!({"request": "version"}));
    }

    #[test]
    fn an_error_says_what_to_type_next() {
        let directory = tempfile::tempdir().unwrap();
        let client = Client::new(None, directory.path().to_owned());
        let request = json!({"request": "status"});
        assert!(client.ask(&request).unwrap_err().to_string().contains("hansed up"));
        let socket = directory.path().join("admin.sock");
        let client = Client::new(Some(socket.clone()), directory.path().to_owned());
        assert!(matches!(client.ask(&request), Err(ClientError::NoAnswer { .. })));
        let served = daemon(&socket, vec!["{\"error\":\"no such path\"}\n", "junk\n", "{\"cut"]);
        assert_eq!(client.ask(&request).unwrap_err().to_string(), "no such path");
        assert!(matches!(client.ask(&request), Err(ClientError::Unreadable(_))));
        assert!(matches!(client.ask(&request), Err(ClientError::NoAnswer { .. })));
        served.join().unwrap();
    }
}
