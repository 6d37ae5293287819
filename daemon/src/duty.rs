//! What the controllers ask of the daemon: whether it leads, and to wait.

use std::time::Duration;

use hanse_base::net::BoxFuture;
use hanse_controllers::run::Duty;
use tokio::sync::watch;

/// Duty by Raft's leadership.
pub(crate) struct Leadership(pub(crate) watch::Receiver<bool>);

impl Duty for Leadership {
    fn leads(&self) -> bool {
        *self.0.borrow()
    }

    fn turned(&self, leads: bool) -> BoxFuture<'_, ()> {
        let mut led = self.0.clone();
        Box::pin(async move {
            if led.wait_for(|now| *now != leads).await.is_err() {
                // The group has ended: nothing will turn any more.
                std::future::pending::<()>().await;
            }
        })
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
