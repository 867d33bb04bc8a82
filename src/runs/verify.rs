//! `segmill verify`: runs a finished job again in another layout, and compares the digests.
//!
//! The job comes from `run.json`. The second run goes to a folder beside the finished one, which is removed afterwards. The
//! caller does the running.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::ingest::files;
use crate::job::{Job, STDIN, Source};
use crate::results::leftovers::Workspace;
use crate::results::run::{self, Digests, Finished, InputRecord};

/// A finished run that is to be run again.
#[derive(Debug)]
pub struct Rerun {
    output: PathBuf,
    finished: Finished,
    /// What has changed about the input.
    changes: Vec<String>,
    workspace: Workspace,
}

impl Rerun {
    /// Of the output folder `output`.
    ///
    /// # Errors
    /// Where there is no finished run, or its input cannot be read again.
    pub fn of(output: &Path) -> Result<Rerun> {
        let finished = Finished::read(output)?;
        for input in &finished.inputs {
            check_readable(&input.path).map_err(|(problem, remedy)| Error::File {
                path: output.join(run::FILE),
                problem,
                remedy: remedy.into(),
            })?;
        }
        let changes = changes(&finished);
        Ok(Rerun { output: output.to_path_buf(), finished, changes, workspace: Workspace::create(output)? })
    }

    /// What makes a difference likely, a line each.
    pub fn warnings(&self) -> Vec<String> {
        self.finished.foreign().into_iter().chain(self.changes.iter().cloned()).collect()
    }

    /// Processes and workers of each, as the job ran.
    pub fn layout(&self) -> run::Layout {
        self.finished.layout
    }

    /// The record of the run, which is a job too ([`crate::job::load`]).
    pub fn record(&self) -> PathBuf {
        self.output.join(run::FILE)
    }

    /// Where the job is to be run to.
    pub fn rerun_output(&self) -> PathBuf {
        self.workspace.path("again")
    }

    /// The job, with that output.
    pub fn job(&self) -> Result<Job> {
        let job = self.finished.job.clone();
        job.check_again()?;
        Ok(Job { output: self.rerun_output(), ..job })
    }

    /// The digests of both, after the job has run again.
    pub fn compare(&self) -> Result<Comparison> {
        let again = Finished::read(&self.rerun_output())?;
        Ok(Comparison::of(&self.finished.digests, &again.digests, !self.changes.is_empty()))
    }
}

/// Refuses input that is not there: the problem and the remedy.
fn check_readable(path: &Path) -> std::result::Result<(), (String, &'static str)> {
    let is_address = path.to_string_lossy().contains("://");
    if path == Path::new(STDIN) {
        let problem = "the run has read standard input, which cannot be read again".to_string();
        return Err((problem, "run the job on a file with the same rows, and verify that run"));
    }
    if !is_address && !path.exists() {
        let problem = format!("the run has read {}, which is not there", path.display());
        return Err((
            problem,
            "start segmill verify in the folder that the run was started in, with its input in place",
        ));
    }
    Ok(())
}

/// What is not as it was about the input, a line each.
fn changes(finished: &Finished) -> Vec<String> {
    let (then, input) = (&finished.inputs, &finished.job.input);
    let Source::Files(spec) = &input.source else { return Vec::new() };
    // What cannot be listed now will be an error of the run.
    let Ok(files) = files::expand(&spec.ratings) else { return Vec::new() };
    let titles = input.items.iter().filter_map(|titles| InputRecord::on_disk(&titles.path));
    // Files without a byte are not read.
    let now: Vec<InputRecord> =
        files.iter().filter(|file| file.bytes > 0 || file.is_open_ended()).map(InputRecord::of).chain(titles).collect();
    let missing = |file: &InputRecord, among: &[InputRecord]| among.iter().all(|other| other.path != file.path);
    let changed = then.iter().map(|then| match now.iter().find(|now| now.path == then.path) {
        Some(now) => change(then, now),
        None => Some(format!("{} is no part of the input any more", then.path.display())),
    });
    let added = now.iter().filter(|now| !then.is_empty() && missing(now, then));
    let added = added.map(|now| format!("{} was not there when the job ran", now.path.display()));
    changed.flatten().chain(added).collect()
}

/// What has changed about a file, as far as one sees without reading it.
fn change(then: &InputRecord, now: &InputRecord) -> Option<String> {
    let path = then.path.display();
    if now.bytes != then.bytes {
        return Some(format!("{path} has changed since the run: {} bytes then, {} now", then.bytes, now.bytes));
    }
    if now.version != then.version {
        return Some(format!("{path} is another version of the object than the run has read"));
    }
    let touched = then.modified.zip(now.modified).is_some_and(|(then, now)| now > then);
    touched.then(|| format!("{path} was written again since the run, with as many bytes"))
}

/// Tables of two runs, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    tables: Vec<(String, bool)>,
    input_changed: bool,
}

impl Comparison {
    fn of(then: &Digests, now: &Digests, input_changed: bool) -> Comparison {
        let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        let same = |name: &String| then.contains_key(name) && then.get(name) == now.get(name);
        Comparison { tables: names.into_iter().map(|name| (name.clone(), same(name))).collect(), input_changed }
    }

    /// A line for each table.
    pub fn print(&self, sink: &mut impl Write) -> io::Result<()> {
        let width = self.tables.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, same) in &self.tables {
            writeln!(sink, "{name:width$}  {}", if *same { "same" } else { "DIFFERENT" })?;
        }
        Ok(())
    }

    /// # Errors
    /// [`Error::Differs`] unless all tables are the same.
    pub fn judge(&self, output: &Path) -> Result<()> {
        let differ: Vec<&str> = self.tables.iter().filter(|(_, same)| !same).map(|(name, _)| &name[..]).collect();
        if differ.is_empty() {
            return Ok(());
        }
        let problem =
            format!("run again, {} of {} tables differ: {}", differ.len(), self.tables.len(), differ.join(", "));
        let remedy = if self.input_changed {
            "its input has changed since: run the job again"
        } else {
            "run.json was changed, or this is another segmill than wrote it; with neither, please report a bug"
        };
        Err(Error::Differs { place: output.display().to_string(), problem, remedy: remedy.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(pairs: &[(&str, &str)]) -> Digests {
        pairs.iter().map(|(name, digest)| (name.to_string(), digest.to_string())).collect()
    }

    #[test]
    fn tables_are_the_same_only_where_both_have_them_alike() {
        let then = digests(&[("items", "1"), ("model", "2"), ("segments", "3")]);
        let same = Comparison::of(&then, &then, false);
        assert_eq!(same.judge(Path::new("out")), Ok(()));
        let other = Comparison::of(&then, &digests(&[("items", "1"), ("model", "9"), ("new", "3")]), false);
        let mut sink = Vec::new();
        other.print(&mut sink).unwrap();
        let text = String::from_utf8(sink).unwrap();
        assert_eq!(text, "items     same\nmodel     DIFFERENT\nnew       DIFFERENT\nsegments  DIFFERENT\n");
        let error = other.judge(Path::new("out")).unwrap_err();
        assert_eq!(error.exit_code(), 1);
        assert!(
            error.to_string().starts_with("out: run again, 3 of 4 tables differ: model, new, segments; "),
            "{error}"
        );
        assert!(
            Comparison { input_changed: true, ..other }
                .judge(Path::new("out"))
                .unwrap_err()
                .to_string()
                .contains("input")
        );
    }

    #[test]
    fn a_file_of_another_size_or_a_later_time_has_changed() {
        let then = InputRecord { path: "r.csv".into(), bytes: 10, modified: Some(100), version: None };
        let now = |bytes, modified| InputRecord { bytes, modified, ..then.clone() };
        assert_eq!(change(&then, &now(10, Some(100))), None);
        assert_eq!(change(&then, &now(10, Some(90))), None, "copied with its time");
        assert_eq!(change(&then, &now(10, None)), None);
        assert!(change(&then, &now(11, Some(100))).unwrap().contains("10 bytes then, 11 now"));
        assert!(change(&then, &now(10, Some(101))).unwrap().contains("written again"));
        let object = InputRecord { version: Some("b".into()), modified: None, ..then.clone() };
        assert!(change(&then, &object).unwrap().contains("another version"));
    }
}
