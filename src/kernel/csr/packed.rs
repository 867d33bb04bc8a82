//! Blocks of rows packed into about two bytes an entry.
//!
//! A packed block has three streams of whole numbers: the lengths of its rows; the columns, each as the gap to the one before it
//! in its row; and the values, as codes in a table of the different values, the most frequent first. Where there are too many
//! different values, they follow as they are. [`bits`](super::super::bits) packs the streams.
//!
//! | bytes | what |
//! |---|---|
//! | 0 to 15 | numbers of rows, of entries, and of entries of the table, and the [`Form`] of the values, 32 bits each |
//! | from 16 on | the table, 8 bytes a value |
//! | then | the lengths of the rows, the gaps, and the codes or the values themselves; zeros up to a whole word of 64 bits |

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::ops::Range;

use super::super::bits::{pack as pack_stream, unpack as unpack_stream, unpack_bytes, unpack_sums};
use super::rows::{RowsRef, ValuesRef, widened_by};

/// Most entries of a block, unless one row has more. What is unpacked of it stays in the second cache of a processor.
const MOST_ENTRIES: u32 = 16 << 10;
/// Bytes before the table.
const HEADER: usize = 16;
/// Codes that fit in a byte.
const BYTE_CODES: usize = 256;
/// The most entries of a block whose memory is kept for the next one.
const MOST_KEPT: usize = 1 << 20;
/// The most different values that get codes.
const MOST_CODES: usize = 1 << 14;

/// How the values of a block are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum Form {
    /// Codes in the table.
    Codes,
    /// As 32-bit floating point numbers, which hold each of them exactly.
    Single,
    /// As they are.
    Double,
}

/// A block as it is read: rows in memory that are written over by the next block.
#[derive(Debug)]
pub struct Unpacked {
    pub indptr: Vec<u32>,
    pub indices: Vec<u32>,
    codes: Vec<u8>,
    table: Box<[f64; BYTE_CODES]>,
    /// The values, unless each has a code of one byte.
    pub values: Vec<f64>,
    pub is_coded: bool,
    /// For values that take the place of others.
    spare: Vec<f64>,
}

impl Default for Unpacked {
    fn default() -> Self {
        Unpacked {
            indptr: vec![0],
            indices: Vec::new(),
            codes: Vec::new(),
            table: Box::new([0.0; BYTE_CODES]),
            values: Vec::new(),
            is_coded: false,
            spare: Vec::new(),
        }
    }
}

impl Unpacked {
    pub fn view(&self) -> RowsRef<'_> {
        let values = match self.is_coded {
            true => ValuesRef::Coded { codes: &self.codes, table: &self.table },
            false => ValuesRef::Plain(&self.values),
        };
        RowsRef { indptr: &self.indptr, indices: &self.indices, values }
    }

    /// Writes other values over those of the rows.
    pub fn revalue(&mut self, write: impl FnOnce(RowsRef<'_>, &mut Vec<f64>)) {
        let mut values = std::mem::take(&mut self.spare);
        values.clear();
        write(self.view(), &mut values);
        self.spare = std::mem::replace(&mut self.values, values);
        self.is_coded = false;
    }

    /// False of the memory of a block with a very long row, which is not worth keeping.
    pub fn is_usual(&self) -> bool {
        self.indices.capacity() <= MOST_KEPT
    }
}

/// A packed block.
#[derive(Debug)]
pub struct Packed {
    pub words: Vec<u64>,
    pub(super) n_rows: usize,
    pub(super) nnz: usize,
    /// The least and the largest value.
    pub(super) range: Option<(f64, f64)>,
}

impl Packed {
    /// Packs rows into blocks.
    pub fn blocks(rows: RowsRef<'_>) -> impl Iterator<Item = Packed> {
        let mut first = 0;
        std::iter::from_fn(move || {
            let range = (first < rows.n_rows()).then(|| next_block(rows, first))?;
            first = range.end;
            Some(Packed::of(rows, range))
        })
    }

    fn of(rows: RowsRef<'_>, range: Range<usize>) -> Packed {
        let entries = rows.indptr[range.start] as usize..rows.indptr[range.end] as usize;
        let mut bytes = Vec::with_capacity(3 * entries.len() + 1024);
        pack(rows, range.clone(), &mut bytes);
        bytes.resize(bytes.len().next_multiple_of(size_of::<u64>()), 0);
        let range_of_values = widened_by(None, rows.values.slice(entries.clone()));
        let words = bytemuck::pod_collect_to_vec(&bytes);
        Packed { words, n_rows: range.len(), nnz: entries.len(), range: range_of_values }
    }
}

/// The rows of the block that begins with row `first`.
fn next_block(rows: RowsRef<'_>, first: usize) -> Range<usize> {
    let most = rows.indptr[first].saturating_add(MOST_ENTRIES);
    let end = rows.indptr.partition_point(|&end| end <= most) - 1;
    first..end.clamp(first + 1, rows.n_rows())
}

/// Appends the rows of `range`, packed, to `bytes`.
fn pack(rows: RowsRef<'_>, range: Range<usize>, bytes: &mut Vec<u8>) {
    let ends = &rows.indptr[range.start..=range.end];
    let entries = ends[0] as usize..ends[ends.len() - 1] as usize;
    let values = Coder::of(rows.values, entries.clone());
    for number in [range.len(), entries.len(), values.table.len(), values.form as usize] {
        bytes.extend(u32::try_from(number).expect("a block has fewer than 2^32 entries").to_le_bytes());
    }
    values.table.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    pack_stream(ends.array_windows().map(|[first, end]| end - first), bytes);
    pack_stream(range.flat_map(|row| gaps(rows.row(row).indices)), bytes);
    values.write(bytes);
}

/// The first column, and the distance of each other one to the one before it.
fn gaps(indices: &[u32]) -> impl Iterator<Item = u32> {
    let mut last = 0;
    indices.iter().map(move |&column| column - std::mem::replace(&mut last, column))
}

/// Reads the words of a block; `None` if they are not that.
pub fn unpack(words: &[u64], into: &mut Unpacked) -> Option<()> {
    let (mut rest, [n_rows, n_entries, n_table, form]) = header(words)?;
    let table = rest.split_off(..8 * n_table)?;
    let form = [Form::Codes, Form::Single, Form::Double].into_iter().find(|&one| one as usize == form)?;
    unpack_rows(&mut rest, [n_rows, n_entries], into)?;
    let table = table.chunks_exact(8).map(bytemuck::pod_read_unaligned::<f64>);
    into.is_coded = form == Form::Codes && n_table <= BYTE_CODES;
    into.values.clear();
    match form {
        Form::Codes if into.is_coded => {
            into.table.iter_mut().zip(table).for_each(|(to, value)| *to = value);
            unpack_bytes(&mut rest, n_entries, &mut into.codes)?;
        }
        Form::Codes => {
            let (table, mut codes) = (table.collect::<Vec<f64>>(), Vec::new());
            unpack_stream(&mut rest, n_entries, &mut codes)?;
            into.values.reserve(n_entries);
            for code in codes {
                into.values.push(*table.get(code as usize)?);
            }
        }
        Form::Single => {
            let values = rest.split_off(..4 * n_entries)?.chunks_exact(4);
            into.values.extend(values.map(|value| f64::from(bytemuck::pod_read_unaligned::<f32>(value))));
        }
        Form::Double => {
            let values = rest.split_off(..8 * n_entries)?.chunks_exact(8);
            into.values.extend(values.map(bytemuck::pod_read_unaligned::<f64>));
        }
    }
    (rest.len() < size_of::<u64>()).then_some(())
}

/// The lengths of the rows alone.
pub fn unpack_lengths(words: &[u64], lengths: &mut Vec<u32>) -> Option<()> {
    let (mut rest, [n_rows, _, n_table, _]) = header(words)?;
    rest.split_off(..8 * n_table)?;
    unpack_stream(&mut rest, n_rows, lengths)
}

/// What follows the header, and the numbers in it.
fn header(words: &[u64]) -> Option<(&[u8], [usize; 4])> {
    let mut rest: &[u8] = bytemuck::cast_slice(words);
    let numbers: [u32; HEADER / 4] = bytemuck::pod_read_unaligned(rest.split_off(..HEADER)?);
    Some((rest, numbers.map(|number| u32::from_le(number) as usize)))
}

fn unpack_rows(rest: &mut &[u8], [n_rows, n_entries]: [usize; 2], into: &mut Unpacked) -> Option<()> {
    unpack_stream(rest, n_rows, &mut into.indptr)?;
    into.indptr.insert(0, 0);
    let mut end = 0u32;
    for length in &mut into.indptr {
        end = end.checked_add(*length)?;
        *length = end;
    }
    if end as usize != n_entries {
        return None;
    }
    unpack_sums(rest, n_entries, &mut into.indices)?;
    // The sums run through all rows, so what is before a row is taken off.
    let mut before = 0u32;
    for [first, end] in into.indptr.array_windows() {
        let row = &mut into.indices[*first as usize..*end as usize];
        let after = row.last().copied().unwrap_or(before);
        row.iter_mut().for_each(|column| *column = column.wrapping_sub(before));
        before = after;
    }
    Some(())
}

/// The values of a block, on their way into bytes.
struct Coder<'a> {
    values: ValuesRef<'a>,
    entries: Range<usize>,
    form: Form,
    table: Vec<f64>,
    /// The code of each byte code, where values have one.
    of_byte: Vec<u32>,
    /// The code of each value, by its bits, where values are plain.
    of_bits: HashMap<u64, u32, BuildHasherDefault<DefaultHasher>>,
}

impl<'a> Coder<'a> {
    fn of(values: ValuesRef<'a>, entries: Range<usize>) -> Coder<'a> {
        let none = Coder {
            values,
            entries,
            form: Form::Double,
            table: Vec::new(),
            of_byte: Vec::new(),
            of_bits: HashMap::default(),
        };
        match values {
            ValuesRef::Coded { codes, table } => none.recoded(codes, table),
            ValuesRef::Plain(values) => none.coded(values),
        }
    }

    /// The codes that are used, the most frequent first.
    fn recoded(mut self, codes: &[u8], table: &[f64; BYTE_CODES]) -> Coder<'a> {
        let mut counts = [0u32; BYTE_CODES];
        codes[self.entries.clone()].iter().for_each(|&code| counts[usize::from(code)] += 1);
        let mut used: Vec<usize> = (0..BYTE_CODES).filter(|&code| counts[code] > 0).collect();
        used.sort_by_key(|&code| std::cmp::Reverse(counts[code]));
        self.of_byte = vec![0; BYTE_CODES];
        (0..).zip(&used).for_each(|(new, &old)| self.of_byte[old] = new);
        self.table = used.iter().map(|&code| table[code]).collect();
        self.form = Form::Codes;
        self
    }

    /// Codes for plain values, or another form if they are too many for codes to be worth it.
    fn coded(mut self, values: &[f64]) -> Coder<'a> {
        let values = &values[self.entries.clone()];
        let most = MOST_CODES.min(values.len() / 8 + 16);
        let mut counts: HashMap<u64, u32, BuildHasherDefault<DefaultHasher>> = HashMap::default();
        for value in values {
            *counts.entry(value.to_bits()).or_default() += 1;
            if counts.len() > most {
                let is_single = |&value: &f64| f64::from(value as f32).to_bits() == value.to_bits();
                self.form = if values.iter().all(is_single) { Form::Single } else { Form::Double };
                return self;
            }
        }
        let mut used: Vec<(u64, u32)> = counts.into_iter().collect();
        used.sort_unstable_by_key(|&(bits, count)| (std::cmp::Reverse(count), bits));
        self.table = used.iter().map(|&(bits, _)| f64::from_bits(bits)).collect();
        self.of_bits = used.iter().map(|&(bits, _)| bits).zip(0..).collect();
        self.form = Form::Codes;
        self
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let entries = self.entries.clone();
        match (self.values, self.form) {
            (ValuesRef::Coded { codes, .. }, _) => {
                pack_stream(codes[entries].iter().map(|&code| self.of_byte[usize::from(code)]), bytes);
            }
            (ValuesRef::Plain(values), Form::Codes) => {
                pack_stream(values[entries].iter().map(|value| self.of_bits[&value.to_bits()]), bytes);
            }
            (ValuesRef::Plain(values), Form::Single) => {
                values[entries].iter().for_each(|&value| bytes.extend((value as f32).to_le_bytes()));
            }
            (ValuesRef::Plain(values), Form::Double) => {
                values[entries].iter().for_each(|&value| bytes.extend(value.to_le_bytes()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::{Rows, Values};
    use super::*;
    use proptest::prelude::*;

    fn unpacked(packed: &Packed) -> Rows {
        let mut unpacked = Unpacked::default();
        // What a block before it left there is no part of it.
        unpacked.codes.resize(7, 1);
        unpack(&packed.words, &mut unpacked).expect("packed words are read");
        unpacked.view().to_owned()
    }

    fn entries(rows: &Rows) -> Vec<Vec<(usize, u64)>> {
        rows.view().rows().map(|row| row.iter().map(|(column, x)| (column, x.to_bits())).collect()).collect()
    }

    /// Rows of these lengths, with gaps up to 2^`gap_bits` and values of a kind.
    fn rows(lengths: &[usize], gap_bits: u32, kind: u8, seed: u64) -> Rows {
        let mut rows = Rows::empty();
        let mut state = seed;
        let mut draw = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            state >> 33
        };
        for &length in lengths {
            let mut column = 0u64;
            for _ in 0..length {
                column += draw() % (1 << gap_bits);
                rows.indices.push(column.min(u64::from(u32::MAX)) as u32);
            }
            rows.indptr.push(rows.indices.len() as u32);
        }
        let n = rows.indices.len();
        rows.values = match kind {
            0 => {
                let table = Box::new(std::array::from_fn(|i| i as f64 / 3.0 - 7.0));
                Values::Coded { codes: (0..n).map(|_| draw() as u8).collect(), table }
            }
            1 => Values::Plain((0..n).map(|_| (draw() % 700) as f64 / 7.0).collect()),
            2 => Values::Plain((0..n).map(|_| f64::from(draw() as f32)).collect()),
            _ => {
                Values::Plain((0..n).map(|_| draw() as f64 / 3.0 * if draw() % 2 == 0 { 1.0 } else { -1.0 }).collect())
            }
        };
        rows
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn what_is_unpacked_is_what_was_packed(
            lengths in prop::collection::vec(prop_oneof![0usize..5, 0usize..400, 0usize..40_000], 0..30),
            gap_bits in 0u32..32,
            kind in 0u8..4,
            seed in any::<u64>(),
        ) {
            let rows = rows(&lengths, gap_bits, kind, seed);
            let blocks: Vec<Packed> = Packed::blocks(rows.view()).collect();
            let back: Vec<_> = blocks.iter().flat_map(|block| entries(&unpacked(block))).collect();
            prop_assert_eq!(back, entries(&rows));
            for block in blocks {
                let (unpacked, mut lengths) = (unpacked(&block), Vec::new());
                prop_assert!(unpack_lengths(&block.words, &mut lengths).is_some());
                prop_assert!(unpacked.view().rows().map(|row| row.len() as u32).eq(lengths));
                prop_assert_eq!([block.n_rows, block.nnz], [unpacked.view().n_rows(), unpacked.indices.len()]);
                prop_assert_eq!(block.range, widened_by(None, unpacked.view().values));
                prop_assert!(block.nnz <= MOST_ENTRIES as usize || block.n_rows == 1);
            }
        }

        #[test]
        fn damaged_words_are_refused_or_read_as_other_rows(
            lengths in prop::collection::vec(0usize..60, 1..30),
            kind in 0u8..4,
            at in any::<prop::sample::Index>(),
            bit in 0u32..64,
        ) {
            let packed = Packed::blocks(rows(&lengths, 9, kind, 1).view()).next().unwrap();
            let (mut words, mut unpacked) = (packed.words, Unpacked::default());
            let at = at.index(words.len());
            words[at] ^= 1 << bit;
            if unpack(&words, &mut unpacked).is_some() {
                let view = unpacked.view();
                prop_assert_eq!(view.rows().map(|row| row.iter().count()).sum::<usize>(), view.indices.len());
            }
            prop_assert!(unpack(&words[..at], &mut unpacked).is_none());
        }
    }

    #[test]
    fn half_stars_take_about_two_bytes() {
        // 400 users with 150 of 59,000 items each: gaps of 393 on average, and ten values.
        let mut ratings = rows(&[150; 400], 0, 0, 5);
        let mut draw = 7u64;
        for row in 0..400 {
            let mut items: Vec<u32> = (0..150)
                .map(|_| {
                    draw = draw.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                    ((draw >> 40) % 59_000) as u32
                })
                .collect();
            items.sort_unstable();
            ratings.indices[row * 150..][..150].copy_from_slice(&items);
        }
        let Values::Coded { codes, .. } = &mut ratings.values else { unreachable!("values of kind 0 are coded") };
        codes.iter_mut().for_each(|code| *code %= 10);
        let bytes: usize = Packed::blocks(ratings.view()).map(|block| 8 * block.words.len()).sum();
        assert!((bytes as f64) < 2.1 * 60_000.0, "{bytes} bytes");
    }
}
