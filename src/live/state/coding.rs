//! How the payloads of frames are coded.
//!
//! | format | coding | |
//! |---|---|---|
//! | 1 | bincode 1.3, integers of fixed width | of segmill 0.1: read, never written |
//! | 2 | postcard | the only one that is written |
//!
//! The head of every log segment and of every snapshot begins with the name of its format, and all frames of a file have one
//! coding. So files of both formats may lie side by side, and a file of format 1 is never appended to.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How the payloads of a file are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Coding {
    /// Format 1.
    Bincode,
    /// Format 2.
    #[default]
    Postcard,
}

impl Coding {
    /// What [`encode`] writes.
    pub const WRITTEN: Coding = Coding::Postcard;

    /// The coding of a file of this kind (`log`, `snapshot`) whose head has this payload; nothing for any other file.
    pub(super) fn of_head(payload: &[u8], kind: &str) -> Option<Coding> {
        let names_itself = |coding: &Coding| coding.decode(payload) == Ok(coding.format(kind));
        [Coding::Bincode, Coding::Postcard].into_iter().find(names_itself)
    }

    /// The name of the format of such a file: the first field of its head.
    pub(super) fn format(self, kind: &str) -> String {
        let number = match self {
            Coding::Bincode => 1,
            Coding::Postcard => 2,
        };
        format!("segmill follow {kind} {number}")
    }

    /// The value that begins `bytes`, or why there is none.
    pub fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, String> {
        match self {
            Coding::Bincode => bincode::deserialize(bytes).map_err(|e| e.to_string()),
            Coding::Postcard => postcard::from_bytes(bytes).map_err(|e| e.to_string()),
        }
    }
}

/// The bytes of a value in [`Coding::WRITTEN`].
pub fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("values of a state serialise")
}

/// Appends what [`encode`] returns.
pub(super) fn encode_into(value: &impl Serialize, bytes: &mut Vec<u8>) {
    postcard::to_io(value, bytes).expect("values of a state serialise");
}

/// The length of what [`encode`] returns.
pub(super) fn encoded_length(value: &impl Serialize) -> usize {
    postcard::serialize_with_flavor(value, postcard::ser_flavors::Size::default()).expect("values of a state serialise")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_how_its_file_is_coded() {
        let first = bincode::serialize(&("segmill follow log 1", "more")).unwrap();
        let second = encode(&("segmill follow log 2", "more"));
        assert_eq!(encoded_length(&("segmill follow log 2", "more")), second.len());
        assert_eq!(Coding::of_head(&first, "log"), Some(Coding::Bincode));
        assert_eq!(Coding::of_head(&second, "log"), Some(Coding::Postcard));
        assert!(Coding::of_head(&first, "snapshot").is_none() && Coding::of_head(&second, "snapshot").is_none());
        // The name of one format in the coding of the other, and a format to come.
        let others = [
            bincode::serialize("segmill follow log 2").unwrap(),
            encode(&"segmill follow log 1"),
            encode(&"segmill follow log 3"),
            Vec::new(),
        ];
        assert!(others.iter().all(|head| Coding::of_head(head, "log").is_none()));
    }
}
