//! Gathers the lines that arrive into batches.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::live::input::inputs::{Inputs, Taken};
use crate::live::input::spec::{Every, MOST_CHANGES, MOST_IN_BATCH};

/// The longest that the workers wait for the coordinator: so long a signal may go unheard.
const PATIENCE: Duration = Duration::from_millis(250);

/// What comes, until it is a batch.
pub struct Gathering {
    inputs: Inputs,
    every: Every,
    taken: Taken,
    /// When the first of it came.
    since: Option<Instant>,
    /// Of an input. Ends the run once what came before it is in batches.
    failed: Option<Error>,
}

impl Gathering {
    pub fn new(inputs: Inputs, every: Every) -> Gathering {
        Gathering { inputs, every, taken: Taken::default(), since: None, failed: None }
    }

    /// Waits a moment for the next batch.
    ///
    /// # Errors
    /// That of an input, once all that came before it is in batches.
    pub fn next(&mut self) -> Result<Option<Taken>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let until = Instant::now() + PATIENCE;
        while !self.is_whole() {
            let now = Instant::now();
            let wait = self.deadline().unwrap_or(until).min(until).saturating_duration_since(now);
            match self.inputs.take(self.room(), wait) {
                Ok(more) => self.add(more),
                Err(error) if self.taken.found() > 0 => {
                    self.failed = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
            if now >= until && !self.is_whole() {
                return Ok(None);
            }
        }
        self.since = None;
        let next = Taken { positions: self.taken.positions.clone(), ended: self.taken.ended, ..Taken::default() };
        let whole = std::mem::replace(&mut self.taken, next);
        Ok((whole.found() > 0).then_some(whole))
    }

    /// Nothing more will come.
    pub fn has_ended(&self) -> bool {
        self.taken.ended && self.taken.found() == 0
    }

    pub fn inputs(&mut self) -> &mut Inputs {
        &mut self.inputs
    }

    fn add(&mut self, more: Taken) {
        let Taken { changes, rejects, filtered, positions, ended, lines } = more;
        self.taken.changes.extend(changes);
        self.taken.rejects.extend(rejects);
        self.taken.filtered += filtered;
        self.taken.lines += lines;
        (self.taken.positions, self.taken.ended) = (positions, ended);
        if self.taken.found() > 0 {
            self.since.get_or_insert_with(Instant::now);
        }
    }

    fn is_whole(&self) -> bool {
        let found = self.taken.found();
        let is_full = match self.every {
            Every::Batch => found > 0,
            Every::Time(_) => self.deadline().is_some_and(|deadline| Instant::now() >= deadline),
            Every::Changes(_) => false,
        };
        is_full || found >= self.most() || self.taken.ended
    }

    fn deadline(&self) -> Option<Instant> {
        match self.every {
            Every::Time(time) => self.since.and_then(|since| since.checked_add(time)),
            _ => None,
        }
    }

    fn most(&self) -> usize {
        match self.every {
            Every::Batch => MOST_IN_BATCH,
            Every::Time(_) => MOST_CHANGES as usize,
            Every::Changes(changes) => changes as usize,
        }
    }

    fn room(&self) -> usize {
        self.most() - self.taken.found()
    }
}
