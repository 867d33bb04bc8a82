//! Sums of real numbers over the users of all workers.

use crate::collective::Collective;
use crate::kernel::fixed::Scale;

/// The sum over all workers of one number per local user. All workers call it together.
pub fn sum<C: Collective>(c: &mut C, of_users: impl Iterator<Item = f64> + Clone) -> f64 {
    let mut bounds = [of_users.clone().map(f64::abs).fold(0.0, f64::max), of_users.clone().count() as f64];
    let mut count = [bounds[1] as u64];
    c.max(&mut bounds);
    c.sum(&mut count);
    let scale = Scale::new(bounds[0], count[0]);
    let mut total = [of_users.map(|x| scale.fix(x)).sum::<i64>()];
    c.sum(&mut total);
    scale.real(total[0])
}
