//! The knee of a falling, convex curve: "Kneedle" (Satopää, Albrecht, Irwin & Raghavan 2011).

/// How many mean steps of x the difference curve must fall below its peak before the peak counts as a knee.
const SENSITIVITY: f64 = 1.0;

/// The number of clusters past which more of them gain little; absent where the curve is too short, flat or straight.
///
/// Both axes are scaled to 0..=1 and the curve is turned over, so that a knee is a local maximum of y − x. A maximum
/// counts once the difference has fallen below it by `SENSITIVITY` mean steps of x before the next maximum; the first
/// such one is the knee. `clusters` must rise.
pub fn knee(clusters: &[usize], inertia: &[f64]) -> Option<usize> {
    let difference = difference_curve(clusters, inertia)?;
    let step = SENSITIVITY / (clusters.len() - 1) as f64;
    let mut peak = None;
    for i in 1..difference.len() {
        let rose = difference[i] > difference[i - 1];
        let falls = difference.get(i + 1).is_some_and(|next| *next <= difference[i]);
        if rose && falls {
            peak = Some(i);
        } else if let Some(at) = peak
            && difference[i] < difference[at] - step
        {
            return Some(clusters[at]);
        }
    }
    None
}

/// y − x of the scaled, turned-over curve.
fn difference_curve(clusters: &[usize], inertia: &[f64]) -> Option<Vec<f64>> {
    let (first, last) = (*clusters.first()? as f64, *clusters.last()? as f64);
    let most = inertia.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = inertia.iter().copied().fold(f64::INFINITY, f64::min);
    if clusters.len() < 3 || last <= first || most <= least {
        return None;
    }
    let scaled = clusters.iter().zip(inertia);
    Some(scaled.map(|(&k, y)| (most - y) / (most - least) - (k as f64 - first) / (last - first)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_line_has_its_knee_at_the_break() {
        let clusters: Vec<usize> = (1..=20).collect();
        let inertia: Vec<f64> =
            clusters.iter().map(|&k| if k <= 6 { 100.0 - 15.0 * k as f64 } else { 10.0 - 0.1 * k as f64 }).collect();
        assert_eq!(knee(&clusters, &inertia), Some(6));
    }

    #[test]
    fn a_hyperbola_has_the_knee_of_its_closed_form() {
        // y = 1/x on [1, n]: the scaled curve is farthest from the diagonal at x = √n.
        let clusters: Vec<usize> = (1..=100).collect();
        let inertia: Vec<f64> = clusters.iter().map(|&k| 1.0 / k as f64).collect();
        assert_eq!(knee(&clusters, &inertia), Some(10));
    }

    #[test]
    fn flat_straight_and_short_curves_have_none() {
        assert_eq!(knee(&[1, 2, 3, 4], &[5.0; 4]), None);
        assert_eq!(knee(&[1, 2, 3, 4], &[8.0, 6.0, 4.0, 2.0]), None);
        assert_eq!(knee(&[1, 2], &[5.0, 1.0]), None);
        assert_eq!(knee(&[], &[]), None);
    }

    #[test]
    fn scales_do_not_matter() {
        let clusters = [5, 10, 25, 50, 100, 125, 150, 200];
        let inertia = [183.3, 143.1, 104.5, 78.3, 54.6, 47.1, 40.8, 30.5];
        let scaled = inertia.map(|y| 7.0 + 1e6 * y);
        assert_eq!(knee(&clusters, &inertia), knee(&clusters, &scaled));
        assert_eq!(knee(&clusters, &inertia), Some(50));
    }
}
