//! The output folder, written whole or not at all.
//!
//! Everything is written into a temporary folder beside the output, which is then renamed into place. A folder that an
//! earlier run left there is moved aside first and removed last; anything else in the way is refused and not touched.
//! When something fails, the temporary folder goes, parents made for it go, and the earlier output stays.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::results::followed;
use crate::results::leftovers::{self, Parents};
use crate::results::model;
use crate::results::rejects::{self, RejectLine};
use crate::results::run::{self, Digests, RunRecord};
use crate::results::shown::{self, Shown};
use crate::results::table::{DISK_REMEDY, Table};
use crate::results::{Outcome, tables};

/// Everything that an output folder can hold.
const FILES: [&str; 13] = [
    run::FILE,
    followed::FILE,
    "segments.parquet",
    "profiles.parquet",
    "moves.parquet",
    "explained_variance.csv",
    "inertia.csv",
    "confusion.csv",
    "evidence.csv",
    shown::FILE,
    PAGE,
    "rejects.tsv",
    model::FOLDER,
];

/// The page for people in the output folder.
pub const PAGE: &str = "report.html";

/// Draws the page that people read.
pub type Draw = fn(&Shown, &mut BufWriter<File>) -> std::io::Result<()>;

/// How the name of a page begins that `segmill report` was killed over: see [`crate::results::staged`].
const PAGE_IN_THE_MAKING: &str = ".report.html.new-";

/// What to do about what is in the way of an output.
pub(super) const IN_THE_WAY: &str = "choose another output with -o, or move it away";

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// By table, and `model` for the model's tensors.
    pub digests: Digests,
    /// Where `report.html` is.
    pub report: PathBuf,
}

/// Refuses an output that [`write`] would refuse, before any work is done: something in the way that is not ours, or a
/// place where nothing can be created. Leaves no trace.
pub fn check_output(output: &Path) -> Result<()> {
    leftovers::clear(output);
    try_output(output)
}

/// The same for somebody who only looks: what runs that were killed left there stays.
pub fn try_output(output: &Path) -> Result<()> {
    let target = Target::find(output)?;
    Staging::create(&target).map(drop)
}

/// Writes the output folder `output`, with the page that `draw` makes. `rejects` are written where there are any.
pub fn write(outcome: &Outcome, output: &Path, rejects: &[RejectLine], draw: Draw) -> Result<Written> {
    let digests = replace(output, |folder| write_files(outcome, folder, rejects, draw))?;
    Ok(Written { digests, report: output.join(PAGE) })
}

/// Puts a folder that `fill` has filled in the place `output`.
pub(super) fn replace<T>(output: &Path, fill: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let target = Target::find(output)?;
    let staging = Staging::create(&target)?;
    let filled = fill(&staging.folder)?;
    staging.publish(&target)?;
    Ok(filled)
}

/// The digests of an outcome, in every layout the same.
pub fn digests(outcome: &Outcome) -> Digests {
    Tables::of(outcome).digests(outcome)
}

/// The tables of an outcome, by the form they are written in.
struct Tables<'a> {
    parquet: Vec<Table<'a>>,
    csv: Vec<Table<'a>>,
    /// A part of the model.
    items: Table<'a>,
}

impl<'a> Tables<'a> {
    fn of(outcome: &'a Outcome) -> Tables<'a> {
        let users = [tables::segments(outcome), tables::profiles(outcome)];
        let always = [tables::explained_variance(outcome), tables::inertia(outcome), tables::confusion(outcome)];
        Tables {
            parquet: users.into_iter().chain(tables::moves(outcome)).collect(),
            csv: always.into_iter().chain(tables::evidence(outcome)).collect(),
            items: tables::items(outcome),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Table<'a>> {
        self.parquet.iter().chain(&self.csv).chain([&self.items])
    }

    /// By name, and that of the model.
    fn digests(&self, outcome: &Outcome) -> Digests {
        let mut digests: Digests = self.all().map(|table| (table.name().to_string(), table.digest())).collect();
        digests.insert("model".into(), model::digest(outcome));
        digests
    }
}

fn write_files(outcome: &Outcome, folder: &Path, rejects: &[RejectLine], draw: Draw) -> Result<Digests> {
    let tables = Tables::of(outcome);
    for table in &tables.parquet {
        table.write_parquet(&folder.join(table.name()).with_extension("parquet"))?;
    }
    for table in &tables.csv {
        table.write_csv(&folder.join(table.name()).with_extension("csv"))?;
    }
    let model_folder = folder.join(model::FOLDER);
    fs::create_dir(&model_folder).map_err(|e| Error::file(&model_folder, "cannot create", &e, DISK_REMEDY))?;
    model::write(outcome, &tables.items, &model_folder)?;
    if !rejects.is_empty() {
        rejects::write(rejects, &folder.join("rejects.tsv"))?;
    }
    let record = RunRecord::new(outcome, tables.digests(outcome));
    let shown = Shown::of(outcome, record.digests.clone(), !rejects.is_empty());
    write_file(&folder.join(shown::FILE), |sink| sink.write_all(shown.to_json().as_bytes()))?;
    write_file(&folder.join(PAGE), |sink| draw(&shown, sink))?;
    write_file(&folder.join(run::FILE), |sink| sink.write_all(record.to_json().as_bytes()))?;
    Ok(record.digests)
}

pub(super) fn write_file(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> Result<()> {
    let written = File::create(path).and_then(|file| {
        let mut sink = BufWriter::new(file);
        fill(&mut sink)?;
        sink.flush()
    });
    written.map_err(|e| Error::file(path, "cannot write", &e, DISK_REMEDY))
}

/// Where the output goes, and what is there now.
struct Target {
    /// The output with links resolved, so that a link to a folder stays a link.
    path: PathBuf,
    parent: PathBuf,
    name: String,
    occupied: bool,
}

impl Target {
    /// Finds out what is at `output`; refuses what is neither absent, an empty folder, nor an earlier output.
    fn find(output: &Path) -> Result<Target> {
        let (path, occupied) = match fs::canonicalize(output) {
            Ok(path) => (path, true),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => (output.to_path_buf(), false),
            Err(e) => return Err(Error::file(output, "cannot look at", &e, DISK_REMEDY)),
        };
        if occupied {
            refuse_foreign(&path)?;
        } else if fs::symlink_metadata(output).is_ok() {
            return Err(in_the_way(output, "is a link to nothing"));
        }
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            return Err(in_the_way(output, "is not the name of a folder"));
        };
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        Ok(Target { path, parent, name, occupied })
    }

    /// A name beside the output that nobody else uses: hidden, with the process and a number.
    fn sibling(&self, role: &str) -> PathBuf {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.parent.join(format!(".{}.{role}-{}-{number}", self.name, std::process::id()))
    }
}

fn refuse_foreign(path: &Path) -> Result<()> {
    if !path.is_dir() {
        return Err(in_the_way(path, "is a file, not a folder"));
    }
    let names = entries(path)?;
    if names.is_empty() {
        return Ok(());
    }
    let is_record = |file: &str| fs::read(path.join(file)).is_ok_and(|json| run::is_ours(&json));
    if !is_record(run::FILE) && !is_record(followed::FILE) {
        return Err(in_the_way(path, "is a folder that segmill did not write"));
    }
    // Replacing the folder would lose what somebody else has put into it.
    let model = path.join(model::FOLDER);
    let in_model = if model.is_dir() { entries(&model)? } else { Vec::new() };
    let is_ours = |name: &str, ours: &[&str]| ours.contains(&name) || name.starts_with(PAGE_IN_THE_MAKING);
    let foreign = |names: Vec<String>, ours: &[&str]| names.into_iter().find(|name| !is_ours(name, ours));
    match foreign(names, &FILES).or_else(|| foreign(in_model, &model::FILES)) {
        None => Ok(()),
        Some(name) => Err(in_the_way(path, &format!("holds {name:?}, which segmill did not write"))),
    }
}

fn entries(folder: &Path) -> Result<Vec<String>> {
    let failed = |e| Error::file(folder, "cannot list", &e, DISK_REMEDY);
    let entries = fs::read_dir(folder).map_err(failed)?;
    entries.map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned())).collect()
}

fn in_the_way(path: &Path, problem: &str) -> Error {
    Error::File { path: path.to_path_buf(), problem: format!("the output {problem}"), remedy: IN_THE_WAY.into() }
}

/// The temporary folder. Dropped before it is published, it takes along everything that was created for it.
struct Staging {
    folder: PathBuf,
    /// Held as long as the folder is somebody's: see [`leftovers`].
    _lock: Option<File>,
    _parents: Parents,
    published: bool,
}

impl Staging {
    fn create(target: &Target) -> Result<Staging> {
        let failed = |e: std::io::Error| Error::file(&target.path, "cannot create the output", &e, DISK_REMEDY);
        let parents = Parents::create(&target.parent).map_err(failed)?;
        let folder = target.sibling("new");
        let mut staging = Staging { folder, _lock: None, _parents: parents, published: false };
        fs::create_dir(&staging.folder).map_err(failed)?;
        staging._lock = leftovers::claim(&staging.folder);
        Ok(staging)
    }

    /// Renames the folder into place. An earlier output is moved aside, and back if the rename fails.
    fn publish(mut self, target: &Target) -> Result<()> {
        let failed =
            |e: std::io::Error| Error::file(&target.path, "cannot move the output into place", &e, DISK_REMEDY);
        if !target.occupied {
            fs::rename(&self.folder, &target.path).map_err(failed)?;
            self.published = true;
            return Ok(());
        }
        let aside = target.sibling("old");
        fs::rename(&target.path, &aside).map_err(failed)?;
        if let Err(e) = fs::rename(&self.folder, &target.path) {
            return match fs::rename(&aside, &target.path) {
                Ok(()) => Err(failed(e)),
                Err(_) => {
                    Err(failed(std::io::Error::other(format!("{e}; the earlier one is now {}", aside.display()))))
                }
            };
        }
        self.published = true;
        // The new output is in place: an earlier one that cannot be removed is no failure of this run.
        if let Err(e) = fs::remove_dir_all(&aside) {
            tracing::warn!("cannot remove the earlier output {}: {e}; remove it", aside.display());
        }
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        // What cannot be removed is left: the error that brought us here is the one to report.
        leftovers::remove(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{self, MOVIELENS, SMALL, Size};

    fn write(outcome: &Outcome, output: &Path, rejects: &[RejectLine]) -> Result<Written> {
        super::write(outcome, output, rejects, fixture::blank_page)
    }

    fn listing(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_folder_has_the_documented_files_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("a/b/out");
        let outcome = fixture::outcome(SMALL);
        check_output(&output).unwrap();
        assert!(listing(folder.path()).is_empty(), "the check leaves no trace");
        let written = write(&outcome, &output, &[]).unwrap();
        assert_eq!(
            listing(&output),
            [
                "confusion.csv",
                "evidence.csv",
                "explained_variance.csv",
                "inertia.csv",
                "model",
                "moves.parquet",
                "profiles.parquet",
                "report.html",
                "report.json",
                "run.json",
                "segments.parquet"
            ]
        );
        assert_eq!(listing(&output.join("model")), ["items.parquet", "model.json", "model.safetensors"]);
        assert_eq!(listing(&folder.path().join("a/b")), ["out"]);
        assert_eq!(written.report, output.join("report.html"));
    }

    #[test]
    fn run_json_reads_back_and_has_the_documented_keys() {
        let folder = tempfile::tempdir().unwrap();
        let outcome = fixture::outcome(SMALL);
        let written = write(&outcome, &folder.path().join("out"), &[]).unwrap();
        let json = fs::read(folder.path().join("out/run.json")).unwrap();
        let record: RunRecord = serde_json::from_slice(&json).unwrap();
        assert_eq!(record, RunRecord::new(&outcome, written.digests));
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        for key in ["job", "versions", "ledger", "stages", "peak_memory", "iterations", "total_variance", "solver"] {
            assert!(!value[key].is_null(), "{key}");
        }
        assert_eq!(value["explained_variance_ratio"][0], 0.14);
        assert!(
            value["validation"]["in_sample_accuracy"].is_f64() && value["validation"]["out_of_fold_accuracy"].is_f64()
        );
        assert_eq!(value["inertia"], 104_000.0);
        let tables: Vec<&String> = value["digests"].as_object().unwrap().keys().collect();
        assert_eq!(
            tables,
            [
                "confusion",
                "evidence",
                "explained_variance",
                "inertia",
                "items",
                "model",
                "moves",
                "profiles",
                "segments"
            ]
        );
    }

    #[test]
    fn digests_ignore_layout_times_and_paths_but_see_every_result() {
        let outcome = fixture::outcome(SMALL);
        let mut elsewhere = outcome.clone();
        elsewhere.measured.workers = 7;
        elsewhere.measured.processes = 3;
        elsewhere.measured.stages.clear();
        elsewhere.measured.peak_memory = 1;
        elsewhere.job.output = "elsewhere".into();
        elsewhere.warnings.clear();
        elsewhere.pca.solver.reason.clear();
        assert_eq!(digests(&elsewhere), digests(&outcome));
        let mut other = outcome.clone();
        other.users.assignment.second_distance[3] += 1e-12;
        other.profiles[0].top[0].score += 1e-12;
        other.pca.explained_variance[0] += 1e-9;
        other.sweep.as_mut().unwrap().full.as_mut().unwrap().knee = None;
        other.validation.out_of_fold.counts[(0, 0)] += 1;
        other.items.titles[0] = None;
        other.evidence.as_mut().unwrap().by_clusters[2].davies_bouldin += 1e-12;
        other.names[0] = "Other".into();
        other.moves.margin[0] += 1e-12;
        let (was, is) = (digests(&outcome), digests(&other));
        assert!(was.iter().all(|(table, digest)| is[table] != *digest), "{was:?} {is:?}");
    }

    #[test]
    fn an_earlier_output_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        let line = RejectLine {
            file: "u.data".into(),
            line: 1,
            byte: 0,
            code: "rating".into(),
            field: "rating".into(),
            raw: "x".into(),
        };
        write(&fixture::outcome(SMALL), &output, &[line]).unwrap();
        assert!(output.join("rejects.tsv").exists());
        check_output(&output).unwrap();
        fs::write(output.join(".report.html.new-7-0"), "half a page").unwrap();
        write(&Outcome { evidence: None, ..fixture::outcome(SMALL) }, &output, &[]).unwrap();
        assert!(!output.join("rejects.tsv").exists() && !output.join("evidence.csv").exists());
        assert_eq!(listing(folder.path()), ["out"]);
    }

    #[test]
    fn an_empty_folder_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        fs::create_dir(&output).unwrap();
        write(&fixture::outcome(SMALL), &output, &[]).unwrap();
        assert!(output.join("run.json").exists());
        assert_eq!(listing(folder.path()), ["out"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_an_earlier_output_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        write(&fixture::outcome(SMALL), &real, &[]).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&fixture::outcome(SMALL), &link, &[]).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(real.join("run.json").exists());
    }

    #[test]
    fn what_is_not_ours_is_refused_and_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let (photos, file, foreign) =
            (folder.path().join("photos"), folder.path().join("file"), folder.path().join("foreign"));
        fs::create_dir(&photos).unwrap();
        fs::write(photos.join("cat.jpg"), "cat").unwrap();
        fs::write(&file, "text").unwrap();
        fs::create_dir(&foreign).unwrap();
        fs::write(foreign.join("run.json"), "{\"run\": 1}").unwrap();
        let mixed = folder.path().join("mixed");
        write(&fixture::outcome(SMALL), &mixed, &[]).unwrap();
        fs::write(mixed.join("notes.txt"), "mine").unwrap();
        for (output, problem) in [
            (photos.clone(), "segmill did not write"),
            (file.clone(), "is a file"),
            (foreign.clone(), "segmill did not write"),
            (mixed.clone(), "\"notes.txt\""),
            (file.join("below"), "cannot"),
        ] {
            let errors =
                [check_output(&output).unwrap_err(), write(&fixture::outcome(SMALL), &output, &[]).unwrap_err()];
            for error in errors {
                assert_eq!(error.exit_code(), 4);
                let message = error.to_string();
                assert!(message.contains(problem) && message.contains("-o") && !message.contains('\n'), "{message}");
            }
        }
        assert_eq!(listing(folder.path()), ["file", "foreign", "mixed", "photos"]);
        assert!(mixed.join("notes.txt").exists() && mixed.join("report.html").exists());
        assert_eq!((listing(&photos), listing(&foreign)), (vec!["cat.jpg".to_string()], vec!["run.json".to_string()]));
    }

    /// An item number past 2⁶³ cannot be written to Parquet: the tables before it are already there by then.
    #[test]
    fn a_failure_half_way_leaves_nothing_and_keeps_the_earlier_output() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("deep/out");
        let mut broken = fixture::outcome(SMALL);
        broken.items.ids[0] = crate::ingest::ids::Id::Number(u64::MAX);
        assert_eq!(write(&broken, &output, &[]).unwrap_err().exit_code(), 4);
        assert!(listing(folder.path()).is_empty(), "the parents made for it are gone too");
        let before = write(&fixture::outcome(SMALL), &output, &[]).unwrap();
        assert!(write(&broken, &output, &[]).is_err());
        assert_eq!(listing(&folder.path().join("deep")), ["out"]);
        let record: RunRecord = serde_json::from_slice(&fs::read(output.join(run::FILE)).unwrap()).unwrap();
        assert_eq!(record.digests, before.digests);
    }

    /// Reports to look at, in a folder of the system's temporary one, and how long each takes to write:
    /// `cargo test --release --lib reports_to_look_at -- --ignored --nocapture`.
    #[test]
    #[ignore = "writes pages for a person to look at"]
    fn reports_to_look_at() {
        let folder = std::env::temp_dir().join("segmill-reports");
        let many = Size { users: 30_000, items: 500, clusters: 200, components: 12, top: 10 };
        let one = Size { users: 1, items: 1, clusters: 1, components: 1, top: 10 };
        let million = Size { users: 1_000_000, items: 2_000, clusters: 12, components: 10, top: 10 };
        for (name, size) in
            [("movielens", MOVIELENS), ("small", SMALL), ("many", many), ("one", one), ("million", million)]
        {
            let mut outcome = fixture::outcome(size);
            outcome.job.output = name.into();
            let start = std::time::Instant::now();
            let written = write(&outcome, &folder.join(name), &[]).unwrap();
            eprintln!("{:?} {}", start.elapsed(), written.report.display());
        }
    }
}
