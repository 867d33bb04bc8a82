//! A second check, of a job that comes from the record of a run.

use super::fields::output;
use super::units::MIN_MEMORY;
use crate::error::Result;
use crate::job::checked::Job;
use crate::job::input::Source;
use crate::job::params::SweepParams;
use crate::job::refuse::{at_least, refuse};

impl Job {
    /// Refuses a checked job that was edited by hand so that it cannot run.
    pub fn check_again(&self) -> Result<()> {
        at_least("memory", self.memory, MIN_MEMORY)?;
        at_least("users_per_file", self.users_per_file, 1)?;
        output(self.output.clone())?;
        self.check_numbers()?;
        self.sweep.as_ref().map_or(Ok(()), check_sweep)?;
        match &self.input.source {
            Source::Generate(made) => made.check(|field| format!("input.generate.{field}")),
            Source::Files(_) => Ok(()),
        }
    }

    fn check_numbers(&self) -> Result<()> {
        for (key, value, least) in [
            ("pca.components", self.pca.components, 1),
            ("pca.report", self.pca.report, 1),
            ("kmeans.clusters", self.kmeans.clusters, 2),
            ("kmeans.n_init", self.kmeans.n_init, 1),
            ("kmeans.max_iter", self.kmeans.max_iter, 1),
            ("validate.folds", self.validate.folds, 2),
            ("profile.top", self.profile.top, 1),
        ] {
            at_least(key, value, least)?;
        }
        for (key, value) in [("pca.tol", self.pca.tol), ("kmeans.tol", self.kmeans.tol)] {
            at_least(key, value, 0.0)?;
        }
        Ok(())
    }
}

fn check_sweep(sweep: &SweepParams) -> Result<()> {
    at_least("sweep.clusters", sweep.clusters.first().copied().unwrap_or_default(), 2)?;
    match sweep.clusters.is_sorted_by(|a, b| a < b) {
        true => Ok(()),
        false => refuse("sweep.clusters", "the numbers do not rise", "sort them"),
    }
}
