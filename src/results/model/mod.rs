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
//! | `items.id` | `(n_items)`, whole numbers: the ids, rising, where all are numbers |
//! | `items.text`, `items.end` | else: the UTF-8 bytes of all ids one after the other, and where each ends, `(n_items)` |
//!
//! The safetensors file opens in NumPy and PyTorch, and with `model.json` holds all that it takes to put users into
//! segments. Equal tensors make equal files, byte for byte. [`read`] is the way back.

mod read;

use std::borrow::Cow;
use std::fs::{self, File};
use std::path::Path;

use safetensors::tensor::{Dtype, View};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ingest::ids::Id;
use crate::job::{KMeansParams, Matrix, PcaParams, ValidateParams};
use crate::results::Outcome;
use crate::results::table::{DISK_REMEDY, Digest, Table};

pub use read::{Bayes, Model, identity, read, read_bytes, titles};

/// The folder of a model in that of a run's output.
pub const FOLDER: &str = "model";

/// The files of a model.
pub const FILES: [&str; 3] = ["model.json", "model.safetensors", "items.parquet"];

/// The version of the folder's layout. A reader refuses what it does not know.
pub const VERSION: u32 = 1;

/// `model.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    pub seed: u64,
    pub matrix: Matrix,
    pub pca: PcaParams,
    pub kmeans: KMeansParams,
    pub validate: ValidateParams,
    pub n_items: usize,
    /// `bm25`: the mean over the users of the sum of their ratings.
    #[serde(default)]
    pub mean_length: Option<f64>,
    pub segments: Vec<Segment>,
    /// All segments, in the order in which the nearest is looked for: of equally near ones the first takes the user.
    /// Without it, their own order.
    #[serde(default)]
    pub tie_order: Option<Vec<u32>>,
    pub tensors: Vec<TensorInfo>,
}

/// A segment of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// What it is called. A person may edit it, and `segmill report` shows it.
    pub name: String,
    /// Users it was fitted on.
    pub size: u64,
}

/// A tensor in `model.safetensors`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TensorInfo {
    pub name: String,
    pub shape: Vec<usize>,
}

/// A tensor, row-major.
#[derive(Debug, Clone)]
pub struct Tensor<'a> {
    pub shape: Vec<usize>,
    pub values: Values<'a>,
}

#[derive(Debug, Clone)]
pub enum Values<'a> {
    Real(Cow<'a, [f64]>),
    Whole(Vec<i64>),
    Bytes(Vec<u8>),
}

impl View for &Tensor<'_> {
    fn dtype(&self) -> Dtype {
        match self.values {
            Values::Real(_) => Dtype::F64,
            Values::Whole(_) => Dtype::I64,
            Values::Bytes(_) => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.values {
            Values::Real(values) => little_endian(values, |v| v.to_le_bytes()),
            Values::Whole(values) => little_endian(values, |v| v.to_le_bytes()),
            Values::Bytes(bytes) => Cow::Borrowed(bytes),
        }
    }

    fn data_len(&self) -> usize {
        match &self.values {
            Values::Real(values) => size_of_val(&values[..]),
            Values::Whole(values) => size_of_val(&values[..]),
            Values::Bytes(bytes) => bytes.len(),
        }
    }
}

fn little_endian<T: bytemuck::Pod>(values: &[T], bytes: impl Fn(T) -> [u8; 8]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        return Cow::Borrowed(bytemuck::cast_slice(values));
    }
    Cow::Owned(values.iter().flat_map(|&value| bytes(value)).collect())
}

/// The model's tensors by name, in the order of the table above, without the items.
pub fn tensors(outcome: &Outcome) -> Vec<(String, Tensor<'_>)> {
    let (pca, model) = (&outcome.pca, &outcome.model);
    let bayes = model.bayes.iter().map(|(name, shape, values)| (format!("bayes.{name}"), flat(shape, values)));
    let fixed = [
        ("mean", row_major(&pca.mean)),
        ("idf", flat(&[model.idf.len()], &model.idf)),
        ("components", row_major(&pca.components)),
        ("explained_variance", flat(&[pca.explained_variance.len()], &pca.explained_variance)),
        ("centroids", row_major(&outcome.kmeans.centroids)),
    ];
    fixed.into_iter().map(|(name, tensor)| (name.to_string(), tensor)).chain(bayes).collect()
}

fn flat<'a>(shape: &[usize], values: &'a [f64]) -> Tensor<'a> {
    assert_eq!(shape.iter().product::<usize>(), values.len(), "a tensor's shape and values disagree");
    Tensor { shape: shape.to_vec(), values: Values::Real(Cow::Borrowed(values)) }
}

fn row_major<D: ndarray::Dimension>(array: &ndarray::Array<f64, D>) -> Tensor<'_> {
    let values = match array.as_slice() {
        Some(values) => Cow::Borrowed(values),
        None => Cow::Owned(array.iter().copied().collect()),
    };
    Tensor { shape: array.shape().to_vec(), values: Values::Real(values) }
}

/// The tensors of the items.
fn item_tensors(ids: &[Id]) -> Vec<(String, Tensor<'static>)> {
    let number = |id: &Id| if let Id::Number(number) = id { Some(*number as i64) } else { None };
    let whole = |name: &str, values: Vec<i64>| {
        (name.to_string(), Tensor { shape: vec![values.len()], values: Values::Whole(values) })
    };
    if let Some(numbers) = ids.iter().map(number).collect() {
        return vec![whole("items.id", numbers)];
    }
    let mut text = Vec::new();
    let mut end = |id: &Id| {
        text.extend(id.to_string().as_bytes());
        text.len() as i64
    };
    let ends = ids.iter().map(&mut end).collect();
    let text = Tensor { shape: vec![text.len()], values: Values::Bytes(text) };
    vec![("items.text".into(), text), whole("items.end", ends)]
}

/// BLAKE3 over names, shapes and bits of the tensors, in the order of [`tensors`]; in hexadecimal.
pub fn digest(outcome: &Outcome) -> String {
    let mut digest = Digest::new("segmill model 1\n");
    for (name, tensor) in tensors(outcome) {
        digest.text(&name);
        digest.whole(tensor.shape.len() as u64);
        tensor.shape.iter().for_each(|&n| digest.whole(n as u64));
        match &tensor.values {
            Values::Real(values) => digest.reals(values),
            Values::Whole(_) | Values::Bytes(_) => unreachable!("all of these tensors are real"),
        }
    }
    digest.finish()
}

/// Writes the model, with the table of items, into the existing folder `folder`.
pub fn write(outcome: &Outcome, items: &Table<'_>, folder: &Path) -> Result<()> {
    let [manifest_file, tensors_file, items_file] = FILES;
    let mut tensors = tensors(outcome);
    tensors.extend(item_tensors(&outcome.items.ids));
    write_tensors(&tensors, &folder.join(tensors_file))?;
    items.write_parquet(&folder.join(items_file))?;
    let path = folder.join(manifest_file);
    let json = serde_json::to_vec_pretty(&manifest(outcome, &tensors)).expect("a manifest serialises");
    fs::write(&path, json).map_err(|e| Error::file(&path, "cannot write", &e, DISK_REMEDY))
}

/// The library renames a private temporary file over `path`: the file made first lends it the usual permissions.
fn write_tensors(tensors: &[(String, Tensor)], path: &Path) -> Result<()> {
    let failed = |e: std::io::Error| Error::file(path, "cannot write", &e, DISK_REMEDY);
    let permissions = File::create(path).and_then(|file| file.metadata()).map_err(failed)?.permissions();
    let views = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
    safetensors::serialize_to_file(views, None, path).map_err(|e| failed(std::io::Error::other(e)))?;
    fs::set_permissions(path, permissions).map_err(failed)
}

fn manifest(outcome: &Outcome, tensors: &[(String, Tensor)]) -> Manifest {
    let job = &outcome.job;
    let segment = |(name, &size): (&String, &u64)| Segment { name: name.clone(), size };
    Manifest {
        version: VERSION,
        seed: job.seed,
        matrix: job.matrix,
        pca: job.pca,
        kmeans: job.kmeans,
        validate: job.validate,
        n_items: outcome.items.ids.len(),
        mean_length: outcome.model.mean_length,
        segments: outcome.names.iter().zip(&outcome.kmeans.sizes).map(segment).collect(),
        tie_order: Some(outcome.kmeans.tie_order.clone()),
        tensors: tensors.iter().map(|(n, t)| TensorInfo { name: n.clone(), shape: t.shape.clone() }).collect(),
    }
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;

    use super::*;
    use crate::results::fixture::{self, SMALL};
    use crate::results::tables;

    #[test]
    fn the_tensors_read_back_bit_for_bit() {
        let outcome = fixture::outcome(SMALL);
        let folder = tempfile::tempdir().unwrap();
        write(&outcome, &tables::items(&outcome), folder.path()).unwrap();
        let bytes = fs::read(folder.path().join("model.safetensors")).unwrap();
        let read = SafeTensors::deserialize(&bytes).unwrap();
        let written = tensors(&outcome);
        assert_eq!(read.len(), written.len() + 1, "the items beside");
        for (name, tensor) in &written {
            let view = read.tensor(name).unwrap();
            assert_eq!(view.shape(), tensor.shape, "{name}");
            assert_eq!(view.data(), tensor.data().as_ref(), "{name}");
        }
        assert_eq!(read.tensor("components").unwrap().shape(), [SMALL.components, SMALL.items]);
    }

    #[test]
    fn the_manifest_reads_back_and_tells_what_is_there() {
        let outcome = fixture::outcome(SMALL);
        let folder = tempfile::tempdir().unwrap();
        write(&outcome, &tables::items(&outcome), folder.path()).unwrap();
        let json = fs::read(folder.path().join("model.json")).unwrap();
        let manifest: Manifest = serde_json::from_slice(&json).unwrap();
        assert_eq!(manifest.version, VERSION);
        assert_eq!(manifest.kmeans, outcome.job.kmeans);
        assert_eq!(manifest.n_items, SMALL.items);
        assert_eq!(manifest.segments.iter().map(|s| s.size).sum::<u64>(), SMALL.users as u64);
        assert!(manifest.tensors.iter().any(|t| t.name == "bayes.feature_log_prob" && t.shape == [4, 30]));
    }

    #[test]
    fn the_digest_sees_values_shapes_and_names_but_not_memory_order() {
        let outcome = fixture::outcome(SMALL);
        let mut same = outcome.clone();
        same.pca.components = outcome.pca.components.t().as_standard_layout().into_owned().reversed_axes();
        assert!(same.pca.components.as_slice().is_none());
        assert_eq!(digest(&same), digest(&outcome));
        let mut value = outcome.clone();
        value.model.idf[3] += 1e-15;
        let mut shape = outcome.clone();
        shape.model.bayes[1].1.reverse();
        let mut name = outcome.clone();
        name.model.bayes[0].0.push('x');
        for changed in [value, shape, name] {
            assert_ne!(digest(&changed), digest(&outcome));
        }
    }
}
