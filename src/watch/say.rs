//! What a process prints on stderr beside its log: errors, warnings and notes, for people or for machines.
//!
//! For people each is a line that begins with `segmill: `. With `--log-format json` each is an event of the log instead
//! ([`crate::watch::logs`]), with [`TARGET`] as its target, so that every line on stderr is a JSON object; no filter keeps it out.

use std::fmt::Display;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;

/// The target of events that no filter of the log keeps out.
pub const TARGET: &str = "segmill";

static JSON: AtomicBool = AtomicBool::new(false);
static QUIET: AtomicBool = AtomicBool::new(false);

/// Chooses how this process prints from now on: as JSON or as text; if `quiet`, errors only.
pub fn choose(json: bool, quiet: bool) {
    JSON.store(json, Ordering::Relaxed);
    QUIET.store(quiet, Ordering::Relaxed);
}

/// True where lines on stderr are JSON objects.
pub fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// True where nothing but errors is wanted.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// What ended the process.
pub fn error(error: &Error) {
    if is_json() {
        tracing::error!(target: TARGET, exit_code = error.exit_code(), "{error}");
    } else {
        line(error);
    }
}

/// Something failed, and the process handles it.
pub fn trouble(what: &str) {
    if is_json() {
        tracing::error!(target: TARGET, "{what}");
    } else {
        line(&what);
    }
}

/// What the user should know about a result.
pub fn warning(what: &str) {
    match (is_quiet(), is_json()) {
        (true, _) => {}
        (false, true) => tracing::warn!(target: TARGET, "{what}"),
        (false, false) => line(&format_args!("warning: {what}")),
    }
}

/// What the user may want to know.
pub fn note(what: &str) {
    match (is_quiet(), is_json()) {
        (true, _) => {}
        (false, true) => tracing::info!(target: TARGET, "{what}"),
        (false, false) => line(&what),
    }
}

/// Above the line that shows how far the process is, if there is one. Its reader may be gone, and that must not hold up
/// the work.
fn line(what: &dyn Display) {
    tracing_indicatif::suspend_tracing_indicatif(|| {
        let _ = writeln!(std::io::stderr(), "segmill: {what}");
    });
}
