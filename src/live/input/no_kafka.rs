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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_refused_with_the_feature_to_build_with() {
        let topic = Topic { brokers: "b:1".into(), topic: "t".into(), group: None };
        let error = open("kafka:b:1/t".into(), &topic, None, false).err().expect("it is refused");
        let message = error.to_string();
        assert_eq!(error.exit_code(), 2);
        assert!(message.starts_with("--input: kafka:b:1/t") && message.contains("--features kafka"), "{message}");
        assert!(!message.contains('\n'), "{message:?}");
    }
}
