//! Tables and queries of PostgreSQL to rows.
//!
//! | module | what it does |
//! |---|---|
//! | [`named`](mod@named) | the table or query that an address names |
//! | [`model`] | what is read, the same on every worker |
//! | `session` | a connection in a transaction that sees one state of the database |
//! | `describe` | the columns of a table or query, and how much there is |
//! | `wire` | what values are taken for, by their types in the database |
//! | `copy` | rows in the binary form of COPY |
//! | `numeric` | a number of any length, as text |
//! | `batch` | rows that have been fetched, as columns |
//! | `reader` | reads what one worker has to |
//! | `off` | in place of the last seven without the feature `postgres`: nothing can be read |
//!
//! What becomes of the values is in [`super::typed`]. The coordinator's connection exports its snapshot before anything is read, and keeps
//! its transaction open until all is read. Every other connection takes that snapshot: all see the same rows, whatever is written
//! meanwhile.
//!
//! A table is cut into ranges of its pages, and a row of it is known by its place there ([`model::Place`]), which is the same for every
//! layout. The rows of a query come over one connection, and are numbered as they come.

#[cfg(feature = "postgres")]
mod batch;
#[cfg(feature = "postgres")]
mod copy;
#[cfg(feature = "postgres")]
mod describe;
pub mod model;
pub mod named;
#[cfg(feature = "postgres")]
mod numeric;
#[cfg(not(feature = "postgres"))]
mod off;
#[cfg(feature = "postgres")]
mod reader;
#[cfg(feature = "postgres")]
mod session;
#[cfg(feature = "postgres")]
mod wire;

pub use model::{Pages, Source};
pub use named::{check, is_ordered};
#[cfg(not(feature = "postgres"))]
pub use off::{Reader, begin, first_rows, layout, read_texts};
#[cfg(feature = "postgres")]
pub use {
    reader::{Reader, first_rows, layout, read_texts},
    session::begin,
};
