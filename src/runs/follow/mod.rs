//! `segmill follow`: a finished run kept up to date as ratings change.
//!
//! All workers go through a session in lockstep. The coordinator gathers changes into batches, writes each batch to the log, and
//! hands its changes to the workers that own the users. The dataflow ([`crate::live`]) reflects them. The coordinator then
//! collects what has changed, prints it, and acknowledges the batch.
//!
//! | module | what it does |
//! |---|---|
//! | [`session`] | batch after batch, on all workers |
//! | [`lead`] | the coordinator's part: inputs, log, output, dictionary of items |
//! | [`order`], [`terms`] | what a session is asked to do, and what all workers learn at its start |
//! | [`gathering`] | lines into batches |
//! | [`memory`] | what a session holds, and whether that fits |
//! | [`begin`] | the ratings at the start: of the job, or of an earlier session |
//! | [`standing`] | how things stand, and what a batch changed |
//! | [`telling`], [`view`], [`names`] | a batch in lines of JSON, and on the live page |
//! | [`keep`], [`header`] | the snapshot |
//! | [`refit`], [`refitted`] | a new model, from the centroids of the one before |
//! | [`publishing`] | a database or a folder, kept up to date (`--publish`) |
//! | [`last`] | the tables at the end |

mod begin;
mod gathering;
pub(crate) mod header;
pub(crate) mod keep;
mod last;
mod lead;
mod memory;
mod names;
mod order;
mod publishing;
mod refit;
mod refitted;
mod session;
mod standing;
mod telling;
mod terms;
mod view;

use std::sync::Arc;

pub use memory::check;
pub use order::Order;

use crate::error::Result;
use crate::flow::cluster::{self, Layout};
use crate::flow::collective::TimelyCollective;
use crate::results::followed::Record;

/// Follows until the inputs end or a signal asks it to stop. The record is on the process of the coordinator, unless the
/// reader of its output has gone.
pub fn run(order: Order, layout: &Layout) -> Result<Option<Record>> {
    let shared = Arc::new((order, layout.clone()));
    let ours = Arc::clone(&shared);
    let results = cluster::execute(
        layout,
        move || ours.0.fingerprint(),
        move |worker| {
            let mut collective = TimelyCollective::new(worker, shared.1.workers);
            session::run(worker, &mut collective, &shared.0, &shared.1)
        },
    )?;
    // Workers agree on errors, so the first speaks for all.
    results.into_iter().next().expect("a process has a worker")
}
