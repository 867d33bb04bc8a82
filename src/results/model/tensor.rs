//! A tensor of the model, as the safetensors file holds it.

use std::borrow::Cow;

use safetensors::tensor::{Dtype, View};

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

pub(super) fn flat<'a>(shape: &[usize], values: &'a [f64]) -> Tensor<'a> {
    assert_eq!(shape.iter().product::<usize>(), values.len(), "a tensor's shape and values disagree");
    Tensor { shape: shape.to_vec(), values: Values::Real(Cow::Borrowed(values)) }
}

pub(super) fn row_major<D: ndarray::Dimension>(array: &ndarray::Array<f64, D>) -> Tensor<'_> {
    let values = match array.as_slice() {
        Some(values) => Cow::Borrowed(values),
        None => Cow::Owned(array.iter().copied().collect()),
    };
    Tensor { shape: array.shape().to_vec(), values: Values::Real(values) }
}
