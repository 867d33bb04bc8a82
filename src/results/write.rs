//! What a run leaves in its output folder: the tables, the model, the records and the page.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::results::files;
use crate::results::model;
use crate::results::outcome::Outcome;
use crate::results::rejects::{self, RejectLine};
use crate::results::run::{Digests, RunRecord};
use crate::results::shown::Shown;
use crate::results::table::Table;
use crate::results::tables;

pub use crate::results::files::PAGE;
pub use crate::results::folder::{NewFolder, check_output, try_output};

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

/// The tables of an outcome, by the form they are written in.
struct Tables<'a> {
    profiles: Table<'a>,
    csv: Vec<Table<'a>>,
    /// A part of the model.
    items: Table<'a>,
}

impl<'a> Tables<'a> {
    fn of(outcome: &'a Outcome) -> Tables<'a> {
        let always = [tables::explained_variance(outcome), tables::inertia(outcome), tables::confusion(outcome)];
        Tables {
            profiles: tables::profiles(outcome),
            csv: always.into_iter().chain(tables::evidence(outcome)).collect(),
            items: tables::items(outcome),
        }
    }

    /// By name, and that of the model.
    fn digests(&self, outcome: &Outcome) -> Digests {
        let all = self.csv.iter().chain([&self.profiles, &self.items]);
        let mut digests: Digests = all.map(|table| (table.name().to_string(), table.digest())).collect();
        digests.insert("model".into(), model::digest(outcome));
        digests
    }
}

/// Writes all but the tables of users, which have the digests `of_users`, into `folder`. `rejects` are written where there are any;
/// `draw` makes the page. Returns all digests.
pub fn fill(
    folder: &Path,
    outcome: &Outcome,
    of_users: Digests,
    rejects: &[RejectLine],
    draw: Draw,
) -> Result<Digests> {
    let tables = Tables::of(outcome);
    tables.profiles.write_parquet(&tables.profiles.place(folder, "parquet"))?;
    tables.csv.iter().try_for_each(|table| table.write_csv(&table.place(folder, "csv")))?;
    model::write(outcome, &tables.items, &files::create_model_folder(folder)?)?;
    if !rejects.is_empty() {
        rejects::write(rejects, &folder.join(files::REJECTS))?;
    }
    let digests = tables.digests(outcome).into_iter().chain(of_users).collect();
    let record = RunRecord::new(outcome, digests);
    let shown = Shown::of(outcome, record.digests.clone(), !rejects.is_empty());
    files::write(&folder.join(files::SHOWN), |sink| sink.write_all(shown.to_json().as_bytes()))?;
    files::write(&folder.join(PAGE), |sink| draw(&shown, sink))?;
    files::write(&folder.join(files::RUN), |sink| sink.write_all(record.to_json().as_bytes()))?;
    Ok(record.digests)
}

#[cfg(test)]
mod tests;
