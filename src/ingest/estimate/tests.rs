use super::unseen::{Law, Met, unseen};
use super::*;
use crate::ingest::sample::{Sample, SampledRow};
use crate::job::{Feedback, GenerateSpec};

const USERS: u64 = 20_000;

fn generated(feedback: Feedback) -> Vec<(u64, u64, f64)> {
    let spec = GenerateSpec { users: USERS, items: 3000, ratings_per_user: 60.0, feedback, ..GenerateSpec::default() };
    let generator = crate::ingest::generate::Generator::new(&spec).unwrap();
    let (mut all, mut rows) = (Vec::new(), Vec::new());
    for user in 1..=USERS {
        generator.user(user, &mut rows);
        all.extend(rows.iter().map(|&(item, value)| (user, item, value)));
    }
    all
}

/// A sample of one row in `one_in`, in pieces of `length` rows, of rows that are ten bytes each.
fn sampled(all: &[(u64, u64, f64)], length: usize, one_in: usize) -> Sample {
    let mut sample = Sample { bytes: all.len() as u64 * 10, n_values: 10, ..Sample::default() };
    sample.n_ranges = all.chunks(length).skip(one_in / 2).step_by(one_in).len() as u32;
    for (range, piece) in all.chunks(length).skip(one_in / 2).step_by(one_in).enumerate() {
        let row = |&(user, item, value): &(u64, u64, f64)| SampledRow { user, item, value, range: range as u32 };
        sample.rows.extend(piece.iter().map(row));
    }
    sample.narrow = sample.rows.len() as u64;
    sample.bytes_read = sample.rows.len() as u64 * 10;
    sample
}

fn truth(all: &[(u64, u64, f64)]) -> Estimate {
    let mut sample = sampled(all, all.len(), 1);
    (sample.whole, sample.whole_users) = (true, true);
    estimate(&sample, false)
}

#[track_caller]
fn close(found: f64, expected: f64, within: f64, what: &str) {
    assert!((found - expected).abs() <= within * expected, "{what}: {found} for {expected}");
}

#[track_caller]
fn check(found: &Estimate, truth: &Estimate, within: f64) {
    close(found.users as f64, truth.users as f64, within, "users");
    close(found.items as f64, truth.items as f64, within, "items");
    close(found.rows as f64, truth.rows as f64, 0.02, "rows");
    close(found.ratings as f64, truth.ratings as f64, within, "ratings");
    close(found.spread, truth.spread, 0.1, "spread");
    close(found.top_users, truth.top_users, 0.25, "top users");
    close(found.top_items, truth.top_items, 0.25, "top items");
}

#[test]
fn all_of_the_data_is_counted() {
    let all = generated(Feedback::Explicit);
    let truth = truth(&all);
    assert!(truth.exact && truth.duplicates == 0.0);
    assert_eq!((truth.users, truth.rows, truth.ratings), (USERS, all.len() as u64, all.len() as u64));
    assert!(truth.spread > 1.3 && truth.top_users > 0.03 && truth.top_users < 0.1, "{truth:?}");
}

#[test]
fn rows_by_user_are_told_from_rows_by_time() {
    let mut all = generated(Feedback::Explicit);
    let truth = truth(&all);
    let by_user = estimate(&sampled(&all, 8000, 10), false);
    assert_eq!(by_user.order, Order::ByUser);
    check(&by_user, &truth, 0.05);
    // At random, which is what a log by time looks like from afar.
    all.sort_by_key(|&(user, item, _)| crate::kernel::keyed::mix(user << 32 | item));
    for (one_in, within) in [(10, 0.05), (30, 0.1), (100, 0.25)] {
        let mixed = estimate(&sampled(&all, 100, one_in), false);
        assert_eq!(mixed.order, Order::Mixed, "{one_in}");
        check(&mixed, &truth, within);
    }
}

#[test]
fn repeats_are_found_in_any_order() {
    let mut all = generated(Feedback::Implicit);
    let truth = truth(&all);
    assert!(truth.duplicates > 0.2, "{truth:?}");
    let by_user = estimate(&sampled(&all, 8000, 10), false);
    close(by_user.duplicates, truth.duplicates, 0.05, "duplicates by user");
    let place: Vec<usize> = (0..all.len()).collect();
    let mut mixed: Vec<_> = place.iter().zip(&all).collect();
    mixed.sort_by_key(|(place, _)| crate::kernel::keyed::mix(**place as u64));
    all = mixed.into_iter().map(|(_, row)| *row).collect();
    let mixed = estimate(&sampled(&all, 1000, 8), false);
    close(mixed.duplicates, truth.duplicates, 0.25, "duplicates mixed");
}

#[test]
fn a_law_gives_back_what_made_it() {
    let law = Law { mu: -0.7, sigma: 0.8 };
    let chances = law.chances();
    let mut frequencies: Vec<u64> = chances.iter().map(|chance| (chance * 1e6) as u64).collect();
    frequencies[0] = 0;
    let met = Met { ids: frequencies.iter().sum(), frequencies };
    close(unseen(&met), 1e6, 0.01, "ids");
}
