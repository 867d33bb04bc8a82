//! How alike segments of two runs are in item space.
//!
//! A centroid in item space is mean + centroid · components. All centroids of a run share the mean, which would make any two
//! of them alike; they differ by their deviations from it. So the likeness of two segments is the cosine of their deviations
//! over the items that both runs know: 1 for the same direction of taste, 0 for unrelated ones. A segment at the mean has no
//! direction: it is like another one at the mean, and like nothing else.

use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::ingest::ids::Id;

/// Squared deviations below this share of the squared length of the mean are rounding errors.
const NOTHING: f64 = 1e-16;

/// The segments of a run, in item space.
#[derive(Debug, Clone, Copy)]
pub struct Space<'a> {
    /// The items of the columns, rising.
    pub items: &'a [Id],
    /// `(n_items)`
    pub mean: ArrayView1<'a, f64>,
    /// `(n_components, n_items)`
    pub components: ArrayView2<'a, f64>,
    /// `(n_clusters, n_components)`
    pub centroids: ArrayView2<'a, f64>,
}

/// The columns of items that are in both lists, in the order of ids. Both lists are rising.
pub fn common(then: &[Id], now: &[Id]) -> Vec<(usize, usize)> {
    let (mut a, mut b) = (0, 0);
    let mut columns = Vec::new();
    while a < then.len() && b < now.len() {
        match then[a].cmp(&now[b]) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => b += 1,
            std::cmp::Ordering::Equal => {
                columns.push((a, b));
                (a, b) = (a + 1, b + 1);
            }
        }
    }
    columns
}

/// Cosines `(n_clusters_then, n_clusters_now)`; 0 without a common item.
///
/// A deviation is centroid · components, so products of deviations follow from products of components, which are few.
pub fn likeness(then: &Space<'_>, now: &Space<'_>) -> Array2<f64> {
    let columns = common(then.items, now.items);
    if columns.is_empty() {
        return Array2::zeros((then.centroids.nrows(), now.centroids.nrows()));
    }
    let (of_then, of_now): (Vec<usize>, Vec<usize>) = columns.into_iter().unzip();
    let both = products(then, &of_then, now, &of_now);
    let (squares_then, squares_now) = (squares(then, &of_then), squares(now, &of_now));
    Array2::from_shape_fn((then.centroids.nrows(), now.centroids.nrows()), |(a, b)| {
        match (squares_then[a], squares_now[b]) {
            (0.0, 0.0) => 1.0,
            (0.0, _) | (_, 0.0) => 0.0,
            (x, y) => bilinear(then.centroids.row(a), &both, now.centroids.row(b)) / (x.sqrt() * y.sqrt()),
        }
    })
}

/// Inner products of the components of both over the same items, `(n_components, n_components)`.
fn products(a: &Space<'_>, of_a: &[usize], b: &Space<'_>, of_b: &[usize]) -> Array2<f64> {
    Array2::from_shape_fn((a.components.nrows(), b.components.nrows()), |(i, j)| {
        let (x, y) = (a.components.row(i), b.components.row(j));
        of_a.iter().zip(of_b).fold(0.0, |sum, (&at, &other)| sum + x[at] * y[other])
    })
}

/// The squared length of each segment's deviation; 0 if it is only rounding errors.
fn squares(space: &Space<'_>, columns: &[usize]) -> Vec<f64> {
    let products = products(space, columns, space, columns);
    let mean = columns.iter().fold(0.0, |sum, &at| sum + space.mean[at] * space.mean[at]);
    let square = |row: ArrayView1<f64>| bilinear(row, &products, row);
    let sound = |x: f64| if x > NOTHING * mean { x } else { 0.0 };
    space.centroids.rows().into_iter().map(|row| sound(square(row))).collect()
}

/// x · M · y, added up in order.
fn bilinear(x: ArrayView1<f64>, m: &Array2<f64>, y: ArrayView1<f64>) -> f64 {
    x.iter()
        .zip(m.rows())
        .fold(0.0, |sum, (x, row)| sum + x * row.iter().zip(y).fold(0.0, |inner, (m, y)| inner + m * y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array};

    fn ids(numbers: &[u64]) -> Vec<Id> {
        numbers.iter().map(|&n| Id::Number(n)).collect()
    }

    #[test]
    fn it_is_the_cosine_of_deviations_over_common_items() {
        let (then_items, now_items) = (ids(&[1, 2, 4, 7]), ids(&[2, 3, 4, 7, 9]));
        let then_components = array![[0.1, 0.5, -0.3, 0.2], [0.9, 0.1, 0.4, -0.2]];
        let now_components = array![[0.3, 0.8, -0.1, 0.0, 0.5]];
        let (then_mean, now_mean) = (Array1::from_elem(4, 1.0), Array1::from_elem(5, 2.0));
        let (then_centroids, now_centroids) = (array![[1.0, 2.0], [-1.0, 0.5], [0.0, 0.0]], array![[3.0], [-2.0]]);
        let then = Space {
            items: &then_items,
            mean: then_mean.view(),
            components: then_components.view(),
            centroids: then_centroids.view(),
        };
        let now = Space {
            items: &now_items,
            mean: now_mean.view(),
            components: now_components.view(),
            centroids: now_centroids.view(),
        };
        let found = likeness(&then, &now);
        let columns = [(1, 0), (2, 2), (3, 3)];
        assert_eq!(common(&then_items, &now_items), columns);
        for a in 0..2 {
            for b in 0..2 {
                let x = columns.map(|(at, _)| then_centroids.row(a).dot(&then_components.column(at)));
                let y = columns.map(|(_, at)| now_centroids.row(b).dot(&now_components.column(at)));
                let dot = |x: [f64; 3], y: [f64; 3]| (0..3).map(|i| x[i] * y[i]).sum::<f64>();
                let cosine = dot(x, y) / (dot(x, x) * dot(y, y)).sqrt();
                assert!((found[[a, b]] - cosine).abs() < 1e-12, "{found} {cosine}");
            }
        }
        assert_eq!((found[[2, 0]], found[[2, 1]]), (0.0, 0.0));
        let nothing = Space { centroids: then_centroids.slice(ndarray::s![2..3, ..]), ..then };
        assert_eq!(likeness(&nothing, &nothing), array![[1.0]]);
        let strangers = ids(&[100, 101, 102, 103]);
        assert_eq!(likeness(&Space { items: &strangers, ..then }, &now)[[0, 0]], 0.0);
    }
}
