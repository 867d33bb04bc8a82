//! Reads a model from its folder and checks it: whatever the files hold, the result is a model or an error of one line.
//!
//! Nothing is allocated by what a file says of sizes, only by the bytes that are there. Numbers are finite and of a
//! magnitude with which no distance overflows.

use std::fs;
use std::path::Path;

use ndarray::{Array1, Array2};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;

use super::fitted::{Bayes, Model};
use super::manifest::{Manifest, VERSIONS};
use super::{WEIGHTS, item_means};
use crate::error::{Error, Result};
use crate::ingest::ids::{Id, MAX_ID_BYTES};
use crate::job::Weighting;
use crate::kernel::bayes::Kind;
use crate::results::files::OF_MODEL as FILES;
use crate::results::table::Digest;
use crate::stages::mixture::{Height, Mixture, Shifts, Weights};

/// What is wrong, and with which file.
struct Damage {
    file: &'static str,
    problem: String,
}

type Checked<T> = std::result::Result<T, Damage>;

const MANIFEST: &str = FILES[0];
const TENSORS: &str = FILES[1];

/// Squares of numbers this large, times the largest ratings and numbers of items, are far from overflow.
const LARGEST: f64 = 1e100;

/// Reads the model in `folder`.
pub fn read(folder: &Path) -> Result<Model> {
    let bytes = |name: &str| {
        let path = folder.join(name);
        fs::read(&path).map_err(|e| Error::file(&path, "cannot read", &e, "name the output folder of a finished run"))
    };
    check(&bytes(MANIFEST)?, &bytes(TENSORS)?).map_err(|damage| damage.into_error(Some(folder)))
}

/// The titles in the table of items in `folder`, by index; none for an item that has none.
pub fn titles(folder: &Path) -> Result<Vec<Option<String>>> {
    let path = folder.join(FILES[2]);
    let remedy = "name the output folder of a finished run";
    let file = fs::File::open(&path).map_err(|e| Error::file(&path, "cannot read", &e, remedy))?;
    let damaged = |e: ParquetError| {
        let problem = format!("this is not the table of items of a model: {e}");
        let remedy = "the model is damaged or of another version of segmill: run the job again";
        Error::data(path.display().to_string(), problem, remedy)
    };
    let reader = SerializedFileReader::new(file).map_err(damaged)?;
    let title = |row: std::result::Result<parquet::record::Row, ParquetError>| {
        let row = row.map_err(damaged)?;
        let (_, field) = row
            .get_column_iter()
            .find(|(name, _)| *name == "title")
            .ok_or_else(|| damaged(ParquetError::General("it has no titles".into())))?;
        Ok(if let Field::Str(title) = field { Some(title.clone()) } else { None })
    };
    reader.get_row_iter(None).map_err(damaged)?.map(title).collect()
}

/// What the segments of the model in `folder` are called, by number.
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let path = folder.join(MANIFEST);
    let json = fs::read(&path)
        .map_err(|e| Error::file(&path, "cannot read", &e, "name the output folder of a finished run"))?;
    let manifest = check_manifest(&json).map_err(|damage| damage.into_error(Some(folder)))?;
    Ok(manifest.segments.into_iter().map(|segment| segment.name).collect())
}

/// By which the model in `folder` is known again: BLAKE3 over its files, but for the names of segments, which people edit.
/// 32 hexadecimal digits.
pub fn identity(folder: &Path) -> Result<String> {
    let [manifest, tensors, items] = FILES.map(|file| folder.join(file));
    let failed = |path: &Path, e| Error::file(path, "cannot read", &e, "name the output folder of a finished run");
    let json = fs::read(&manifest).map_err(|e| failed(&manifest, e))?;
    let mut digest = Digest::new("segmill model files 1\n");
    digest.text(&without_names(&json).map_err(|damage| damage.into_error(Some(folder)))?);
    for path in [tensors, items] {
        digest.file(&path).map_err(|e| failed(&path, e))?;
    }
    Ok(digest.finish()[..32].to_string())
}

/// A manifest with the keys of each object in order.
fn without_names(json: &[u8]) -> Checked<String> {
    let mut manifest: serde_json::Value = serde_json::from_slice(json).map_err(unreadable)?;
    for segment in manifest["segments"].as_array_mut().into_iter().flatten() {
        segment.as_object_mut().map(|segment| segment.remove("name"));
    }
    Ok(manifest.to_string())
}

/// A model from the bytes of `model.json` and `model.safetensors`.
///
/// # Errors
/// [`Error::Data`] for anything that is not a whole model of this version.
pub fn read_bytes(json: &[u8], tensors: &[u8]) -> Result<Model> {
    check(json, tensors).map_err(|damage| damage.into_error(None))
}

impl Damage {
    fn into_error(self, folder: Option<&Path>) -> Error {
        let place = folder.map_or_else(|| self.file.into(), |folder| folder.join(self.file).display().to_string());
        // What a library says of a damaged file may hold pieces of it.
        let problem = self.problem.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect::<String>();
        Error::data(place, problem, "the model is damaged or of another version of segmill: run the job again")
    }
}

fn manifest_damage(problem: impl Into<String>) -> Damage {
    Damage { file: MANIFEST, problem: problem.into() }
}

fn unreadable(e: serde_json::Error) -> Damage {
    manifest_damage(format!("this is not the manifest of a model: {e}"))
}

fn tensor_damage(problem: impl Into<String>) -> Damage {
    Damage { file: TENSORS, problem: problem.into() }
}

fn check(json: &[u8], tensors: &[u8]) -> Checked<Model> {
    let manifest = check_manifest(json)?;
    let file = SafeTensors::deserialize(tensors).map_err(|e| tensor_damage(format!("this is not safetensors: {e}")))?;
    let file = Tensors(file);
    let (n_items, n_components, n_clusters) = (manifest.n_items, manifest.pca.components, manifest.segments.len());
    let items = file.items(n_items)?;
    let mean = Array1::from_vec(file.reals("mean", &[n_items])?);
    let idf = file.reals("idf", &[n_items])?;
    let components = file.matrix("components", n_components, n_items)?;
    let explained_variance = file.explained_variance(n_components)?;
    let centroids = file.matrix("centroids", n_clusters, n_components)?;
    let bayes = file.bayes(manifest.validate.model.into(), n_clusters, n_items)?;
    let mixture = file.mixture(n_clusters, n_items)?;
    let tie_order = tie_order(&manifest)?;
    Ok(Model { manifest, items, mean, idf, components, explained_variance, centroids, tie_order, mixture, bayes })
}

fn check_manifest(json: &[u8]) -> Checked<Manifest> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let Versioned { version } = serde_json::from_slice(json).map_err(unreadable)?;
    if !VERSIONS.contains(&version) {
        let known = format!("versions {} to {}", VERSIONS[0], VERSIONS[VERSIONS.len() - 1]);
        return Err(manifest_damage(format!("it is of version {version}, and this segmill knows {known}")));
    }
    let manifest: Manifest = serde_json::from_slice(json).map_err(unreadable)?;
    let counts = [manifest.n_items, manifest.pca.components, manifest.segments.len()];
    if counts.contains(&0) || counts.iter().any(|&count| count >= u32::MAX as usize) {
        let [items, components, segments] = counts;
        let problem = format!("it speaks of {items} items, {components} components and {segments} segments");
        return Err(manifest_damage(problem));
    }
    let is_length = |length: f64| length > 0.0 && length <= LARGEST;
    if manifest.matrix.weighting == Weighting::Bm25 && !manifest.mean_length.is_some_and(is_length) {
        return Err(manifest_damage("mean_length, without which there is no bm25, is missing or no length"));
    }
    Ok(manifest)
}

fn tie_order(manifest: &Manifest) -> Checked<Vec<u32>> {
    let own: Vec<u32> = (0..manifest.segments.len() as u32).collect();
    let Some(order) = &manifest.tie_order else { return Ok(own) };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted != own {
        return Err(manifest_damage("tie_order does not name each segment once"));
    }
    Ok(order.clone())
}

struct Tensors<'a>(SafeTensors<'a>);

impl<'a> Tensors<'a> {
    fn view(&self, name: &str, dtype: Dtype) -> Checked<TensorView<'a>> {
        let view = self.0.tensor(name).map_err(|_| tensor_damage(format!("{name} is missing")))?;
        if view.dtype() != dtype {
            return Err(tensor_damage(format!("{name} is of type {:?}, not {dtype:?}", view.dtype())));
        }
        Ok(view)
    }

    fn has(&self, name: &str) -> bool {
        self.0.tensor(name).is_ok()
    }

    /// Eight bytes a value, of exactly this shape.
    fn words(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Checked<impl Iterator<Item = [u8; 8]> + use<'a>> {
        let view = self.view(name, dtype)?;
        if view.shape() != shape {
            return Err(tensor_damage(format!("{name} has the shape {:?} where it should be {shape:?}", view.shape())));
        }
        Ok(view.data().as_chunks::<8>().0.iter().copied())
    }

    fn any_reals(&self, name: &str, shape: &[usize]) -> Checked<Vec<f64>> {
        Ok(self.words(name, Dtype::F64, shape)?.map(f64::from_le_bytes).collect())
    }

    fn reals(&self, name: &str, shape: &[usize]) -> Checked<Vec<f64>> {
        let values = self.any_reals(name, shape)?;
        match values.iter().find(|x| !is_sound(**x)) {
            Some(x) => Err(tensor_damage(format!("{name} holds {x:e}"))),
            None => Ok(values),
        }
    }

    fn matrix(&self, name: &str, n_rows: usize, n_cols: usize) -> Checked<Array2<f64>> {
        let values = self.reals(name, &[n_rows, n_cols])?;
        Array2::from_shape_vec((n_rows, n_cols), values).map_err(|e| tensor_damage(format!("{name}: {e}")))
    }

    fn explained_variance(&self, n_components: usize) -> Checked<Vec<f64>> {
        let name = "explained_variance";
        let view = self.view(name, Dtype::F64)?;
        let shape = view.shape();
        if shape.len() != 1 || shape[0] < n_components {
            return Err(tensor_damage(format!("{name} has the shape {shape:?} for {n_components} components")));
        }
        self.reals(name, shape)
    }

    fn items(&self, n_items: usize) -> Checked<Vec<Id>> {
        let ids = if self.has("items.text") { self.texts(n_items)? } else { self.numbers(n_items)? };
        if !ids.array_windows().all(|[a, b]| a < b) {
            return Err(tensor_damage("the items are not in order"));
        }
        Ok(ids)
    }

    fn numbers(&self, n_items: usize) -> Checked<Vec<Id>> {
        let number = |bytes| u64::try_from(i64::from_le_bytes(bytes)).map(Id::Number);
        let numbers: std::result::Result<Vec<Id>, _> =
            self.words("items.id", Dtype::I64, &[n_items])?.map(number).collect();
        numbers.map_err(|_| tensor_damage("items.id holds a negative number"))
    }

    fn texts(&self, n_items: usize) -> Checked<Vec<Id>> {
        let text = self.view("items.text", Dtype::U8)?.data();
        let mut start = 0;
        let mut next = |bytes| {
            let end = usize::try_from(i64::from_le_bytes(bytes)).ok()?;
            let id = text.get(start..end).filter(|id| !id.is_empty() && id.len() <= MAX_ID_BYTES)?;
            start = end;
            Some(Id::parse(std::str::from_utf8(id).ok()?))
        };
        let ends = self.words("items.end", Dtype::I64, &[n_items])?;
        let ids: Option<Vec<Id>> = ends.map(&mut next).collect();
        ids.ok_or_else(|| tensor_damage("items.end does not cut items.text into ids"))
    }

    fn mixture(&self, n_clusters: usize, n_items: usize) -> Checked<Option<Mixture>> {
        if !self.has("mixture.prior") {
            return Ok(None);
        }
        let table = |name: &str, shape: &[usize]| -> Checked<Vec<f32>> {
            let values = self.reals(name, shape)?;
            let narrow: Vec<f32> = values.iter().map(|&x| x as f32).collect();
            match narrow.iter().zip(&values).find(|(narrow, wide)| f64::from(**narrow) != **wide) {
                Some((_, x)) => Err(tensor_damage(format!("{name} holds {x:e}, which has more than 32 bits"))),
                None => Ok(narrow),
            }
        };
        let prior = table("mixture.prior", &[n_clusters])?;
        let terms = table("mixture.terms", &[n_items, n_clusters])?;
        let heights = [Height::Plain, Height::Log].into_iter();
        let shifts = match heights.map(|height| (height, item_means(height))).find(|(_, name)| self.has(name)) {
            None => None,
            Some((height, name)) => Some(Shifts {
                height,
                item_means: self.reals(name, &[n_items])?,
                slopes: table("mixture.slopes", &[n_items, n_clusters])?,
            }),
        };
        let weights = if self.has(WEIGHTS) { self.weights()? } else { Weights::Equal };
        Ok(Some(Mixture { prior, terms, weights, shifts }))
    }

    fn weights(&self) -> Checked<Weights> {
        let [mean, units] = self.reals(WEIGHTS, &[2])?[..] else { unreachable!("the shape was checked") };
        let is_whole = units >= 1.0 && units <= f64::from(u32::MAX) && units.fract() == 0.0;
        if mean <= 0.0 || !is_whole {
            return Err(tensor_damage(format!("{WEIGHTS} holds {mean:e} and {units:e}, no mean and number of units")));
        }
        Ok(Weights::Logs { mean, units: units as u32 })
    }

    fn bayes(&self, kind: Kind, n_clusters: usize, n_items: usize) -> Checked<Option<Bayes>> {
        if !self.0.names().iter().any(|name| name.starts_with("bayes.")) {
            return Ok(None);
        }
        let class_log_prior = self.any_reals("bayes.class_log_prior", &[n_clusters])?;
        if !class_log_prior.iter().all(|&x| is_sound(x) || x == f64::NEG_INFINITY) {
            return Err(tensor_damage("bayes.class_log_prior holds what is no logarithm of a share"));
        }
        let table = |name: &&str| self.reals(&format!("bayes.{name}"), &[n_clusters, n_items]);
        let tables = kind.tables().iter().map(table).collect::<Checked<_>>()?;
        Ok(Some(Bayes { kind, class_log_prior, tables }))
    }
}

fn is_sound(x: f64) -> bool {
    x.abs() <= LARGEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Outcome;
    use crate::results::fixture::{self, SMALL};
    use crate::results::tables;
    use proptest::prelude::*;

    /// The files of a model of `outcome`.
    fn files(outcome: &Outcome) -> (Vec<u8>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        super::super::write::write(outcome, &tables::items(outcome), folder.path()).unwrap();
        let file = |name: &str| fs::read(folder.path().join(name)).unwrap();
        (file(MANIFEST), file(TENSORS))
    }

    fn refused(json: &[u8], tensors: &[u8], part: &str) {
        let error = read_bytes(json, tensors).unwrap_err();
        let message = error.to_string();
        assert_eq!(error.exit_code(), 3);
        assert!(message.contains(part) && !message.contains('\n'), "{message}");
    }

    #[test]
    fn a_model_reads_back_as_it_was_written() {
        let mut outcome = fixture::outcome(SMALL);
        for text in [false, true] {
            if text {
                outcome.items.ids[SMALL.items - 1] = Id::parse("Zoë");
            }
            let (json, tensors) = files(&outcome);
            let folder = tempfile::tempdir().unwrap();
            tables::items(&outcome).write_parquet(&folder.path().join(FILES[2])).unwrap();
            assert_eq!(titles(folder.path()).unwrap(), outcome.items.titles);
            let model = read_bytes(&json, &tensors).unwrap();
            assert_eq!(model.items, outcome.items.ids);
            assert_eq!((&model.mean, &model.components), (&outcome.pca.mean, &outcome.pca.components));
            assert_eq!((&model.idf, &model.centroids), (&outcome.model.idf, &outcome.kmeans.centroids));
            assert_eq!(model.tie_order, outcome.kmeans.tie_order);
            let bayes = model.bayes.unwrap();
            assert_eq!(bayes.class_log_prior, outcome.model.bayes[0].2);
            assert_eq!(bayes.tables, [outcome.model.bayes[1].2.clone()]);
        }
    }

    #[test]
    fn a_model_is_known_by_all_but_the_names_of_its_segments() {
        let outcome = fixture::outcome(SMALL);
        let identity_of = |outcome: &Outcome| {
            let folder = tempfile::tempdir().unwrap();
            super::super::write::write(outcome, &tables::items(outcome), folder.path()).unwrap();
            let path = folder.path().join(MANIFEST);
            let json = fs::read_to_string(&path).unwrap();
            let before = identity(folder.path()).unwrap();
            fs::write(&path, json.replace(&format!("{:?}", outcome.names[1]), "\"Readers of all kinds\"")).unwrap();
            assert_ne!(fs::read_to_string(&path).unwrap(), json);
            assert_eq!(identity(folder.path()).unwrap(), before, "a name was edited");
            before
        };
        let known = identity_of(&outcome);
        assert!(known.len() == 32 && known.bytes().all(|b| b.is_ascii_hexdigit()), "{known}");
        assert_eq!(identity_of(&outcome), known);
        let mut of_tensors = outcome.clone();
        of_tensors.model.idf[3] += 1e-15;
        let mut of_manifest = outcome.clone();
        of_manifest.kmeans.sizes[0] += 1;
        let mut of_items = outcome.clone();
        of_items.items.titles[0] = Some("Another title".into());
        for other in [of_tensors, of_manifest, of_items] {
            assert_ne!(identity_of(&other), known);
        }
        let folder = tempfile::tempdir().unwrap();
        let error = identity(folder.path()).unwrap_err();
        assert!(error.exit_code() == 4 && error.to_string().contains(MANIFEST), "{error}");
    }

    #[test]
    fn a_mixture_reads_back_and_makes_a_version_of_its_own() {
        let mut outcome = fixture::outcome(SMALL);
        let (n_items, n_clusters) = (SMALL.items, SMALL.clusters);
        let table = |size: usize| (0..size).map(|at| at as f32 * 0.25).collect::<Vec<f32>>();
        let logs = Weights::Logs { mean: 1.25, units: 64 };
        let kinds = [(Weights::Equal, None, 2), (logs, None, 3)];
        let heights = [(Weights::Equal, Some(Height::Plain), 2), (Weights::Equal, Some(Height::Log), 3)];
        for (weights, height, version) in kinds.into_iter().chain(heights) {
            let shifts =
                |height| Shifts { height, item_means: vec![1.5; n_items], slopes: table(n_items * n_clusters) };
            let (prior, terms) = (table(n_clusters), table(n_items * n_clusters));
            outcome.model.mixture = Some(Mixture { prior, terms, weights, shifts: height.map(shifts) });
            let (json, tensors) = files(&outcome);
            assert!(String::from_utf8(json.clone()).unwrap().contains(&format!("\"version\": {version}")));
            assert_eq!(read_bytes(&json, &tensors).unwrap().mixture, outcome.model.mixture);
        }
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let outcome = fixture::outcome(SMALL);
        let (json, tensors) = files(&outcome);
        let text = String::from_utf8(json.clone()).unwrap();
        let changed = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1).into_bytes()
        };
        refused(b"", &tensors, "model.json: this is not the manifest");
        refused(&changed("\"version\": 1", "\"version\": 4"), &tensors, "version 4");
        refused(&changed("\"n_items\": 30", "\"n_items\": 31"), &tensors, "items.id has the shape [30]");
        refused(&changed("\"n_items\": 30", "\"n_items\": 0"), &tensors, "0 items");
        refused(&changed("\"weighting\": \"raw\"", "\"weighting\": \"bm25\""), &tensors, "mean_length");
        refused(&changed("\"multinomial\"", "\"gaussian\""), &tensors, "bayes.theta is missing");
        refused(&changed("\"components\": 3", "\"components\": 2"), &tensors, "components has the shape [3, 30]");
        refused(&json, b"", "this is not safetensors");
        refused(&json, &tensors[..tensors.len() - 1], "this is not safetensors");
        let huge = [&u64::MAX.to_le_bytes()[..], &tensors[8..]].concat();
        refused(&json, &huge, "this is not safetensors");
        let mut twice = outcome.clone();
        twice.kmeans.tie_order[0] = twice.kmeans.tie_order[1];
        refused(&files(&twice).0, &tensors, "tie_order");
        for odd in [f64::NAN, f64::INFINITY, 1e200] {
            let mut broken = outcome.clone();
            broken.kmeans.centroids[[1, 1]] = odd;
            refused(&json, &files(&broken).1, "centroids holds");
        }
        let mut unsorted = outcome.clone();
        unsorted.items.ids.swap(3, 4);
        refused(&json, &files(&unsorted).1, "not in order");
        let mut priors = outcome.clone();
        priors.model.bayes[0].2[1] = f64::NEG_INFINITY;
        assert!(read_bytes(&json, &files(&priors).1).is_ok());
        priors.model.bayes[0].2[1] = f64::NAN;
        refused(&json, &files(&priors).1, "class_log_prior");
    }

    #[test]
    fn a_model_without_naive_bayes_or_order_of_ties_is_one_too() {
        let mut outcome = fixture::outcome(SMALL);
        outcome.model.bayes.clear();
        let (json, tensors) = files(&outcome);
        let mut json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        json.as_object_mut().unwrap().remove("tie_order");
        let model = read_bytes(&serde_json::to_vec(&json).unwrap(), &tensors).unwrap();
        assert_eq!((model.bayes, model.tie_order), (None, vec![0, 1, 2, 3]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn damaged_bytes_end_in_a_model_or_one_line(
            changes in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), any::<u8>()), 1..6),
            cut in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let (mut json, mut tensors) = files(&fixture::outcome(SMALL));
            for (of_json, at, byte) in changes {
                let file = if of_json { &mut json } else { &mut tensors };
                // Most of the file is numbers: half of the changes go to what describes them.
                let within = if of_json { file.len() } else { file.len().min(900) };
                let at = at.index(within);
                file[at] = byte;
            }
            if let Some(cut) = cut {
                let at = cut.index(tensors.len());
                tensors.truncate(at);
            }
            if let Err(error) = read_bytes(&json, &tensors) {
                prop_assert!(!error.to_string().contains('\n'));
            }
        }
    }
}
