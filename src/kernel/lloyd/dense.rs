//! Distances of dense rows in double precision: [`LANES`] rows are transposed and compared with one centroid after another.

use std::ops::Range;

use super::super::simd::{apply, versions};
use super::points::{LANES, Scores};
use super::tiles::{Tiles, WIDTH};
use crate::kernel::fixed;

/// The nearest centroid of a row and its squared distance, and the nearest of the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearby {
    pub label: u32,
    pub squared: f64,
    /// `u32::MAX` where there are no others.
    pub second: u32,
    /// Least squared distance to the others.
    pub others: f64,
}

/// The nearest centroid of each of `rows`; ties are the lower centroid's.
#[apply(versions!)]
pub fn nearest(scores: Scores, rows: &[u32], tiles: &Tiles, out: &mut Vec<Nearby>) {
    out.clear();
    let mut side = vec![[0.0; LANES]; scores.n_dims];
    for rows in rows.chunks(LANES) {
        turn(scores, &mut side, |lane| rows[lane.min(rows.len() - 1)] as usize);
        let mut best = [f64::INFINITY; LANES];
        let mut label = [u64::from(u32::MAX); LANES];
        let mut second = label;
        let mut others = [f64::INFINITY; LANES];
        for column in 0..tiles.n_columns {
            let id = u64::from(tiles.ids[column]);
            let [squared] = squared_distances(&side, tiles, column);
            for lane in 0..LANES {
                // Ids rise, so that the lower of equals is there already.
                let (nearer, next) = (is_less(squared[lane], best[lane]), is_less(squared[lane], others[lane]));
                second[lane] = choose(nearer, label[lane], choose(next, id, second[lane]));
                label[lane] = choose(nearer, id, label[lane]);
            }
            for lane in 0..LANES {
                let (old, new) = (best[lane], squared[lane]);
                let farther = if new < old { old } else { new };
                others[lane] = if farther < others[lane] { farther } else { others[lane] };
                best[lane] = if new < old { new } else { old };
            }
        }
        for lane in 0..rows.len() {
            let (label, second) = (label[lane] as u32, second[lane] as u32);
            out.push(Nearby { label, squared: best[lane], second, others: others[lane] });
        }
    }
}

/// All ones if a < b, both positive or 0. Bits select where a comparison would not become a vector.
#[inline(always)]
fn is_less(a: f64, b: f64) -> u64 {
    ((a.to_bits() as i64 - b.to_bits() as i64) >> 63) as u64
}

#[inline(always)]
fn choose(ones: u64, a: u64, b: u64) -> u64 {
    (a & ones) | (b & !ones)
}

/// Squared distances of `rows` to every centroid: `out[column * stride + i]` is that of row `rows.start + i`.
#[apply(versions!)]
pub fn distances(scores: Scores, rows: Range<usize>, tiles: &Tiles, out: &mut [f64], stride: usize) {
    let mut side = vec![[0.0; LANES]; scores.n_dims];
    for start in rows.clone().step_by(LANES) {
        turn(scores, &mut side, |lane| (start + lane).min(rows.end - 1));
        let length = LANES.min(rows.end - start);
        for column in 0..tiles.n_columns {
            let [squared] = squared_distances(&side, tiles, column);
            out[column * stride + start - rows.start..][..length].copy_from_slice(&squared[..length]);
        }
    }
}

/// Squared distances of `rows` to one centroid each: row `rows.start + i` to row `labels[i]` of `centroids`.
#[apply(versions!)]
pub fn own_distances(scores: Scores, rows: Range<usize>, labels: &[u32], centroids: Scores, out: &mut Vec<f64>) {
    out.clear();
    let mut side = vec![[0.0; LANES]; scores.n_dims];
    let mut own = side.clone();
    for (start, labels) in rows.step_by(LANES).zip(labels.chunks(LANES)) {
        let last = labels.len() - 1;
        turn(scores, &mut side, |lane| start + lane.min(last));
        turn(centroids, &mut own, |lane| labels[lane.min(last)] as usize);
        let mut sum = [0.0; LANES];
        for (line, own) in side.iter().zip(&own) {
            for lane in 0..LANES {
                let difference = line[lane] - own[lane];
                sum[lane] += difference * difference;
            }
        }
        out.extend(&sum[..labels.len()]);
    }
}

/// Adds rows to the fixed-point sums of the clusters that they enter, and takes them from those that they leave.
///
/// `moves` are rows and the clusters that they leave (`u32::MAX`: none), `labels` where all rows are now; the sums of
/// cluster j begin at `slots[j]`. Rounding is to even, so that what is taken away is what was added.
#[apply(versions!)]
pub fn add_moves(scores: Scores, moves: &[(u32, u32)], labels: &[u32], slots: &[usize], factor: f64, sums: &mut [i64]) {
    let n_dims = scores.n_dims;
    for &(row, from) in moves {
        let values = &scores.values[row as usize * n_dims..][..n_dims];
        let entered = &mut sums[slots[labels[row as usize] as usize]..][..n_dims];
        entered.iter_mut().zip(values).for_each(|(sum, value)| *sum += fixed::round(value * factor));
        if from != u32::MAX {
            let left = &mut sums[slots[from as usize]..][..n_dims];
            left.iter_mut().zip(values).for_each(|(sum, value)| *sum -= fixed::round(value * factor));
        }
    }
}

/// Candidates for the next centre of one seeding.
pub struct Contest<'a> {
    /// Each row's squared distance to its nearest centre so far.
    pub current: &'a [f64],
    /// The candidates among the columns of the tiles.
    pub columns: Range<usize>,
}

/// What each candidate would leave of its seeding's potential: Σ min(current, squared distance) over the rows, each
/// rounded once at the scale 2^e = `factor`; by column. The contests are in the order of their columns.
#[apply(versions!)]
pub fn potentials(scores: Scores, tiles: &Tiles, contests: &[Contest], factor: f64) -> Vec<i64> {
    let mut sums = vec![[0i64; LANES]; tiles.n_columns];
    let mut side = vec![[0.0; LANES]; scores.n_dims];
    let n_rows = contests.first().map_or(0, |contest| contest.current.len());
    for start in (0..n_rows).step_by(LANES) {
        let length = LANES.min(n_rows - start);
        turn(scores, &mut side, |lane| start + lane.min(length - 1));
        for Contest { current, columns } in contests {
            // Lanes past the last row add min(0, _) = 0.
            let mut nearest = [0.0; LANES];
            nearest[..length].copy_from_slice(&current[start..][..length]);
            let mut column = columns.start;
            while column < columns.end {
                // Neighbours in a tile go in pairs: their sums do not wait for each other.
                if column + 1 < columns.end && !(column + 1).is_multiple_of(WIDTH) {
                    let [one, other] = squared_distances(&side, tiles, column);
                    add_nearer(&mut sums[column], &nearest, &one, factor);
                    add_nearer(&mut sums[column + 1], &nearest, &other, factor);
                    column += 2;
                } else {
                    let [one] = squared_distances(&side, tiles, column);
                    add_nearer(&mut sums[column], &nearest, &one, factor);
                    column += 1;
                }
            }
        }
    }
    sums.iter().map(|lanes| lanes.iter().sum()).collect()
}

#[inline(always)]
fn add_nearer(sums: &mut [i64; LANES], nearest: &[f64; LANES], squared: &[f64; LANES], factor: f64) {
    for lane in 0..LANES {
        let (a, b) = (nearest[lane], squared[lane]);
        sums[lane] += fixed::round((if b < a { b } else { a }) * factor);
    }
}

/// Folds new centres into squared distances: `current[i]` meets column `i`.
#[apply(versions!)]
pub fn add_centres(scores: Scores, tiles: &Tiles, current: &mut [&mut [f64]]) {
    let mut side = vec![[0.0; LANES]; scores.n_dims];
    let n_rows = current.first().map_or(0, |current| current.len());
    for start in (0..n_rows).step_by(LANES) {
        let length = LANES.min(n_rows - start);
        turn(scores, &mut side, |lane| start + lane.min(length - 1));
        for (column, current) in current.iter_mut().enumerate() {
            let [squared] = squared_distances(&side, tiles, column);
            let current = &mut current[start..][..length];
            let mut nearest = squared;
            nearest[..length].copy_from_slice(current);
            for lane in 0..LANES {
                nearest[lane] = if squared[lane] < nearest[lane] { squared[lane] } else { nearest[lane] };
            }
            current.copy_from_slice(&nearest[..length]);
        }
    }
}

/// The lanes where a < b, both positive or 0, one bit each.
#[inline(always)]
pub(super) fn less(a: &[f64; LANES], b: &[f64; LANES]) -> u32 {
    let mut bits = 0;
    for lane in 0..LANES {
        bits |= (is_less(a[lane], b[lane]) & (1 << lane)) as u32;
    }
    bits
}

/// Transposes rows: `side[dim][lane]`.
#[inline(always)]
pub(super) fn turn(scores: Scores, side: &mut [[f64; LANES]], row_of: impl Fn(usize) -> usize) {
    for lane in 0..LANES {
        let row = &scores.values[row_of(lane) * scores.n_dims..][..scores.n_dims];
        for (line, &value) in side.iter_mut().zip(row) {
            line[lane] = value;
        }
    }
}

/// Squared distances of transposed rows to `N` neighbouring centroids of a tile.
#[inline(always)]
pub(super) fn squared_distances<const N: usize>(
    side: &[[f64; LANES]],
    tiles: &Tiles,
    column: usize,
) -> [[f64; LANES]; N] {
    let first = column / WIDTH * WIDTH;
    let width = (tiles.ids.len() - first).min(WIDTH);
    let centroids = tiles.data[first * tiles.n_dims..][..width * tiles.n_dims].chunks_exact(width);
    let mut sums = [[0.0; LANES]; N];
    for (line, coordinates) in side.iter().zip(centroids) {
        let coordinates = &coordinates[column - first..][..N];
        for index in 0..N {
            for lane in 0..LANES {
                let difference = line[lane] - coordinates[index];
                sums[index][lane] += difference * difference;
            }
        }
    }
    sums
}
