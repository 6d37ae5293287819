//! What the daemon tells the controllers.

use std::sync::Arc;

use crate::tally::Tally;

/// The controllers' configuration. By default they bring nothing back into a namespace that was taken out of it.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The certificates, in PEM, by which a client inside a namespace knows this API server: what `kube-root-ca.crt` holds.
    /// `None`: such config maps are nobody's care.
    pub root_ca: Option<Arc<str>>,
    /// Whether every namespace is to have its service account `default`.
    pub service_accounts: bool,
    /// Where the controllers write down what they have done and have to do.
    pub tally: Arc<Tally>,
}
