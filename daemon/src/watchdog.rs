//! A thread outside the runtime that counts whether every loop of the daemon still beats, and puts the process down when one
//! does not: what is stuck serves nobody, and others can take over only from a daemon that is gone.
//!
//! While all beat, the service manager is told so (`WATCHDOG=1`), where it asks for it. A loop that has not beaten for
//! [`DEAD_TICKS`] of the watchdog's own ticks ends the process, with a line that names it and what every thread does. Ages
//! are counted in own ticks, not in time: a process that was stopped (by a debugger, by SIGSTOP, with its virtual machine) or
//! starved finds its watchdog as late as everything else, and one late tick is one tick.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hanse_base::pulse::Pulse;

use crate::notify::{Progress, notify, watchdog_interval};

/// A loop that must beat.
pub(crate) struct Watched {
    /// What it does, for the log.
    pub(crate) name: &'static str,
    /// Its pulse; it should beat every [`BEAT_EVERY`].
    pub(crate) pulse: Pulse,
    /// Says whether it may be silent now, for a reason that is known and told elsewhere.
    pub(crate) is_excused: Box<dyn Fn() -> bool + Send>,
}

impl Watched {
    /// A loop that is never excused.
    pub(crate) fn always(name: &'static str, pulse: Pulse) -> Self {
        Self { name, pulse, is_excused: Box::new(|| false) }
    }
}

/// The thread. It ends when this is dropped.
pub(crate) struct Watchdog {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Begins to watch.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn start(watched: Vec<Watched>) -> std::io::Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        let is_stopped = Arc::clone(&stopped);
        let told = watchdog_interval();
        let thread = thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            let mut watch = Watch::new(watched);
            let mut silence = Duration::ZERO;
            while !is_stopped.load(Ordering::Relaxed) {
                thread::park_timeout(TICK);
                match watch.tick() {
                    Verdict::Well => {
                        silence += TICK;
                        if told.is_some_and(|interval| silence >= interval / 3) {
                            silence = Duration::ZERO;
                            notify(Progress::Alive);
                        }
                    }
                    Verdict::Slow => silence = Duration::ZERO,
                    Verdict::Dead(name) if !is_stopped.load(Ordering::Relaxed) => put_down(name),
                    Verdict::Dead(_) => {}
                }
            }
        })?;
        Ok(Self { stopped, thread: Some(thread) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
        }
    }
}

/// What a tick finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// All beat.
    Well,
    /// One is late: nobody is told that all is well.
    Slow,
    /// One has been silent for too long.
    Dead(&'static str),
}

/// The decision, apart from time and thread.
struct Watch {
    /// Each loop with the beats that were seen last, and how many ticks ago they were new.
    loops: Vec<(Watched, u64, u32)>,
}

impl Watch {
    fn new(watched: Vec<Watched>) -> Self {
        Self { loops: watched.into_iter().map(|watched| (watched, 0, 0)).collect() }
    }

    fn tick(&mut self) -> Verdict {
        let mut verdict = Verdict::Well;
        for (watched, seen, silent) in &mut self.loops {
            let beats = watched.pulse.beats();
            if beats != *seen || (watched.is_excused)() {
                (*seen, *silent) = (beats, 0);
                continue;
            }
            *silent += 1;
            if *silent >= DEAD_TICKS {
                return Verdict::Dead(watched.name);
            }
            if *silent >= SLOW_TICKS {
                verdict = Verdict::Slow;
            }
        }
        verdict
    }
}

/// Ends the process. The log may itself be what hangs, so the words have a thread of their own and a second.
fn put_down(name: &'static str) -> ! {
    let (told, heard) = sync_channel::<()>(1);
    let tell = move || {
        let seconds = (TICK * DEAD_TICKS).as_secs();
        let threads = threads();
        tracing::error!(stuck = name, seconds, threads, "a loop of this daemon does not move: the process is put down");
        // Nobody listens any more when it took too long.
        told.send(()).unwrap_or_default();
    };
    // Without a thread there are no words.
    drop(thread::Builder::new().name("last-words".to_owned()).spawn(tell));
    heard.recv_timeout(WORDS_WAIT).unwrap_or_default();
    std::process::abort()
}

/// What every thread does: `name state kernel-function`, as far as the system tells.
fn threads() -> String {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return String::new() };
    let describe = |path: std::path::PathBuf| {
        let read = |name: &str| fs::read_to_string(path.join(name)).unwrap_or_default();
        let stat = read("stat");
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('?');
        format!("{} {state} {}", read("comm").trim(), read("wchan").trim())
    };
    let mut lines: Vec<String> = tasks.flatten().take(THREADS_TOLD_MAX).map(|task| describe(task.path())).collect();
    lines.sort();
    lines.join(", ")
}

/// How often a loop that is watched should beat.
pub(crate) const BEAT_EVERY: Duration = Duration::from_secs(2);
/// Between two looks.
const TICK: Duration = Duration::from_millis(500);
/// So many ticks without a beat, and the service manager hears nothing.
const SLOW_TICKS: u32 = 12;
/// So many, and the process ends: 10 seconds.
const DEAD_TICKS: u32 = 20;
/// How long the last words may take.
const WORDS_WAIT: Duration = Duration::from_secs(1);
const THREADS_TOLD_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use hanse_base::pulse::Pulse;

    use super::{DEAD_TICKS, SLOW_TICKS, Verdict, Watch, Watched, threads};

    #[test]
    fn a_loop_that_stops_beating_is_first_slow_and_then_dead() {
        let (one, other) = (Pulse::default(), Pulse::default());
        let mut watch = Watch::new(vec![Watched::always("one", one.clone()), Watched::always("other", other.clone())]);
        for _ in 0..100 {
            one.beat();
            other.beat();
            assert_eq!(watch.tick(), Verdict::Well);
        }
        for tick in 1..DEAD_TICKS {
            one.beat();
            let expected = if tick >= SLOW_TICKS { Verdict::Slow } else { Verdict::Well };
            assert_eq!(watch.tick(), expected, "tick {tick}");
        }
        assert_eq!(watch.tick(), Verdict::Dead("other"));
    }

    #[test]
    fn a_late_beat_and_a_good_excuse_begin_anew() {
        let pulse = Pulse::default();
        let excuse = Arc::new(AtomicBool::new(false));
        let excused = Arc::clone(&excuse);
        let is_excused = Box::new(move || excused.load(Ordering::Relaxed));
        let mut watch = Watch::new(vec![Watched { name: "engine", pulse: pulse.clone(), is_excused }]);
        let silent = |watch: &mut Watch, ticks: u32| (0..ticks).fold(Verdict::Well, |_, _| watch.tick());
        assert_eq!(silent(&mut watch, DEAD_TICKS - 1), Verdict::Slow);
        pulse.beat();
        assert_eq!(watch.tick(), Verdict::Well);
        excuse.store(true, Ordering::Relaxed);
        assert_eq!(silent(&mut watch, DEAD_TICKS * 3), Verdict::Well);
        excuse.store(false, Ordering::Relaxed);
        assert_eq!(silent(&mut watch, DEAD_TICKS), Verdict::Dead("engine"));
    }

    #[test]
    fn threads_are_told_apart() {
        assert!(threads().contains(' '), "{}", threads());
    }
}
