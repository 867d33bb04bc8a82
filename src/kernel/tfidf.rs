//! TF-IDF as scikit-learn's `TfidfTransformer` has it: idf = ln((1 + n)/(1 + df)) + 1, rows scaled to length 1.

use super::csr::{Row, ValuesRef};
use super::simd::{apply, versions};

/// `(n_items)` from the number of rows and of rows with each item.
pub fn idf(n_rows: u64, document_frequency: &[i64]) -> Vec<f64> {
    let n = 1.0 + n_rows as f64;
    document_frequency.iter().map(|&df| libm::log(n / (1.0 + df as f64)) + 1.0).collect()
}

/// The row's weights x·idf, scaled to length 1, into `out`; nothing for an empty row.
pub fn unit_row(row: Row<'_>, idf: &[f64], out: &mut Vec<f64>) {
    let mut squares = 0.0;
    let mut weight = |item: u32, x: f64| {
        let weight = x * idf[item as usize];
        squares += weight * weight;
        weight
    };
    out.clear();
    match row.values {
        ValuesRef::Plain(values) => out.extend(row.indices.iter().zip(values).map(|(&item, &x)| weight(item, x))),
        ValuesRef::Coded { codes, table } => {
            out.extend(row.indices.iter().zip(codes).map(|(&item, &code)| weight(item, table[code as usize])));
        }
    }
    let length = squares.sqrt();
    if length > 0.0 {
        divide(out, length);
    }
}

#[apply(versions!)]
fn divide(weights: &mut [f64], length: f64) {
    weights.iter_mut().for_each(|weight| *weight /= length);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::csr::Csr;

    #[test]
    fn rows_have_length_one_and_rare_items_weigh_more() {
        let mut x = Csr::empty(3);
        x.push_row([(0, 1.0), (1, 1.0)]);
        x.push_row([(0, 4.0)]);
        x.push_row([]);
        let idf = idf(3, &[2, 1, 0]);
        assert!((idf[0] - (4.0f64 / 3.0).ln() - 1.0).abs() < 1e-15);
        let mut out = Vec::new();
        unit_row(x.row(0).view(), &idf, &mut out);
        assert!((out.iter().map(|w| w * w).sum::<f64>() - 1.0).abs() < 1e-15);
        assert!(out[1] > out[0]);
        unit_row(x.row(2).view(), &idf, &mut out);
        assert!(out.is_empty());
    }
}
