//! The weights of a strip of items, and what rows score by them.

use std::ops::Range;

use super::cell::Cell;
use super::entries::{Entries, add_linear, add_quadratic};
use super::kind::Kind;

/// The weights of a strip of items in some of the models, classes side by side in tiles.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    pub(super) kind: Kind,
    pub(super) models: Range<usize>,
    pub(super) items: Range<usize>,
    /// Classes in a tile: what stays in registers while a row goes by.
    pub(super) width: usize,
    pub(super) n_tiles: usize,
    /// `(n_models, n_tiles, n_items, width)`.
    pub linear: Vec<f64>,
    /// As `linear`; empty but for Gaussian.
    pub quadratic: Vec<f64>,
}

/// Classes of a tile, for so many of them.
fn tile_width(n_classes: usize) -> usize {
    [8, 16].into_iter().find(|&width| n_classes <= width).unwrap_or(32)
}

/// Scores of a row: the classes, filled up to whole tiles.
pub fn lanes(n_classes: usize) -> usize {
    n_classes.next_multiple_of(tile_width(n_classes))
}

impl Weights {
    pub fn zeros(kind: Kind, models: Range<usize>, n_classes: usize, items: Range<usize>) -> Weights {
        let width = tile_width(n_classes);
        let n_tiles = n_classes.div_ceil(width);
        let size = models.len() * n_tiles * items.len() * width;
        let quadratic = vec![0.0; if kind.has_squares() { size } else { 0 }];
        Weights { kind, models, items, width, n_tiles, linear: vec![0.0; size], quadratic }
    }

    /// Bytes that an item of a strip takes in the weights of a model, and in the [`Counts`] of a fold.
    pub fn bytes_per_item(kind: Kind, n_classes: usize) -> [usize; 2] {
        let tables = if kind.has_squares() { 2 } else { 1 };
        [lanes(n_classes), n_classes].map(|columns| tables * size_of::<f64>() * columns)
    }

    /// Makes weights of one group of models into those of the next, of as many at most; they are to be fitted anew.
    pub fn turn_to(&mut self, models: Range<usize>) {
        let size = self.n_tiles * self.items.len() * self.width * models.len();
        self.linear.truncate(size);
        self.quadratic.truncate(size);
        self.models = models;
    }

    /// Which models these are, in the order of [`Basis::fit`].
    pub fn models(&self) -> Range<usize> {
        self.models.clone()
    }

    /// The items of the strip.
    pub fn items(&self) -> Range<usize> {
        self.items.clone()
    }

    /// Numbers of an item that lie together, in each model and tile.
    pub fn width(&self) -> usize {
        self.width
    }

    #[inline(always)]
    pub(super) fn set(&mut self, model: usize, class: usize, item: usize, cell: &Cell) {
        let (tile, lane) = (class / self.width, class % self.width);
        let row = (model - self.models.start) * self.n_tiles + tile;
        let at = (row * self.items.len() + item) * self.width + lane;
        self.linear[at] = cell.linear;
        if let Some(quadratic) = self.quadratic.get_mut(at) {
            *quadratic = cell.quadratic;
        }
    }

    /// Adds what entries of rows score in a model to `scores` `(rows.len(), lanes)`. The entries are of the strip.
    pub fn add(&self, model: usize, entries: &Entries<'_>, scores: &mut [f64]) {
        match self.width {
            8 => self.add_tiles::<8>(model, entries, scores),
            16 => self.add_tiles::<16>(model, entries, scores),
            _ => self.add_tiles::<32>(model, entries, scores),
        }
    }

    fn add_tiles<const W: usize>(&self, model: usize, entries: &Entries<'_>, scores: &mut [f64]) {
        let size = self.items.len();
        let scores = scores.as_chunks_mut::<W>().0;
        for number in 0..self.n_tiles {
            let tile = ((model - self.models.start) * self.n_tiles + number) * size..;
            let linear = &self.linear.as_chunks::<W>().0[tile.clone()][..size];
            if self.kind.has_squares() {
                let quadratic = &self.quadratic.as_chunks::<W>().0[tile][..size];
                add_quadratic(linear, quadratic, self.items.start, entries, &mut scores[number..], self.n_tiles);
            } else {
                add_linear(linear, self.items.start, entries, &mut scores[number..], self.n_tiles);
            }
        }
    }
}

/// The class of a row: the one of highest score + constant, the lowest of equals.
pub fn best_class(scores: &[f64], constants: &[f64]) -> u32 {
    let mut best = (0, f64::NAN);
    for (class, (score, constant)) in scores.iter().zip(constants).enumerate() {
        let score = score + constant;
        if class == 0 || score > best.1 {
            best = (class, score);
        }
    }
    best.0 as u32
}
