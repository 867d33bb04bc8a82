//! What a session is asked to do.

use std::path::PathBuf;

use crate::flow::cluster::Fingerprint;
use crate::job::Job;
use crate::live::change::Op;
use crate::live::input::spec::{Every, Format, InputSpec};
use crate::publish::Place;
use crate::runs::fingerprint::fingerprint;

/// What to do, checked.
#[derive(Debug, Clone)]
pub struct Order {
    /// The output folder of a finished run.
    pub run: PathBuf,
    /// How its ratings are read, and which ([`Job::for_following`]).
    pub job: Job,
    /// Digest of the model, by which a state knows what it belongs to.
    pub identity: String,
    /// Of the fit.
    pub inertia: f64,
    pub inputs: Vec<InputSpec>,
    pub format: Format,
    /// What lines do that do not say it themselves.
    pub op: Option<Op>,
    pub stop_at_end: bool,
    pub every: Every,
    /// Begins without ratings.
    pub empty: bool,
    /// Where to tell.
    pub output: PathBuf,
    /// Where the tables go at the end.
    pub last: Option<PathBuf>,
    pub state: PathBuf,
    /// Past which a refit is due.
    pub drift: f64,
    /// Makes one when it is due.
    pub refit: bool,
    /// What is kept up to date for other programs.
    pub publish: Option<Place>,
}

impl Order {
    /// What all processes must be told alike: what they do together.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut found = fingerprint(&self.job);
        let options = [
            ("--drift", self.drift.to_string()),
            ("--refit", self.refit.to_string()),
            ("--empty", self.empty.to_string()),
            ("--final", self.last.is_some().to_string()),
            ("--publish", self.publish.is_some().to_string()),
        ];
        found.job.extend(options.map(|(name, value)| (name.to_string(), value)));
        found
    }
}
