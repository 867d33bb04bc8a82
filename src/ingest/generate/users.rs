//! The rows of a user.

use super::draws::{Purpose, scaled, unit};
use super::generator::Generator;
use super::laws::ACTIVITY_SIGMA;
use super::ranks::{Seen, ZIPF_SHIFT, rank_in_theme, theme_of_rank};
use crate::job::Feedback;
use crate::kernel::keyed::{Stream, race, uniform};

/// Share of implicit events that repeat an earlier one of the user, of 2³².
const REPEAT_SHARE: u64 = (3 << 32) / 10;

impl Generator {
    /// Replaces `rows` by the rows of user `user` in 1..=users: item id and rating.
    pub fn user(&self, user: u64, rows: &mut Vec<(u64, f64)>) {
        rows.clear();
        match self.spec.feedback {
            Feedback::Explicit => self.explicit(user, rows),
            Feedback::Implicit => self.implicit(user, rows),
        }
    }

    fn implicit(&self, user: u64, rows: &mut Vec<(u64, f64)>) {
        let label = self.label(user) as usize;
        for event in 0..self.activity(user) {
            let repeat = self.draw_now(Purpose::Repeat, event, user);
            let item = if event > 0 && repeat >> 32 < REPEAT_SHARE {
                rows[scaled(repeat << 32, event) as usize].0
            } else {
                self.item_of[self.draw_rank(user, label, event)] as u64 + 1
            };
            rows.push((item, 1.0));
        }
    }

    fn explicit(&self, user: u64, rows: &mut Vec<(u64, f64)>) {
        let label = self.label(user) as usize;
        let available = if self.spec.affinity == 1.0 { self.themes[label].len() } else { self.item_of.len() };
        let n = self.activity(user).min(available as u64) as usize;
        // Both ways draw by one law. Where a user takes much of what there is, most single draws would be repeats.
        let ranks = if 8 * n > available { None } else { self.distinct_ranks(user, label, n) };
        let ranks = ranks.unwrap_or_else(|| self.raced_ranks(user, label, n));
        let leniency = (self.draw(Purpose::Leniency, 0, user) % 128) as i32 - 64;
        rows.extend(ranks.into_iter().map(|rank| {
            let item = self.item_of[rank as usize] as u64 + 1;
            (item, 0.5 * self.half_stars(user, label, rank as usize, leniency) as f64)
        }));
    }

    /// `n` different ranks, drawn one by one; `None` where too many draws are repeats.
    pub(super) fn distinct_ranks(&self, user: u64, label: usize, n: usize) -> Option<Vec<u32>> {
        let mut ranks = Vec::with_capacity(n);
        let mut seen = Seen::new(n);
        for attempt in 0..16 * n as u64 + 64 {
            let rank = self.draw_rank(user, label, attempt) as u32;
            if seen.insert(rank) {
                ranks.push(rank);
                if ranks.len() == n {
                    return Some(ranks);
                }
            }
        }
        None
    }

    /// `n` different ranks by an exponential race of the whole catalogue.
    pub(super) fn raced_ranks(&self, user: u64, label: usize, n: usize) -> Vec<u32> {
        let seed = self.draw_now(Purpose::Race, 0, user);
        let time = |rank: usize| {
            let theme = if theme_of_rank(rank, self.themes.len()) == label {
                self.spec.affinity / self.themes[label].total
            } else {
                0.0
            };
            let weight = (theme + (1.0 - self.spec.affinity) / self.catalogue.total) / (rank as f64 + 1.0 + ZIPF_SHIFT);
            race(uniform(seed, Stream::Generate, 0, rank as u64), weight)
        };
        let mut times: Vec<(f64, u32)> = (0..self.item_of.len()).map(|rank| (time(rank), rank as u32)).collect();
        times.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        times[..n].iter().map(|&(_, rank)| rank).collect()
    }

    /// One rank: from the theme with probability `affinity`, otherwise from all.
    #[inline]
    fn draw_rank(&self, user: u64, label: usize, count: u64) -> usize {
        let from_theme = unit(self.draw_now(Purpose::Source, count, user)) < self.spec.affinity;
        let draw = self.draw_now(Purpose::Item, count, user);
        if from_theme {
            rank_in_theme(label, self.themes[label].pick(draw), self.themes.len())
        } else {
            self.catalogue.pick(draw)
        }
    }

    /// A rating in half stars, 1..=10. The noise is the sum of four uniform draws, close to normal.
    fn half_stars(&self, user: u64, label: usize, rank: usize, leniency: i32) -> i32 {
        // Without affinity there are no segments, in what users choose or in how high they rate it.
        let own = self.spec.affinity > 0.0 && theme_of_rank(rank, self.themes.len()) == label;
        let noise = self.draw_now(Purpose::Noise, rank as u64, user).to_le_bytes();
        let noise: i32 = noise[..4].iter().map(|&b| b as i32).sum::<i32>() - 510;
        let expected = if own { 8 * 64 } else { 5 * 64 + 32 };
        let score = expected + self.quality[rank] as i32 + leniency + noise / 2;
        ((score + 32) >> 6).clamp(1, 10)
    }

    /// How many rows a user has, before the catalogue bounds it. Rounded up or down at random, which keeps the mean.
    pub(super) fn activity(&self, user: u64) -> u64 {
        let (u, v) = (self.draw(Purpose::Activity, 0, user), self.draw(Purpose::Angle, 0, user));
        let radius = (-2.0 * libm::log(1.0 - unit(u))).sqrt();
        let normal = radius * libm::cos(std::f64::consts::TAU * unit(v));
        let size = libm::exp(self.activity_mu + ACTIVITY_SIGMA * normal);
        let rounded = (size + unit(self.draw(Purpose::Activity, 1, user))) as u64;
        rounded.clamp(1, u32::MAX as u64 / 64)
    }
}
