//! Whatever vectors a processor has, the bits are those of plain loops (invariant: pure).

use super::*;
use crate::kernel::csr::Csr;
use crate::kernel::keyed::{Stream, uniform};
use proptest::prelude::*;

fn matrix(n_rows: usize, n_dims: usize, seed: u64) -> Vec<f64> {
    (0..(n_rows * n_dims) as u64)
        .map(|i| uniform(seed, Stream::Generate, 0, i) - 0.5)
        .map(|x| if x.abs() < 0.2 { 0.0 } else { x })
        .collect()
}

fn csr(values: &[f64], n_dims: usize) -> Csr {
    let mut csr = Csr::empty(n_dims);
    values.chunks(n_dims).for_each(|row| csr.push_row((0..).zip(row.iter().copied())));
    csr
}

/// Values of one of several kinds: smooth, on a grid, all but equal, or with a few far out; times `size`, around `middle`.
pub fn values(kind: usize, n: usize, size: f64, middle: f64, seed: u64) -> Vec<f64> {
    let draw = |i: usize| uniform(seed, Stream::Generate, kind as u64, i as u64) - 0.5;
    let value = |i: usize| match kind {
        0 => draw(i),
        1 => (4.0 * draw(i)).round(),
        2 => 1.0 + 1e-12 * (3.0 * draw(i)).round(),
        _ => draw(i) * if i.is_multiple_of(97) { 1e9 } else { 1.0 },
    };
    (0..n).map(|i| size * (value(i) + middle)).collect()
}

pub fn plain_nearest(x: &[f64], centroids: &[Vec<f64>]) -> u32 {
    let squared: Vec<f64> = centroids.iter().map(|c| plain_dense(x, c)).collect();
    (0..squared.len()).min_by(|&a, &b| squared[a].total_cmp(&squared[b])).unwrap() as u32
}

fn plain_dense(x: &[f64], c: &[f64]) -> f64 {
    x.iter().zip(c).fold(0.0, |sum, (x, c)| sum + (x - c) * (x - c))
}

fn plain_sparse(x: &[f64], c: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b);
    (dot(x, x) - 2.0 * dot(x, c) + dot(c, c)).max(0.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever vectors this machine has, the bits are those of the plain loops.
    #[test]
    fn distances_have_the_bits_of_plain_loops(n in 1usize..12, k in 1usize..80, n_dims in 1usize..90, seed in 0u64..99) {
        let values = matrix(n, n_dims, seed);
        let centroids = matrix(k, n_dims, seed + 100);
        let sparse = csr(&values, n_dims);
        let dense = Points::Dense { values: &values, n_rows: n, n_dims };
        for (points, plain) in [(dense, plain_dense as fn(&[f64], &[f64]) -> f64), (Points::Sparse(&sparse), plain_sparse)] {
            let cloud = Cloud::new(points);
            let centres = Points::Dense { values: &centroids, n_rows: k, n_dims };
            let centres: Vec<Point> = (0..k).map(|j| centres.point(j)).collect();
            let tiles = Tiles::of(&points, &centres.iter().collect::<Vec<_>>());
            let mut squared = vec![0.0; k * n];
            distances(&cloud, 0..n, &tiles, &mut squared, n);
            let everyone = Vec::from_iter(0..n as u32);
            let mut nearest = Nearest::none(n);
            match points {
                Points::Sparse(matrix) => scan(matrix, &cloud.norms, &everyone, &tiles, &mut nearest),
                Points::Dense { values, n_dims, .. } => {
                    let mut nearby = Vec::new();
                    dense::nearest(Scores { values, n_dims }, &everyone, &tiles, &mut nearby);
                    nearest.label = nearby.iter().map(|found| found.label).collect();
                    nearest.squared = nearby.iter().map(|found| found.squared).collect();
                    nearest.others = nearby.iter().map(|found| found.others).collect();
                    for (found, x) in nearby.iter().zip(values.chunks(n_dims)) {
                        let squared: Vec<f64> = centroids.chunks(n_dims).map(|c| plain(x, c)).collect();
                        let mut order: Vec<usize> = (0..k).collect();
                        order.sort_by(|&a, &b| squared[a].total_cmp(&squared[b]));
                        prop_assert_eq!(found.second, order.get(1).map_or(u32::MAX, |&j| j as u32));
                    }
                }
            }
            for (i, x) in values.chunks(n_dims).enumerate() {
                let expected: Vec<f64> = centroids.chunks(n_dims).map(|c| plain(x, c)).collect();
                for j in 0..k {
                    prop_assert_eq!(squared[j * n + i].to_bits(), expected[j].to_bits());
                }
                let least = (0..k).min_by(|&a, &b| expected[a].total_cmp(&expected[b])).unwrap();
                prop_assert_eq!((nearest.label[i] as usize, nearest.squared[i]), (least, expected[least]));
                let others = (0..k).filter(|&j| j != least).map(|j| expected[j]).fold(f64::INFINITY, f64::min);
                prop_assert_eq!(nearest.others[i], others);
            }
        }
    }

    #[test]
    fn means_have_the_bits_of_plain_loops(k in 1usize..80, n_dims in 1usize..150, seed in 0u64..99) {
        let centroids = matrix(k, n_dims, seed);
        let values = Points::Dense { values: &centroids, n_rows: k, n_dims };
        let points: Vec<Point> = (0..k).map(|j| values.point(j)).collect();
        let empty = Csr::empty(n_dims);
        let mut tiles = Tiles::of(&Points::Sparse(&empty), &points.iter().collect::<Vec<_>>());
        let sums: Vec<i64> = (0..(k * n_dims) as u64).map(|i| (i * 7919 % 1000) as i64 - 500).collect();
        let counts: Vec<i64> = (0..k as i64).map(|j| j % 4).collect();
        let changed: Vec<bool> = (0..k).map(|j| j % 3 != 1).collect();
        let shifts = tiles.move_to(&sums, &counts.iter().map(|&count| count as f64).collect::<Vec<_>>(), 0.25, &changed);
        for j in 0..k {
            let old = &centroids[j * n_dims..][..n_dims];
            let mean = |&sum: &i64| sum as f64 * 0.25 / counts[j] as f64;
            let moves = changed[j] && counts[j] > 0;
            let new: Vec<f64> = if moves { sums[j * n_dims..][..n_dims].iter().map(mean).collect() } else { old.to_vec() };
            prop_assert_eq!(&tiles.centroid(j), &new);
            prop_assert_eq!(shifts[j].squared.to_bits(), plain_dense(&new, old).to_bits());
            prop_assert_eq!(shifts[j].moved, new != old);
            prop_assert_eq!(tiles.bias[j].to_bits(), new.iter().fold(0.0, |sum, x| sum + x * x).to_bits());
        }
    }
}

#[test]
fn a_potential_is_the_sum_of_the_nearer() {
    let current: Vec<f64> = (0..77).map(|i| (i * 37 % 50) as f64).collect();
    let column: Vec<f64> = (0..77).map(|i| (i * 11 % 50) as f64).collect();
    let sum: f64 = current.iter().zip(&column).map(|(a, b)| a.min(*b)).sum();
    assert_eq!(potential(&current, &column, 4.0), 4 * sum as i64);
    let mut nearest = Nearest { squared: current.clone(), ..Nearest::none(77) };
    add_centre(&mut nearest, &column, 5);
    assert_eq!(nearest.squared.iter().sum::<f64>(), sum);
    assert!((0..77).all(|i| nearest.others[i] == current[i].max(column[i])));
    assert!((0..77).all(|i| (nearest.label[i] == 5) == (column[i] < current[i])));
}
