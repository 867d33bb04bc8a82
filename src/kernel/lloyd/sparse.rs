//! Distances of sparse rows to a tile of centroids at a time, one to a lane; and centres added one after another.

use std::ops::Range;

use super::super::simd::{apply, versions};
use super::nearest::{Best, Nearest};
use super::tiles::{Tile, Tiles, WIDTH};
use crate::kernel::csr::Csr;
use crate::kernel::fixed;

/// Compares the named sparse rows with every centroid of `tiles` and keeps the nearest.
pub fn scan(matrix: &Csr, norms: &[f64], rows: &[u32], tiles: &Tiles, nearest: &mut Nearest) {
    tiles.tiles().for_each(|tile| scan_tile(matrix, norms, rows, tile, nearest));
}

#[apply(versions!)]
fn scan_tile(matrix: &Csr, norms: &[f64], rows: &[u32], tile: Tile, nearest: &mut Nearest) {
    match tile.width {
        8 => scan_lanes::<8>(matrix, norms, rows, tile, nearest),
        16 => scan_lanes::<16>(matrix, norms, rows, tile, nearest),
        _ => scan_lanes::<WIDTH>(matrix, norms, rows, tile, nearest),
    }
}

#[inline(always)]
fn scan_lanes<const W: usize>(matrix: &Csr, norms: &[f64], rows: &[u32], tile: Tile, nearest: &mut Nearest) {
    for &row in rows {
        let row = row as usize;
        let squared = row_distances::<W>(matrix, row, norms[row], tile);
        keep_nearest(&squared, tile.ids, nearest.at(row));
    }
}

/// Where the distances to a tile go.
pub struct Columns<'a> {
    pub out: &'a mut [f64],
    pub stride: usize,
    /// Columns that are not padding.
    pub real: usize,
}

impl Columns<'_> {
    #[inline(always)]
    fn put(&mut self, row: usize, squared: &[f64]) {
        for (column, &squared) in squared[..self.real].iter().enumerate() {
            self.out[column * self.stride + row] = squared;
        }
    }
}

#[apply(versions!)]
pub fn distances(matrix: &Csr, norms: &[f64], rows: Range<usize>, tile: Tile, out: Columns) {
    let mut out = out;
    for (i, row) in rows.enumerate() {
        match tile.width {
            8 => out.put(i, &row_distances::<8>(matrix, row, norms[row], tile)),
            16 => out.put(i, &row_distances::<16>(matrix, row, norms[row], tile)),
            _ => out.put(i, &row_distances::<WIDTH>(matrix, row, norms[row], tile)),
        }
    }
}

#[inline(always)]
fn row_distances<const W: usize>(matrix: &Csr, row: usize, norm: f64, tile: Tile) -> [f64; W] {
    let row = matrix.row(row);
    let centroids = tile.data.as_chunks::<W>().0;
    let mut dot = [0.0; W];
    row.for_each(|column, x| {
        let centroids = &centroids[column];
        for lane in 0..W {
            dot[lane] += x * centroids[lane];
        }
    });
    for lane in 0..W {
        let squared = norm - 2.0 * dot[lane] + tile.bias[lane];
        dot[lane] = if squared > 0.0 { squared } else { 0.0 };
    }
    dot
}

/// Folds a tile's distances into a row's nearest: by distance, then by centroid.
#[inline(always)]
fn keep_nearest<const W: usize>(squared: &[f64; W], ids: &[u32], best: Best) {
    let least = least(squared);
    if least > *best.squared {
        *best.others = best.others.min(least);
        return;
    }
    let mut equal = 0u32;
    for lane in 0..W {
        equal |= u32::from(squared[lane] == least) << lane;
    }
    let id = ids[equal.trailing_zeros() as usize];
    *best.others = best.others.min(*best.squared).min(second_least(squared, least, equal));
    if least < *best.squared || id < *best.label {
        *best.squared = least;
        *best.label = id;
    }
}

/// The minimum of the lanes but one that is `least`; `equal` has a bit for each such lane.
#[inline(always)]
fn second_least<const W: usize>(squared: &[f64; W], minimum: f64, equal: u32) -> f64 {
    if equal.count_ones() > 1 {
        return minimum;
    }
    let mut lanes = *squared;
    for lane in 0..W {
        lanes[lane] = if lanes[lane] == minimum { f64::INFINITY } else { lanes[lane] };
    }
    least(&lanes)
}

/// The minimum, by halves (a minimum has the same bits in any order: no distance is −0 or NaN).
#[inline(always)]
fn least<const W: usize>(squared: &[f64; W]) -> f64 {
    let mut lanes = *squared;
    let mut width = W / 2;
    while width > 0 {
        for lane in 0..width {
            let other = lanes[lane + width];
            lanes[lane] = if other < lanes[lane] { other } else { lanes[lane] };
        }
        width /= 2;
    }
    lanes[0]
}

/// Σ min(current, column) over the rows, each rounded once at the scale 2^e = `factor`: what is left of the potential
/// if a centre is added whose squared distances are `column`.
#[apply(versions!)]
pub fn potential(current: &[f64], column: &[f64], factor: f64) -> i64 {
    let mut sum = 0i64;
    for (&a, &b) in current.iter().zip(column) {
        sum += fixed::round((if b < a { b } else { a }) * factor);
    }
    sum
}

/// Folds a new centre, the last so far, into each row's nearest.
#[apply(versions!)]
pub fn add_centre(nearest: &mut Nearest, column: &[f64], centre: u32) {
    let n = column.len();
    let (best, label, others) = (&mut nearest.squared[..n], &mut nearest.label[..n], &mut nearest.others[..n]);
    for row in 0..n {
        let (old, new) = (best[row], column[row]);
        let farther = if new < old { old } else { new };
        others[row] = if farther < others[row] { farther } else { others[row] };
        label[row] = if new < old { centre } else { label[row] };
        best[row] = if new < old { new } else { old };
    }
}
