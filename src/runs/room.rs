//! Where a job finds room: its shares of memory, and folders for files that do not outlive it.

use std::path::{Path, PathBuf};

use crate::flow::read::Room;
use crate::job::Job;

/// Shares of `memory`: for the rows while they are read, for the ratings that they become until more is known of the data
/// (`settle`), for runs of k-means in progress, and for the tables of a mixture, which come when these runs are
/// over. The rest is for what a stage needs besides.
const ROWS_PERCENT: u64 = 40;
const RATINGS_PERCENT: u64 = 50;
pub const RUNS_PERCENT: u64 = 30;
pub const TABLES_PERCENT: u64 = 30;
/// And for the tables of Naive Bayes.
pub const BAYES_PERCENT: u64 = 20;

/// Where a worker keeps the ratings of a job whose output goes to `output`.
pub fn room(job: &Job, workers: usize, output: &Path) -> Room {
    Room {
        rows: share(job, workers, ROWS_PERCENT),
        blocks: share(job, workers, RATINGS_PERCENT),
        scratch: scratch_folder(job, output),
    }
}

/// A worker's share of the memory of a process.
pub fn share(job: &Job, workers: usize, percent: u64) -> u64 {
    job.memory / 100 * percent / workers as u64
}

/// The folder for files that do not outlive the run.
pub fn scratch_folder(job: &Job, output: &Path) -> PathBuf {
    job.scratch.clone().unwrap_or_else(|| folder_beside(output))
}

/// The same if the job names none: the folder that `output` is in.
pub fn folder_beside(output: &Path) -> PathBuf {
    let parent = output.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    parent.filter(|folder| folder.is_dir()).map_or_else(std::env::temp_dir, Path::to_path_buf)
}
