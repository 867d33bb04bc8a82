//! What replacing a centre by another point would save (Lattanzi & Sohler 2019), for dense rows.
//!
//! Of a row, let D₁ and D₂ be the squared distances to the nearest centre and to the next, and C that to a candidate. Once
//! the candidate has taken the place of centre a, the potential is
//!
//! Σ min(D₁, C) + Σ over the rows of a: min(D₂, C) − min(D₁, C) = P − gain + loss(a) − relief(a),
//!
//! where P = Σ D₁ and loss(a) = Σ over the rows of a: D₂ − D₁ are the same for all candidates, and only rows with C < D₂
//! add to gain = Σ D₁ − min(D₁, C) and to relief(a) = Σ over the rows of a: D₂ − max(D₁, C). So one distance per row and
//! candidate tells what a swap with each centre is worth. Every square is rounded once to an integer; rounding keeps order,
//! so the sums are those of the rounded squares, in any order of adding.

use super::super::simd::{apply, versions};
use super::dense;
use super::points::{LANES, Scores};
use super::tiles::Tiles;
use crate::kernel::fixed;

/// Rows whose nearest centres are looked for at a time.
const ROWS: usize = 1024;

/// The nearest of at least two centres to each row, its squared distance, and that of the next.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standing {
    label: Vec<u32>,
    squared: Vec<f64>,
    others: Vec<f64>,
}

impl Standing {
    pub fn new(scores: Scores, n_rows: usize, tiles: &Tiles) -> Standing {
        let mut standing = Standing::default();
        let everyone: Vec<u32> = (0..n_rows as u32).collect();
        let mut found = Vec::with_capacity(ROWS);
        for rows in everyone.chunks(ROWS) {
            dense::nearest(scores, rows, tiles, &mut found);
            standing.label.extend(found.iter().map(|nearby| nearby.label));
            standing.squared.extend(found.iter().map(|nearby| nearby.squared));
            standing.others.extend(found.iter().map(|nearby| nearby.others));
        }
        standing
    }

    /// Each row's squared distance to its nearest centre.
    pub fn squared(&self) -> &[f64] {
        &self.squared
    }

    /// P, then the loss of each of `n_centres`, at the scale 2^e = `factor`.
    pub fn stakes(&self, n_centres: usize, factor: f64) -> Vec<i64> {
        let mut stakes = vec![0; 1 + n_centres];
        let squares = self.squared.iter().zip(&self.others);
        for (&label, (&squared, &others)) in self.label.iter().zip(squares) {
            let squared = fixed::round(squared * factor);
            stakes[0] += squared;
            stakes[1 + label as usize] += fixed::round(others * factor) - squared;
        }
        stakes
    }
}

/// For each candidate (a column of `tiles`), the gain, then the relief of each of `n_centres`.
pub fn worth(scores: Scores, tiles: &Tiles, standing: &Standing, n_centres: usize, factor: f64) -> Vec<i64> {
    let mut worth = vec![0; tiles.n_columns() * (1 + n_centres)];
    add_worth(scores, tiles, standing, factor, &mut worth);
    worth
}

#[apply(versions!)]
fn add_worth(scores: Scores, tiles: &Tiles, standing: &Standing, factor: f64, worth: &mut [i64]) {
    let mut side = vec![[0.0; LANES]; scores.n_dims];
    let stride = worth.len() / tiles.n_columns().max(1);
    let n_rows = standing.label.len();
    for start in (0..n_rows).step_by(LANES) {
        let length = LANES.min(n_rows - start);
        dense::turn(scores, &mut side, |lane| start + lane.min(length - 1));
        // Nothing is nearer than the 0 of lanes past the last row.
        let mut others = [0.0; LANES];
        others[..length].copy_from_slice(&standing.others[start..][..length]);
        for (column, worth) in worth.chunks_exact_mut(stride).enumerate() {
            let [squared] = dense::squared_distances(&side, tiles, column);
            for lane in lanes(dense::less(&squared, &others)) {
                let row = start + lane;
                let candidate = fixed::round(squared[lane] * factor);
                let nearest = fixed::round(standing.squared[row] * factor);
                worth[0] += nearest - nearest.min(candidate);
                worth[1 + standing.label[row] as usize] += fixed::round(others[lane] * factor) - nearest.max(candidate);
            }
        }
    }
}

/// The lanes that a mask names.
#[inline(always)]
fn lanes(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = mask.trailing_zeros() as usize;
        mask &= mask.wrapping_sub(1);
        (lane < 32).then_some(lane)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::keyed::{Stream, uniform};
    use crate::kernel::lloyd::{Point, Points};
    use proptest::prelude::*;

    const FACTOR: f64 = 65536.0;

    /// Whole numbers where `ties`, so that squares are exact and many alike.
    fn values(n: usize, seed: u64, ties: bool) -> Vec<f64> {
        let draw = |i| 4.0 * uniform(seed, Stream::Generate, 0, i);
        (0..n as u64).map(draw).map(|x| if ties { x.floor() } else { x }).collect()
    }

    fn tiles_of(points: &Points, centres: &[f64], n_dims: usize) -> Tiles {
        let point = |c: &[f64]| Point { indices: (0..n_dims as u32).collect(), values: c.to_vec() };
        let centres: Vec<Point> = centres.chunks(n_dims).map(point).collect();
        Tiles::of(points, &centres.iter().collect::<Vec<_>>())
    }

    /// Σ of the rounded squared distance to the nearest centre, everything computed anew.
    fn potential(values: &[f64], centres: &[f64], n_dims: usize) -> i64 {
        let squared = |x: &[f64], c: &[f64]| x.iter().zip(c).fold(0.0, |sum, (x, c)| sum + (x - c) * (x - c));
        let nearest = |x| centres.chunks(n_dims).map(|c| squared(x, c)).fold(f64::INFINITY, f64::min);
        values.chunks(n_dims).map(|x| fixed::round(nearest(x) * FACTOR)).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn every_swap_is_worth_what_the_textbook_says(
            n in 1usize..70, k in 2usize..40, m in 1usize..6, n_dims in 1usize..12, seed in 0u64..999, ties: bool,
        ) {
            let rows = values(n * n_dims, seed, ties);
            let centres = values(k * n_dims, seed + 1000, ties);
            let candidates = values(m * n_dims, seed + 2000, ties);
            let (scores, points) = (Scores { values: &rows, n_dims }, Points::Dense { values: &rows, n_rows: n, n_dims });
            let standing = Standing::new(scores, n, &tiles_of(&points, &centres, n_dims));
            let stakes = standing.stakes(k, FACTOR);
            prop_assert_eq!(stakes[0], potential(&rows, &centres, n_dims));
            let worth = worth(scores, &tiles_of(&points, &candidates, n_dims), &standing, k, FACTOR);
            for (candidate, worth) in candidates.chunks(n_dims).zip(worth.chunks(1 + k)) {
                for a in 0..k {
                    let mut swapped = centres.clone();
                    swapped[a * n_dims..][..n_dims].copy_from_slice(candidate);
                    let left = stakes[0] - worth[0] + stakes[1 + a] - worth[1 + a];
                    prop_assert_eq!(left, potential(&rows, &swapped, n_dims));
                }
            }
        }
    }
}
