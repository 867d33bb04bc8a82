//! The columns of a table or query, and how much there is.

use std::fmt::Write as _;

use super::model::{Column, Rows as Read, Source, Table, Wire};
use super::named::Rows;
use super::session::{KEY, Session};
use super::wire::{clock, wire};
use crate::error::{Error, Result};
use crate::ingest::typed::{Field, Held};

/// Ranges of places are read without what is around them from this version on.
const RANGES_SINCE: u32 = 140_000;

/// About so many bytes a row takes where nobody says.
const ROW_BYTES: u64 = 32;

/// What is known before anything is read.
pub struct Described {
    pub source: Source,
    /// What each column is, for the keys of a job.
    pub fields: Vec<Field>,
    /// About how many rows there are, and how many bytes they take.
    pub rows: u64,
    pub bytes: u64,
}

/// A table, or a partition of one.
struct Found {
    table: Table,
    bytes: u64,
    rows: f64,
    /// Its rows are at places in pages, and this user sees all of them.
    is_plain: bool,
}

/// Asks the server.
///
/// # Errors
/// [`Error::Job`] with what the server says of a table or query that is none.
pub fn describe(session: &Session) -> Result<Described> {
    match &session.named.rows {
        Rows::Query(query) => described_query(session, query),
        Rows::Table(name) => described_table(session, name),
    }
}

fn described_table(session: &Session, name: &str) -> Result<Described> {
    let found = tables(session, name)?;
    let statement = found.first().map(|_| session.prepare(&format!("SELECT * FROM {name}"))).transpose()?;
    let Some(statement) = statement else {
        let problem = format!("{}: there is no table called {name}", session.named.address);
        return Err(Error::job(KEY, problem, "check its name and its schema, as in ?table=shop.ratings"));
    };
    if !found.iter().all(|found| found.is_plain) || version(session)? < RANGES_SINCE {
        return described_query(session, &format!("SELECT * FROM {name}"));
    }
    // It is there, and stays as it is, until the transaction ends.
    session.ask(&format!("LOCK TABLE {name} IN ACCESS SHARE MODE"))?;
    let columns = statement.columns().iter().map(|column| (quoted(column.name()), column));
    let (columns, fields) = columns_of(columns);
    let page_bytes = session.ask("SELECT current_setting('block_size')")?.parse().unwrap_or(8192);
    let bytes = found.iter().map(|found| found.bytes).sum();
    let rows = found.iter().map(|found| found.rows).sum::<f64>() as u64;
    let rows = if rows == 0 { bytes / ROW_BYTES } else { rows };
    let tables = found.into_iter().map(|found| found.table).collect();
    Ok(Described { source: Source { rows: Read::Tables { tables, page_bytes }, columns }, fields, rows, bytes })
}

/// A table, or its partitions, in the order of their names.
fn tables(session: &Session, name: &str) -> Result<Vec<Found>> {
    const SQL: &str = "
        WITH parts AS (SELECT relid FROM pg_partition_tree(to_regclass($1)) WHERE isleaf),
        tables AS (SELECT relid FROM parts UNION
                   SELECT to_regclass($1) WHERE NOT EXISTS (SELECT 1 FROM pg_partition_tree(to_regclass($1))))
        SELECT c.oid::regclass::text, pg_relation_size(c.oid) / current_setting('block_size')::bigint,
               pg_relation_size(c.oid), greatest(c.reltuples, 0)::float8,
               c.relkind IN ('r', 'm') AND coalesce(a.amname = 'heap', false) AND NOT c.relhassubclass
               AND has_table_privilege(c.oid, 'SELECT')
               AND NOT EXISTS (SELECT 1 FROM pg_class s WHERE s.oid IN (c.oid, to_regclass($1)) AND s.relrowsecurity)
        FROM tables t JOIN pg_class c ON c.oid = t.relid LEFT JOIN pg_am a ON a.oid = c.relam
        ORDER BY 1";
    let found = |row: &::postgres::Row| Found {
        table: Table { name: row.get(0), pages: row.get::<_, i64>(1).max(0) as u64 },
        bytes: row.get::<_, i64>(2).max(0) as u64,
        rows: row.get(3),
        is_plain: row.get(4),
    };
    Ok(session.query(SQL, name)?.iter().map(found).collect())
}

fn version(session: &Session) -> Result<u32> {
    Ok(session.ask("SELECT current_setting('server_version_num')")?.parse().unwrap_or(0))
}

fn described_query(session: &Session, query: &str) -> Result<Described> {
    let statement = session.prepare(&format!("SELECT * FROM ({query}\n) AS rows"))?;
    let columns = statement.columns().iter().enumerate().map(|(at, column)| (format!("c{at}"), column));
    let (columns, fields) = columns_of(columns);
    let (rows, bytes) = estimate(session, query);
    Ok(Described { source: Source { rows: Read::Query(query.to_string()), columns }, fields, rows, bytes })
}

/// How many rows, and bytes of them, the server expects of a query; 1 where it does not say.
fn estimate(session: &Session, query: &str) -> (u64, u64) {
    let plan = session.ask(&format!("EXPLAIN (FORMAT JSON) {query}")).unwrap_or_default();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap_or_default();
    let number = |name: &str| plan[0]["Plan"][name].as_f64().unwrap_or(1.0).max(1.0);
    let (rows, width) = (number("Plan Rows"), number("Plan Width"));
    (rows as u64, (rows * width) as u64)
}

fn columns_of<'c>(columns: impl Iterator<Item = (String, &'c ::postgres::Column)>) -> (Vec<Column>, Vec<Field>) {
    let column = |(leaf, (sql, column)): (usize, (String, &::postgres::Column))| {
        let wire = wire(column.type_());
        let held = wire.map(|wire| {
            let stored = column.type_().name().to_string();
            Held { leaf, kind: Some(wire.kind()), stored, clock: clock(wire) }
        });
        let column_read = Column { sql, wire: wire.unwrap_or(Wire::AsText) };
        (column_read, Field { name: column.name().to_string(), held })
    };
    columns.enumerate().map(column).unzip()
}

/// A name in SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Source {
    /// What is selected for some of the columns.
    pub fn selected(&self, leaves: &[usize]) -> String {
        let column = |&leaf: &usize| match &self.columns[leaf] {
            Column { sql, wire: Wire::AsText } => format!("t.{sql}::text"),
            Column { sql, .. } => format!("t.{sql}"),
        };
        leaves.iter().map(column).collect::<Vec<_>>().join(", ")
    }

    /// The rows of a query, or of all tables one after the other, under the names that [`Source::selected`] has.
    pub fn from(&self) -> String {
        let selected = |table: &Table| {
            let columns: Vec<&str> = self.columns.iter().map(|column| column.sql.as_str()).collect();
            format!("SELECT {} FROM ONLY {}", columns.join(", "), table.name)
        };
        match &self.rows {
            Read::Tables { tables, .. } => {
                format!("({}) AS t", tables.iter().map(selected).collect::<Vec<_>>().join(" UNION ALL "))
            }
            Read::Query(query) => {
                let mut from = format!("({query}\n) AS t(");
                for (at, column) in self.columns.iter().enumerate() {
                    write!(from, "{}{}", if at > 0 { ", " } else { "" }, column.sql).expect("a string");
                }
                from + ")"
            }
        }
    }
}
