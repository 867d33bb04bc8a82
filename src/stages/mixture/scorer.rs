//! A mixture laid out to score users quickly.

use super::liking;
use super::model::Mixture;
use crate::kernel::csr::Row;
use crate::kernel::likelihood::{add_lines, add_rows};

/// A [`Mixture`] in tables of segments side by side, which vector code likes. The numbers are the same.
#[derive(Debug, Clone)]
pub struct Scorer {
    tables: Tables,
    /// m `(n_items)`; absent where ratings are no opinions.
    item_means: Option<Vec<f64>>,
    n_segments: usize,
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
    /// By item; empty where ratings are no opinions.
    slopes: Vec<[f32; W]>,
}

/// Room to score one user at a time.
#[derive(Debug, Clone, Default)]
pub struct Scores {
    /// log₂ of the likelihood of each segment for the last user, up to a constant `(n_segments)`.
    pub of_segments: Vec<f32>,
    residuals: Vec<f32>,
}

impl Scorer {
    pub fn new(mixture: &Mixture) -> Scorer {
        let tables = match mixture.n_segments() {
            0..=8 => Tables::Narrow(tables(mixture)),
            9..=16 => Tables::Middle(tables(mixture)),
            _ => Tables::Wide(tables(mixture)),
        };
        let item_means = mixture.opinion.as_ref().map(|opinion| opinion.item_means.clone());
        Scorer { tables, item_means, n_segments: mixture.n_segments() }
    }

    pub fn n_segments(&self) -> usize {
        self.n_segments
    }

    /// Scores a user with these ratings. Returns the likeliest segment and the next; the first of equal ones.
    pub fn score(&self, row: Row, scores: &mut Scores) -> [u32; 2] {
        let Scores { of_segments, residuals } = scores;
        residuals.clear();
        if let Some(means) = &self.item_means {
            let generosity = liking::generosity(means, row);
            row.for_each(|item, value| residuals.push((value - means[item] - generosity) as f32));
        }
        of_segments.clear();
        match &self.tables {
            Tables::Narrow(tables) => add(tables, row, residuals, of_segments),
            Tables::Middle(tables) => add(tables, row, residuals, of_segments),
            Tables::Wide(tables) => add(tables, row, residuals, of_segments),
        }
        of_segments.truncate(self.n_segments);
        best_two(of_segments)
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
        let slopes = mixture.opinion.as_ref().map(|opinion| rows(&opinion.slopes)).unwrap_or_default();
        Table { prior, terms: rows(&mixture.terms), slopes }
    };
    (0..n).step_by(W).map(of).collect()
}

fn add<const W: usize>(tables: &[Table<W>], row: Row, residuals: &[f32], scores: &mut Vec<f32>) {
    for table in tables {
        let mut sums = table.prior;
        match table.slopes.is_empty() {
            true => add_rows(&mut sums, &table.terms, row.indices),
            false => add_lines(&mut sums, &table.terms, &table.slopes, row.indices, residuals),
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
