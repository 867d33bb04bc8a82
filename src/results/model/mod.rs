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
//! | `mixture.prior` | `(n_clusters)`; with `kmeans.refine = "mixture"`, as are the next three |
//! | `mixture.terms` | `(n_items, n_clusters)`, 32-bit floats written as 64 |
//! | `mixture.item_means`, `mixture.slopes` | `(n_items)`, `(n_items, n_clusters)`; where ratings are opinions |
//! | `items.id` | `(n_items)`, whole numbers: the ids, rising, where all are numbers |
//! | `items.text`, `items.end` | otherwise: the UTF-8 bytes of all ids one after the other, and where each ends, `(n_items)` |
//!
//! The safetensors file opens in NumPy and PyTorch. With `model.json` it holds all that is needed to put users into
//! segments. Equal tensors make equal files, byte for byte. [`read()`] reads them back.

mod fitted;
mod manifest;
mod read;
mod tensor;
mod write;

pub use crate::results::files::{MODEL as FOLDER, OF_MODEL as FILES};
pub use fitted::{Bayes, Model};
pub use manifest::{Manifest, Segment, TensorInfo, VERSION};
pub use read::{identity, read, read_bytes, titles};
pub use tensor::{Tensor, Values};
pub use write::{digest, tensors, write};
