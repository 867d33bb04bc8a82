//! Readers of an output folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

/// `run.json`.
pub fn run_json(out: &Path) -> Value {
    let text = std::fs::read_to_string(out.join("run.json")).expect("run.json can be read");
    serde_json::from_str(&text).expect("run.json is JSON")
}

/// The digests of a run, of which there must be some.
pub fn digests(out: &Path) -> BTreeMap<String, String> {
    let run = run_json(out);
    let digests: BTreeMap<String, String> =
        serde_json::from_value(run["digests"].clone()).expect("digests are texts by table");
    assert!(digests.contains_key("segments") && digests.contains_key("profiles"), "{digests:?}");
    digests
}

/// The CSV files of an output folder, by name.
pub fn csv_files(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = ["explained_variance.csv", "inertia.csv", "confusion.csv"];
    names.map(|name| (name.to_string(), std::fs::read(out.join(name)).expect("the CSV file is there"))).into()
}

/// Asserts that two runs gave the same answer, bit by bit.
#[track_caller]
pub fn assert_same_answer(one: &Path, other: &Path, what: &str) {
    assert_eq!(digests(one), digests(other), "{what}: digests differ");
    let said = |out: &Path| ["evidence", "activity_correlation"].map(|key| run_json(out)[key].clone());
    assert_eq!(said(one), said(other), "{what}: the evidence differs");
    for ((name, left), right) in csv_files(one).iter().zip(csv_files(other).values()) {
        assert!(left == right, "{what}: {name} differs");
    }
}

/// The row ledger: (read, accepted, rejected, merged). They must add up, with what the job's filters leave out.
pub fn ledger(out: &Path) -> [u64; 4] {
    let ledger = &run_json(out)["ledger"];
    let counts = ["read", "accepted", "rejected", "merged"].map(|name| ledger[name].as_u64().expect("a count"));
    assert_eq!(counts[0], counts[1] + counts[2] + counts[3] + filtered(out), "the ledger does not add up: {counts:?}");
    counts
}

/// Rows, and ratings of users and items, that the job's filters left out.
pub fn filtered(out: &Path) -> u64 {
    run_json(out)["ledger"]["filtered"].as_u64().expect("a count")
}

/// The numbers of a JSON list.
pub fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number")).collect()
}

/// The rows of a Parquet file, each column as text.
pub fn parquet_rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let reader = SerializedFileReader::new(File::open(path).expect("the Parquet file is there")).expect("Parquet");
    let rows = reader.get_row_iter(None).expect("rows");
    rows.map(|row| row.expect("a row").get_column_iter().map(|(name, field)| (name.clone(), text(field))).collect())
        .collect()
}

fn text(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The segment of each user.
pub fn segments(out: &Path) -> BTreeMap<String, u32> {
    let rows = parquet_rows(&out.join("segments.parquet"));
    rows.iter().map(|row| (row["user"].clone(), row["segment"].parse().expect("a segment"))).collect()
}

/// The title of each item of the dictionary.
pub fn titles(out: &Path) -> BTreeMap<String, String> {
    let rows = parquet_rows(&out.join("model/items.parquet"));
    rows.iter().map(|row| (row["item"].clone(), row["title"].clone())).collect()
}

/// A tensor of the model: shape and values, row-major.
pub fn tensor(out: &Path, name: &str) -> (Vec<usize>, Vec<f64>) {
    let bytes = std::fs::read(out.join("model/model.safetensors")).expect("the model is there");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    let view = tensors.tensor(name).expect("the tensor is there");
    assert_eq!(view.dtype(), safetensors::Dtype::F64, "{name}");
    let value = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    (view.shape().to_vec(), view.data().chunks_exact(8).map(value).collect())
}

/// The records of a CSV file, by the names in its header.
pub fn csv_records(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("the CSV file is there");
    reader.deserialize().map(|record| record.expect("a record")).collect()
}

/// Adjusted Rand index of two labellings of the same things (Hubert & Arabie 1985): 1 for equal partitions, 0 expected
/// by chance.
pub fn adjusted_rand_index(one: &[u32], other: &[u32]) -> f64 {
    assert_eq!(one.len(), other.len());
    let pairs =
        |counts: &BTreeMap<(u32, u32), u64>| -> f64 { counts.values().map(|&n| (n * (n - 1) / 2) as f64).sum() };
    let count = |key: &dyn Fn(usize) -> (u32, u32)| {
        let mut counts = BTreeMap::new();
        (0..one.len()).for_each(|i| *counts.entry(key(i)).or_insert(0) += 1);
        counts
    };
    let both = pairs(&count(&|i| (one[i], other[i])));
    let (rows, columns) = (pairs(&count(&|i| (one[i], 0))), pairs(&count(&|i| (0, other[i]))));
    let all = (one.len() * (one.len() - 1) / 2) as f64;
    let expected = rows * columns / all;
    let most = (rows + columns) / 2.0;
    if most == expected { 1.0 } else { (both - expected) / (most - expected) }
}
