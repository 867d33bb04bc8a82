//! Writes the three files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use super::blocks::{Block, Blocks};
use super::draft::Draft;
use crate::error::{Error, Result};
use crate::ingest::generate::Generator;
use crate::job::{Feedback, GenerateSpec};
use crate::watch::progress::{self, Measure};

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
/// Errors: [`Error::Job`] for a spec that nothing can satisfy, [`Error::File`] where writing fails; no file is left
/// incomplete then.
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

fn write_ratings(generator: &Generator, file: &mut Draft, threads: usize) -> Result<u64> {
    let spec = generator.spec();
    let blocks = Blocks::of(spec);
    file.write(if spec.feedback == Feedback::Explicit { b"user,item,rating\n" } else { b"user,item\n" })?;
    progress::has_input(spec.users, Measure::Users);
    std::thread::scope(|scope| {
        let makers: Vec<Receiver<Block>> =
            (0..threads).map(|thread| blocks.start(scope, generator, thread, threads)).collect();
        let mut n_rows = 0;
        for block in 0..blocks.len() {
            let made = makers[(block % threads as u64) as usize].recv().map_err(|_| ended_early())?;
            file.write(&made.text)?;
            n_rows += made.n_rows;
            progress::rows_read(made.n_rows as usize);
            progress::input_done(blocks.n_users(block));
        }
        Ok(n_rows)
    })
}

fn ended_early() -> Error {
    Error::Bug { place: "generate".into(), problem: "a thread that makes rows ended early".into() }
}

/// Titles have no commas or quotes.
fn write_items(generator: &Generator, file: &mut Draft) -> Result<()> {
    let theme = |item| generator.theme_name(generator.theme(item));
    let line = |item| format!("{item},{},{}", generator.title(item), theme(item));
    file.write_lines("item,title,theme", (1..=generator.spec().items).map(line))
}

fn write_labels(generator: &Generator, file: &mut Draft) -> Result<()> {
    let users = 1..=generator.spec().users;
    file.write_lines("user,segment", users.map(|user| format!("{user},{}", generator.label(user))))
}
