//! In place of `kafka.rs` where segmill is built without the feature `kafka`: every topic is refused.

use super::feed::Feed;
use super::spec::Topic;
use crate::error::{Error, Result};
use crate::live::change::Position;

/// There is none.
pub fn open(name: String, _: &Topic, _: Option<&Position>, _stop_at_end: bool) -> Result<Box<dyn Feed>> {
    let remedy = "build it with `cargo build --release --features kafka`";
    Err(Error::job("--input", format!("{name}: this segmill was built without Kafka"), remedy))
}
