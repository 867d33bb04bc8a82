//! Packed files: gzip and Zstandard, of one member or many.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use super::failure::{Damage, damaged, is_ours};

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Codec {
    None,
    Gzip,
    Zstd,
}

/// Bytes read from the packed file at a time.
const BUFFER: usize = 256 << 10;

impl Codec {
    /// By the first bytes of a file; its name does not matter.
    pub fn of(head: &[u8]) -> Codec {
        match head {
            [0x1f, 0x8b, ..] => Codec::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Codec::Zstd,
            _ => Codec::None,
        }
    }

    /// The unpacked bytes of `raw`. A stream that is cut off or damaged ends in an error, never as if it were complete.
    pub fn unpack(self, raw: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Codec::None => raw,
            Codec::Gzip => {
                let packed = BufReader::with_capacity(BUFFER, raw);
                Box::new(Unpacked { inner: MultiGzDecoder::new(packed), kind: "gzip" })
            }
            Codec::Zstd => {
                let packed = BufReader::with_capacity(BUFFER, raw);
                Box::new(Unpacked { inner: zstd::stream::read::Decoder::with_buffer(packed)?, kind: "Zstandard" })
            }
        })
    }
}

/// Separates damage to the packed data from failures of the disk.
struct Unpacked<R> {
    inner: R,
    kind: &'static str,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            // Failures of the system or of a store are passed on unchanged.
            _ if error.raw_os_error().is_some() || is_ours(&error) => error,
            io::ErrorKind::UnexpectedEof => damaged(Damage::CutOff { kind: self.kind }),
            _ => damaged(Damage::Broken { kind: self.kind, problem: error.to_string() }),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::error::Error;
    use crate::ingest::source::failed;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Codec::of(packed).unpack(Box::new(io::Cursor::new(packed.to_vec())))?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    type Packer = fn(&[u8]) -> Vec<u8>;

    fn packers() -> [Packer; 2] {
        [gzip, |bytes| zstd::encode_all(bytes, 1).unwrap()]
    }

    proptest! {
        #[test]
        fn members_are_one_text(pieces in prop::collection::vec("[a-z0-9,\n]{0,300}", 1..4)) {
            for pack in packers() {
                let packed: Vec<u8> = pieces.iter().flat_map(|piece| pack(piece.as_bytes())).collect();
                prop_assert_eq!(unpack(&packed).unwrap(), pieces.concat().into_bytes());
            }
        }

        #[test]
        fn a_cut_file_is_never_whole(text in "[a-z0-9,\n]{1,3000}", at in 0.0..1.0) {
            for pack in packers() {
                let packed = pack(text.as_bytes());
                let cut = 4 + ((packed.len() - 4) as f64 * at) as usize;
                let error = unpack(&packed[..cut]).unwrap_err();
                let error = failed("r.csv.gz".as_ref(), &error);
                prop_assert!(matches!(error, Error::Data { .. }), "{}", error);
                prop_assert!(error.to_string().contains("cut off"), "{}", error);
            }
        }
    }

    /// Checksums are optional in Zstandard; without one a damaged file may still be valid.
    fn zstd_with_checksum(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_damaged_file_is_refused() {
        for pack in [gzip as Packer, zstd_with_checksum] {
            let mut packed = pack(&b"1,2,3\n".repeat(1000));
            let middle = packed.len() / 2;
            packed[middle] ^= 0x55;
            packed[middle + 1] ^= 0x55;
            let error = failed("r.csv.gz".as_ref(), &unpack(&packed).unwrap_err());
            assert_eq!(error.exit_code(), 3, "{error}");
        }
        let mut trailing = gzip(b"1,2,3\n");
        trailing.extend(b"more");
        assert_eq!(failed("r.csv.gz".as_ref(), &unpack(&trailing).unwrap_err()).exit_code(), 3);
    }
}
