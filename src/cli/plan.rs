//! The options of `segmill plan`.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};

use super::job::WhatArgs;
use super::talk::TalkArgs;
use super::threads::checked_threads;
use crate::error::{Error, Result};
use crate::runs::predict::asked::{Asked, Stated};
use crate::runs::predict::limits::USUAL_NETWORK;

/// Processes that are not at hand, at most.
const MOST_PROCESSES: usize = 1 << 16;

/// Options of `segmill plan`.
#[derive(Debug, Args)]
#[command(
    after_help = "Reads a sample of the input and measures this machine for a second or two. With --ratings, --users or --items \
    it answers for data of the same kind and another size: what is not stated is scaled, and it says how"
)]
pub struct PlanArgs {
    #[command(flatten)]
    pub what: WhatArgs,

    /// Worker threads in each process [default: the number of processors]
    #[arg(short, long, value_name = "WORKERS")]
    pub workers: Option<NonZeroUsize>,

    /// Processes in the cluster
    #[arg(long, value_name = "N", default_value = "1")]
    pub processes: NonZeroUsize,

    /// What a process can send and receive, as in 10Gbit or 1.25GB a second; loopback: all processes are on this machine
    /// [default: 10Gbit for several processes]
    #[arg(long, value_name = "RATE")]
    pub network: Option<String>,

    /// Ratings of the data to plan for, as in 1e11, in place of the input's
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Other sizes")]
    pub ratings: Option<f64>,

    /// Users of the data to plan for
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Other sizes")]
    pub users: Option<f64>,

    /// Items of the data to plan for
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Other sizes")]
    pub items: Option<f64>,

    /// How to answer: text for people, json for programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub format: Format,

    #[command(flatten)]
    pub talk: TalkArgs,
}

/// How to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

impl PlanArgs {
    /// What is asked, checked.
    pub fn asked(&self) -> Result<Asked> {
        let processes = self.processes.get();
        if processes > MOST_PROCESSES {
            let problem = format!("{processes} processes");
            return Err(Error::job("--processes", problem, format!("ask for {MOST_PROCESSES} or less")));
        }
        let network = match self.network.as_deref() {
            None if processes == 1 => None,
            None => Some(USUAL_NETWORK),
            Some("loopback") => None,
            Some(text) => Some(rate(text).ok_or_else(|| {
                Error::job("--network", format!("{text:?} is no rate"), "write it as in 10Gbit, 1.25GB or loopback")
            })?),
        };
        let workers = checked_threads(self.workers)?;
        let stated = Stated { users: self.users, items: self.items, ratings: self.ratings };
        Ok(Asked { processes, workers, network, stated })
    }
}

/// A number of things, at least 1: `100000`, `1e11`.
fn count(text: &str) -> std::result::Result<f64, String> {
    let value: f64 = text.replace('_', "").parse().map_err(|_| "write a number, as in 1e9".to_string())?;
    if !(2.0..=1e18).contains(&value) {
        return Err("write a number from 2 to 1e18".into());
    }
    Ok(value.round())
}

/// Bytes per second of `10Gbit`, `100 Mbit/s`, `1.25GB` or `1GiB/s`.
fn rate(text: &str) -> Option<f64> {
    let text = text.trim().trim_end_matches("/s").trim_end_matches("ps");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().ok()?;
    let (scale, bits) = match unit.trim() {
        "kbit" => (1e3, true),
        "Mbit" => (1e6, true),
        "Gbit" => (1e9, true),
        "Tbit" => (1e12, true),
        "MB" => (1e6, false),
        "GB" => (1e9, false),
        "MiB" => (1_048_576.0, false),
        "GiB" => (1_073_741_824.0, false),
        _ => return None,
    };
    let rate = number * scale / if bits { 8.0 } else { 1.0 };
    (rate >= 1.0).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_counts_are_read() {
        assert_eq!(
            ["10Gbit", "100 Mbit/s", "1.25GB", "1GiB/s"].map(rate),
            [1.25e9, 1.25e7, 1.25e9, 1_073_741_824.0].map(Some)
        );
        for wrong in ["", "10", "Gbit", "10 Gbite", "-1Gbit", "0Gbit", "1e3Gbit"] {
            assert_eq!(rate(wrong), None, "{wrong}");
        }
        assert_eq!(count("1e11"), Ok(1e11));
        assert_eq!(count("162_000"), Ok(162_000.0));
        for wrong in ["", "-5", "0", "nan", "inf", "1e30", "many"] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
    }
}
