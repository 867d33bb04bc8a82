//! A model fitted earlier, rebuilt from its tables.
//!
//! Weights and constants are computed from the tables in the same way and order as in a fit, so a row gets the class that
//! the fit gave it, however the fit cut the items into strips.

use super::cell::{Cell, Own};
use super::entries::Entries;
use super::fit::CHUNK;
use super::kind::Kind;
use super::look::{Desk, Outlook};
use super::weights::{Weights, best_class, lanes};
use crate::kernel::csr::{Row, RowsRef};

/// Rows that are classified together.
const BATCH: usize = 64;

/// A fitted model of all items.
#[derive(Debug, Clone)]
pub struct Classifier {
    kind: Kind,
    weights: Weights,
    constants: Vec<f64>,
    outlook: Option<Outlook>,
}

impl Classifier {
    /// From `class_log_prior` `(n_classes)` and the tables of [`Kind::tables`], each `(n_classes, n_items)`.
    pub fn new(kind: Kind, class_log_prior: &[f64], tables: &[Vec<f64>], n_items: usize) -> Classifier {
        assert_eq!(tables.len(), kind.tables().len(), "a {} model has other tables", kind.name());
        let n_classes = class_log_prior.len();
        let mut weights = Weights::zeros(kind, 0..1, n_classes, 0..n_items);
        let mut constants = class_log_prior.to_vec();
        for first in (0..n_items).step_by(CHUNK) {
            for class in 0..n_classes {
                let has_rows = class_log_prior[class] > f64::NEG_INFINITY;
                let mut absent = 0.0;
                for item in first..(first + CHUNK).min(n_items) {
                    let mut own: Own = [0.0; 2];
                    own.iter_mut().zip(tables).for_each(|(term, table)| *term = table[class * n_items + item]);
                    let cell = Cell::of(kind, own, has_rows);
                    absent += cell.absent;
                    weights.set(0, class, item, &cell);
                }
                constants[class] += absent;
            }
        }
        let outlook = Outlook::new(&weights, 0, &constants, None);
        Classifier { kind, weights, constants, outlook }
    }

    /// Appends the class of each row.
    pub fn classes(&self, rows: RowsRef<'_>, classes: &mut Vec<u32>) {
        let rows: Vec<Row<'_>> = rows.rows().collect();
        let mut desk = Desk::default();
        for batch in rows.chunks(BATCH) {
            match &self.outlook {
                Some(outlook) => {
                    classes.extend(desk.classes((&self.weights, 0), outlook, &self.constants, batch));
                }
                None => self.add_exactly(batch, classes),
            }
        }
    }

    fn add_exactly(&self, rows: &[Row<'_>], classes: &mut Vec<u32>) {
        let mut entries = Entries::default();
        rows.iter().for_each(|row| entries.push(self.kind, *row));
        let lanes = lanes(self.constants.len());
        let mut scores = vec![0.0; rows.len() * lanes];
        self.weights.add(0, &entries, &mut scores);
        classes.extend(scores.chunks_exact(lanes).map(|scores| best_class(scores, &self.constants)));
    }
}
