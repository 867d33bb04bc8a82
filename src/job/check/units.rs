//! Numbers with a unit: bytes, seconds, shares.

use std::time::Duration;

use crate::error::Result;
use crate::job::input::OnBad;
use crate::job::refuse::refuse;
use crate::job::spec::{Share, Size};

/// Less memory than this is a forgotten unit.
pub const MIN_MEMORY: u64 = 1 << 20;

pub fn seconds(key: &str, value: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(value)
        .or_else(|_| refuse(key, format!("{value} is no time"), "write a number of seconds from 0 on"))
}

/// A number of bytes. Units are powers of 1000 (`MB`) or 1024 (`MiB`, or `M` for short), in any case.
pub fn bytes(size: &Size) -> Result<u64> {
    let (bytes, text) = match size {
        Size::Bytes(bytes) => (Some(*bytes), bytes.to_string()),
        Size::Text(text) => (parse_size(text), format!("{text:?}")),
    };
    match bytes {
        Some(bytes) if bytes >= MIN_MEMORY => Ok(bytes),
        Some(_) => {
            refuse("memory", format!("{text} is less than 1 MiB"), "write a size with its unit, such as \"4GiB\"")
        }
        None => {
            refuse("memory", format!("{text} is not a size"), "write a size such as \"4GiB\", \"512MiB\" or \"2GB\"")
        }
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit = unit(text[digits..].trim())?;
    let number: f64 = text[..digits].parse().ok()?;
    let bytes = number * unit as f64;
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

fn unit(name: &str) -> Option<u64> {
    Some(match name.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return None,
    })
}

/// Left out, nothing bad passes under `fail` and any share under `reject`.
pub fn max_bad(share: Option<&Share>, on_bad: OnBad) -> Result<f64> {
    let (value, text) = match share {
        None if on_bad == OnBad::Reject => return Ok(1.0),
        None => return Ok(0.0),
        Some(Share::Number(value)) => (Some(*value), value.to_string()),
        Some(Share::Text(text)) => (parse_share(text), format!("{text:?}")),
    };
    match value {
        Some(value) if (0.0..=1.0).contains(&value) => match on_bad {
            OnBad::Fail if value > 0.0 => refuse(
                "input.max_bad",
                format!("{text} has no meaning while input.on_bad = \"fail\" ends the run at the first bad row"),
                "set input.on_bad = \"reject\" or remove it",
            ),
            _ => Ok(value),
        },
        _ => refuse(
            "input.max_bad",
            format!("{text} is not a share"),
            "write a share such as \"1.5%\", or a number from 0 to 1",
        ),
    }
}

fn parse_share(text: &str) -> Option<f64> {
    match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        None => text.trim().parse().ok(),
    }
}
