//! Finds out what to read, and how.

use std::any::Any;
use std::path::Path;

use super::model::{Format, Plan, PlannedFile};
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::ingest::columns::{self, Settled};
use crate::ingest::dialect::{HEAD_BYTES, detect};
use crate::ingest::source::{Codec, InputFile, Place, cuts, failed, spool_stdin};
use crate::ingest::tables::{self, Kind};
use crate::ingest::{database, files};
use crate::job::{Duplicates, FileFormat, FilesSpec, Input, Source};

/// A plan, and what keeps its files: standard input is in an unnamed file for as long as it is held open, and the state of a database is there
/// for as long as a connection sees it.
pub struct Planned {
    pub plan: Plan,
    /// The job's input, with the columns that were found in place of those that were open.
    pub input: Input,
    /// What was found and why, a line each; empty but on the coordinator.
    pub found: Vec<String>,
    _held: Vec<Box<dyn Any>>,
}

/// Finds out what to read. Standard input is put into a file in `scratch`. All workers call it together.
pub fn plan<C: Collective>(c: &mut C, input: &Input, scratch: &Path) -> Result<Planned> {
    let mine = if c.is_coordinator() { plan_alone(input, scratch).map(Some) } else { Ok(None) };
    let mine = c.agree(mine)?;
    let plan = c.broadcast_value(mine.as_ref().map(|mine| &mine.plan));
    // Columns are names or numbers, which only a format that describes itself can tell apart.
    let input = mine.as_ref().map(|mine| serde_json::to_string(&mine.input).expect("an input serialises"));
    let input = serde_json::from_str(&c.broadcast_value(input.as_ref())).expect("it was an input before it was sent");
    let (found, held) = mine.map(|mine| (mine.found, mine._held)).unzip();
    Ok(Planned { plan, input, found: found.unwrap_or_default(), _held: held.unwrap_or_default() })
}

fn plan_alone(input: &Input, scratch: &Path) -> Result<Planned> {
    let spec = match &input.source {
        Source::Generate(spec) => {
            let plan = Plan::Generate(spec.clone());
            return Ok(Planned { plan, input: input.clone(), found: Vec::new(), _held: Vec::new() });
        }
        Source::Files(spec) => spec,
    };
    let mut files = files::expand(&spec.ratings)?;
    let mut held = Vec::new();
    for file in &mut files {
        held.extend(spool_stdin(file, scratch)?.map(|kept| Box::new(kept) as Box<dyn Any>));
        if matches!(file.place, Place::Database { .. }) {
            held.push(Box::new(database::begin(file)?));
        }
    }
    files.retain(|file| file.bytes > 0 || file.is_open_ended());
    if files.is_empty() {
        let remedy = "check what writes to the pipe";
        return Err(Error::data("standard input", "there is nothing in it", remedy));
    }
    let Settled { input, found } = columns::settle(input, &files)?;
    let Source::Files(spec) = &input.source else { unreachable!("files stay files") };
    files.iter().try_for_each(|file| check_order(input.duplicates, file))?;
    let returns = input.duplicates == Duplicates::Sum;
    let planned = |file: InputFile| Ok(PlannedFile { format: format(spec, &file)?.with(returns), file });
    let plan = Plan::Files(files.into_iter().map(planned).collect::<Result<_>>()?);
    Ok(Planned { plan, input, found, _held: held })
}

/// Refuses to take the last of several rows where rows have no order.
fn check_order(duplicates: Duplicates, file: &InputFile) -> Result<()> {
    let is_database = matches!(file.place, Place::Database { .. });
    if duplicates != Duplicates::Last || !is_database || database::is_ordered(&file.path) {
        return Ok(());
    }
    let problem =
        "it is \"last\", but the rows of a database come in no order in which one of a user and item is the last";
    let remedy = "write a query that ends with ORDER BY, or \"error\", \"sum\", \"mean\" or \"max\"";
    Err(Error::job("input.duplicates", problem, remedy))
}

/// How a file is to be read, found by its first bytes.
pub(crate) fn format(spec: &FilesSpec, file: &InputFile) -> Result<Format> {
    if let Some(kind) = Kind::beside_files(file) {
        check_kind(spec.format, Some(kind), file)?;
        return table_format(kind, spec, file);
    }
    let opened = file.open()?;
    let head = opened.read_at(0, (HEAD_BYTES as u64).min(file.bytes)).map_err(|e| failed(&file.path, &e))?;
    let codec = Codec::of(&head);
    let kind = Kind::of(&head);
    check_kind(spec.format, kind, file)?;
    match kind {
        Some(kind) => table_format(kind, spec, file),
        None if codec == Codec::None => text_format(spec, file, codec, &head),
        None => text_format(spec, file, codec, &unpacked_head(file, codec)?),
    }
}

fn table_format(kind: Kind, spec: &FilesSpec, file: &InputFile) -> Result<Format> {
    tables::layout(kind, spec, file).map(|(layout, stored)| Format::Table { stored, layout })
}

/// Refuses a file of another format than the job says.
fn check_kind(says: FileFormat, kind: Option<Kind>, file: &InputFile) -> Result<()> {
    let wanted = match says {
        FileFormat::Auto => return Ok(()),
        FileFormat::Delimited => None,
        FileFormat::Parquet => Some(Kind::Parquet),
        FileFormat::Arrow => Some(Kind::Arrow),
    };
    if kind == wanted {
        return Ok(());
    }
    let problem = match (kind, wanted) {
        (Some(Kind::Database), _) => "what a database sends has no format".into(),
        (Some(Kind::Arrow), _) => "this is an Arrow file".into(),
        (Some(kind), _) => format!("this is a {} file", kind.name()),
        (None, Some(wanted)) => format!("this is no {} file", wanted.name()),
        (None, None) => unreachable!("they are the same"),
    };
    let other = match kind {
        None => "\"delimited\" or ",
        Some(Kind::Parquet) => "\"parquet\" or ",
        Some(Kind::Arrow) => "\"arrow\" or ",
        Some(Kind::Database) => "",
    };
    Err(misfit(file, &problem, &format!("{other}\"auto\"")))
}

fn text_format(spec: &FilesSpec, file: &InputFile, codec: Codec, head: &[u8]) -> Result<Format> {
    Ok(Format::Text { codec, cuts: cuts(file, codec)?, dialect: detect(spec, &file.path, head)? })
}

/// The first bytes of a packed text.
fn unpacked_head(file: &InputFile, codec: Codec) -> Result<Vec<u8>> {
    let head = file.head(codec, HEAD_BYTES)?;
    match Kind::of(&head).map(Kind::name) {
        None => Ok(head),
        Some(kind) => {
            let remedy = format!("unpack it: {kind} is compressed inside");
            Err(Error::data(file.path.display().to_string(), format!("this is a packed file of {kind}"), remedy))
        }
    }
}

fn misfit(file: &InputFile, problem: &str, remedy: &str) -> Error {
    Error::job("input.format", format!("{}: {problem}", file.path.display()), format!("write {remedy}"))
}
