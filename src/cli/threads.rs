//! How many worker threads a process has.

use std::num::NonZeroUsize;

use crate::error::{Error, Result};

/// Worker threads of one process at most: each has a channel to every other.
pub const MAX_WORKERS: usize = 512;

/// [`threads`], unless they are more than a process may have.
pub fn checked_threads(asked: Option<NonZeroUsize>) -> Result<usize> {
    let workers = threads(asked);
    if workers > MAX_WORKERS {
        let problem = format!("{workers} worker threads in one process");
        let remedy = format!("ask for {MAX_WORKERS} or less; more than processors is no faster");
        return Err(Error::job("--workers", problem, remedy));
    }
    Ok(workers)
}

/// As many as asked for, or as many as there are processors.
pub fn threads(asked: Option<NonZeroUsize>) -> usize {
    asked.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}
