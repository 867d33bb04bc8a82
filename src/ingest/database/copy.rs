//! Rows in the binary form of COPY.
//!
//! After a head come rows: how many fields there are, and for each its length, or -1 for a null, and its bytes; -1 fields are the end. See
//! <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".

use std::io::{self, BufRead};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
const HEAD: usize = SIGNATURE.len() + 4 + 4;
/// Bytes that are gathered before rows are read.
const GATHERED: usize = 256 << 10;
pub const NULL: u32 = u32::MAX;

/// What a server sends.
pub struct Copy<'r> {
    sent: &'r mut dyn BufRead,
    is_begun: bool,
    is_done: bool,
}

/// Rows that have been sent.
#[derive(Default)]
pub struct Sent {
    pub bytes: Vec<u8>,
    /// Start and length of each field, row by row; the length [`NULL`] where it is missing.
    pub fields: Vec<(u32, u32)>,
    /// Bytes of rows; behind them is the beginning of another.
    used: usize,
}

impl<'r> Copy<'r> {
    pub fn new(sent: &'r mut dyn BufRead) -> Copy<'r> {
        Copy { sent, is_begun: false, is_done: false }
    }

    /// Goes on to the next rows, of `n` fields each; there are none at the end.
    pub fn next(&mut self, n: usize, rows: &mut Sent) -> io::Result<()> {
        rows.bytes.drain(..rows.used);
        rows.used = 0;
        rows.fields.clear();
        while rows.fields.is_empty() && !self.is_done {
            // The last bytes say that they are.
            if self.gather(&mut rows.bytes)? == 0 {
                return Err(cut_off());
            }
            if !self.is_begun {
                self.begin(rows)?;
            }
            while !self.is_done && self.take_row(n, rows)? {}
        }
        Ok(())
    }

    /// Reads on, and returns how many bytes there were; fewer than [`GATHERED`] at the end.
    fn gather(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        let before = bytes.len();
        while bytes.len() < before + GATHERED {
            let piece = self.sent.fill_buf()?;
            let length = piece.len();
            if length == 0 {
                break;
            }
            bytes.extend_from_slice(piece);
            self.sent.consume(length);
        }
        Ok(bytes.len() - before)
    }

    fn begin(&mut self, rows: &mut Sent) -> io::Result<()> {
        let head = rows.bytes.get(..HEAD).ok_or_else(cut_off)?;
        let extension = u32::from_be_bytes(*head.last_chunk().unwrap_or(&[0; 4])) as usize;
        if !head.starts_with(SIGNATURE) || extension > GATHERED {
            return Err(invalid("the server sends something else than rows"));
        }
        (rows.used, self.is_begun) = (HEAD + extension, true);
        Ok(())
    }

    /// Takes one row; false where it is not all there.
    fn take_row(&mut self, n: usize, rows: &mut Sent) -> io::Result<bool> {
        let Some(mut rest) = rows.bytes.get(rows.used..) else { return Err(cut_off()) };
        let Some(count) = number::<2>(&mut rest).map(i16::from_be_bytes) else { return Ok(false) };
        if count == -1 {
            self.is_done = true;
            return Ok(false);
        }
        if usize::try_from(count) != Ok(n) {
            return Err(invalid("the server sends other columns than were asked for"));
        }
        let kept = rows.fields.len();
        for _ in 0..n {
            let Some(length) = number::<4>(&mut rest).map(i32::from_be_bytes) else {
                rows.fields.truncate(kept);
                return Ok(false);
            };
            let start = (rows.bytes.len() - rest.len()) as u32;
            if length == -1 {
                rows.fields.push((start, NULL));
                continue;
            }
            let length = usize::try_from(length).map_err(|_| invalid("the server sends a field of no length"))?;
            let Some(behind) = rest.get(length..) else {
                rows.fields.truncate(kept);
                return Ok(false);
            };
            rows.fields.push((start, length as u32));
            rest = behind;
        }
        rows.used = rows.bytes.len() - rest.len();
        Ok(true)
    }
}

fn number<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*number)
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

fn cut_off() -> io::Error {
    invalid("what the server sends ends in the middle")
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    type Fields = Vec<Option<Vec<u8>>>;

    fn sent(rows: &[Fields]) -> Vec<u8> {
        let mut bytes = [&SIGNATURE[..], &[0; 8]].concat();
        for row in rows {
            bytes.extend((row.len() as i16).to_be_bytes());
            for field in row {
                bytes.extend(field.as_ref().map_or(-1, |field| field.len() as i32).to_be_bytes());
                bytes.extend(field.iter().flatten());
            }
        }
        bytes.extend((-1i16).to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8], n: usize, piece: usize) -> io::Result<Vec<Fields>> {
        let mut reader = BufReader::with_capacity(piece, bytes);
        let (mut copy, mut rows, mut found) = (Copy::new(&mut reader), Sent::default(), Vec::new());
        loop {
            copy.next(n, &mut rows)?;
            if rows.fields.is_empty() {
                return Ok(found);
            }
            let field = |&(start, length): &(u32, u32)| {
                (length != NULL).then(|| rows.bytes[start as usize..(start + length) as usize].to_vec())
            };
            found.extend(rows.fields.chunks(n).map(|row| row.iter().map(field).collect::<Fields>()));
        }
    }

    proptest! {
        #[test]
        fn rows_are_read_back_however_they_arrive_and_a_cut_is_seen(
            rows in prop::collection::vec(prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..40)), 3), 0..60),
            piece in 1usize..100,
            at in 0.0..1.0,
        ) {
            let bytes = sent(&rows);
            prop_assert_eq!(&read(&bytes, 3, piece).unwrap(), &rows);
            let cut = (bytes.len() as f64 * at) as usize;
            prop_assert!(read(&bytes[..cut], 3, piece).is_err());
            prop_assert!(read(&bytes, 2, piece).is_err() || rows.is_empty());
        }

        #[test]
        fn any_bytes_are_rows_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&[&SIGNATURE[..], &[0; 8], &bytes].concat(), 2, 16);
        }
    }
}
