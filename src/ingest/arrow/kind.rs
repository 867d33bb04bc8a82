//! The columns of a file, and what their values are taken for, by the types that the schema declares.

use std::sync::Arc;

use arrow_schema::{DataType, Field as Column, Schema, TimeUnit as StoredUnit};

use crate::ingest::typed::{Clock, Field, Held, Kind};
use crate::job::TimeUnit;

/// Where a field says what its type stands for.
const EXTENSION: &str = "ARROW:extension:name";
const UUID: &str = "arrow.uuid";
const UUID_BYTES: i32 = 16;

/// The columns of a file.
pub fn fields(schema: &Schema) -> Vec<Field> {
    let field = |(leaf, field): (usize, &Arc<Column>)| {
        let of = field.data_type();
        let kind = kind(of, field.metadata().get(EXTENSION).is_some_and(|name| name == UUID));
        let held = Held { leaf, kind, stored: of.to_string(), clock: clock(of) };
        Field { name: field.name().clone(), held: Some(held).filter(|_| !of.is_nested()) }
    };
    schema.fields().iter().enumerate().map(field).collect()
}

/// The kind of a column; `None` where its values are neither ids nor numbers.
fn kind(of: &DataType, is_uuid: bool) -> Option<Kind> {
    use DataType::*;
    match of {
        Boolean => Some(Kind::Boolean),
        Int8 | Int16 | Int32 | Int64 | Duration(_) => Some(Kind::Signed),
        UInt8 | UInt16 | UInt32 | UInt64 => Some(Kind::Unsigned),
        Float32 | Float64 => Some(Kind::Float),
        Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(..) => Some(Kind::Time),
        Decimal32(_, scale) | Decimal64(_, scale) | Decimal128(_, scale) => {
            Some(Kind::Decimal { scale: u32::try_from(*scale).ok()? })
        }
        FixedSizeBinary(UUID_BYTES) if is_uuid => Some(Kind::Uuid),
        Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => Some(Kind::Text),
        Dictionary(_, values) if !matches!(**values, Dictionary(..)) => kind(values, is_uuid),
        _ => None,
    }
}

fn clock(of: &DataType) -> Clock {
    match of {
        DataType::Timestamp(unit, _) => Clock::Counts(match unit {
            StoredUnit::Second => TimeUnit::S,
            StoredUnit::Millisecond => TimeUnit::Ms,
            StoredUnit::Microsecond => TimeUnit::Us,
            StoredUnit::Nanosecond => TimeUnit::Ns,
        }),
        DataType::Date32 => Clock::Days,
        DataType::Date64 => Clock::Counts(TimeUnit::Ms),
        DataType::Time32(_) | DataType::Time64(_) => Clock::OfDay,
        DataType::Dictionary(_, values) => clock(values),
        _ => Clock::OfJob,
    }
}
