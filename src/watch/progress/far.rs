//! How much of the stage at work is done, and how long the rest may take.
//!
//! Every estimate assumes that the rest goes on as before: bytes for reading, orders of magnitude of the residual for
//! the components, centroids moved for k-means. A stage that reports nothing has no estimate.

use super::snapshot::{InputAt, Snapshot, Space, Starts, Sweeps};

/// How far a stage is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Far {
    /// In 0..=1.
    pub share: f64,
    /// Absent while there is nothing to estimate it from.
    pub seconds_left: Option<f64>,
}

/// The time left is not estimated before this many seconds have passed and this share is done.
const LEAST_SECONDS: f64 = 0.2;
const LEAST_SHARE: f64 = 0.01;

impl Snapshot {
    /// How far the stage at work is; `None` without a stage or without a report from it.
    pub fn far(&self) -> Option<Far> {
        let stage = self.stages.iter().find(|stage| stage.at_work)?;
        match stage.name.as_str() {
            "ingest" | "generate" => Some(timed(read(self.input?)?, stage.seconds)),
            "pca" => solved(self.sweeps?),
            "kmeans" => self.run_in(Space::Projected),
            "sweep" => self.run_in(Space::Full),
            _ => None,
        }
    }

    /// Where all runs begin before the first one moves, the time that this took does not predict the rest.
    fn run_in(&self, space: Space) -> Option<Far> {
        let moving = self.moving.filter(|(now, _)| *now == space);
        Some(timed(ended(&self.kmeans, space)?, moving.map_or(0.0, |(_, seconds)| seconds)))
    }
}

/// The rest takes as long as what is done, part for part.
fn timed(share: f64, seconds: f64) -> Far {
    let known = (LEAST_SHARE..1.0).contains(&share) && seconds >= LEAST_SECONDS;
    Far { share, seconds_left: known.then(|| seconds * (1.0 - share) / share) }
}

fn read(input: InputAt) -> Option<f64> {
    (input.all > 0).then(|| (input.done as f64 / input.all as f64).min(1.0))
}

/// The residual of block Krylov falls by about the same factor in every sweep.
fn solved(sweeps: Sweeps) -> Option<Far> {
    let Sweeps { residual: Some(residual), tol, first: Some((sweep, first)), .. } = sweeps else { return None };
    let (fallen, wanted) = ((first / residual).ln(), (first / tol).ln());
    if !(fallen.is_finite() && wanted.is_finite() && fallen > 0.0 && wanted > 0.0) {
        return None;
    }
    let left = (wanted - fallen).max(0.0) / fallen * (sweeps.sweeps - sweep) as f64;
    let seconds_left = (left > 0.0).then_some(left * sweeps.seconds_each);
    Some(Far { share: (fallen / wanted).min(1.0), seconds_left })
}

/// A run costs its number of clusters for each iteration, and those on their way go on for as long as those that ended.
fn ended(kmeans: &[Starts], space: Space) -> Option<f64> {
    let runs = || kmeans.iter().filter(move |starts| starts.space == space);
    let sum = |of: &dyn Fn(&Starts) -> u64| runs().map(of).sum::<u64>() as f64;
    let (all, n_ended) = (sum(&|starts| starts.all() * starts.clusters as u64), sum(&|starts| starts.ended));
    if all == 0.0 {
        return None;
    }
    let usual = sum(&|starts| starts.iterations_ended) / n_ended;
    let under_way = |starts: &Starts| match (starts.iterations - starts.iterations_ended) as f64 / usual {
        done if done.is_finite() => done.min(starts.running as f64),
        _ => 0.0,
    };
    Some(runs().map(|starts| starts.clusters as f64 * (starts.ended as f64 + under_way(starts))).sum::<f64>() / all)
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::{Measure, StageAt};
    use super::*;

    fn at(stage: &str, seconds: f64) -> Snapshot {
        let stages = vec![StageAt { name: stage.into(), seconds, at_work: true }];
        Snapshot { stages, ..Snapshot::default() }
    }

    fn left(snapshot: &Snapshot) -> f64 {
        snapshot.far().unwrap().seconds_left.unwrap()
    }

    #[test]
    fn reading_takes_as_long_for_every_byte() {
        let input = |done| Some(InputAt { done, all: 400, measure: Measure::Bytes });
        let quarter = Snapshot { input: input(100), ..at("ingest", 2.0) };
        assert_eq!(quarter.far(), Some(Far { share: 0.25, seconds_left: Some(6.0) }));
        let read = Snapshot { input: input(400), ..at("ingest", 2.0) };
        assert_eq!(read.far(), Some(Far { share: 1.0, seconds_left: None }), "what follows is no reading");
        let early = Snapshot { input: input(100), ..at("ingest", 0.1) };
        assert_eq!(early.far().unwrap().seconds_left, None);
        assert_eq!(at("ingest", 2.0).far(), None);
        assert_eq!(Snapshot { input: input(100), ..at("validate", 2.0) }.far(), None);
    }

    #[test]
    fn the_residual_falls_by_the_same_factor_in_every_sweep() {
        let sweeps = Sweeps { sweeps: 6, residual: Some(1e-4), tol: 1e-8, first: Some((2, 1e-2)), seconds_each: 0.5 };
        let now = Snapshot { sweeps: Some(sweeps), ..at("pca", 9.0) };
        assert!((now.far().unwrap().share - 1.0 / 3.0).abs() < 1e-12);
        assert!((left(&now) - 4.0).abs() < 1e-9, "four orders in two sweeps each");
        let beyond = Sweeps { residual: Some(1e-9), ..sweeps };
        let now = Snapshot { sweeps: Some(beyond), ..now };
        assert_eq!(now.far(), Some(Far { share: 1.0, seconds_left: None }), "the values may take longer");
        let stuck = Sweeps { residual: Some(2e-2), ..sweeps };
        assert_eq!(Snapshot { sweeps: Some(stuck), ..at("pca", 9.0) }.far(), None);
        assert_eq!(Snapshot { sweeps: Some(Sweeps { residual: None, ..sweeps }), ..at("pca", 9.0) }.far(), None);
    }

    #[test]
    fn runs_count_by_their_clusters_and_iterations() {
        let starts = |space, clusters, waiting, running, ended, iterations, iterations_ended| Starts {
            space,
            clusters,
            waiting,
            running,
            ended,
            iterations,
            iterations_ended,
            inertia: 1.0,
        };
        let kmeans = vec![
            starts(Space::Projected, 10, 1, 1, 2, 25, 20),
            starts(Space::Projected, 60, 1, 0, 0, 0, 0),
            starts(Space::Full, 500, 3, 0, 0, 0, 0),
        ];
        let now = Snapshot { kmeans, moving: Some((Space::Projected, 5.0)), ..at("kmeans", 80.0) };
        assert_eq!(now.far(), Some(Far { share: 0.25, seconds_left: Some(15.0) }));
        let full = Snapshot { stages: at("sweep", 5.0).stages, ..now };
        assert_eq!(full.far(), Some(Far { share: 0.0, seconds_left: None }));
    }
}
