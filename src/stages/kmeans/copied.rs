//! The points of all workers, copied to every worker.

use crate::collective::Collective;
use crate::kernel::csr::{Csr, Rows, Values};
use crate::kernel::lloyd::Points;

/// All workers' points.
pub enum Copied {
    Dense { values: Vec<f64>, n_rows: usize, n_dims: usize },
    Sparse(Csr),
}

impl Copied {
    pub fn gather<C: Collective>(c: &mut C, points: Points) -> Copied {
        match points {
            Points::Dense { values, n_rows, n_dims } => {
                let values = c.all_gather(values).concat();
                let mut total = [n_rows as u64];
                c.sum(&mut total);
                Copied::Dense { values, n_rows: total[0] as usize, n_dims }
            }
            Points::Sparse(matrix) => {
                let mut copied = Csr::empty(matrix.n_cols);
                gather_blocks(c, matrix).into_iter().for_each(|rows| copied.push_block(rows));
                Copied::Sparse(copied)
            }
        }
    }

    pub fn points(&self) -> Points<'_> {
        match self {
            Copied::Dense { values, n_rows, n_dims } => Points::Dense { values, n_rows: *n_rows, n_dims: *n_dims },
            Copied::Sparse(matrix) => Points::Sparse(matrix),
        }
    }
}

/// The rows of all workers, a block for each.
fn gather_blocks<C: Collective>(c: &mut C, matrix: &Csr) -> Vec<Rows> {
    let mut mine = Rows::empty();
    matrix.each_row(|_, row| {
        mine.indices.extend(row.indices);
        row.values.for_each(|value| mine.plain_values().push(value));
        mine.indptr.push(mine.indices.len() as u32);
    });
    let indptr = c.all_gather(&mine.indptr);
    let indices = c.all_gather(&mine.indices);
    let values = c.all_gather(mine.plain_values());
    let together = |((indptr, indices), values)| Rows { indptr, indices, values: Values::Plain(values) };
    indptr.into_iter().zip(indices).zip(values).map(together).collect()
}
