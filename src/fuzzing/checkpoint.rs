//! Any bytes as a checkpoint.

use std::collections::BTreeMap;

use super::Taken;
use crate::checkpoint::{self, Content};
use crate::kernel::krylov::Underway;
use crate::kmeans::Progress;
use crate::pca::Pca;

/// After `f` a whole file, after `c` what is in one, after `s` the state of a stage. What is read is written as it was.
pub fn checkpoint(data: &[u8]) {
    let mut data = Taken(data);
    match data.byte() {
        b'f' => {
            if let Ok(content) = checkpoint::decode(data.0) {
                is_written_as_it_was(content);
            }
        }
        b'c' => {
            if let Ok(content) = bincode::deserialize(data.0) {
                is_written_as_it_was(content);
            }
        }
        b's' => {
            let states = BTreeMap::from([("stage".to_string(), data.0.to_vec())]);
            let content = Content { identity: "job".into(), states };
            drop(content.state::<Pca>("stage"));
            drop(content.state::<Progress>("stage"));
            drop(content.state::<Underway>("stage"));
            assert!(content.state::<()>("other stage").is_none());
        }
        _ => {}
    }
}

fn is_written_as_it_was(content: Content) {
    assert_eq!(checkpoint::decode(&checkpoint::encode(&content)), Ok(content));
}
