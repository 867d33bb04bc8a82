//! Pages of a mapped file.

use memmap2::{Mmap, UncheckedAdvice};

/// Lets go of the pages of the bytes `start..end`, which have been read. They would otherwise count as
/// this process's memory until the file is unmapped. Those around them go too: a last line ends there, and the kernel maps the
/// neighbours of a page that is read.
pub fn give_back(mapped: &Mmap, start: u64, end: u64) {
    const AROUND: u64 = 2 << 20;
    let start = start.saturating_sub(AROUND);
    let end = (end + AROUND).min(mapped.len() as u64);
    // SAFETY: the map is shared and read-only, so a page that is read again is read from the file again.
    let advised =
        unsafe { mapped.unchecked_advise_range(UncheckedAdvice::DontNeed, start as usize, (end - start) as usize) };
    // Where the kernel refuses, the run takes more memory: no reason to end it.
    advised.unwrap_or_else(|e| tracing::debug!("pages of the input stay in memory: {e}"));
}
