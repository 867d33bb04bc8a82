//! The laws of activity and of the sizes of segments.

/// Standard deviation of the logarithm of a user's activity.
pub const ACTIVITY_SIGMA: f64 = 0.7;

/// The mean of the logarithm of a user's activity, for a mean activity.
pub fn mean_log_activity(mean: f64) -> f64 {
    libm::log(mean) - 0.5 * ACTIVITY_SIGMA * ACTIVITY_SIGMA
}

/// Shares from 3(S − 1) for segment 0 down to S − 1 for the last of S, summed up.
pub fn cumulative_shares(segments: u64) -> Vec<u64> {
    let share = |s: u64| if segments == 1 { 1 } else { 3 * (segments - 1) - 2 * s };
    let add = |sum: &mut u64, s| {
        *sum += share(s);
        Some(*sum)
    };
    (0..segments).scan(0, add).collect()
}
