//! What the system knows of this process, read from `/proc`. What it does not tell is left out.

use std::fs;
use std::path::Path;

/// Memory, time, files and threads of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Process {
    /// Memory that it holds.
    pub(crate) rss_bytes: Option<u64>,
    /// Address space.
    pub(crate) virtual_bytes: Option<u64>,
    /// Time on a core, in the kernel's work for it included.
    pub(crate) cpu_seconds: Option<f64>,
    /// Open file descriptors, and how many it may have.
    pub(crate) files: Option<u64>,
    /// As above.
    pub(crate) files_max: Option<u64>,
    /// Threads.
    pub(crate) threads: Option<u64>,
}

impl Process {
    /// Reads it now. A few microseconds; nothing of it touches a disk.
    pub(crate) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let kib = |name: &str| line(name)?.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024);
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
        Self {
            rss_bytes: kib("VmRSS:"),
            virtual_bytes: kib("VmSize:"),
            cpu_seconds: cpu_seconds(),
            files: entries(Path::new("/proc/self/fd")),
            files_max: files.and_then(|line| line.split_whitespace().next()?.parse().ok()),
            threads: line("Threads:").and_then(|count| count.parse().ok()),
        }
    }
}

/// Memory that this process holds; nothing, where the system does not tell.
pub(crate) fn rss_bytes() -> Option<u64> {
    let pages: u64 = fs::read_to_string("/proc/self/statm").ok()?.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(rustix::param::page_size() as u64)
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name stands in brackets and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let ticks: f64 =
        fields.next()?.parse::<u32>().ok().map(f64::from)? + f64::from(fields.next()?.parse::<u32>().ok()?);
    let per_second = u32::try_from(rustix::param::clock_ticks_per_second()).ok()?;
    Some(ticks / f64::from(per_second))
}

fn entries(directory: &Path) -> Option<u64> {
    Some(fs::read_dir(directory).ok()?.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::{Process, rss_bytes};

    #[test]
    fn the_process_is_measured() {
        let process = Process::now();
        assert!(process.rss_bytes.unwrap() > 1 << 20);
        assert!(rss_bytes().unwrap() > 1 << 20);
        assert!(process.virtual_bytes.unwrap() > process.rss_bytes.unwrap());
        assert!(process.cpu_seconds.is_some() && process.files.unwrap() > 2 && process.files_max.unwrap() > 2);
        assert!(process.threads.unwrap() > 0);
    }
}
