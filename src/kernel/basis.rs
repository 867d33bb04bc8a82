//! An orthonormal basis that grows by the images of its blocks; its rows are divided among the workers.
//!
//! Every worker keeps its own rows of each block, and the small matrices whole. Block Gram–Schmidt takes the parts
//! inside the basis out twice, Cholesky QR twice makes the rest orthonormal (Yamamoto et al. 2015); where a block is too
//! close to dependent for that, its columns are taken one by one.

use std::ops::Range;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::block::{self, Block, Chunks, Square};
use super::keyed::{self, Stream};

/// A symmetric operator C on vectors whose rows are divided among the workers as [`Chunks`] says.
pub trait Operator<const B: usize> {
    /// This worker's rows.
    fn own(&self) -> Range<usize>;

    /// This worker's rows of C·V, from its rows of V.
    fn apply(&mut self, own: &[[f64; B]]) -> Block<B>;

    /// The arrays of all workers, one after the other.
    fn gather(&mut self, mine: &[f64]) -> Vec<f64>;

    /// The sum of the rows of a table `shape` of which each worker has some, in the order of the workers.
    fn sum_in_order(&mut self, mine: &[f64], shape: (usize, usize)) -> Vec<f64>;

    /// [`Operator::gather`] for a state that is kept: only who keeps it needs the others' arrays.
    fn gather_to_keep(&mut self, mine: &[f64]) -> Vec<f64>;

    /// Whether the state before this sweep is wanted, of a basis with this many columns. All workers give the same answer.
    fn wants_state(&mut self, _columns: usize) -> bool {
        false
    }

    /// Takes the state that was wanted.
    fn keep(&mut self, _state: Underway) {}

    /// A state to go on from.
    fn resume(&mut self) -> Option<Underway> {
        None
    }

    /// Called after each sweep with the number of sweeps so far and, once it is known, the largest relative residual of a
    /// vector.
    fn swept(&mut self, _sweeps: usize, _residual: Option<f64>) {}
}

/// A basis and the operator projected on it, before a sweep; the same for any number of workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Underway {
    /// Sweeps that led here.
    pub sweeps: usize,
    /// Each `(n, B)`.
    #[serde(with = "as_bytes")]
    blocks: Vec<Vec<f64>>,
    projected: Vec<Vec<f64>>,
    coupled: usize,
    random_columns: u64,
}

/// Blocks as the bytes of their numbers: there may be hundreds of megabytes of them.
mod as_bytes {
    use serde::ser::SerializeSeq;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    struct Bytes<'a>(&'a [u8]);

    impl Serialize for Bytes<'_> {
        fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            s.serialize_bytes(self.0)
        }
    }

    pub fn serialize<S: Serializer>(blocks: &[Vec<f64>], s: S) -> Result<S::Ok, S::Error> {
        let mut all = s.serialize_seq(Some(blocks.len()))?;
        blocks.iter().try_for_each(|block| all.serialize_element(&Bytes(bytemuck::cast_slice(block))))?;
        all.end()
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Vec<f64>>, D::Error> {
        let all = Vec::<Vec<u8>>::deserialize(d)?;
        let number = |bytes: &[u8]| bytemuck::pod_read_unaligned(bytes);
        let block = |bytes: &Vec<u8>| match bytes.len() % 8 {
            0 => Ok(bytes.chunks_exact(8).map(number).collect()),
            _ => Err(serde::de::Error::custom("a block ends within a number")),
        };
        all.iter().map(block).collect()
    }
}

impl Underway {
    /// No sweep yet: a basis of one block `(n, B)`, whose columns are orthonormal.
    pub fn begin(block: Vec<f64>) -> Underway {
        Underway { sweeps: 0, blocks: vec![block], projected: Vec::new(), coupled: 0, random_columns: 0 }
    }
}

/// A column shorter than this share of the operator's scale is rounding error.
const VANISHED: f64 = 1e-13;

/// Rows of a block that stay in cache while all others pass.
const TILE_ROWS: usize = 1024;

/// The basis and the operator projected on it. The last block has not been applied yet.
#[derive(Debug)]
pub struct Space<const B: usize> {
    chunks: Chunks,
    own: Range<usize>,
    seed: u64,
    blocks: Vec<Block<B>>,
    /// Rows of the projected operator, over the applied blocks; only columns up to the row's own block are kept.
    projected: Vec<Vec<f64>>,
    /// The first block that the image of the last one overlaps by more than rounding.
    coupled: usize,
    random_columns: u64,
}

impl<const B: usize> Space<B> {
    pub fn new(op: &mut impl Operator<B>, chunks: Chunks, seed: u64) -> Self {
        let own = op.own();
        let mut space =
            Space { chunks, own, seed, blocks: Vec::new(), projected: Vec::new(), coupled: 0, random_columns: 0 };
        let mut start = vec![[0.0; B]; space.own.len()];
        for column in 0..B {
            space.fill_random(&mut start, column);
        }
        space.orthonormalise(op, &mut start, 0.0);
        space.blocks.push(start);
        space
    }

    /// The space that `state` was taken of.
    pub fn resume(op: &mut impl Operator<B>, chunks: Chunks, seed: u64, state: Underway) -> Self {
        let own = op.own();
        let rows = |whole: &Vec<f64>| whole.as_chunks().0[own.clone()].to_vec();
        let blocks = state.blocks.iter().map(rows).collect();
        let Underway { projected, coupled, random_columns, .. } = state;
        Space { chunks, own, seed, blocks, projected, coupled, random_columns }
    }

    /// What [`Space::resume`] goes on from, after this many sweeps; whole where it is kept.
    pub fn state(&self, op: &mut impl Operator<B>, sweeps: usize) -> Underway {
        Underway {
            sweeps,
            blocks: self.blocks.iter().map(|block| op.gather_to_keep(block.as_flattened())).collect(),
            projected: self.projected.clone(),
            coupled: self.coupled,
            random_columns: self.random_columns,
        }
    }

    pub fn last(&self) -> &[[f64; B]] {
        self.blocks.last().expect("a space has a block")
    }

    /// Columns the operator has been applied to.
    pub fn width(&self) -> usize {
        self.projected.len()
    }

    /// Takes the image of the last block: its part inside the basis becomes new rows of the projected operator, the rest
    /// the next block. Returns R, with rest = next · R.
    pub fn extend(&mut self, op: &mut impl Operator<B>, mut image: Block<B>) -> Square<B> {
        let width = self.width() + B;
        let mut rows = vec![vec![0.0; width]; B];
        // The operator is symmetric, so that only the coupled blocks have a part beyond rounding; the second pass takes
        // the rounding out of all.
        for first in [self.coupled, 0] {
            let basis = &self.blocks[first..];
            let parts = self.inner(op, basis, &image);
            subtract_all(&mut image, basis, &parts);
            for (i, h) in parts.iter().enumerate() {
                for (a, h_row) in h.iter().enumerate() {
                    for (b, value) in h_row.iter().enumerate() {
                        rows[b][(first + i) * B + a] += value;
                    }
                }
            }
        }
        symmetrise_tail(&mut rows);
        let scale = rows.iter().enumerate().map(|(b, row)| row[width - B + b].abs()).fold(0.0, f64::max);
        self.projected.extend(rows);
        let coupling = self.orthonormalise(op, &mut image, scale);
        self.coupled = self.blocks.len() - 1;
        self.blocks.push(image);
        coupling
    }

    /// The projected operator `(width, width)`, lower triangle.
    pub fn projected(&self) -> Array2<f64> {
        let m = self.width();
        Array2::from_shape_fn((m, m), |(i, j)| {
            let (row, column) = (i.max(j), i.min(j));
            self.projected[row].get(column).copied().unwrap_or(0.0)
        })
    }

    /// The first `k` Ritz vectors in the full space, `(k, n)`; `ritz` has a vector in a row.
    pub fn rotate(&self, op: &mut impl Operator<B>, ritz: &Array2<f64>, k: usize) -> Array2<f64> {
        let mut vectors = Array2::zeros((k, self.chunks.n_rows()));
        for first in (0..k).step_by(B) {
            let block = self.ritz_block(ritz, first, k);
            let width = (k - first).min(B);
            let wanted: Vec<f64> = block.iter().flat_map(|row| &row[..width]).copied().collect();
            for (i, row) in op.gather(&wanted).chunks_exact(width).enumerate() {
                row.iter().enumerate().for_each(|(b, x)| vectors[[first + b, i]] = *x);
            }
        }
        vectors
    }

    /// Ritz vectors `first..first + B`, of which those from `end` on are left 0.
    fn ritz_block(&self, ritz: &Array2<f64>, first: usize, end: usize) -> Block<B> {
        let wanted = end.saturating_sub(first).min(B);
        let weight = |i: usize, a: usize, b: usize| if b < wanted { -ritz[[first + b, i * B + a]] } else { 0.0 };
        let applied = &self.blocks[..self.width() / B];
        let parts: Vec<Square<B>> =
            (0..applied.len()).map(|i| std::array::from_fn(|a| std::array::from_fn(|b| weight(i, a, b)))).collect();
        let mut out = vec![[0.0; B]; self.own.len()];
        subtract_all(&mut out, applied, &parts);
        out
    }

    /// Keeps the best `keep` Ritz vectors, a multiple of B, and the block not yet applied.
    pub fn restart(&mut self, values: &[f64], ritz: &Array2<f64>, keep: usize) {
        let mut blocks: Vec<Block<B>> = (0..keep).step_by(B).map(|first| self.ritz_block(ritz, first, keep)).collect();
        blocks.push(self.blocks.pop().expect("a space has a block"));
        self.blocks = blocks;
        self.coupled = 0;
        self.projected = (0..keep).map(|i| (0..=i).map(|j| if i == j { values[i] } else { 0.0 }).collect()).collect();
    }

    /// `blockᵀ · right` for each block of `basis`, over the rows of all workers.
    fn inner(&self, op: &mut impl Operator<B>, basis: &[Block<B>], right: &[[f64; B]]) -> Vec<Square<B>> {
        let mut partial: Vec<f64> = Vec::new();
        for rows in self.chunks.pieces(right.len()) {
            for left in basis {
                partial.extend(block::inner(&left[rows.clone()], &right[rows.clone()]).as_flattened());
            }
        }
        let mut total = vec![[[0.0; B]; B]; basis.len()];
        let sums = total.as_flattened_mut().as_flattened_mut();
        sums.copy_from_slice(&op.sum_in_order(&partial, (self.chunks.count(), sums.len())));
        total
    }

    fn gram(&self, op: &mut impl Operator<B>, block: &Block<B>) -> Square<B> {
        self.inner(op, std::slice::from_ref(block), block)[0]
    }

    /// Makes the columns of `block` orthonormal: `block` = result · R. A column that vanishes against `scale` (the space
    /// is invariant) is replaced by a random one orthogonal to everything, with nothing in R.
    fn orthonormalise(&mut self, op: &mut impl Operator<B>, block: &mut Block<B>, scale: f64) -> Square<B> {
        let mut r = block::identity();
        let mut shortest = VANISHED * scale;
        for _pass in 0..2 {
            let gram = self.gram(op, block);
            let Some(step) = block::cholesky(&gram, shortest) else {
                let rest = self.orthonormalise_columns(op, block, shortest);
                return block::product(&rest, &r);
            };
            block::multiply(block, &block::upper_inverse(&step));
            r = block::product(&step, &r);
            shortest = 0.0;
        }
        r
    }

    /// [`Space::orthonormalise`] column by column, which copes with any block.
    fn orthonormalise_columns(&mut self, op: &mut impl Operator<B>, block: &mut Block<B>, shortest: f64) -> Square<B> {
        let mut r = [[0.0; B]; B];
        let shortest = shortest.max(VANISHED * self.gram(op, block)[0][0].sqrt()).max(f64::MIN_POSITIVE);
        let (mut kept, mut vanished) = (Vec::with_capacity(B), Vec::new());
        for column in 0..B {
            self.deflate(op, block, column, &kept, &mut r);
            let length = self.gram(op, block)[column][column].sqrt();
            if length > shortest {
                r[column][column] = length;
                divide(block, column, length);
                kept.push(column);
            } else {
                vanished.push(column);
            }
        }
        self.replace(op, block, kept, &vanished);
        r
    }

    /// Fills the columns `vanished` with random ones, orthogonal to the basis and to the columns `kept`.
    fn replace(&mut self, op: &mut impl Operator<B>, block: &mut Block<B>, mut kept: Vec<usize>, vanished: &[usize]) {
        if vanished.is_empty() {
            return;
        }
        let mut fresh = vec![[0.0; B]; self.own.len()];
        vanished.iter().for_each(|&column| self.fill_random(&mut fresh, column));
        for _pass in 0..2 {
            let parts = self.inner(op, &self.blocks, &fresh);
            subtract_all(&mut fresh, &self.blocks, &parts);
        }
        for &column in vanished {
            block.iter_mut().zip(&fresh).for_each(|(row, fresh)| row[column] = fresh[column]);
            self.deflate(op, block, column, &kept, &mut [[0.0; B]; B]);
            let length = self.gram(op, block)[column][column].sqrt();
            divide(block, column, length);
            kept.push(column);
        }
    }

    /// Takes the parts along the orthonormal columns `others` out of `column`, twice, and adds them to `r`.
    fn deflate(
        &self,
        op: &mut impl Operator<B>,
        block: &mut Block<B>,
        column: usize,
        others: &[usize],
        r: &mut Square<B>,
    ) {
        for _pass in 0..2 {
            let products = self.gram(op, block);
            let mut parts = [0.0; B];
            for &other in others {
                parts[other] = products[other][column];
                r[other][column] += parts[other];
            }
            for row in block.iter_mut() {
                let along: f64 = row.iter().zip(&parts).map(|(x, part)| x * part).sum();
                row[column] -= along;
            }
        }
    }

    fn fill_random(&mut self, block: &mut Block<B>, column: usize) {
        for (i, row) in self.own.clone().zip(block.iter_mut()) {
            row[column] = keyed::uniform(self.seed, Stream::Krylov, self.random_columns, i as u64) - 0.5;
        }
        self.random_columns += 1;
    }
}

/// `target -= Σ basis[i] · parts[i]`.
fn subtract_all<const B: usize>(target: &mut [[f64; B]], basis: &[Block<B>], parts: &[Square<B>]) {
    for (i, tile) in target.chunks_mut(TILE_ROWS).enumerate() {
        let rows = i * TILE_ROWS..i * TILE_ROWS + tile.len();
        for (block, h) in basis.iter().zip(parts) {
            block::subtract(tile, &block[rows.clone()], h);
        }
    }
}

/// Makes the last B columns of the new rows, their diagonal block, symmetric.
fn symmetrise_tail(rows: &mut [Vec<f64>]) {
    let first = rows[0].len() - rows.len();
    for a in 0..rows.len() {
        for b in 0..a {
            let mean = 0.5 * (rows[a][first + b] + rows[b][first + a]);
            rows[a][first + b] = mean;
            rows[b][first + a] = mean;
        }
    }
}

fn divide<const B: usize>(block: &mut Block<B>, column: usize, by: f64) {
    block.iter_mut().for_each(|row| row[column] /= by);
}
