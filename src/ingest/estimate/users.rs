//! How many users there are, and how unlike each other they are.

use super::order::Order;
use super::unseen::{met, unseen};
use crate::ingest::sample::{Sample, SampledRow};

/// What a sample shows of the users; the fields are those of [`super::Estimate`].
pub struct Users {
    pub n: f64,
    pub spread: f64,
    pub top: f64,
    pub duplicates: f64,
}

/// The users of the whole input of `rows` rows, and how their rows lie.
pub fn users(sample: &Sample, rows: f64) -> (Order, Users) {
    let runs = Runs::of(&sample.rows);
    let by_user = sample.whole_users || runs.stand_together();
    let users = match (sample.whole || sample.whole_users, by_user) {
        (true, _) => users_by_counting(sample, rows),
        (_, true) => users_by_runs(sample, &runs, rows),
        _ => users_by_recurrence(sample, rows, (sample.rows.len() as f64 / rows).min(1.0)),
    };
    (if by_user { Order::ByUser } else { Order::Mixed }, users)
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
            let of_users = piece.chunk_by(|a, b| a.user == b.user);
            runs.extend(of_users.map(|rows| Run { rows, whole: true, piece: piece.len() }));
            let last = runs.len() - 1;
            (runs[first].whole, runs[last].whole) = (false, false);
        }
        Runs { runs, pieces }
    }

    /// Nearly every user has one run. A user whose rows are cut by the borders of pieces has more, at most two a piece.
    fn stand_together(&self) -> bool {
        let n_users = n_distinct(self.runs.iter().map(|run| run.rows[0].user));
        let again = (self.runs.len() - n_users).saturating_sub(2 * self.pieces) as f64;
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
        let different = n_distinct(run.rows.iter().map(|row| row.item)) as f64;
        weighted.push((different, weight));
        all += weight * run.rows.len() as f64;
        distinct += weight * different;
    }
    if weighted.is_empty() {
        return Users { n, ..users_by_counting(sample, rows) };
    }
    Users { n, duplicates: 1.0 - distinct / all, spread: spread(&weighted), top: top_of(weighted) }
}

/// For users that are in the sample with all of their rows.
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
    // Pairs of rows of one user in two pieces: the chance of meeting both is the square of that of meeting one.
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
        // Rows in one piece are met with the chance of a piece, rows in two pieces with its square.
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

/// How many different values there are.
fn n_distinct(values: impl Iterator<Item = u64>) -> usize {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.dedup();
    values.len()
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
