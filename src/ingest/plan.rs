//! What to read: found by the coordinator, told to every worker, and shared out among them.

use std::fs::File;
use std::io::Read as _;

use memmap2::{Mmap, UncheckedAdvice};
use serde::{Deserialize, Serialize};

use super::dialect::{self, Dialect};
use super::files::{self, InputFile};
use super::generate::Generator;
use super::ids::Id;
use super::scan::{self, Range, RowSink};
use super::{Items, titles};
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::job::{FilesSpec, GenerateSpec, Input, Source};

/// What to read, the same on every worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum Plan {
    Files(Vec<(InputFile, Dialect)>),
    Generate(GenerateSpec),
}

/// Finds out what to read. All workers call it together.
pub fn plan<C: Collective>(c: &mut C, input: &Input) -> Result<Plan> {
    let mine = match &input.source {
        Source::Generate(spec) => Ok(Some(Plan::Generate(spec.clone()))),
        Source::Files(_) if !c.is_coordinator() => Ok(None),
        Source::Files(spec) => plan_files(spec).map(|files| Some(Plan::Files(files))),
    };
    let mine = c.agree(mine)?;
    Ok(c.broadcast_value(mine.as_ref()))
}

fn plan_files(spec: &FilesSpec) -> Result<Vec<(InputFile, Dialect)>> {
    let files = files::expand(&spec.ratings)?;
    let with_dialect = |file: InputFile| {
        let mut head = Vec::new();
        let opened = File::open(&file.path);
        let read = opened.and_then(|f| f.take(dialect::HEAD_BYTES as u64).read_to_end(&mut head));
        read.map_err(|e| Error::file(&file.path, "cannot read", &e, "check input.ratings and the file's rights"))?;
        let dialect = dialect::detect(spec, &file.path, &head)?;
        Ok((file, dialect))
    };
    files.into_iter().filter(|file| file.bytes > 0).map(with_dialect).collect()
}

/// Bytes of a short row of text: two ids and a rating.
const BYTES_PER_ROW: u64 = 16;

impl Plan {
    /// About how many rows there are.
    pub fn expected_rows(&self) -> u64 {
        match self {
            Plan::Files(files) => files.iter().map(|(file, _)| file.bytes / BYTES_PER_ROW).sum(),
            Plan::Generate(spec) => (spec.users as f64 * spec.ratings_per_user) as u64,
        }
    }

    /// The files to read; none where data are generated.
    pub fn files(&self) -> Vec<InputFile> {
        match self {
            Plan::Files(files) => files.iter().map(|(file, _)| file.clone()).collect(),
            Plan::Generate(_) => Vec::new(),
        }
    }
}

/// The ranges of this worker, in the order of the input.
pub fn own_ranges<C: Collective>(c: &C, files: &[(InputFile, Dialect)]) -> impl Iterator<Item = Range> {
    let only_files: Vec<InputFile> = files.iter().map(|(file, _)| file.clone()).collect();
    let (index, peers) = (c.index(), c.peers());
    scan::cut(&only_files, peers).into_iter().skip(index).step_by(peers)
}

/// Scans this worker's ranges, mapping each file once; `each` is called before each range and after the last. No more of
/// a file is in memory than the range being scanned.
pub fn scan_ranges<S: RowSink>(
    ranges: impl Iterator<Item = Range>,
    files: &[(InputFile, Dialect)],
    sink: &mut S,
    mut each: impl FnMut(&mut S, Option<&Range>) -> bool,
) -> Result<()> {
    let mut mapped: Option<(u32, Mmap)> = None;
    for range in ranges {
        if !each(sink, Some(&range)) {
            break;
        }
        let (file, dialect) = &files[range.file as usize];
        if mapped.as_ref().is_none_or(|(of, _)| *of != range.file) {
            mapped = Some((range.file, map(file)?));
        }
        let (_, bytes) = mapped.as_ref().expect("the file has just been mapped");
        scan::scan(bytes, &range, dialect, sink);
        give_back(bytes, &range);
    }
    each(sink, None);
    Ok(())
}

fn map(file: &InputFile) -> Result<Mmap> {
    let failed =
        |e: std::io::Error| Error::file(&file.path, "cannot read", &e, "check that every machine has the file");
    let opened = File::open(&file.path).map_err(failed)?;
    // SAFETY: the map is read as bytes only. A file that is cut while it is read ends the process with a signal, as with
    // any reader of mapped files; changed bytes are read as they then are.
    let mapped = unsafe { Mmap::map(&opened) }.map_err(failed)?;
    if mapped.len() as u64 != file.bytes {
        let problem = format!("it has {} bytes here, but {} at the coordinator", mapped.len(), file.bytes);
        let remedy = "give every machine the same files and do not change them during a run".to_string();
        return Err(Error::File { path: file.path.clone(), problem, remedy });
    }
    Ok(mapped)
}

/// Lets go of the pages of a scanned range, which would otherwise count as this process's memory until the file is
/// unmapped. Those around it too: its last line ends there, and the kernel maps neighbours of a page that is read.
fn give_back(mapped: &Mmap, range: &Range) {
    const AROUND: u64 = 2 << 20;
    let start = range.start.saturating_sub(AROUND);
    let end = (range.end + AROUND).min(mapped.len() as u64);
    // SAFETY: the map is shared and read-only, so a page that is read again is read from the file again.
    let advised =
        unsafe { mapped.unchecked_advise_range(UncheckedAdvice::DontNeed, start as usize, (end - start) as usize) };
    // Where the kernel will not, more memory is taken: no reason to end the run.
    advised.unwrap_or_else(|e| tracing::debug!("pages of the input stay in memory: {e}"));
}

/// The titles of the dictionary's items.
pub fn name_items(input: &Input, plan: &Plan, ids: Vec<Id>) -> Result<Items> {
    let titles = match (&input.items, plan) {
        (Some(spec), _) => {
            let mut known = titles::read(spec)?;
            ids.iter().map(|id| known.remove(id)).collect()
        }
        (None, Plan::Generate(spec)) => {
            let generator = Generator::new(spec)?;
            let title = |id: &Id| match id {
                Id::Number(item) => Some(generator.title(*item)),
                Id::Text(_) => None,
            };
            ids.iter().map(title).collect()
        }
        (None, Plan::Files(_)) => vec![None; ids.len()],
    };
    Ok(Items { ids, titles })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::ingest::scan::{BadRow, RawRow};

    /// The largest `RssFile` seen, in KiB: pages of mapped files in this process's memory.
    #[derive(Default)]
    struct Resident {
        rows: u64,
        highest: u64,
    }

    impl RowSink for Resident {
        fn row(&mut self, _row: RawRow<'_>) {
            self.rows += 1;
            if self.rows.is_multiple_of(10_000) {
                self.highest = self.highest.max(rss_file());
            }
        }

        fn bad(&mut self, bad: BadRow<'_>) {
            panic!("{}", bad.problem);
        }
    }

    fn rss_file() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
        let line = status.lines().find(|line| line.starts_with("RssFile:")).expect("a line for it");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number of KiB")
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_scanned_file_does_not_stay_in_memory() {
        const LINES: u64 = 4_000_000;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let text: String = (0..LINES / 1000).map(|i| format!("{},7,3.5,1147880044\n", 100_000 + i)).collect();
        (0..1000).for_each(|_| file.write_all(text.as_bytes()).unwrap());
        let bytes = text.len() as u64 * 1000;
        let dialect =
            Dialect { delimiter: b",".to_vec(), data_start: 0, columns: 4, user: 0, item: 1, rating: Some(2) };
        let files = [(InputFile { path: file.path().into(), bytes }, dialect)];
        let ranges = scan::cut(&[files[0].0.clone()], 1).into_iter();
        let (before, mut sink) = (rss_file(), Resident::default());
        scan_ranges(ranges, &files, &mut sink, |_, _| true).unwrap();
        assert_eq!(sink.rows, LINES);
        let grown = sink.highest.saturating_sub(before) << 10;
        assert!(bytes > 90 << 20 && grown < 32 << 20, "{grown} of {bytes} bytes were in memory at once");
    }
}
