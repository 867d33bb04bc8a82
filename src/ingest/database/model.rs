//! What is read of a database, the same on every worker.

use serde::{Deserialize, Serialize};

use crate::ingest::typed::Kind;

/// A table or a query.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Source {
    pub rows: Rows,
    pub columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rows {
    /// Tables whose rows are at places in pages: one, or the partitions of one.
    Tables { tables: Vec<Table>, page_bytes: u64 },
    /// Everything else: rows in the order in which they come.
    Query(String),
}

impl Default for Rows {
    fn default() -> Rows {
        Rows::Query(String::new())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// As it is written in SQL.
    pub name: String,
    pub pages: u64,
}

/// A column of a table or query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// As it is written in SQL.
    pub sql: String,
    pub wire: Wire,
}

/// How the values of a column are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wire {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    /// Microseconds since 2000.
    Timestamp,
    /// Days since 2000.
    Date,
    /// Microseconds since midnight.
    Time,
    Uuid,
    Text,
    /// The database makes a text of it.
    AsText,
}

impl Wire {
    pub fn kind(self) -> Kind {
        match self {
            Wire::Bool => Kind::Boolean,
            Wire::Int2 | Wire::Int4 | Wire::Int8 => Kind::Signed,
            Wire::Oid => Kind::Unsigned,
            Wire::Float4 | Wire::Float8 => Kind::Float,
            Wire::Timestamp | Wire::Date | Wire::Time => Kind::Time,
            Wire::Uuid => Kind::Uuid,
            Wire::Numeric | Wire::Text | Wire::AsText => Kind::Text,
        }
    }
}

/// Pages of all tables of a source, counted through: `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pages {
    pub start: u64,
    pub end: u64,
}

impl Pages {
    pub fn n(&self) -> u64 {
        self.end - self.start
    }
}

impl Pages {
    /// The same in pieces of about so many bytes of pages of `page_bytes` each.
    pub fn cut(self, bytes: u64, page_bytes: u64) -> impl Iterator<Item = Pages> {
        let step = (bytes / page_bytes.max(1)).max(1);
        (0..self.n().div_ceil(step)).map(move |at| {
            let start = self.start + at * step;
            Pages { start, end: self.end.min(start + step) }
        })
    }
}

/// Where a row of a table is: its page, counted through all tables of the source, and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub page: u64,
    pub item: u16,
}

/// A page has fewer rows than this: of the largest pages, 32 KiB, each row takes 28 bytes at least.
const ITEM_BITS: u32 = 11;

impl Place {
    /// The number of the row. Numbers rise with places.
    pub fn number(self) -> u64 {
        self.page << ITEM_BITS | u64::from(self.item) & ((1 << ITEM_BITS) - 1)
    }

    pub fn of(number: u64) -> Place {
        Place { page: number >> ITEM_BITS, item: (number & ((1 << ITEM_BITS) - 1)) as u16 }
    }
}

impl Rows {
    /// Whether several connections can read it side by side.
    pub fn is_cut(&self) -> bool {
        matches!(self, Rows::Tables { .. })
    }

    /// Bytes of some pages.
    pub fn bytes_of(&self, pages: Pages) -> u64 {
        match self {
            Rows::Tables { page_bytes, .. } => pages.n().saturating_mul(*page_bytes),
            Rows::Query(_) => 0,
        }
    }

    pub fn pages(&self) -> u64 {
        match self {
            Rows::Tables { tables, .. } => tables.iter().map(|table| table.pages).sum(),
            Rows::Query(_) => 0,
        }
    }

    /// The tables that have some of these pages: each with the pages before it, and its own pages `start..end`.
    pub fn tables_of(&self, pages: Pages) -> Vec<(&Table, u64, Pages)> {
        let Rows::Tables { tables, .. } = self else { return Vec::new() };
        let mut before = 0;
        let mut found = Vec::new();
        for table in tables {
            let (start, end) = (pages.start.max(before), pages.end.min(before + table.pages));
            if start < end {
                found.push((table, before, Pages { start: start - before, end: end - before }));
            }
            before += table.pages;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbers_and_pages_count_through_all_tables() {
        let place = Place { page: (1 << 33) - 1, item: 1170 };
        assert_eq!(Place::of(place.number()), place);
        assert!(place.number() < 1 << 44);
        let table = |name: &str, pages| Table { name: name.into(), pages };
        let rows = Rows::Tables { tables: vec![table("a", 3), table("b", 0), table("c", 5)], page_bytes: 8192 };
        let found = |start, end| -> Vec<(String, u64, u64, u64)> {
            let of =
                |(table, before, pages): (&Table, u64, Pages)| (table.name.clone(), before, pages.start, pages.end);
            rows.tables_of(Pages { start, end }).into_iter().map(of).collect()
        };
        assert_eq!(found(0, 8), [("a".into(), 0, 0, 3), ("c".into(), 3, 0, 5)]);
        assert_eq!(found(2, 4), [("a".into(), 0, 2, 3), ("c".into(), 3, 0, 1)]);
        assert_eq!(found(5, 8), [("c".into(), 3, 2, 5)]);
    }
}
