//! The ground that candidates are tried on: the sample, and its spaces.

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::data::Data;
use super::sample::Sample;
use super::space::Spaces;
use super::trial::{Trial, Tried};
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::job::Matrix;
use crate::stages::evidence::null::Deal;
use crate::watch::progress;

/// Weightings whose spaces are kept for the next trials.
const KEPT: usize = 3;

/// Ratings to try candidates on.
pub struct Ground {
    pub data: Data,
    most_components: usize,
    most_clusters: usize,
    /// Of the weightings that this worker tried last.
    spaces: RefCell<Vec<(Matrix, Rc<Spaces>)>>,
}

impl Ground {
    /// The most components that are tried.
    pub fn most_components(&self) -> usize {
        self.most_components
    }

    /// The most segments of a sample: one for so many users.
    pub const USERS_PER_SEGMENT: usize = 8;

    /// With spaces of at most so many components, and data without structure for which ratings are dealt so.
    pub fn new(sample: Sample, deal: Deal, most_components: usize, seed: u64) -> Result<Ground> {
        let Sample { ratings, draw_keys } = sample;
        let (n_users, n_items) = (ratings.n_rows(), ratings.n_cols);
        Ok(Ground {
            data: Data::new(&ratings, deal, draw_keys, seed)?,
            most_components: most_components.min(n_items).min(n_users),
            most_clusters: (n_users / Ground::USERS_PER_SEGMENT).max(2),
            spaces: RefCell::default(),
        })
    }

    /// Of `numbers`, those for which there are enough users.
    pub fn clusters(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<usize> {
        numbers.into_iter().filter(|&number| number <= self.most_clusters).collect()
    }

    /// What comes of a trial: nothing where all users are alike.
    pub fn run(&self, trial: &Trial, seed: u64) -> Result<Vec<Tried>> {
        let tried = self.spaces(trial.matrix, seed).and_then(|spaces| trial.run(&self.data, &spaces, seed));
        match tried {
            Err(Error::Data { .. }) => Ok(Vec::new()),
            tried => tried,
        }
    }

    /// How well a refit with these draws finds the segments of a candidate again; `seed` is that of the trials.
    pub fn again(&self, tried: &Tried, seed: u64, draws: u64) -> Result<f64> {
        let spaces = self.spaces(tried.candidate.matrix(), seed)?;
        tried.again(&self.data, &spaces, draws)
    }

    /// Deals tasks to the workers; all get what came of each, in order. All workers call it together.
    pub fn deal<C: Collective, T, R: Serialize + DeserializeOwned>(
        &self,
        c: &mut C,
        tasks: &[T],
        work: impl Fn(&T) -> Result<R>,
    ) -> Result<Vec<R>> {
        let (index, peers) = (c.index(), c.peers());
        let mine = (0..tasks.len()).filter(|at| at % peers == index);
        let of = |at: usize| progress::trying(|| work(&tasks[at])).map(|done| (at, done));
        let mine = mine.map(of).collect::<Result<Vec<(usize, R)>>>();
        let mine = c.agree(mine)?;
        let mut all = c.gather_values(&mine).into_iter().flatten().collect::<Vec<_>>();
        all.sort_by_key(|(at, _)| *at);
        let all = c.broadcast_value(c.is_coordinator().then_some(&all));
        Ok(all.into_iter().map(|(_, done)| done).collect())
    }

    fn spaces(&self, matrix: Matrix, seed: u64) -> Result<Rc<Spaces>> {
        let mut kept = self.spaces.borrow_mut();
        if let Some((_, spaces)) = kept.iter().find(|(of, _)| *of == matrix) {
            return Ok(spaces.clone());
        }
        let spaces = Rc::new(Spaces::new(&self.data, matrix, self.most_components, seed)?);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((matrix, spaces.clone()));
        Ok(spaces)
    }
}
