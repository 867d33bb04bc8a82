//! What the fuzz targets of `tests/fuzz` run: bytes from outside, whatever they are, to every reader of such bytes.
//!
//! Each target is a function of any bytes that panics where a reader breaks its law. The laws they share: nothing
//! panics or hangs, nothing allocates out of proportion to what is read, and a refusal is one line of bounded length with
//! a remedy. Built for fuzzing only (`--cfg fuzzing`), and for `cargo test`, which runs every target over its kept corpus.
//!
//! | target | reads |
//! |---|---|
//! | [`scan`] | text files of ratings, and how they are laid out |
//! | [`job`] | the job file, and `--set` |
//! | [`frames`] | what comes over the wire: frames, handshakes, batches of rows, orders of a launcher |
//! | [`checkpoint`] | checkpoint files |
//! | [`files`] | input files of any kind: plain, packed, Parquet |
//! | [`model`] | the fitted model |
//! | [`inputs`] | hosts files, lists of machines, keys, item titles, HTTP requests |
//! | [`changes`] | lines that change ratings |
//! | [`state`] | what a session that follows has left |
//! | [`packed`] | packed ratings, and packed rows on their way, as a scratch file holds them |

mod changes;
mod checkpoint;
mod files;
mod frames;
mod inputs;
mod job;
mod model;
mod packed;
mod scan;
mod state;

pub use changes::changes;
pub use checkpoint::checkpoint;
pub use files::files;
pub use frames::frames;
pub use inputs::inputs;
pub use job::job;
pub use model::model;
pub use packed::packed;
pub use scan::scan;
pub use state::state;

use crate::error::Error;

/// In bytes. A message is for a person to read, with long paths at most.
const LONGEST_MESSAGE: usize = 64 << 10;

/// One line, not too long, with a remedy.
#[track_caller]
fn assert_says_what_to_do(error: &Error) {
    let message = error.to_string();
    assert!(!message.contains(['\n', '\r']), "not one line: {message:?}");
    assert!(message.contains("; "), "no remedy: {message:?}");
    assert!(message.len() <= LONGEST_MESSAGE, "{} bytes: {message:?}", message.len());
    assert!(error.exit_code() != 70, "{message:?}");
}

/// Bytes that are taken from the front; zeros where there are no more.
struct Taken<'a>(&'a [u8]);

impl<'a> Taken<'a> {
    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// Up to `length` bytes.
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    type Target = fn(&[u8]);

    /// What fuzzing once tripped over, and what it starts from.
    #[test]
    fn the_kept_corpus_passes() {
        let targets: [(&str, Target); 10] = [
            ("scan", super::scan),
            ("job", super::job),
            ("frames", super::frames),
            ("checkpoint", super::checkpoint),
            ("files", super::files),
            ("inputs", super::inputs),
            ("model", super::model),
            ("packed", super::packed),
            ("changes", super::changes),
            ("state", super::state),
        ];
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
        let kept = std::fs::read_dir(&folder).expect("the corpus").count();
        assert_eq!(kept, targets.len(), "a target has no corpus, or a corpus no target");
        for (name, target) in targets {
            for file in std::fs::read_dir(folder.join(name)).expect("a corpus") {
                let path = file.expect("a file").path();
                eprintln!("{}", path.display());
                target(&std::fs::read(&path).expect("a file"));
            }
        }
    }
}
