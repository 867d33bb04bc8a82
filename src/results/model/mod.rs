//! The fitted model on disk: what it takes to put a new user into a segment.
//!
//! ```text
//! model/model.json          version, the job's sections that shaped the model, n_items, segments, tensors with shapes
//! model/model.safetensors   the tensors, row-major: 64-bit floats, but for the items
//! model/items.parquet       index, item, title: what the columns of the tensors stand for
//! ```
//!
//! | tensor | shape |
//! |---|---|
//! | `mean`, `idf` | `(n_items)` |
//! | `components` | `(n_components, n_items)` |
//! | `explained_variance` | `(n_components or more)` |
//! | `centroids` | `(n_clusters, n_components)` |
//! | `bayes.NAME` | as the Naive Bayes model has it, for example `bayes.feature_log_prob` `(n_clusters, n_items)` |
//! | `mixture.prior` | `(n_clusters)`; with `kmeans.refine = "mixture"`, as are the next ones |
//! | `mixture.terms` | `(n_items, n_clusters)`, 32-bit floats written as 64 |
//! | `mixture.weights` | `(2)`: the mean of log(1 + x), and the units of a weight; where amounts count by weight |
//! | `mixture.item_means`, `mixture.slopes` | `(n_items)`, `(n_items, n_clusters)`; where ratings are opinions |
//! | `mixture.item_log_means`, `mixture.slopes` | the same of log(1 + x); where amounts are read by how high they are |
//! | `items.id` | `(n_items)`, whole numbers: the ids, rising, where all are numbers |
//! | `items.text`, `items.end` | otherwise: the UTF-8 bytes of all ids one after the other, and where each ends, `(n_items)` |
//!
//! The safetensors file opens in NumPy and PyTorch. With `model.json` it holds all that is needed to put users into
//! segments. Equal tensors make equal files, byte for byte. [`read()`] reads them back.

use crate::stages::mixture::Height;

mod fitted;
mod manifest;
mod read;
mod tensor;
mod write;

pub use crate::results::files::{MODEL as FOLDER, OF_MODEL as FILES};
pub use fitted::{Bayes, Model};
pub use manifest::{Manifest, Segment, TensorInfo, VERSION};
pub use read::{identity, names, read, read_bytes, titles};
pub use tensor::{Tensor, Values};
pub use write::{digest, tensors, write};

const WEIGHTS: &str = "mixture.weights";

/// The tensor of the items' means.
fn item_means(height: Height) -> &'static str {
    match height {
        Height::Plain => "mixture.item_means",
        Height::Log => "mixture.item_log_means",
    }
}
