//! Means and variances of the columns, over all workers.

use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::kernel::csr::Csr;
use crate::kernel::fixed::Scale;
use crate::kernel::moments::ColumnSums;

pub struct Moments {
    pub n_users: u64,
    /// Ratings of all users.
    pub n_ratings: u64,
    pub mean: Vec<f64>,
    pub total_variance: f64,
    /// Largest |x| and largest ‖x − μ‖ (an upper bound of it) of any user.
    pub max_value: f64,
    pub max_norm: f64,
}

impl Moments {
    /// # Errors
    /// [`Error::Data`] when sums of squares would be past the largest number.
    pub fn of<C: Collective>(c: &mut C, matrix: &Csr) -> Result<Moments> {
        let mut counts = [matrix.n_rows() as i64, matrix.nnz() as i64];
        c.sum(&mut counts);
        let [n_users, n_ratings] = counts.map(|count| count as u64);
        let max_value = max(c, matrix.max_abs());
        check(max_value)?;
        let (sum_scale, square_scale) = (Scale::new(max_value, n_users), Scale::new(max_value * max_value, n_users));
        let sums = ColumnSums::of(matrix, sum_scale, square_scale);
        let max_row_norm = max(c, sums.largest_norm_squared.sqrt());
        let n = matrix.n_cols;
        let mut packed = sums.sum;
        packed.extend(sums.sum_of_squares);
        c.sum(&mut packed);
        let mean: Vec<f64> = packed[..n].iter().map(|&s| sum_scale.real(s) / n_users as f64).collect();
        let squares = packed[n..].iter().map(|&s| square_scale.real(s));
        let scatter: f64 = squares.zip(&mean).map(|(s, m)| (s - n_users as f64 * m * m).max(0.0)).sum();
        let mean_norm = mean.iter().map(|m| m * m).sum::<f64>().sqrt();
        let total_variance = scatter / (n_users.max(2) - 1) as f64;
        let negligible = 1e-14 * max_row_norm * max_row_norm;
        let total_variance = if total_variance > negligible { total_variance } else { 0.0 };
        Ok(Moments { n_users, n_ratings, mean, total_variance, max_value, max_norm: max_row_norm + mean_norm })
    }
}

/// The largest of all workers' values.
fn max<C: Collective>(c: &mut C, mine: f64) -> f64 {
    let mut bound = [mine];
    c.max(&mut bound);
    bound[0]
}

fn check(max_value: f64) -> Result<()> {
    if max_value > LARGEST_VALUE {
        return Err(Error::data(
            "ratings",
            format!("the largest rating, {max_value:e}, has a square that no sum of squares can hold"),
            "set matrix.weighting = \"log1p\", or give ratings in a larger unit",
        ));
    }
    Ok(())
}

/// Squares of it, and the sums of 2⁶⁴ of them, are finite.
const LARGEST_VALUE: f64 = 1e140;
