//! Collectives on one worker and on several.

use super::*;
use crate::error::{Error, Result};

#[test]
fn solo_leaves_everything_as_it_is() {
    let mut values = [3i64, -4];
    Solo.sum(&mut values);
    Solo.max(&mut values);
    assert_eq!(values, [3, -4]);
    assert_eq!(Solo.all_gather(&[1u32, 2]), vec![vec![1, 2]]);
    assert_eq!(Solo.concat(&[1u32, 2]), [1, 2]);
    assert_eq!(Solo.sum_parts(&[3i64, -4], &[0, 2]), [3, -4]);
    assert_eq!(Solo.broadcast_value(Some(&"x".to_string())), "x");
    let refused: Result<()> = Err(Error::data("a", "b", "c"));
    assert_eq!(Solo.agree(refused.clone()), refused);
}

/// Invariant: lockstep.
#[test]
fn parts_are_cut_as_asked_and_put_together_in_order() {
    for peers in [1, 2, 3, 5] {
        for length in [0, 1, 2, 7, 5000] {
            // Uneven cuts, some of them empty.
            let cuts: Vec<usize> = (0..=peers).map(|w| length * w * w / (peers * peers)).collect();
            let results = testing::run_workers(peers, |c| {
                let own = c.index() as i64;
                let values: Vec<i64> = (0..length as i64).map(|i| i * (own + 1)).collect();
                let part = c.sum_parts(&values, &cuts);
                (c.concat(&part), part, c.concat(&vec![own as u8; c.index()]))
            });
            let factor = (1..=peers as i64).sum::<i64>();
            let sums: Vec<i64> = (0..length as i64).map(|i| i * factor).collect();
            for (own, (whole, part, uneven)) in results.into_iter().enumerate() {
                assert_eq!(part, sums[cuts[own]..cuts[own + 1]]);
                assert_eq!(whole, sums);
                assert_eq!(uneven, (0..peers).flat_map(|w| vec![w as u8; w]).collect::<Vec<_>>());
            }
        }
    }
}
