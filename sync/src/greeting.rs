//! The first words on a link, once in each direction, each on a stream of its own.
//!
//! TLS 1.3 lets the dialing side believe in a connection before the accepting side has looked at its certificate. A
//! link counts only when the peer's greeting has come, which the peer sends after it has verified us. The greeting also
//! tells the peer's incarnation, a number drawn at each start, so that links to a dead process are known as such.

use quinn::Connection;

use crate::lane::Class;
use crate::link::Why;

const VERSION: u8 = 1;
const LENGTH: usize = 10;

/// What each side says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Greeting {
    /// What the link is for. The dialing side decides.
    pub(crate) class: Class,
    /// Drawn when the process started.
    pub(crate) incarnation: u64,
}

impl Greeting {
    pub(crate) fn encode(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[0] = VERSION;
        bytes[1] = self.class.to_wire();
        bytes[2..].copy_from_slice(&self.incarnation.to_be_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let [VERSION, class, incarnation @ ..] = bytes else { return None };
        Some(Self { class: Class::from_wire(*class)?, incarnation: u64::from_be_bytes(incarnation.try_into().ok()?) })
    }

    /// Says it to the peer.
    pub(crate) async fn send(self, connection: &Connection) -> Result<(), Why> {
        let lost = |error: &dyn ToString| why(connection, error);
        let mut stream = connection.open_uni().await.map_err(|error| Why::from(&error))?;
        stream.write_all(&self.encode()).await.map_err(|error| lost(&error))?;
        stream.finish().map_err(|error| lost(&error))
    }

    /// Hears it from the peer.
    pub(crate) async fn receive(connection: &Connection) -> Result<Self, Why> {
        let mut stream = connection.accept_uni().await.map_err(|error| Why::from(&error))?;
        let bytes = stream.read_to_end(LENGTH).await;
        let bytes = bytes.map_err(|error| why(connection, &format!("no greeting: {error}")))?;
        Self::decode(&bytes).ok_or_else(|| Why::new("the greeting cannot be read"))
    }
}

/// What ended the connection, if that is known to be the reason.
fn why(connection: &Connection, error: &dyn ToString) -> Why {
    connection.close_reason().as_ref().map_or_else(|| Why::new(error.to_string()), Why::from)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};

    use super::Greeting;
    use crate::lane::Class;

    proptest! {
        #[test]
        fn a_greeting_reads_back_and_junk_does_not_panic(incarnation: u64, junk in vec(any::<u8>(), 0..20)) {
            for class in Class::ALL {
                let greeting = Greeting { class, incarnation };
                assert_eq!(Greeting::decode(&greeting.encode()), Some(greeting));
            }
            let read = Greeting::decode(&junk);
            assert!(read.is_none_or(|greeting| greeting.encode() == junk[..]));
        }
    }
}
