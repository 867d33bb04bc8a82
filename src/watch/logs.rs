//! The log of a process, and the line on its terminal that shows how far it is.
//!
//! The log goes to stderr: as text, or with `--log-format json` as one JSON object a line, with `timestamp`, `level`,
//! `target` and `fields`. `RUST_LOG` selects what is in it; without it, warnings and errors, or only errors
//! with `--quiet`. Colours appear only on a terminal, and never if `NO_COLOR` is set.
//!
//! A stage is a span called `stage`. While it lasts, its line stays at the foot of the terminal ([`line`]), and the log
//! scrolls above it. A member of `segmill launch` has no terminal: it tells the launcher what the line would be.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::sync::Once;
use std::time::Duration;

use indicatif::ProgressState;
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing_indicatif::style::ProgressStyle;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::{progress, say};
use crate::watch::status::line;

/// A launched member begins a line on stderr with this to say which stage it is at.
pub const STAGE_MARK: &str = "\u{1}stage ";

/// And with this to say how far that stage is.
pub const FAR_MARK: &str = "\u{1}far ";

const FILTER_VARIABLE: &str = "RUST_LOG";
/// How often a member reports its progress to the launcher.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// Who sees the progress of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watcher {
    /// The user at the terminal, if stderr is one.
    Terminal,
    /// The user at the launcher's terminal.
    Launcher,
    Nobody,
}

/// Starts the log, as [`say::choose`] was told. Once in a process.
pub fn start(watcher: Watcher) {
    let terminal = std::io::stderr().is_terminal();
    let (json, shown) = (say::is_json(), !say::is_quiet() && !say::is_json());
    let bars = tracing_indicatif::IndicatifLayer::new().with_progress_style(style());
    let (filter, problem) = filter();
    let text = (!json).then(|| {
        let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let text = tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(bars.get_stderr_writer());
        text.with_filter(filter.clone())
    });
    let objects = json.then(|| {
        let objects = tracing_subscriber::fmt::layer().json().with_current_span(false).with_span_list(false);
        let said = filter_fn(|event| event.target() == say::TARGET).with_max_level_hint(LevelFilter::INFO);
        objects.with_writer(std::io::stderr).with_filter(filter.or(said))
    });
    let stages = || EnvFilter::new("segmill=info");
    let bars = (shown && terminal && watcher == Watcher::Terminal).then(|| bars.with_filter(stages()));
    let marks = (shown && watcher == Watcher::Launcher).then(|| Marks { telling: Once::new() }.with_filter(stages()));
    if bars.is_some() || marks.is_some() {
        progress::watch();
    }
    tracing_subscriber::registry().with(text).with(objects).with(bars).with(marks).init();
    if let Some(problem) = problem {
        say::warning(&problem);
    }
}

/// What `RUST_LOG` asks for, and what is wrong with it.
fn filter() -> (EnvFilter, Option<String>) {
    let usual = || EnvFilter::new(if say::is_quiet() { "error" } else { "warn" });
    let asked = std::env::var(FILTER_VARIABLE).unwrap_or_default();
    if asked.is_empty() {
        return (usual(), None);
    }
    match EnvFilter::try_new(&asked) {
        Ok(filter) => (filter, None),
        Err(e) => {
            let remedy = "write it as in info or segmill::pipeline=debug";
            (usual(), Some(format!("{FILTER_VARIABLE}: {asked:?} is passed over: {e}; {remedy}")))
        }
    }
}

/// The stage, how long it has taken, and how far it is by this process's own account or by a member's (the message).
fn style() -> ProgressStyle {
    let far = |_: &ProgressState, out: &mut dyn fmt::Write| {
        let _ = out.write_str(&line::line(&progress::now()));
    };
    let style = ProgressStyle::with_template("{spinner} {span_fields} [{elapsed}] {far}{msg}");
    style.expect("a progress template").with_key("far", far)
}

/// Tells the launcher which stage begins, and how far it is.
struct Marks {
    telling: Once,
}

impl<S: tracing::Subscriber> Layer<S> for Marks {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        span.record(&mut |field: &Field, stage: &dyn fmt::Debug| {
            if field.name() == "message" {
                mark(STAGE_MARK, &format!("{stage:?}"));
            }
        });
        self.telling.call_once(|| drop(std::thread::spawn(tell)));
    }
}

/// A launcher that is gone needs no telling: errors are ignored.
fn mark(kind: &str, what: &str) {
    let _ = writeln!(std::io::stderr(), "{kind}{what}");
}

/// For as long as the process lives.
fn tell() {
    let mut told = String::new();
    loop {
        std::thread::sleep(TELL_EVERY);
        let line = line::line(&progress::now());
        if line != told {
            mark(FAR_MARK, &line);
            told = line;
        }
    }
}
