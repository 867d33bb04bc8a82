//! Segments where other programs look for them: in a database or a folder that is brought up to date with a run.
//!
//! A target has `segments` (number, name, size, profile), `memberships` (user, segment, since) and `changes` (user, from, to, when),
//! and says which publication they are of. Readers see one publication or the next and never a half; a publication that was
//! killed has not happened, and the next one does its work. What is published already is left as it is.
//!
//! Memory does not grow with the users: they come from the files of the run a row group at a time, in order.
//!
//! Knows: finished runs, databases. Does not know: how a run is made.
//!
//! **Invariant: all-or-nothing.** Whatever ends a publication, a target is as before it or as after it.
//!
//! | module | what it does |
//! |---|---|
//! | [`edition`] | what is published: segments and their identity, from a finished run |
//! | [`rows`] | users and their numbers in Parquet, a row group at a time |
//! | [`record`] | what a target says of its last publication; whether numbers of segments mean the same |
//! | [`target`] | what all targets have in common |
//! | [`place`] | the two kinds of target |
//! | [`folder`] | a folder of versions, with a link to the one that counts |
//! | `database` | tables in a schema of PostgreSQL, changed in one transaction |
//! | `no_database` | in its place without the feature `postgres` |

#[cfg(feature = "postgres")]
mod database;
#[cfg(not(feature = "postgres"))]
#[path = "no_database.rs"]
mod database;
pub mod edition;
pub mod folder;
pub mod place;
pub mod record;
pub mod rows;
pub mod target;

pub use edition::{Edition, Segment};
pub use place::Place;
pub use record::{Position, Record, Standing};
pub use target::{Advanced, Begun, Change, Members, Published, Target, Terms, advance, publish};
