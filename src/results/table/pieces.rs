//! The digest of a table whose rows lie in several places: each place hashes what it has, and the digest is that of the whole.
//!
//! BLAKE3 is a tree over chunks of 1 KiB (O'Connor, Aumasson, Neves & Wilcox-O'Hearn 2020, section 2.1). The canonical form is cut
//! into pieces of 16 chunks, each a subtree. Who has all of a piece hashes it; what is left at the ends of a part goes along as bytes,
//! and is hashed where the tree is put together.

use std::collections::BTreeMap;

use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use serde::{Deserialize, Serialize};

use super::columns::{Table, Values};
use super::digest::Sink;

/// Bytes of a piece: a power of two of chunks.
const PIECE: u64 = 16 << 10;

/// Rows and bytes of the parts of a table, one after the other.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Of each part.
    rows: Vec<u64>,
    /// Of each part, of each column.
    bytes: Vec<Vec<u64>>,
}

/// What a part has of the canonical form. The first piece, which may be the whole tree, is always among the bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pieces {
    /// Chaining values of whole pieces, by their numbers.
    whole: Vec<(u64, ChainingValue)>,
    /// Other bytes, by their places.
    rest: Vec<(u64, Vec<u8>)>,
}

impl Table<'_> {
    /// The number of rows, and of bytes that the values of each column take in the canonical form.
    pub fn measures(&self) -> Vec<u64> {
        let columns = self.columns.iter().map(|column| column.values.bytes());
        [self.n_rows() as u64].into_iter().chain(columns).collect()
    }

    /// What the rows of part `own` contribute to the digest of the whole table. This is the part; all have the same columns.
    pub fn pieces(&self, parts: &Parts, own: usize) -> Pieces {
        let mut at = 0;
        let mut cutter = Cutter::default();
        // What is before and between the values, the first part has.
        let between = |bytes: Bytes, at: &mut u64, cutter: &mut Cutter| {
            let length = bytes.0.len() as u64;
            if own == 0 {
                cutter.seek(*at);
                cutter.take(&bytes.0);
            }
            *at += length;
        };
        let mut head = Bytes::default();
        self.begin(parts.rows.iter().sum(), &mut head);
        between(head, &mut at, &mut cutter);
        for (i, column) in self.columns.iter().enumerate() {
            let mut head = Bytes::default();
            column.begin(&mut head);
            between(head, &mut at, &mut cutter);
            let of_parts = |parts_before: &[Vec<u64>]| parts_before.iter().map(|bytes| bytes[i]).sum::<u64>();
            cutter.seek(at + of_parts(&parts.bytes[..own]));
            column.values.put(&mut cutter);
            at += of_parts(&parts.bytes);
        }
        cutter.finish()
    }
}

impl Parts {
    /// Of the [`Table::measures`] of each part.
    pub fn of(measures: &[Vec<u64>]) -> Parts {
        let rows = measures.iter().map(|of| of[0]).collect();
        Parts { rows, bytes: measures.iter().map(|of| of[1..].to_vec()).collect() }
    }
}

/// The digest of the table whose parts have these pieces.
///
/// # Panics
/// If a piece is missing.
pub fn digest_of(parts: Vec<Pieces>) -> String {
    let (whole, rest): (Vec<_>, Vec<_>) = parts.into_iter().map(|part| (part.whole, part.rest)).unzip();
    let mut rest: Vec<(u64, Vec<u8>)> = rest.concat();
    rest.sort_unstable_by_key(|(at, _)| *at);
    let mut open: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for (at, bytes) in rest {
        let piece = open.entry(at / PIECE).or_default();
        assert_eq!(piece.len() as u64, at % PIECE, "a part of the table is missing");
        piece.extend_from_slice(&bytes);
    }
    if whole.iter().all(Vec::is_empty) && open.len() == 1 {
        return blake3::hash(&open[&0]).to_hex().to_string();
    }
    let mut pieces: Vec<(u64, ChainingValue)> = whole.concat();
    pieces.extend(open.into_iter().map(|(number, bytes)| (number, chaining_value(number, &bytes))));
    pieces.sort_unstable_by_key(|(number, _)| *number);
    assert!(pieces.iter().enumerate().all(|(at, (number, _))| at as u64 == *number), "a part of the table is missing");
    let pieces: Vec<ChainingValue> = pieces.into_iter().map(|(_, value)| value).collect();
    let (left, right) = pieces.split_at(left(pieces.len()));
    merge_subtrees_root(&merged(left), &merged(right), Mode::Hash).to_hex().to_string()
}

fn merged(pieces: &[ChainingValue]) -> ChainingValue {
    match pieces {
        [only] => *only,
        _ => {
            let (left, right) = pieces.split_at(left(pieces.len()));
            merge_subtrees_non_root(&merged(left), &merged(right), Mode::Hash)
        }
    }
}

/// Of so many pieces, those of the left subtree: the largest power of two that leaves something to the right.
fn left(n: usize) -> usize {
    n.div_ceil(2).next_power_of_two()
}

fn chaining_value(number: u64, bytes: &[u8]) -> ChainingValue {
    blake3::Hasher::new().set_input_offset(number * PIECE).update(bytes).finalize_non_root()
}

impl Values<'_> {
    /// Bytes in the canonical form.
    fn bytes(&self) -> u64 {
        match self {
            Values::U32(_) | Values::U64(_) | Values::F64(_) => 8 * self.len() as u64,
            Values::Text(v) => v.iter().map(|text| 8 + text.len() as u64).sum(),
            Values::Nullable(v) => v.iter().map(|text| 8 + text.map_or(0, str::len) as u64).sum(),
        }
    }
}

#[derive(Default)]
struct Bytes(Vec<u8>);

impl Sink for Bytes {
    fn take(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// Cuts bytes into pieces, and hashes those that are whole.
#[derive(Default)]
struct Cutter {
    /// Where the buffer begins, and what has come since, of one piece.
    start: u64,
    buffer: Vec<u8>,
    pieces: Pieces,
}

impl Cutter {
    /// The next bytes come at this place.
    fn seek(&mut self, at: u64) {
        if at != self.start + self.buffer.len() as u64 {
            self.flush();
            self.start = at;
        }
    }

    /// Puts away what is in the buffer.
    fn flush(&mut self) {
        let bytes = std::mem::take(&mut self.buffer);
        let start = self.start;
        self.start += bytes.len() as u64;
        if bytes.len() as u64 == PIECE && start > 0 {
            self.pieces.whole.push((start / PIECE, chaining_value(start / PIECE, &bytes)));
            self.buffer = bytes;
            self.buffer.clear();
        } else if !bytes.is_empty() {
            self.pieces.rest.push((start, bytes));
        }
    }

    fn finish(mut self) -> Pieces {
        self.flush();
        self.pieces
    }
}

impl Sink for Cutter {
    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let end = self.start + self.buffer.len() as u64;
            let room = (PIECE - end % PIECE) as usize;
            let (here, after) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend_from_slice(here);
            if here.len() == room {
                self.flush();
            }
            bytes = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;

    fn table(rows: &[(u32, f64, String)]) -> Table<'_> {
        let optional = |text: &'static str| (!text.is_empty()).then_some(text);
        Table::new(
            "rows",
            vec![
                ("text", Values::Text(rows.iter().map(|row| Cow::Borrowed(row.2.as_str())).collect())),
                ("whole", Values::U32(rows.iter().map(|row| row.0).collect())),
                ("real", Values::F64(rows.iter().map(|row| row.1).collect())),
                (
                    "nullable",
                    Values::Nullable(rows.iter().map(|row| optional(&"Söner"[..row.0 as usize % 2])).collect()),
                ),
            ],
        )
    }

    fn in_parts(rows: &[(u32, f64, String)], cuts: &[usize]) -> String {
        let ends = cuts.iter().copied().chain([rows.len()]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let tables: Vec<Table> = starts.zip(ends).map(|(start, end)| table(&rows[start..end])).collect();
        let measures: Vec<Vec<u64>> = tables.iter().map(Table::measures).collect();
        let parts = Parts::of(&measures);
        digest_of(tables.iter().enumerate().map(|(own, table)| table.pieces(&parts, own)).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Invariant `digests-see-content`.
        #[test]
        fn parts_have_the_digest_of_the_whole(
            n in prop_oneof![0usize..5, 0usize..20_000],
            cuts in prop::collection::vec(0.0..1.0f64, 0..6),
            longest in 0usize..40,
        ) {
            let row = |i: usize| (i as u32 * 7, i as f64 / 3.0, "x".repeat(i * 31 % (longest + 1)));
            let rows: Vec<_> = (0..n).map(row).collect();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| (cut * (n + 1) as f64) as usize).collect();
            cuts.sort_unstable();
            prop_assert_eq!(in_parts(&rows, &cuts), table(&rows).digest());
        }
    }

    /// Sizes about whole pieces, and about powers of two of them.
    #[test]
    fn ends_of_pieces_are_no_matter() {
        for pieces in [1u64, 2, 3, 4, 5, 8, 9, 16, 17] {
            for off in -3i64..=3 {
                let n = (pieces * PIECE / 8) as i64 + off;
                let values: Vec<u64> = (0..n as u64).collect();
                let whole = |range: std::ops::Range<usize>| {
                    Table::new("n", vec![("n", Values::U64(Cow::Owned(values[range].to_vec())))])
                };
                let half = values.len() / 2;
                let tables = [whole(0..half), whole(half..values.len())];
                let parts = Parts::of(&tables.each_ref().map(Table::measures));
                let found = digest_of((0..2).map(|own| tables[own].pieces(&parts, own)).collect());
                assert_eq!(found, whole(0..values.len()).digest(), "{pieces} {off}");
            }
        }
    }
}
