//! Who a peer is, and how a certificate says it.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use hanse_base::id::{DaemonId, RegionName};

/// A peer as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The daemon.
    pub daemon: DaemonId,
    /// The region that it belongs to; its certificate must say the same.
    pub region: RegionName,
    /// Where its QUIC socket listens.
    pub address: SocketAddr,
}

impl Peer {
    /// Who the peer is, without where it is.
    #[must_use]
    pub fn id(&self) -> PeerId {
        PeerId { daemon: self.daemon, region: self.region.clone() }
    }
}

/// Which daemons of the own region are let in although they are no peers, or not yet: as guests. Of other regions none is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Guests {
    /// None.
    #[default]
    Nobody,
    /// All but these, who were removed.
    AllBut(BTreeSet<DaemonId>),
}

/// Who a peer has proved to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PeerId {
    /// The daemon.
    pub daemon: DaemonId,
    /// Its region.
    pub region: RegionName,
}

/// A URI does not name a daemon, or an authority, of the federation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerIdError {
    /// The URI has another form than `spiffe://<federation>/region/<region>/daemon/<id>`.
    #[error("the name is not of the form spiffe://<federation>/region/<region>/daemon/<id>")]
    Form,
    /// The URI has another form than `spiffe://<federation>/region/<region>`.
    #[error("the authority's name is not of the form spiffe://<federation>/region/<region>")]
    AuthorityForm,
    /// The URI names another federation.
    #[error("the name belongs to another federation")]
    Federation,
}

impl PeerId {
    /// The name of this daemon in certificates: `spiffe://<federation>/region/<region>/daemon/<id>`.
    #[must_use]
    pub fn uri(&self, federation: &str) -> String {
        format!("spiffe://{federation}/region/{}/daemon/{}", self.region, self.daemon)
    }

    /// Reads what [`PeerId::uri`] writes; there is exactly one way to write each name.
    ///
    /// # Errors
    /// The text has another form, or names another federation.
    pub fn parse(uri: &str, federation: &str) -> Result<Self, PeerIdError> {
        let rest = uri.strip_prefix("spiffe://").ok_or(PeerIdError::Form)?;
        let (domain, path) = rest.split_once('/').ok_or(PeerIdError::Form)?;
        let [Some("region"), Some(region), Some("daemon"), Some(number), None] = segments(path) else {
            return Err(PeerIdError::Form);
        };
        if domain != federation {
            return Err(PeerIdError::Federation);
        }
        let Ok(region) = RegionName::new(region) else { return Err(PeerIdError::Form) };
        let Ok(daemon) = number.parse::<u64>() else { return Err(PeerIdError::Form) };
        // `parse` takes "+7" and "007" as well; a second spelling of a name would be a second key for one daemon.
        if daemon.to_string() != number {
            return Err(PeerIdError::Form);
        }
        Ok(Self { daemon: DaemonId(daemon), region })
    }
}

/// The name of a region's authority in its certificate: `spiffe://<federation>/region/<region>`.
#[must_use]
pub fn authority_uri(federation: &str, region: &RegionName) -> String {
    format!("spiffe://{federation}/region/{region}")
}

/// Reads what [`authority_uri`] writes.
///
/// # Errors
/// The text has another form, or names another federation.
pub fn parse_authority_uri(uri: &str, federation: &str) -> Result<RegionName, PeerIdError> {
    let rest = uri.strip_prefix("spiffe://").ok_or(PeerIdError::AuthorityForm)?;
    let (domain, path) = rest.split_once('/').ok_or(PeerIdError::AuthorityForm)?;
    let [Some("region"), Some(region), None, ..] = segments(path) else { return Err(PeerIdError::AuthorityForm) };
    if domain != federation {
        return Err(PeerIdError::Federation);
    }
    let Ok(region) = RegionName::new(region) else { return Err(PeerIdError::AuthorityForm) };
    Ok(region)
}

fn segments(path: &str) -> [Option<&str>; 5] {
    let mut parts = path.split('/');
    std::array::from_fn(|_| parts.next())
}

#[cfg(test)]
mod tests {
    use hanse_base::id::{DaemonId, RegionName};
    use proptest::prelude::{any, proptest};

    use super::{PeerId, PeerIdError, authority_uri, parse_authority_uri};

    #[test]
    fn only_the_one_spelling_of_a_name_is_taken() {
        let good = PeerId::parse("spiffe://hansa/region/eu/daemon/7", "hansa").unwrap();
        assert_eq!(good, PeerId { daemon: DaemonId(7), region: RegionName::new("eu").unwrap() });
        for bad in [
            "",
            "spiffe://hansa",
            "https://hansa/region/eu/daemon/7",
            "spiffe://hansa/region/eu/daemon/",
            "spiffe://hansa/region/eu/daemon/07",
            "spiffe://hansa/region/eu/daemon/+7",
            "spiffe://hansa/region/eu/daemon/-7",
            "spiffe://hansa/region/eu/daemon/7/",
            "spiffe://hansa/region/eu/daemon/7/x",
            "spiffe://hansa/region/EU/daemon/7",
            "spiffe://hansa//region/eu/daemon/7",
            "spiffe://hansa/region/eu/daemon/18446744073709551616",
        ] {
            assert_eq!(PeerId::parse(bad, "hansa"), Err(PeerIdError::Form), "{bad}");
        }
        assert_eq!(PeerId::parse("spiffe://other/region/eu/daemon/7", "hansa"), Err(PeerIdError::Federation));
    }

    #[test]
    fn an_authority_has_one_spelling_and_is_no_daemon() {
        let eu = RegionName::new("eu").unwrap();
        assert_eq!(parse_authority_uri(&authority_uri("hansa", &eu), "hansa"), Ok(eu));
        for bad in [
            "",
            "spiffe://hansa",
            "spiffe://hansa/region",
            "spiffe://hansa/region/",
            "spiffe://hansa/region/eu/",
            "spiffe://hansa/region/EU",
            "spiffe://hansa/daemon/eu",
            "spiffe://hansa/region/eu/daemon/7",
            "https://hansa/region/eu",
        ] {
            assert_eq!(parse_authority_uri(bad, "hansa"), Err(PeerIdError::AuthorityForm), "{bad}");
        }
        assert_eq!(parse_authority_uri("spiffe://other/region/eu", "hansa"), Err(PeerIdError::Federation));
        assert_eq!(PeerId::parse("spiffe://hansa/region/eu", "hansa"), Err(PeerIdError::Form));
    }

    proptest! {
        #[test]
        fn a_name_reads_back_as_it_was_written(daemon: u64, region in "[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?") {
            let id = PeerId { daemon: DaemonId(daemon), region: RegionName::new(&region).unwrap() };
            assert_eq!(PeerId::parse(&id.uri("hansa"), "hansa"), Ok(id));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            drop(PeerId::parse(&text, "hansa"));
            drop(PeerId::parse(&format!("spiffe://hansa/{text}"), "hansa"));
            drop(parse_authority_uri(&text, "hansa"));
            drop(parse_authority_uri(&format!("spiffe://hansa/{text}"), "hansa"));
        }
    }
}
