//! A model into its folder, and its digest.

use std::fs::{self, File};
use std::path::Path;

use super::manifest::Manifest;
use super::tensor::{Tensor, Values, flat, row_major};
use super::{WEIGHTS, item_means};
use crate::error::{Error, Result};
use crate::ingest::ids::Id;
use crate::results::files::{self, DISK_REMEDY};
use crate::results::outcome::Outcome;
use crate::results::table::{Digest, Table};
use crate::stages::mixture::{Mixture, Weights};

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
    let fixed = fixed.into_iter().map(|(name, tensor)| (name.to_string(), tensor));
    fixed.chain(bayes).chain(model.mixture.iter().flat_map(of_mixture)).collect()
}

fn of_mixture(mixture: &Mixture) -> Vec<(String, Tensor<'_>)> {
    let (n_items, n_segments) = (mixture.n_items(), mixture.n_segments());
    let wide = |table: &[f32], shape: &[usize]| Tensor {
        shape: shape.to_vec(),
        values: Values::Real(table.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>().into()),
    };
    let mut tensors = vec![
        ("mixture.prior".to_string(), wide(&mixture.prior, &[n_segments])),
        ("mixture.terms".to_string(), wide(&mixture.terms, &[n_items, n_segments])),
    ];
    if let Weights::Logs { mean, units } = mixture.weights {
        let values = Values::Real(vec![mean, f64::from(units)].into());
        tensors.push((WEIGHTS.to_string(), Tensor { shape: vec![2], values }));
    }
    if let Some(shifts) = &mixture.shifts {
        tensors.push((item_means(shifts.height).to_string(), flat(&[n_items], &shifts.item_means)));
        tensors.push(("mixture.slopes".to_string(), wide(&shifts.slopes, &[n_items, n_segments])));
    }
    tensors
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
    let [manifest_file, tensors_file, items_file] = files::OF_MODEL;
    let mut tensors = tensors(outcome);
    tensors.extend(item_tensors(&outcome.items.ids));
    write_tensors(&tensors, &folder.join(tensors_file))?;
    items.write_parquet(&folder.join(items_file))?;
    let path = folder.join(manifest_file);
    let json = serde_json::to_vec_pretty(&Manifest::of(outcome, &tensors)).expect("a manifest serialises");
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

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;

    use safetensors::tensor::View;

    use super::super::manifest::VERSION;
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

    /// Invariant `digests-see-content`.
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
