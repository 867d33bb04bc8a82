//! The graph with its inputs, outputs and metadata, as bytes.

use prost::Message;

use super::builder::Builder;
use super::graph::{self, DISTANCES, LIKELIHOODS, RATINGS, SEGMENT};
use super::proto::{
    DOUBLE, Dimension, DimensionProto, GraphProto, INT64, ModelProto, OperatorSetIdProto, StringStringEntryProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::error::{Error, Result};
use crate::export::{Reading, Terms};

/// The version of the operators, and that of the format which came with it: runtimes since 2022 know both.
pub const OPSET: i64 = 17;
const FORMAT: i64 = 8;

/// What a message can hold.
const LARGEST: usize = i32::MAX as usize;

/// The file of a model.
///
/// # Errors
/// If it does not fit one: a message has less than 2 GiB.
pub fn encode(terms: &Terms<'_>, reading: &Reading) -> Result<Vec<u8>> {
    let Builder { nodes, constants } = graph::build(terms);
    let graph = GraphProto {
        node: nodes,
        name: "segmill".into(),
        initializer: constants,
        input: inputs(terms),
        output: outputs(terms),
    };
    let entry = |(key, value): (&str, String)| StringStringEntryProto { key: key.into(), value };
    let model = ModelProto {
        ir_version: FORMAT,
        producer_name: "segmill".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: DOC.into(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: metadata(terms, reading).map(entry).into(),
    };
    if model.encoded_len() > LARGEST {
        let problem = format!(
            "{} items by {} components and {} segments do not fit 2 GiB",
            terms.n_items(),
            terms.n_components(),
            terms.n_segments()
        );
        return Err(Error::job("--to", problem, "export to SQL, or run the job with fewer components or items"));
    }
    Ok(model.encode_to_vec())
}

const DOC: &str = "Users into the segments of a model, as `segmill assign` puts them. A row of `ratings` is a user; its columns are \
    the items of the metadata `items`, in that order. 0 and NaN: no rating. `segment` is a number into the metadata `segments`, and \
    `distances` has that to each of them on the principal components.";

fn metadata(terms: &Terms<'_>, reading: &Reading) -> [(&'static str, String); 4] {
    let json = |texts: Vec<String>| serde_json::to_string(&texts).expect("texts serialise");
    let [least, most] = reading.range();
    let window = reading.window().map_or(String::new(), |window| format!("; of rows {window}"));
    [
        ("items", json(terms.model.items.iter().map(ToString::to_string).collect())),
        ("segments", json(terms.names().map(str::to_string).collect())),
        ("model", terms.identity.to_string()),
        (
            "reading",
            format!(
                "of ratings from {least} to {most}{window}; several of one user and item are {}",
                reading.several()
            ),
        ),
    ]
}

fn inputs(terms: &Terms<'_>) -> Vec<ValueInfoProto> {
    vec![value(RATINGS, DOUBLE, Some(terms.n_items()), "0 or NaN where there is no rating")]
}

fn outputs(terms: &Terms<'_>) -> Vec<ValueInfoProto> {
    let n_segments = Some(terms.n_segments());
    let mut outputs = vec![
        value(SEGMENT, INT64, None, "the segment of each user"),
        value(DISTANCES, DOUBLE, n_segments, "the distance of each user to each segment"),
    ];
    if terms.mixture().is_some() {
        let doc =
            "log2 of how likely each segment is to have each user, up to a constant; the likeliest is the segment";
        outputs.push(value(LIKELIHOODS, DOUBLE, n_segments, doc));
    }
    outputs
}

/// A value with a row for each user.
fn value(name: &str, elem_type: i32, width: Option<usize>, doc: &str) -> ValueInfoProto {
    let dimension = |value| DimensionProto { value: Some(value) };
    let users = dimension(Dimension::Name("users".into()));
    let dim = std::iter::once(users).chain(width.map(|n| dimension(Dimension::Value(n as i64)))).collect();
    let tensor_type = TensorTypeProto { elem_type, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto { tensor_type: Some(tensor_type) }),
        doc_string: doc.into(),
    }
}
