//! Files that administrators take and bring over the admin socket: backups, and workspaces that are restored from them.

use std::fs;
use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;

use crate::backup::{Backups, Outgoing, Wish};
use crate::frames;
use crate::restore_workspace::Restorer;

/// Gives and takes files.
pub(crate) struct Files {
    backups: Backups,
    restorer: Restorer,
    /// Where a file that is brought waits until it was read.
    directory: PathBuf,
    /// Held while a file is brought: one at a time, so that the disk is not filled.
    bringing: Mutex<()>,
}

impl Files {
    /// Keeps files that are brought in the directory, which nothing else uses.
    pub(crate) fn new(backups: Backups, restorer: Restorer, directory: PathBuf) -> Self {
        Self { backups, restorer, directory, bringing: Mutex::new(()) }
    }

    /// Writes a backup: one line with its head, then its bytes in frames. Or one line that says why there is none.
    ///
    /// # Errors
    /// The administrator is gone.
    pub(crate) async fn give(&self, wish: Wish, output: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        match self.backups.begin(wish).await {
            Ok(Outgoing { head, mut pieces }) => {
                let head = serde_json::to_value(head).map_err(io::Error::other)?;
                line(output, &json!({ "head": head })).await?;
                frames::send(output, &mut pieces).await
            }
            Err(why) => line(output, &json!({ "error": why })).await,
        }
    }

    /// Says that the file may come, takes it, restores the workspace in it, and says what came of it.
    ///
    /// # Errors
    /// The administrator is gone.
    pub(crate) async fn take(
        &self,
        to: &str,
        input: &mut (impl AsyncRead + Unpin),
        output: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<()> {
        let Ok(_bringing) = self.bringing.try_lock() else {
            return line(output, &json!({"error": "another workspace is being restored here: wait until it is done"}))
                .await;
        };
        let path = match self.place() {
            Ok(path) => path,
            Err(error) => {
                let why = format!("{} cannot be used: {error}: free some space there", self.directory.display());
                return line(output, &json!({ "error": why })).await;
            }
        };
        line(output, &json!({"ready": true})).await?;
        let answer = match frames::receive(input, &path, FILE_BYTES_MAX).await {
            Ok(()) => self.restorer.restore(path.clone(), to).await,
            Err(error) => Err(format!("the file did not arrive: {error}")),
        };
        // What cannot be removed now is removed before the next file comes.
        fs::remove_file(&path).unwrap_or_default();
        line(output, &answer.unwrap_or_else(|why| json!({ "error": why }))).await
    }

    /// An empty directory for one file.
    fn place(&self) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.directory)?;
        for left in fs::read_dir(&self.directory)? {
            fs::remove_file(left?.path())?;
        }
        Ok(self.directory.join("incoming.backup"))
    }
}

async fn line(output: &mut (impl AsyncWrite + Unpin), value: &Value) -> io::Result<()> {
    output.write_all(&Bytes::from(format!("{value}\n"))).await?;
    output.flush().await
}

/// The largest backup of a workspace that is taken: what a group holds for workspaces that are being restored, with what
/// surrounds it.
const FILE_BYTES_MAX: u64 = 2 << 30;
