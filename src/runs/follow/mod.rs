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
pub(crate) mod header;
pub(crate) mod keep;
mod last;
mod lead;
mod names;
mod order;
mod refit;
mod refitted;
mod session;
mod standing;
mod telling;
mod terms;
mod view;

use std::sync::Arc;

pub use order::Order;

use crate::error::Result;
use crate::flow::cluster::{self, Layout};
use crate::flow::collective::TimelyCollective;
use crate::results::followed::Record;

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
