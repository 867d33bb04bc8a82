//! Dense symmetric eigenproblems of up to a few thousand rows.
//!
//! Householder reduction to tridiagonal form, then implicit QL with Wilkinson's shift (Golub & Van Loan, Matrix
//! Computations, §8.3). Written here because the bits must not depend on the processor: libraries choose kernels with
//! fused multiply-add at run time.

use ndarray::{Array2, Axis};

/// QL needs one or two sweeps per eigenvalue. If it takes far more, the matrix holds values that are not numbers.
const MAX_SWEEPS: usize = 60;

/// All eigenvalues of a symmetric matrix, falling, and their eigenvectors as rows: `(n)`, `(n, n)`. Reads the lower
/// triangle of `matrix` `(n, n)`.
pub fn symmetric_eigen(matrix: Array2<f64>) -> (Vec<f64>, Array2<f64>) {
    let n = matrix.nrows();
    let tridiagonal = tridiagonalise(matrix);
    let basis = accumulate(n, &tridiagonal.reflectors);
    diagonalise(tridiagonal, basis)
}

/// [`symmetric_eigen`] with only the last `tail` elements of each vector, `(n, tail)`, at a fraction of the cost.
pub fn symmetric_eigen_tails(matrix: Array2<f64>, tail: usize) -> (Vec<f64>, Array2<f64>) {
    let n = matrix.nrows();
    let tridiagonal = tridiagonalise(matrix);
    let basis = accumulate_tails(n, tail.min(n), &tridiagonal.reflectors);
    diagonalise(tridiagonal, basis)
}

/// The eigenvalues, falling, and the rows of `basis` turned into eigenvectors in their order.
fn diagonalise(tridiagonal: Tridiagonal, mut basis: Array2<f64>) -> (Vec<f64>, Array2<f64>) {
    let Tridiagonal { mut diagonal, mut off, .. } = tridiagonal;
    implicit_ql(&mut diagonal, &mut off, &mut basis);
    let mut order: Vec<usize> = (0..diagonal.len()).collect();
    order.sort_by(|&a, &b| diagonal[b].total_cmp(&diagonal[a]).then(a.cmp(&b)));
    let values = order.iter().map(|&i| diagonal[i]).collect();
    (values, basis.select(Axis(0), &order))
}

/// `matrix` = Qᵀ T Q with T tridiagonal.
struct Tridiagonal {
    diagonal: Vec<f64>,
    /// `off[i]` joins i and i + 1; the last is 0.
    off: Vec<f64>,
    /// Their product is Qᵀ: reflector k leaves the first k + 1 coordinates alone.
    reflectors: Vec<(Vec<f64>, f64)>,
}

fn tridiagonalise(mut a: Array2<f64>) -> Tridiagonal {
    assert_eq!(a.nrows(), a.ncols(), "an eigenproblem needs a square matrix");
    let n = a.nrows();
    let mut off = vec![0.0; n];
    let mut reflectors: Vec<(Vec<f64>, f64)> = Vec::with_capacity(n);
    let mut p = vec![0.0; n];
    for k in 0..n.saturating_sub(2) {
        let m = n - k - 1;
        let column: Vec<f64> = (k + 1..n).map(|i| a[[i, k]]).collect();
        let (v, beta, alpha) = householder(column);
        off[k] = alpha;
        if beta != 0.0 {
            reflect(a.slice_mut(ndarray::s![k + 1.., k + 1..]), &v, beta, &mut p[..m]);
        }
        reflectors.push((v, beta));
    }
    if n >= 2 {
        off[n - 2] = a[[n - 1, n - 2]];
    }
    let diagonal = (0..n).map(|i| a[[i, i]]).collect();
    Tridiagonal { diagonal, off, reflectors }
}

/// Applies a reflector to both sides of the lower triangle of `a`; `p` is room for a vector.
fn reflect(mut a: ndarray::ArrayViewMut2<f64>, v: &[f64], beta: f64, p: &mut [f64]) {
    symmetric_times(&a, v, p);
    p.iter_mut().for_each(|x| *x *= beta);
    let half = 0.5 * beta * dot(p, v);
    p.iter_mut().zip(v).for_each(|(x, v)| *x -= half * v);
    for i in 0..v.len() {
        let (vi, pi) = (v[i], p[i]);
        let mut row = a.row_mut(i);
        let row = &mut row.as_slice_mut().expect("rows are contiguous")[..=i];
        for ((x, vj), pj) in row.iter_mut().zip(v).zip(&*p) {
            *x -= vi * pj + pi * vj;
        }
    }
}

/// A reflector I − β v vᵀ that takes `x` to (α, 0, …, 0).
fn householder(mut x: Vec<f64>) -> (Vec<f64>, f64, f64) {
    let tail: f64 = x[1..].iter().map(|v| v * v).sum();
    if tail == 0.0 {
        let alpha = x[0];
        return (x, 0.0, alpha);
    }
    let norm = (x[0] * x[0] + tail).sqrt();
    let alpha = if x[0] > 0.0 { -norm } else { norm };
    x[0] -= alpha;
    let beta = 2.0 / (x[0] * x[0] + tail);
    (x, beta, alpha)
}

/// `out = A v`, reading the lower triangle of `a`.
fn symmetric_times(a: &ndarray::ArrayViewMut2<f64>, v: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for i in 0..v.len() {
        let row = a.row(i);
        let row = &row.as_slice().expect("rows are contiguous")[..i];
        let (head, tail) = out.split_at_mut(i);
        let vi = v[i];
        for (o, x) in head.iter_mut().zip(row) {
            *o += x * vi;
        }
        tail[0] += dot(row, &v[..i]) + a[[i, i]] * vi;
    }
}

/// The last `tail` columns of [`accumulate`].
fn accumulate_tails(n: usize, tail: usize, reflectors: &[(Vec<f64>, f64)]) -> Array2<f64> {
    let mut tails = Array2::zeros((n, tail));
    for t in 0..tail {
        let mut row = vec![0.0; n];
        row[n - tail + t] = 1.0;
        for (k, (v, beta)) in reflectors.iter().enumerate() {
            let reflected = &mut row[k + 1..];
            let scale = beta * dot(reflected, v);
            reflected.iter_mut().zip(v).for_each(|(x, v)| *x -= scale * v);
        }
        tails.column_mut(t).iter_mut().zip(row).for_each(|(x, value)| *x = value);
    }
    tails
}

/// The product of the reflectors, as rows of the basis.
fn accumulate(n: usize, reflectors: &[(Vec<f64>, f64)]) -> Array2<f64> {
    let mut q: Array2<f64> = Array2::eye(n);
    let mut w = vec![0.0; n];
    for (k, (v, beta)) in reflectors.iter().enumerate().rev() {
        if *beta == 0.0 {
            continue;
        }
        let first = k + 1;
        w[first..].fill(0.0);
        for (i, vi) in v.iter().enumerate() {
            let row = q.row(first + i);
            let row = &row.as_slice().expect("rows are contiguous")[first..];
            w[first..].iter_mut().zip(row).for_each(|(w, x)| *w += vi * x);
        }
        for (i, vi) in v.iter().enumerate() {
            let scale = beta * vi;
            let mut row = q.row_mut(first + i);
            let row = &mut row.as_slice_mut().expect("rows are contiguous")[first..];
            row.iter_mut().zip(&w[first..]).for_each(|(x, w)| *x -= scale * w);
        }
    }
    q.reversed_axes().as_standard_layout().into_owned()
}

/// Diagonalises the tridiagonal matrix in place and turns `vectors` (basis as rows) into its eigenvectors.
fn implicit_ql(d: &mut [f64], e: &mut [f64], vectors: &mut Array2<f64>) {
    let n = d.len();
    // Measured against the whole matrix: against its neighbours an entry of a null space would never be negligible.
    let negligible = f64::EPSILON * d.iter().zip(e.iter()).map(|(d, e)| d.abs() + e.abs()).fold(0.0, f64::max);
    for l in 0..n {
        for sweep in 0.. {
            assert!(sweep < MAX_SWEEPS, "QL did not converge: the matrix holds values that are not numbers");
            let m = (l..n - 1).find(|&m| e[m].abs() <= negligible).unwrap_or(n - 1);
            if m == l {
                break;
            }
            ql_sweep(l, m, d, e, vectors);
        }
    }
}

/// One implicit QL step on rows `l..=m`.
fn ql_sweep(l: usize, m: usize, d: &mut [f64], e: &mut [f64], vectors: &mut Array2<f64>) {
    let half_gap = (d[l + 1] - d[l]) / (2.0 * e[l]);
    let radius = hypot(half_gap, 1.0);
    let mut g = d[m] - d[l] + e[l] / (half_gap + if half_gap >= 0.0 { radius } else { -radius });
    let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
    for i in (l..m).rev() {
        let f = s * e[i];
        let b = c * e[i];
        let r = hypot(f, g);
        e[i + 1] = r;
        if r == 0.0 {
            d[i + 1] -= p;
            e[m] = 0.0;
            return;
        }
        s = f / r;
        c = g / r;
        let g_next = d[i + 1] - p;
        let t = (d[i] - g_next) * s + 2.0 * c * b;
        p = s * t;
        d[i + 1] = g_next + p;
        g = c * t - b;
        rotate(vectors, i, s, c);
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0.0;
}

/// Rotates rows `i` and `i + 1`.
fn rotate(vectors: &mut Array2<f64>, i: usize, s: f64, c: f64) {
    let (mut low, mut high) = vectors.multi_slice_mut((ndarray::s![i, ..], ndarray::s![i + 1, ..]));
    let low = low.as_slice_mut().expect("rows are contiguous");
    let high = high.as_slice_mut().expect("rows are contiguous");
    for (x, y) in low.iter_mut().zip(high) {
        let old = *y;
        *y = s * *x + c * old;
        *x = c * *x - s * old;
    }
}

fn hypot(a: f64, b: f64) -> f64 {
    libm::hypot(a, b)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn symmetric(n: usize, entries: &[f64]) -> Array2<f64> {
        Array2::from_shape_fn((n, n), |(i, j)| entries[i.max(j) * (i.max(j) + 1) / 2 + i.min(j)])
    }

    /// The law: rows are orthonormal and A v = λ v.
    fn check(matrix: &Array2<f64>) {
        let n = matrix.nrows();
        let (values, vectors) = symmetric_eigen(matrix.clone());
        let scale = matrix.iter().fold(1e-300f64, |m, x| m.max(x.abs())) * n as f64;
        assert!(values.windows(2).all(|w| w[0] >= w[1]));
        for i in 0..n {
            for j in 0..n {
                let inner: f64 = (0..n).map(|k| vectors[[i, k]] * vectors[[j, k]]).sum();
                assert!((inner - f64::from(u8::from(i == j))).abs() < 1e-12 * n as f64);
                let image: f64 = (0..n).map(|k| matrix[[j, k]] * vectors[[i, k]]).sum();
                assert!((image - values[i] * vectors[[i, j]]).abs() < 1e-13 * scale * n as f64);
            }
        }
        let tail = n.min(3);
        let (same_values, tails) = symmetric_eigen_tails(matrix.clone(), tail);
        assert_eq!(values, same_values);
        assert!(tails.indexed_iter().all(|((i, t), x)| (x - vectors[[i, n - tail + t]]).abs() < 1e-12 * n as f64));
    }

    proptest! {
        #[test]
        fn eigenvectors_are_orthonormal_and_satisfy_the_equation(
            (n, entries) in (1usize..24).prop_flat_map(|n| (Just(n), prop::collection::vec(-1e3f64..1e3, n * (n + 1) / 2)))
        ) {
            check(&symmetric(n, &entries));
        }
    }

    #[test]
    fn degenerate_matrices() {
        check(&Array2::zeros((5, 5)));
        check(&Array2::eye(7));
        check(&Array2::ones((40, 40)));
        check(&Array2::from_elem((1, 1), -3.0));
    }

    #[test]
    fn a_known_spectrum() {
        // The second-difference matrix has eigenvalues 2 − 2 cos(jπ/(n+1)).
        let n = 50;
        let matrix = Array2::from_shape_fn((n, n), |(i, j)| match i.abs_diff(j) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        });
        let (values, _) = symmetric_eigen(matrix);
        for (i, value) in values.iter().enumerate() {
            let j = (n - i) as f64;
            let expected = 2.0 - 2.0 * (j * std::f64::consts::PI / (n as f64 + 1.0)).cos();
            assert!((value - expected).abs() < 1e-13, "{value} {expected}");
        }
    }
}
