//! A first look at dense rows in single precision, with a proof of what it may have got wrong.
//!
//! The users of a [`Screen`] lie in blocks of [`LANES`], dimension by dimension, so that a vector register holds one
//! coordinate of 16 users. They are moved to around their mean and scaled by a power of two to coordinates of at most 1
//! (which changes no comparison of distances), and each centroid's ‖c‖²/2 − x·c is computed; 2(‖c‖²/2 − x·c) + ‖x‖² is
//! the squared distance.
//!
//! With u = 2⁻²⁴, n dimensions and C the length of the longest centroid, rounding the coordinates errs by 2u·‖x‖·C in
//! x·c, the sum by (n + 2)u·(C²/2 + ‖x‖·C), ‖c‖²/2 by u·C²/2 and ‖x‖² by u·‖x‖² (Higham 2002, §3.1), and what
//! follows by 2u·(‖x‖ + C)². Since 2‖x‖·C ≤ ‖x‖² + C², all that is less than u·(2.02 n + 16)·(‖x‖² + C²) in the
//! squared distance: its blur. A fused multiply-add rounds once where these bounds count two roundings. A centroid that is nearest beyond the blur on both sides is the nearest.
//!
//! No result depends on anything here, so a worker's screen may depend on which users it has.

use super::super::simd::{apply, versions};
use super::panels::{Panels, Side, Sight};
use super::points::{LANES, Scores};
use super::sight;
use super::tiles::Tiles;

/// Half an ulp of 1 in single precision.
const U: f64 = 1.0 / (1u64 << 24) as f64;

/// More than the relative error of a handful of operations in single precision.
const MARGIN: f32 = 1.0 / (1u32 << 22) as f32;

/// Centroids farther out than this (in units of the screen) are not looked at in single precision.
const FARTHEST: f64 = 1e15;

/// Wider rows than this are not looked at in single precision: the blur would be too wide.
const WIDEST: usize = 4096;

/// Coordinates smaller than the inverse of this may have squares that double precision does not hold: no distance is
/// trusted there.
const FINEST: f64 = 2.5e120;

/// Dense rows in single precision.
#[derive(Debug, Clone, Default)]
pub struct Screen {
    n_rows: usize,
    n_dims: usize,
    /// `(n_blocks, n_dims)`: a coordinate of each user of a block. Lanes past the last row are 0.
    lines: Vec<[f32; LANES]>,
    /// `(n_blocks)`: ‖x‖².
    norms: Vec<[f32; LANES]>,
    /// What is subtracted from each coordinate, and what the difference is multiplied by.
    origin: Vec<f64>,
    unit: f64,
}

impl Screen {
    /// `(n_rows, n_dims)` scores.
    pub fn new(scores: Scores) -> Screen {
        let n_dims = scores.n_dims;
        let rows = || scores.values.chunks_exact(n_dims.max(1));
        let n_rows = rows().len();
        let mut origin = vec![0.0; n_dims];
        rows().for_each(|row| origin.iter_mut().zip(row).for_each(|(sum, x)| *sum += x));
        origin.iter_mut().for_each(|sum| *sum /= n_rows.max(1) as f64);
        let farthest =
            |most: f64, row: &[f64]| row.iter().zip(&origin).fold(most, |most, (x, o)| most.max((x - o).abs()));
        let farthest = rows().fold(0.0, farthest);
        let mut screen = Screen { n_rows, n_dims, origin, unit: unit(farthest), ..Screen::default() };
        screen.fill(scores);
        screen
    }

    fn fill(&mut self, scores: Scores) {
        let n_blocks = self.n_rows.div_ceil(LANES);
        self.lines = vec![[0.0; LANES]; n_blocks * self.n_dims];
        self.norms = vec![[0.0; LANES]; n_blocks];
        for (row, values) in scores.values.chunks_exact(self.n_dims.max(1)).enumerate() {
            let (block, lane) = (row / LANES, row % LANES);
            let lines = &mut self.lines[block * self.n_dims..][..self.n_dims];
            let mut norm = 0.0;
            for ((line, x), origin) in lines.iter_mut().zip(values).zip(&self.origin) {
                let x = (x - origin) * self.unit;
                line[lane] = x as f32;
                norm += x * x;
            }
            self.norms[block][lane] = norm as f32;
        }
    }

    /// Bytes for `n_rows` rows.
    pub fn bytes(n_rows: u64, n_dims: usize) -> u64 {
        n_rows * 4 * (n_dims as u64 + 1)
    }

    /// What a distance is multiplied by to become one in units of the screen.
    pub fn unit(&self) -> f64 {
        self.unit
    }

    /// No row is longer than this.
    fn reach(&self) -> f64 {
        (self.n_dims as f64).sqrt()
    }

    pub(super) fn n_dims(&self) -> usize {
        self.n_dims
    }

    /// ‖x‖² of the users of a block.
    pub(super) fn norms(&self, block: usize) -> &[f32; LANES] {
        &self.norms[block]
    }

    #[inline(always)]
    pub(super) fn block(&self, block: usize) -> &[[f32; LANES]] {
        &self.lines[block * self.n_dims..][..self.n_dims]
    }
}

/// A power of two that takes `farthest` to at most 1.
fn unit(farthest: f64) -> f64 {
    let exponent = if farthest > 0.0 { libm::ilogb(farthest) + 1 } else { 0 };
    libm::ldexp(1.0, -exponent.clamp(-1000, 1000))
}

/// Centroids as the users of a screen see them.
#[derive(Debug, Clone)]
pub struct Outlook {
    pub(super) panels: Panels,
    /// The error of a squared distance: this times ‖x‖² plus the other.
    pub(super) blur: [f32; 2],
    /// A difference of two distances is more than their rounding errors in double precision if it is more than this.
    pub slack: f64,
    /// Whether single precision can decide anything.
    pub clear: bool,
}

impl Outlook {
    pub fn new(screen: &Screen, tiles: &Tiles) -> Outlook {
        let n_dims = screen.n_dims;
        let mut panels = Panels::new(tiles.n_columns(), n_dims);
        let mut longest = 0.0f64;
        for column in 0..tiles.n_columns() {
            let coordinates =
                tiles.coordinates(column).zip(&screen.origin).map(|(c, origin)| (c - origin) * screen.unit);
            let norm = panels.place(column, coordinates);
            longest = if norm > longest { norm } else { longest };
        }
        let length = longest.sqrt();
        let slope = U * (2.02 * n_dims as f64 + 16.0) * 1.001;
        let slack = (n_dims as f64 + 4.0) * 2.0f64.powi(-50) * (screen.reach() + length) + 1e-30;
        let slack = if screen.unit <= FINEST { slack } else { f64::INFINITY };
        let clear = slack.is_finite() && length <= FARTHEST && (1..=WIDEST).contains(&n_dims);
        let blur = [slope as f32, (slope * longest * 1.001 + 1e-25) as f32];
        Outlook { panels, blur, slack, clear }
    }
}

/// Buffers for a look.
#[derive(Default)]
pub struct Eye {
    copies: Copies,
    sights: Vec<Sight>,
}

/// A block of users and what was seen of it.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    pub sight: &'a Sight,
    norms: &'a [f32; LANES],
    blur: [f32; 2],
}

impl Seen<'_> {
    /// No centroid but the nearest is less than this farther than it; of no meaning if not positive.
    pub fn gap(&self) -> [f32; LANES] {
        gap(&self.sight.near, &self.sight.next, self.norms, self.blur)
    }

    /// No centroid but the two nearest is less than this farther than the second, after a deep look.
    pub fn next_gap(&self) -> [f32; LANES] {
        gap(&self.sight.next, &self.sight.third, self.norms, self.blur)
    }
}

impl Eye {
    /// Finds the nearest centroids of the rows of the named blocks, and then of the named rows, [`LANES`] at a time.
    pub fn look<'a, const DEEP: bool>(
        &'a mut self,
        screen: &'a Screen,
        outlook: &Outlook,
        blocks: &'a [u32],
        rows: &[u32],
    ) -> impl Iterator<Item = Seen<'a>> {
        self.copies.gather(screen, rows);
        let whole = blocks.iter().map(|&block| screen.block(block as usize));
        let copied = self.copies.lines.chunks_exact(screen.n_dims.max(1));
        let sides: Vec<Side> = whole.chain(copied).collect();
        sight::look::<DEEP>(&sides, &outlook.panels, &mut self.sights);
        let norms = blocks.iter().map(|&block| &screen.norms[block as usize]).chain(&self.copies.norms);
        let blur = outlook.blur;
        self.sights.iter().zip(norms).map(move |(sight, norms)| Seen { sight, norms, blur })
    }
}

/// Rows of a screen, copied into blocks of adjacent rows.
#[derive(Default)]
struct Copies {
    lines: Vec<[f32; LANES]>,
    norms: Vec<[f32; LANES]>,
}

impl Copies {
    fn gather(&mut self, screen: &Screen, rows: &[u32]) {
        let n_blocks = rows.len().div_ceil(LANES);
        self.lines.resize(n_blocks * screen.n_dims, [0.0; LANES]);
        self.norms.resize(n_blocks, [0.0; LANES]);
        let blocks = self.lines.chunks_exact_mut(screen.n_dims.max(1)).zip(&mut self.norms);
        for ((lines, norms), rows) in blocks.zip(rows.chunks(LANES)) {
            for (lane, &row) in rows.iter().enumerate() {
                let (block, from) = (row as usize / LANES, row as usize % LANES);
                norms[lane] = screen.norms[block][from];
                for (line, from_line) in lines.iter_mut().zip(screen.block(block)) {
                    line[lane] = from_line[from];
                }
            }
        }
    }
}

/// Turns halves less products of a nearer and a farther centroid into a distance that the one is less far than the other.
#[apply(versions!)]
pub(super) fn gap(near: &[f32; LANES], far: &[f32; LANES], norms: &[f32; LANES], blur: [f32; 2]) -> [f32; LANES] {
    let mut gap = [0.0; LANES];
    for lane in 0..LANES {
        let blur = blur[0] * norms[lane] + blur[1];
        let near = 2.0 * near[lane] + norms[lane] + blur;
        let far = 2.0 * far[lane] + norms[lane] - blur;
        let near = (if near > 0.0 { near } else { 0.0 }).sqrt() * (1.0 + MARGIN);
        let far = (if far > 0.0 { far } else { 0.0 }).sqrt() * (1.0 - MARGIN);
        gap[lane] = (far - near) * (1.0 - MARGIN);
    }
    gap
}
