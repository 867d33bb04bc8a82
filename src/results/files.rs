//! The files of the output folder: their names, and how one is written.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// The record of a run. A folder that holds one, written by segmill, is a segmill output.
pub const RUN: &str = "run.json";

/// The record of a session of live mode.
pub const FOLLOWED: &str = "follow.json";

/// What the page shows.
pub const SHOWN: &str = "report.json";

/// The page for people.
pub const PAGE: &str = "report.html";

/// The rows that were left out.
pub const REJECTS: &str = "rejects.tsv";

/// The folder of the model.
pub const MODEL: &str = "model";

/// The files in the folder of the model.
pub const OF_MODEL: [&str; 3] = ["model.json", "model.safetensors", "items.parquet"];

/// Everything that an output folder can hold.
pub const ALL: [&str; 13] = [
    RUN,
    FOLLOWED,
    "segments.parquet",
    "profiles.parquet",
    "moves.parquet",
    "explained_variance.csv",
    "inertia.csv",
    "confusion.csv",
    "evidence.csv",
    SHOWN,
    PAGE,
    REJECTS,
    MODEL,
];

/// What to do when a file of the output cannot be written.
pub(crate) const DISK_REMEDY: &str = "check the permissions and free space there, or choose another output with -o";

/// Creates the file `path` with what `fill` writes.
pub(super) fn write(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> Result<()> {
    let written = File::create(path).and_then(|file| {
        let mut sink = BufWriter::new(file);
        fill(&mut sink)?;
        sink.flush()
    });
    written.map_err(|e| Error::file(path, "cannot write", &e, DISK_REMEDY))
}

/// Creates the folder of the model in an output folder, and returns where it is.
pub(super) fn create_model_folder(output: &Path) -> Result<std::path::PathBuf> {
    let folder = output.join(MODEL);
    fs::create_dir(&folder).map_err(|e| Error::file(&folder, "cannot create", &e, DISK_REMEDY))?;
    Ok(folder)
}
