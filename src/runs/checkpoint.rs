//! What a run leaves behind, so that another can go on from it in any layout and reach the same bits.
//!
//! The stages agree on their states (a projection, the centroids and iterations of each start, …): see
//! [`crate::stages::resume`]. All workers have the same ones, and the coordinator writes them. A checkpoint file has:
//!
//! | part | is |
//! |---|---|
//! | `SEGMILL2` | the magic number, with the version of the format |
//! | checksum | BLAKE3 of the rest, 32 bytes |
//! | `identity` | the digest of the job and of the input that it belongs to |
//! | `states` | the newest state of each stage, by name |
//!
//! The rest is in postcard. A file is written beside its place, synced and renamed. The last two are kept: if one is damaged,
//! the one before it is used.
//!
//! Nothing is written before the run has lasted a while: short work is quicker to repeat. A full disk, or a folder that
//! cannot be written, does not end the run: it goes on without checkpoints and warns once.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize, Serializer};

use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::stages::resume::{Checkpoint, States};

/// What every version of a checkpoint file begins with.
const NAME: &[u8; 7] = b"SEGMILL";
/// [`NAME`], then the version of the form. That of segmill 0.1 was `C`, with states in bincode.
const MAGIC: &[u8; 8] = b"SEGMILL2";
const CHECKSUM_BYTES: usize = 32;
const KEPT: usize = 2;

/// After a checkpoint of a stage in progress there is none for so many times as long as it took, so that all of them take a small
/// share of the run.
const REST: u32 = 20;

/// Bytes of a state that are gathered and written in a second, about; the first one has no measure of its own.
const A_SECOND: f64 = 250e6;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Content {
    /// Digest of the job and the input that the states belong to.
    pub identity: String,
    #[serde(serialize_with = "as_bytes")]
    pub states: States,
}

/// States are bytes already: copied as a whole, they are the same file in a fraction of the time.
fn as_bytes<S: Serializer>(states: &States, s: S) -> std::result::Result<S::Ok, S::Error> {
    struct Bytes<'a>(&'a [u8]);
    impl Serialize for Bytes<'_> {
        fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
            s.serialize_bytes(self.0)
        }
    }
    s.collect_map(states.iter().map(|(name, state)| (name, Bytes(state))))
}

/// The states of a run's stages, in memory and on disk.
#[derive(Debug)]
pub struct CheckpointFolder {
    /// Absent: nothing is written.
    folder: Option<PathBuf>,
    content: Content,
    /// Between two files in the middle of a stage, at least.
    every: Duration,
    written: Instant,
    /// When a stage in progress was last told to make its state.
    told: Cell<Option<Instant>>,
    /// How long it took until the state was written.
    took: Duration,
    /// Of the next file.
    number: u64,
}

impl CheckpointFolder {
    /// Reads the newest good file in `folder` that belongs to `identity`, for all workers. `every` is the time between two files
    /// in the middle of a stage; the end of a stage is worth one after a fifth of it.
    ///
    /// # Errors
    /// None for a folder that is missing or cannot be read: then the run begins anew.
    pub fn open<C: Collective>(c: &mut C, folder: &Path, identity: &str, every: Duration) -> CheckpointFolder {
        let found = c.is_coordinator().then(|| newest(folder, identity));
        let next = found.as_ref().map_or(0, |(next, _)| *next);
        let content = c.broadcast_value(found.map(|(_, content)| content.unwrap_or_default()).as_ref());
        let content = Content { identity: identity.into(), ..content };
        let folder = c.is_coordinator().then(|| folder.to_path_buf());
        CheckpointFolder {
            folder,
            content,
            every,
            written: Instant::now(),
            told: Cell::new(None),
            took: Duration::ZERO,
            number: next,
        }
    }

    /// Removes the files: the run is done.
    pub fn remove(mut self) {
        if let Some(folder) = self.folder.take() {
            files(&folder).into_iter().for_each(|(_, path)| drop(fs::remove_file(path)));
            let _ = fs::remove_dir(folder);
        }
    }

    /// True where there is a folder to write to and the last file is older than `age`.
    fn is_older_than(&self, age: Duration) -> bool {
        self.folder.is_some() && self.written.elapsed() >= age
    }
}

impl Checkpoint for CheckpointFolder {
    fn states(&self) -> &States {
        &self.content.states
    }

    fn states_mut(&mut self) -> &mut States {
        &mut self.content.states
    }

    fn is_due(&self, bytes: usize) -> bool {
        let takes = self.took.max(Duration::from_secs_f64(bytes as f64 / A_SECOND));
        let is_due = self.is_older_than(self.every.max(REST * takes));
        if is_due && self.told.get().is_none() {
            self.told.set(Some(Instant::now()));
        }
        is_due
    }

    fn write(&mut self) {
        let Some(folder) = &self.folder else { return };
        match write_file(folder, self.number, &self.content) {
            Ok(()) => {
                self.number += 1;
                self.written = Instant::now();
                if let Some(told) = self.told.take() {
                    self.took = told.elapsed();
                }
            }
            Err(error) => {
                tracing::warn!("going on without checkpoints: {error}");
                self.folder = None;
            }
        }
    }

    fn write_at_end(&mut self) {
        if self.is_older_than(self.every / 5) {
            self.write();
        }
    }
}

/// The files of a folder by number, the newest first.
fn files(folder: &Path) -> Vec<(u64, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<(u64, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name.strip_suffix(".checkpoint")?.parse().ok()?, entry.path()))
        })
        .collect();
    files.sort_by(|a, b| b.cmp(a));
    files
}

/// The number after the newest file's, and the newest good content that belongs to `identity`.
fn newest(folder: &Path, identity: &str) -> (u64, Option<Content>) {
    let files = files(folder);
    let next = files.first().map_or(0, |(number, _)| number + 1);
    for (_, path) in files {
        match read_file(&path) {
            Ok(content) if content.identity == identity => {
                tracing::info!(file = %path.display(), "going on from a checkpoint");
                return (next, Some(content));
            }
            Ok(_) => tracing::info!(file = %path.display(), "a checkpoint of another job or input is passed over"),
            Err(error) => tracing::warn!("{error}"),
        }
    }
    (next, None)
}

fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}.checkpoint"))
}

fn write_file(folder: &Path, number: u64, content: &Content) -> Result<()> {
    let path = path_of(folder, number);
    let beside = path.with_extension("new");
    let written = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = File::create(&beside)?;
        file.write_all(&encode(content))?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(folder)?.sync_all()
    };
    written().map_err(|e| {
        let _ = fs::remove_file(&beside);
        Error::file(&path, "cannot write", &e, "free space there, or name another output")
    })?;
    files(folder).into_iter().skip(KEPT).for_each(|(_, path)| drop(fs::remove_file(path)));
    Ok(())
}

fn read_file(path: &Path) -> Result<Content> {
    let bytes = fs::read(path).map_err(|e| Error::file(path, "cannot read", &e, "check the disk"))?;
    decode(&bytes).map_err(|problem| Error::File {
        path: path.to_path_buf(),
        problem: format!("the checkpoint {problem}"),
        remedy: "the one before it is taken, or the run begins anew".into(),
    })
}

/// What a file of these bytes holds.
pub(crate) fn decode(bytes: &[u8]) -> std::result::Result<Content, &'static str> {
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| match bytes.starts_with(NAME) {
        true => "is of another version of segmill",
        false => "is damaged (it does not begin like one)",
    })?;
    let (checksum, body) = rest.split_first_chunk::<CHECKSUM_BYTES>().ok_or("is damaged (it ends too early)")?;
    if blake3::hash(body).as_bytes() != checksum {
        return Err("is damaged (its checksum does not fit)");
    }
    postcard::from_bytes(body).map_err(|_| "is damaged (it cannot be read)")
}

/// A file that holds `content`.
pub(crate) fn encode(content: &Content) -> Vec<u8> {
    const HEAD_BYTES: usize = MAGIC.len() + CHECKSUM_BYTES;
    let states: usize = content.states.iter().map(|(name, state)| name.len() + state.len() + 20).sum();
    let mut bytes = Vec::with_capacity(HEAD_BYTES + content.identity.len() + states + 20);
    bytes.resize(HEAD_BYTES, 0);
    let mut bytes = postcard::to_extend(content, bytes).expect("states serialise");
    let checksum = blake3::hash(&bytes[HEAD_BYTES..]);
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    bytes[MAGIC.len()..HEAD_BYTES].copy_from_slice(checksum.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::{Solo, testing};

    fn open(folder: &Path, identity: &str) -> CheckpointFolder {
        CheckpointFolder::open(&mut Solo, folder, identity, Duration::ZERO)
    }

    /// As a stage sees them.
    fn states(checkpoint: &CheckpointFolder) -> &dyn Checkpoint {
        checkpoint
    }

    fn states_mut(checkpoint: &mut CheckpointFolder) -> &mut dyn Checkpoint {
        checkpoint
    }

    #[test]
    fn a_state_is_found_again_by_every_worker_until_the_run_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("c");
        let mut checkpoint = open(&folder, "job");
        assert_eq!(states(&checkpoint).restore::<Vec<u32>>("pca"), None);
        states_mut(&mut checkpoint).keep("pca", &vec![1u32, 2]);
        states_mut(&mut checkpoint).keep_if_due("kmeans", || 3.5f64);
        let found = testing::run_workers(3, |c| {
            let checkpoint = CheckpointFolder::open(c, &folder, "job", Duration::ZERO);
            (
                states(&checkpoint).restore::<Vec<u32>>("pca"),
                states(&checkpoint).restore::<f64>("kmeans"),
                checkpoint.folder.is_some(),
            )
        });
        for (worker, (pca, kmeans, writes)) in found.into_iter().enumerate() {
            assert_eq!((pca, kmeans, writes), (Some(vec![1, 2]), Some(3.5), worker == 0));
        }
        assert_eq!(open(&folder, "other job").content.states.len(), 0);
        open(&folder, "job").remove();
        assert!(!folder.exists());
    }

    #[test]
    fn a_damaged_file_is_passed_over_for_the_one_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoint = open(folder.path(), "job");
        (0..5u64).for_each(|i| states_mut(&mut checkpoint).keep("stage", &i));
        assert_eq!(files(folder.path()).len(), KEPT);
        let restored = || states(&open(folder.path(), "job")).restore::<u64>("stage");
        assert_eq!(restored(), Some(4));
        let path = path_of(folder.path(), 4);
        let good = fs::read(&path).unwrap();
        for at in [0, 9, 50, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 4;
            fs::write(&path, bad).unwrap();
            assert_eq!(restored(), Some(3), "byte {at}");
        }
        for length in [0, 7, 20, good.len() - 1] {
            fs::write(&path, &good[..length]).unwrap();
            assert_eq!(restored(), Some(3), "{length} bytes");
        }
        let mut checkpoint = open(folder.path(), "job");
        states_mut(&mut checkpoint).keep("stage", &9u64);
        assert_eq!(restored(), Some(9), "the next number is after the damaged file's");
    }

    #[test]
    fn a_folder_that_cannot_be_written_does_not_end_the_run() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut checkpoint = open(&file.path().join("below a file"), "job");
        states_mut(&mut checkpoint).keep("stage", &1u64);
        states_mut(&mut checkpoint).keep("stage", &2u64);
        assert_eq!(states(&checkpoint).restore::<u64>("stage"), Some(2));
    }

    #[test]
    fn nothing_is_written_before_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoint = CheckpointFolder::open(&mut Solo, folder.path(), "job", Duration::from_secs(3600));
        states_mut(&mut checkpoint).keep("stage", &1u64);
        states_mut(&mut checkpoint).keep_if_due("stage", || -> u64 { unreachable!("it is not due") });
        assert!(files(folder.path()).is_empty());
    }
}
