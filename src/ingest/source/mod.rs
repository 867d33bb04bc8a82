//! Where the bytes of an input file are, and how to get at them: on a disk, from standard input, or in an object store;
//! as they are, or packed.
//!
//! | module | what it does |
//! |---|---|
//! | [`file`](mod@file) | a file to read, and where it is |
//! | [`uri`] | whether a name is a path or an address |
//! | [`hidden`] | files that a folder does not stand for |
//! | [`opened`] | a file's bytes: at any place, from its start, or mapped |
//! | [`mapped`] | pages of a mapped file, given back |
//! | [`codec`] | packed bytes, unpacked |
//! | [`frames`] | where a packed text can be cut |
//! | [`spooled`], [`stdin`] | standard input, kept in an unnamed file |
//! | [`listed`] | what an address in an object store names |
//! | [`failure`] | the errors of all of them |

mod codec;
mod failure;
mod file;
mod frames;
pub mod hidden;
mod listed;
mod mapped;
mod opened;
mod spooled;
mod stdin;
pub mod uri;

pub use bytes::Bytes;
pub use codec::Codec;
pub use failure::failed;
pub use file::{InputFile, Place};
#[cfg(any(test, fuzzing))]
pub(crate) use frames::cuts_apart;
pub use frames::{Cut, cuts};
pub use listed::list_store;
pub use mapped::give_back;
pub use opened::Opened;
pub use spooled::spool_stdin;
pub use stdin::Spool;
