//! A way to weigh ratings in words.

use crate::job::{Matrix, Missing, Normalize, Weighting};

/// A way to weigh ratings, as its keys have it: `bm25, l2`.
pub fn weighed(matrix: Matrix) -> String {
    let Matrix { weighting, normalize, missing } = matrix;
    let weighting = match weighting {
        Weighting::Raw => "raw",
        Weighting::Binary => "binary",
        Weighting::Log1p => "log1p",
        Weighting::Tfidf => "tfidf",
        Weighting::Bm25 => "bm25",
    };
    let normalize = if normalize == Normalize::L2 { ", l2" } else { "" };
    let missing = if missing == Missing::UserMean { ", user-mean" } else { "" };
    format!("{weighting}{normalize}{missing}")
}
