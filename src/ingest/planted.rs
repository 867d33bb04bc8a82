//! Planted data as files: what `segmill generate` writes.
//!
//! | file | holds |
//! |---|---|
//! | `NAME.csv` | `user,item,rating` (explicit) or `user,item` (implicit), users in the order of their ids |
//! | `NAME.items.csv` | `item,title,theme` |
//! | `NAME.labels.csv` | `user,segment`: the planted truth |
//!
//! Threads make the text of blocks of users, and one writer puts the blocks on disk in order, so the bytes do not depend on
//! the number of threads. Each file is written beside its place and renamed when it is whole.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

use super::generate::Generator;
use crate::error::{Error, Result};
use crate::job::{Feedback, GenerateSpec};
use crate::watch::progress::{self, Measure};

/// About how many rows a block has.
const BLOCK_ROWS: f64 = 65536.0;

/// Blocks a thread may be ahead of the writer.
const BLOCKS_AHEAD: usize = 4;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub ratings: PathBuf,
    pub items: PathBuf,
    pub labels: PathBuf,
    pub n_rows: u64,
    /// Size of the file of ratings.
    pub bytes: u64,
}

/// Writes the three files; `out` is that of the ratings. `threads` is at least 1.
///
/// Errors: [`Error::Job`] for a spec that nothing can satisfy, [`Error::File`] where writing fails; then none of the files
/// is left half written.
pub fn write_files(spec: &GenerateSpec, out: &Path, threads: usize) -> Result<Written> {
    let generator = Generator::new(spec)?;
    let (items, labels) = (out.with_extension("items.csv"), out.with_extension("labels.csv"));
    [out, &items, &labels].into_iter().try_for_each(check_target)?;
    let mut ratings_file = Draft::create(out)?;
    let n_rows = write_ratings(&generator, &mut ratings_file, threads.max(1))?;
    let mut items_file = Draft::create(&items)?;
    write_items(&generator, &mut items_file)?;
    let mut labels_file = Draft::create(&labels)?;
    write_labels(&generator, &mut labels_file)?;
    let bytes = ratings_file.bytes;
    ratings_file.publish()?;
    items_file.publish()?;
    labels_file.publish()?;
    Ok(Written { ratings: out.to_path_buf(), items, labels, n_rows, bytes })
}

/// Refuses to replace anything but a plain file: a folder, a device, a pipe.
fn check_target(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(Error::File {
            path: path.to_path_buf(),
            problem: "it is there already, and is no plain file".into(),
            remedy: "choose another file with -o".into(),
        }),
        _ => Ok(()),
    }
}

/// Some rows as text.
struct Block {
    text: Vec<u8>,
    n_rows: u64,
}

fn write_ratings(generator: &Generator, file: &mut Draft, threads: usize) -> Result<u64> {
    let users = generator.spec().users;
    let per_block = ((BLOCK_ROWS / generator.spec().ratings_per_user) as u64).max(1);
    let n_blocks = users.div_ceil(per_block);
    file.write(if generator.spec().feedback == Feedback::Explicit { b"user,item,rating\n" } else { b"user,item\n" })?;
    progress::has_input(users, Measure::Users);
    std::thread::scope(|scope| {
        let makers: Vec<Receiver<Block>> = (0..threads as u64)
            .map(|thread| {
                let (send, receive) = sync_channel(BLOCKS_AHEAD);
                scope.spawn(move || {
                    for block in (thread..n_blocks).step_by(threads) {
                        let first = 1 + block * per_block;
                        let made = make_block(generator, first, users.min(first + per_block - 1));
                        // The writer hangs up when the disk fails.
                        if send.send(made).is_err() {
                            return;
                        }
                    }
                });
                receive
            })
            .collect();
        let mut n_rows = 0;
        for block in 0..n_blocks {
            let maker = &makers[(block % threads as u64) as usize];
            let made = maker.recv().map_err(|_| Error::Bug {
                place: "generate".into(),
                problem: "a thread that makes rows ended early".into(),
            })?;
            file.write(&made.text)?;
            n_rows += made.n_rows;
            progress::rows_read(made.n_rows as usize);
            progress::input_done(per_block.min(users - block * per_block));
        }
        Ok(n_rows)
    })
}

/// The rows of users `first..=last`.
fn make_block(generator: &Generator, first: u64, last: u64) -> Block {
    let explicit = generator.spec().feedback == Feedback::Explicit;
    let mut rows = Vec::new();
    let mut block = Block { text: Vec::with_capacity(BLOCK_ROWS as usize * 20), n_rows: 0 };
    let mut start = Vec::new();
    for user in first..=last {
        generator.user(user, &mut rows);
        block.n_rows += rows.len() as u64;
        start.clear();
        push_number(&mut start, user);
        start.push(b',');
        for &(item, rating) in &rows {
            block.text.extend_from_slice(&start);
            push_number(&mut block.text, item);
            if explicit {
                let half_stars = (2.0 * rating) as u8;
                let half = if half_stars.is_multiple_of(2) { b'0' } else { b'5' };
                block.text.extend_from_slice(&[b',', b'0' + half_stars / 2, b'.', half]);
            }
            block.text.push(b'\n');
        }
    }
    block
}

/// Appends a number in decimal.
#[inline]
fn push_number(text: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
}

/// Titles have no commas or quotes.
fn write_items(generator: &Generator, file: &mut Draft) -> Result<()> {
    file.write_lines(
        "item,title,theme",
        (1..=generator.spec().items)
            .map(|item| format!("{item},{},{}", generator.title(item), generator.theme_name(generator.theme(item)))),
    )
}

fn write_labels(generator: &Generator, file: &mut Draft) -> Result<()> {
    let users = 1..=generator.spec().users;
    file.write_lines("user,segment", users.map(|user| format!("{user},{}", generator.label(user))))
}

/// A file on its way: gone again unless it is published.
struct Draft {
    file: File,
    path: PathBuf,
    draft: PathBuf,
    bytes: u64,
    published: bool,
}

impl Draft {
    fn create(path: &Path) -> Result<Draft> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}.draft", std::process::id()));
        let draft = path.with_file_name(name);
        let file = File::create(&draft)
            .map_err(|e| Error::file(path, "cannot create", &e, "check that the folder exists and is writable"))?;
        Ok(Draft { file, path: path.to_path_buf(), draft, bytes: 0, published: false })
    }

    fn write(&mut self, text: &[u8]) -> Result<()> {
        self.bytes += text.len() as u64;
        self.file.write_all(text).map_err(|e| self.failed("cannot write", &e))
    }

    fn write_lines(&mut self, header: &str, lines: impl Iterator<Item = String>) -> Result<()> {
        let mut text = format!("{header}\n");
        for line in lines {
            text.push_str(&line);
            text.push('\n');
            if text.len() > 1 << 20 {
                self.write(text.as_bytes())?;
                text.clear();
            }
        }
        self.write(text.as_bytes())
    }

    fn publish(mut self) -> Result<()> {
        fs::rename(&self.draft, &self.path)
            .map_err(|e| self.failed("cannot put the finished file in its place", &e))?;
        self.published = true;
        Ok(())
    }

    fn failed(&self, action: &str, error: &std::io::Error) -> Error {
        Error::file(&self.path, action, error, "check the disk's space and the folder's permissions")
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            // Nothing more can be done about a draft that cannot be removed.
            let _ = fs::remove_file(&self.draft);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(feedback: Feedback) -> GenerateSpec {
        GenerateSpec {
            users: 5000,
            items: 700,
            ratings_per_user: 60.0,
            segments: 5,
            feedback,
            affinity: 0.8,
            seed: 3,
            ..GenerateSpec::default()
        }
    }

    fn files(spec: &GenerateSpec, threads: usize) -> (Written, [String; 3]) {
        let dir = tempfile::tempdir().unwrap();
        let written = write_files(spec, &dir.path().join("r.csv"), threads).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "no draft is left");
        let texts = ["r.csv", "r.items.csv", "r.labels.csv"].map(|f| fs::read_to_string(dir.path().join(f)).unwrap());
        (written, texts)
    }

    #[test]
    fn the_bytes_do_not_depend_on_threads() {
        for feedback in [Feedback::Explicit, Feedback::Implicit] {
            let (written, one) = files(&spec(feedback), 1);
            assert_eq!(written.n_rows + 1, one[0].lines().count() as u64);
            assert_eq!(written.bytes, one[0].len() as u64);
            for threads in [2, 5] {
                assert!(files(&spec(feedback), threads).1 == one, "{threads} threads");
            }
        }
    }

    #[test]
    fn the_files_hold_what_the_generator_makes() {
        let spec = spec(Feedback::Explicit);
        let generator = Generator::new(&spec).unwrap();
        let (_, [ratings, items, labels]) = files(&spec, 2);
        let mut lines = ratings.lines();
        assert_eq!(lines.next(), Some("user,item,rating"));
        let mut rows = Vec::new();
        for user in 1..=spec.users {
            generator.user(user, &mut rows);
            for (item, rating) in &rows {
                assert_eq!(lines.next().unwrap(), format!("{user},{item},{rating:.1}"));
            }
        }
        assert_eq!(lines.next(), None);
        let theme = generator.theme_name(generator.theme(7));
        assert_eq!(items.lines().nth(7).unwrap(), format!("7,{},{theme}", generator.title(7)));
        assert_eq!(labels.lines().nth(9).unwrap(), format!("9,{}", generator.label(9)));
        assert_eq!((items.lines().count(), labels.lines().count()), (701, 5001));
    }

    #[test]
    fn failures_name_the_file_and_leave_nothing() {
        let error = write_files(&spec(Feedback::Implicit), Path::new("/nonexistent/r.csv"), 1).unwrap_err();
        assert_eq!(error.exit_code(), 4);
        assert!(error.to_string().starts_with("/nonexistent/r.csv: cannot create"), "{error}");
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("r.csv/full")).unwrap();
        assert_eq!(write_files(&spec(Feedback::Implicit), &dir.path().join("r.csv"), 1).unwrap_err().exit_code(), 4);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
