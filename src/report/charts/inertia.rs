//! Inertia against the number of segments, a line for each space.

use super::lines::{Curve, Lines, Look, Point, Pointed, lines};
use crate::results::curves::{curves, normalise};
use crate::results::shown::Shown;
use crate::watch::format::{percent, significant};

/// Shares of the first inertia, with a ring where a line bends.
pub fn inertia(shown: &Shown) -> String {
    let clusters: Vec<usize> = shown.sweep.iter().flat_map(|sweep| sweep.clusters.clone()).collect();
    let mut drawn = Vec::new();
    let mut pointed = Vec::new();
    for (space, curve) in curves(&shown.sweep) {
        let shares = normalise(&curve.inertia);
        let (class, look) = look_of(space);
        let knee = clusters.iter().position(|&k| Some(k) == curve.knee);
        if let Some(at) = knee.filter(|&at| at < shares.len()) {
            pointed.push((Pointed::Ring, clusters[at], shares[at], class));
        }
        let point = |((&k, &inertia), &share): ((&usize, &f64), &f64)| Point {
            clusters: k,
            value: share,
            error: None,
            tip: tip(space, k, inertia, share),
        };
        drawn.push(Curve {
            class,
            look,
            points: clusters.iter().zip(&curve.inertia).zip(&shares).map(point).collect(),
        });
    }
    lines(&Lines {
        id: "chart-inertia",
        says: "Line chart of inertia against the number of clusters.",
        title: "Inertia, share of the first",
        percents: true,
        curves: drawn,
        pointed,
    })
}

fn look_of(space: &str) -> (&'static str, Look) {
    match space {
        "projected" => ("first", Look::Circles),
        _ => ("second dashed", Look::Squares),
    }
}

fn tip(space: &str, k: usize, inertia: f64, share: f64) -> String {
    let (inertia, share) = (significant(inertia, 6), percent(share));
    format!("{k} segments, {space} space\ninertia {inertia}\n{share} of the first")
}
