//! A sample of the input: enough rows to know its sizes by, in a time that does not depend on how many there are.
//!
//! A small input is read whole. Of a larger one [`RANGES`] pieces are read, one at a random place (keyed, so always the
//! same) in each of as many equal stretches: a stratified cluster sample of the rows (Cochran 1977, "Sampling
//! Techniques", chapters 5A and 9A). Of generated data, evenly spaced users are made. What the sample says about the
//! whole is the business of [`super::estimate`].

use std::collections::HashSet;

use super::generate::Generator;
use super::ids::{self, MAX_ID_BYTES};
use super::plan::{self, Plan};
use super::scan::{self, BadRow, Range, RawId, RawRow, RowSink};
use crate::collective::Solo;
use crate::error::Result;
use crate::job::{GenerateSpec, Input};
use crate::kernel::keyed::{self, Stream};

/// Pieces of a large input.
pub const RANGES: u64 = 128;
/// An input of at most so many bytes is read whole; of a larger one about so many are read.
const MOST_BYTES: u64 = 64 << 20;
/// Rows of generated data that are made.
const MOST_GENERATED: f64 = 2e6;
/// More different values than this are stored in full (`shard::build`).
pub const MOST_CODES: usize = 256;

/// A row of the sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampledRow {
    /// Ids by their keys.
    pub user: u64,
    pub item: u64,
    pub value: f64,
    /// The piece of the input it is from.
    pub range: u32,
}

/// Rows of the input, and what was seen on the way.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// In the order of the input.
    pub rows: Vec<SampledRow>,
    pub n_ranges: u32,
    /// These are all rows.
    pub whole: bool,
    /// Each user that is here is here with all rows.
    pub whole_users: bool,
    /// Bytes of the pieces, and of the whole input; 0 where data are generated.
    pub bytes_read: u64,
    pub bytes: u64,
    pub files: usize,
    /// Rows that are no ratings.
    pub bad: u64,
    /// Rows whose rating is 0, which is the same as none.
    pub zeros: u64,
    /// Rows whose ids are numbers below 2³² and whose value single precision holds.
    pub narrow: u64,
    /// Different values, counted up to one more than [`MOST_CODES`].
    pub n_values: usize,
    /// Bytes of ids that are text, over all rows.
    pub user_text: u64,
    pub item_text: u64,
    /// The generated data, where there are no files: the sizes are known.
    pub generated: Option<GenerateSpec>,
}

/// What to read, and a sample of it.
///
/// # Errors
/// Those of finding and opening the files. Bad rows are counted.
pub fn take(input: &Input) -> Result<(Plan, Sample)> {
    let plan = plan::plan(&mut Solo, input)?;
    let sample = match &plan {
        Plan::Files(_) => of_files(&plan, MOST_BYTES)?,
        Plan::Generate(spec) => of_generated(spec)?,
    };
    Ok((plan, sample))
}

/// A sample of at most about `most_bytes` bytes of files.
fn of_files(plan: &Plan, most_bytes: u64) -> Result<Sample> {
    let Plan::Files(files) = plan else { return Ok(Sample::default()) };
    let sizes: Vec<u64> = files.iter().map(|(file, _)| file.bytes).collect();
    let ranges = pieces(&sizes, most_bytes);
    let bytes = sizes.iter().sum();
    let mut collector = Collector::default();
    let sample = &mut collector.sample;
    sample.whole = bytes <= most_bytes;
    sample.whole_users = sample.whole;
    (sample.bytes, sample.files, sample.n_ranges) = (bytes, files.len(), ranges.len() as u32);
    sample.bytes_read = ranges.iter().map(|range| range.end - range.start).sum();
    let mut next = 0;
    plan::scan_ranges(ranges.into_iter(), files, &mut collector, |collector, range| {
        collector.range = next;
        next += u32::from(range.is_some());
        true
    })?;
    Ok(collector.finish())
}

/// The pieces to read, in the order of the input.
pub fn pieces(sizes: &[u64], most_bytes: u64) -> Vec<Range> {
    let total: u64 = sizes.iter().sum();
    let whole = |(file, &end): (usize, &u64)| Range { file: file as u32, start: 0, end };
    if total <= most_bytes {
        return sizes.iter().enumerate().map(whole).collect();
    }
    let (stretch, length) = (total as f64 / RANGES as f64, most_bytes / RANGES);
    let piece = |i: u64| {
        let free = stretch - length as f64;
        let at = (i as f64 * stretch + free * keyed::uniform(0, Stream::Sample, 1, i)) as u64;
        place(sizes, at.min(total - 1), length)
    };
    (0..RANGES).map(piece).collect()
}

/// The piece of `length` bytes from byte `at` of all files on; shorter at a file's end.
fn place(sizes: &[u64], mut at: u64, length: u64) -> Range {
    let mut file = 0;
    while at >= sizes[file] {
        at -= sizes[file];
        file += 1;
    }
    Range { file: file as u32, start: at, end: sizes[file].min(at + length) }
}

fn of_generated(spec: &GenerateSpec) -> Result<Sample> {
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

/// Collects the rows that it is handed.
#[derive(Default)]
struct Collector {
    sample: Sample,
    range: u32,
    values: HashSet<u64>,
}

impl Collector {
    fn add(&mut self, user: RawId<'_>, item: RawId<'_>, value: f64) {
        let sample = &mut self.sample;
        let (user, user_text) = key(user);
        let (item, item_text) = key(item);
        sample.user_text += user_text;
        sample.item_text += item_text;
        sample.zeros += u64::from(value == 0.0);
        sample.narrow += u64::from((user | item) >> 32 == 0 && f64::from(value as f32) == value);
        if self.values.len() <= MOST_CODES {
            self.values.insert(value.to_bits());
        }
        sample.rows.push(SampledRow { user, item, value, range: self.range });
    }

    fn finish(mut self) -> Sample {
        self.sample.n_values = self.values.len();
        self.sample
    }
}

/// The key of an id, and the bytes of its text; 0 for a number.
fn key(id: RawId<'_>) -> (u64, u64) {
    match id {
        RawId::Number(value) => (value, 0),
        RawId::Text(text) => (ids::text_key(text.as_bytes(), 0), text.len().min(MAX_ID_BYTES) as u64),
    }
}

impl RowSink for Collector {
    fn row(&mut self, row: RawRow<'_>) {
        self.add(row.user, row.item, row.rating);
    }

    fn bad(&mut self, _bad: BadRow<'_>) {
        self.sample.bad += 1;
    }
}

/// Reads the first pieces of a plan again, as a run would, handing the rows to `each` as user key, item key and rating.
/// Returns the bytes read: about `bytes`.
pub fn read_again(plan: &Plan, own: (u64, u64), bytes: u64, each: impl FnMut(u64, u64, f64)) -> Result<u64> {
    let Plan::Files(files) = plan else { return Ok(0) };
    let sizes: Vec<u64> = files.iter().map(|(file, _)| file.bytes).collect();
    let files_only: Vec<_> = files.iter().map(|(file, _)| file.clone()).collect();
    let (index, peers) = own;
    let mut ranges = match sizes.iter().sum::<u64>() <= bytes * peers {
        true => scan::cut(&files_only, peers as usize),
        false => pieces(&sizes, bytes * peers),
    };
    let mut at = 0;
    ranges.retain(|_| {
        at += 1;
        (at - 1) % peers == index
    });
    let read = ranges.iter().map(|range| range.end - range.start).sum();
    plan::scan_ranges(ranges.into_iter(), files, &mut Passing(each), |_, _| true)?;
    Ok(read)
}

struct Passing<F>(F);

impl<F: FnMut(u64, u64, f64)> RowSink for Passing<F> {
    #[inline(always)]
    fn row(&mut self, row: RawRow<'_>) {
        (self.0)(key(row.user).0, key(row.item).0, row.rating);
    }

    fn bad(&mut self, _bad: BadRow<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_lie_in_their_files_and_do_not_overlap(
            sizes in prop::collection::vec(0u64..5_000_000, 1..20), most in 1u64 << 10..1 << 22,
        ) {
            let pieces = pieces(&sizes, most);
            for piece in &pieces {
                prop_assert!(piece.start <= piece.end && piece.end <= sizes[piece.file as usize]);
            }
            prop_assert!(pieces.is_sorted_by(|a, b| a.file < b.file || a.file == b.file && a.end <= b.start));
            let read: u64 = pieces.iter().map(|piece| piece.end - piece.start).sum();
            prop_assert!(read <= most.max(RANGES));
        }
    }

    #[test]
    fn generated_data_are_sampled_by_whole_users() {
        let spec = GenerateSpec { users: 500, items: 100, ratings_per_user: 10.0, ..GenerateSpec::default() };
        let sample = of_generated(&spec).unwrap();
        assert!(sample.whole && sample.rows.len() > 3000);
        let large = of_generated(&GenerateSpec { users: 1_000_000, ..spec }).unwrap();
        assert!(!large.whole && large.whole_users);
        assert!((1_500_000..2_500_000).contains(&large.rows.len()));
    }
}
