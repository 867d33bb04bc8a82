//! The law of the tables: the formula over their numbers puts users where `assign` does.

use std::sync::LazyLock;

use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::data::{self, Table};
use crate::export::Terms;
use crate::job::{Matrix, Missing, Normalize, Weighting};
use crate::kernel::csr::Csr;
use crate::results::fixture::{self, SMALL};
use crate::results::model::{self, Model};
use crate::results::tables;
use crate::stages::mixture::{Height, Mixture, Shifts, Weights};

const WEIGHTINGS: [Weighting; 5] =
    [Weighting::Raw, Weighting::Binary, Weighting::Log1p, Weighting::Tfidf, Weighting::Bm25];

/// Distances of two segments that are closer to each other may change places.
const MARGIN: f64 = 1e-6;

/// A model as a run leaves it.
static FITTED: LazyLock<Model> = LazyLock::new(|| {
    let outcome = fixture::outcome(SMALL);
    let folder = tempfile::tempdir().unwrap();
    model::write(&outcome, &tables::items(&outcome), folder.path()).unwrap();
    model::read(folder.path()).unwrap()
});

/// Draws in [0, 1), one after the other.
struct Draws(u64, u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.1 += 1;
        (xxh3_64_with_seed(&self.1.to_le_bytes(), self.0) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn around(&mut self, reach: f64) -> f64 {
        (2.0 * self.next() - 1.0) * reach
    }
}

/// A model with numbers of its own, and the sizes of the one that was fitted.
fn made(draws: &mut Draws, matrix: Matrix, mixture: Option<Mixture>) -> Model {
    let mut model = FITTED.clone();
    model.mean.mapv_inplace(|_| draws.next());
    model.idf.iter_mut().for_each(|idf| *idf = 1.0 + 3.0 * draws.next());
    model.components.mapv_inplace(|_| draws.around(0.4));
    model.centroids.mapv_inplace(|_| draws.around(2.0));
    model.tie_order.rotate_left((draws.next() * SMALL.clusters as f64) as usize);
    model.manifest.matrix = matrix;
    model.manifest.mean_length = Some(1.0 + 30.0 * draws.next());
    model.manifest.kmeans.spherical = matrix.normalize == Normalize::L2;
    model.mixture = mixture;
    model
}

fn mixture(draws: &mut Draws, kind: usize) -> Option<Mixture> {
    let (k, n) = (SMALL.clusters, SMALL.items);
    let mut table = |size: usize, reach: f64| (0..size).map(|_| draws.around(reach) as f32).collect::<Vec<f32>>();
    let (prior, terms, slopes) = (table(k, 3.0), table(n * k, 8.0), table(n * k, 0.5));
    let item_means = (0..n).map(|_| 1.0 + 3.0 * draws.next()).collect();
    let shifts = |height| Some(Shifts { height, item_means, slopes });
    let (weights, shifts) = match kind {
        0 => return None,
        1 => (Weights::Equal, None),
        2 => (Weights::Logs { mean: 1.3, units: 64 }, None),
        3 => (Weights::Equal, shifts(Height::Plain)),
        _ => (Weights::Equal, shifts(Height::Log)),
    };
    Some(Mixture { prior, terms, weights, shifts })
}

/// Users with some items each, the first of them without any.
fn ratings(draws: &mut Draws) -> Vec<Vec<(u32, f64)>> {
    let row = |user: usize, draws: &mut Draws| {
        let takes = user as f64 / 12.0;
        let kept: Vec<u32> = (0..SMALL.items as u32).filter(|_| draws.next() < takes).collect();
        let same = draws.next() < 0.2;
        kept.into_iter().map(|item| (item, if same { 0.7 } else { 0.1 + (draws.next() * 9.0).powi(2) })).collect()
    };
    (0..12).map(|user| row(user, draws)).collect()
}

/// The sums that the view makes of the tables.
struct Reader<'a> {
    terms: Terms<'a>,
    items: Table<'a>,
    segments: Table<'a>,
}

impl Reader<'_> {
    fn weights(&self, row: &[(u32, f64)]) -> Vec<f64> {
        let length: f64 = row.iter().map(|(_, x)| x).sum();
        let mean = self.terms.model.manifest.mean_length.unwrap();
        let idf = |item: u32| self.items.number("idf", item as usize);
        let weight = |&(item, x): &(u32, f64)| match self.terms.weighting() {
            Weighting::Raw => x,
            Weighting::Binary => 1.0,
            Weighting::Log1p => x.ln_1p(),
            Weighting::Tfidf => x * idf(item),
            Weighting::Bm25 => idf(item) * x * 2.2 / (x + 1.2 * (0.25 + 0.75 * length / mean)),
        };
        let mut weights: Vec<f64> = row.iter().map(weight).collect();
        if self.terms.model.manifest.matrix.missing == Missing::UserMean {
            let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
            let all_same = weights.windows(2).all(|pair| pair[0] == pair[1]);
            weights.iter_mut().for_each(|x| *x = if all_same { 0.0 } else { *x - mean });
        }
        let length = match self.terms.model.manifest.matrix.normalize {
            Normalize::L2 => weights.iter().map(|x| x * x).sum::<f64>().sqrt(),
            Normalize::None => 1.0,
        };
        weights.into_iter().map(|x| if length > 0.0 { x / length } else { x }).collect()
    }

    fn point(&self, row: &[(u32, f64)]) -> Vec<f64> {
        let weights = self.weights(row);
        let of = |(c, offset): (usize, f64)| {
            let name = data::of_component(c + 1);
            let products = row.iter().zip(&weights).map(|((item, _), w)| w * self.items.number(&name, *item as usize));
            products.sum::<f64>() - offset
        };
        let point: Vec<f64> = self.terms.offset().into_iter().enumerate().map(of).collect();
        let length = point.iter().map(|x| x * x).sum::<f64>().sqrt();
        let spherical = self.terms.model.manifest.kmeans.spherical && length > 0.0;
        point.into_iter().map(|x| if spherical { x / length } else { x }).collect()
    }

    fn distance(&self, point: &[f64], segment: usize) -> f64 {
        let beyond = |(c, x): (usize, &f64)| (x - self.segments.number(&data::of_component(c + 1), segment)).powi(2);
        point.iter().enumerate().map(beyond).sum::<f64>().sqrt()
    }

    /// What segments are ordered by, the least first.
    fn keys(&self, row: &[(u32, f64)], point: &[f64]) -> Vec<f64> {
        let Some(mixture) = self.terms.mixture() else {
            return (0..self.terms.n_segments()).map(|segment| self.distance(point, segment)).collect();
        };
        let number =
            |letter: &str, item: u32, segment: usize| self.items.number(&format!("{letter}{segment}"), item as usize);
        let height = |x: f64| match &mixture.shifts {
            Some(Shifts { height: Height::Log, .. }) => x.ln_1p(),
            _ => x,
        };
        let above = |&(item, x): &(u32, f64)| height(x) - self.items.number("mean", item as usize);
        let generous = |row: &[(u32, f64)]| row.iter().map(above).sum::<f64>() / (row.len() as f64 + 5.0);
        let term = |&(item, x): &(u32, f64), segment: usize| match (mixture.weights, &mixture.shifts) {
            (_, Some(_)) => {
                number("t", item, segment) + number("s", item, segment) * (above(&(item, x)) - generous(row))
            }
            (Weights::Logs { mean, units }, None) => {
                let units = f64::from(units);
                number("t", item, segment) * (x.ln_1p() / mean * units + 0.5).floor() / units
            }
            (Weights::Equal, None) => number("t", item, segment),
        };
        let likelihood =
            |segment| self.segments.number("prior", segment) + row.iter().map(|r| term(r, segment)).sum::<f64>();
        (0..self.terms.n_segments()).map(|segment| -likelihood(segment)).collect()
    }
}

fn check(seed: u64, matrix: Matrix, kind: usize) -> Result<usize, TestCaseError> {
    let mut draws = Draws(seed, 0);
    let mixture = mixture(&mut draws, kind);
    let model = made(&mut draws, matrix, mixture);
    let rows = ratings(&mut draws);
    let mut csr = Csr::empty(SMALL.items);
    rows.iter().for_each(|row| csr.push_row(row.iter().copied()));
    let (found, _) = model.assigner().assign(&csr);
    let terms = Terms { model: &model, identity: "" };
    let reader = Reader { terms, items: data::items(&terms), segments: data::segments(&terms) };
    let places: Vec<usize> =
        (0..SMALL.clusters).map(|segment| reader.segments.number("place", segment) as usize).collect();
    let mut told = 0;
    for (user, row) in rows.iter().enumerate() {
        let point = reader.point(row);
        let keys = reader.keys(row, &point);
        let mut order: Vec<usize> = (0..SMALL.clusters).collect();
        order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]).then(places[a].cmp(&places[b])));
        let (segment, second) = (found.segment[user] as usize, found.second[user] as usize);
        for (of, distance) in [(segment, found.distance[user]), (second, found.second_distance[user])] {
            let own = reader.distance(&point, of);
            prop_assert!((own - distance).abs() <= 1e-9 * distance.max(1e-3), "user {user}: {own} and {distance}");
        }
        if (keys[order[1]] - keys[order[0]]).abs() > MARGIN * keys[order[0]].abs() {
            prop_assert_eq!(order[0], segment, "user {} of {:?}: {:?}", user, matrix, keys);
            told += 1;
        }
    }
    Ok(told)
}

#[test]
fn the_tables_say_what_assign_says_for_every_weighting() {
    for weighting in WEIGHTINGS {
        for normalize in [Normalize::None, Normalize::L2] {
            for missing in [Missing::Zero, Missing::UserMean] {
                for kind in 0..5 {
                    let told = check(7, Matrix { weighting, normalize, missing }, kind).unwrap();
                    assert!(told >= 11, "{told} of 12 users are told");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_tables_say_what_assign_says(seed in any::<u64>(), at in 0usize..5, unit in any::<bool>(), mean in any::<bool>(), kind in 0usize..5) {
        let matrix = Matrix {
            weighting: WEIGHTINGS[at],
            normalize: if unit { Normalize::L2 } else { Normalize::None },
            missing: if mean { Missing::UserMean } else { Missing::Zero },
        };
        check(seed, matrix, kind)?;
    }
}
