//! What users add to the tables of profiles, as differences: whole numbers, so that it does not matter who adds first.

use std::cell::RefCell;
use std::rc::Rc;

use differential_dataflow::difference::{IsZero, Semigroup};
use serde::{Deserialize, Serialize};

use crate::collective::owners::Owners;
use crate::kernel::csr::Row;
use crate::kernel::{fixed, tfidf};
use crate::stages::profile;

use super::frame::Frame;

/// A cell of the tables `(n_segments, n_items)`: its segment and its item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell {
    pub segment: u32,
    pub item: u32,
}

/// A difference of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Of unit TF-IDF rows, in the scale of the frame.
    pub weight: i64,
    /// Of users who have the item.
    pub users: i64,
    /// Of their ratings, as [`fixed::fix_wide`] has them.
    pub rating: i128,
}

impl IsZero for Tally {
    fn is_zero(&self) -> bool {
        *self == Tally::default()
    }
}

impl Semigroup for Tally {
    fn plus_equals(&mut self, other: &Tally) {
        self.weight += other.weight;
        self.users += other.users;
        self.rating += other.rating;
    }
}

/// Adds up what the users of one segment bring and take, item by item.
#[derive(Debug)]
pub struct Counter {
    sums: Vec<Tally>,
    /// Items that were met since the last [`Counter::drain`].
    met: Vec<u32>,
    is_met: Vec<bool>,
    weights: Vec<f64>,
}

impl Counter {
    pub fn new(n_items: usize) -> Counter {
        Counter {
            sums: vec![Tally::default(); n_items],
            met: Vec::new(),
            is_met: vec![false; n_items],
            weights: Vec::new(),
        }
    }

    /// A user's row, `sign` times: 1 where they have it, −1 where they no longer do.
    pub fn add(&mut self, row: Row<'_>, sign: i64, frame: &Frame) {
        tfidf::unit_row(row, &frame.idf, &mut self.weights);
        for (at, (item, rating)) in row.iter().enumerate() {
            let sum = &mut self.sums[item];
            sum.weight += sign * frame.scale.fix(self.weights[at]);
            sum.users += sign;
            sum.rating += i128::from(sign) * fixed::fix_wide(rating);
            if !self.is_met[item] {
                self.is_met[item] = true;
                self.met.push(item as u32);
            }
        }
    }

    /// Hands out what is not 0, and begins anew.
    pub fn drain(&mut self, mut each: impl FnMut(u32, Tally)) {
        for item in self.met.drain(..) {
            let sum = std::mem::take(&mut self.sums[item as usize]);
            self.is_met[item as usize] = false;
            if !sum.is_zero() {
                each(item, sum);
            }
        }
    }
}

/// The tables of profiles, as far as a worker owns them, kept up to date by the differences that come.
#[derive(Debug)]
pub struct Tables {
    n_items: usize,
    n_segments: usize,
    frame: Rc<Frame>,
    weights: Vec<i64>,
    counts: Vec<u32>,
    ratings: Vec<i128>,
}

/// Tables that a dataflow writes and the rest of a worker reads.
pub type SharedTables = Rc<RefCell<Tables>>;

impl Tables {
    pub fn new(frame: &Rc<Frame>) -> Tables {
        let n = frame.n_segments * frame.n_items;
        Tables {
            n_items: frame.n_items,
            n_segments: frame.n_segments,
            frame: Rc::clone(frame),
            weights: vec![0; n],
            counts: vec![0; n],
            ratings: vec![0; n],
        }
    }

    pub fn add(&mut self, cell: Cell, tally: Tally) {
        let at = cell.segment as usize * self.n_items + cell.item as usize;
        self.weights[at] += tally.weight;
        self.counts[at] = u32::try_from(i64::from(self.counts[at]) + tally.users).expect("users are counted from 0");
        self.ratings[at] += tally.rating;
    }

    pub fn view(&self) -> profile::Tables<'_> {
        profile::Tables {
            weights: &self.weights,
            scale: self.frame.scale,
            counts: &self.counts,
            ratings: &self.ratings,
        }
    }

    /// Users who have each of the items that belong to `owners`' worker `index`.
    pub fn document_frequency(&self, owners: &Owners, index: usize) -> Vec<i64> {
        let own = owners.columns(index);
        let mut sums = vec![0; own.len()];
        for segment in 0..self.n_segments {
            let row = &self.counts[segment * self.n_items..(segment + 1) * self.n_items];
            sums.iter_mut().zip(&row[own.clone()]).for_each(|(sum, &count)| *sum += i64::from(count));
        }
        sums
    }
}
