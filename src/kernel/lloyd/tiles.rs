//! Centroids side by side, and their moves to the means or directions of their members.

use super::super::simd::{apply, versions};
use super::points::{Point, Points};

/// Centroids in a full tile.
pub const WIDTH: usize = 32;

/// Centroids in a cache line: tiles are updated in blocks of so many.
const BLOCK: usize = 8;

/// Columns of a block that are converted at a time.
const STRIP: usize = 64;

/// Centroids in tiles of up to [`WIDTH`]; the last tile is as narrow as 8 or 16 where that holds the rest. A tile is
/// `(n_dims, width)`. Columns past the last centroid are at infinite distance from everything.
#[derive(Debug, Clone)]
pub struct Tiles {
    pub(super) n_dims: usize,
    /// The centroid that each column holds, rising; `u32::MAX` for padding.
    pub(super) ids: Vec<u32>,
    pub(super) n_columns: usize,
    pub(super) data: Vec<f64>,
    /// ‖c‖², for sparse rows; infinite for padding.
    pub(super) bias: Vec<f64>,
    dense: bool,
}

/// Where one tile lies.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    pub width: usize,
    pub ids: &'a [u32],
    pub data: &'a [f64],
    pub bias: &'a [f64],
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

    /// The same from all coordinates of each centroid.
    pub fn of_rows(points: &Points, centroids: impl IntoIterator<Item = impl AsRef<[f64]>>) -> Tiles {
        let all = |values: &[f64]| Point { indices: (0..values.len() as u32).collect(), values: values.to_vec() };
        let centroids: Vec<Point> = centroids.into_iter().map(|values| all(values.as_ref())).collect();
        Tiles::of(points, &centroids.iter().collect::<Vec<_>>())
    }

    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Bytes of `n_columns` centroids of `n_dims` columns.
    pub fn bytes(n_columns: usize, n_dims: usize) -> u64 {
        (padded(n_columns) * n_dims * 8) as u64
    }

    /// Puts a point into a column: of sparse rows into an empty one.
    pub fn place(&mut self, column: usize, point: &Point) {
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

    /// All centroids, one after another: `(n_columns, n_dims)`.
    pub fn rows(&self) -> Vec<f64> {
        (0..self.n_columns).flat_map(|column| self.coordinates(column)).collect()
    }

    /// One centroid, out of its tile.
    pub fn centroid(&self, column: usize) -> Vec<f64> {
        self.coordinates(column).collect()
    }

    pub fn coordinates(&self, column: usize) -> impl Iterator<Item = f64> + '_ {
        (0..self.n_dims).map(move |dim| self.data[self.at(column, dim)])
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

    pub(super) fn tiles(&self) -> impl Iterator<Item = Tile<'_>> {
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

    /// Moves the centroids of the clusters that `changed` marks to their sums over their divisors, and returns, for every
    /// cluster, by how much it moved: squared distance from old to new.
    ///
    /// `sums` is `(n_clusters, n_dims)` in units of `unit`. Divisors that are the numbers of members make means; a cluster
    /// whose divisor is 0 stays.
    pub fn move_to(&mut self, sums: &[i64], given: &[f64], unit: f64, changed: &[bool]) -> Vec<Shift> {
        let mut shifts = vec![Shift::default(); self.n_columns];
        let n_dims = self.n_dims;
        for first in (0..self.n_columns).step_by(BLOCK) {
            let columns = first..(first + BLOCK).min(self.n_columns);
            let mut divisors = [0.0; BLOCK];
            for column in columns.clone().filter(|&c| changed[c]) {
                divisors[column - first] = given[column];
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

/// The length of each of `sums` `(n_clusters, n_dims)`, which are in units of `unit`: as divisors they make directions.
pub fn lengths(sums: &[i64], n_dims: usize, unit: f64) -> Vec<f64> {
    let square = |&sum: &i64| (sum as f64 * unit) * (sum as f64 * unit);
    sums.chunks_exact(n_dims.max(1)).map(|row| row.iter().map(square).sum::<f64>().sqrt()).collect()
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
    /// 0 for a column to be left alone.
    divisors: [f64; BLOCK],
}

/// Rewrites a block and returns its shifts and the squared lengths of its columns.
#[apply(versions!)]
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
