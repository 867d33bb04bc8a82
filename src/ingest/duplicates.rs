//! What happens where several rows have the same user and item: the run ends, or all but the first are rejected. Either
//! way their lines are named.

use serde::{Deserialize, Serialize};

use super::ids::Id;
use super::keys::ItemIndex;
use super::plan::{Plan, PlannedFile};
use super::rejects::{self, Reject};
use super::scan::{BadRow, RawRow, RowSink};
use super::units::{own_units, scan_units};
use crate::collective::Collective;
use crate::error::{Error, Result};

const REMEDY: &str = "set input.duplicates = \"last\", \"sum\", \"mean\" or \"max\", or remove one of them";

/// Ends the run on the first pair, by user then item, that has several rows. The rows are looked for in the input
/// again, so that a run without duplicates need not remember where each row was. `mine` is the first of this worker's
/// pairs, user and item index; `item_index` knows the key of that item.
pub fn refuse<C: Collective>(
    c: &mut C,
    mine: Option<(Id, u32)>,
    item_index: &ItemIndex,
    plan: &Plan,
    hash_seed: u64,
) -> Result<()> {
    let mine = mine.map(|(user, item)| (user, item, item_index.key_of(item)));
    let first = c.gather_values(&mine).into_iter().flatten().min();
    let Some((user, _, item_key)) = c.broadcast_value(Some(&first)) else {
        return Ok(());
    };
    let Plan::Files(files) = plan else {
        return Err(Error::data("input.generate", format!("user {user} has an item several times"), REMEDY));
    };
    let finder = PairFinder { user: user.clone(), item_key, hash_seed, file: 0, found: Vec::new() };
    let found = finder.find(c, files)?;
    let refusal = if c.is_coordinator() { Err(duplicate_error(&user, &found, files)) } else { Ok(()) };
    c.agree(refusal)
}

/// Rejects the rows at `places`, those of this worker whose user and item are in an earlier row, and adds them to the
/// `rejects` so far (on the coordinator). Ends the run if that makes too many. Returns all of them and their number.
pub fn reject<C: Collective>(
    c: &mut C,
    max_bad: f64,
    plan: &Plan,
    places: Vec<u64>,
    mut rejects: Vec<Reject>,
    n_read: u64,
) -> Result<(Vec<Reject>, u64)> {
    let gathered = c.gather(bytemuck::cast_slice(&places).to_vec());
    let places = gathered.iter().flat_map(|bytes| bytemuck::pod_collect_to_vec::<u8, u64>(bytes));
    rejects.extend(places.map(Reject::duplicate));
    rejects.sort();
    let n_rejects = c.broadcast_value(Some(&(rejects.len() as u64)));
    let settled = match rejects.first() {
        Some(first) if n_rejects as f64 > max_bad * n_read as f64 => {
            let files = plan.planned_files();
            numbered(first, files).and_then(|first| Err(rejects::too_many(n_rejects, n_read, max_bad, first, files)))
        }
        _ => Ok(()),
    };
    c.agree(settled)?;
    Ok((rejects, n_rejects))
}

/// A reject with its line number and its text.
fn numbered(reject: &Reject, files: &[PlannedFile]) -> Result<Reject> {
    let mut reject = reject.clone();
    rejects::number_lines(files, std::slice::from_mut(&mut reject))?;
    Ok(reject)
}

/// The error of several rows of one user and item, by the lines of the first two.
fn duplicate_error(user: &Id, found: &[Found], files: &[PlannedFile]) -> Error {
    let [first, second, ..] = found else {
        let problem = format!("user {user} has an item in several rows, but the files no longer contain them");
        return Error::data("input.ratings", problem, "do not change the files during a run");
    };
    let lines = first.line(files).and_then(|a| Ok((a, second.line(files)?)));
    let (first_line, line) = match lines {
        Ok(lines) => lines,
        Err(error) => return error,
    };
    let path = |found: &Found| &files[found.file as usize].file.path;
    let first_at = if first.file == second.file {
        format!("line {first_line}")
    } else {
        format!("{}:{first_line}", path(first).display())
    };
    let problem = format!("user {user} and item {} are already in {first_at}", first.item);
    Error::Row { file: path(second).clone(), line, problem, remedy: REMEDY.into() }
}

/// A row of the pair that is looked for. Sorts in the order of the input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Found {
    file: u32,
    byte: u64,
    item: Id,
}

impl Found {
    fn line(&self, files: &[PlannedFile]) -> Result<u64> {
        rejects::line_of(&files[self.file as usize], self.byte)
    }
}

/// Looks for the rows of one user and item.
struct PairFinder {
    user: Id,
    item_key: Option<u64>,
    hash_seed: u64,
    file: u32,
    found: Vec<Found>,
}

impl PairFinder {
    /// The rows of the pair, in the order of the input, on the coordinator.
    fn find<C: Collective>(mut self, c: &mut C, files: &[PlannedFile]) -> Result<Vec<Found>> {
        let units = own_units(c, files);
        let scanned = scan_units(&units, files, &mut self, |finder, unit| {
            finder.file = unit.file;
            true
        });
        c.agree(scanned)?;
        let mut found = c.gather_values(&self.found).concat();
        found.sort_unstable();
        Ok(found)
    }
}

impl RowSink for PairFinder {
    fn row(&mut self, row: RawRow<'_>) {
        let item = Id::from(row.item);
        if Some(item.key(self.hash_seed)) == self.item_key && Id::from(row.user) == self.user {
            self.found.push(Found { file: self.file, byte: row.byte, item });
        }
    }

    fn bad(&mut self, _bad: BadRow<'_>) {}
}
