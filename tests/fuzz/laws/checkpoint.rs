//! Any bytes as a checkpoint.

use std::collections::BTreeMap;

use super::Taken;
use crate::kernel::krylov::Underway;
use crate::runs::checkpoint::{self, Content};
use crate::stages::kmeans::Progress;
use crate::stages::pca::Pca;
use crate::stages::resume;

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
            if let Ok(content) = postcard::from_bytes(data.0) {
                is_written_as_it_was(content);
            }
        }
        b's' => {
            let states = BTreeMap::from([("stage".to_string(), data.0.to_vec())]);
            drop(resume::read::<Pca>(&states, "stage"));
            drop(resume::read::<Progress>(&states, "stage"));
            drop(resume::read::<Underway>(&states, "stage"));
            assert!(resume::read::<()>(&states, "other stage").is_none());
        }
        _ => {}
    }
}

fn is_written_as_it_was(content: Content) {
    assert_eq!(checkpoint::decode(&checkpoint::encode(&content)), Ok(content));
}
