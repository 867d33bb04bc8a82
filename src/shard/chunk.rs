//! Records packed by column, while they wait to be sealed.
//!
//! A column of ids or values is stored in the shortest of these ways that is found at once: as runs of equal numbers, which is
//! what users are like where a log is sorted by user; as codes in a table, which is what ratings are like; or as distances
//! from the least number.

use crate::ingest::rows::Record;
use crate::kernel::bits;

/// Most records of a chunk.
pub const MOST_RECORDS: usize = 1 << 14;
/// Most different numbers in a table.
const TABLE: usize = 256;
/// Slots of the hash table of codes: four times the codes, so that most are found in the first slot.
const SLOTS: usize = 4 * TABLE;

/// How a column is stored; its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Form {
    /// The numbers of the runs, as a column, and the lengths of the runs.
    Runs,
    /// A table and a code for each number.
    Table,
    /// The least number, and the distances from it, in 32 bits each.
    Near,
    /// The least number, and the lower and the upper halves of the distances from it.
    Far,
}

/// Appends `records`, at most [`MOST_RECORDS`], packed, to `bytes`.
pub fn pack<R: Record>(records: &[R], bytes: &mut Vec<u8>) {
    assert!(records.len() <= MOST_RECORDS, "a chunk of {} records", records.len());
    bytes.extend((records.len() as u32).to_le_bytes());
    let mut column = Vec::with_capacity(records.len());
    for field in 0..R::FIELDS {
        column.clear();
        column.extend(records.iter().map(|record| record.fields()[field]));
        pack_column(&column, bytes);
    }
}

/// Takes the records that [`pack`] wrote off the front of `rest`; `None` if they are not there.
pub fn unpack<R: Record>(rest: &mut &[u8]) -> Option<Vec<R>> {
    let n = u32::from_le_bytes(*rest.split_off_chunk()?) as usize;
    (n <= MOST_RECORDS).then_some(())?;
    let mut columns = [const { Vec::new() }; 4];
    for column in &mut columns[..R::FIELDS] {
        unpack_column(rest, n, column)?;
    }
    let field = |at: usize, field: usize| columns[field].get(at).copied().unwrap_or(0);
    Some((0..n).map(|at| R::of_fields(std::array::from_fn(|of| field(at, of)))).collect())
}

fn pack_column(column: &[u64], bytes: &mut Vec<u8>) {
    let n_runs = 1 + column.array_windows().filter(|[a, b]| a != b).count();
    if n_runs <= column.len() / 8 {
        return pack_runs(column, n_runs, bytes);
    }
    let (least, most) = column.iter().fold((u64::MAX, 0), |(least, most), &x| (x.min(least), x.max(most)));
    let distance = most.saturating_sub(least);
    let coded = (distance > TABLE as u64).then(|| codes(column)).flatten();
    match coded {
        Some((table, codes)) => {
            bytes.push(Form::Table as u8);
            bytes.extend((table.len() as u32).to_le_bytes());
            table.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
            bits::pack(codes.into_iter().map(u32::from), bytes);
        }
        None => {
            let is_near = distance <= u64::from(u32::MAX);
            bytes.push(if is_near { Form::Near } else { Form::Far } as u8);
            bytes.extend(least.to_le_bytes());
            bits::pack(column.iter().map(|x| (x - least) as u32), bytes);
            if !is_near {
                bits::pack(column.iter().map(|x| ((x - least) >> 32) as u32), bytes);
            }
        }
    }
}

fn pack_runs(column: &[u64], n_runs: usize, bytes: &mut Vec<u8>) {
    bytes.push(Form::Runs as u8);
    bytes.extend((n_runs as u32).to_le_bytes());
    let runs = || column.chunk_by(|a, b| a == b);
    pack_column(&runs().map(|run| run[0]).collect::<Vec<u64>>(), bytes);
    bits::pack(runs().map(|run| run.len() as u32), bytes);
}

/// The different numbers in the order in which they come, and the code of each; `None` where they are too many.
fn codes(column: &[u64]) -> Option<(Vec<u64>, Vec<u8>)> {
    let (mut table, mut codes) = (Vec::new(), Vec::with_capacity(column.len()));
    // Each code plus 1; 0 is a free slot.
    let mut slots = [0u16; SLOTS];
    for &number in column {
        let mut slot = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize;
        let code = loop {
            match slots[slot] {
                0 if table.len() == TABLE.min(column.len() / 8) => return None,
                0 => {
                    table.push(number);
                    slots[slot] = table.len() as u16;
                    break table.len() - 1;
                }
                code if table[usize::from(code) - 1] == number => break usize::from(code) - 1,
                _ => slot = (slot + 1) % SLOTS,
            }
        };
        codes.push(code as u8);
    }
    Some((table, codes))
}

fn unpack_column(rest: &mut &[u8], n: usize, column: &mut Vec<u64>) -> Option<()> {
    let form = *rest.split_off_first()?;
    let mut numbers = Vec::new();
    if form == Form::Runs as u8 {
        let n_runs = u32::from_le_bytes(*rest.split_off_chunk()?) as usize;
        let mut runs = Vec::new();
        unpack_column(rest, n_runs, &mut runs)?;
        bits::unpack(rest, n_runs, &mut numbers)?;
        let total: u64 = numbers.iter().map(|&length| u64::from(length)).sum();
        (total == n as u64).then_some(())?;
        runs.iter()
            .zip(&numbers)
            .for_each(|(&number, &length)| column.extend(std::iter::repeat_n(number, length as usize)));
    } else if form == Form::Table as u8 {
        let n_table = u32::from_le_bytes(*rest.split_off_chunk()?) as usize;
        let table = rest.split_off(..8 * n_table)?.as_chunks::<8>().0;
        bits::unpack(rest, n, &mut numbers)?;
        for &code in &numbers {
            column.push(u64::from_le_bytes(*table.get(code as usize)?));
        }
    } else {
        let least = u64::from_le_bytes(*rest.split_off_chunk()?);
        bits::unpack(rest, n, &mut numbers)?;
        column.extend(numbers.iter().map(|&lower| least.wrapping_add(u64::from(lower))));
        if form == Form::Far as u8 {
            bits::unpack(rest, n, &mut numbers)?;
            column.iter_mut().zip(&numbers).for_each(|(x, &upper)| *x = x.wrapping_add(u64::from(upper) << 32));
        }
    }
    (column.len() == n).then_some(())
}

/// The first bytes of a slice.
trait SplitOff<'b> {
    fn split_off_chunk<const N: usize>(&mut self) -> Option<&'b [u8; N]>;
}

impl<'b> SplitOff<'b> for &'b [u8] {
    fn split_off_chunk<const N: usize>(&mut self) -> Option<&'b [u8; N]> {
        let (chunk, rest) = self.split_first_chunk()?;
        *self = rest;
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::rows::{Narrow, Ordered, Row, Wide};
    use proptest::prelude::*;

    /// Ids of many kinds: few and many, near and far, in runs and mixed.
    fn numbers() -> impl Strategy<Value = Vec<u64>> {
        let one = prop_oneof![0u64..5, 0u64..1000, (1u64 << 40)..(1 << 40) + 99, any::<u64>()];
        prop_oneof![
            prop::collection::vec(one, 0..2100),
            prop::collection::vec((any::<u64>(), 1usize..90), 0..30)
                .prop_map(|runs| runs.into_iter().flat_map(|(x, n)| std::iter::repeat_n(x, n)).collect()),
            prop::collection::vec(prop::sample::select(vec![7u64, 1 << 50, 3]), 0..2100),
            prop::collection::vec(5u64..70_000, 0..2100),
        ]
    }

    proptest! {
        #[test]
        fn a_column_comes_back(column in numbers()) {
            let (mut bytes, mut back) = (Vec::new(), Vec::new());
            pack_column(&column, &mut bytes);
            prop_assert!(unpack_column(&mut &bytes[..], column.len(), &mut back).is_some());
            prop_assert_eq!(back, column);
        }

        #[test]
        fn records_of_every_kind_come_back(
            users in numbers(),
            items in numbers(),
            values in prop::collection::vec(any::<f64>(), 1..9),
        ) {
            let row = |((&user, &item), order): ((&u64, &u64), u64)| {
                Row { user, item, value: values[(order % values.len() as u64) as usize], order: order << 30 }
            };
            let rows: Vec<Row> = users.iter().zip(&items).zip(0..).map(row).collect();
            let narrow: Vec<Narrow> = rows
                .iter()
                .map(|row| Narrow { user: row.user as u32, item: row.item as u32, value: row.value as f32 })
                .collect();
            fn check<R: Record>(records: &[R]) -> bool {
                let mut bytes = Vec::new();
                pack(records, &mut bytes);
                pack(records, &mut bytes);
                let mut rest = &bytes[..];
                let back = [unpack::<R>(&mut rest), unpack::<R>(&mut rest)];
                let same = |back: Option<Vec<R>>| {
                    back.is_some_and(|back| bytemuck::cast_slice::<R, u8>(&back) == bytemuck::cast_slice::<R, u8>(records))
                };
                rest.is_empty() && back.into_iter().all(same)
            }
            prop_assert!(check(&narrow));
            prop_assert!(check(&rows.iter().map(|row| Wide::from(*row)).collect::<Vec<_>>()));
            prop_assert!(check(&rows.iter().map(|row| Ordered::from(*row)).collect::<Vec<_>>()));
        }

        #[test]
        fn damaged_bytes_are_refused_or_read_as_other_records(
            users in numbers(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let records: Vec<Wide> = users.iter().map(|&user| Wide { user, item: user % 77, value: 0.5 }).collect();
            let mut bytes = Vec::new();
            pack(&records, &mut bytes);
            let at = at.index(bytes.len());
            prop_assert!(unpack::<Wide>(&mut &bytes[..at]).is_none());
            // The number of records says how much memory they take, and damage there is found by the length of what follows.
            if at >= 4 {
                bytes[at] = byte;
                if let Some(back) = unpack::<Wide>(&mut &bytes[..]) {
                    prop_assert_eq!(back.len(), records.len());
                }
            }
        }
    }

    #[test]
    fn a_sorted_log_of_half_stars_takes_under_three_bytes_a_row() {
        let row = |at: u32| Narrow {
            user: 9 + at / 150,
            item: at.wrapping_mul(40_503) % 59_000,
            value: (at % 10) as f32 / 2.0,
        };
        let mut bytes = Vec::new();
        pack(&(0..2048).map(row).collect::<Vec<_>>(), &mut bytes);
        assert!(bytes.len() < 3 * 2048, "{} bytes", bytes.len());
    }
}
