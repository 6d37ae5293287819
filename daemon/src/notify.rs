//! Tells the service manager how far the daemon is: sd_notify(3), one datagram, nothing else of systemd.
//!
//! All of it comes from the main process, so `NotifyAccess=main`, the default of `Type=notify`, is enough. The
//! configuration is read once: there is nothing to reload, and SIGHUP stops the daemon in order as SIGTERM does.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress<'a> {
    /// It still starts, and may take so much longer: a long log is replayed, or the disk has no room.
    Starting(Duration, &'a str),
    /// Everything listens.
    Ready,
    /// All loops beat.
    Alive,
    /// What `systemctl status` shows.
    Status(&'a str),
    /// The daemon stops in order.
    Stopping,
}

/// Tells the manager that started this process, if it wants to be told. A failure is logged and changes nothing.
pub(crate) fn notify(progress: Progress<'_>) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(&socket, progress) {
        tracing::warn!(?socket, %error, "the service manager cannot be told");
    }
}

/// How often the manager wants to hear that the daemon is alive; nothing, when it does not ask.
pub(crate) fn watchdog_interval() -> Option<Duration> {
    let variable = |name: &str| std::env::var(name).ok();
    interval(variable("WATCHDOG_USEC").as_deref(), variable("WATCHDOG_PID").as_deref(), std::process::id())
}

fn interval(microseconds: Option<&str>, meant: Option<&str>, me: u32) -> Option<Duration> {
    // The variables may have been inherited from a service that has started this one.
    if meant.is_some_and(|meant| meant.parse() != Ok(me)) {
        return None;
    }
    microseconds?.parse().ok().filter(|interval| *interval > 0).map(Duration::from_micros)
}

fn send(socket: &OsStr, progress: Progress<'_>) -> io::Result<()> {
    let state = match progress {
        Progress::Starting(longer, what) => format!("EXTEND_TIMEOUT_USEC={}\nSTATUS={what}", longer.as_micros()),
        Progress::Ready => "READY=1\nSTATUS=serving".to_owned(),
        Progress::Alive => "WATCHDOG=1".to_owned(),
        Progress::Status(text) => format!("STATUS={}", text.replace('\n', " ")),
        Progress::Stopping => "STOPPING=1\nSTATUS=stopping".to_owned(),
    };
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    // A manager that does not read must not hold the daemon up.
    let manager = UnixDatagram::unbound()?;
    manager.set_nonblocking(true)?;
    manager.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::time::Duration;

    use super::{Progress, interval, send};

    #[test]
    fn the_manager_is_told_by_one_datagram_each() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let mut buffer = [0; 128];
        for (progress, expected) in [
            (
                Progress::Starting(Duration::from_secs(30), "replaying"),
                "EXTEND_TIMEOUT_USEC=30000000\nSTATUS=replaying",
            ),
            (Progress::Ready, "READY=1\nSTATUS=serving"),
            (Progress::Alive, "WATCHDOG=1"),
            (Progress::Status("no leader"), "STATUS=no leader"),
            (Progress::Stopping, "STOPPING=1\nSTATUS=stopping"),
        ] {
            send(path.as_os_str(), progress).unwrap();
            let count = manager.recv(&mut buffer).unwrap();
            assert_eq!(std::str::from_utf8(&buffer[..count]).unwrap(), expected);
        }
    }

    #[test]
    fn the_interval_is_this_process_own() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(interval(Some("15000000"), None, 7), seconds(15));
        assert_eq!(interval(Some("15000000"), Some("7"), 7), seconds(15));
        assert_eq!(interval(Some("15000000"), Some("8"), 7), None);
        assert_eq!(
            (interval(None, None, 7), interval(Some("0"), None, 7), interval(Some("x"), None, 7)),
            (None, None, None)
        );
    }
}
