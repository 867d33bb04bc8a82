//! What all lines of a session have in common: how they are read, and what of the job they are judged by.

use super::spec::Format;
use crate::job::{Duplicates, FilesSpec, Filter, Job, Source, TimeUnit};
use crate::live::change::Op;

/// What all streams have in common.
pub(super) struct Rules {
    pub format: Format,
    /// The operation of lines that hold none.
    pub op: Option<Op>,
    /// A user has an item once: a second row of it is refused.
    pub unique: bool,
    /// The job's filter, by what it looks at.
    pub of_ratings: Filter,
    pub of_times: Filter,
    /// Times are read.
    pub times: bool,
    pub unit: TimeUnit,
    /// The job's own columns.
    pub spec: FilesSpec,
}

impl Rules {
    pub fn new(job: &Job, format: Format, op: Option<Op>) -> Rules {
        let Filter { min_rating, max_rating, after, before, .. } = job.filter;
        let spec = match &job.input.source {
            Source::Files(spec) => spec.clone(),
            Source::Generate(_) => FilesSpec::by_position(Vec::new()),
        };
        Rules {
            format,
            op,
            unique: job.input.duplicates == Duplicates::Error,
            of_ratings: Filter { min_rating, max_rating, ..Filter::default() },
            of_times: Filter { after, before, ..Filter::default() },
            times: job.filter.looks_at_time(),
            unit: spec.time.as_ref().map(|time| time.unit).unwrap_or_default(),
            spec,
        }
    }
}
