//! A sample of the input: enough rows to know its sizes by, in a time that does not depend on how many there are.
//!
//! A small input is read whole. Of larger plain text [`RANGES`] pieces are read, one at a random place (keyed, so always
//! the same) in each of as many equal stretches: a stratified cluster sample of the rows (Cochran 1977, "Sampling
//! Techniques", chapters 5A and 9A). Of Parquet some row groups are read, evenly spaced; of packed texts, which can only be
//! read from their start, the beginnings of some. Of generated data, evenly spaced users are made. What the sample says
//! about the whole is the business of [`super::estimate`].

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::generate::Generator;
use super::ids::{self, MAX_ID_BYTES};
use super::plan::{self, Format, Plan, Planned, PlannedFile};
use super::scan::{BadRow, Range, RawId, RawRow, RowSink};
use super::source::{Codec, failed};
use super::stream;
use super::units::{self, Part, Unit, scan_units};
use crate::collective::Solo;
use crate::error::Result;
use crate::job::{GenerateSpec, Input};
use crate::kernel::keyed::{self, Stream};

/// Pieces of a large text.
pub const RANGES: u64 = 128;
/// Text of at most so many bytes is read whole; of more about so many are read.
const MOST_BYTES: u64 = 64 << 20;
/// Bytes of text for a row of Parquet.
const BYTES_PER_ROW: u64 = 16;
/// Bytes of text in a byte of a packed one, about.
const PACKED: u64 = 4;
/// Packed texts that are begun.
const MOST_BEGUN: usize = 8;
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
    /// Rows in all, where the files say it.
    pub known_rows: Option<u64>,
    /// Workers that can read side by side: packed files, or row groups. None where there may be any number.
    pub readers: Option<u64>,
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

/// What to read, and a sample of it. Standard input is put into a file in `scratch`, as a run does.
///
/// # Errors
/// Those of finding, opening and unpacking the files. Bad rows are counted.
pub fn take(input: &Input, scratch: &Path) -> Result<(Planned, Sample)> {
    let planned = plan::plan(&mut Solo, input, scratch)?;
    let sample = match &planned.plan {
        Plan::Files(files) => of_files(files, MOST_BYTES)?,
        Plan::Generate(spec) => of_generated(spec)?,
    };
    Ok((planned, sample))
}

/// A sample of files that is about `most_bytes` bytes of text.
fn of_files(files: &[PlannedFile], most_bytes: u64) -> Result<Sample> {
    let (pieces, whole) = choose(files, most_bytes, 1);
    let mut collector = Collector::default();
    let sample = &mut collector.sample;
    (sample.whole, sample.whole_users, sample.files) = (whole, whole, files.len());
    sample.bytes = files.iter().map(stored_bytes).sum();
    sample.known_rows = files.iter().map(known_rows).sum();
    sample.readers = files.iter().map(readers).sum();
    let mut read = 0;
    for (at, piece) in pieces.iter().enumerate() {
        collector.range = at as u32;
        read += piece.scan(files, &mut collector)?;
    }
    collector.sample.n_ranges = pieces.len() as u32;
    collector.sample.bytes_read = read;
    Ok(collector.finish())
}

/// What is read of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Unit(Unit),
    /// The beginning of a packed text: bytes of the text at most.
    Beginning {
        file: u32,
        most: u64,
    },
}

/// Bytes of a file that count, as they are stored.
fn stored_bytes(planned: &PlannedFile) -> u64 {
    match &planned.format {
        Format::Parquet(layout) => layout.bytes.iter().sum(),
        Format::Text { .. } => planned.file.bytes,
    }
}

/// The rows of a file that says how many it has.
fn known_rows(planned: &PlannedFile) -> Option<u64> {
    match &planned.format {
        Format::Parquet(layout) => Some(layout.n_rows()),
        Format::Text { .. } => None,
    }
}

/// The pieces that a file is read in, where it is not cut anywhere.
fn readers(planned: &PlannedFile) -> Option<u64> {
    match &planned.format {
        Format::Parquet(layout) => Some(layout.row_groups.len() as u64),
        Format::Text { codec: Codec::None, .. } => None,
        Format::Text { .. } => Some(1),
    }
}

/// The pieces to read for about `most_bytes` bytes of text of each kind, and whether they are everything. What is read whole
/// is cut for `peers` readers.
fn choose(files: &[PlannedFile], most_bytes: u64, peers: usize) -> (Vec<Piece>, bool) {
    let plain = |planned: &PlannedFile| matches!(planned.format, Format::Text { codec: Codec::None, .. });
    let sizes: Vec<u64> = files.iter().map(|file| if plain(file) { file.file.bytes } else { 0 }).collect();
    let all = units::cut(files, peers);
    let (mut ranges, mut packed, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for unit in all {
        match unit.part {
            Part::Range(_) => ranges.push(unit),
            Part::Whole => packed.push(unit.file),
            Part::RowGroup(_) => groups.push(unit),
        }
    }
    let mut whole = true;
    if sizes.iter().sum::<u64>() > most_bytes {
        whole = false;
        let range = |(file, range): (u32, Range)| Unit { file, part: Part::Range(range), weight: 0 };
        ranges = places(&sizes, most_bytes).into_iter().map(range).collect();
    }
    let rows_of = |unit: &Unit| match (&files[unit.file as usize].format, unit.part) {
        (Format::Parquet(layout), Part::RowGroup(group)) => layout.row_groups[group],
        _ => 0,
    };
    let (rows, most_rows) = (groups.iter().map(rows_of).sum::<u64>(), most_bytes / BYTES_PER_ROW);
    if rows > most_rows {
        whole = false;
        let some = (groups.len() as u64 * most_rows / rows).max(1) as usize;
        groups = spaced(&groups, some);
    }
    let packed_bytes: u64 = packed.iter().map(|&file| files[file as usize].file.bytes).sum();
    let mut most = u64::MAX;
    if packed_bytes.saturating_mul(PACKED) > most_bytes {
        whole = false;
        packed = spaced(&packed, MOST_BEGUN.min(packed.len()));
        most = most_bytes / packed.len() as u64;
    }
    let pieces = ranges.into_iter().chain(groups).map(Piece::Unit);
    (pieces.chain(packed.into_iter().map(|file| Piece::Beginning { file, most })).collect(), whole)
}

/// So many of a list, evenly spaced, each from the middle of its stretch.
fn spaced<T: Copy>(list: &[T], some: usize) -> Vec<T> {
    (0..some).map(|i| list[(2 * i + 1) * list.len() / (2 * some)]).collect()
}

/// One place in each stretch of the plain texts with `sizes` bytes, in the order of the input; 0 where a file is none.
fn places(sizes: &[u64], most_bytes: u64) -> Vec<(u32, Range)> {
    let total: u64 = sizes.iter().sum();
    let (stretch, length) = (total as f64 / RANGES as f64, most_bytes / RANGES);
    let place = |i: u64| {
        let free = stretch - length as f64;
        let at = (i as f64 * stretch + free * keyed::uniform(0, Stream::Sample, 1, i)) as u64;
        in_file(sizes, at.min(total - 1), length)
    };
    (0..RANGES).map(place).collect()
}

/// The piece of `length` bytes from byte `at` of all files on; shorter at a file's end.
fn in_file(sizes: &[u64], mut at: u64, length: u64) -> (u32, Range) {
    let mut file = 0;
    while at >= sizes[file] {
        at -= sizes[file];
        file += 1;
    }
    (file as u32, Range { start: at, end: sizes[file].min(at + length) })
}

/// Somebody who takes rows, and hears where the text was cut off.
trait Taker: RowSink {
    /// The last row, good or bad, was cut off.
    fn forget_last(&mut self);
}

impl Piece {
    /// Reads the piece; returns the stored bytes that it took.
    fn scan(&self, files: &[PlannedFile], sink: &mut impl Taker) -> Result<u64> {
        match *self {
            Piece::Unit(unit) => {
                scan_units(&[unit], files, sink, |_, _| true)?;
                Ok(match (unit.part, &files[unit.file as usize].format) {
                    (Part::Range(range), _) => range.end - range.start,
                    (Part::RowGroup(group), Format::Parquet(layout)) => layout.bytes[group],
                    _ => 0,
                })
            }
            Piece::Beginning { file, most } => {
                let planned = &files[file as usize];
                let Format::Text { codec, dialect } = &planned.format else { return Ok(0) };
                let told = |e: io::Error| failed(&planned.file.path, &e);
                let read = Arc::new(AtomicU64::new(0));
                let raw = Counted { inner: planned.file.open()?.stream(), read: Arc::clone(&read) };
                let given = Arc::new(AtomicU64::new(0));
                let text = codec.unpack(Box::new(raw)).map_err(told)?;
                let text = Counted { inner: text, read: Arc::clone(&given) }.take(most);
                stream::scan(Box::new(text), dialect, sink).map_err(told)?;
                if given.load(Ordering::Relaxed) == most {
                    sink.forget_last();
                }
                Ok(read.load(Ordering::Relaxed))
            }
        }
    }
}

/// Counts what is read.
struct Counted {
    inner: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
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
    last_was_bad: bool,
}

impl Collector {
    fn add(&mut self, user: RawId<'_>, item: RawId<'_>, value: f64) {
        self.last_was_bad = false;
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
        RawId::Text(text) => (ids::text_key(text.as_bytes(), 0), bytes_of(text)),
        RawId::Again { text, key } => {
            if key.get() == 0 {
                key.set(ids::text_key(text.as_bytes(), 0));
            }
            (key.get(), bytes_of(text))
        }
    }
}

fn bytes_of(text: &str) -> u64 {
    text.len().min(MAX_ID_BYTES) as u64
}

impl RowSink for Collector {
    fn row(&mut self, row: RawRow<'_>) {
        self.add(row.user, row.item, row.rating);
    }

    fn bad(&mut self, _bad: BadRow<'_>) {
        self.sample.bad += 1;
        self.last_was_bad = true;
    }
}

impl Taker for Collector {
    fn forget_last(&mut self) {
        if self.last_was_bad {
            self.sample.bad -= 1;
        } else {
            self.sample.rows.pop();
        }
    }
}

/// Reads pieces of a plan again, as a run would, handing the rows to `each` as user key, item key and rating: those of reader
/// `index` of `peers`, about `bytes` bytes of text.
pub fn read_again(
    plan: &Plan,
    (index, peers): (usize, usize),
    bytes: u64,
    each: impl FnMut(u64, u64, f64),
) -> Result<()> {
    let files = plan.planned_files();
    let (pieces, _) = choose(files, bytes * peers as u64, peers);
    let mut passing = Passing(each);
    for piece in pieces.iter().skip(index).step_by(peers) {
        piece.scan(files, &mut passing)?;
    }
    Ok(())
}

struct Passing<F>(F);

impl<F: FnMut(u64, u64, f64)> RowSink for Passing<F> {
    #[inline(always)]
    fn row(&mut self, row: RawRow<'_>) {
        (self.0)(key(row.user).0, key(row.item).0, row.rating);
    }

    fn bad(&mut self, _bad: BadRow<'_>) {}
}

impl<F: FnMut(u64, u64, f64)> Taker for Passing<F> {
    fn forget_last(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_lie_in_their_files_and_do_not_overlap(
            sizes in prop::collection::vec(0u64..5_000_000, 1..20), most in 1u64 << 10..1 << 22,
        ) {
            prop_assume!(sizes.iter().sum::<u64>() > most);
            let places = places(&sizes, most);
            for (file, range) in &places {
                prop_assert!(range.start < range.end && range.end <= sizes[*file as usize]);
            }
            prop_assert!(places.is_sorted_by(|a, b| a.0 < b.0 || a.0 == b.0 && a.1.end <= b.1.start));
            let read: u64 = places.iter().map(|(_, range)| range.end - range.start).sum();
            prop_assert!(read <= most);
        }
    }

    fn text(rows: u64) -> String {
        (0..rows).map(|i| format!("{},{},{}\n", 1 + i / 50, i * 7919 % 300, 1 + i % 5)).collect()
    }

    fn sampled(name: &str, bytes: &[u8], most: u64) -> Sample {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let spec = crate::job::JobSpec {
            input: toml::from_str(&format!("ratings = {:?}", path.to_str().unwrap())).unwrap(),
            ..Default::default()
        };
        let job = spec.check(folder.path(), "out".into()).unwrap();
        let planned = plan::plan(&mut Solo, &job.input, folder.path()).unwrap();
        let Plan::Files(files) = &planned.plan else { unreachable!("files were named") };
        of_files(files, most).unwrap()
    }

    #[test]
    fn packed_texts_are_begun_and_counted_by_their_packed_bytes() {
        use std::io::Write;
        const ROWS: u64 = 400_000;
        let text = text(ROWS);
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        let packed = packer.finish().unwrap();
        let whole = sampled("r.csv.gz", &packed, 1 << 30);
        assert!(whole.whole && whole.rows.len() as u64 == ROWS && whole.bad == 0);
        let part = sampled("r.csv.gz", &packed, 2 << 20);
        assert!(!part.whole && part.bad == 0 && part.bytes_read < part.bytes);
        let rows = part.rows.len() as f64 * part.bytes as f64 / part.bytes_read as f64;
        assert!((rows / ROWS as f64 - 1.0).abs() < 0.25, "{rows}");
        let plain = sampled("r.csv", text.as_bytes(), 1 << 20);
        assert!(!plain.whole && plain.n_ranges as u64 == RANGES && plain.bad == 0);
        let rows = plain.rows.len() as f64 * plain.bytes as f64 / plain.bytes_read as f64;
        assert!((rows / ROWS as f64 - 1.0).abs() < 0.02, "{rows}");
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
