//! The script: what it is for, the tables, the view.

use std::io::{self, Write};

use super::data;
use super::names::{Dialect, Names};
use super::steps;
use crate::error::Result;
use crate::export::{Reading, Terms};

/// Writes the script.
///
/// # Errors
/// Where the database has no room for the model, before anything is written; inside, where the sink fails.
pub fn write(terms: &Terms<'_>, reading: &Reading, names: &Names, sink: &mut impl Write) -> Result<io::Result<()>> {
    let (items, segments) = (data::items(terms), data::segments(terms));
    items.check(names.dialect)?;
    segments.check(names.dialect)?;
    Ok(write_checked(terms, reading, names, [items, segments], sink))
}

fn write_checked(
    terms: &Terms<'_>,
    reading: &Reading,
    names: &Names,
    [items, segments]: [data::Table<'_>; 2],
    sink: &mut impl Write,
) -> io::Result<()> {
    let dialect = names.dialect;
    for line in head(terms, reading, names).lines() {
        writeln!(sink, "{}", format!("-- {line}").trim_end())?;
    }
    sink.write_all(match dialect {
        Dialect::Duckdb => b"BEGIN TRANSACTION;\n",
        Dialect::Postgres => {
            b"BEGIN;\nSET LOCAL client_encoding TO 'UTF8';\nSET LOCAL standard_conforming_strings TO on;\nSET LOCAL client_min_messages TO warning;\n"
        }
    })?;
    if let Some(schema) = &names.schema {
        writeln!(sink, "CREATE SCHEMA IF NOT EXISTS {schema};")?;
    }
    writeln!(sink, "DROP VIEW IF EXISTS {};", names.assigned)?;
    for (name, table) in [(&names.items, &items), (&names.segments, &segments)] {
        writeln!(sink, "DROP TABLE IF EXISTS {name};")?;
        table.write(name, dialect, sink)?;
    }
    writeln!(sink, "CREATE VIEW {} AS\n{};", names.assigned, steps::select(terms, reading, names))?;
    writeln!(sink, "COMMIT;")?;
    if dialect == Dialect::Postgres {
        writeln!(sink, "ANALYZE {};\nANALYZE {};", names.items, names.segments)?;
    }
    Ok(())
}

/// What a reader of the script should know.
fn head(terms: &Terms<'_>, reading: &Reading, names: &Names) -> String {
    let Names { dialect, items, segments, assigned, ratings, user, item, rating, .. } = names;
    let run = dialect.command("THIS-FILE");
    let [least, most] = reading.range();
    let rating = match rating {
        Some(rating) => format!("{user}, {item} and {rating}"),
        None => format!("{user} and {item}; each row counts 1"),
    };
    let window = reading.window().map_or(String::new(), |window| {
        format!("\n  The run took rows {window} alone. Times are not read here: let the table have such rows alone.")
    });
    format!(
        "Users into the segments of a model, as `segmill assign` puts them: segmill {}, model {}.\n\
         \n\
         Run it once for a model. It is one transaction, and makes {items}, {segments} and the view\n\
         {assigned} anew:\n\
         \x20 {run}\n\
         Then ask as often as you like: SELECT * FROM {assigned};\n\
         \n\
         The view reads {ratings}, which has to be there: all ratings of the users, in the columns\n\
         {rating}.\n  \
         Rows without user, item or rating, and those with a rating outside of {least} to {most}, are left out.\n  \
         Several rows of one user and item are {}. A rating of 0 is none.\n  \
         Items that the model does not know are left out; who has no others goes where users without ratings go.{window}\n\
         \n\
         A user is at z_c = sum over items (weight * p_c) - o_c on component c, and at the squared distance\n\
         sum over c (z_c - m_c)^2 from a segment: p is in {items}, m in {segments}, o in the view.\n\
         The segment is the nearest{}. {} items, {} components, {} segments.",
        env!("CARGO_PKG_VERSION"),
        terms.identity,
        reading.several(),
        if terms.mixture().is_some() { " in likelihood, which the columns t, s and prior add up to" } else { "" },
        terms.n_items(),
        terms.n_components(),
        terms.n_segments(),
    )
}
