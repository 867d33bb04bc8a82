//! `segmill run --dry-run`: what a run would do.
//!
//! It finds the input files, looks at the beginning of each, reads the titles, and tries the output folder. Whatever is wrong
//! there ends it with the same error as a run. It does not see what only the whole data show.

use std::fmt::{self, Display, Formatter};

use crate::collective::Solo;
use crate::error::Result;
use crate::flow::cluster::Layout;
use crate::ingest::dialect::Dialect;
use crate::ingest::peek::{Peek, peek};
use crate::ingest::plan::{self, Format, PlannedFile};
use crate::ingest::source::{self, Codec};
use crate::ingest::tables::Stored;
use crate::ingest::titles;
use crate::ingest::typed::{self, Place, TimePlace};
use crate::job::{By, Column, Duplicates, Feedback, FilesSpec, Job, OnBad, Refine, Solver, Source};
use crate::report::terminal::one_line;
use crate::results::write;
use crate::watch::format::{bytes, count, percent, plural, short};

/// Rows shown of a file.
const N_ROWS: usize = 3;
/// Layouts shown; a job that has more has a screen full already.
const N_KINDS: usize = 3;
const LONGEST_CELL: usize = 32;

/// What a run would do.
#[derive(Debug)]
pub struct Preview {
    job: Job,
    processes: usize,
    workers: usize,
    n_files: usize,
    n_bytes: u64,
    kinds: Vec<Kind>,
    n_titles: Option<usize>,
    replaces: bool,
    found: Vec<String>,
}

/// Files that are laid out alike.
#[derive(Debug)]
struct Kind {
    first: PlannedFile,
    n_files: usize,
    seen: Peek,
}

/// Looks at everything that `job` names.
///
/// # Errors
/// Those of the run.
pub fn preview(job: &Job, layout: &Layout) -> Result<Preview> {
    let replaces = write::try_output(&job.output)?;
    let planned = plan::plan(&mut Solo, &job.input, &super::room::scratch_folder(job, &job.output))?;
    let job = &Job { input: planned.input.clone(), ..job.clone() };
    let files = planned.plan.planned_files();
    let kinds = kinds(job, files)?;
    let n_titles = job.input.items.as_ref().map(|spec| Ok(titles::read(spec)?.n_titles())).transpose()?;
    Ok(Preview {
        job: job.clone(),
        processes: layout.processes,
        workers: layout.workers,
        n_files: files.len(),
        n_bytes: files.iter().map(PlannedFile::bytes).sum(),
        kinds,
        n_titles,
        replaces,
        found: planned.found.clone(),
    })
}

/// Refuses a bad row where the run would.
fn kinds(job: &Job, files: &[PlannedFile]) -> Result<Vec<Kind>> {
    let mut kinds: Vec<Kind> = Vec::new();
    for (index, planned) in files.iter().enumerate() {
        let mut seen = peek(planned, index as u32, N_ROWS)?;
        if job.input.on_bad == OnBad::Fail && !seen.bad.is_empty() {
            return Err(seen.bad.swap_remove(0).into_error(files));
        }
        let alike =
            |kind: &&mut Kind| kind.seen.names == seen.names && shape(&kind.first.format) == shape(&planned.format);
        match kinds.iter_mut().find(alike) {
            Some(kind) => {
                kind.n_files += 1;
                kind.seen.n_looked_at += seen.n_looked_at;
                kind.seen.bad.extend(seen.bad);
            }
            None => kinds.push(Kind { first: planned.clone(), n_files: 1, seen }),
        }
    }
    Ok(kinds)
}

/// A format without what differs from file to file of one kind.
fn shape(format: &Format) -> Format {
    let place = |place: &Place| match place {
        Place::Folder { column, .. } => Place::Folder { value: String::new(), column: *column },
        leaf => leaf.clone(),
    };
    match format {
        Format::Text { codec, dialect, .. } => {
            let partitions = vec![String::new(); dialect.partitions.len()];
            Format::Text {
                codec: *codec,
                cuts: Vec::new(),
                dialect: Dialect { data_start: 0, partitions, ..dialect.clone() },
            }
        }
        Format::Table { stored, layout } => Format::Table {
            stored: stored.shape(),
            layout: typed::Layout {
                groups: Vec::new(),
                bytes: Vec::new(),
                user: place(&layout.user),
                item: place(&layout.item),
                rating: layout.rating.as_ref().map(place),
                reading: layout.reading.clone(),
                time: layout.time.as_ref().map(|time| TimePlace { place: place(&time.place), ..time.clone() }),
                texts: layout.texts.iter().map(place).collect(),
            },
        },
    }
}

impl Display for Preview {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let job = &self.job;
        self.input(f)?;
        self.repairs(f)?;
        let filters = [job.filter.keys(true), job.filter.keys(false)].concat();
        if !filters.is_empty() {
            row(f, "filter", &filters.join(", "))?;
        }
        let choices = &job.choices;
        let weighting = or_open(choices.weighting, lower(&job.matrix.weighting));
        let normalize = or_open(choices.normalize, lower(&job.matrix.normalize));
        row(f, "matrix", &format!("weighting {weighting}, normalize {normalize}"))?;
        let solver = match job.pca.solver {
            Solver::Auto => "the solver that suits the data".into(),
            solver => format!("solver {}", lower(&solver)),
        };
        row(f, "pca", &format!("{}, by {solver}", components(job)))?;
        let starts = plural(job.kmeans.n_init as u64, "start");
        row(f, "k-means", &format!("{}, the best of {starts}", segments(job)))?;
        row(f, "sweep", &self.sweep())?;
        let folds = plural(job.validate.folds as u64, "fold");
        row(f, "validate", &format!("{} naive Bayes in {folds}", lower(&job.validate.model)))?;
        let (processes, workers) = (self.processes as u64, plural(self.workers as u64, "worker"));
        let processes = if processes == 1 { "1 process".into() } else { format!("{} processes", count(processes)) };
        row(f, "run by", &format!("{processes} × {workers}, {} of memory each", bytes(job.memory)))?;
        let earlier = if self.replaces { " (in place of the one that is there)" } else { "" };
        row(f, "output", &format!("{}{earlier}", job.output.display()))?;
        writeln!(f, "\nThe job is in order as far as this can tell. Nothing was run, and nothing was written.")
    }
}

/// A setting, or that the run chooses it.
fn or_open(by: By, setting: String) -> String {
    if by.is_open() { "chosen by the run".into() } else { setting }
}

fn components(job: &Job) -> String {
    match job.choices.components.is_open() {
        true => "as many components as the run chooses".into(),
        false => plural(job.pca.components as u64, "component"),
    }
}

fn segments(job: &Job) -> String {
    match job.choices.clusters.is_open() {
        true => "as many segments as the run chooses".into(),
        false => {
            let refined = if job.kmeans.refine == Refine::Mixture { ", refined by a mixture" } else { "" };
            plural(job.kmeans.clusters as u64, "segment") + refined
        }
    }
}

impl Preview {
    /// Which columns were found and why, a line each.
    pub fn found(&self) -> &[String] {
        &self.found
    }

    fn input(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Source::Generate(spec) = &self.job.input.source {
            let kind = if spec.feedback == Feedback::Implicit { "events" } else { "ratings" };
            let rows = short((spec.users as f64 * spec.ratings_per_user) as u64);
            let (users, items) = (plural(spec.users, "user"), plural(spec.items, "item"));
            let segments = plural(spec.segments, "planted segment");
            return row(f, "input", &format!("made up: about {rows} {kind} of {users} and {items} in {segments}"));
        }
        row(f, "input", &format!("{}, {}", plural(self.n_files as u64, "file"), bytes(self.n_bytes)))?;
        self.kinds.iter().take(N_KINDS).try_for_each(|kind| kind.show(f))?;
        if self.kinds.len() > N_KINDS {
            row(f, "", &format!("... and {} more layouts", self.kinds.len() - N_KINDS))?;
        }
        Ok(())
    }

    /// What becomes of dirt, and where titles come from.
    fn repairs(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let input = &self.job.input;
        let bad = match (input.on_bad, input.max_bad) {
            (OnBad::Fail, _) => "the first one ends the run".into(),
            (OnBad::Reject, most) if most >= 1.0 => "go to rejects.tsv".into(),
            (OnBad::Reject, most) => format!("go to rejects.tsv; more than {} of all end the run", percent(most)),
        };
        if matches!(input.source, Source::Files(_)) {
            row(f, "bad rows", &bad)?;
        }
        let repeats = match input.duplicates {
            Duplicates::Error => "a second row of the same user and item ends the run",
            Duplicates::Last => "of the rows of a user and item the last counts",
            Duplicates::Sum => "the rows of a user and item are added up",
            Duplicates::Mean => "the rows of a user and item count with their mean",
            Duplicates::Max => "of the rows of a user and item the largest counts",
        };
        row(f, "repeats", repeats)?;
        match (&input.items, self.n_titles) {
            (Some(items), Some(n)) => {
                row(f, "titles", &format!("{} in {}", plural(n as u64, "title"), items.path.display()))
            }
            _ => self.titles_in_the_ratings(f),
        }
    }

    fn titles_in_the_ratings(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Source::Files(FilesSpec { items, .. }) = &self.job.input.source else { return Ok(()) };
        let shown = |column: &Column| match column {
            Column::Index(index) => format!("column {index} of the ratings"),
            Column::Name(name) => format!("column {} of the ratings", cell(name)),
        };
        if let Some(title) = &items.title {
            row(f, "titles", &format!("in {}", shown(title)))?;
        }
        let names: Vec<String> = items.categories.iter().map(|category| cell(&category.name)).collect();
        if names.is_empty() { Ok(()) } else { row(f, "metadata", &format!("{} in the ratings", names.join(", "))) }
    }

    fn sweep(&self) -> String {
        let Some(sweep) = &self.job.sweep else { return "none".into() };
        let clusters: Vec<String> = sweep.clusters.iter().map(usize::to_string).collect();
        let spaces = [(sweep.projected, "on the components"), (sweep.full, "on all items")];
        let spaces: Vec<&str> = spaces.iter().filter(|(is, _)| *is).map(|(_, space)| *space).collect();
        format!("{} segments, {}", clusters.join(", "), spaces.join(" and "))
    }
}

impl Kind {
    fn show(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let more = match self.n_files {
            1 => String::new(),
            n => format!(" and {} more like it", count(n as u64 - 1)),
        };
        let path = match self.first.file.place {
            source::Place::Spooled(_) => "standard input".into(),
            _ => self.first.file.path.display().to_string(),
        };
        row(f, "", &format!("{path}{more}"))?;
        row(f, "", &format!("  {}", self.layout()))?;
        self.table(f)?;
        match self.seen.bad.len() as u64 {
            0 => Ok(()),
            n => row(f, "", &format!("  {} among the first {}", plural(n, "bad row"), count(self.seen.n_looked_at))),
        }
    }

    fn layout(&self) -> String {
        match &self.first.format {
            Format::Text { codec, dialect, .. } => {
                let header = if self.seen.names.is_empty() { "without header" } else { "with header" };
                let packed = match codec {
                    Codec::None => String::new(),
                    packed => format!(", packed with {}", lower(packed)),
                };
                let columns = plural(dialect.columns as u64, "column");
                format!("{columns}, {}, {header}{packed}", delimiter(&dialect.delimiter))
            }
            Format::Table { stored, layout } => {
                let (rows, groups) = (plural(layout.n_rows(), "row"), layout.groups.len() as u64);
                match stored {
                    Stored::Parquet => format!("Parquet, {rows} in {}", plural(groups, "row group")),
                    Stored::Database(source) => match source.rows.is_cut() {
                        true => format!("PostgreSQL, a table of about {rows}, read over several connections"),
                        false => format!("PostgreSQL, a query of about {rows}, read over one connection"),
                    },
                    Stored::Arrow(_) => {
                        format!("Arrow, {rows} in {groups} record {}", if groups == 1 { "batch" } else { "batches" })
                    }
                }
            }
        }
    }

    /// The columns in use, what the header calls them, and the first rows.
    fn table(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let head = ["user", "item", "rating"].map(String::from);
        let rows = self
            .seen
            .rows
            .iter()
            .map(|(user, item, rating)| [cell(&user.to_string()), cell(&item.to_string()), rating.to_string()]);
        let table: Vec<[String; 3]> = [head, self.columns()].into_iter().chain(rows).collect();
        let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (first, second) = (width(0), width(1));
        for [user, item, rating] in &table {
            row(f, "", &format!("    {user:first$}  {item:second$}  {rating}"))?;
        }
        Ok(())
    }

    /// Where user, item and rating are.
    fn columns(&self) -> [String; 3] {
        let none = || "none: each counts 1".to_string();
        match &self.first.format {
            Format::Text { dialect, .. } => {
                let name = |column: usize| match self.seen.names.get(column) {
                    Some(name) => format!("{column} {}", cell(name)),
                    None if dialect.partition(column).is_some() => format!("{column} of the folders"),
                    None => format!("column {column}"),
                };
                [name(dialect.user), name(dialect.item), dialect.rating.map_or_else(none, name)]
            }
            Format::Table { layout, .. } => {
                let name = |place: &Place| match place {
                    Place::Leaf { column, .. } => format!("column {column}"),
                    Place::Folder { column, .. } => format!("{column} of the folders"),
                };
                [name(&layout.user), name(&layout.item), layout.rating.as_ref().map_or_else(none, name)]
            }
        }
    }
}

fn row(f: &mut Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    writeln!(f, "{label:9} {text}")
}

/// A value of a job as the job file has it.
fn lower(value: &impl fmt::Debug) -> String {
    format!("{value:?}").to_lowercase()
}

fn delimiter(delimiter: &[u8]) -> String {
    match delimiter {
        b"\t" => "parted by tabs".into(),
        b"," => "parted by commas".into(),
        b";" => "parted by semicolons".into(),
        other => format!("parted by {}", one_line(&String::from_utf8_lossy(other))),
    }
}

/// A text of the data, short and on one line.
fn cell(text: &str) -> String {
    let text = one_line(text);
    match text.char_indices().nth(LONGEST_CELL) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
