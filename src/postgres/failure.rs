//! What a server says when it fails.

use std::error::Error as _;
use std::fmt;
use std::io;

use ::postgres::error::SqlState;

use super::Address;
use crate::error::Error;

/// What a server or the way to it said, in one line: no statement, no value and no password is in it.
#[derive(Debug)]
pub struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failed {}

impl From<::postgres::Error> for Failed {
    fn from(error: ::postgres::Error) -> Failed {
        Failed(said(&error))
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        // A copy fails as input and output do, with the server's words inside.
        match error.get_ref().and_then(|inner| inner.downcast_ref::<::postgres::Error>()) {
            Some(inner) => Failed(said(inner)),
            None => Failed(error.to_string()),
        }
    }
}

/// The server's message, or the causes one after the other.
pub fn said(error: &::postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        return format!("{} ({})", db.message(), db.code().code());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The error of a run that could not use a database; `what` was tried, as in `cannot write`.
pub fn failed(address: &Address, what: &str, error: impl Into<Failed>) -> Error {
    let remedy = "check the rights of this user in the database, and that the server stays up; then try again";
    Error::File {
        path: address.to_string().into(),
        problem: format!("{what}: {}", error.into()),
        remedy: remedy.into(),
    }
}

/// What may help where a connection failed.
pub fn remedy(error: &::postgres::Error) -> &'static str {
    match error.code() {
        Some(code) if *code == SqlState::INVALID_PASSWORD => "check the password in PGPASSWORD or .pgpass",
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => "check the database in the address, or create it",
        Some(_) => "check the address, and the server's pg_hba.conf",
        None if is_tls(error) => "check sslmode and sslrootcert in the address, and the server's certificate",
        None => "check the address, and that the server is up and can be reached from here",
    }
}

/// Whether TLS could not be agreed on.
pub fn is_tls(error: &::postgres::Error) -> bool {
    error.to_string().contains("TLS")
}

/// Whether the server does not let this client in the way it came: without TLS, it may.
pub fn is_refused(error: &::postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

/// Whether the server asked for a password, and there is none.
pub fn lacks_password(error: &::postgres::Error) -> bool {
    error.as_db_error().is_none() && error.source().is_some_and(|cause| cause.to_string() == "password missing")
}
