//! How far a process is, and who is told.

pub mod format;
pub mod logs;
pub mod progress;
pub mod say;
pub mod status;
