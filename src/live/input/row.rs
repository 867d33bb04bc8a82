//! What a line says, before it is judged: a row, or what is wrong with it.

use crate::ingest::fields::trim;
use crate::ingest::ids::Id;
use crate::ingest::scan::Flaw;
use crate::live::change::Op;

/// No JSON object, or one with a field that comes twice or is of a wrong type.
pub const BAD_JSON: &str = "BAD_JSON";
/// The operation is missing or is none.
pub const BAD_OP: &str = "BAD_OP";
/// The columns that the job names are not in the first line.
pub const BAD_HEADER: &str = "BAD_HEADER";
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
