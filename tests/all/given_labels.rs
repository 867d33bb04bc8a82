//! MovieLens 100K under one given labelling: Naive Bayes and profiles against what scikit-learn computes.

use serde_json::Value;

use segmill::collective::Solo;
use segmill::ingest::ids::Id;
use segmill::job::{BayesModel, PcaParams, ProfileParams, Solver, ValidateParams};
use segmill::kernel::csr::Csr;
use segmill::shard::Shard;
use segmill::stages::evidence;
use segmill::stages::pca;
use segmill::stages::profile;
use segmill::stages::resume::InMemory;
use segmill::stages::validate;

use crate::util::data::{ml100k, ml100k_ratings, oracle};
use crate::util::outputs::numbers;

const USERS: usize = 943;
const ITEMS: usize = 1682;
const CLUSTERS: usize = 25;

struct Given {
    shard: Shard,
    labels: Vec<u32>,
    oracle: Value,
}

/// The shard of all users, item i at index i − 1, and the oracle's labels; `None` where the data are not there.
fn given() -> Option<Given> {
    let (data, oracle) = (ml100k()?, oracle()?);
    let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::new(); USERS];
    for rating in ml100k_ratings(&data) {
        rows[rating.user - 1].push((rating.item as u32 - 1, rating.rating));
    }
    let mut matrix = Csr::empty(ITEMS);
    for mut row in rows {
        row.sort_by_key(|(item, _)| *item);
        matrix.push_row(row);
    }
    let users: Vec<Id> = (1..=USERS as u64).map(Id::Number).collect();
    let draw_keys = users.iter().map(Id::draw_key).collect();
    let labels = numbers(&oracle["given_labels"]).into_iter().map(|label| label as u32).collect();
    Some(Given { shard: Shard { users, draw_keys, matrix }, labels, oracle })
}

#[track_caller]
fn naive_bayes_is_the_oracles(model: BayesModel, name: &str) {
    let Some(given) = given() else { return };
    let params = ValidateParams { model, folds: 5 };
    let (validation, fitted) = validate::fit(&mut Solo, &given.shard, &given.labels, CLUSTERS, params, 0, u64::MAX);
    let expected = &given.oracle["naive_bayes_on_given_labels"][name];
    let counts = &validation.in_sample.counts;
    let diagonal: Vec<f64> = counts.diag().iter().map(|&n| n as f64).collect();
    assert_eq!(diagonal, numbers(&expected["confusion_diagonal"]), "{name}");
    assert_eq!(validation.in_sample.accuracy(), expected["accuracy"].as_f64().unwrap(), "{name}");
    let agreed = fitted.predicted.iter().zip(&given.labels).filter(|(a, b)| a == b).count();
    assert_eq!(agreed as f64, diagonal.iter().sum::<f64>());
    assert!(validation.out_of_fold.accuracy() < validation.in_sample.accuracy(), "in-sample flatters");
}

#[test]
fn multinomial_naive_bayes_is_scikit_learns() {
    naive_bayes_is_the_oracles(BayesModel::Multinomial, "MultinomialNB");
}

#[test]
fn bernoulli_naive_bayes_is_scikit_learns() {
    naive_bayes_is_the_oracles(BayesModel::Bernoulli, "BernoulliNB");
}

#[test]
fn gaussian_naive_bayes_is_scikit_learns() {
    naive_bayes_is_the_oracles(BayesModel::Gaussian, "GaussianNB");
}

#[test]
fn profiles_are_scikit_learns_tfidf_means() {
    let Some(given) = given() else { return };
    let params = ProfileParams { top: 10 };
    let nowhere = ndarray::Array2::zeros((CLUSTERS, 1));
    let (profiles, idf) = profile::fit(&mut Solo, &given.shard.matrix, &given.labels, nowhere.view(), &[], params);
    for (actual, expected) in idf.iter().zip(numbers(&given.oracle["idf_first10"])) {
        assert!((actual - expected).abs() < 1e-9, "{actual} {expected}");
    }
    let expected = given.oracle["profiles_on_given_labels"].as_array().unwrap();
    assert_eq!(profiles.len(), expected.len());
    for (profile, expected) in profiles.iter().zip(expected) {
        assert_eq!(profile.size, expected["size"].as_u64().unwrap());
        let top = expected["top"].as_array().unwrap();
        assert_eq!(profile.top.len(), top.len());
        for (item, expected) in profile.top.iter().zip(top) {
            assert_eq!(u64::from(item.item) + 1, expected["item"].as_u64().unwrap(), "segment {}", profile.segment);
            let score = expected["score"].as_f64().unwrap();
            assert!((item.score - score).abs() < 1e-9, "{} {score}", item.score);
        }
    }
}

/// On the scores of ten components.
#[test]
fn the_indices_of_compactness_are_scikit_learns() {
    let Some(given) = given() else { return };
    let params = PcaParams { components: 10, solver: Solver::Gram, tol: 1e-12, report: 10 };
    let matrix = &given.shard.matrix;
    let pca = pca::fit(&mut Solo, matrix, &params, 0, 1 << 30, &mut InMemory::default()).expect("a fit");
    let scores = pca::project(&pca, matrix);
    let found = evidence::quality(&mut Solo, scores.view(), &given.labels, CLUSTERS);
    let expected = |name: &str| given.oracle["quality_on_given_labels"][name].as_f64().expect("a number");
    for (name, found) in [("calinski_harabasz", found.calinski_harabasz), ("davies_bouldin", found.davies_bouldin)] {
        assert!((found - expected(name)).abs() <= 1e-9, "{name}: {found} is not {}", expected(name));
    }
    // Distances to means stand for distances to all users, which are larger.
    assert!(found.simplified_silhouette > expected("silhouette"));
}
