//! Keeps this daemon's certificate fresh while it runs.
//!
//! With the region's authority at hand (`[peers] authority_certificate` and `authority_key`) a daemon signs itself a new
//! certificate when two thirds of the last one's life are over, give or take a tenth of that, so that daemons which began
//! together do not renew together. The key stays: only the certificate's file changes, whole. Without an authority, and
//! beside one, the files are looked at every few seconds, and what an operator has put there is taken up.
//!
//! A renewal that fails is told and tried again; links live on with the old certificate until it ends.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use hanse_base::random::Random;
use hanse_sync::error::MeshError;
use hanse_sync::mesh::Mesh;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::authority::{RegionAuthority, time_left};
use crate::config::{AuthorityFiles, Config};
use crate::keys::{self, KeyError};
use crate::pki::{PUBLIC, PkiError, read_file, write_file};

/// Why a certificate was not renewed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenewalError {
    /// The authority cannot be read, or the certificate not be written.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// What lies in the files cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The daemon is being stopped.
    #[error("the renewal was interrupted")]
    Interrupted,
    /// What lies in the files is not of this daemon.
    #[error(transparent)]
    Mesh(#[from] MeshError),
}

/// How the last attempt went. Cheap to clone: all clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct RenewalState(Arc<Mutex<Option<String>>>);

impl RenewalState {
    /// Why the certificate could not be renewed last; nothing when it could, or did not need to be.
    pub(crate) fn error(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, error: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

/// The duty.
pub(crate) struct Renewal {
    /// Where the files are.
    pub(crate) config: Arc<Config>,
    /// What is told of a new certificate.
    pub(crate) mesh: Mesh,
    /// For jitter.
    pub(crate) random: Arc<dyn Random>,
    /// What `hanse status` shows.
    pub(crate) state: RenewalState,
}

/// Signs a new certificate, where there is an authority and the one that lies there has less than a third of its life
/// left or cannot be used. For the start of a daemon, which may have been down for longer than its certificate lasts.
///
/// # Errors
/// The authority cannot be read, or the certificate not be written.
pub(crate) fn renew_at_start(config: &Config) -> Result<(), PkiError> {
    let Some(files) = &config.peers.authority else { return Ok(()) };
    let kept = read_file(&config.peers.certificate).unwrap_or_default();
    if time_left(&kept) > config.peers.certificate_life / 3 {
        return Ok(());
    }
    sign(config, files)
}

fn sign(config: &Config, files: &AuthorityFiles) -> Result<(), PkiError> {
    let authority = RegionAuthority::load(&files.certificate, &files.key, &config.federation, &config.region)?;
    let key = read_file(&config.peers.key)?;
    let chain = authority.sign_key(&key, config.daemon, config.peers.certificate_life)?;
    write_file(&config.peers.certificate, chain.as_bytes(), PUBLIC)
}

impl Renewal {
    /// Renews until `stop` is set.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let life = self.config.peers.certificate_life;
        let retry = RETRY_MAX.min(life / 30).max(PAUSE_MIN);
        let mut seen = self.look();
        let mut due = self.due();
        let mut told = 0;
        loop {
            let pause = LOOK_EVERY.min(life / 20).min(due.saturating_duration_since(Instant::now()));
            if timeout(pause.max(PAUSE_MIN), stop.wait_for(|stop| *stop)).await.is_ok() {
                return;
            }
            let renews = self.config.peers.authority.is_some() && Instant::now() >= due;
            let files = self.look();
            if !renews && files == seen {
                self.warn(&mut told);
                continue;
            }
            match self.renew(renews).await {
                Ok(()) => {
                    let seconds = self.left().as_secs();
                    tracing::info!(seconds, renewed = renews, "a new certificate is in use");
                    self.state.set(None);
                    told = 0;
                    // Not at once again, should the authority itself end before the certificate's time.
                    due = self.due().max(Instant::now() + retry);
                }
                Err(error) => {
                    tracing::warn!(%error, seconds_left = self.left().as_secs(), "the certificate cannot be renewed");
                    self.state.set(Some(error.to_string()));
                    due = Instant::now() + retry;
                    // Files that are being replaced one after the other do not fit together for a moment.
                    sleep(PAUSE_MIN).await;
                }
            }
            seen = if renews || self.state.error().is_none() { self.look() } else { seen };
        }
    }

    async fn renew(&self, signs: bool) -> Result<(), RenewalError> {
        let config = Arc::clone(&self.config);
        // A disk that hangs must not hold others up.
        let read = tokio::task::spawn_blocking(move || {
            if let Some(files) = config.peers.authority.as_ref().filter(|_| signs) {
                sign(&config, files)?;
            }
            Ok::<_, RenewalError>(keys::peer_identity(&config)?)
        });
        let identity = read.await.unwrap_or(Err(RenewalError::Interrupted))?;
        self.mesh.set_identity(&identity)?;
        Ok(())
    }

    fn left(&self) -> Duration {
        self.mesh.certificate_end().duration_since(SystemTime::now()).unwrap_or_default()
    }

    /// When the certificate in use is to be renewed.
    fn due(&self) -> Instant {
        Instant::now() + wait(self.left(), self.config.peers.certificate_life, self.random.number())
    }

    /// Tells the operator of a certificate that nobody renews, once for each alarm that its end has passed.
    fn warn(&self, told: &mut usize) {
        let left = self.left();
        let passed =
            ALARMS.iter().filter(|percent| left < self.config.peers.certificate_life / 100 * **percent).count();
        if passed > *told {
            tracing::warn!(seconds_left = left.as_secs(), "the certificate ends soon and was not renewed");
        }
        *told = passed;
    }

    /// What tells whether the files have changed.
    fn look(&self) -> [Option<(u64, i64, i64, u64)>; 3] {
        let peers = &self.config.peers;
        [&peers.certificate, &peers.key, &peers.ca].map(|path| stamp(path))
    }
}

fn stamp(path: &Path) -> Option<(u64, i64, i64, u64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.ino(), found.mtime(), found.mtime_nsec(), found.len()))
}

/// How long to wait until two thirds of `life` are over, give or take a tenth, when so much is left.
fn wait(left: Duration, life: Duration, chance: u64) -> Duration {
    let part = u32::try_from(chance % 1001).unwrap_or(0);
    // Of the two thirds that pass, from nine to eleven tenths: from 0.267 to 0.4 of the life is left.
    let rest = life * 4 / 15 + life * 2 / 15 * part / 1000;
    left.saturating_sub(rest)
}

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
const RETRY_MAX: Duration = Duration::from_secs(60);
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// With so many hundredths of its life left, a certificate that nobody renews is worth a line.
const ALARMS: [u32; 2] = [25, 10];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::proptest;

    use super::wait;

    proptest! {
        #[test]
        fn certificates_are_renewed_at_two_thirds_of_their_life_give_or_take_a_tenth(chance: u64, seconds in 1_u32..40_000_000) {
            let life = Duration::from_secs(u64::from(seconds));
            let at = wait(life, life, chance);
            assert!(at >= life * 59 / 100 && at <= life * 74 / 100, "{at:?} of {life:?}");
            assert_eq!(wait(life / 5, life, chance), Duration::ZERO, "what is late is renewed at once");
        }
    }
}
