//! One line to a change, to nothing, or to what is wrong with it.
//!
//! A line is a JSON object ([`super::json`]) or delimited text ([`super::delimited`]); both are taken apart into the same
//! [`Row`], whose ids, ratings and times are judged by the functions that judge those of the input files
//! ([`crate::ingest::scan`]). Whether a change can be made is not known here: that depends on the ratings there are.
//!
//! The job's filter of rows applies: a change whose time is given and outside, or whose rating is (that of a withdrawal only says
//! which row), is not made. A change without a time passes a filter of times.

use std::sync::Arc;

use super::delimited::Delimited;
use super::json;
use super::spec::Format;
use crate::ingest::dialect::BOM;
use crate::ingest::fields::{is_blank, trim, without_cr};
use crate::ingest::ids::Id;
use crate::ingest::rejects::kept;
use crate::ingest::scan::Flaw;
use crate::job::{Duplicates, FilesSpec, Filter, Job, Source, TimeUnit};
use crate::live::change::{Change, Op, Origin};

/// What a line is.
#[derive(Debug, Clone, PartialEq)]
pub enum Parsed {
    /// Its [`Origin`] is not known yet.
    Change(Change),
    /// A change that the job's filter leaves out.
    Filtered,
    /// A blank line, or a header.
    Nothing,
    Bad(Box<Bad>),
}

/// A line that is no change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// As in `rejects.tsv`: a name of [`crate::ingest::scan::BadCode`], or one of those below.
    pub code: &'static str,
    /// `op`, `user`, `item`, `rating`, `time` or `row`.
    pub field: &'static str,
    /// What is kept of the line.
    pub raw: String,
}

/// No JSON object, or one with a field that comes twice or is of a wrong type.
pub const BAD_JSON: &str = "BAD_JSON";
/// The operation is missing or is none.
pub const BAD_OP: &str = "BAD_OP";
/// The columns that the job names are not in the first line.
pub const BAD_HEADER: &str = "BAD_HEADER";
/// A line of more than [`super::lines::MOST_LINE`] bytes.
pub const LONG_LINE: &str = "LONG_LINE";
/// The beginning of a line whose sender went away before its end.
pub const SHORT_LINE: &str = "SHORT_LINE";

/// What is wrong with a line: code and field.
pub(super) type Wrong = (&'static str, &'static str);
/// A row, or nothing where the line is none.
pub(super) type Read = Result<Option<Row>, Wrong>;

/// The code and the field of a flaw.
#[expect(clippy::boxed_local, reason = "as it comes, for map_err")]
pub(super) fn wrong(flaw: Box<Flaw>) -> Wrong {
    (flaw.code.name(), flaw.field)
}

/// What a line says.
pub(super) struct Row {
    pub op: Op,
    pub user: Id,
    pub item: Id,
    pub rating: Option<f64>,
    /// Microseconds since 1970; only read where the filter asks.
    pub time: Option<i64>,
}

/// The operation of that name.
pub(super) fn op(word: &[u8]) -> Result<Op, Wrong> {
    match trim(word) {
        b"put" => Ok(Op::Put),
        b"add" => Ok(Op::Add),
        b"withdraw" => Ok(Op::Withdraw),
        _ => Err((BAD_OP, "op")),
    }
}

/// What all streams have in common.
pub(super) struct Rules {
    format: Format,
    /// Of lines that hold none.
    pub op: Option<Op>,
    /// A user has an item once: another is refused.
    unique: bool,
    /// The job's filter, by what it looks at.
    of_ratings: Filter,
    of_times: Filter,
    /// Times are read.
    pub times: bool,
    pub unit: TimeUnit,
    /// The job's own columns.
    pub spec: FilesSpec,
}

impl Rules {
    fn new(job: &Job, format: Format, op: Option<Op>) -> Rules {
        let Filter { min_rating, max_rating, after, before, .. } = job.filter;
        let spec = match &job.input.source {
            Source::Files(spec) => spec.clone(),
            Source::Generate(_) => FilesSpec::by_position(Vec::new()),
        };
        Rules {
            format,
            op,
            unique: job.input.duplicates == Duplicates::Error,
            of_ratings: Filter { min_rating, max_rating, ..Filter::default() },
            of_times: Filter { after, before, ..Filter::default() },
            times: job.filter.looks_at_time(),
            unit: spec.time.as_ref().map(|time| time.unit).unwrap_or_default(),
            spec,
        }
    }

    /// What a row is that stands in `line`.
    fn judge(&self, row: Row, line: &[u8]) -> Parsed {
        let withdrawn = row.op == Op::Withdraw;
        let rating = if withdrawn { row.rating } else { row.rating.or(Some(1.0)) };
        let takes_rating = withdrawn || rating.is_none_or(|rating| self.of_ratings.takes(rating, 0));
        if !takes_rating || !row.time.is_none_or(|time| self.of_times.takes(0.0, time)) {
            return Parsed::Filtered;
        }
        let may_be_refused = match row.op {
            Op::Put => false,
            Op::Add => self.unique,
            Op::Withdraw => true,
        };
        let raw = if may_be_refused { kept(line) } else { String::new() };
        Parsed::Change(Change { op: row.op, user: row.user, item: row.item, rating, origin: Origin::default(), raw })
    }
}

/// Reads the lines of one stream.
pub struct Parser {
    rules: Arc<Rules>,
    delimited: Delimited,
    /// No line has been read.
    at_start: bool,
}

impl Parser {
    /// For lines that change the ratings of `job`. `op`: what is done with rows that hold no operation.
    pub fn new(job: &Job, format: Format, op: Option<Op>) -> Parser {
        Parser::with(Arc::new(Rules::new(job, format, op)))
    }

    fn with(rules: Arc<Rules>) -> Parser {
        Parser { rules, delimited: Delimited::default(), at_start: true }
    }

    /// The same for another stream, whose layout is not known yet.
    pub fn fresh(&self) -> Parser {
        Parser::with(Arc::clone(&self.rules))
    }

    /// What a line is; without its line feed, with or without the carriage return before it.
    pub fn line(&mut self, line: &[u8]) -> Parsed {
        let line = without_cr(self.without_mark(line));
        if is_blank(line) {
            return Parsed::Nothing;
        }
        let is_json = match self.rules.format {
            Format::Auto => trim(line).starts_with(b"{"),
            Format::Json => true,
            Format::Delimited => false,
        };
        let read = if is_json { json::read(line, &self.rules) } else { self.delimited.read(line, &self.rules) };
        match read {
            Ok(Some(row)) => self.rules.judge(row, line),
            Ok(None) => Parsed::Nothing,
            Err((code, field)) => bad(code, field, line),
        }
    }

    /// A line that is too long to be read, of which this is the beginning.
    pub fn too_long(&mut self, beginning: &[u8]) -> Parsed {
        bad(LONG_LINE, "row", self.without_mark(beginning))
    }

    /// A line whose end will not come.
    pub fn cut_off(&mut self, piece: &[u8]) -> Parsed {
        let piece = self.without_mark(piece);
        if is_blank(piece) { Parsed::Nothing } else { bad(SHORT_LINE, "row", piece) }
    }

    /// The stream's layout is known, or does not matter: no line before the next is needed to understand it.
    pub fn knows_layout(&self) -> bool {
        self.rules.format == Format::Json || self.delimited.knows_layout()
    }

    /// A byte-order mark is no part of the first line.
    fn without_mark<'a>(&mut self, line: &'a [u8]) -> &'a [u8] {
        let first = std::mem::replace(&mut self.at_start, false);
        if first { line.strip_prefix(BOM).unwrap_or(line) } else { line }
    }
}

impl Clone for Parser {
    /// Shares the rules; knows no layout.
    fn clone(&self) -> Parser {
        self.fresh()
    }
}

fn bad(code: &'static str, field: &'static str, line: &[u8]) -> Parsed {
    Parsed::Bad(Box::new(Bad { code, field, raw: kept(line) }))
}
