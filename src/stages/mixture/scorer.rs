//! A mixture laid out to score users quickly.

use super::height::Height;
use super::liking;
use super::model::Mixture;
use super::reading::Weights;
use crate::kernel::csr::Row;
use crate::kernel::likelihood::{add_lines, add_rows, add_weighted};

/// A [`Mixture`] in tables of segments side by side, which vector code likes. The numbers are the same.
#[derive(Debug, Clone)]
pub struct Scorer {
    tables: Tables,
    reads: Reads,
    n_segments: usize,
}

/// What is read of a rating, beside that it is there.
#[derive(Debug, Clone)]
enum Reads {
    Nothing,
    /// How much it counts.
    Weight(Weights),
    /// How high it is above m `(n_items)`.
    Height(Height, Vec<f64>),
}

/// Tables by their width.
#[derive(Debug, Clone)]
enum Tables {
    Narrow(Vec<Table<8>>),
    Middle(Vec<Table<16>>),
    Wide(Vec<Table<32>>),
}

/// Some segments: those without number have a prior of −∞.
#[derive(Debug, Clone)]
struct Table<const W: usize> {
    prior: [f32; W],
    /// By item.
    terms: Vec<[f32; W]>,
    /// By item; empty where it does not matter how high ratings are.
    slopes: Vec<[f32; W]>,
}

/// Room to score one user at a time.
#[derive(Debug, Clone, Default)]
pub struct Scores {
    /// log₂ of the likelihood of each segment for the last user, up to a constant `(n_segments)`.
    pub of_segments: Vec<f32>,
    /// What is read of each rating: a weight or a residual.
    read: Vec<f32>,
}

impl Scorer {
    pub fn new(mixture: &Mixture) -> Scorer {
        let tables = match mixture.n_segments() {
            0..=8 => Tables::Narrow(tables(mixture)),
            9..=16 => Tables::Middle(tables(mixture)),
            _ => Tables::Wide(tables(mixture)),
        };
        let reads = match (&mixture.shifts, mixture.weights) {
            (Some(shifts), _) => Reads::Height(shifts.height, shifts.item_means.clone()),
            (None, Weights::Equal) => Reads::Nothing,
            (None, weights) => Reads::Weight(weights),
        };
        Scorer { tables, reads, n_segments: mixture.n_segments() }
    }

    pub fn n_segments(&self) -> usize {
        self.n_segments
    }

    /// Scores a user with these ratings. Returns the likeliest segment and the next; the first of equal ones.
    pub fn score(&self, row: Row, scores: &mut Scores) -> [u32; 2] {
        let Scores { of_segments, read } = scores;
        self.reads.read(row, read);
        of_segments.clear();
        match &self.tables {
            Tables::Narrow(tables) => add(tables, row, read, of_segments),
            Tables::Middle(tables) => add(tables, row, read, of_segments),
            Tables::Wide(tables) => add(tables, row, read, of_segments),
        }
        of_segments.truncate(self.n_segments);
        best_two(of_segments)
    }
}

impl Reads {
    /// What is read of each rating of a user: none if it is nothing.
    fn read(&self, row: Row, read: &mut Vec<f32>) {
        read.clear();
        match self {
            Reads::Nothing => {}
            Reads::Weight(weights) => row.for_each(|_, value| read.push(weights.of(value) as f32)),
            Reads::Height(height, means) => {
                let generosity = liking::generosity(*height, means, row);
                row.for_each(|item, value| read.push((height.of(value) - means[item] - generosity) as f32));
            }
        }
    }
}

fn tables<const W: usize>(mixture: &Mixture) -> Vec<Table<W>> {
    let n = mixture.n_segments();
    let of = |first: usize| {
        let lanes = first..(first + W).min(n);
        let cut = |row: &[f32]| {
            let mut wide = [0.0; W];
            wide[..lanes.len()].copy_from_slice(&row[lanes.clone()]);
            wide
        };
        let mut prior = [f32::NEG_INFINITY; W];
        prior[..lanes.len()].copy_from_slice(&mixture.prior[lanes.clone()]);
        let rows = |table: &[f32]| table.chunks_exact(n).map(&cut).collect();
        let slopes = mixture.shifts.as_ref().map(|shifts| rows(&shifts.slopes)).unwrap_or_default();
        Table { prior, terms: rows(&mixture.terms), slopes }
    };
    (0..n).step_by(W).map(of).collect()
}

fn add<const W: usize>(tables: &[Table<W>], row: Row, read: &[f32], scores: &mut Vec<f32>) {
    for table in tables {
        let mut sums = table.prior;
        match (read.is_empty(), table.slopes.is_empty()) {
            (true, _) => add_rows(&mut sums, &table.terms, row.indices),
            (false, true) => add_weighted(&mut sums, &table.terms, row.indices, read),
            (false, false) => add_lines(&mut sums, &table.terms, &table.slopes, row.indices, read),
        }
        scores.extend_from_slice(&sums);
    }
}

/// The places of the highest score and of the next; the first of equal ones. With one score, both are its.
fn best_two(scores: &[f32]) -> [u32; 2] {
    let (mut best, mut second) = (0, usize::MAX);
    for at in 1..scores.len() {
        if scores[at] > scores[best] {
            (best, second) = (at, best);
        } else if second == usize::MAX || scores[at] > scores[second] {
            second = at;
        }
    }
    [best as u32, if second == usize::MAX { best } else { second } as u32]
}
