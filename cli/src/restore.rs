//! `hanse restore`: a workspace out of a backup.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

use clap::Subcommand;
use hanse_backup::head::Subject;
use serde_json::{Value, json};

use crate::backup::{Progress, check};
use crate::client::{Client, ClientError};

/// What to restore.
#[derive(Debug, Subcommand)]
pub(crate) enum RestoreCommand {
    /// Make a new workspace of the backup of one
    ///
    /// The new workspace has an id of its own, in the region of the asked daemon; its objects have new uids, and owners and
    /// everything else that names an object of the backup by its uid names the new one. It appears when all of it is there.
    /// The same command typed again after it was interrupted goes on; typed again after it is done, it changes nothing.
    #[command(
        after_help = "Examples:\n  hanse restore workspace --from org.backup --to root:org-copy\n  hanse restore workspace --from org.backup --to root:org --region us\n\nThe parent must be there, and the name free. Tokens of service accounts of the old workspace are not good in the new one."
    )]
    Workspace {
        /// A file that `hanse backup workspace` has written
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// Path of the new workspace
        #[arg(long, value_name = "PATH")]
        to: String,
        /// The region that it is to live in: a daemon of it is looked for in the data directory. By default that of the
        /// asked daemon
        #[arg(long)]
        region: Option<String>,
    },
}

impl RestoreCommand {
    /// Carries the command out; what is to be shown.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(crate) fn run(&self, client: &Client, as_json: bool) -> Result<String, ClientError> {
        let Self::Workspace { from, to, region } = self;
        let (head, _) = check(from)?;
        if !matches!(head.subject, Subject::Workspace { .. }) {
            return Err(ClientError::Refused(format!(
                "{} is the backup of a region: restore it with `hansed restore`, or take backups of single workspaces",
                from.display()
            )));
        }
        let client = match region {
            Some(region) => &client.in_region(region)?,
            None => client,
        };
        let (_ready, mut stream) = client.open(&json!({"request": "restore", "to": to}))?;
        let wrong = |source| ClientError::File { path: from.clone(), source };
        let mut file = File::open(from).map_err(wrong)?;
        let mut progress = Progress::new(&format!("{} objects for {to}", head.objects));
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let count = file.read(&mut piece).map_err(wrong)?;
            let length = u32::try_from(count).unwrap_or_default();
            let socket = stream.get_mut();
            let sent = socket.write_all(&length.to_le_bytes()).and_then(|()| socket.write_all(&piece[..count]));
            if let Err(error) = sent {
                // A daemon that does not want the rest says why.
                return Err(match crate::client::answer(&mut stream) {
                    Err(why @ ClientError::Refused(_)) => why,
                    _ => ClientError::Broken(error),
                });
            }
            if count == 0 {
                break;
            }
            progress.add(count);
        }
        progress.end();
        let answer = crate::client::answer(&mut stream)?;
        Ok(if as_json { format!("{answer:#}\n") } else { told(&answer) })
    }
}

fn told(answer: &Value) -> String {
    let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or("?");
    let number = |field: &str| answer.get(field).and_then(Value::as_u64).unwrap_or_default();
    let already = answer.get("already").and_then(Value::as_bool).unwrap_or_default();
    let verb = if already { "was restored before" } else { "is restored" };
    format!(
        "{} {verb}: {} workspaces, {} objects, logical cluster {}\n",
        text("path"),
        number("workspaces"),
        number("objects"),
        text("cluster")
    )
}

const PIECE_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::told;

    #[test]
    fn what_was_restored_is_told() {
        let answer = json!({"path": "root:a", "cluster": "abc", "workspaces": 2, "objects": 30, "already": false});
        assert_eq!(told(&answer), "root:a is restored: 2 workspaces, 30 objects, logical cluster abc\n");
    }
}
