//! Times the stages of a run, and reports them to the log and to whoever watches.

use std::time::Instant;

use crate::results::run::Stage;
use crate::watch::progress::{self, Memory};

/// The log target of stages. Users name it in `RUST_LOG`, so it outlived the module that it is called after.
const LOG_TARGET: &str = "segmill::pipeline";

/// Times stages, and shows the current one on a terminal.
pub struct Clock {
    shown: bool,
    /// This worker reports the stages of its process.
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
