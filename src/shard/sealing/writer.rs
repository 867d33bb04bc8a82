//! Rows, one after the other, to a packed block.

use crate::kernel::csr::{self, Values};

/// Writes the rows of a block, one rating after the other.
pub struct BlockWriter {
    indptr: Vec<u32>,
    indices: Vec<u32>,
    values: ValueWriter,
    zeros: u64,
    /// Whether ratings of 0 are kept.
    whole: bool,
}

impl BlockWriter {
    pub fn with_capacity(n_rows: usize, nnz: usize) -> BlockWriter {
        u32::try_from(nnz).expect("a partition has fewer than 2^32 ratings");
        let mut indptr = Vec::with_capacity(n_rows + 1);
        indptr.push(0);
        BlockWriter {
            indptr,
            indices: Vec::with_capacity(nnz),
            values: ValueWriter::with_capacity(nnz),
            zeros: 0,
            whole: false,
        }
    }

    /// The same, but ratings of 0 are kept if `whole` says so.
    pub fn keeping_zeros(self, whole: bool) -> BlockWriter {
        BlockWriter { whole, ..self }
    }

    /// Ratings of 0 so far.
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    #[inline(always)]
    pub fn push(&mut self, item: u32, value: f64) {
        self.zeros += u64::from(value == 0.0);
        if value != 0.0 || self.whole {
            self.indices.push(item);
            self.values.push(value);
        }
    }

    pub fn end_row(&mut self) {
        self.indptr.push(self.indices.len() as u32);
    }

    pub fn finish(mut self) -> csr::Rows {
        self.indices.shrink_to_fit();
        csr::Rows { indptr: self.indptr, indices: self.indices, values: self.values.finish() }
    }
}

/// Slots of the hash table of codes: four times the codes, so that most are found in the first slot.
const SLOTS: usize = 1024;

/// Writes values as codes while there are at most 256 different ones.
struct ValueWriter {
    codes: Vec<u8>,
    table: Vec<f64>,
    /// A hash table of the codes so far, each plus 1; 0 is a free slot.
    slots: [u16; SLOTS],
    /// All values, once there are too many different ones.
    plain: Vec<f64>,
    is_plain: bool,
}

impl ValueWriter {
    fn with_capacity(n: usize) -> ValueWriter {
        let codes = Vec::with_capacity(n);
        ValueWriter { codes, table: Vec::new(), slots: [0; SLOTS], plain: Vec::new(), is_plain: false }
    }

    #[inline(always)]
    fn push(&mut self, value: f64) {
        if self.is_plain {
            self.plain.push(value);
            return;
        }
        let mut slot = (value.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize;
        loop {
            match self.slots[slot] {
                0 => return self.push_new(value, slot),
                code if self.table[code as usize - 1] == value => return self.codes.push((code - 1) as u8),
                _ => slot = (slot + 1) % SLOTS,
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn push_new(&mut self, value: f64, slot: usize) {
        if self.table.len() == 256 {
            self.plain = Vec::with_capacity(self.codes.capacity());
            self.plain.extend(self.codes.iter().map(|&code| self.table[code as usize]));
            self.plain.push(value);
            self.codes = Vec::new();
            self.is_plain = true;
            return;
        }
        self.codes.push(self.table.len() as u8);
        self.table.push(value);
        self.slots[slot] = self.table.len() as u16;
    }

    fn finish(mut self) -> Values {
        if self.is_plain {
            self.plain.shrink_to_fit();
            return Values::Plain(self.plain);
        }
        self.codes.shrink_to_fit();
        let mut table = Box::new([0.0; 256]);
        table[..self.table.len()].copy_from_slice(&self.table);
        Values::Coded { codes: self.codes, table }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_values_than_codes_are_kept_plain() {
        for n in [1usize, 256, 257, 3000] {
            let mut writer = ValueWriter::with_capacity(n);
            let values: Vec<f64> = (0..n).map(|i| (i * 7919 % n) as f64 / 3.0).collect();
            values.iter().for_each(|&value| writer.push(value));
            let written = writer.finish();
            assert_eq!(matches!(written, Values::Coded { .. }), n <= 256);
            let rows = csr::Rows { indptr: vec![0, n as u32], indices: (0..n as u32).collect(), values: written };
            assert!(rows.view().row(0).iter().map(|(_, x)| x).eq(values));
        }
    }
}
