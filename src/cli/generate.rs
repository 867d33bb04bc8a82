//! `segmill generate`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::talk::TalkArgs;
use super::threads::threads;
use crate::error::Result;
use crate::job::{DEFAULT_AFFINITY, DEFAULT_MOVERS, Feedback, GenerateSpec};

/// Options of `segmill generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Number of users
    #[arg(long, value_name = "U")]
    pub users: u64,

    /// Number of items
    #[arg(long, value_name = "I")]
    pub items: u64,

    /// Mean number of ratings (or events) of a user; activity is log-normal
    #[arg(long, value_name = "M")]
    pub ratings_per_user: f64,

    /// Number of planted segments, each with a theme of its own
    #[arg(long, value_name = "A")]
    pub segments: u64,

    /// Write an event log (user,item) with repeats in place of half-star ratings (user,item,rating)
    #[arg(long)]
    pub implicit: bool,

    /// Share of a user's ratings drawn from the themes of their segment, 0 to 1; the smaller, the harder to segment
    #[arg(long, value_name = "F", default_value_t = DEFAULT_AFFINITY)]
    pub affinity: f64,

    /// Which month of the same users and items: ratings are drawn anew in each
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub month: u64,

    /// Share of the users who change taste from one month to the next
    #[arg(long, value_name = "F", default_value_t = DEFAULT_MOVERS)]
    pub movers: f64,

    /// Number of segments that nobody is in before month 1, founded by half of those who change taste
    #[arg(long, value_name = "B", default_value_t = 0)]
    pub born: u64,

    /// The same seed gives the same bytes, whatever the number of threads
    #[arg(long, value_name = "S")]
    pub seed: u64,

    /// The CSV file to write; <name>.items.csv (titles) and <name>.labels.csv (planted segments) are written beside it
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Threads [default: the number of processors]
    #[arg(short, long, value_name = "THREADS")]
    pub workers: Option<NonZeroUsize>,

    #[command(flatten)]
    pub talk: TalkArgs,
}

impl GenerateArgs {
    /// What to make, checked.
    pub fn spec(&self) -> Result<GenerateSpec> {
        let spec = GenerateSpec {
            users: self.users,
            items: self.items,
            ratings_per_user: self.ratings_per_user,
            segments: self.segments,
            feedback: if self.implicit { Feedback::Implicit } else { Feedback::Explicit },
            affinity: self.affinity,
            seed: self.seed,
            month: self.month,
            movers: self.movers,
            born: self.born,
        };
        spec.check(|field| format!("--{}", field.replace('_', "-")))?;
        Ok(spec)
    }

    pub fn threads(&self) -> usize {
        threads(self.workers)
    }
}
