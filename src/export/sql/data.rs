//! The two tables of a model.

use std::borrow::Cow;
use std::io::{self, Write};

use ndarray::ArrayView1;

use super::names::Dialect;
use super::text::{identifier, literal, narrow, real};
use crate::error::{Error, Result};
use crate::export::Terms;
use crate::results::Id;

/// Rows of one statement.
const BATCH: usize = 500;

/// What PostgreSQL has room for in a row that nothing of goes elsewhere, with some to spare; in bytes.
const WIDEST: usize = 7800;
const MOST_COLUMNS: usize = 1600;

/// A table.
pub struct Table<'a> {
    columns: Vec<Column<'a>>,
    n_rows: usize,
}

/// A column.
pub struct Column<'a> {
    name: Cow<'static, str>,
    values: Values<'a>,
}

/// Its values; none is absent.
pub enum Values<'a> {
    Ids(&'a [Id]),
    Texts(Vec<&'a str>),
    Whole(Vec<i64>),
    Real(ArrayView1<'a, f64>),
    Narrow(ArrayView1<'a, f32>),
}

impl Values<'_> {
    fn declared(&self) -> &'static str {
        match self {
            Values::Ids(_) => "TEXT PRIMARY KEY",
            Values::Texts(_) => "TEXT NOT NULL",
            Values::Whole(_) => "INTEGER NOT NULL",
            Values::Real(_) => "DOUBLE PRECISION NOT NULL",
            Values::Narrow(_) => "REAL NOT NULL",
        }
    }

    /// Bytes in a row that stay there; texts may go elsewhere.
    fn width(&self) -> usize {
        match self {
            Values::Ids(_) | Values::Texts(_) => 20,
            Values::Whole(_) | Values::Narrow(_) => 4,
            Values::Real(_) => 8,
        }
    }

    fn written(&self, row: usize) -> String {
        match self {
            Values::Ids(ids) => literal(&ids[row].to_string()),
            Values::Texts(texts) => literal(texts[row]),
            Values::Whole(numbers) => numbers[row].to_string(),
            Values::Real(numbers) => real(numbers[row]),
            Values::Narrow(numbers) => narrow(numbers[row]),
        }
    }

    /// Whether a database can have this row at all: PostgreSQL has no text with a character 0, so nothing there is ever equal to one.
    fn exists(&self, row: usize, dialect: Dialect) -> bool {
        match self {
            Values::Ids(ids) if dialect == Dialect::Postgres => {
                !matches!(&ids[row], Id::Text(text) if text.contains('\0'))
            }
            _ => true,
        }
    }
}

/// A row for each item.
pub fn items<'a>(terms: &Terms<'a>) -> Table<'a> {
    let model = terms.model;
    let column = |name: &'static str, values| Column { name: name.into(), values };
    let mut columns = vec![
        column("item", Values::Ids(&model.items)),
        column("position", Values::Whole((0..terms.n_items() as i64).collect())),
    ];
    columns.extend(terms.idf().map(|idf| column("idf", Values::Real(idf.into()))));
    let loadings = model.components.rows().into_iter();
    columns
        .extend((1..).zip(loadings).map(|(c, of)| Column { name: of_component(c).into(), values: Values::Real(of) }));
    if let Some(mixture) = terms.mixture() {
        columns.extend(by_segment(terms, "t", &mixture.terms));
        if let Some(shifts) = &mixture.shifts {
            columns.push(column("mean", Values::Real((&shifts.item_means[..]).into())));
            columns.extend(by_segment(terms, "s", &shifts.slopes));
        }
    }
    Table { columns, n_rows: terms.n_items() }
}

fn by_segment<'a>(terms: &Terms<'a>, letter: &str, table: &'a [f32]) -> Vec<Column<'a>> {
    let table = terms.by_segment(table);
    let column = |segment: usize| {
        let values = Values::Narrow(table.index_axis_move(ndarray::Axis(1), segment));
        Column { name: format!("{letter}{segment}").into(), values }
    };
    (0..terms.n_segments()).map(column).collect()
}

/// A row for each segment.
pub fn segments<'a>(terms: &Terms<'a>) -> Table<'a> {
    let column = |name: &'static str, values| Column { name: name.into(), values };
    let mut columns = vec![
        column("segment", Values::Whole((0..terms.n_segments() as i64).collect())),
        column("name", Values::Texts(terms.names().collect())),
        column("place", Values::Whole(terms.places())),
    ];
    let coordinates = terms.model.centroids.columns().into_iter();
    columns.extend(
        (1..).zip(coordinates).map(|(c, of)| Column { name: of_component(c).into(), values: Values::Real(of) }),
    );
    columns.extend(terms.mixture().map(|mixture| column("prior", Values::Narrow((&mixture.prior[..]).into()))));
    Table { columns, n_rows: terms.n_segments() }
}

/// The column of a component, from 1.
pub fn of_component(component: usize) -> String {
    format!("p{component}")
}

impl Table<'_> {
    /// # Errors
    /// Where the database has no room for a row.
    pub fn check(&self, dialect: Dialect) -> Result<()> {
        let width: usize = self.columns.iter().map(|column| column.values.width()).sum();
        if dialect == Dialect::Postgres && (width > WIDEST || self.columns.len() > MOST_COLUMNS) {
            let problem = format!(
                "PostgreSQL has no room for rows of {} columns, one for each component and segment",
                self.columns.len()
            );
            return Err(Error::job(
                "--dialect",
                problem,
                "export to DuckDB or ONNX, or run the job with fewer components",
            ));
        }
        Ok(())
    }

    /// Writes the statements that make and fill it.
    pub fn write(&self, name: &str, dialect: Dialect, sink: &mut impl Write) -> io::Result<()> {
        let declared = self.columns.iter().map(|c| format!("  {} {}", identifier(&c.name), c.values.declared()));
        writeln!(sink, "CREATE TABLE {name} (\n{}\n);", declared.collect::<Vec<_>>().join(",\n"))?;
        let exists = |row: &usize| self.columns.iter().all(|column| column.values.exists(*row, dialect));
        for (at, row) in (0..self.n_rows).filter(exists).enumerate() {
            let values = self.columns.iter().map(|column| column.values.written(row));
            let before = match at {
                0 => format!("INSERT INTO {name} VALUES\n"),
                at if at % BATCH == 0 => format!(";\nINSERT INTO {name} VALUES\n"),
                _ => ",\n".to_string(),
            };
            write!(sink, "{before}({})", values.collect::<Vec<_>>().join(", "))?;
        }
        writeln!(sink, ";")
    }
}

#[cfg(test)]
impl Table<'_> {
    /// A number of a row, as a reader has it.
    pub fn number(&self, name: &str, row: usize) -> f64 {
        let column =
            self.columns.iter().find(|column| column.name == name).unwrap_or_else(|| panic!("no column {name}"));
        match &column.values {
            Values::Whole(numbers) => numbers[row] as f64,
            Values::Real(numbers) => numbers[row],
            Values::Narrow(numbers) => f64::from(numbers[row]),
            Values::Ids(_) | Values::Texts(_) => panic!("{name} has no numbers"),
        }
    }
}
