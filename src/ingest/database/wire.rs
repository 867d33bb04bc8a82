//! What values are taken for, by their types in the database.

use ::postgres::types::{Kind as TypeKind, Type};

use super::model::Wire;
use crate::ingest::typed::Clock;
use crate::job::TimeUnit;

/// How a column is sent; nothing where it holds several values a row.
pub fn wire(of: &Type) -> Option<Wire> {
    let base = match of.kind() {
        TypeKind::Domain(base) => return wire(base),
        TypeKind::Array(_) | TypeKind::Composite(_) | TypeKind::Range(_) | TypeKind::Multirange(_) => return None,
        _ => of,
    };
    Some(match *base {
        Type::BOOL => Wire::Bool,
        Type::INT2 => Wire::Int2,
        Type::INT4 => Wire::Int4,
        Type::INT8 => Wire::Int8,
        Type::OID => Wire::Oid,
        Type::FLOAT4 => Wire::Float4,
        Type::FLOAT8 => Wire::Float8,
        Type::NUMERIC => Wire::Numeric,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => Wire::Timestamp,
        Type::DATE => Wire::Date,
        Type::TIME => Wire::Time,
        Type::UUID => Wire::Uuid,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::BYTEA => Wire::Text,
        _ => Wire::AsText,
    })
}

pub fn clock(wire: Wire) -> Clock {
    match wire {
        Wire::Timestamp => Clock::Counts(TimeUnit::Us),
        Wire::Date => Clock::Days,
        Wire::Time => Clock::OfDay,
        _ => Clock::OfJob,
    }
}
