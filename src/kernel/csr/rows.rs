//! Rows of a block, in memory, and one of them.

use std::ops::Range;

/// Rows of a block in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Row `r` has the entries `indptr[r]..indptr[r + 1]`.
    pub indptr: Vec<u32>,
    pub indices: Vec<u32>,
    pub values: Values,
}

/// The values of a block.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    Plain(Vec<f64>),
    /// Value `i` is `table[codes[i]]`.
    Coded {
        codes: Vec<u8>,
        table: Box<[f64; 256]>,
    },
}

/// [`Rows`] wherever they lie.
#[derive(Debug, Clone, Copy)]
pub struct RowsRef<'a> {
    pub indptr: &'a [u32],
    pub indices: &'a [u32],
    pub values: ValuesRef<'a>,
}

/// [`Values`] wherever they lie.
#[derive(Debug, Clone, Copy)]
pub enum ValuesRef<'a> {
    Plain(&'a [f64]),
    Coded { codes: &'a [u8], table: &'a [f64; 256] },
}

/// One row: its column indices and values.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub indices: &'a [u32],
    pub values: ValuesRef<'a>,
}

impl Rows {
    pub fn empty() -> Rows {
        Rows { indptr: vec![0], indices: Vec::new(), values: Values::Plain(Vec::new()) }
    }

    pub fn view(&self) -> RowsRef<'_> {
        let values = match &self.values {
            Values::Plain(values) => ValuesRef::Plain(values),
            Values::Coded { codes, table } => ValuesRef::Coded { codes, table },
        };
        RowsRef { indptr: &self.indptr, indices: &self.indices, values }
    }

    /// The values as plain numbers, however they were stored, to be changed.
    pub fn plain_values(&mut self) -> &mut Vec<f64> {
        if let Values::Coded { .. } = &self.values {
            let mut plain = Vec::with_capacity(self.indices.len());
            self.view().values.for_each(|value| plain.push(value));
            self.values = Values::Plain(plain);
        }
        match &mut self.values {
            Values::Plain(values) => values,
            Values::Coded { .. } => unreachable!("coded values have just been replaced"),
        }
    }
}

impl<'a> RowsRef<'a> {
    pub fn n_rows(&self) -> usize {
        self.indptr.len() - 1
    }

    #[inline(always)]
    pub fn row(&self, r: usize) -> Row<'a> {
        let range = self.indptr[r] as usize..self.indptr[r + 1] as usize;
        Row { indices: &self.indices[range.clone()], values: self.values.slice(range) }
    }

    pub fn rows(self) -> impl Iterator<Item = Row<'a>> {
        (0..self.n_rows()).map(move |r| self.row(r))
    }

    pub fn to_owned(&self) -> Rows {
        let values = match self.values {
            ValuesRef::Plain(values) => Values::Plain(values.to_vec()),
            ValuesRef::Coded { codes, table } => Values::Coded { codes: codes.to_vec(), table: Box::new(*table) },
        };
        Rows { indptr: self.indptr.to_vec(), indices: self.indices.to_vec(), values }
    }
}

impl<'a> ValuesRef<'a> {
    pub fn len(&self) -> usize {
        match self {
            ValuesRef::Plain(values) => values.len(),
            ValuesRef::Coded { codes, .. } => codes.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline(always)]
    pub fn get(&self, at: usize) -> f64 {
        match self {
            ValuesRef::Plain(values) => values[at],
            ValuesRef::Coded { codes, table } => table[codes[at] as usize],
        }
    }

    #[inline(always)]
    pub(super) fn slice(self, range: Range<usize>) -> ValuesRef<'a> {
        match self {
            ValuesRef::Plain(values) => ValuesRef::Plain(&values[range]),
            ValuesRef::Coded { codes, table } => ValuesRef::Coded { codes: &codes[range], table },
        }
    }

    #[inline(always)]
    pub fn for_each(self, mut f: impl FnMut(f64)) {
        match self {
            ValuesRef::Plain(values) => values.iter().for_each(|&x| f(x)),
            ValuesRef::Coded { codes, table } => codes.iter().for_each(|&code| f(table[code as usize])),
        }
    }
}

impl<'a> Row<'a> {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The entries of `range` alone.
    #[inline(always)]
    pub fn part(self, range: Range<usize>) -> Row<'a> {
        Row { indices: &self.indices[range.clone()], values: self.values.slice(range) }
    }

    /// The entries from the one at `at` on.
    #[inline(always)]
    pub fn tail(self, at: usize) -> Row<'a> {
        Row { indices: &self.indices[at..], values: self.values.slice(at..self.len()) }
    }

    /// Calls `f(column, value)` for each entry, in column order. The fastest way through a row.
    #[inline(always)]
    pub fn for_each(self, mut f: impl FnMut(usize, f64)) {
        match self.values {
            ValuesRef::Plain(values) => {
                for (&i, &x) in self.indices.iter().zip(values) {
                    f(i as usize, x);
                }
            }
            ValuesRef::Coded { codes, table } => {
                for (&i, &code) in self.indices.iter().zip(codes) {
                    f(i as usize, table[code as usize]);
                }
            }
        }
    }

    pub fn iter(self) -> impl Iterator<Item = (usize, f64)> + 'a {
        self.indices.iter().enumerate().map(move |(at, &i)| (i as usize, self.values.get(at)))
    }

    /// Sum of squares, in column order.
    pub fn norm_squared(self) -> f64 {
        let mut sum = 0.0;
        self.values.for_each(|x| sum += x * x);
        sum
    }
}

/// Scales a row, or its stored values, to length 1. A row of length 0 stays as it is.
pub fn scale_to_unit_length(values: &mut [f64]) {
    let length = values.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length > 0.0 {
        values.iter_mut().for_each(|x| *x /= length);
    }
}

/// Leaves out entries whose value is 0.
pub fn without_zeros(indptr: &mut [u32], indices: &mut Vec<u32>, values: &mut Vec<f64>) {
    let (mut from, mut to) = (0, 0);
    for end in &mut indptr[1..] {
        for at in from..*end as usize {
            if values[at] != 0.0 {
                (indices[to], values[to]) = (indices[at], values[at]);
                to += 1;
            }
        }
        from = *end as usize;
        *end = to as u32;
    }
    indices.truncate(to);
    values.truncate(to);
}

/// The least and the largest of `range` and a value.
pub(super) fn widened(range: Option<(f64, f64)>, x: f64) -> (f64, f64) {
    range.map_or((x, x), |(least, most)| (if x < least { x } else { least }, if x > most { x } else { most }))
}

/// The same of `range` and some values.
pub(super) fn widened_by(range: Option<(f64, f64)>, values: ValuesRef<'_>) -> Option<(f64, f64)> {
    let mut range = range;
    values.for_each(|x| range = Some(widened(range, x)));
    range
}
