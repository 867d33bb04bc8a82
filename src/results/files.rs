//! The files of the output folder: their names, and how one is written.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

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

/// The table of the users, and that of those who moved: each a file, or a folder of parts.
pub const SEGMENTS: &str = "segments.parquet";
pub const MOVES: &str = "moves.parquet";

/// The folder of the model.
pub const MODEL: &str = "model";

/// The files in the folder of the model.
pub const OF_MODEL: [&str; 3] = ["model.json", "model.safetensors", "items.parquet"];

/// Everything that an output folder can hold.
pub const ALL: [&str; 13] = [
    RUN,
    FOLLOWED,
    SEGMENTS,
    "profiles.parquet",
    MOVES,
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

/// The name of a part of a table, from 0.
pub fn part(number: u64) -> String {
    format!("part-{number:06}.parquet")
}

pub(super) fn is_part(name: &str) -> bool {
    let number = name.strip_prefix("part-").and_then(|name| name.strip_suffix(".parquet"));
    number.is_some_and(|number| number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The name of a record that is about to take the place of [`RUN`] or [`FOLLOWED`], in a store.
pub const RECORD_TO_BE: &str = ".run.json.new";

/// The files of the table at `path`, in the order of its rows: itself, or its parts where it is a folder.
///
/// # Errors
/// Where the folder cannot be listed.
pub fn of_table(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let entries = fs::read_dir(path)?.collect::<std::io::Result<Vec<_>>>()?;
    let names = entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok());
    let mut parts: Vec<String> = names.filter(|name| is_part(name)).collect();
    // Longer numbers are higher.
    parts.sort_unstable_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    Ok(parts.into_iter().map(|name| path.join(name)).collect())
}

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
pub(super) fn create_model_folder(output: &Path) -> Result<PathBuf> {
    let folder = output.join(MODEL);
    fs::create_dir(&folder).map_err(|e| Error::file(&folder, "cannot create", &e, DISK_REMEDY))?;
    Ok(folder)
}
