//! How strongly users' scores follow their activity.

use crate::collective::Collective;
use crate::kernel::csr::Csr;
use crate::shard::sums::sum;

/// The Pearson correlation between `scores`, one per local user, and the users' numbers of ratings; 0 if either is constant.
/// All workers call it together.
pub fn activity_correlation<C: Collective>(c: &mut C, scores: impl Iterator<Item = f64> + Clone, ratings: &Csr) -> f64 {
    let activity: Vec<f64> = ratings.lengths().into_iter().map(f64::from).collect();
    let n = sum(c, activity.iter().map(|_| 1.0));
    let (of_scores, of_activity) = (sum(c, scores.clone()) / n, sum(c, activity.iter().copied()) / n);
    let pairs = || scores.clone().zip(&activity).map(|(x, y)| (x - of_scores, y - of_activity));
    let together = sum(c, pairs().map(|(x, y)| x * y));
    let variances = sum(c, pairs().map(|(x, _)| x * x)) * sum(c, pairs().map(|(_, y)| y * y));
    if variances > 0.0 { together / variances.sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::Solo;
    use crate::collective::testing::run_workers;

    fn ratings(users: &[u32]) -> Csr {
        let mut x = Csr::empty(40);
        users.iter().for_each(|&user| x.push_row((0..user % 37).map(|item| (item, 1.0))));
        x
    }

    fn score(user: u32) -> f64 {
        f64::from(user % 37) * 3.0 - 7.0 + f64::from(user * 7 % 5)
    }

    #[test]
    fn a_correlation_is_that_of_the_textbook_in_every_layout() {
        let users: Vec<u32> = (0..100).collect();
        let found = activity_correlation(&mut Solo, users.iter().map(|&user| score(user)), &ratings(&users));
        let (x, y): (Vec<f64>, Vec<f64>) = users.iter().map(|&user| (score(user), f64::from(user % 37))).unzip();
        let mean = |v: &[f64]| v.iter().sum::<f64>() / 100.0;
        let (mx, my) = (mean(&x), mean(&y));
        let dot =
            |a: &[f64], ma: f64, b: &[f64], mb: f64| a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum::<f64>();
        let expected = dot(&x, mx, &y, my) / (dot(&x, mx, &x, mx) * dot(&y, my, &y, my)).sqrt();
        assert!((found - expected).abs() < 1e-12);
        let parts = run_workers(3, |c| {
            let mine: Vec<u32> = users.iter().copied().filter(|user| *user as usize % 3 == c.index()).collect();
            activity_correlation(c, mine.iter().map(|&user| score(user)), &ratings(&mine))
        });
        assert_eq!(parts, [found; 3]);
        assert_eq!(activity_correlation(&mut Solo, users.iter().map(|_| 2.0), &ratings(&users)), 0.0);
    }
}
