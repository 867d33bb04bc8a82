//! The row that is refused: what is kept of it, and the errors that end a run.
//!
//! A worker meets a bad row at a byte of a text and does not know its line number. Lines are counted later
//! ([`super::lines`]), for the few rows that are shown or written. A row of typed columns is known by its number. Why
//! a row is bad is decided where it is read ([`super::scan`], [`super::typed`]) and named by a [`BadCode`].
//!
//! Rejects are sorted by file and byte before anything leaves the room, so the first of them is the same for any number
//! of workers (arrival-blind).

use serde::{Deserialize, Serialize};

use super::ids::Id;
use super::lines::LineCounter;
use super::plan::{Format, PlannedFile};
use super::rows::file_and_byte;
use super::scan::{BadCode, BadRow, RawRow, RowSink};
use super::tables::{Stored, Table};
use super::typed::Layout;
use super::units::{Part, Unit, scan_units};
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::job::{Input, OnBad};

pub use super::lines::{RAW_BYTES, line_of};

/// What is kept of a bad line: at most its first [`RAW_BYTES`] bytes, with those that are not UTF-8 replaced.
pub fn kept(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(RAW_BYTES)]).into_owned()
}

/// A bad row, on its way to the coordinator and `rejects.tsv`. Sorts in the order of the input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reject {
    /// Index of the file.
    pub file: u32,
    /// The byte at which the line starts in the unpacked text; the number of the row, from 0, where rows are no lines.
    pub byte: u64,
    /// Line number from 1; 0 until [`number_lines`] has counted.
    pub line: u64,
    pub code: BadCode,
    /// `user`, `item`, `rating` or `row`.
    pub field: String,
    pub problem: String,
    /// What is [`kept`] of the line.
    pub raw: String,
}

impl Reject {
    pub fn new(file: u32, bad: BadRow<'_>) -> Reject {
        Reject {
            file,
            byte: bad.byte,
            line: 0,
            code: bad.code,
            field: bad.field.into(),
            problem: bad.problem,
            raw: kept(bad.raw),
        }
    }

    /// A row whose user and item are in an earlier one. Its text is read by [`number_lines`].
    pub fn duplicate(place: u64) -> Reject {
        let (file, byte) = file_and_byte(place);
        let problem = "its user and item are in an earlier row already".into();
        let code = BadCode::Duplicate;
        Reject { file, byte, line: 0, code, field: "row".into(), problem, raw: String::new() }
    }

    /// A row of a user who has returned more of the item than is there. Its text is read by [`number_lines`].
    pub fn returned(file: u32, byte: u64, user: &Id, item: &Id) -> Reject {
        let problem = format!("user {user} has returned more of item {item} than is there");
        Reject { file, byte, line: 0, code: BadCode::Return, field: "rating".into(), problem, raw: String::new() }
    }

    /// Its row was a good one, so that nothing is kept of it until [`number_lines`] reads it again.
    fn is_to_be_read(&self) -> bool {
        matches!(self.code, BadCode::Duplicate | BadCode::Return)
    }

    /// The error of a run that does not reject rows. Counts lines where that has not been done.
    pub fn into_error(self, files: &[PlannedFile]) -> Error {
        let planned = &files[self.file as usize];
        let file = &planned.file.path;
        let line = match self.line {
            0 => line_of(planned, self.byte),
            known => Ok(known),
        };
        let remedy = "fix the row or set input.on_bad = \"reject\"".to_string();
        match line {
            Ok(line) => Error::Row { file: file.clone(), line, problem: self.problem, remedy },
            Err(error) => error,
        }
    }
}

/// Sorts rejects in the order of the input, and gives them their line numbers, and duplicates and returns their text. Reads each
/// file at most once.
pub fn number_lines(files: &[PlannedFile], rejects: &mut [Reject]) -> Result<()> {
    rejects.sort();
    for of_file in rejects.chunk_by_mut(|a, b| a.file == b.file) {
        let file = of_file[0].file;
        let mut lines = LineCounter::open(&files[file as usize])?;
        for reject in &mut *of_file {
            reject.line = lines.line_of(reject.byte)?;
            if reject.is_to_be_read() {
                reject.raw = lines.text()?;
            }
        }
        if let Format::Table { layout, stored } = &files[file as usize].format {
            show_rows(files, file, (layout, stored), of_file)?;
        }
    }
    Ok(())
}

/// Gives the duplicates and returns of a file of typed columns, whose rows are no lines, the values of their rows.
fn show_rows(
    files: &[PlannedFile],
    file: u32,
    (layout, stored): (&Layout, &Stored),
    rejects: &mut [Reject],
) -> Result<()> {
    let wanted = rejects.iter().filter(|reject| reject.is_to_be_read()).map(|reject| reject.byte);
    let mut shown = ShownRows { wanted: wanted.collect(), rated: layout.rating.is_some(), found: Vec::new() };
    if let Stored::Database(source) = stored {
        // The rows of a query may come in another order when they are asked for again: then none is shown.
        if shown.wanted.is_empty() || !source.rows.is_cut() {
            return Ok(());
        }
        let wanted = shown.wanted.clone();
        Table::open(&files[file as usize].file, stored)?.scan_rows(&wanted, layout, &mut shown)?;
    } else {
        let groups = groups_with(&shown.wanted, layout);
        let units: Vec<Unit> =
            groups.map(|group| Unit { file, part: Part::Rows(layout.whole(group)), weight: 0 }).collect();
        scan_units(&units, files, &mut shown, |_, _| true)?;
    }
    let mut found = shown.found.into_iter();
    for reject in rejects.iter_mut().filter(|reject| reject.is_to_be_read()) {
        reject.raw = found.next().unwrap_or_default();
    }
    Ok(())
}

/// The groups that hold some of `rows`, which rise.
fn groups_with(rows: &[u64], layout: &Layout) -> impl Iterator<Item = usize> {
    (0..layout.groups.len()).filter(|&group| {
        let first = layout.first_row(group);
        let at = rows.partition_point(|&row| row < first);
        rows.get(at).is_some_and(|&row| row < first + layout.groups[group])
    })
}

/// Rows of a file by their numbers, rising, as lines of text.
struct ShownRows {
    wanted: Vec<u64>,
    rated: bool,
    found: Vec<String>,
}

impl RowSink for ShownRows {
    fn row(&mut self, row: RawRow<'_>) {
        if self.wanted.get(self.found.len()) == Some(&row.byte) {
            let (user, item) = (Id::from(row.user), Id::from(row.item));
            let rating = if self.rated { format!(",{}", row.rating) } else { String::new() };
            self.found.push(format!("{user},{item}{rating}"));
        }
    }

    fn bad(&mut self, _bad: BadRow<'_>) {}
}

/// The error of a run that rejected more than `input.max_bad` (a share, 0..=1) of its rows; `first` is the first of
/// them, in the order of the input.
pub fn too_many(rejected: u64, read: u64, max_bad: f64, first: Reject, files: &[PlannedFile]) -> Error {
    let example = match first.into_error(files) {
        Error::Row { file, line, problem, .. } => format!("the first is {}:{line}: {problem}", file.display()),
        other => return other,
    };
    let share = 100.0 * rejected as f64 / read.max(1) as f64;
    let problem = format!(
        "{rejected} of {read} rows are bad ({share:.2}%), more than input.max_bad = {}% allows; {example}",
        100.0 * max_bad
    );
    Error::data("input.ratings", problem, "fix the rows or raise input.max_bad")
}

/// The error of a run in which no row could be read.
pub fn all_bad(read: u64, first: Reject, files: &[PlannedFile]) -> Error {
    let place = files[first.file as usize].file.path.display().to_string();
    match first.into_error(files) {
        Error::Row { line, problem, .. } => Error::data(
            place,
            format!("all {read} rows are bad; the first is line {line}: {problem}"),
            "check that input.delimiter, input.user, input.item and input.rating fit the file",
        ),
        other => other,
    }
}

/// Ends the run on the first bad row, or when there are too many. Returns the rejects (on the coordinator, without
/// their line numbers), their number and the number of rows read.
pub fn settle<C: Collective>(
    c: &mut C,
    input: &Input,
    files: &[PlannedFile],
    rejects: Vec<Reject>,
    read: u64,
) -> Result<(Vec<Reject>, u64, u64)> {
    let mut totals = [rejects.len() as u64, read];
    c.sum(&mut totals);
    let [n_rejects, n_read] = totals;
    if n_rejects == 0 {
        return Ok((Vec::new(), 0, n_read));
    }
    let mut gathered = c.gather_values(&rejects).concat();
    gathered.sort();
    let settled = match gathered.first() {
        Some(first) => verdict(input, files, first.clone(), n_rejects, n_read),
        // Only the coordinator has them.
        None => Ok(()),
    };
    c.agree(settled)?;
    Ok((gathered, n_rejects, n_read))
}

/// Adds `mine`, rows of this worker that only the whole input shows to be bad, to the `rejects` so far (on the coordinator), and
/// ends the run as [`settle`] does. Returns how many there are then.
pub fn again<C: Collective>(
    c: &mut C,
    input: &Input,
    files: &[PlannedFile],
    (rejects, n_read): (&mut Vec<Reject>, u64),
    mine: Vec<Reject>,
) -> Result<u64> {
    rejects.extend(c.gather_values(&mine).concat());
    rejects.sort();
    let n_rejects = c.broadcast_value(Some(&(rejects.len() as u64)));
    let settled = match rejects.first() {
        Some(first) => verdict(input, files, first.clone(), n_rejects, n_read),
        None => Ok(()),
    };
    c.agree(settled).map(|()| n_rejects)
}

/// Whether the run goes on with `n_rejects` of `n_read` rows rejected, of which `first` is the first.
fn verdict(input: &Input, files: &[PlannedFile], first: Reject, n_rejects: u64, n_read: u64) -> Result<()> {
    match input.on_bad {
        OnBad::Fail => Err(first.into_error(files)),
        OnBad::Reject if n_rejects == n_read => Err(all_bad(n_read, first, files)),
        OnBad::Reject if n_rejects as f64 > input.max_bad * n_read as f64 => {
            Err(too_many(n_rejects, n_read, input.max_bad, first, files))
        }
        OnBad::Reject => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::dialect::Dialect;
    use crate::ingest::source::{Codec, InputFile};

    fn files(text: &str) -> (tempfile::TempDir, Vec<PlannedFile>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ratings.csv");
        std::fs::write(&path, text).unwrap();
        let dialect = Dialect::example(",", 3);
        let file = InputFile::on_disk(path).unwrap();
        (dir, vec![PlannedFile { file, format: Format::Text { codec: Codec::None, cuts: Vec::new(), dialect } }])
    }

    fn reject(byte: u64) -> Reject {
        let problem = "rating \"abc\" is not a number (column 3)".to_string();
        Reject::new(0, BadRow { code: BadCode::BadRating, field: "rating", problem, raw: b"1,2,\xff", byte, line: 0 })
    }

    #[test]
    fn lines_are_numbered_from_one() {
        let text = "user,item,rating\r\n\n1,2,abc\n3,4,abc\n".to_string() + &"5,6,7\n".repeat(400_000) + "8,9,abc";
        let (_dir, files) = files(&text);
        let last = text.len() as u64 - 7;
        let mut rejects = [reject(last), reject(27), reject(19)];
        number_lines(&files, &mut rejects).unwrap();
        assert_eq!(rejects.each_ref().map(|r| (r.byte, r.line)), [(19, 3), (27, 4), (last, 400_005)]);
        assert_eq!(line_of(&files[0], 0), Ok(1));
        assert_eq!(rejects[0].raw, "1,2,\u{fffd}");
    }

    #[test]
    fn errors_say_where_what_and_what_to_do() {
        let (dir, files) = files("1,2,3\n1,2,abc\n");
        let path = dir.path().join("ratings.csv").display().to_string();
        let problem = "rating \"abc\" is not a number (column 3)";
        let error = reject(6).into_error(&files);
        assert_eq!(error.to_string(), format!("{path}:2: {problem}; fix the row or set input.on_bad = \"reject\""));
        assert_eq!(error.exit_code(), 3);
        let error = too_many(3, 200, 0.01, reject(6), &files);
        assert_eq!(
            error.to_string(),
            format!(
                "input.ratings: 3 of 200 rows are bad (1.50%), more than input.max_bad = 1% allows; the first is \
                 {path}:2: {problem}; fix the rows or raise input.max_bad"
            )
        );
    }
}
