//! Distances between users and centroids, and centroids from sums: the inner loops of k-means.
//!
//! A squared distance has one definition per kind of row, and its bits depend on nothing but the user and the centroid:
//! dense rows sum (xⱼ − cⱼ)² in column order; sparse rows take ‖x‖² − 2·x·c + ‖c‖², clamped at 0, each sum in column
//! order, so that no centroid is ever subtracted from a row that has few entries. The lanes of a vector are centroids
//! (sparse rows) or users (dense rows), never columns of one sum, so every vector width gives the same bits.
//!
//! Centroids lie in [`Tiles`]: up to 32 of them side by side, column by column. For sparse rows a tile's sums stay in
//! registers while a user's entries go by, and the tile stays in the cache while the users go by. Dense rows are short:
//! a handful of users is turned on its side and meets one centroid after the other.

// Loops over lanes are written with an index, the same in several arrays: that is what becomes one vector instruction.
#![allow(clippy::needless_range_loop)]

use std::ops::Range;

use multiversion::multiversion;

use super::csr::Csr;
use super::fixed;

/// Centroids in a full tile.
pub const WIDTH: usize = 32;

/// Centroids in a cache line: tiles are updated in blocks of so many.
const BLOCK: usize = 8;

/// Columns of a block that are converted at a time.
const STRIP: usize = 64;

/// Dense rows that go together, one to a lane.
const LANES: usize = 16;

/// Users as points, one per row.
#[derive(Debug, Clone, Copy)]
pub enum Points<'a> {
    /// `(n_rows, n_dims)`, row after row.
    Dense { values: &'a [f64], n_rows: usize, n_dims: usize },
    /// `(n_rows, n_cols)`.
    Sparse(&'a Csr),
}

/// One row, out of its matrix: rising columns and their values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Point {
    pub indices: Vec<u32>,
    pub values: Vec<f64>,
}

impl<'a> Points<'a> {
    pub fn n_rows(&self) -> usize {
        match self {
            Points::Dense { n_rows, .. } => *n_rows,
            Points::Sparse(matrix) => matrix.n_rows(),
        }
    }

    pub fn n_dims(&self) -> usize {
        match self {
            Points::Dense { n_dims, .. } => *n_dims,
            Points::Sparse(matrix) => matrix.n_cols,
        }
    }

    /// Stored values over all rows.
    pub fn n_values(&self) -> usize {
        match *self {
            Points::Dense { values, .. } => values.len(),
            Points::Sparse(matrix) => matrix.nnz(),
        }
    }

    /// Largest magnitude of a stored value.
    pub fn max_abs(&self) -> f64 {
        match *self {
            Points::Dense { values, .. } => values.iter().fold(0.0, |most, v| v.abs().max(most)),
            Points::Sparse(matrix) => matrix.max_abs(),
        }
    }

    /// Calls `f(column, value)` for each stored value of a row, in column order.
    #[inline(always)]
    pub fn for_each(&self, row: usize, mut f: impl FnMut(usize, f64)) {
        match *self {
            Points::Dense { values, n_dims, .. } => {
                values[row * n_dims..][..n_dims].iter().enumerate().for_each(|(column, &v)| f(column, v));
            }
            Points::Sparse(matrix) => matrix.row(row).for_each(f),
        }
    }

    /// Squared length of a row, summed in column order.
    pub fn norm_squared(&self, row: usize) -> f64 {
        let mut sum = 0.0;
        self.for_each(row, |_, v| sum += v * v);
        sum
    }

    pub fn point(&self, row: usize) -> Point {
        let mut point = Point::default();
        self.for_each(row, |column, value| {
            point.indices.push(column as u32);
            point.values.push(value);
        });
        point
    }

    fn is_dense(&self) -> bool {
        matches!(self, Points::Dense { .. })
    }
}

/// Points with what the kernels need to know of each.
#[derive(Debug, Clone)]
pub struct Cloud<'a> {
    pub points: Points<'a>,
    /// ‖x‖² of each row.
    pub norms: Vec<f64>,
}

impl<'a> Cloud<'a> {
    pub fn new(points: Points<'a>) -> Cloud<'a> {
        let norms = (0..points.n_rows()).map(|row| points.norm_squared(row)).collect();
        Cloud { points, norms }
    }
}

/// Centroids in tiles of up to [`WIDTH`]; the last tile is as narrow as 8 or 16 where that holds the rest. A tile is
/// `(n_dims, width)`. Columns past the last centroid are at infinite distance from everything.
#[derive(Debug, Clone)]
pub struct Tiles {
    n_dims: usize,
    /// The centroid that each column holds, rising; `u32::MAX` for padding.
    ids: Vec<u32>,
    n_columns: usize,
    data: Vec<f64>,
    /// ‖c‖², for sparse rows; infinite for padding.
    bias: Vec<f64>,
    dense: bool,
}

/// Where one tile lies.
#[derive(Clone, Copy)]
struct Tile<'a> {
    width: usize,
    ids: &'a [u32],
    data: &'a [f64],
    bias: &'a [f64],
}

fn padded(n_columns: usize) -> usize {
    let rest = n_columns % WIDTH;
    let narrow = [0, BLOCK, 2 * BLOCK, WIDTH].into_iter().find(|&width| rest <= width).expect("rest < WIDTH");
    n_columns - rest + narrow
}

impl Tiles {
    /// Tiles for the centroids named by `ids` (rising), all at the origin, for rows of the kind of `points`.
    pub fn new(points: &Points, ids: impl IntoIterator<Item = u32>) -> Tiles {
        let mut ids: Vec<u32> = ids.into_iter().collect();
        let n_columns = ids.len();
        let width = padded(n_columns);
        ids.resize(width, u32::MAX);
        let mut bias = vec![0.0; n_columns];
        bias.resize(width, f64::INFINITY);
        let n_dims = points.n_dims();
        Tiles { n_dims, ids, n_columns, data: vec![0.0; n_dims * width], bias, dense: points.is_dense() }
    }

    /// Tiles that hold `centroids`, numbered from 0.
    pub fn of(points: &Points, centroids: &[&Point]) -> Tiles {
        let mut tiles = Tiles::new(points, 0..centroids.len() as u32);
        for (column, centroid) in centroids.iter().enumerate() {
            tiles.place(column, centroid);
        }
        tiles
    }

    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Bytes of `n_columns` centroids of `n_dims` columns.
    pub fn bytes(n_columns: usize, n_dims: usize) -> u64 {
        (padded(n_columns) * n_dims * 8) as u64
    }

    /// Puts a point into an empty column.
    fn place(&mut self, column: usize, point: &Point) {
        for (&dim, &value) in point.indices.iter().zip(&point.values) {
            let at = self.at(column, dim as usize);
            self.data[at] = value;
        }
        if !self.dense {
            self.bias[column] = point.values.iter().fold(0.0, |sum, v| sum + v * v);
        }
    }

    #[inline(always)]
    fn at(&self, column: usize, dim: usize) -> usize {
        let first = column / WIDTH * WIDTH;
        let width = (self.ids.len() - first).min(WIDTH);
        first * self.n_dims + dim * width + (column - first)
    }

    /// One centroid, out of its tile.
    pub fn centroid(&self, column: usize) -> Vec<f64> {
        (0..self.n_dims).map(|dim| self.data[self.at(column, dim)]).collect()
    }

    /// The centroids of `columns` (rising) alone, under their names here.
    pub fn subset(&self, points: &Points, columns: &[u32]) -> Tiles {
        let mut subset = Tiles::new(points, columns.iter().map(|&c| self.ids[c as usize]));
        for (to, &from) in columns.iter().enumerate() {
            subset.bias[to] = self.bias[from as usize];
            for dim in 0..self.n_dims {
                let at = subset.at(to, dim);
                subset.data[at] = self.data[self.at(from as usize, dim)];
            }
        }
        subset
    }

    fn tiles(&self) -> impl Iterator<Item = Tile<'_>> {
        (0..self.ids.len()).step_by(WIDTH).map(|first| {
            let width = (self.ids.len() - first).min(WIDTH);
            let columns = first..first + width;
            Tile {
                width,
                ids: &self.ids[columns.clone()],
                data: &self.data[first * self.n_dims..][..width * self.n_dims],
                bias: &self.bias[columns],
            }
        })
    }

    /// Moves the centroids of the clusters that `changed` marks (and that have members) to their means, and returns, for
    /// every cluster, by how much it moved: squared distance from old to new.
    ///
    /// `sums` is `(n_clusters, n_dims)` in units of `unit`, `counts` the members.
    pub fn move_to_means(&mut self, sums: &[i64], counts: &[i64], unit: f64, changed: &[bool]) -> Vec<Shift> {
        let mut shifts = vec![Shift::default(); self.n_columns];
        let n_dims = self.n_dims;
        for first in (0..self.n_columns).step_by(BLOCK) {
            let columns = first..(first + BLOCK).min(self.n_columns);
            let mut divisors = [0.0; BLOCK];
            for column in columns.clone().filter(|&c| changed[c] && counts[c] > 0) {
                divisors[column - first] = counts[column] as f64;
            }
            if divisors == [0.0; BLOCK] {
                continue;
            }
            let tile = first / WIDTH * WIDTH;
            let width = (self.ids.len() - tile).min(WIDTH);
            let block = Block { width, lane: first - tile, unit, divisors };
            let sums = &sums[columns.start * n_dims..columns.end * n_dims];
            let (shift, norms) = move_block(&mut self.data[tile * n_dims..][..width * n_dims], sums, n_dims, block);
            for column in columns {
                shifts[column] = Shift { squared: shift[column - first], moved: shift[column - first] != 0.0 };
                if !self.dense {
                    self.bias[column] = norms[column - first];
                }
            }
        }
        shifts
    }
}

/// How a centroid moved.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Shift {
    pub squared: f64,
    pub moved: bool,
}

/// [`BLOCK`] neighbouring columns of a tile.
#[derive(Clone, Copy)]
struct Block {
    /// Width of the tile.
    width: usize,
    /// First column of the block in the tile.
    lane: usize,
    unit: f64,
    /// Members of each cluster; 0 for a column to be left alone.
    divisors: [f64; BLOCK],
}

/// Rewrites a block and returns its shifts and the squared lengths of its columns.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn move_block(tile: &mut [f64], sums: &[i64], n_dims: usize, block: Block) -> ([f64; BLOCK], [f64; BLOCK]) {
    let mut shifts = [0.0; BLOCK];
    let mut norms = [0.0; BLOCK];
    let mut means = [[0.0; BLOCK]; STRIP];
    let mut strip = [0.0; STRIP];
    for start in (0..n_dims).step_by(STRIP) {
        let length = STRIP.min(n_dims - start);
        for lane in (0..BLOCK).filter(|&lane| block.divisors[lane] > 0.0) {
            let row = &sums[lane * n_dims + start..][..length];
            for (mean, &sum) in strip.iter_mut().zip(row) {
                *mean = sum as f64 * block.unit / block.divisors[lane];
            }
            for (line, &mean) in means.iter_mut().zip(&strip[..length]) {
                line[lane] = mean;
            }
        }
        for (offset, means) in means[..length].iter().enumerate() {
            let line = &mut tile[(start + offset) * block.width + block.lane..][..BLOCK];
            for lane in 0..BLOCK {
                let old = line[lane];
                let new = if block.divisors[lane] > 0.0 { means[lane] } else { old };
                shifts[lane] += (new - old) * (new - old);
                norms[lane] += new * new;
                line[lane] = new;
            }
        }
    }
    (shifts, norms)
}

/// Nearest centroids so far: squared distance and centroid of each row. Ties are the lower centroid's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Nearest {
    pub squared: Vec<f64>,
    pub label: Vec<u32>,
    /// Least squared distance to the other centroids seen.
    pub others: Vec<f64>,
}

impl Nearest {
    /// Nothing seen yet.
    pub fn none(n_rows: usize) -> Nearest {
        let far = vec![f64::INFINITY; n_rows];
        Nearest { squared: far.clone(), label: vec![u32::MAX; n_rows], others: far }
    }

    /// Forgets the nearest centroid of a row, but not how far the others are.
    pub fn forget_own(&mut self, row: usize) {
        self.squared[row] = f64::INFINITY;
        self.label[row] = u32::MAX;
    }

    /// Forgets all about a row.
    pub fn forget(&mut self, row: usize) {
        self.forget_own(row);
        self.others[row] = f64::INFINITY;
    }

    #[inline(always)]
    fn at(&mut self, row: usize) -> Best<'_> {
        Best { squared: &mut self.squared[row], label: &mut self.label[row], others: &mut self.others[row] }
    }
}

/// One row of [`Nearest`].
struct Best<'a> {
    squared: &'a mut f64,
    label: &'a mut u32,
    others: &'a mut f64,
}

/// Compares the named rows with every centroid of `tiles` and keeps the nearest.
pub fn scan(cloud: &Cloud, rows: &[u32], tiles: &Tiles, nearest: &mut Nearest) {
    match cloud.points {
        Points::Dense { values, n_dims, .. } => scan_dense(values, n_dims, rows, tiles, nearest),
        Points::Sparse(matrix) => {
            tiles.tiles().for_each(|tile| scan_sparse(matrix, &cloud.norms, rows, tile, nearest));
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn scan_dense(values: &[f64], n_dims: usize, rows: &[u32], tiles: &Tiles, nearest: &mut Nearest) {
    let mut side = vec![[0.0; LANES]; n_dims];
    for rows in rows.chunks(LANES) {
        let row_of = |lane: usize| rows[lane.min(rows.len() - 1)] as usize;
        turn(values, n_dims, &mut side, row_of);
        let mut best = [0.0; LANES];
        let mut label = [0u64; LANES];
        let mut others = [0.0; LANES];
        for lane in 0..LANES {
            let row = row_of(lane);
            best[lane] = nearest.squared[row];
            label[lane] = u64::from(nearest.label[row]);
            others[lane] = nearest.others[row];
        }
        for column in 0..tiles.n_columns {
            let id = u64::from(tiles.ids[column]);
            let squared = dense_distances(&side, tiles, column);
            for lane in 0..LANES {
                let (old, new) = (best[lane], squared[lane]);
                let wins = (new < old) | ((new == old) & (id < label[lane]));
                let farther = if wins { old } else { new };
                others[lane] = if farther < others[lane] { farther } else { others[lane] };
                best[lane] = if wins { new } else { old };
                label[lane] = if wins { id } else { label[lane] };
            }
        }
        for (lane, &row) in rows.iter().enumerate() {
            let row = row as usize;
            nearest.squared[row] = best[lane];
            nearest.label[row] = label[lane] as u32;
            nearest.others[row] = others[lane];
        }
    }
}

/// Puts rows on their side: `side[dim][lane]`.
#[inline(always)]
fn turn(values: &[f64], n_dims: usize, side: &mut [[f64; LANES]], row_of: impl Fn(usize) -> usize) {
    for lane in 0..LANES {
        let row = &values[row_of(lane) * n_dims..][..n_dims];
        for (line, &value) in side.iter_mut().zip(row) {
            line[lane] = value;
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn scan_sparse(matrix: &Csr, norms: &[f64], rows: &[u32], tile: Tile, nearest: &mut Nearest) {
    match tile.width {
        8 => scan_sparse_tile::<8>(matrix, norms, rows, tile, nearest),
        16 => scan_sparse_tile::<16>(matrix, norms, rows, tile, nearest),
        _ => scan_sparse_tile::<WIDTH>(matrix, norms, rows, tile, nearest),
    }
}

#[inline(always)]
fn scan_sparse_tile<const W: usize>(matrix: &Csr, norms: &[f64], rows: &[u32], tile: Tile, nearest: &mut Nearest) {
    for &row in rows {
        let row = row as usize;
        let squared = sparse_distances::<W>(matrix, row, norms[row], tile);
        keep_nearest(&squared, tile.ids, nearest.at(row));
    }
}

/// Squared distances of rows `rows` to every column of `tiles`: `out[column * stride + i]` is that of row
/// `rows.start + i`.
pub fn distances(cloud: &Cloud, rows: Range<usize>, tiles: &Tiles, out: &mut [f64], stride: usize) {
    match cloud.points {
        Points::Dense { values, n_dims, .. } => distances_dense(values, n_dims, rows, tiles, out, stride),
        Points::Sparse(matrix) => {
            for (index, tile) in tiles.tiles().enumerate() {
                let first = index * WIDTH;
                let real = tile.width.min(tiles.n_columns - first);
                let out = Columns { out: &mut out[first * stride..], stride, real };
                distances_sparse(matrix, &cloud.norms, rows.clone(), tile, out);
            }
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn distances_dense(values: &[f64], n_dims: usize, rows: Range<usize>, tiles: &Tiles, out: &mut [f64], stride: usize) {
    let mut side = vec![[0.0; LANES]; n_dims];
    for start in rows.clone().step_by(LANES) {
        turn(values, n_dims, &mut side, |lane| (start + lane).min(rows.end - 1));
        let length = LANES.min(rows.end - start);
        for column in 0..tiles.n_columns {
            let squared = dense_distances(&side, tiles, column);
            out[column * stride + start - rows.start..][..length].copy_from_slice(&squared[..length]);
        }
    }
}

/// Where the distances to a tile go.
struct Columns<'a> {
    out: &'a mut [f64],
    stride: usize,
    /// Columns that are not padding.
    real: usize,
}

impl Columns<'_> {
    #[inline(always)]
    fn put(&mut self, row: usize, squared: &[f64]) {
        for (column, &squared) in squared[..self.real].iter().enumerate() {
            self.out[column * self.stride + row] = squared;
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn distances_sparse(matrix: &Csr, norms: &[f64], rows: Range<usize>, tile: Tile, mut out: Columns) {
    for (i, row) in rows.enumerate() {
        match tile.width {
            8 => out.put(i, &sparse_distances::<8>(matrix, row, norms[row], tile)),
            16 => out.put(i, &sparse_distances::<16>(matrix, row, norms[row], tile)),
            _ => out.put(i, &sparse_distances::<WIDTH>(matrix, row, norms[row], tile)),
        }
    }
}

/// Squared distances of rows on their side to one centroid.
#[inline(always)]
fn dense_distances(side: &[[f64; LANES]], tiles: &Tiles, column: usize) -> [f64; LANES] {
    let first = column / WIDTH * WIDTH;
    let width = (tiles.ids.len() - first).min(WIDTH);
    let centroid = tiles.data[first * tiles.n_dims + column - first..].iter().step_by(width);
    let mut sum = [0.0; LANES];
    for (line, &coordinate) in side.iter().zip(centroid) {
        for lane in 0..LANES {
            let difference = line[lane] - coordinate;
            sum[lane] += difference * difference;
        }
    }
    sum
}

#[inline(always)]
fn sparse_distances<const W: usize>(matrix: &Csr, row: usize, norm: f64, tile: Tile) -> [f64; W] {
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
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub fn potential(current: &[f64], column: &[f64], factor: f64) -> i64 {
    let mut sum = 0i64;
    for (&a, &b) in current.iter().zip(column) {
        sum += fixed::round((if b < a { b } else { a }) * factor);
    }
    sum
}

/// Folds a new centre, the last so far, into each row's nearest.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::keyed::{Stream, uniform};
    use proptest::prelude::*;

    fn matrix(n_rows: usize, n_dims: usize, seed: u64) -> Vec<f64> {
        (0..(n_rows * n_dims) as u64)
            .map(|i| uniform(seed, Stream::Generate, 0, i) - 0.5)
            .map(|x| if x.abs() < 0.2 { 0.0 } else { x })
            .collect()
    }

    fn csr(values: &[f64], n_dims: usize) -> Csr {
        let mut csr = Csr::empty(n_dims);
        values.chunks(n_dims).for_each(|row| csr.push_row((0..).zip(row.iter().copied())));
        csr
    }

    fn plain_dense(x: &[f64], c: &[f64]) -> f64 {
        x.iter().zip(c).fold(0.0, |sum, (x, c)| sum + (x - c) * (x - c))
    }

    fn plain_sparse(x: &[f64], c: &[f64]) -> f64 {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b);
        (dot(x, x) - 2.0 * dot(x, c) + dot(c, c)).max(0.0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// Whatever vectors this machine has, the bits are those of the plain loops.
        #[test]
        fn distances_have_the_bits_of_plain_loops(n in 1usize..12, k in 1usize..80, n_dims in 1usize..90, seed in 0u64..99) {
            let values = matrix(n, n_dims, seed);
            let centroids = matrix(k, n_dims, seed + 100);
            let sparse = csr(&values, n_dims);
            let dense = Points::Dense { values: &values, n_rows: n, n_dims };
            for (points, plain) in [(dense, plain_dense as fn(&[f64], &[f64]) -> f64), (Points::Sparse(&sparse), plain_sparse)] {
                let cloud = Cloud::new(points);
                let centres = Points::Dense { values: &centroids, n_rows: k, n_dims };
                let centres: Vec<Point> = (0..k).map(|j| centres.point(j)).collect();
                let tiles = Tiles::of(&points, &centres.iter().collect::<Vec<_>>());
                let mut squared = vec![0.0; k * n];
                distances(&cloud, 0..n, &tiles, &mut squared, n);
                let mut nearest = Nearest::none(n);
                scan(&cloud, &Vec::from_iter(0..n as u32), &tiles, &mut nearest);
                for (i, x) in values.chunks(n_dims).enumerate() {
                    let expected: Vec<f64> = centroids.chunks(n_dims).map(|c| plain(x, c)).collect();
                    for j in 0..k {
                        prop_assert_eq!(squared[j * n + i].to_bits(), expected[j].to_bits());
                    }
                    let least = (0..k).min_by(|&a, &b| expected[a].total_cmp(&expected[b])).unwrap();
                    prop_assert_eq!((nearest.label[i] as usize, nearest.squared[i]), (least, expected[least]));
                    let others = (0..k).filter(|&j| j != least).map(|j| expected[j]).fold(f64::INFINITY, f64::min);
                    prop_assert_eq!(nearest.others[i], others);
                }
            }
        }

        #[test]
        fn means_have_the_bits_of_plain_loops(k in 1usize..80, n_dims in 1usize..150, seed in 0u64..99) {
            let centroids = matrix(k, n_dims, seed);
            let values = Points::Dense { values: &centroids, n_rows: k, n_dims };
            let points: Vec<Point> = (0..k).map(|j| values.point(j)).collect();
            let empty = Csr::empty(n_dims);
            let mut tiles = Tiles::of(&Points::Sparse(&empty), &points.iter().collect::<Vec<_>>());
            let sums: Vec<i64> = (0..(k * n_dims) as u64).map(|i| (i * 7919 % 1000) as i64 - 500).collect();
            let counts: Vec<i64> = (0..k as i64).map(|j| j % 4).collect();
            let changed: Vec<bool> = (0..k).map(|j| j % 3 != 1).collect();
            let shifts = tiles.move_to_means(&sums, &counts, 0.25, &changed);
            for j in 0..k {
                let old = &centroids[j * n_dims..][..n_dims];
                let mean = |&sum: &i64| sum as f64 * 0.25 / counts[j] as f64;
                let moves = changed[j] && counts[j] > 0;
                let new: Vec<f64> = if moves { sums[j * n_dims..][..n_dims].iter().map(mean).collect() } else { old.to_vec() };
                prop_assert_eq!(&tiles.centroid(j), &new);
                prop_assert_eq!(shifts[j].squared.to_bits(), plain_dense(&new, old).to_bits());
                prop_assert_eq!(shifts[j].moved, new != old);
                prop_assert_eq!(tiles.bias[j].to_bits(), new.iter().fold(0.0, |sum, x| sum + x * x).to_bits());
            }
        }
    }

    #[test]
    fn a_potential_is_the_sum_of_the_nearer() {
        let current: Vec<f64> = (0..77).map(|i| (i * 37 % 50) as f64).collect();
        let column: Vec<f64> = (0..77).map(|i| (i * 11 % 50) as f64).collect();
        let sum: f64 = current.iter().zip(&column).map(|(a, b)| a.min(*b)).sum();
        assert_eq!(potential(&current, &column, 4.0), 4 * sum as i64);
        let mut nearest = Nearest { squared: current.clone(), ..Nearest::none(77) };
        add_centre(&mut nearest, &column, 5);
        assert_eq!(nearest.squared.iter().sum::<f64>(), sum);
        assert!((0..77).all(|i| nearest.others[i] == current[i].max(column[i])));
        assert!((0..77).all(|i| (nearest.label[i] == 5) == (column[i] < current[i])));
    }
}
