//! How much a command writes to stderr, and in which form.

use std::ffi::OsString;

use clap::{Args, ValueEnum};

use crate::watch::say;

/// What every command that works takes.
#[derive(Debug, Clone, Copy, Args)]
pub struct TalkArgs {
    /// Say nothing but errors: no progress, no warnings, no table of results
    #[arg(short, long)]
    pub quiet: bool,

    /// Log as text, or as one JSON object a line with timestamp, level, target and fields. RUST_LOG says how much (error,
    /// warn, info, debug), NO_COLOR that text has no colours
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, env = "SEGMILL_LOG_FORMAT")]
    pub log_format: LogFormat,
}

/// The form of what is said on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

impl TalkArgs {
    /// From now on this process logs like that.
    pub fn choose(self) {
        say::choose(self.log_format == LogFormat::Json, self.quiet);
    }

    /// The flags that make another process log in the same way.
    pub(super) fn words(self) -> Vec<OsString> {
        let format = match self.log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        let quiet = self.quiet.then(|| "-q".into());
        quiet.into_iter().chain(["--log-format".into(), format.into()]).collect()
    }
}
