//! One line to a change, to nothing, or to what is wrong with it.
//!
//! A line is a JSON object (`json`) or delimited text (`delimited`); both are taken apart into the same [`Row`], whose ids, ratings and times are judged by the functions that judge those of the input files
//! ([`crate::ingest::scan`]). Whether a change can be made is not known here: that depends on the ratings there are.
//!
//! The job's filter of rows applies: a change whose time is given and outside, or whose rating is (that of a withdrawal only says
//! which row), is not made. A change without a time passes a filter of times.

use std::sync::Arc;

use super::delimited::Delimited;
use super::json;
use super::row::Row;
use super::rules::Rules;
use super::spec::Format;
use crate::ingest::dialect::BOM;
use crate::ingest::fields::{is_blank, trim, without_cr};
use crate::ingest::rejects::kept;
use crate::job::Job;
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
    /// As in `rejects.tsv`: a name of [`crate::ingest::scan::BadCode`], or one of `BAD_JSON`, `BAD_OP`, `BAD_HEADER`,
    /// [`LONG_LINE`], [`SHORT_LINE`].
    pub code: &'static str,
    /// `op`, `user`, `item`, `rating`, `time` or `row`.
    pub field: &'static str,
    /// What is kept of the line.
    pub raw: String,
}

/// A line of more than [`super::lines::MOST_LINE`] bytes.
pub const LONG_LINE: &str = "LONG_LINE";
/// The beginning of a line whose sender went away before its end.
pub const SHORT_LINE: &str = "SHORT_LINE";

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
            Ok(Some(row)) => judge(&self.rules, row, line),
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

/// What a row is that stands in `line`.
fn judge(rules: &Rules, row: Row, line: &[u8]) -> Parsed {
    let withdrawn = row.op == Op::Withdraw;
    let rating = if withdrawn { row.rating } else { row.rating.or(Some(1.0)) };
    let takes_rating = withdrawn || rating.is_none_or(|rating| rules.of_ratings.takes(rating, 0));
    if !takes_rating || !row.time.is_none_or(|time| rules.of_times.takes(0.0, time)) {
        return Parsed::Filtered;
    }
    let may_be_refused = match row.op {
        Op::Put => false,
        Op::Add => rules.unique,
        Op::Withdraw => true,
    };
    let raw = if may_be_refused { kept(line) } else { String::new() };
    Parsed::Change(Change { op: row.op, user: row.user, item: row.item, rating, origin: Origin::default(), raw })
}

fn bad(code: &'static str, field: &'static str, line: &[u8]) -> Parsed {
    Parsed::Bad(Box::new(Bad { code, field, raw: kept(line) }))
}
