//! Names of tables and columns: what is asked for, and what is written.

use super::text::identifier;
use crate::error::{Error, Result};
use crate::job::{Column, Job, RatingColumn, Source};

/// The database that is to run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Duckdb,
    Postgres,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub dialect: Dialect,
    /// The table of the ratings: `[[catalog.]schema.]table`, each as it stands or in double quotes.
    pub ratings: String,
    /// Its columns; those of the run's input where they are left out.
    pub user: Option<String>,
    pub item: Option<String>,
    /// `false`: each row counts 1.
    pub rating: Option<String>,
    /// Where the tables and the view go; where the database puts them if it is left out.
    pub schema: Option<String>,
    /// How their names begin.
    pub prefix: String,
}

/// Names in quotes, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    pub dialect: Dialect,
    pub schema: Option<String>,
    pub items: String,
    pub segments: String,
    pub assigned: String,
    pub ratings: String,
    pub user: String,
    pub item: String,
    /// None: each row counts 1.
    pub rating: Option<String>,
}

const TABLE: &str = "--ratings-table";

impl Dialect {
    /// The command that runs the script in `file`.
    pub fn command(self, file: &str) -> String {
        match self {
            Dialect::Duckdb => format!("duckdb -bail DATABASE < {file}"),
            Dialect::Postgres => format!("psql -v ON_ERROR_STOP=1 -f {file} DATABASE"),
        }
    }

    /// The longest name, in bytes: a longer one is cut without a word.
    fn longest_name(self) -> usize {
        match self {
            Dialect::Duckdb => 1000,
            Dialect::Postgres => 63,
        }
    }
}

impl Wanted {
    /// # Errors
    /// For a name that is none, and for ratings that are in a table which the script makes anew.
    pub fn names(&self, job: &Job) -> Result<Names> {
        let check = |flag: &str, name: &str| check(self.dialect, flag, name);
        let table = parts(&self.ratings)?;
        table.iter().try_for_each(|part| check(TABLE, part))?;
        self.schema.iter().try_for_each(|schema| check("--schema", schema))?;
        let own = ["items", "segments", "assigned"].map(|of| format!("{}{of}", self.prefix));
        own.iter().try_for_each(|name| check("--prefix", name))?;
        self.refuse_own(&table, &own)?;
        let [user, item] =
            [("--user", &self.user, "user"), ("--item", &self.item, "item")].map(|(flag, given, default)| {
                let name = given.clone().or_else(|| column_of_run(job, default)).unwrap_or_else(|| default.to_string());
                check(flag, &name).map(|()| identifier(&name))
            });
        let rating = match &self.rating {
            Some(word) if word == "false" => None,
            Some(name) => Some(name.clone()),
            None => rating_of_run(job),
        };
        rating.iter().try_for_each(|name| check("--rating", name))?;
        let [items, segments, assigned] = own.map(|name| match &self.schema {
            Some(schema) => format!("{}.{}", identifier(schema), identifier(&name)),
            None => identifier(&name),
        });
        let ratings = table.iter().map(|part| identifier(part)).collect::<Vec<_>>().join(".");
        Ok(Names {
            dialect: self.dialect,
            schema: self.schema.as_deref().map(identifier),
            items,
            segments,
            assigned,
            ratings,
            user: user?,
            item: item?,
            rating: rating.as_deref().map(identifier),
        })
    }

    /// Refuses a table of ratings that may be one of our `own`.
    fn refuse_own(&self, table: &[String], own: &[String]) -> Result<()> {
        let [before @ .., name] = table else { unreachable!("a name has a part") };
        let elsewhere =
            matches!((before.last(), &self.schema), (Some(of), Some(schema)) if !of.eq_ignore_ascii_case(schema));
        if !elsewhere && own.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            let problem = format!("{name} is a table that the script makes anew");
            return Err(Error::job(
                TABLE,
                problem,
                "name another table, or let the script's names begin otherwise with --prefix",
            ));
        }
        Ok(())
    }
}

/// The column of the run's input that is called so here, by its own name if it has one.
fn column_of_run(job: &Job, which: &str) -> Option<String> {
    let Source::Files(files) = &job.input.source else { return None };
    name_of(if which == "user" { &files.user } else { &files.item })
}

/// The column of ratings of the run's input; none where each row counts 1.
fn rating_of_run(job: &Job) -> Option<String> {
    const USUAL: &str = "rating";
    match &job.input.source {
        Source::Files(files) => match &files.rating {
            RatingColumn::None => None,
            RatingColumn::Default => Some(USUAL.to_string()),
            RatingColumn::Given(column) => Some(name_of(column).unwrap_or_else(|| USUAL.to_string())),
        },
        Source::Generate(_) => Some(USUAL.to_string()),
    }
}

fn name_of(column: &Column) -> Option<String> {
    match column {
        Column::Name(name) => Some(name.clone()),
        Column::Index(_) => None,
    }
}

/// The parts of a name, between dots that are not in quotes.
fn parts(name: &str) -> Result<Vec<String>> {
    let odd = |problem: &str| {
        let remedy = "write table, schema.table or \"a.b\".\"table\"";
        Error::job(TABLE, format!("{name:?} {problem}"), remedy)
    };
    let (mut parts, mut rest) = (Vec::new(), name);
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted).ok_or_else(|| odd("has no closing quote"))?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                (rest[..end].to_string(), &rest[end..])
            }
        };
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => break,
            None => return Err(odd("goes on after a closing quote")),
        }
    }
    if parts.len() > 3 { Err(odd("has more than three parts")) } else { Ok(parts) }
}

/// What is before the closing quote, and the rest after it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            part.push(c);
        } else if chars.next_if(|(_, next)| *next == '"').is_some() {
            part.push('"');
        } else {
            return Some((part, &text[at + 1..]));
        }
    }
    None
}

fn check(dialect: Dialect, flag: &str, name: &str) -> Result<()> {
    let refuse = |problem: String| Err(Error::job(flag, problem, "give it a name that the database takes"));
    let longest = dialect.longest_name();
    if name.is_empty() {
        return refuse("a name is empty".into());
    }
    if name.contains(char::is_control) {
        return refuse(format!("{name:?} has a control character"));
    }
    if name.len() > longest {
        return refuse(format!("{name:?} is longer than {longest} bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{self, SMALL};

    fn wanted(ratings: &str) -> Wanted {
        let prefix = "segmill_".to_string();
        let dialect = Dialect::Postgres;
        Wanted { dialect, ratings: ratings.into(), user: None, item: None, rating: None, schema: None, prefix }
    }

    #[test]
    fn names_are_taken_as_they_stand_and_parted_at_dots() {
        let job = fixture::outcome(SMALL).job;
        let names = |ratings: &str| wanted(ratings).names(&job);
        assert_eq!(names("Shop.\"a.\"\"b\"").unwrap().ratings, "\"Shop\".\"a.\"\"b\"");
        let in_schema = Wanted { schema: Some("of us".into()), ..wanted("t") }.names(&job).unwrap();
        assert_eq!(in_schema.assigned, "\"of us\".\"segmill_assigned\"");
        for odd in ["", "a.", "\"a", "\"a\"b", "a.b.c.d", "a\nb", &"x".repeat(64)] {
            let error = names(odd).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().starts_with("--ratings-table: "), "{error}");
        }
        let longer = Wanted { dialect: Dialect::Duckdb, ..wanted(&"x".repeat(64)) };
        assert!(longer.names(&job).is_ok());
        let prefixed = Wanted { prefix: "é".repeat(30), ..wanted("t") }.names(&job).unwrap_err().to_string();
        assert!(prefixed.starts_with("--prefix: "), "{prefixed}");
    }

    #[test]
    fn ratings_are_not_in_a_table_that_is_made_anew() {
        let job = fixture::outcome(SMALL).job;
        for (ratings, schema, is_own) in [
            ("segmill_items", None, true),
            ("Segmill_Assigned", None, true),
            ("shop.segmill_items", None, true),
            ("segmill_items", Some("ours"), true),
            ("ours.segmill_items", Some("ours"), true),
            ("shop.segmill_items", Some("ours"), false),
            ("segmill_ratings", None, false),
        ] {
            let names = Wanted { schema: schema.map(str::to_string), ..wanted(ratings) }.names(&job);
            assert_eq!(names.is_err(), is_own, "{ratings} {schema:?}");
        }
    }

    #[test]
    fn columns_are_those_of_the_run_unless_they_are_given() {
        let mut job = fixture::outcome(SMALL).job;
        let Source::Files(files) = &mut job.input.source else { panic!("files") };
        files.user = Column::Name("who".into());
        files.item = Column::Index(1);
        files.rating = RatingColumn::None;
        let names = wanted("t").names(&job).unwrap();
        assert_eq!((&names.user[..], &names.item[..], names.rating), ("\"who\"", "\"item\"", None));
        let given = Wanted { item: Some("sku".into()), rating: Some("n".into()), ..wanted("t") }.names(&job).unwrap();
        assert_eq!((&given.item[..], given.rating.as_deref()), ("\"sku\"", Some("\"n\"")));
        let none = Wanted { rating: Some("false".into()), ..wanted("t") }.names(&job).unwrap();
        assert_eq!(none.rating, None);
    }
}
