//! Stages, timed and told of.

use std::time::Instant;

use crate::results::run::Stage;
use crate::watch::progress::{self, Memory};

/// The target of what is logged of stages: `RUST_LOG` has known it by this name since 0.1.
const LOG_TARGET: &str = "segmill::pipeline";

/// Times stages, and shows the one at work where there is a terminal to show it on.
pub struct Clock {
    shown: bool,
    /// This worker tells the stages of its process.
    told: bool,
    pub started: Instant,
    pub stages: Vec<Stage>,
}

impl Clock {
    pub fn start(shown: bool, told: bool) -> Clock {
        Clock { shown, told, started: Instant::now(), stages: Vec::new() }
    }

    pub fn time<T>(&mut self, stage: &str, work: impl FnOnce() -> T) -> T {
        let span = if self.shown { tracing::info_span!("stage", message = %stage) } else { tracing::Span::none() };
        #[cfg(debug_assertions)]
        panic_if_asked(stage);
        let (started, sent) = (Instant::now(), progress::bytes_sent());
        if self.told {
            progress::begin(stage);
        }
        let result = span.in_scope(work);
        if self.told {
            progress::end();
        }
        let seconds = started.elapsed().as_secs_f64();
        if self.shown {
            tracing::info!(target: LOG_TARGET, stage, seconds, "done");
        }
        self.stages.push(Stage {
            stage: stage.to_string(),
            seconds,
            peak_memory: Memory::now().peak,
            bytes_sent: progress::bytes_sent() - sent,
        });
        result
    }
}

/// For the tests of faults: the thread that is named in `SEGMILL_TEST_PANIC=STAGE:PROCESS:THREAD` panics in that stage.
#[cfg(debug_assertions)]
fn panic_if_asked(stage: &str) {
    let Ok(asked) = std::env::var("SEGMILL_TEST_PANIC") else { return };
    let words: Vec<String> = std::env::args().collect();
    let process = words.iter().position(|word| word == "--process").and_then(|at| words.get(at + 1));
    let (process, thread) = (process.map_or("0", String::as_str), std::thread::current());
    let worker = thread.name().and_then(|name| name.rsplit('-').next()).unwrap_or_default();
    assert!(asked != format!("{stage}:{process}:{worker}"), "asked to panic");
}
