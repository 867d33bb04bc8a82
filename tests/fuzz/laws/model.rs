//! Any bytes as a fitted model.

use super::assert_says_what_to_do;
use crate::results::model;

/// `model.json`, and after a 0 byte `model.safetensors`.
pub fn model(data: &[u8]) {
    let at = memchr::memchr(0, data).unwrap_or(data.len());
    let (json, tensors) = (&data[..at], data.get(at + 1..).unwrap_or_default());
    match model::read_bytes(json, tensors) {
        Err(error) => assert_says_what_to_do(&error),
        Ok(model) => {
            assert_eq!(model.components.ncols(), model.items.len());
            assert_eq!(
                (model.centroids.nrows(), model.centroids.ncols()),
                (model.manifest.segments.len(), model.components.nrows())
            );
        }
    }
}
