//! `segmill follow`: a finished run kept up to date as ratings change.
//!
//! All workers go through the session in lockstep: the coordinator makes batches of what comes, writes each to the log, and
//! hands the changes to the workers of their users; the dataflow ([`crate::live`]) reflects them; what changed is gathered, told,
//! and acknowledged.
//!
//! | module | what it does |
//! |---|---|
//! | [`lead`] | what only the coordinator has: inputs, log, output, dictionary of items |
//! | [`gathering`] | lines that come to batches |
//! | [`begin`] | the ratings at the start: of the job, or of an earlier session |
//! | [`session`] | batch after batch |
//! | [`standing`] | how things stand, and what a batch changed |
//! | [`telling`], [`view`] | a batch in lines of JSON, and on the live page |
//! | [`keep`] | the snapshot |
//! | [`refit`] | another model, from the centroids of the one before |
//! | [`last`] | the tables at the end |

mod begin;
mod gathering;
pub(crate) mod keep;
mod last;
mod lead;
mod refit;
mod session;
mod standing;
mod telling;
mod view;

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Result;
use crate::flow::cluster::{self, Fingerprint, Layout};
use crate::flow::collective::TimelyCollective;
use crate::job::Job;
use crate::live::change::Op;
use crate::live::input::spec::{Every, Format, InputSpec};
use crate::results::followed::Record;
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
}

impl Order {
    /// What all processes must be told alike: what they do together.
    fn fingerprint(&self) -> Fingerprint {
        let mut found = fingerprint(&self.job);
        let options = [
            ("--drift", self.drift.to_string()),
            ("--refit", self.refit.to_string()),
            ("--empty", self.empty.to_string()),
            ("--final", self.last.is_some().to_string()),
        ];
        found.job.extend(options.map(|(name, value)| (name.to_string(), value)));
        found
    }
}

/// Follows until the inputs end or somebody asks to stop. What was found is on the process of the coordinator, unless whoever
/// read what is told has gone.
pub fn run(order: Order, layout: &Layout) -> Result<Option<Record>> {
    let shared = Arc::new((order, layout.clone()));
    let ours = Arc::clone(&shared);
    let results = cluster::execute(
        layout,
        move || ours.0.fingerprint(),
        move |worker| {
            let mut collective = TimelyCollective::new(worker);
            session::run(worker, &mut collective, &shared.0, &shared.1)
        },
    )?;
    // Workers agree on errors, so the first speaks for all.
    results.into_iter().next().expect("a process has a worker")
}
