//! Tells the service manager how far the daemon is: sd_notify(3), one datagram, nothing else of systemd.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Everything listens.
    Ready,
    /// The daemon stops in order.
    Stopping,
}

/// Tells the manager that started this process, if it wants to be told. A failure is logged and changes nothing.
pub(crate) fn notify(progress: Progress) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(&socket, progress) {
        tracing::warn!(?socket, %error, "the service manager cannot be told");
    }
}

fn send(socket: &OsStr, progress: Progress) -> io::Result<()> {
    let state: &[u8] = match progress {
        Progress::Ready => b"READY=1",
        Progress::Stopping => b"STOPPING=1",
    };
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state, &address).map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::{Progress, send};

    #[test]
    fn the_manager_is_told_by_one_datagram() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), Progress::Ready).unwrap();
        send(path.as_os_str(), Progress::Stopping).unwrap();
        let mut buffer = [0; 64];
        for expected in ["READY=1", "STOPPING=1"] {
            let count = manager.recv(&mut buffer).unwrap();
            assert_eq!(std::str::from_utf8(&buffer[..count]).unwrap(), expected);
        }
    }
}
