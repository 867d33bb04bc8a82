//! The columns of a file, and what their values are taken for, by the types that the file declares.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit as StoredUnit, Type as Physical};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use crate::ingest::typed::{Clock, Field, Held, Kind};
use crate::job::TimeUnit;

/// The top-level columns of a file.
pub fn fields(schema: &SchemaDescriptor) -> Vec<Field> {
    let name = |name: &str| Field { name: name.to_string(), held: None };
    let mut fields: Vec<Field> = schema.root_schema().get_fields().iter().map(|field| name(field.name())).collect();
    for (leaf, column) in schema.columns().iter().enumerate() {
        let plain = column.path().parts().len() == 1 && column.max_rep_level() == 0;
        if plain {
            let (kind, stored) = (kind(column), format!("{:?}", column.physical_type()));
            fields[schema.get_column_root_idx(leaf)].held = Some(Held { leaf, kind, stored, clock: clock(column) });
        }
    }
    fields
}

/// The kind of a column; `None` where its values are neither ids nor numbers.
fn kind(column: &ColumnDescriptor) -> Option<Kind> {
    match (column.physical_type(), column.logical_type_ref(), column.converted_type()) {
        (Physical::BOOLEAN, ..) => Some(Kind::Boolean),
        (Physical::FLOAT | Physical::DOUBLE, ..) => Some(Kind::Float),
        (Physical::INT96, ..) => None,
        (_, Some(LogicalType::Decimal(_)), _) | (_, None, ConvertedType::DECIMAL) => decimal(column),
        (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid), _) => Some(Kind::Uuid),
        (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Float16), _) => None,
        (Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY, ..) => Some(Kind::Text),
        (_, logical, converted) => Some(integer(logical, converted)),
    }
}

fn decimal(column: &ColumnDescriptor) -> Option<Kind> {
    Some(Kind::Decimal { scale: u32::try_from(column.type_scale()).ok()? })
}

fn integer(logical: Option<&LogicalType>, converted: ConvertedType) -> Kind {
    use ConvertedType::*;
    match (logical, converted) {
        (Some(LogicalType::Integer(int)), _) => {
            if int.is_signed {
                Kind::Signed
            } else {
                Kind::Unsigned
            }
        }
        (Some(LogicalType::Date | LogicalType::Time(_) | LogicalType::Timestamp(_)), _) => Kind::Time,
        (_, UINT_8 | UINT_16 | UINT_32 | UINT_64) => Kind::Unsigned,
        (_, DATE | TIME_MILLIS | TIME_MICROS | TIMESTAMP_MILLIS | TIMESTAMP_MICROS) => Kind::Time,
        _ => Kind::Signed,
    }
}

fn clock(column: &ColumnDescriptor) -> Clock {
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(timestamp)), _) => Clock::Counts(match timestamp.unit {
            StoredUnit::MILLIS => TimeUnit::Ms,
            StoredUnit::MICROS => TimeUnit::Us,
            StoredUnit::NANOS => TimeUnit::Ns,
        }),
        (_, ConvertedType::TIMESTAMP_MILLIS) => Clock::Counts(TimeUnit::Ms),
        (_, ConvertedType::TIMESTAMP_MICROS) => Clock::Counts(TimeUnit::Us),
        (Some(LogicalType::Date), _) | (_, ConvertedType::DATE) => Clock::Days,
        (Some(LogicalType::Time(_)), _) | (_, ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS) => Clock::OfDay,
        _ => Clock::OfJob,
    }
}
