//! PostgreSQL: where a database is, what opens it, and a connection to it over TLS.
//!
//! Addresses, defaults and the password file are those of libpq, so that what connects `psql` connects segmill. A password is never
//! part of an [`Address`]: one that is written into an address is refused, since command lines, job files and `run.json`
//! can be read by others. It comes from `PGPASSWORD` or the password file, at the moment of connecting.
//!
//! Knows: errors. Does not know: what the tables hold.
//!
//! **Invariant: no-secret-is-shown.** No `Display`, no `Debug` and no error here has a password in it.
//!
//! | module | what it does |
//! |---|---|
//! | [`address`] | an address and the environment → hosts, database, user, and how to connect |
//! | [`passfile`] | `.pgpass`: the line that fits |
//! | `secret` | a password, which is not to be shown, and where it comes from |
//! | `tls` | what of a server's certificate is checked, for each `sslmode` |
//! | `connect` | connects |
//! | `failure` | what a server says when it fails |
//! | `off` | in place of the last three without the feature `postgres`: nothing connects |

pub mod address;
#[cfg(feature = "postgres")]
mod connect;
#[cfg(feature = "postgres")]
mod failure;
#[cfg(not(feature = "postgres"))]
mod off;
pub mod passfile;
#[cfg(feature = "postgres")]
mod secret;
#[cfg(feature = "postgres")]
mod tls;

pub use address::{Address, is_address};
#[cfg(not(feature = "postgres"))]
pub use off::{Client, connect};
#[cfg(feature = "postgres")]
pub use {
    ::postgres::Client,
    connect::connect,
    failure::{Failed, failed},
};

use crate::error::{Error, Result};

/// Refuses an address where segmill was built without PostgreSQL. `key` is what names it.
pub fn check_built(key: &str) -> Result<()> {
    if cfg!(feature = "postgres") {
        return Ok(());
    }
    let problem = "this segmill was built without PostgreSQL";
    Err(Error::job(key, problem, "build it with `cargo build --release --features postgres`"))
}
