//! The laws of k-means, against textbook code and MovieLens 100K.

use std::path::PathBuf;

use ndarray::{Array2, ArrayView2};
use proptest::prelude::*;

use super::outcome::{Finished, Keep, Solved};
use super::spread::{Keeper, Order, Way, solve};
use super::users::Users;
use super::*;
use crate::collective::testing::run_workers;
use crate::collective::{Collective, Solo};
use crate::job::{Amounts, KMeansParams, Refine};
use crate::kernel::csr::{Csr, scale_to_unit_length};
use crate::kernel::keyed::{self, Stream};
use crate::kernel::lloyd::{Points, Tiles};
use crate::stages::resume::InMemory;

const MEMORY: u64 = 1 << 30;

fn params(clusters: usize, n_init: usize) -> KMeansParams {
    KMeansParams {
        clusters,
        n_init,
        max_iter: 300,
        tol: 1e-4,
        spherical: false,
        refine: Refine::None,
        amounts: Amounts::None,
    }
}

fn settings(params: &KMeansParams, seed: u64) -> Settings<'_> {
    Settings { params, seed, memory: MEMORY, swaps: Settings::SWAPS }
}

/// A uniform number of 0..1 for a place in a test's data.
fn draw(seed: u64, i: usize, j: usize) -> f64 {
    keyed::uniform(seed, Stream::Generate, i as u64, j as u64)
}

/// Users around a few centres, none of them on a grid.
fn blobs(n: usize, n_dims: usize, seed: u64) -> Array2<f64> {
    let centre = |user: usize| (7.0 * draw(seed, user, 999)) as usize;
    Array2::from_shape_fn((n, n_dims), |(i, j)| 10.0 * draw(seed + 1, centre(i), j) + draw(seed, i, j))
}

fn keys(n: usize) -> Vec<u64> {
    (0..n as u64).map(keyed::mix).collect()
}

fn dense(points: &Array2<f64>) -> Points<'_> {
    Points::Dense { values: points.as_slice().unwrap(), n_rows: points.nrows(), n_dims: points.ncols() }
}

fn csr_of(points: ArrayView2<f64>) -> Csr {
    let mut csr = Csr::empty(points.ncols());
    for row in points.rows() {
        csr.push_row((0..).zip(row.iter().copied()));
    }
    csr
}

/// Sparse users with ratings of 1 to 5 on a fifth of the items.
fn ratings(n: usize, n_items: usize, seed: u64) -> Array2<f64> {
    Array2::from_shape_fn((n, n_items), |(i, j)| {
        if draw(seed, i, j) < 0.2 { (1.0 + 5.0 * draw(seed + 1, i, j)).floor() } else { 0.0 }
    })
}

/// Everything about one way of running.
fn solve_with<C: Collective>(
    c: &mut C,
    points: Points,
    keys: &[u64],
    clusters: &[usize],
    settings: Settings,
    way: Way,
) -> Solved {
    let users = Users::gather(c, points, keys, settings.params.tol, 0.0);
    let order = Order { settings, keep: Keep::Best };
    let mut nowhere = Keeper { checkpoint: &mut InMemory::default(), name: "kmeans" };
    solve(c, &users, clusters, order, way, &mut nowhere)
}

/// The rows of worker `w` of `n` in a dealing of users that depends on `n`.
fn dealt(n_rows: usize, n: usize, w: usize) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..n_rows).filter(|&row| keyed::mix((row * 31 + n) as u64) as usize % n == w).collect();
    rows.sort_by_key(|&row| keyed::mix((row + 17 * n) as u64));
    rows
}

#[test]
fn renumbered_segments_keep_their_users_sizes_and_order_of_ties() {
    let model = |clusters: u32| KMeans {
        centroids: ndarray::Array2::from_shape_fn((clusters as usize, 1), |(segment, _)| segment as f64),
        sizes: (0..clusters as u64).map(|segment| 5 - segment).collect(),
        tie_order: (0..clusters).rev().collect(),
        inertia: 1.0,
        best_start: 0,
        starts: Vec::new(),
    };
    let assignment = Assignment { segment: vec![0, 2, 1], second: vec![1, 0, 2], ..Assignment::default() };
    let (kmeans, tried) = (model(3), vec![model(2), model(3), model(4)]);
    let mut found = Fitted { kmeans, assignment, curve: SweepCurve::default(), tried };
    found.renumber(&[1, 2, 0]);
    let Fitted { kmeans, assignment, tried, .. } = found;
    assert_eq!((&kmeans.centroids, &kmeans.sizes), (&ndarray::array![[2.0], [0.0], [1.0]], &vec![3, 5, 4]));
    assert_eq!(kmeans.tie_order, [0, 2, 1]);
    assert_eq!((assignment.segment, assignment.second), (vec![1, 0, 2], vec![2, 1, 0]));
    assert_eq!(tried, [model(2), kmeans, model(4)]);
}

/// Invariants: any-layout here, lockstep of the collectives, pure of the kernels.
#[test]
fn every_layout_has_the_same_bits() {
    let scores = blobs(150, 4, 1);
    let items = ratings(150, 40, 2);
    let keys = keys(150);
    let params = params(6, 3);
    let clusters = [6, 2, 25, 40];
    let reference = |points| solve_with(&mut Solo, points, &keys, &clusters, settings(&params, 3), Way::Lockstep);
    let csr = csr_of(items.view());
    let (projected, full) = (reference(dense(&scores)), reference(Points::Sparse(&csr)));
    assert_eq!(projected.outcomes.len(), 12);
    for n in [1, 2, 3, 5] {
        for (way, memory) in [(Way::Lockstep, MEMORY), (Way::Lockstep, 60_000), (Way::Copied, MEMORY)] {
            let all = run_workers(n, |c| {
                let settings = Settings { memory, ..settings(&params, 3) };
                let rows = dealt(150, n, c.index());
                let keys: Vec<u64> = rows.iter().map(|&row| keys[row]).collect();
                let own = scores.select(ndarray::Axis(0), &rows);
                let csr = csr_of(items.select(ndarray::Axis(0), &rows).view());
                let projected = solve_with(c, dense(&own), &keys, &clusters, settings, way);
                let full = solve_with(c, Points::Sparse(&csr), &keys, &clusters, settings, way);
                (projected, full)
            });
            for (own, whole) in all {
                assert_eq!(own, projected, "{n} workers, {way:?}");
                assert_eq!(whole, full, "{n} workers, {way:?}");
            }
        }
    }
}

/// Invariant: any-layout.
#[test]
fn assignments_do_not_depend_on_the_layout() {
    let scores = blobs(120, 3, 5);
    let keys = keys(120);
    let (model, whole) = fit(&mut Solo, scores.view(), &keys, settings(&params(9, 2), 0)).unwrap();
    for n in [2, 5] {
        run_workers(n, |c| {
            let rows = dealt(120, n, c.index());
            let own_keys: Vec<u64> = rows.iter().map(|&row| keys[row]).collect();
            let own = scores.select(ndarray::Axis(0), &rows);
            let (same, assignment) = fit(c, own.view(), &own_keys, settings(&params(9, 2), 0)).unwrap();
            assert_eq!(same, model);
            for (i, &row) in rows.iter().enumerate() {
                assert_eq!(assignment.segment[i], whole.segment[row]);
                assert_eq!(assignment.distance[i], whole.distance[row]);
                assert_eq!(assignment.second[i], whole.second[row]);
                assert_eq!(assignment.second_distance[i], whole.second_distance[row]);
            }
        });
    }
}

#[test]
fn workers_without_users_take_part() {
    let scores = blobs(3, 2, 6);
    let keys = keys(3);
    let reference = solve_with(&mut Solo, dense(&scores), &keys, &[2, 3], settings(&params(2, 2), 3), Way::Lockstep);
    for way in [Way::Lockstep, Way::Copied] {
        run_workers(5, |c| {
            let rows: Vec<usize> = (0..3).filter(|row| row + 1 == c.index()).collect();
            let own_keys: Vec<u64> = rows.iter().map(|&row| keys[row]).collect();
            let own = scores.select(ndarray::Axis(0), &rows);
            let csr = csr_of(own.view());
            assert_eq!(solve_with(c, dense(&own), &own_keys, &[2, 3], settings(&params(2, 2), 3), way), reference);
            let swept = sweep(
                c,
                Points::Sparse(&csr),
                &own_keys,
                &[1, 3],
                settings(&params(2, 2), 0),
                &mut InMemory::default(),
            )
            .unwrap();
            assert!(swept.inertia[1] < 1e-9 * swept.inertia[0]);
        });
    }
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

#[test]
fn a_model_is_consistent() {
    let scores = blobs(200, 5, 8);
    let (model, assignment) = fit(&mut Solo, scores.view(), &keys(200), settings(&params(12, 4), 1)).unwrap();
    assert_eq!(model.sizes.iter().sum::<u64>(), 200);
    assert!(model.sizes.is_sorted_by(|a, b| a >= b));
    assert_eq!(model.starts.len(), 4);
    let least = model.starts.iter().map(|s| s.inertia).fold(f64::INFINITY, f64::min);
    assert_eq!(model.inertia, least);
    assert_eq!(model.starts[model.best_start].inertia, least);
    let mut inertia = 0.0;
    let mut sizes = [0; 12];
    for (i, row) in scores.rows().into_iter().enumerate() {
        let row = row.as_slice().unwrap();
        let mut order: Vec<(f64, usize)> =
            (0..12).map(|j| (squared_distance(row, model.centroids.row(j).as_slice().unwrap()).sqrt(), j)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        assert_eq!((assignment.distance[i], assignment.segment[i] as usize), order[0]);
        assert_eq!((assignment.second_distance[i], assignment.second[i] as usize), order[1]);
        sizes[order[0].1] += 1;
        inertia += order[0].0 * order[0].0;
    }
    assert_eq!(model.sizes, sizes);
    assert!((model.inertia - inertia).abs() <= 1e-12 * inertia);
}

/// Lloyd as in a textbook: no tiles, no integers, no changes. From given centres to the strict end.
fn textbook(points: &Array2<f64>, mut centroids: Vec<Vec<f64>>, spherical: bool) -> (f64, Vec<Vec<f64>>) {
    let rows: Vec<Vec<f64>> = points.rows().into_iter().map(|row| row.to_vec()).collect();
    let nearest = |row: &[f64], centroids: &[Vec<f64>]| {
        let distances = centroids.iter().map(|c| squared_distance(row, c)).enumerate();
        distances.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
    };
    let mut labels = Vec::new();
    loop {
        let now: Vec<usize> = rows.iter().map(|row| nearest(row, &centroids).0).collect();
        if now == labels {
            return (rows.iter().map(|row| nearest(row, &centroids).1).sum(), centroids);
        }
        labels = now;
        for (j, centroid) in centroids.iter_mut().enumerate() {
            let members: Vec<&Vec<f64>> = rows.iter().zip(&labels).filter(|(_, l)| **l == j).map(|(r, _)| r).collect();
            assert!(!members.is_empty(), "the textbook has no empty clusters");
            for (dim, x) in centroid.iter_mut().enumerate() {
                *x = members.iter().map(|row| row[dim]).sum::<f64>() / members.len() as f64;
            }
            if spherical {
                scale_to_unit_length(centroid);
            }
        }
    }
}

/// Runs Lloyd from the given rows as centres.
fn lloyd_from(points: Points, centres: &[usize], params: &KMeansParams) -> Finished {
    let keys = keys(points.n_rows());
    let users = Users::gather(&mut Solo, points, &keys, params.tol, 0.0).on_sphere(params.spherical);
    let rows: Vec<_> = centres.iter().map(|&row| points.point(row)).collect();
    let tiles = Tiles::of(&points, &rows.iter().collect::<Vec<_>>());
    let beginning = seeding::Beginning::at(&users.cloud, 0, tiles, 0);
    lockstep::lloyd(&mut Solo, &users, params, vec![beginning], &mut |_| {}).remove(0)
}

#[test]
fn from_given_centres_it_ends_where_the_textbook_does() {
    let mut spared = 0;
    for (seed, k, spherical) in
        [(1, 3, false), (2, 9, false), (3, 33, false), (4, 70, false), (5, 3, true), (6, 33, true)]
    {
        let strict = KMeansParams { tol: 0.0, spherical, ..params(1, 1) };
        let points = Centroids::points(ratings(200, 30, seed) + blobs(200, 30, seed), &strict);
        let centres: Vec<usize> = (0..k).map(|j| j * 200 / k).collect();
        let initial = centres.iter().map(|&row| points.row(row).to_vec()).collect();
        let (inertia, centroids) = textbook(&points, initial, spherical);
        let csr = csr_of(points.view());
        for space in [dense(&points), Points::Sparse(&csr)] {
            let run = lloyd_from(space, &centres, &strict);
            assert!(run.outcome.converged);
            assert!((run.outcome.inertia - inertia).abs() <= 1e-9 * inertia, "k = {k}");
            for (j, centroid) in centroids.iter().enumerate() {
                assert!(
                    squared_distance(&run.tiles.centroid(j), centroid)
                        <= 1e-18 * squared_distance(centroid, &[0.0; 30])
                );
            }
            assert!(run.trace.is_sorted_by(|a, b| a >= b), "the inertia rose: {:?}", run.trace);
            assert_eq!(run.counts.iter().sum::<i64>(), 200);
            spared += run.spared;
        }
    }
    assert!(spared > 100, "pruning was hardly tested: {spared}");
}

#[test]
fn a_fit_from_given_centroids_is_the_same_in_every_layout() {
    let scores = blobs(150, 4, 3);
    let keys = keys(150);
    let initial = scores.slice(ndarray::s![..9, ..]).to_owned() + 0.25;
    let (model, whole) = fit_from(&mut Solo, scores.view(), &keys, initial.view(), &params(1, 1)).unwrap();
    let (inertia, _) = textbook(&scores, initial.rows().into_iter().map(|row| row.to_vec()).collect(), false);
    assert!((model.inertia - inertia).abs() <= 1e-9 * inertia);
    assert_eq!(model.starts.len(), 1);
    run_workers(3, |c| {
        let rows = dealt(150, 3, c.index());
        let own_keys: Vec<u64> = rows.iter().map(|&row| keys[row]).collect();
        let own = scores.select(ndarray::Axis(0), &rows);
        let (same, assignment) = fit_from(c, own.view(), &own_keys, initial.view(), &params(1, 1)).unwrap();
        assert_eq!(same, model);
        assert!(rows.iter().zip(&assignment.segment).all(|(&row, &segment)| whole.segment[row] == segment));
    });
}

#[test]
fn given_centroids_may_lie_far_from_all_users() {
    let scores = blobs(60, 3, 4);
    let mut initial = scores.slice(ndarray::s![..3, ..]).to_owned();
    initial.row_mut(2).fill(1e12);
    let (model, _) = fit_from(&mut Solo, scores.view(), &keys(60), initial.view(), &params(1, 1)).unwrap();
    assert_eq!(model.sizes.iter().sum::<u64>(), 60);
    assert!(model.sizes.iter().all(|&size| size > 0));
}

#[test]
fn impossible_centroids_are_refused() {
    let scores = blobs(5, 2, 2);
    let refused = |initial: Array2<f64>| {
        fit_from(&mut Solo, scores.view(), &keys(5), initial.view(), &params(1, 1)).unwrap_err().to_string()
    };
    assert!(refused(Array2::zeros((6, 2))).starts_with("initial: 6 clusters for 5 users"));
    assert!(refused(Array2::zeros((0, 2))).starts_with("initial: 0 clusters"));
    assert!(refused(Array2::zeros((2, 3))).starts_with("initial: centroids of 3 components for scores of 2"));
    assert!(refused(Array2::from_elem((2, 2), f64::NAN)).starts_with("initial: a coordinate that is not finite"));
}

#[test]
fn empty_clusters_take_the_farthest_users() {
    // Eight equal users, two of them centres with the first one's position, and two far away, one farther.
    let mut points = Array2::from_elem((10, 1), 1.0);
    points[[8, 0]] = 9.0;
    points[[9, 0]] = 17.0;
    let run = lloyd_from(dense(&points), &[0, 1, 2], &params(3, 1));
    assert_eq!(run.outcome.inertia, 0.0);
    assert_eq!(run.tiles.centroid(1), [17.0]);
    assert_eq!(run.tiles.centroid(2), [9.0]);
    assert_eq!(run.counts, [8, 1, 1]);
    assert!(run.trace.is_sorted_by(|a, b| a >= b));
}

#[test]
fn more_clusters_than_distinct_users_leave_some_empty() {
    let points = Array2::from_shape_fn((30, 2), |(i, j)| 0.1 + (i % 3 * (j + 1)) as f64);
    let (model, assignment) = fit(&mut Solo, points.view(), &keys(30), settings(&params(8, 2), 0)).unwrap();
    assert_eq!(model.inertia, 0.0);
    assert_eq!(model.sizes, [10, 10, 10, 0, 0, 0, 0, 0]);
    assert!(assignment.distance.iter().all(|&d| d == 0.0));
    let csr = csr_of(points.view());
    let swept = sweep(
        &mut Solo,
        Points::Sparse(&csr),
        &keys(30),
        &[1, 3, 8, 30],
        settings(&params(8, 2), 0),
        &mut InMemory::default(),
    )
    .unwrap();
    assert_eq!(swept.inertia[1..], [0.0; 3]);
    assert!(swept.inertia[0] > 0.0);
}

#[test]
fn all_equal_users_are_one_segment() {
    let points = Array2::from_elem((12, 3), 0.3);
    let (model, assignment) = fit(&mut Solo, points.view(), &keys(12), settings(&params(4, 2), 0)).unwrap();
    assert_eq!((model.inertia, &model.sizes[..]), (0.0, &[12, 0, 0, 0][..]));
    assert!(assignment.segment.iter().all(|&s| s == 0));
}

#[test]
fn a_cluster_for_every_user_has_no_inertia() {
    let points = ratings(60, 25, 4) + 1.0;
    let (model, _) = fit(&mut Solo, points.view(), &keys(60), settings(&params(60, 1), 0)).unwrap();
    assert_eq!(model.inertia, 0.0);
    assert_eq!(model.sizes, [1; 60]);
}

#[test]
fn one_cluster_is_the_mean() {
    let points = blobs(50, 3, 2);
    let (model, assignment) = fit(&mut Solo, points.view(), &keys(50), settings(&params(1, 2), 0)).unwrap();
    let mean = points.mean_axis(ndarray::Axis(0)).unwrap();
    assert!(squared_distance(model.centroids.row(0).as_slice().unwrap(), mean.as_slice().unwrap()) < 1e-24);
    assert_eq!(assignment.second, assignment.segment);
    assert_eq!(assignment.second_distance, assignment.distance);
}

#[test]
fn impossible_numbers_of_clusters_are_refused() {
    let points = blobs(5, 2, 2);
    let refused = |k, sweep: &[usize]| {
        let result = fit_and_sweep(
            &mut Solo,
            points.view(),
            &keys(5),
            sweep,
            settings(&params(k, 1), 0),
            &mut InMemory::default(),
        );
        result.unwrap_err().to_string()
    };
    assert_eq!(refused(6, &[]), "kmeans.clusters: 6 clusters for 5 users; ask for at most 5");
    assert_eq!(refused(0, &[]), "kmeans.clusters: 0 clusters; ask for at least 1");
    assert_eq!(refused(2, &[2, 9]), "sweep.clusters: 9 clusters for 5 users; ask for at most 5");
}

#[test]
fn the_sweep_has_the_fit_in_it() {
    let points = blobs(90, 4, 3);
    let clusters = [3, 6, 10];
    let swept = |k| {
        fit_and_sweep(
            &mut Solo,
            points.view(),
            &keys(90),
            &clusters,
            settings(&params(k, 3), 5),
            &mut InMemory::default(),
        )
        .unwrap()
    };
    for (k, at) in [(6, 1), (10, 2)] {
        let Fitted { kmeans: model, curve, tried, .. } = swept(k);
        assert_eq!(tried.iter().map(|tried| tried.sizes.len()).collect::<Vec<_>>(), clusters);
        assert_eq!(tried[at], model);
        assert_eq!(model, fit(&mut Solo, points.view(), &keys(90), settings(&params(k, 3), 5)).unwrap().0);
        assert_eq!(model.inertia, curve.inertia[at]);
        let alone = sweep(
            &mut Solo,
            dense(&points),
            &keys(90),
            &clusters,
            settings(&params(1, 3), 5),
            &mut InMemory::default(),
        )
        .unwrap();
        assert_eq!(curve, alone);
    }
}

#[test]
fn max_iter_ends_a_run_with_labels_of_its_centroids() {
    let points = blobs(200, 6, 7);
    let short = KMeansParams { max_iter: 1, tol: 0.0, ..params(20, 1) };
    let initial = points.slice(ndarray::s![..20, ..]);
    let (model, assignment) = fit_from(&mut Solo, points.view(), &keys(200), initial, &short).unwrap();
    assert_eq!(model.starts[0].iterations, 1);
    assert!(!model.starts[0].converged);
    let inertia: f64 = assignment.distance.iter().map(|d| d * d).sum();
    assert!((model.inertia - inertia).abs() <= 1e-12 * inertia);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Invariant: inertia-never-rises.
    #[test]
    fn the_inertia_never_rises_and_nobody_is_lost(seed in 0u64..1000, n in 1usize..80, n_dims in 1usize..12, share in 0.0f64..1.0) {
        // Few distinct values, so that ties and empty clusters are common. Where distances tie, rounding may break the tie
        // another way in another space, so the two runs need not end alike.
        let points = Array2::from_shape_fn((n, n_dims), |(i, j)| (3.0 * draw(seed, i, j)).floor());
        let k = 1 + (share * (n - 1) as f64) as usize;
        let centres: Vec<usize> = (0..k).collect();
        let csr = csr_of(points.view());
        let runs = [dense(&points), Points::Sparse(&csr)].map(|space| lloyd_from(space, &centres, &KMeansParams { tol: 0.0, ..params(k, 1) }));
        for run in &runs {
            prop_assert!(run.trace.is_sorted_by(|a, b| a >= b), "{:?}", run.trace);
            prop_assert_eq!(run.counts.iter().sum::<i64>(), n as i64);
        }
    }

    /// Invariant: inertia-never-rises, with centroids on the unit sphere, which are directions there.
    #[test]
    fn on_the_sphere_the_inertia_never_rises(seed in 0u64..1000, n in 2usize..80, n_dims in 2usize..12, share in 0.0f64..1.0) {
        let plain = Array2::from_shape_fn((n, n_dims), |(i, j)| (5.0 * draw(seed, i, j)).floor());
        let k = 1 + (share * (n - 1) as f64) as usize;
        let params = KMeansParams { tol: 0.0, spherical: true, ..params(k, 1) };
        let points = Centroids::points(plain, &params);
        let centres: Vec<usize> = (0..k).collect();
        let csr = csr_of(points.view());
        for space in [dense(&points), Points::Sparse(&csr)] {
            let run = lloyd_from(space, &centres, &params);
            // Fixed point may be off by a unit for each user.
            prop_assert!(run.trace.windows(2).all(|pair| pair[1] <= pair[0] + n as i64), "{:?}", run.trace);
            prop_assert_eq!(run.counts.iter().sum::<i64>(), n as i64);
            for j in 0..k {
                let squared: f64 = run.tiles.coordinates(j).map(|x| x * x).sum();
                prop_assert!(squared == 0.0 || (squared - 1.0).abs() < 1e-12, "{squared}");
            }
        }
    }

    #[test]
    fn both_spaces_give_the_same_run_where_nothing_ties(seed in 0u64..1000, n in 4usize..80, n_dims in 1usize..12) {
        let points = Array2::from_shape_fn((n, n_dims), |(i, j)| (2.0 * draw(seed, i, j) - 1.0).max(0.0));
        let csr = csr_of(points.view());
        let centres = [0, 1, 2];
        let [a, b] = [dense(&points), Points::Sparse(&csr)]
            .map(|space| lloyd_from(space, &centres, &KMeansParams { tol: 0.0, ..params(3, 1) }));
        let distinct = points.rows().into_iter().filter(|row| row.iter().any(|x| *x > 0.0)).count() + 1 >= n;
        if distinct {
            prop_assert_eq!(a.outcome.iterations, b.outcome.iterations);
            prop_assert!((a.outcome.inertia - b.outcome.inertia).abs() <= 1e-9 * (1.0 + a.outcome.inertia));
        }
    }
}

/// MovieLens 100K, or a note that it is not there.
fn movielens() -> Option<Csr> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/ml-100k");
    let folder = std::env::var_os("SEGMILL_ML100K").map_or(default, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join("u.data")) else {
        eprintln!("skipped: no MovieLens 100K at {}; set SEGMILL_ML100K", folder.display());
        return None;
    };
    let mut users: Vec<Vec<(u32, f64)>> = vec![Vec::new(); 943];
    for line in text.lines() {
        let fields: Vec<usize> = line.split('\t').map(|field| field.parse().unwrap()).collect();
        users[fields[0] - 1].push((fields[1] as u32 - 1, fields[2] as f64));
    }
    let mut csr = Csr::empty(1682);
    for mut user in users {
        user.sort_by_key(|&(item, _)| item);
        csr.push_row(user);
    }
    Some(csr)
}

/// Users on a basis of the span of the first 10 principal components, by subspace iteration. k-means does not mind the
/// rotation.
fn principal_scores(matrix: &Csr) -> Array2<f64> {
    const B: usize = 10;
    let (n, d) = (matrix.n_rows(), matrix.n_cols);
    let mut mean = vec![0.0; d];
    matrix.rows().for_each(|row| row.iter().for_each(|(item, v)| mean[item] += v / n as f64));
    let mut basis: Vec<[f64; B]> = (0..d).map(|i| std::array::from_fn(|j| draw(0, i, j) - 0.5)).collect();
    let project = |basis: &[[f64; B]]| -> Vec<[f64; B]> {
        let offset: [f64; B] = std::array::from_fn(|j| (0..d).map(|i| mean[i] * basis[i][j]).sum());
        let one = |row: crate::kernel::csr::HeldRow| {
            let mut score = offset.map(|x| -x);
            row.iter().for_each(|(item, v)| (0..B).for_each(|j| score[j] += v * basis[item][j]));
            score
        };
        matrix.rows().map(one).collect()
    };
    for _ in 0..200 {
        orthonormalise(&mut basis);
        let scores = project(&basis);
        basis.iter_mut().for_each(|row| *row = [0.0; B]);
        for (row, score) in matrix.rows().zip(&scores) {
            row.iter().for_each(|(item, v)| (0..B).for_each(|j| basis[item][j] += v * score[j]));
        }
    }
    orthonormalise(&mut basis);
    Array2::from_shape_vec((n, B), project(&basis).concat()).unwrap()
}

fn orthonormalise<const B: usize>(basis: &mut [[f64; B]]) {
    for j in 0..B {
        for _ in 0..2 {
            for before in 0..j {
                let dot: f64 = basis.iter().map(|row| row[j] * row[before]).sum();
                basis.iter_mut().for_each(|row| row[j] -= dot * row[before]);
            }
        }
        let norm = basis.iter().map(|row| row[j] * row[j]).sum::<f64>().sqrt();
        basis.iter_mut().for_each(|row| row[j] /= norm);
    }
}

const SWEEP: [usize; 8] = [5, 10, 25, 50, 100, 125, 150, 200];

/// Best inertia of scikit-learn 1.9.1 over 60 starts on 10 principal components, and over 20 on all items.
const PROJECTED: [f64; 8] = [183299.935, 143149.793, 104509.594, 78320.876, 54625.075, 47118.410, 40770.073, 30521.237];
const FULL: [f64; 8] = [908120.373, 868782.983, 811840.156, 750125.894, 644353.085, 598154.073, 552796.238, 468133.466];

#[test]
fn ten_starts_on_movielens_come_near_the_best_of_scikit_learn() {
    let Some(matrix) = movielens() else { return };
    let scores = principal_scores(&matrix);
    let keys: Vec<u64> = (1..=943).collect();
    // The full space is slow without optimisation: four numbers of clusters will do.
    let few = if cfg!(debug_assertions) { 4 } else { 8 };
    for (points, n, best) in [(dense(&scores), 8, PROJECTED), (Points::Sparse(&matrix), few, FULL)] {
        let swept =
            sweep(&mut Solo, points, &keys, &SWEEP[..n], settings(&params(25, 10), 0), &mut InMemory::default())
                .unwrap();
        for ((k, inertia), best) in SWEEP.iter().zip(&swept.inertia).zip(best) {
            eprintln!("k = {k}: {inertia:.0}, {:.4} of the best", inertia / best);
            assert!(*inertia <= 1.02 * best, "k = {k}: {inertia} against {best}");
        }
    }
}

/// `cargo test --release --lib kmeans::tests::time -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn time_both_sweeps_on_movielens() {
    let Some(matrix) = movielens() else { return };
    let scores = principal_scores(&matrix);
    for n in [1, 2] {
        for _ in 0..3 {
            let times = run_workers(n, |c| {
                let rows: Vec<usize> = (0..943).filter(|row| row % n == c.index()).collect();
                let keys: Vec<u64> = rows.iter().map(|&row| row as u64 + 1).collect();
                let own = scores.select(ndarray::Axis(0), &rows);
                let mut csr = Csr::empty(matrix.n_cols);
                rows.iter().for_each(|&row| csr.push_row(matrix.row(row).iter().map(|(i, v)| (i as u32, v))));
                let begin = std::time::Instant::now();
                fit_and_sweep(c, own.view(), &keys, &SWEEP, settings(&params(25, 10), 0), &mut InMemory::default())
                    .unwrap();
                let projected = begin.elapsed();
                sweep(c, Points::Sparse(&csr), &keys, &SWEEP, settings(&params(25, 10), 0), &mut InMemory::default())
                    .unwrap();
                (projected, begin.elapsed() - projected)
            });
            eprintln!("{n} workers: fit and projected sweep {:?}, full sweep {:?}", times[0].0, times[0].1);
        }
    }
}
