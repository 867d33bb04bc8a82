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

use super::csr::Csr;

pub mod bounds;
pub mod dense;
mod screen;
mod sparse;
pub mod swap;
mod tiles;

pub use dense::Scores;
pub use screen::Screen;
pub use sparse::{add_centre, potential};
pub use tiles::{Shift, Tiles, lengths};

/// Centroids in a full tile.
pub const WIDTH: usize = 32;

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
    /// ‖x‖² of each sparse row.
    pub norms: Vec<f64>,
    /// The largest ‖x‖².
    pub largest_norm: f64,
    /// Dense rows in single precision.
    screen: Option<Screen>,
}

impl<'a> Cloud<'a> {
    pub fn new(points: Points<'a>) -> Cloud<'a> {
        let norms = (0..points.n_rows()).map(|row| points.norm_squared(row));
        let largest = |norms: &mut dyn Iterator<Item = f64>| norms.fold(0.0, |most: f64, norm| most.max(norm));
        match points {
            Points::Dense { values, n_dims, .. } => {
                let largest_norm = largest(&mut { norms });
                Cloud { points, norms: Vec::new(), largest_norm, screen: Some(Screen::new(Scores { values, n_dims })) }
            }
            Points::Sparse(_) => {
                let norms: Vec<f64> = norms.collect();
                Cloud { points, largest_norm: largest(&mut norms.iter().copied()), norms, screen: None }
            }
        }
    }

    /// The rows and their screen where they are dense.
    pub fn dense(&self) -> Option<(Scores<'a>, &Screen)> {
        match self.points {
            Points::Dense { values, n_dims, .. } => {
                self.screen.as_ref().map(|screen| (Scores { values, n_dims }, screen))
            }
            Points::Sparse(_) => None,
        }
    }
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

/// Compares the named sparse rows with every centroid of `tiles` and keeps the nearest.
pub fn scan(matrix: &Csr, norms: &[f64], rows: &[u32], tiles: &Tiles, nearest: &mut Nearest) {
    tiles.tiles().for_each(|tile| sparse::scan(matrix, norms, rows, tile, nearest));
}

/// Squared distances of rows `rows` to every column of `tiles`: `out[column * stride + i]` is that of row
/// `rows.start + i`.
pub fn distances(cloud: &Cloud, rows: Range<usize>, tiles: &Tiles, out: &mut [f64], stride: usize) {
    match cloud.points {
        Points::Dense { values, n_dims, .. } => dense::distances(Scores { values, n_dims }, rows, tiles, out, stride),
        Points::Sparse(matrix) => {
            for (index, tile) in tiles.tiles().enumerate() {
                let first = index * WIDTH;
                let real = tile.width.min(tiles.n_columns() - first);
                let out = sparse::Columns { out: &mut out[first * stride..], stride, real };
                sparse::distances(matrix, &cloud.norms, rows.clone(), tile, out);
            }
        }
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
                let everyone = Vec::from_iter(0..n as u32);
                let mut nearest = Nearest::none(n);
                match points {
                    Points::Sparse(matrix) => scan(matrix, &cloud.norms, &everyone, &tiles, &mut nearest),
                    Points::Dense { values, n_dims, .. } => {
                        let mut nearby = Vec::new();
                        dense::nearest(Scores { values, n_dims }, &everyone, &tiles, &mut nearby);
                        nearest.label = nearby.iter().map(|found| found.label).collect();
                        nearest.squared = nearby.iter().map(|found| found.squared).collect();
                        nearest.others = nearby.iter().map(|found| found.others).collect();
                        for (found, x) in nearby.iter().zip(values.chunks(n_dims)) {
                            let squared: Vec<f64> = centroids.chunks(n_dims).map(|c| plain(x, c)).collect();
                            let mut order: Vec<usize> = (0..k).collect();
                            order.sort_by(|&a, &b| squared[a].total_cmp(&squared[b]));
                            prop_assert_eq!(found.second, order.get(1).map_or(u32::MAX, |&j| j as u32));
                        }
                    }
                }
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
            let shifts = tiles.move_to(&sums, &counts.iter().map(|&count| count as f64).collect::<Vec<_>>(), 0.25, &changed);
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
