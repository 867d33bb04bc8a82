//! What a run leaves in its output folder: the tables, the model, the records and the page.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::results::files;
use crate::results::folder;
use crate::results::model;
use crate::results::outcome::Outcome;
use crate::results::rejects::{self, RejectLine};
use crate::results::run::{Digests, RunRecord};
use crate::results::shown::Shown;
use crate::results::table::Table;
use crate::results::tables;

pub use crate::results::files::PAGE;
pub use crate::results::folder::{check_output, try_output};

/// Draws the page that people read.
pub type Draw = fn(&Shown, &mut BufWriter<File>) -> std::io::Result<()>;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// By table, and `model` for the model's tensors.
    pub digests: Digests,
    /// Where `report.html` is.
    pub report: PathBuf,
}

/// Writes the output folder `output`, with the page that `draw` makes. `rejects` are written where there are any.
pub fn write(outcome: &Outcome, output: &Path, rejects: &[RejectLine], draw: Draw) -> Result<Written> {
    let digests = folder::replace(output, |folder| write_files(outcome, folder, rejects, draw))?;
    Ok(Written { digests, report: output.join(PAGE) })
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
    tables.parquet.iter().try_for_each(|table| table.write_parquet(&table.place(folder, "parquet")))?;
    tables.csv.iter().try_for_each(|table| table.write_csv(&table.place(folder, "csv")))?;
    model::write(outcome, &tables.items, &files::create_model_folder(folder)?)?;
    if !rejects.is_empty() {
        rejects::write(rejects, &folder.join(files::REJECTS))?;
    }
    let record = RunRecord::new(outcome, tables.digests(outcome));
    let shown = Shown::of(outcome, record.digests.clone(), !rejects.is_empty());
    files::write(&folder.join(files::SHOWN), |sink| sink.write_all(shown.to_json().as_bytes()))?;
    files::write(&folder.join(PAGE), |sink| draw(&shown, sink))?;
    files::write(&folder.join(files::RUN), |sink| sink.write_all(record.to_json().as_bytes()))?;
    Ok(record.digests)
}

#[cfg(test)]
mod tests;
