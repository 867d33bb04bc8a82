//! How far a process is, and what it tells: progress, the line on the terminal, the log, the status port.
//!
//! Knows: errors, the process it is in, and the streams and sockets it writes to. Does not know: stages, data, jobs.
//!
//! **Invariant: no-effect.** Results never depend on what is watched or printed. Nothing noted here is read back by a stage.
//!
//! | module | what it does |
//! |---|---|
//! | [`progress`] | what stages note, and how far they are |
//! | [`status`] | the line on the terminal, and the HTTP port: a page for people, metrics for Prometheus |
//! | [`logs`], [`say`] | the log; errors, warnings and notes, as text or as JSON |
//! | [`mod@format`] | numbers as people read them, and text made safe for HTML |

pub mod format;
pub mod logs;
pub mod progress;
pub mod say;
pub mod status;
