//! `segmill export`: the model of a finished run in a form that other programs run.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

pub use crate::export::sql::{Dialect, Wanted};

use crate::error::{Error, Result};
use crate::export::{Reading, Terms, onnx, sql};
use crate::results::fetched::Here;
use crate::results::files::DISK_REMEDY;
use crate::results::model;
use crate::results::run::Finished;
use crate::results::staged::Staged;
use crate::store::is_address;

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Sql(Wanted),
    Onnx,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// None: to standard output.
    pub place: Option<PathBuf>,
    /// What to do with it, in words.
    pub next: String,
    pub warnings: Vec<String>,
}

const STDOUT: &str = "-";
const ELSEWHERE: &str = "name another file with -o";

impl Target {
    fn ending(&self) -> &'static str {
        match self {
            Target::Sql(Wanted { dialect: Dialect::Duckdb, .. }) => "duckdb.sql",
            Target::Sql(Wanted { dialect: Dialect::Postgres, .. }) => "postgres.sql",
            Target::Onnx => "onnx",
        }
    }
}

/// Writes the model of the output `run` as `target`: to the file `output`, to standard output where it is `-`, or beside the run.
pub fn export(run: &Path, target: &Target, output: Option<&Path>) -> Result<Exported> {
    let path = output.map_or_else(|| beside(run, target.ending()), |path| Ok(path.to_path_buf()))?;
    let here = Here::without_users(run)?;
    let finished = Finished::read(here.path())?;
    let folder = here.path().join(model::FOLDER);
    let (model, identity) = (model::read(&folder)?, model::identity(&folder)?);
    let (terms, reading) = (Terms { model: &model, identity: &identity }, Reading::of(&finished.job));
    let place = (path != Path::new(STDOUT)).then_some(path);
    let shown = place.as_ref().map_or("FILE".to_string(), |place| place.display().to_string());
    let next = match target {
        Target::Sql(wanted) => {
            let names = wanted.names(&finished.job)?;
            put(place.as_deref(), |sink| sql::write(&terms, &reading, &names, sink))?;
            let run = names.dialect.command(&shown);
            format!("run `{run}`, then ask SELECT * FROM {}", names.assigned)
        }
        Target::Onnx => {
            let bytes = onnx::encode(&terms, &reading)?;
            put(place.as_deref(), |sink| Ok(sink.write_all(&bytes)))?;
            format!("{} items in, {} segments out, opset {}", terms.n_items(), terms.n_segments(), onnx::OPSET)
        }
    };
    let window = reading.window().map(|window| {
        format!("the run took rows {window} alone, and what is exported sees no times: give it such rows alone")
    });
    Ok(Exported { place, next, warnings: finished.foreign().into_iter().chain(window).collect() })
}

/// The file beside the output, with its name.
fn beside(run: &Path, ending: &str) -> Result<PathBuf> {
    match run.file_name() {
        Some(name) if !is_address(run) => {
            let mut name = name.to_os_string();
            name.push(format!(".{ending}"));
            Ok(run.with_file_name(name))
        }
        _ => Err(Error::job("--output", "there is no folder beside this output to write to", "name a file with -o")),
    }
}

/// Writes what `fill` writes: whole or not at all where it is a file.
fn put(
    place: Option<&Path>,
    fill: impl FnOnce(&mut BufWriter<Box<dyn Write>>) -> Result<io::Result<()>>,
) -> Result<()> {
    let failed =
        |e: io::Error| Error::file(place.unwrap_or(Path::new("standard output")), "cannot write", &e, DISK_REMEDY);
    let staged = place.map(|place| Staged::create(place, ELSEWHERE)).transpose()?;
    let sink: Box<dyn Write> = match &staged {
        Some(staged) => Box::new(File::create(staged.path()).map_err(failed)?),
        None => Box::new(io::stdout()),
    };
    let mut sink = BufWriter::new(sink);
    match fill(&mut sink)?.and_then(|()| sink.flush()) {
        // Who reads has had enough.
        Err(e) if staged.is_none() && e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(failed),
    }?;
    drop(sink);
    staged.map_or(Ok(()), Staged::publish)
}
