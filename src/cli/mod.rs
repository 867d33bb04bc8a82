//! The command line: clap turns words into typed options, and the functions here check what clap cannot.
//!
//! | file | what it has |
//! |---|---|
//! | [`command`] | the commands |
//! | `run`, `launch`, `plan`, `generate`, `assign`, `follow`, `publish`, `report`, `export`, `verify`, `init`, `pages` | the options of each command |
//! | `job`, `mesh`, `threads`, `talk` | options that commands share |
//! | [`hosts`], [`nodelist`], `rank` | which process of which cluster this is |
//! | [`dispatch`] | the one match that names every command |
//!
//! Flags win over the environment, and the environment wins over defaults. A scheduler that started this process as one of several says the rest
//! in its own variables (`rank`). A command line that cannot run ends with exit code 2, whether clap or
//! [`Error::Job`](crate::error::Error::Job) refuses it.
//!
//! Knows: every room. Only `main` knows it.
//!
//! **Invariant: parsing-does-no-work.** Before a command is dispatched, nothing is opened but the hosts file, and nothing is
//! written.

mod assign;
mod command;
mod dispatch;
mod export;
mod follow;
mod generate;
pub(crate) mod hosts;
mod init;
mod job;
mod launch;
mod mesh;
pub(crate) mod nodelist;
mod pages;
mod plan;
mod publish;
mod rank;
mod report;
mod run;
mod talk;
#[cfg(test)]
mod tests;
mod threads;
mod verify;

pub use command::{Cli, Command};
pub use dispatch::dispatch;
