//! What a sample says about the whole input.
//!
//! Rows come from the bytes read: the mean length of a row is known closely. How many different users and items there are
//! depends on how the rows lie, and two cases are told apart:
//!
//! - **By user**: the rows of a user stand together. The user changes between neighbouring rows as often, per row, in the
//!   sample as in the whole, which gives their number; users that begin and end in a piece are weighted by 1 over the
//!   chance of that (Horvitz & Thompson 1952) and give activity and duplicates.
//! - **Mixed**: by time, or at random. In how many pieces an id is met follows a Poisson law around a rate of its own; rates
//!   are taken as log-normal, as in the abundance of species (Bulmer 1974, "On fitting the Poisson lognormal
//!   distribution to species-abundance data"), fitted by maximum likelihood to the ids that were met. The ids never met
//!   are the zero class. It is never less than Chao's lower bound S + f₁(f₁ − 1)/2(f₂ + 1) (Chao 1984). How unlike users are
//!   comes from pairs of rows of one user in two pieces, and the share of the busiest from a log-normal law as wide.
//!
//! Items are always counted the second way. A pair of user and item that comes twice within a piece was met with the chance of
//! the piece, in two pieces with its square, and so on; each is weighted by 1 over that.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::sample::{MOST_CODES, Sample, SampledRow};

/// How the rows lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    ByUser,
    Mixed,
}

/// The sizes of an input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Every row was read.
    pub exact: bool,
    pub order: Order,
    /// Well-formed rows.
    pub rows: u64,
    pub users: u64,
    pub items: u64,
    /// Pairs of user and item with a rating that is not 0.
    pub ratings: u64,
    /// Share of rows that repeat the user and item of another, and of rows that are bad.
    pub duplicates: f64,
    pub bad: f64,
    /// Mean square of a user's ratings over the square of their mean: 1 where all users are alike.
    pub spread: f64,
    /// Share of the ratings that the busiest 1 % of the users have, and the most popular 1 % of the items.
    pub top_users: f64,
    pub top_items: f64,
    /// Bytes of the input, of a row on its way to its worker, and of a stored value.
    pub input_bytes: u64,
    pub record_bytes: f64,
    pub value_bytes: f64,
    /// Workers that can read side by side; none where there may be any number.
    pub readers: Option<u64>,
    /// Mean bytes of text in an id of a user and of an item; 0 where ids are numbers.
    pub user_text: f64,
    pub item_text: f64,
}

/// Ids in the sample and how often: what is needed of users or items.
#[derive(Debug, Clone, PartialEq, Default)]
struct Met {
    ids: u64,
    /// `frequencies[j]`: ids met j times, from 1.
    frequencies: Vec<u64>,
}

/// The users of a sample.
struct Users {
    n: f64,
    spread: f64,
    top: f64,
    duplicates: f64,
}

/// The sizes that a sample with at least one row shows. `ordered`: rows keep their place in the input.
pub fn estimate(sample: &Sample, ordered: bool) -> Estimate {
    let seen = sample.rows.len() as f64;
    let rows = rows_in_all(sample);
    let share = (seen / rows).min(1.0);
    let runs = Runs::of(&sample.rows);
    let by_user = sample.whole_users || runs.stand_together();
    let order = if by_user { Order::ByUser } else { Order::Mixed };
    let users = match (sample.whole || sample.whole_users, by_user) {
        (true, _) => users_by_counting(sample, rows),
        (_, true) => users_by_runs(sample, &runs, rows),
        _ => users_by_recurrence(sample, rows, share),
    };
    let counts = item_counts(&sample.rows);
    let mut items = if sample.whole { counts.len() as f64 } else { unseen(&met(counts.iter().copied())) };
    let mut n_users = users.n;
    if let Some(spec) = &sample.generated {
        n_users = spec.users as f64;
        items = items.min(spec.items as f64);
    }
    let zeros = sample.zeros as f64 / seen;
    let ratings = rows * (1.0 - users.duplicates) * (1.0 - zeros);
    let narrow = sample.narrow as f64 / seen;
    Estimate {
        exact: sample.whole,
        order,
        rows: rows.round() as u64,
        users: n_users.round().max(1.0) as u64,
        items: items.round().max(1.0) as u64,
        ratings: ratings.round().max(1.0) as u64,
        duplicates: users.duplicates,
        bad: sample.bad as f64 / (seen + sample.bad as f64),
        spread: users.spread,
        top_users: users.top,
        top_items: top_share(counts, items),
        input_bytes: sample.bytes,
        record_bytes: if ordered { 32.0 } else { 12.0 * narrow + 24.0 * (1.0 - narrow) },
        value_bytes: if sample.n_values > MOST_CODES { 8.0 } else { 1.0 },
        readers: sample.readers,
        user_text: sample.user_text as f64 / seen,
        item_text: sample.item_text as f64 / seen,
    }
}

fn rows_in_all(sample: &Sample) -> f64 {
    let seen = sample.rows.len() as f64;
    match &sample.generated {
        _ if sample.whole => seen,
        Some(spec) => {
            let users = sample.rows.chunk_by(|a, b| a.user == b.user).count();
            spec.users as f64 * seen / users as f64
        }
        None => match sample.known_rows {
            Some(rows) => rows as f64,
            None => seen * sample.bytes as f64 / sample.bytes_read.max(1) as f64,
        },
    }
}

/// Rows of one user that stand together in a piece.
struct Run<'a> {
    rows: &'a [SampledRow],
    /// Begins and ends within the piece.
    whole: bool,
    /// Rows of the piece.
    piece: usize,
}

struct Runs<'a> {
    runs: Vec<Run<'a>>,
    pieces: usize,
}

impl<'a> Runs<'a> {
    fn of(rows: &'a [SampledRow]) -> Runs<'a> {
        let (mut runs, mut pieces) = (Vec::new(), 0);
        for piece in rows.chunk_by(|a, b| a.range == b.range) {
            pieces += 1;
            let first = runs.len();
            runs.extend(piece.chunk_by(|a, b| a.user == b.user).map(|rows| Run {
                rows,
                whole: true,
                piece: piece.len(),
            }));
            let last = runs.len() - 1;
            runs[first].whole = false;
            runs[last].whole = false;
        }
        Runs { runs, pieces }
    }

    /// Nearly every user has one run. A user whose rows are cut by the borders of pieces has more, at most two a piece.
    fn stand_together(&self) -> bool {
        let mut users: Vec<u64> = self.runs.iter().map(|run| run.rows[0].user).collect();
        users.sort_unstable();
        users.dedup();
        let again = (self.runs.len() - users.len()).saturating_sub(2 * self.pieces) as f64;
        again <= 0.02 * self.runs.len() as f64 && self.runs.len() > 2 * self.pieces
    }

    /// Changes of the user between neighbours, per pair of neighbours.
    fn changes(&self) -> f64 {
        let rows: usize = self.runs.iter().map(|run| run.rows.len()).sum();
        (self.runs.len() - self.pieces) as f64 / (rows - self.pieces).max(1) as f64
    }
}

fn users_by_runs(sample: &Sample, runs: &Runs, rows: f64) -> Users {
    let n = 1.0 + rows * runs.changes();
    let mut weighted = Vec::new();
    let (mut all, mut distinct) = (0.0, 0.0);
    for run in runs.runs.iter().filter(|run| run.whole) {
        // It lies within a piece of L rows at L − n of the L places at which it may begin there.
        let weight = run.piece as f64 / (run.piece - run.rows.len()).max(1) as f64;
        let different = different_items(run.rows) as f64;
        weighted.push((different, weight));
        all += weight * run.rows.len() as f64;
        distinct += weight * different;
    }
    if weighted.is_empty() {
        return Users { n, ..users_by_counting(sample, rows) };
    }
    Users { n, duplicates: 1.0 - distinct / all, spread: spread(&weighted), top: top_of(weighted) }
}

/// Of users that are here with all of their rows.
fn users_by_counting(sample: &Sample, rows: f64) -> Users {
    let mut by_user: Vec<(u64, u64)> = sample.rows.iter().map(|row| (row.user, row.item)).collect();
    by_user.sort_unstable();
    let n_rows = by_user.len() as f64;
    by_user.dedup();
    let duplicates = 1.0 - by_user.len() as f64 / n_rows;
    let counts: Vec<(f64, f64)> = by_user.chunk_by(|a, b| a.0 == b.0).map(|user| (user.len() as f64, 1.0)).collect();
    let n = counts.len() as f64 * rows / n_rows;
    Users { n, duplicates, spread: spread(&counts), top: top_of(counts) }
}

fn users_by_recurrence(sample: &Sample, rows: f64, share: f64) -> Users {
    let mut by_user: Vec<(u64, u32)> = sample.rows.iter().map(|row| (row.user, row.range)).collect();
    by_user.sort_unstable();
    // Pairs of rows of one user in two pieces: both were met with the square of the chance of one.
    let mut pairs = 0.0;
    let mut pieces = Vec::new();
    for user in by_user.chunk_by(|a, b| a.0 == b.0) {
        let within: usize = user.chunk_by(|a, b| a.1 == b.1).map(|piece| piece.len() * piece.len()).sum();
        pairs += (user.len() * user.len() - within) as f64;
        pieces.push(user.chunk_by(|a, b| a.1 == b.1).count() as u64);
    }
    let n = unseen(&met(pieces.into_iter())).min(rows);
    let n_ranges = f64::from(sample.n_ranges.max(2));
    let mean = rows / n;
    let square = pairs / (share * share) * n_ranges / (n_ranges - 1.0) / n + mean;
    let spread = (square / (mean * mean)).max(1.0);
    let sigma = libm::log(spread).sqrt();
    let top = normal_tail(normal_quantile(0.01) - sigma);
    Users { n, duplicates: repeats(&sample.rows, rows, share), spread, top }
}

/// The share of rows that repeat a pair, from twos and threes of equal rows. A pair comes once, or m times with m
/// geometric: of T twos and H threes in the whole, T²/(T + H) rows are repeats.
fn repeats(rows: &[SampledRow], n_rows: f64, share: f64) -> f64 {
    let mut pairs: Vec<(u64, u64, u32)> = rows.iter().map(|row| (row.user, row.item, row.range)).collect();
    pairs.sort_unstable();
    let two = |n: f64| n * (n - 1.0) / 2.0;
    let three = |n: f64| two(n) * (n - 2.0) / 3.0;
    let (mut twos, mut threes) = (0.0, 0.0);
    for same in pairs.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|same| same.len() > 1) {
        let n = same.len() as f64;
        // What lies in one piece was met with the chance of a piece, what lies in two with its square.
        let (mut in_one, mut of_one, mut of_two) = (0.0, 0.0, 0.0);
        for piece in same.chunk_by(|a, b| a.2 == b.2).map(|piece| piece.len() as f64) {
            in_one += two(piece);
            of_one += three(piece);
            of_two += two(piece) * (n - piece);
        }
        twos += in_one / share + (two(n) - in_one) / (share * share);
        threes += of_one / share + of_two / (share * share) + (three(n) - of_one - of_two) / share.powi(3);
    }
    if twos == 0.0 { 0.0 } else { (twos * twos / (twos + threes) / n_rows).min(1.0 - 1.0 / n_rows) }
}

fn different_items(rows: &[SampledRow]) -> usize {
    let mut items: Vec<u64> = rows.iter().map(|row| row.item).collect();
    items.sort_unstable();
    items.dedup();
    items.len()
}

/// Mean square over squared mean, of values with weights.
fn spread(weighted: &[(f64, f64)]) -> f64 {
    let sum = |power: i32| weighted.iter().map(|(x, w)| w * x.powi(power)).sum::<f64>();
    sum(2) * sum(0) / (sum(1) * sum(1)).max(f64::MIN_POSITIVE)
}

/// The share of the sum that the largest 1 % of the values have, by weight.
fn top_of(mut weighted: Vec<(f64, f64)>) -> f64 {
    weighted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (count, total) = weighted.iter().fold((0.0, 0.0), |(n, sum), (x, w)| (n + w, sum + w * x));
    let (mut left, mut top) = (0.01 * count, 0.0);
    for (x, weight) in weighted {
        let taken = weight.min(left);
        top += taken * x;
        left -= taken;
    }
    top / total
}

fn item_counts(rows: &[SampledRow]) -> Vec<u64> {
    let mut counts: HashMap<u64, u64> = HashMap::new();
    rows.iter().for_each(|row| *counts.entry(row.item).or_default() += 1);
    let mut counts: Vec<u64> = counts.into_values().collect();
    counts.sort_unstable_by_key(|&count| std::cmp::Reverse(count));
    counts
}

/// The share of all rows that the most popular 1 % of `items` have; `counts` fall.
fn top_share(counts: Vec<u64>, items: f64) -> f64 {
    let top = ((items * 0.01).round() as usize).max(1);
    let total: u64 = counts.iter().sum();
    counts.iter().take(top).sum::<u64>() as f64 / total.max(1) as f64
}

fn met(counts: impl Iterator<Item = u64>) -> Met {
    let mut met = Met::default();
    for count in counts {
        let count = (count as usize).min(FIRST_TAIL);
        if met.frequencies.len() <= count {
            met.frequencies.resize(count + 1, 0);
        }
        met.frequencies[count] += 1;
        met.ids += 1;
    }
    met
}

/// Ids in all, those never met among them.
fn unseen(met: &Met) -> f64 {
    let frequency = |j: usize| met.frequencies.get(j).copied().unwrap_or(0) as f64;
    let (once, twice) = (frequency(1), frequency(2));
    let least = met.ids as f64 + once * (once - 1.0).max(0.0) / (2.0 * (twice + 1.0));
    match Law::fit(met) {
        // With fewer ids met again nothing tells a wide law from a narrow one.
        Some(law) if twice >= 20.0 => (met.ids as f64 / (1.0 - law.chance(0))).max(least),
        _ => least,
    }
}

/// Counts from here on are one class: what is met so often says nothing of what is not.
const FIRST_TAIL: usize = 24;
/// Nodes of the sum over the normal law, from −WIDTH to WIDTH.
const NODES: i32 = 60;
const WIDTH: f64 = 5.0;

/// Counts whose rate is log-normal.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Law {
    mu: f64,
    sigma: f64,
}

impl Law {
    /// The likeliest for the ids that were met; none where nearly all were met often.
    fn fit(met: &Met) -> Option<Law> {
        if met.frequencies.get(1).copied().unwrap_or(0) == 0 {
            return None;
        }
        let mut best = (f64::NEG_INFINITY, Law { mu: 0.0, sigma: 1.0 });
        for mu in -36..16 {
            for sigma in 1..10 {
                best = better(best, met, Law { mu: f64::from(mu) * 0.5, sigma: f64::from(sigma) * 0.3 });
            }
        }
        let mut step = 0.25;
        while step > 1e-3 {
            let before = best.0;
            for (mu, sigma) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (1.0, -1.0), (-1.0, 1.0)] {
                let law = Law { mu: best.1.mu + step * mu, sigma: (best.1.sigma + step * sigma).clamp(0.02, 3.0) };
                best = better(best, met, law);
            }
            if best.0 <= before {
                step /= 2.0;
            }
        }
        Some(best.1)
    }

    /// The chance of each count from 0 to `FIRST_TAIL − 1`.
    fn chances(self) -> [f64; FIRST_TAIL] {
        let (mut chances, mut total) = ([0.0; FIRST_TAIL], 0.0);
        for node in -NODES..=NODES {
            let z = WIDTH * f64::from(node) / f64::from(NODES);
            let weight = libm::exp(-0.5 * z * z);
            let rate = libm::exp(self.mu + self.sigma * z);
            let mut chance = weight * libm::exp(-rate);
            total += weight;
            for (count, sum) in chances.iter_mut().enumerate() {
                *sum += chance;
                chance *= rate / (count + 1) as f64;
            }
        }
        chances.map(|sum| sum / total)
    }

    fn chance(self, count: usize) -> f64 {
        self.chances()[count]
    }

    /// Log likelihood of the ids met, given that they were.
    fn likelihood(self, met: &Met) -> f64 {
        let chances = self.chances();
        let seen = 1.0 - chances[0];
        let tail = (1.0 - chances.iter().sum::<f64>()).max(1e-300);
        let class = |(count, &ids): (usize, &u64)| {
            let chance = chances.get(count).copied().unwrap_or(tail).max(1e-300);
            ids as f64 * (libm::log(chance) - libm::log(seen.max(1e-300)))
        };
        met.frequencies.iter().enumerate().skip(1).filter(|(_, ids)| **ids > 0).map(class).sum()
    }
}

fn better(best: (f64, Law), met: &Met, law: Law) -> (f64, Law) {
    let likelihood = law.likelihood(met);
    if likelihood > best.0 { (likelihood, law) } else { best }
}

/// The chance that a normal variable is above `x`.
fn normal_tail(x: f64) -> f64 {
    0.5 * libm::erfc(x / std::f64::consts::SQRT_2)
}

/// The x above which a normal variable is with chance `tail`.
fn normal_quantile(tail: f64) -> f64 {
    let (mut low, mut high) = (-10.0, 10.0);
    while high - low > 1e-9 {
        let middle = 0.5 * (low + high);
        if normal_tail(middle) > tail { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Feedback, GenerateSpec};

    const USERS: u64 = 20_000;

    fn generated(feedback: Feedback) -> Vec<(u64, u64, f64)> {
        let spec =
            GenerateSpec { users: USERS, items: 3000, ratings_per_user: 60.0, feedback, ..GenerateSpec::default() };
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
}
