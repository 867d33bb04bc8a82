//! What it would save to put another point in the place of a centre (Lattanzi & Sohler 2019), for dense rows.
//!
//! Of a row, let D₁ and D₂ be the squared distances to the nearest centre and to the next, and C that to a candidate. Once
//! the candidate has taken the place of centre a, the potential is
//!
//! Σ min(D₁, C) + Σ over the rows of a: min(D₂, C) − min(D₁, C) = P − gain + loss(a) − relief(a),
//!
//! where P = Σ D₁ and loss(a) = Σ over the rows of a: D₂ − D₁ are the same for all candidates, and only rows with C < D₂
//! add to gain = Σ D₁ − min(D₁, C) and to relief(a) = Σ over the rows of a: D₂ − max(D₁, C). So one distance per row and
//! candidate tells what a swap with each centre is worth. Every square is rounded once to an integer; rounding keeps order,
//! so the sums are those of the rounded squares, whoever adds them up.

use super::super::simd::{apply, versions};
use super::dense::{self, Nearby, Scores};
use super::{LANES, Tiles};
use crate::kernel::fixed;

/// Rows whose centres are sought at a time.
const ROWS: usize = 1024;

/// Where rows stand among at least two centres: the nearest and the next, ties to the lower centre.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standing {
    pub label: Vec<u32>,
    pub squared: Vec<f64>,
    pub second: Vec<u32>,
    pub others: Vec<f64>,
}

impl Standing {
    pub fn new(scores: Scores, n_rows: usize, tiles: &Tiles) -> Standing {
        let mut standing = Standing {
            label: vec![0; n_rows],
            squared: vec![0.0; n_rows],
            second: vec![0; n_rows],
            others: vec![0.0; n_rows],
        };
        let everyone: Vec<u32> = (0..n_rows as u32).collect();
        standing.look(scores, &everyone, tiles);
        standing
    }

    /// Compares `rows` with all centres.
    fn look(&mut self, scores: Scores, rows: &[u32], tiles: &Tiles) {
        let mut found = Vec::with_capacity(ROWS);
        for rows in rows.chunks(ROWS) {
            dense::nearest(scores, rows, tiles, &mut found);
            rows.iter().zip(&found).for_each(|(&row, &nearby)| self.put(row as usize, nearby));
        }
    }

    #[inline(always)]
    fn put(&mut self, row: usize, Nearby { label, squared, second, others }: Nearby) {
        self.label[row] = label;
        self.squared[row] = squared;
        self.second[row] = second;
        self.others[row] = others;
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

    /// A row met the point that has just become centre `centre`, neither its nearest nor its next before.
    #[inline(always)]
    fn meet(&mut self, row: usize, centre: u32, squared: f64) {
        let before = |label: u32, other: f64| squared < other || (squared == other && centre < label);
        if before(self.label[row], self.squared[row]) {
            self.second[row] = self.label[row];
            self.others[row] = self.squared[row];
            self.label[row] = centre;
            self.squared[row] = squared;
        } else if before(self.second[row], self.others[row]) {
            self.second[row] = centre;
            self.others[row] = squared;
        }
    }
}

/// Candidates for a swap in one run.
pub struct Trial<'a> {
    pub standing: &'a Standing,
    pub n_centres: usize,
    /// The candidates among the columns of the tiles.
    pub columns: std::ops::Range<usize>,
}

/// For each column, the gain, then the relief of each centre of its run. The trials are in the order of their columns.
pub fn worth(scores: Scores, tiles: &Tiles, trials: &[Trial], factor: f64) -> Vec<i64> {
    let mut firsts = vec![0; tiles.n_columns() + 1];
    for trial in trials {
        for column in trial.columns.clone() {
            firsts[column + 1] = firsts[column] + 1 + trial.n_centres;
        }
    }
    let mut worth = vec![0; firsts[tiles.n_columns()]];
    add_worth(scores, tiles, trials, factor, &firsts, &mut worth);
    worth
}

#[apply(versions!)]
fn add_worth(scores: Scores, tiles: &Tiles, trials: &[Trial], factor: f64, firsts: &[usize], worth: &mut [i64]) {
    let mut side = vec![[0.0; LANES]; scores.n_dims];
    let n_rows = trials.first().map_or(0, |trial| trial.standing.label.len());
    for start in (0..n_rows).step_by(LANES) {
        let length = LANES.min(n_rows - start);
        dense::turn(scores, &mut side, |lane| start + lane.min(length - 1));
        for Trial { standing, columns, .. } in trials {
            // Nothing is nearer than the 0 of lanes past the last row.
            let mut others = [0.0; LANES];
            others[..length].copy_from_slice(&standing.others[start..][..length]);
            dense::for_each_column(&side, tiles, columns, |column, squared| {
                let worth = &mut worth[firsts[column]..];
                for lane in lanes(dense::less(squared, &others)) {
                    let row = start + lane;
                    let candidate = fixed::round(squared[lane] * factor);
                    let nearest = fixed::round(standing.squared[row] * factor);
                    worth[0] += nearest - nearest.min(candidate);
                    worth[1 + standing.label[row] as usize] +=
                        fixed::round(others[lane] * factor) - nearest.max(candidate);
                }
            });
        }
    }
}

/// A swap that is made in one run.
pub struct Swap<'a> {
    pub standing: &'a mut Standing,
    /// The run's centres after the swap.
    pub tiles: &'a Tiles,
    pub centre: u32,
}

/// Brings standings up to date: rows that have lost their nearest centre or their next look at all centres, the others
/// at the new one. `tiles` hold the new centre of each swap.
pub fn replace(scores: Scores, tiles: &Tiles, swaps: &mut [Swap]) {
    let mut lost = vec![Vec::new(); swaps.len()];
    meet_all(scores, tiles, swaps, &mut lost);
    for (swap, lost) in swaps.iter_mut().zip(&lost) {
        swap.standing.look(scores, lost, swap.tiles);
    }
}

#[apply(versions!)]
fn meet_all(scores: Scores, tiles: &Tiles, swaps: &mut [Swap], lost: &mut [Vec<u32>]) {
    let mut side = vec![[0.0; LANES]; scores.n_dims];
    let n_rows = swaps.first().map_or(0, |swap| swap.standing.label.len());
    for start in (0..n_rows).step_by(LANES) {
        let length = LANES.min(n_rows - start);
        dense::turn(scores, &mut side, |lane| start + lane.min(length - 1));
        for (column, (Swap { standing, centre, .. }, lost)) in swaps.iter_mut().zip(&mut *lost).enumerate() {
            let [squared] = dense::squared_distances(&side, tiles, column);
            let mut others = [0.0; LANES];
            others[..length].copy_from_slice(&standing.others[start..][..length]);
            let (mut label, mut second) = ([u32::MAX; LANES], [u32::MAX; LANES]);
            label[..length].copy_from_slice(&standing.label[start..][..length]);
            second[..length].copy_from_slice(&standing.second[start..][..length]);
            let mut stale = 0;
            for lane in 0..LANES {
                stale |= u32::from((label[lane] == *centre) | (second[lane] == *centre)) << lane;
            }
            lost.extend(lanes(stale).map(|lane| (start + lane) as u32));
            // Where the next is as near, the numbers of the centres decide.
            let near = !dense::less(&others, &squared) & !stale & (u32::MAX >> (32 - length));
            lanes(near).for_each(|lane| standing.meet(start + lane, *centre, squared[lane]));
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
            let candidates = values(2 * m * n_dims, seed + 2000, ties);
            let (scores, points) = (Scores { values: &rows, n_dims }, Points::Dense { values: &rows, n_rows: n, n_dims });
            let mut tiles = tiles_of(&points, &centres, n_dims);
            let mut standing = Standing::new(scores, n, &tiles);
            let stakes = standing.stakes(k, FACTOR);
            prop_assert_eq!(stakes[0], potential(&rows, &centres, n_dims));
            let trials = [0..m, m..2 * m].map(|columns| Trial { standing: &standing, n_centres: k, columns });
            let worth = worth(scores, &tiles_of(&points, &candidates, n_dims), &trials, FACTOR);
            for (candidate, worth) in candidates.chunks(n_dims).zip(worth.chunks(1 + k)) {
                for a in 0..k {
                    let mut swapped = centres.clone();
                    swapped[a * n_dims..][..n_dims].copy_from_slice(candidate);
                    let left = stakes[0] - worth[0] + stakes[1 + a] - worth[1 + a];
                    prop_assert_eq!(left, potential(&rows, &swapped, n_dims));
                }
            }
            for (step, candidate) in candidates.chunks(n_dims).enumerate() {
                let point = Point { indices: (0..n_dims as u32).collect(), values: candidate.to_vec() };
                let centre = (seed as usize + step) % k;
                tiles.place(centre, &point);
                let new = tiles_of(&points, candidate, n_dims);
                replace(scores, &new, &mut [Swap { standing: &mut standing, tiles: &tiles, centre: centre as u32 }]);
                prop_assert_eq!(&standing, &Standing::new(scores, n, &tiles));
            }
        }
    }
}
