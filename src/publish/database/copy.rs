//! Rows of users and segments on their way into a table, in the binary form of `COPY`.
//!
//! Source: <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".

use std::io::{self, Write};

use ::postgres::{CopyInWriter, Transaction};

use crate::postgres::Failed;
use crate::results::Id;

/// Begins a copy: signature, flags, length of an extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: i16 = -1;
/// Bytes that are sent at once.
const BLOCK: usize = 64 << 10;

/// What a column of users holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number,
    Text,
}

/// A copy that is under way. What is not finished has not happened.
pub struct Copy<'t> {
    writer: CopyInWriter<'t>,
    kind: Kind,
    bytes: Vec<u8>,
}

impl<'t> Copy<'t> {
    /// `into` is a `COPY … FROM STDIN BINARY` of a user and a segment.
    pub fn begin(transaction: &'t mut Transaction<'_>, into: &str, kind: Kind) -> Result<Copy<'t>, Failed> {
        let writer = transaction.copy_in(into)?;
        Ok(Copy { writer, kind, bytes: HEADER.to_vec() })
    }

    /// Fails for text where numbers are wanted.
    pub fn push(&mut self, user: &Id, segment: Option<u32>) -> Result<(), Failed> {
        put(&mut self.bytes, self.kind, user, segment)?;
        if self.bytes.len() < BLOCK { Ok(()) } else { self.send() }
    }

    fn send(&mut self) -> Result<(), Failed> {
        self.writer.write_all(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }

    pub fn finish(mut self) -> Result<(), Failed> {
        self.bytes.extend(TRAILER.to_be_bytes());
        self.send()?;
        self.writer.finish()?;
        Ok(())
    }
}

/// A row: two fields, each with its length in bytes before it, or −1 for nothing.
fn put(bytes: &mut Vec<u8>, kind: Kind, user: &Id, segment: Option<u32>) -> Result<(), io::Error> {
    let field = |bytes: &mut Vec<u8>, field: &[u8]| {
        bytes.extend((field.len() as i32).to_be_bytes());
        bytes.extend(field);
    };
    bytes.extend(2i16.to_be_bytes());
    match (kind, user) {
        (Kind::Number, Id::Number(number)) => field(bytes, &(*number as i64).to_be_bytes()),
        (Kind::Number, Id::Text(text)) => return Err(io::Error::other(format!("{text:?} is no number"))),
        (Kind::Text, Id::Text(text)) if text.contains('\0') => {
            return Err(io::Error::other(format!("PostgreSQL has no text with a zero byte: {text:?}")));
        }
        (Kind::Text, Id::Text(text)) => field(bytes, text.as_bytes()),
        (Kind::Text, Id::Number(number)) => field(bytes, number.to_string().as_bytes()),
    }
    match segment {
        Some(segment) => field(bytes, &(segment as i32).to_be_bytes()),
        None => bytes.extend((-1i32).to_be_bytes()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_two_fields_with_their_lengths() {
        let row = |kind, user: &str, segment| {
            let mut bytes = Vec::new();
            put(&mut bytes, kind, &Id::parse(user), segment).map(|()| bytes)
        };
        let number = [0, 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 4, 0, 0, 0, 7];
        assert_eq!(row(Kind::Number, "258", Some(7)).unwrap(), number);
        let gone = [0, 2, 0, 0, 0, 2, 0xc3, 0xa9, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(row(Kind::Text, "é", None).unwrap(), gone);
        assert_eq!(row(Kind::Text, "12", None).unwrap()[6..8], *b"12");
        assert!(row(Kind::Number, "x", None).is_err() && row(Kind::Text, "a\0", None).is_err());
    }
}
