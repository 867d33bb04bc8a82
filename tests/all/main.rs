//! The black-box tests: the real binary, its files, exit codes and messages. One module for each subject, all in one program,
//! which is linked once and runs them side by side: `cargo test --test all formats` runs those of a module.
//!
//! What kills processes (`tests/faults`), follows changes (`tests/follow`) or reads the source and the guides (`tests/layering.rs`, `tests/guides`) is a separate
//! program.

#[path = "../util/mod.rs"]
mod util;

mod arrow;
mod assign;
mod choose;
mod cli;
mod comfort;
mod continuity;
mod data;
mod database;
mod deploy;
mod dirt;
mod evidence;
mod export;
mod filters;
mod formats;
mod given_labels;
mod input;
mod kafka;
mod layouts;
mod memory;
mod names;
mod oracle;
mod parts;
mod plan;
mod planted;
mod postgres;
mod publish;
mod python;
mod python_package;
mod rank;
mod refine;
mod report;
mod report_browser;
mod simd;
mod status;
mod store_outputs;
mod stores;
mod titles;
mod verify;
mod versions;
