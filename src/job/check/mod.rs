//! The check: the only way from a [`JobSpec`] to a [`Job`]. Each refusal names the key and the remedy.

mod again;
mod fields;
mod filter;
mod input;
mod stages;
mod titles;
mod units;

use std::path::{Path, PathBuf};

use super::checked::Job;
use super::refuse::{at_least, refuse};
use super::spec::JobSpec;
use crate::error::Result;

impl JobSpec {
    /// Checks every value. Relative input paths are resolved against `folder`, that of the job file; `output` and
    /// `scratch` stay relative to the working directory. A job that names no output has `default_output`.
    pub fn check(self, folder: &Path, default_output: PathBuf) -> Result<Job> {
        let filter = filter::filter(&self.filter, &self.input)?;
        let choices = stages::choices(&self.matrix, &self.pca, &self.kmeans);
        let matrix = stages::matrix(self.matrix)?;
        Ok(Job {
            seed: self.seed,
            memory: units::bytes(&self.memory)?,
            scratch: self.scratch,
            checkpoint_every: units::seconds("checkpoint_every", self.checkpoint_every)?,
            output: fields::output(self.output.unwrap_or(default_output))?,
            users_per_file: at_least("users_per_file", self.users_per_file, 1)?,
            input: input::input(self.input, folder, &filter)?,
            filter,
            choices,
            matrix,
            pca: stages::pca(self.pca)?,
            kmeans: stages::kmeans(self.kmeans, matrix.normalize)?,
            sweep: stages::sweep(self.sweep, choices.clusters)?,
            validate: stages::validate(self.validate)?,
            profile: stages::profile(self.profile)?,
            evidence: stages::evidence(self.evidence)?,
            compare: self.compare.previous.map(|path| previous(&path)).transpose()?,
        })
    }
}

/// Like `output`, the path is relative to the working directory.
fn previous(path: &Path) -> Result<PathBuf> {
    if path.as_os_str().is_empty() {
        return refuse("compare.previous", "the path is empty", "name the output folder of an earlier run");
    }
    Ok(path.to_path_buf())
}
