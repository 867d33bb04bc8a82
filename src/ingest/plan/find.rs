//! Finds out what to read, and how.

use std::fs::File;
use std::path::Path;

use super::model::{Format, Plan, PlannedFile};
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::ingest::dialect::{HEAD_BYTES, detect};
use crate::ingest::source::{Codec, InputFile, failed, spool_stdin};
use crate::ingest::{files, parquet};
use crate::job::{FileFormat, FilesSpec, Input, Source};

/// A plan, and what keeps its files: standard input is in an unnamed file for as long as it is held open.
pub struct Planned {
    pub plan: Plan,
    _held: Vec<File>,
}

/// Finds out what to read. Standard input is put into a file in `scratch`. All workers call it together.
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
        held.extend(spool_stdin(&mut file, scratch)?);
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
    let head = opened.read_at(0, (HEAD_BYTES as u64).min(file.bytes)).map_err(|e| failed(&file.path, &e))?;
    let codec = Codec::of(&head);
    let is_parquet = parquet::is_parquet(&head);
    match spec.format {
        FileFormat::Delimited if is_parquet => Err(misfit(file, "this is a Parquet file", "\"parquet\" or \"auto\"")),
        FileFormat::Parquet if !is_parquet => Err(misfit(file, "this is no Parquet file", "\"delimited\" or \"auto\"")),
        _ if is_parquet => parquet::layout(spec, file).map(Format::Parquet),
        _ if codec == Codec::None => text_format(spec, file, codec, &head),
        _ => text_format(spec, file, codec, &unpacked_head(file, codec)?),
    }
}

fn text_format(spec: &FilesSpec, file: &InputFile, codec: Codec, head: &[u8]) -> Result<Format> {
    Ok(Format::Text { codec, dialect: detect(spec, &file.path, head)? })
}

/// The first bytes of a packed text.
fn unpacked_head(file: &InputFile, codec: Codec) -> Result<Vec<u8>> {
    let head = file.head(codec, HEAD_BYTES)?;
    if parquet::is_parquet(&head) {
        let remedy = "unpack it: a Parquet file is compressed inside";
        return Err(Error::data(file.path.display().to_string(), "this is a packed Parquet file", remedy));
    }
    Ok(head)
}

fn misfit(file: &InputFile, problem: &str, remedy: &str) -> Error {
    Error::job("input.format", format!("{}: {problem}", file.path.display()), format!("write {remedy}"))
}
