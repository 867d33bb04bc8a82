//! `segmill export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::talk::TalkArgs;
use crate::error::{Error, Result};
use crate::runs::export::{Dialect, Target, Wanted};

/// Options of `segmill export`.
#[derive(Debug, Args)]
#[command(
    after_help = "Weighting, normalisation and the segments' numbers are the run's: users go where segmill assign puts them. How rows \
    become ratings is said in the file. SQL is one script: tables of the items and the segments, and a view; run it with \
    psql -v ON_ERROR_STOP=1 -f FILE, or duckdb DATABASE < FILE"
)]
pub struct ExportArgs {
    /// The output folder of a finished run
    #[arg(value_name = "OUT")]
    pub run: PathBuf,

    /// sql: tables of the model and a view that puts the users of a table of ratings into segments; onnx: a graph from rows of
    /// ratings to segments and distances
    #[arg(long, value_name = "FORM", value_enum)]
    pub to: Form,

    /// The database that is to run the SQL
    #[arg(long, value_name = "DIALECT", value_enum, required_if_eq("to", "sql"))]
    pub dialect: Option<SqlDialect>,

    /// The file to write; - for standard output [default: OUT.duckdb.sql, OUT.postgres.sql or OUT.onnx, beside OUT]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub sql: SqlArgs,

    #[command(flatten)]
    pub talk: TalkArgs,
}

/// What only SQL has.
#[derive(Debug, Default, Args)]
pub struct SqlArgs {
    /// The table of the ratings, as table or schema.table; it has to be there when the script runs. Names are taken as they
    /// stand, case and all [default: new_ratings]
    #[arg(long, value_name = "TABLE", help_heading = "SQL")]
    pub ratings_table: Option<String>,

    /// Its column that says who [default: as in the run's input, or user]
    #[arg(long, value_name = "C", help_heading = "SQL")]
    pub user: Option<String>,

    /// Its column that says what [default: as in the run's input, or item]
    #[arg(long, value_name = "C", help_heading = "SQL")]
    pub item: Option<String>,

    /// Its column that says how much; false if each row counts 1 [default: as in the run's input, or rating]
    #[arg(long, value_name = "C", help_heading = "SQL")]
    pub rating: Option<String>,

    /// The schema for the tables and the view, made if it is not there [default: that of the connection]
    #[arg(long, value_name = "SCHEMA", help_heading = "SQL")]
    pub schema: Option<String>,

    /// How the names of the tables and the view begin: PREFIXitems, PREFIXsegments, PREFIXassigned [default: segmill_]
    #[arg(long, value_name = "PREFIX", help_heading = "SQL")]
    pub prefix: Option<String>,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    Sql,
    Onnx,
}

/// The dialects of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SqlDialect {
    Duckdb,
    Postgres,
}

impl ExportArgs {
    /// # Errors
    /// For options of SQL where there is none.
    pub fn target(&self) -> Result<Target> {
        let SqlArgs { ratings_table, user, item, rating, schema, prefix } = &self.sql;
        let Some(dialect) = self.dialect.filter(|_| self.to == Form::Sql) else {
            let given = [
                ("--dialect", self.dialect.is_some()),
                ("--ratings-table", ratings_table.is_some()),
                ("--user", user.is_some()),
                ("--item", item.is_some()),
                ("--rating", rating.is_some()),
                ("--schema", schema.is_some()),
                ("--prefix", prefix.is_some()),
            ];
            return match given.into_iter().find(|(_, is_given)| *is_given) {
                Some((flag, _)) => Err(Error::job(flag, "ONNX has no tables", "leave it out, or export --to sql")),
                None => Ok(Target::Onnx),
            };
        };
        let or = |given: &Option<String>, default: &str| given.clone().unwrap_or_else(|| default.to_string());
        Ok(Target::Sql(Wanted {
            dialect: match dialect {
                SqlDialect::Duckdb => Dialect::Duckdb,
                SqlDialect::Postgres => Dialect::Postgres,
            },
            ratings: or(ratings_table, "new_ratings"),
            user: user.clone(),
            item: item.clone(),
            rating: rating.clone(),
            schema: schema.clone(),
            prefix: or(prefix, "segmill_"),
        }))
    }
}
