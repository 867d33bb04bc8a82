//! The values of one column of a record batch.

use arrow_array::{Array, ArrayRef, make_array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType};

use super::failure::{Result, damaged};
use crate::ingest::typed::{Column, Kind, Raw};

/// One column, read in batches.
pub struct ArrayColumn {
    kind: Kind,
    values: Nullable,
    n_rows: usize,
    /// Where the rows of the batch begin, and where the next one does.
    start: usize,
    next: usize,
}

struct Nullable {
    values: Values,
    nulls: Option<NullBuffer>,
}

/// Values as they lie in the record batch.
enum Values {
    Boolean(BooleanBuffer),
    Int8(ScalarBuffer<i8>),
    Int16(ScalarBuffer<i16>),
    Int32(ScalarBuffer<i32>),
    Int64(ScalarBuffer<i64>),
    UInt8(ScalarBuffer<u8>),
    UInt16(ScalarBuffer<u16>),
    UInt32(ScalarBuffer<u32>),
    UInt64(ScalarBuffer<u64>),
    Float(ScalarBuffer<f32>),
    Double(ScalarBuffer<f64>),
    Text {
        ends: ScalarBuffer<i32>,
        bytes: Buffer,
    },
    LargeText {
        ends: ScalarBuffer<i64>,
        bytes: Buffer,
    },
    Views {
        views: ScalarBuffer<u128>,
        bytes: Vec<Buffer>,
    },
    Fixed {
        size: usize,
        bytes: Buffer,
    },
    /// The highest byte first, as a Parquet file has them.
    Decimal(Vec<[u8; 16]>),
    Dictionary {
        keys: Box<Values>,
        values: Box<Nullable>,
    },
}

impl ArrayColumn {
    pub fn new(array: &ArrayRef, kind: Kind) -> Result<ArrayColumn> {
        Ok(ArrayColumn { kind, values: Nullable::of(array)?, n_rows: array.len(), start: 0, next: 0 })
    }
}

impl Nullable {
    fn of(array: &ArrayRef) -> Result<Nullable> {
        Ok(Nullable { values: Values::of(array, array.data_type())?, nulls: array.nulls().cloned() })
    }

    #[inline(always)]
    fn value(&self, row: usize) -> Raw<'_> {
        match &self.nulls {
            Some(nulls) if nulls.is_null(row) => Raw::Missing,
            _ => self.values.value(row),
        }
    }
}

impl Values {
    /// The values of an array, taken for `of`, which is laid out alike.
    fn of(array: &ArrayRef, of: &DataType) -> Result<Values> {
        use DataType::*;
        let data = array.to_data();
        let (offset, n_rows) = (data.offset(), data.len());
        let buffer = |at: usize| data.buffers()[at].clone();
        Ok(match of {
            Boolean => Values::Boolean(BooleanBuffer::new(buffer(0), offset, n_rows)),
            Int8 => Values::Int8(ScalarBuffer::new(buffer(0), offset, n_rows)),
            Int16 => Values::Int16(ScalarBuffer::new(buffer(0), offset, n_rows)),
            Int32 | Date32 | Time32(_) | Decimal32(..) => Values::Int32(ScalarBuffer::new(buffer(0), offset, n_rows)),
            Int64 | Date64 | Time64(_) | Timestamp(..) | Duration(_) | Decimal64(..) => {
                Values::Int64(ScalarBuffer::new(buffer(0), offset, n_rows))
            }
            UInt8 => Values::UInt8(ScalarBuffer::new(buffer(0), offset, n_rows)),
            UInt16 => Values::UInt16(ScalarBuffer::new(buffer(0), offset, n_rows)),
            UInt32 => Values::UInt32(ScalarBuffer::new(buffer(0), offset, n_rows)),
            UInt64 => Values::UInt64(ScalarBuffer::new(buffer(0), offset, n_rows)),
            Float32 => Values::Float(ScalarBuffer::new(buffer(0), offset, n_rows)),
            Float64 => Values::Double(ScalarBuffer::new(buffer(0), offset, n_rows)),
            // There may be no ends then, not even the first.
            Utf8 | Binary | LargeUtf8 | LargeBinary if n_rows == 0 => Values::Fixed { size: 0, bytes: buffer(1) },
            Utf8 | Binary => Values::Text { ends: ScalarBuffer::new(buffer(0), offset, n_rows + 1), bytes: buffer(1) },
            LargeUtf8 | LargeBinary => {
                Values::LargeText { ends: ScalarBuffer::new(buffer(0), offset, n_rows + 1), bytes: buffer(1) }
            }
            Utf8View | BinaryView => Values::Views {
                views: ScalarBuffer::new(buffer(0), offset, n_rows),
                bytes: data.buffers()[1..].to_vec(),
            },
            FixedSizeBinary(size) => {
                let size = usize::try_from(*size).map_err(|_| damaged("a value has fewer than no bytes"))?;
                Values::Fixed { size, bytes: buffer(0).slice(offset * size) }
            }
            Decimal128(..) => {
                let values: ScalarBuffer<i128> = ScalarBuffer::new(buffer(0), offset, n_rows);
                Values::Decimal(values.iter().map(|value| value.to_be_bytes()).collect())
            }
            Dictionary(keys, _) => Values::Dictionary {
                keys: Box::new(Values::of(array, keys)?),
                values: Box::new(Nullable::of(&make_array(data.child_data()[0].clone()))?),
            },
            other => return Err(damaged(format!("a column of {other} holds neither ids nor numbers"))),
        })
    }

    #[inline(always)]
    fn value(&self, row: usize) -> Raw<'_> {
        match self {
            Values::Boolean(values) => Raw::Integer(i64::from(values.value(row))),
            Values::Int8(values) => Raw::Integer(i64::from(values[row])),
            Values::Int16(values) => Raw::Integer(i64::from(values[row])),
            Values::Int32(values) => Raw::Integer(i64::from(values[row])),
            Values::Int64(values) => Raw::Integer(values[row]),
            Values::UInt8(values) => Raw::Integer(i64::from(values[row])),
            Values::UInt16(values) => Raw::Integer(i64::from(values[row])),
            Values::UInt32(values) => Raw::Integer(i64::from(values[row])),
            Values::UInt64(values) => Raw::Integer(values[row] as i64),
            Values::Float(values) => Raw::Float(f64::from(values[row])),
            Values::Double(values) => Raw::Float(values[row]),
            Values::Text { ends, bytes } => Raw::Bytes(between(bytes, ends[row] as usize, ends[row + 1] as usize)),
            Values::LargeText { ends, bytes } => Raw::Bytes(between(bytes, ends[row] as usize, ends[row + 1] as usize)),
            Values::Views { views, bytes } => Raw::Bytes(viewed(&views[row], bytes)),
            Values::Fixed { size, bytes } => Raw::Bytes(between(bytes, row * size, (row + 1) * size)),
            Values::Decimal(values) => Raw::Bytes(&values[row]),
            Values::Dictionary { keys, values } => values.entry(keys, row),
        }
    }
}

impl Nullable {
    /// The value of a dictionary that the key in a row stands for.
    fn entry(&self, keys: &Values, row: usize) -> Raw<'_> {
        let key = match keys {
            Values::Int8(keys) => keys[row] as usize,
            Values::Int16(keys) => keys[row] as usize,
            Values::Int32(keys) => keys[row] as usize,
            Values::Int64(keys) => keys[row] as usize,
            Values::UInt8(keys) => keys[row] as usize,
            Values::UInt16(keys) => keys[row] as usize,
            Values::UInt32(keys) => keys[row] as usize,
            Values::UInt64(keys) => keys[row] as usize,
            _ => unreachable!("keys are integers"),
        };
        self.value(key)
    }
}

/// Bytes of a buffer. They were checked; in a mapped file that somebody changes meanwhile they may lie outside.
#[inline(always)]
fn between(bytes: &Buffer, start: usize, end: usize) -> &[u8] {
    bytes.get(start..end).unwrap_or_default()
}

/// The text of a view: in it where it is short, else at a place of a buffer.
#[inline(always)]
fn viewed<'a>(view: &'a u128, buffers: &'a [Buffer]) -> &'a [u8] {
    const LONGEST_INSIDE: usize = 12;
    let part = |at: u32| (*view >> (32 * at)) as u32 as usize;
    let (length, buffer, start) = (part(0), part(2), part(3));
    if length <= LONGEST_INSIDE {
        return &bytemuck::bytes_of(view)[4..4 + length];
    }
    buffers.get(buffer).map_or(&[], |bytes| between(bytes, start, start + length))
}

impl Column for ArrayColumn {
    type Failure = ArrowError;

    fn kind(&self) -> Kind {
        self.kind
    }

    fn repeats(&self) -> bool {
        matches!(self.values.values, Values::Dictionary { .. })
    }

    fn read(&mut self, rows: usize) -> Result<usize> {
        self.start = self.next;
        self.next += rows.min(self.n_rows - self.next);
        Ok(self.next - self.start)
    }

    fn skip(&mut self, rows: usize) -> Result<usize> {
        self.read(rows)
    }

    #[inline(always)]
    fn value(&self, row: usize) -> Raw<'_> {
        self.values.value(self.start + row)
    }

    fn too_few() -> ArrowError {
        damaged("a column has fewer rows than its record batch")
    }
}
