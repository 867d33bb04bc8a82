//! Sums over the rows of each column, in fixed point.

use super::csr::{Csr, Row, ValuesRef};
use super::fixed::Scale;

/// Σx and Σx² of each column, and the largest ‖row‖² of any row.
#[derive(Debug, Clone)]
pub struct ColumnSums {
    pub sum: Vec<i64>,
    pub sum_of_squares: Vec<i64>,
    pub largest_norm_squared: f64,
}

impl ColumnSums {
    pub fn of(rows: &Csr, sum_scale: Scale, square_scale: Scale) -> ColumnSums {
        let fix = |x: f64| [sum_scale.fix(x), square_scale.fix(x * x)];
        let mut sums = vec![[0i64; 2]; rows.n_cols];
        let mut largest_norm_squared = 0.0f64;
        for block in rows.blocks() {
            // Where values are named by a byte, each is rounded once and not at every entry.
            let fixed = match block.rows().values {
                ValuesRef::Coded { table, .. } => Some(in_range(table, rows.max_abs()).map(fix)),
                ValuesRef::Plain(_) => None,
            };
            for row in block.rows().rows() {
                largest_norm_squared = largest_norm_squared.max(row.norm_squared());
                match (row.values, &fixed) {
                    (ValuesRef::Coded { codes, .. }, Some(fixed)) => add_coded(&mut sums, row, codes, fixed),
                    _ => row.for_each(|i, x| add(&mut sums[i], fix(x))),
                }
            }
        }
        let part = |which: usize| sums.iter().map(|pair| pair[which]).collect();
        ColumnSums { sum: part(0), sum_of_squares: part(1), largest_norm_squared }
    }
}

/// The table with 0 in place of entries out of range: no value uses them, and they may be anything.
fn in_range(table: &[f64; 256], max_abs: f64) -> [f64; 256] {
    table.map(|x| if x.abs() <= max_abs { x } else { 0.0 })
}

fn add_coded(sums: &mut [[i64; 2]], row: Row<'_>, codes: &[u8], fixed: &[[i64; 2]; 256]) {
    for (&i, &code) in row.indices.iter().zip(codes) {
        add(&mut sums[i as usize], fixed[code as usize]);
    }
}

#[inline(always)]
fn add(sum: &mut [i64; 2], x: [i64; 2]) {
    sum[0] += x[0];
    sum[1] += x[1];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::csr::{Rows, Values};

    #[test]
    fn coded_and_plain_rows_have_equal_sums() {
        let mut plain = Csr::empty(3);
        plain.push_row([(0, 1.5), (2, 4.0)]);
        plain.push_row([(2, 1.5)]);
        let mut table = Box::new([1e300; 256]);
        (table[0], table[1]) = (1.5, 4.0);
        let mut coded = Csr::empty(3);
        let values = Values::Coded { codes: vec![0, 1, 0], table };
        coded.push_block(Rows { indptr: vec![0, 2, 3], indices: vec![0, 2, 2], values });
        for x in [plain, coded] {
            let (first, second) = (Scale::new(4.0, 2), Scale::new(16.0, 2));
            let sums = ColumnSums::of(&x, first, second);
            assert_eq!(sums.sum.iter().map(|&s| first.real(s)).collect::<Vec<_>>(), [1.5, 0.0, 5.5]);
            assert_eq!(sums.sum_of_squares.iter().map(|&s| second.real(s)).collect::<Vec<_>>(), [2.25, 0.0, 18.25]);
            assert_eq!(sums.largest_norm_squared, 18.25);
        }
    }
}
