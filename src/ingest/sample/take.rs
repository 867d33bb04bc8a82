//! Takes a sample.

use std::path::Path;

use super::collector::Collector;
use super::model::Sample;
use super::pieces::choose;
use crate::collective::Solo;
use crate::error::Result;
use crate::ingest::generate::Generator;
use crate::ingest::plan::{self, Plan, Planned, PlannedFile};
use crate::ingest::scan::RawId;
use crate::job::{GenerateSpec, Input};

/// About how many rows of generated data are made, at most.
const MOST_GENERATED: f64 = 2e6;

/// What to read, and a sample of it: all of texts that have at most `most_bytes` bytes, and about so much of more. Standard input is put into a file in `scratch`, as a run does.
///
/// # Errors
/// Those of finding, opening and unpacking the files. Bad rows are counted.
pub fn take(input: &Input, scratch: &Path, most_bytes: u64) -> Result<(Planned, Sample)> {
    let planned = plan::plan(&mut Solo, input, scratch)?;
    let sample = match &planned.plan {
        Plan::Files(files) => of_files(files, most_bytes)?,
        Plan::Generate(spec) => of_generated(spec)?,
    };
    Ok((planned, sample))
}

/// A sample of files that is about `most_bytes` bytes of text.
pub(super) fn of_files(files: &[PlannedFile], most_bytes: u64) -> Result<Sample> {
    let (pieces, whole) = choose(files, most_bytes, 1);
    let mut collector = Collector::default();
    let sample = &mut collector.sample;
    (sample.whole, sample.whole_users, sample.files) = (whole, whole, files.len());
    sample.bytes = files.iter().map(PlannedFile::stored_bytes).sum();
    sample.known_rows = files.iter().map(PlannedFile::known_rows).sum();
    sample.readers = files.iter().map(PlannedFile::readers).sum();
    let mut read = 0;
    for (at, piece) in pieces.iter().enumerate() {
        collector.range = at as u32;
        read += piece.scan(files, &mut collector)?;
    }
    collector.sample.n_ranges = pieces.len() as u32;
    collector.sample.bytes_read = read;
    Ok(collector.finish())
}

pub(super) fn of_generated(spec: &GenerateSpec) -> Result<Sample> {
    let generator = Generator::new(spec)?;
    let step = (spec.users as f64 * spec.ratings_per_user / MOST_GENERATED).ceil().max(1.0) as usize;
    let mut collector = Collector::default();
    let sample = &mut collector.sample;
    (sample.whole, sample.whole_users, sample.generated) = (step == 1, true, Some(spec.clone()));
    sample.n_ranges = 1;
    let mut rows = Vec::new();
    for user in (1..=spec.users).step_by(step) {
        generator.user(user, &mut rows);
        rows.iter().for_each(|&(item, value)| collector.add(RawId::Number(user), RawId::Number(item), value));
    }
    Ok(collector.finish())
}
