//! Refusals: each names the key and the remedy.

use std::fmt::Display;

use crate::error::{Error, Result};

pub fn refuse<T>(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Result<T> {
    Err(Error::job(place, problem, remedy))
}

pub fn at_least<T: PartialOrd + Display>(key: &str, value: T, least: T) -> Result<T> {
    if value < least {
        return refuse(key, format!("{value} is too small"), format!("write {least} or more"));
    }
    Ok(value)
}
