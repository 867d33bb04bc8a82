//! A connection in a transaction that sees one state of the database.

use std::cell::RefCell;
use std::io::BufRead;

use ::postgres::{Client, Statement};

use super::named::{Named, named};
use crate::error::{Error, Result};
use crate::ingest::source::{InputFile, Place};
use crate::postgres::{Failed, connect, failed};

pub const KEY: &str = "input.ratings";

/// Nothing ends a transaction that waits, values are sent as texts in one form, and a table is read from its start.
const SETTINGS: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = 0; \
    SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'iso_8601'; SET bytea_output = 'hex'; \
    SET extra_float_digits = 1; SET synchronize_seqscans = off";
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A connection, and what its address names.
pub struct Session {
    pub named: Named,
    client: RefCell<Client>,
}

impl Session {
    /// Connects. The state is that of the snapshot of the file's place, or the newest.
    pub fn open(file: &InputFile) -> Result<Session> {
        let named = named(KEY, &file.path)?;
        let mut client = connect(&named.address)?;
        let snapshot = match &file.place {
            Place::Database { snapshot: Some(snapshot) } => format!("; SET TRANSACTION SNAPSHOT '{snapshot}'"),
            _ => String::new(),
        };
        let begun = client.batch_execute(&format!("{SETTINGS}; {BEGIN}{snapshot}"));
        begun.map_err(|e| failed(&named.address, "cannot begin to read", e))?;
        Ok(Session { named, client: RefCell::new(client) })
    }

    /// The error of something that was tried.
    pub fn failed(&self, what: &str, error: impl Into<Failed>) -> Error {
        failed(&self.named.address, what, error)
    }

    /// The error of what a job asks for and the server refuses.
    pub fn refused(&self, error: ::postgres::Error) -> Error {
        let problem = format!("{}: the server refuses it: {}", self.named.address, Failed::from(error));
        Error::job(KEY, problem, "try the table or the query with psql, as the same user")
    }

    /// What the server says a statement has for columns.
    pub fn prepare(&self, sql: &str) -> Result<Statement> {
        self.client.borrow_mut().prepare(sql).map_err(|e| self.refused(e))
    }

    pub fn query(&self, sql: &str, name: &str) -> Result<Vec<::postgres::Row>> {
        self.client.borrow_mut().query(sql, &[&name]).map_err(|e| self.refused(e))
    }

    /// The first field of the first row, as text.
    pub fn ask(&self, sql: &str) -> Result<String> {
        let rows = self.client.borrow_mut().simple_query(sql).map_err(|e| self.refused(e))?;
        let text = rows.iter().find_map(|message| match message {
            ::postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_string),
            _ => None,
        });
        Ok(text.unwrap_or_default())
    }

    /// Hands what the server sends for a COPY to `read`.
    pub fn copy<T>(&self, sql: &str, read: impl FnOnce(&mut dyn BufRead) -> Result<T>) -> Result<T> {
        let mut client = self.client.borrow_mut();
        let mut sent = client.copy_out(sql).map_err(|e| self.refused(e))?;
        read(&mut sent)
    }
}

/// Connects, and exports a snapshot for all who will read this file. It counts as long as the session is there.
pub fn begin(file: &mut InputFile) -> Result<Session> {
    let session = Session::open(file)?;
    let snapshot = session.ask("SELECT pg_export_snapshot()")?;
    if snapshot.is_empty() || !snapshot.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        let place = session.named.address.to_string();
        return Err(Error::data(
            place,
            "the server exports no snapshot",
            "name a PostgreSQL server of version 10 or newer",
        ));
    }
    file.place = Place::Database { snapshot: Some(snapshot) };
    Ok(session)
}
