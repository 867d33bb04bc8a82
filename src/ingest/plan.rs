//! What to read: found by the coordinator, told to every worker, and shared out among them.

use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::dialect::{self, Dialect};
use super::files::{self, InputFile, Place};
use super::generate::Generator;
use super::ids::Id;
use super::parquet;
use super::source::{self, Codec, failed};
use super::units::{self, Unit};
use super::{Items, titles};
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::job::{FileFormat, FilesSpec, GenerateSpec, Input, Source};

/// What to read, the same on every worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum Plan {
    Files(Vec<PlannedFile>),
    Generate(GenerateSpec),
}

/// A file, and how it is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFile {
    pub file: InputFile,
    pub format: Format,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    Text { codec: Codec, dialect: Dialect },
    Parquet(parquet::Layout),
}

/// A plan, and what keeps its files: standard input is in a file without a name as long as somebody holds it.
pub struct Planned {
    pub plan: Plan,
    _held: Vec<File>,
}

/// Finds out what to read; standard input is put into a file in `scratch`. All workers call it together.
pub fn plan<C: Collective>(c: &mut C, input: &Input, scratch: &Path) -> Result<Planned> {
    let mine = match &input.source {
        Source::Generate(spec) => Ok(Some((Plan::Generate(spec.clone()), Vec::new()))),
        Source::Files(_) if !c.is_coordinator() => Ok(None),
        Source::Files(spec) => plan_files(spec, scratch).map(|(files, held)| Some((Plan::Files(files), held))),
    };
    let (mine, held) = c.agree(mine)?.unzip();
    let plan = c.broadcast_value(mine.as_ref());
    Ok(Planned { plan, _held: held.unwrap_or_default() })
}

fn plan_files(spec: &FilesSpec, scratch: &Path) -> Result<(Vec<PlannedFile>, Vec<File>)> {
    let mut held = Vec::new();
    let mut planned = Vec::new();
    for mut file in files::expand(&spec.ratings)? {
        held.extend(source::spool_stdin(&mut file, scratch)?);
        if file.bytes > 0 {
            planned.push(PlannedFile { format: format(spec, &file)?, file });
        }
    }
    if planned.is_empty() {
        let remedy = "check what writes to the pipe";
        return Err(Error::data("standard input", "there is nothing in it", remedy));
    }
    Ok((planned, held))
}

/// How a file is to be read, found by its first bytes.
pub(crate) fn format(spec: &FilesSpec, file: &InputFile) -> Result<Format> {
    let opened = file.open()?;
    let head = opened.read_at(0, (dialect::HEAD_BYTES as u64).min(file.bytes)).map_err(|e| failed(&file.path, &e))?;
    let codec = Codec::of(&head);
    let is_parquet = parquet::is_parquet(&head);
    match spec.format {
        FileFormat::Delimited if is_parquet => Err(misfit(file, "this is a Parquet file", "\"parquet\" or \"auto\"")),
        FileFormat::Parquet if !is_parquet => Err(misfit(file, "this is no Parquet file", "\"delimited\" or \"auto\"")),
        _ if is_parquet => parquet::layout(spec, file).map(Format::Parquet),
        _ if codec == Codec::None => Ok(Format::Text { codec, dialect: dialect::detect(spec, &file.path, &head)? }),
        _ => {
            let head = file.head(codec, dialect::HEAD_BYTES)?;
            if parquet::is_parquet(&head) {
                let remedy = "unpack it: a Parquet file is packed within";
                return Err(Error::data(file.path.display().to_string(), "this is a packed Parquet file", remedy));
            }
            Ok(Format::Text { codec, dialect: dialect::detect(spec, &file.path, &head)? })
        }
    }
}

fn misfit(file: &InputFile, problem: &str, remedy: &str) -> Error {
    Error::job("input.format", format!("{}: {problem}", file.path.display()), format!("write {remedy}"))
}

/// Bytes of a short row of text: two ids and a rating.
const BYTES_PER_ROW: u64 = 16;

/// Packed texts grow about so much.
const PACKED: u64 = 4;

impl Plan {
    /// About how many rows there are.
    pub fn expected_rows(&self) -> u64 {
        match self {
            Plan::Files(files) => files.iter().map(PlannedFile::expected_rows).sum(),
            Plan::Generate(spec) => (spec.users as f64 * spec.ratings_per_user) as u64,
        }
    }

    /// The files to read; none where data are generated.
    pub fn planned_files(&self) -> &[PlannedFile] {
        match self {
            Plan::Files(files) => files,
            Plan::Generate(_) => &[],
        }
    }

    /// The same without how they are read.
    pub fn files(&self) -> Vec<InputFile> {
        self.planned_files().iter().map(|planned| planned.file.clone()).collect()
    }
}

impl PlannedFile {
    fn expected_rows(&self) -> u64 {
        match &self.format {
            Format::Text { codec: Codec::None, .. } => self.file.bytes / BYTES_PER_ROW,
            Format::Text { .. } => self.file.bytes.saturating_mul(PACKED) / BYTES_PER_ROW,
            Format::Parquet(layout) => layout.n_rows(),
        }
    }
}

/// The pieces that this worker reads, in the order of the input. All workers call it together.
pub fn own_units<C: Collective>(c: &mut C, files: &[PlannedFile]) -> Vec<Unit> {
    let everyone: Vec<usize> = (0..c.peers()).collect();
    let spooled = |file: &PlannedFile| matches!(file.file.place, Place::Spooled(_));
    if !files.iter().any(spooled) {
        return units::share(&units::cut(files, everyone.len()), c.index(), everyone.len());
    }
    // Standard input is read where it can be reached: by the processes of one machine.
    let reached = files.iter().filter(|file| spooled(file)).all(|file| file.file.open().is_ok());
    let reached = c.gather_values(&reached);
    let reached = c.broadcast_value(c.is_coordinator().then_some(&reached));
    let readers: Vec<usize> = everyone.into_iter().filter(|&peer| reached[peer]).collect();
    match readers.iter().position(|&reader| reader == c.index()) {
        Some(place) => units::share(&units::cut(files, readers.len()), place, readers.len()),
        None => Vec::new(),
    }
}

/// The items of the dictionary, with their titles and metadata.
pub fn name_items(input: &Input, plan: &Plan, ids: Vec<Id>) -> Result<Items> {
    match (&input.items, plan) {
        (Some(spec), _) => Ok(titles::read(spec)?.of(ids)),
        (None, Plan::Generate(spec)) => Ok(Generator::new(spec)?.items(ids)),
        (None, Plan::Files(_)) => Ok(Items { titles: vec![None; ids.len()], ids, metadata: Vec::new() }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::ingest::scan::{BadRow, RawRow, RowSink};

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
        let dialect = Dialect::example(",", 4);
        let file = InputFile::on_disk(file.path().into()).unwrap();
        let files = [PlannedFile { file, format: Format::Text { codec: Codec::None, dialect } }];
        let units = units::cut(&files, 1);
        let (before, mut sink) = (rss_file(), Resident::default());
        units::scan_units(&units, &files, &mut sink, |_, _| true).unwrap();
        assert_eq!(sink.rows, LINES);
        let grown = sink.highest.saturating_sub(before) << 10;
        assert!(bytes > 90 << 20 && grown < 32 << 20, "{grown} of {bytes} bytes were in memory at once");
    }
}
