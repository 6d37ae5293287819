//! What is said on the lane for names: may this logical cluster have that name below that parent?
//!
//! One question, one answer, each a version byte and a postcard struct. What arrives comes from an authenticated
//! daemon, and is checked like any input.

use bytes::Bytes;
use hanse_api::federation::Reserved;
use hanse_base::id::{ClusterId, GroupId, is_segment};

/// Asks a parent's home to hold a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// The group that the asker takes for the parent's home.
    pub(crate) group: GroupId,
    /// The parent.
    pub(crate) parent: ClusterId,
    /// The name below it.
    pub(crate) name: String,
    /// Who is to have it.
    pub(crate) id: ClusterId,
}

/// What the home says: or, when it cannot say, why.
pub(crate) type Answer = Result<Reserved, String>;

/// Bytes that are no question or answer of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message about a name cannot be read")]
pub(crate) struct NameMessageError;

const VERSION: u8 = 1;

mod v1 {
    use hanse_base::id::{ClusterId, GroupId};
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub(super) struct Question {
        pub(super) group: GroupId,
        pub(super) parent: ClusterId,
        pub(super) name: String,
        pub(super) id: ClusterId,
    }

    #[derive(Serialize, Deserialize)]
    pub(super) enum Answer {
        Granted,
        Taken(ClusterId),
        ParentMissing,
        ParentDeleting,
        Unavailable(String),
    }
}

impl Question {
    /// The question as a frame.
    pub(crate) fn encode(&self) -> Bytes {
        let Self { group, parent, name, id } = self.clone();
        encode(&v1::Question { group, parent, name, id })
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// It is no question, or asks for a name that no workspace can have.
    pub(crate) fn decode(frame: &[u8]) -> Result<Self, NameMessageError> {
        let v1::Question { group, parent, name, id } = decode(frame)?;
        if is_segment(&name) { Ok(Self { group, parent, name, id }) } else { Err(NameMessageError) }
    }
}

/// The answer as a frame.
pub(crate) fn encode_answer(answer: Answer) -> Bytes {
    encode(&match answer {
        Ok(Reserved::Granted) => v1::Answer::Granted,
        Ok(Reserved::Taken { by }) => v1::Answer::Taken(by),
        Ok(Reserved::ParentMissing) => v1::Answer::ParentMissing,
        Ok(Reserved::ParentDeleting) => v1::Answer::ParentDeleting,
        Err(why) => v1::Answer::Unavailable(why),
    })
}

/// Reads an answer's frame.
///
/// # Errors
/// It is no answer.
pub(crate) fn decode_answer(frame: &[u8]) -> Result<Answer, NameMessageError> {
    Ok(match decode(frame)? {
        v1::Answer::Granted => Ok(Reserved::Granted),
        v1::Answer::Taken(by) => Ok(Reserved::Taken { by }),
        v1::Answer::ParentMissing => Ok(Reserved::ParentMissing),
        v1::Answer::ParentDeleting => Ok(Reserved::ParentDeleting),
        v1::Answer::Unavailable(why) => Err(why),
    })
}

/// # Panics
/// Never: texts can be written to memory.
fn encode(message: &impl serde::Serialize) -> Bytes {
    Bytes::from(postcard::to_extend(message, vec![VERSION]).expect("texts can be written to memory"))
}

fn decode<T: serde::de::DeserializeOwned>(frame: &[u8]) -> Result<T, NameMessageError> {
    let Some((&VERSION, rest)) = frame.split_first() else { return Err(NameMessageError) };
    match postcard::take_from_bytes(rest) {
        Ok((message, [])) => Ok(message),
        _ => Err(NameMessageError),
    }
}

/// Longest question or answer.
pub(crate) const NAME_MESSAGE_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use hanse_api::federation::Reserved;
    use hanse_base::id::{ClusterId, GroupId};
    use proptest::prelude::{any, proptest};

    use super::{NAME_MESSAGE_BYTES_MAX, Question, decode_answer, encode_answer};

    fn cluster(id: &str) -> ClusterId {
        ClusterId::new(id).unwrap()
    }

    fn question(name: &str) -> Question {
        Question { group: GroupId::new("eu").unwrap(), parent: cluster("root"), name: name.into(), id: cluster("x1") }
    }

    #[test]
    fn questions_and_answers_read_back_as_they_were_written() {
        assert_eq!(Question::decode(&question("team").encode()).unwrap(), question("team"));
        let answers = [
            Ok(Reserved::Granted),
            Ok(Reserved::Taken { by: cluster("x2") }),
            Ok(Reserved::ParentMissing),
            Ok(Reserved::ParentDeleting),
            Err("no leader".to_owned()),
        ];
        for answer in answers {
            assert_eq!(decode_answer(&encode_answer(answer.clone())).unwrap(), answer);
        }
    }

    #[test]
    fn junk_and_impossible_names_are_refused() {
        let good = question("team").encode();
        for cut in 0..good.len() {
            assert!(Question::decode(&good[..cut]).is_err(), "{cut}");
        }
        for frame in [&b"\x02"[..], b"\x01\xff\xff\xff\xff\xff", b"\x01\x09", &[&good[..], b"x"].concat()] {
            assert!(Question::decode(frame).is_err() && decode_answer(frame).is_err(), "{frame:?}");
        }
        assert!(Question::decode(&question("A:b").encode()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_from_a_peer_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..NAME_MESSAGE_BYTES_MAX)) {
            for frame in [bytes.clone(), [&[super::VERSION], &bytes[..]].concat()] {
                if let Ok(question) = Question::decode(&frame) {
                    assert_eq!(Question::decode(&question.encode()).unwrap(), question);
                }
                if let Ok(answer) = decode_answer(&frame) {
                    assert_eq!(decode_answer(&encode_answer(answer.clone())).unwrap(), answer);
                }
            }
        }
    }
}
