//! Refuses a job for which `memory` is too little, before its first row is read.

use super::predict::least;
use super::predict::limits::size;
use super::room::scratch_folder;
use super::{plan, settle};
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::flow::cluster::Layout;
use crate::ingest::estimate::estimate;
use crate::ingest::files;
use crate::ingest::sample;
use crate::job::{Duplicates, Job, Source};
use crate::results::forecast::Sizes;

/// What needs less than this is not refused, however little `memory` is: that much is there.
pub const ALWAYS_THERE: f64 = 512.0 * 1024.0 * 1024.0;
/// Inputs smaller than this share of `memory` are not looked at.
const SMALL: u64 = 16;
/// About so many bytes of text are looked at.
const LOOK: u64 = 8 << 20;

/// Refuses a job whose stages need more memory than it gives them, even with all ratings in scratch files. All workers call it
/// together.
///
/// # Errors
/// [`Error::Job`] that names `memory`, and what would be enough. Errors of the input are left to the reading.
pub fn check<C: Collective>(c: &mut C, job: &Job, layout: &Layout) -> Result<()> {
    let checked = if c.is_coordinator() && is_large(job) { check_sample(job, layout) } else { Ok(()) };
    c.agree(checked)
}

/// Whether the input may be too much. Standard input is not looked at: it is read once.
fn is_large(job: &Job) -> bool {
    let bytes = match &job.input.source {
        Source::Generate(spec) => (spec.users as f64 * spec.ratings_per_user * 16.0) as u64,
        Source::Files(spec) if job.input.reads_stdin() || spec.ratings.is_empty() => 0,
        Source::Files(spec) => {
            files::expand(&spec.ratings).map_or(0, |files| files.iter().map(|file| file.bytes).sum())
        }
    };
    bytes > job.memory / SMALL
}

fn check_sample(job: &Job, layout: &Layout) -> Result<()> {
    let Ok((planned, sample)) = sample::take(&job.input, &scratch_folder(job, &job.output), LOOK) else {
        return Ok(());
    };
    if sample.rows.is_empty() {
        return Ok(());
    }
    let job = Job { input: planned.input, ..job.clone() };
    let input = estimate(&sample, job.input.duplicates == Duplicates::Last);
    check_sizes(&job, layout, plan::sizes_of(&input, &job))
}

fn check_sizes(job: &Job, layout: &Layout, sizes: Sizes) -> Result<()> {
    // What a solver cannot do, it says itself.
    let Ok(missing) = settle::ask(job, layout, sizes, least::missing) else { return Ok(()) };
    match missing {
        Some(least) if least.memory > ALWAYS_THERE => {
            let problem = format!(
                "about {:.2e} users and {:.2e} items need {} for {} ({}) besides their ratings, and it is {}",
                sizes.users,
                sizes.items,
                size(least.memory),
                least.stage,
                least.part,
                size(job.memory as f64),
            );
            Err(Error::job("memory", problem, enough(least.memory)))
        }
        _ => Ok(()),
    }
}

/// The remedy: what would be enough, in whole MiB.
pub fn enough(bytes: f64) -> String {
    format!("set it to \"{}MiB\" or more, or use more processes", (bytes / (1u64 << 20) as f64).ceil())
}
