//! Rows that have been fetched, as columns.

use std::rc::Rc;

use super::copy::{NULL, Sent};
use super::model::{Place, Wire};
use super::numeric;
use crate::error::{Error, Result};
use crate::ingest::source::InputFile;
use crate::ingest::typed::{Column, Field, Groups, Kind, Raw};

/// Days, and microseconds, from 1970 to 2000.
const DAYS: i64 = 10_957;
const MICROSECONDS: i64 = DAYS * 86_400_000_000;

/// What is fetched of each row.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The numbers of the columns, and how they are sent.
    pub columns: Vec<(usize, Wire)>,
    /// Before them comes the place of the row.
    pub with_place: bool,
}

impl Asked {
    pub fn n_fields(&self) -> usize {
        self.columns.len() + usize::from(self.with_place)
    }
}

/// Rows that have been fetched.
pub struct Batch {
    pub asked: Asked,
    pub sent: Sent,
    /// The texts of numbers of any length, and where that of a row and column is.
    texts: Vec<u8>,
}

impl Batch {
    pub fn new(asked: Asked) -> Batch {
        Batch { asked, sent: Sent::default(), texts: Vec::new() }
    }

    pub fn n_rows(&self) -> usize {
        self.sent.fields.len() / self.asked.n_fields()
    }

    /// Checks what was sent, and makes texts of numbers of any length.
    pub fn settle(&mut self) -> std::result::Result<(), &'static str> {
        const WRONG: &str = "the server sends a value of another length than its type has";
        self.texts.clear();
        let n = self.asked.n_fields();
        let first = usize::from(self.asked.with_place);
        for row in self.sent.fields.chunks_mut(n) {
            if first == 1 && row[0].1 != 6 {
                return Err(WRONG);
            }
            for (field, (_, wire)) in row[first..].iter_mut().zip(&self.asked.columns) {
                let (start, length) = *field;
                if length == NULL {
                    continue;
                }
                if *wire == Wire::Numeric {
                    let bytes = &self.sent.bytes[start as usize..(start + length) as usize];
                    let start = self.texts.len();
                    numeric::write(bytes, &mut self.texts).ok_or(WRONG)?;
                    *field = (start as u32, (self.texts.len() - start) as u32);
                } else if wire.length().is_some_and(|wanted| wanted != length) {
                    return Err(WRONG);
                }
            }
        }
        Ok(())
    }

    fn field(&self, row: usize, at: usize) -> Option<&[u8]> {
        let (start, length) = self.sent.fields[row * self.asked.n_fields() + at];
        (length != NULL).then(|| &self.sent.bytes[start as usize..(start + length) as usize])
    }

    fn text(&self, row: usize, at: usize) -> Option<&[u8]> {
        let (start, length) = self.sent.fields[row * self.asked.n_fields() + at];
        (length != NULL).then(|| &self.texts[start as usize..(start + length) as usize])
    }

    /// Where a row is in its table.
    pub fn place(&self, row: usize) -> Place {
        let bytes = self.field(row, 0).unwrap_or_default();
        let page = bytes.first_chunk().map_or(0, |page| u32::from_be_bytes(*page));
        let item = bytes.last_chunk().map_or(0, |item| u16::from_be_bytes(*item));
        Place { page: page.into(), item }
    }
}

impl Wire {
    /// Bytes of a value; `None` where they differ.
    fn length(self) -> Option<u32> {
        match self {
            Wire::Bool => Some(1),
            Wire::Int2 => Some(2),
            Wire::Int4 | Wire::Oid | Wire::Float4 | Wire::Date => Some(4),
            Wire::Int8 | Wire::Float8 | Wire::Timestamp | Wire::Time => Some(8),
            Wire::Uuid => Some(16),
            Wire::Numeric | Wire::Text | Wire::AsText => None,
        }
    }

    #[inline(always)]
    fn raw(self, bytes: &[u8]) -> Raw<'_> {
        match self {
            Wire::Bool => Raw::Integer(i64::from(bytes[0] != 0)),
            Wire::Int2 => Raw::Integer(i64::from(i16::from_be_bytes(of(bytes)))),
            Wire::Int4 => Raw::Integer(i64::from(i32::from_be_bytes(of(bytes)))),
            Wire::Int8 | Wire::Time => Raw::Integer(i64::from_be_bytes(of(bytes))),
            Wire::Oid => Raw::Integer(i64::from(u32::from_be_bytes(of(bytes)))),
            Wire::Float4 => Raw::Float(f64::from(f32::from_be_bytes(of(bytes)))),
            Wire::Float8 => Raw::Float(f64::from_be_bytes(of(bytes))),
            // The ends of time are no points in it.
            Wire::Timestamp => since_1970(i64::from_be_bytes(of(bytes)).checked_add(MICROSECONDS)),
            Wire::Date => match i32::from_be_bytes(of(bytes)) {
                i32::MIN | i32::MAX => Raw::Missing,
                days => Raw::Integer(i64::from(days) + DAYS),
            },
            Wire::Uuid | Wire::Numeric | Wire::Text | Wire::AsText => Raw::Bytes(bytes),
        }
    }
}

fn since_1970<'a>(time: Option<i64>) -> Raw<'a> {
    const BEGINNING: i64 = i64::MIN + MICROSECONDS;
    time.filter(|time| *time != BEGINNING).map_or(Raw::Missing, Raw::Integer)
}

#[inline(always)]
fn of<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

/// The rows of a batch as one group.
pub struct Fetched<'f> {
    pub file: &'f InputFile,
    pub batch: Rc<Batch>,
}

/// A column of a batch.
pub struct Sliced {
    batch: Rc<Batch>,
    at: usize,
    wire: Wire,
    kind: Kind,
    start: usize,
    next: usize,
}

impl Groups for Fetched<'_> {
    type Column = Sliced;

    fn file(&self) -> &InputFile {
        self.file
    }

    fn fields(&self) -> Vec<Field> {
        Vec::new()
    }

    fn n_groups(&self) -> usize {
        1
    }

    fn rows(&self, group: usize) -> Option<u64> {
        (group == 0).then(|| self.batch.n_rows() as u64)
    }

    fn open(&self, _group: usize, leaves: &[(usize, Kind)]) -> Result<Vec<Sliced>> {
        let asked = &self.batch.asked;
        let sliced = |&(leaf, kind): &(usize, Kind)| {
            let at = asked.columns.iter().position(|(column, _)| *column == leaf);
            let at = at.ok_or_else(|| self.changed())?;
            let (batch, wire) = (Rc::clone(&self.batch), asked.columns[at].1);
            Ok(Sliced { batch, at: at + usize::from(asked.with_place), wire, kind, start: 0, next: 0 })
        };
        leaves.iter().map(sliced).collect()
    }

    fn unreadable(&self, problem: &&'static str) -> Error {
        Error::data(self.file.path.display().to_string(), *problem, "try again")
    }
}

impl Column for Sliced {
    type Failure = &'static str;

    fn kind(&self) -> Kind {
        self.kind
    }

    fn repeats(&self) -> bool {
        false
    }

    fn read(&mut self, rows: usize) -> std::result::Result<usize, &'static str> {
        self.start = self.next;
        self.next += rows.min(self.batch.n_rows() - self.next);
        Ok(self.next - self.start)
    }

    fn skip(&mut self, rows: usize) -> std::result::Result<usize, &'static str> {
        self.read(rows)
    }

    #[inline(always)]
    fn value(&self, row: usize) -> Raw<'_> {
        let row = self.start + row;
        match self.wire {
            Wire::Numeric => self.batch.text(row, self.at).map_or(Raw::Missing, Raw::Bytes),
            wire => self.batch.field(row, self.at).map_or(Raw::Missing, |bytes| wire.raw(bytes)),
        }
    }

    fn too_few() -> &'static str {
        "a column has fewer rows than the others"
    }
}
