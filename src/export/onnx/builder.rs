//! Operators and constants of a graph, one after the other.

use bytes::Bytes;

use super::proto::{AttributeProto, DOUBLE, FLOAT, INT, INT64, INTS, NodeProto, TensorProto};

/// A value of the graph, by its name.
pub type Value = String;

/// A graph that grows.
#[derive(Debug, Default)]
pub struct Builder {
    pub nodes: Vec<NodeProto>,
    pub constants: Vec<TensorProto>,
}

impl Builder {
    /// An operator with one result.
    pub fn op(&mut self, operator: &str, inputs: &[&str]) -> Value {
        self.with(operator, inputs, Vec::new())
    }

    /// The same with attributes.
    pub fn with(&mut self, operator: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> Value {
        let result = format!("{}_{}", operator.to_ascii_lowercase(), self.nodes.len());
        self.node(operator, inputs, &result, attributes);
        result
    }

    /// The result is an output of the graph.
    pub fn output(&mut self, operator: &str, inputs: &[&str], name: &str) {
        self.node(operator, inputs, name, Vec::new());
    }

    fn node(&mut self, operator: &str, inputs: &[&str], result: &str, attribute: Vec<AttributeProto>) {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|input| input.to_string()).collect(),
            output: vec![result.to_string()],
            name: format!("to_{result}"),
            op_type: operator.to_string(),
            attribute,
        });
    }

    /// Doubles.
    pub fn doubles(&mut self, name: &str, dims: &[usize], values: impl Iterator<Item = f64>) -> Value {
        self.constant(name, dims, DOUBLE, values.flat_map(f64::to_le_bytes).collect())
    }

    pub fn double(&mut self, name: &str, value: f64) -> Value {
        self.doubles(name, &[], std::iter::once(value))
    }

    /// Numbers of 32 bits, as doubles.
    pub fn widened(&mut self, name: &str, dims: &[usize], values: &[f32]) -> Value {
        let narrow = self.constant(name, dims, FLOAT, values.iter().flat_map(|x| x.to_le_bytes()).collect());
        self.cast(&narrow)
    }

    pub fn whole(&mut self, name: &str, dims: &[usize], values: impl Iterator<Item = i64>) -> Value {
        self.constant(name, dims, INT64, values.flat_map(i64::to_le_bytes).collect())
    }

    fn constant(&mut self, name: &str, dims: &[usize], data_type: i32, bytes: Vec<u8>) -> Value {
        let dims = dims.iter().map(|&n| n as i64).collect();
        self.constants.push(TensorProto { dims, data_type, name: name.to_string(), raw_data: Bytes::from(bytes) });
        name.to_string()
    }

    /// To doubles.
    pub fn cast(&mut self, value: &str) -> Value {
        self.with("Cast", &[value], vec![int("to", i64::from(DOUBLE))])
    }

    /// The sum of each row, which keeps its place.
    pub fn row_sums(&mut self, value: &str) -> Value {
        self.op("ReduceSum", &[value, ROWS])
    }
}

/// The constant that names the dimension along which rows go.
pub const ROWS: &str = "along_rows";

pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i: Some(i), ints: Vec::new(), r#type: INT }
}

pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), i: None, ints: ints.to_vec(), r#type: INTS }
}
