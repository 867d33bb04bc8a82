//! How a text is cut, before anybody knows what its columns are for.

use super::delimiter::{DELIMITERS, usual_columns};
use super::head::{HEAD_BYTES, check_is_text, first_lines};
use super::want::Row;
use crate::ingest::fields::split;

/// A text, cut into columns.
pub struct Sketch {
    pub delimiter: Vec<u8>,
    /// The number that most lines have.
    pub columns: usize,
    /// The first lines in which no quote stays open; the first of them may be a header.
    pub rows: Vec<Row>,
}

/// Cuts the head of a text at `delimiter`, or else at the one under which the most lines have the usual number of
/// columns, and of two such the one that makes more of them. `None` where that makes no table.
pub fn sketch(head: &[u8], delimiter: Option<&str>) -> Option<Sketch> {
    let head_is_all = head.len() < HEAD_BYTES;
    let head = &head[..head.len().min(HEAD_BYTES)];
    check_is_text("".as_ref(), head).ok()?;
    let lines = first_lines(head, head_is_all);
    let cut = |delimiter: &str| {
        let rows: Vec<Row> = lines.iter().filter_map(|line| split(line.text, delimiter.as_bytes())).collect();
        let columns = usual_columns(&rows);
        let usual = rows.iter().filter(|row| row.len() == columns).count();
        (columns > 1).then(|| ((usual, columns), Sketch { delimiter: delimiter.into(), columns, rows }))
    };
    let given = delimiter.map(|delimiter| vec![delimiter]).unwrap_or_else(|| DELIMITERS.to_vec());
    given.into_iter().filter_map(cut).max_by_key(|(score, _)| *score).map(|(_, sketch)| sketch)
}
