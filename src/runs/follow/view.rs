//! What the live page shows.

use std::collections::VecDeque;
use std::time::Instant;

use crate::results::followed::Changes;
use crate::stages::profile::Scored;
use crate::watch::progress::{self, Live, LiveDrift, LiveItem, LiveMove, LiveSegment, LiveTrend, MOST_MOVES, RECENTLY};

use super::names::Names;
use super::standing::{Judged, Reflected, Standing};

/// Since the session began.
#[derive(Debug)]
pub struct View {
    sizes_at_start: Vec<i64>,
    joined: Vec<u64>,
    left: Vec<u64>,
    moves: VecDeque<LiveMove>,
    /// When changes were reflected, and how many.
    rates: VecDeque<(Instant, u64)>,
    started: Instant,
}

/// How things stand beside the [`Standing`].
pub struct Beside<'a> {
    pub batch: u64,
    pub changes: Changes,
    pub unknown_items: u64,
    pub refits: u64,
    pub log_bytes: u64,
    pub batch_seconds: f64,
    pub judged: &'a Judged,
    pub threshold: f64,
    pub inertia_per_user_fit: f64,
}

impl View {
    pub fn new(now: &Standing) -> View {
        let k = now.sizes.len();
        View {
            sizes_at_start: now.sizes.clone(),
            joined: vec![0; k],
            left: vec![0; k],
            moves: VecDeque::new(),
            rates: VecDeque::new(),
            started: Instant::now(),
        }
    }

    /// Notes what a batch of `changes` changes moved.
    pub fn note(&mut self, batch: u64, changes: u64, reflected: &Reflected) {
        for (user, from, to) in &reflected.moves {
            from.iter().for_each(|&from| self.left[from as usize] += 1);
            to.iter().for_each(|&to| self.joined[to as usize] += 1);
            self.moves.push_front(LiveMove { batch, user: user.to_string(), from: *from, to: *to });
            self.moves.truncate(MOST_MOVES);
        }
        let now = Instant::now();
        self.rates.push_back((now, changes));
        while self.rates.front().is_some_and(|(then, _)| now - *then > RECENTLY) {
            self.rates.pop_front();
        }
    }

    /// Shows how things stand, and how they have changed since `before`.
    pub fn publish(&self, beside: &Beside<'_>, before: &Standing, now: &Standing, names: &Names) {
        let segment = |segment: usize| LiveSegment {
            segment: segment as u32,
            name: names.segments[segment].clone(),
            size: now.sizes[segment] as u64,
            size_at_start: self.sizes_at_start[segment] as u64,
            joined: self.joined[segment],
            left: self.left[segment],
            top: items(&now.tops[segment], &before.tops[segment], names),
        };
        let drift = beside.judged.drift;
        let Changes { changes, rejected, filtered, unknown, .. } = beside.changes;
        let live = Live {
            batch: beside.batch,
            changes,
            rejected,
            filtered,
            changes_per_second: self.rate(),
            batch_seconds: beside.batch_seconds,
            unknown_items: beside.unknown_items,
            unknown_ratings: unknown,
            users: now.users(),
            ratings: now.ratings(),
            segments: (0..now.sizes.len()).map(segment).collect(),
            moves: self.moves.clone(),
            drift: LiveDrift {
                inertia_per_user: drift.inertia_ratio * beside.inertia_per_user_fit,
                inertia_per_user_fit: beside.inertia_per_user_fit,
                moved_share: drift.moved_share,
                idf_drift: drift.idf_drift,
                threshold: beside.threshold,
                refit_due: beside.judged.why.is_some(),
                why: beside.judged.why.clone().unwrap_or_default(),
            },
            refits: beside.refits,
            log_bytes: beside.log_bytes,
        };
        progress::publish(live);
    }

    fn rate(&self) -> f64 {
        let changes: u64 = self.rates.iter().map(|(_, changes)| changes).sum();
        let seconds = self.started.elapsed().min(RECENTLY).as_secs_f64();
        changes as f64 / seconds.max(0.1)
    }
}

fn items(now: &[Scored], before: &[Scored], names: &Names) -> Vec<LiveItem> {
    let item = |(rank, scored): (usize, &Scored)| LiveItem {
        item: names.items[scored.item as usize].to_string(),
        title: names.titles[scored.item as usize].clone(),
        score: scored.score,
        trend: match before.iter().position(|earlier| earlier.item == scored.item) {
            None => LiveTrend::New,
            Some(earlier) if earlier > rank => LiveTrend::Risen,
            Some(earlier) if earlier < rank => LiveTrend::Fallen,
            Some(_) => LiveTrend::Same,
        },
    };
    now.iter().enumerate().map(item).collect()
}
