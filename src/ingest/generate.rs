//! Planted data: ratings whose segments are known, to try segmill on and to test it with.
//!
//! Every item has a theme and every user a segment; segment s likes theme s. A user draws the share `affinity` of their
//! ratings from their theme and the rest from the whole catalogue, in both by popularity. What a user does hangs on keyed
//! draws alone ([`crate::kernel::keyed`]), so anybody can make any user's rows: the data is the same for any number of
//! workers and threads.
//!
//! | what | law |
//! |---|---|
//! | popularity | Zipf–Mandelbrot: the item of rank r = 1, 2, … weighs 1/(r + 10); ranks are dealt to ids at random, and to themes in turn |
//! | activity | log-normal with the given mean and σ = 0.7 of its logarithm, at least 1 and at most what the catalogue has |
//! | segment sizes | shares fall linearly from segment 0 to the last, which has a third of the first |
//! | explicit | distinct items, drawn one after the other without replacement; half stars 0.5 … 5, about 4 for the own theme and 2.75 elsewhere, by item and user a little more or less |
//! | implicit | events, each worth 1; three in ten repeat an earlier event of the user |
//!
//! The same users can be made in other months: in each from month 1 on, the share `movers` of them change taste, and `born`
//! segments that nobody was in before are founded by half of those. Activity and leniency are the user's for ever; which
//! items a user rates, and how, is drawn anew every month.
//!
//! The planted segments differ in taste, not in activity. Distances between raw rows are mostly about activity, so finding
//! the segments takes rows of one length: `matrix.normalize = "l2"`.

use super::ids::Id;
use super::items::Items;
use super::metadata::{Categories, Field, Values};
use super::words::{ADJECTIVES, NOUNS, THEMES};
use crate::error::Result;
use crate::job::{Feedback, GenerateSpec};
use crate::kernel::keyed::{Stream, bits, race, uniform};

/// Added to the rank, so that the most popular items are not on every user's list.
const ZIPF_SHIFT: f64 = 10.0;

/// Standard deviation of the logarithm of a user's activity.
const ACTIVITY_SIGMA: f64 = 0.7;

/// Share of implicit events that repeat an earlier one of the user, of 2³².
const REPEAT_SHARE: u64 = (3 << 32) / 10;

/// What a draw is for. Of the round, the upper bits are the month and this, the lower half counts.
#[derive(Clone, Copy)]
enum Purpose {
    Rank = 1,
    Quality,
    Title,
    Label,
    Activity,
    Angle,
    Leniency,
    Item,
    Source,
    Repeat,
    Noise,
    Race,
    Mover,
    Target,
}

/// Makes planted data. Users and items have ids 1..=N.
#[derive(Debug, Clone)]
pub struct Generator {
    spec: GenerateSpec,
    /// The item (from 0) of each rank (from 0), and the other way round.
    item_of: Vec<u32>,
    rank_of: Vec<u32>,
    /// Of each rank: what its ratings have over the average, in 1/64 of half a star.
    quality: Vec<i8>,
    catalogue: Alias,
    /// For each theme, over its items by falling popularity.
    themes: Vec<Alias>,
    /// Of each segment: the shares of all segments up to it, not scaled.
    shares: Vec<u64>,
    /// Mean of the logarithm of a user's activity.
    activity_mu: f64,
}

impl Generator {
    /// Errors: [`Error::Job`] for a spec that nothing can satisfy.
    pub fn new(spec: &GenerateSpec) -> Result<Generator> {
        spec.check(|field| format!("input.generate.{field}"))?;
        let n_items = spec.items as usize;
        let mut item_of: Vec<u32> = (0..n_items as u32).collect();
        item_of.sort_by_cached_key(|&item| (draw(spec.seed, Purpose::Rank, 0, item as u64), item));
        let mut rank_of = vec![0; n_items];
        for (rank, &item) in item_of.iter().enumerate() {
            rank_of[item as usize] = rank as u32;
        }
        let quality =
            item_of.iter().map(|&item| (draw(spec.seed, Purpose::Quality, 0, item as u64) % 128) as i8 - 64).collect();
        let weight = |rank: usize| 1.0 / (rank as f64 + 1.0 + ZIPF_SHIFT);
        let catalogue = Alias::new(&(0..n_items).map(weight).collect::<Vec<_>>());
        let n_themes = (spec.segments + spec.born) as usize;
        let theme = |t| {
            let ranks = (0..).map(|k| rank_in_theme(t, k, n_themes)).take_while(|&r| r < n_items);
            Alias::new(&ranks.map(weight).collect::<Vec<_>>())
        };
        let themes = (0..n_themes).map(theme).collect();
        let activity_mu = libm::log(spec.ratings_per_user) - 0.5 * ACTIVITY_SIGMA * ACTIVITY_SIGMA;
        Ok(Generator {
            spec: spec.clone(),
            item_of,
            rank_of,
            quality,
            catalogue,
            themes,
            shares: cumulative_shares(spec.segments),
            activity_mu,
        })
    }

    pub fn spec(&self) -> &GenerateSpec {
        &self.spec
    }

    /// The planted segment, from 0, of user `user` in 1..=users, in the month of the spec. In month 0 the first users have
    /// one segment each, so none is empty.
    pub fn label(&self, user: u64) -> u32 {
        (1..=self.spec.month).fold(self.first_label(user), |label, month| self.next_label(user, label, month))
    }

    /// In month 0.
    fn first_label(&self, user: u64) -> u32 {
        let segments = self.spec.segments;
        if user <= segments {
            return (user - 1) as u32;
        }
        let last = self.shares[segments as usize - 1];
        let draw = scaled(self.draw(Purpose::Label, 0, user), last);
        self.shares.partition_point(|&upto| upto <= draw) as u32
    }

    /// In `month`, for a user who had `label` in the month before.
    fn next_label(&self, user: u64, label: u32, month: u64) -> u32 {
        if unit(self.draw(Purpose::Mover, month, user)) >= self.spec.movers {
            return label;
        }
        let GenerateSpec { segments, born, .. } = self.spec;
        let target = self.draw(Purpose::Target, 2 * month, user);
        let founds = born > 0 && self.draw(Purpose::Target, 2 * month + 1, user) & 1 == 0;
        let (first, n) = if founds { (segments, born) } else { (0, segments) };
        // Any of these but the user's own.
        let own = (u64::from(label) >= first && u64::from(label) < first + n).then_some(u64::from(label));
        match n - u64::from(own.is_some()) {
            0 => label,
            others => {
                let drawn = first + scaled(target, others);
                (drawn + u64::from(own.is_some_and(|own| drawn >= own))) as u32
            }
        }
    }

    /// The theme, from 0, of item `item` in 1..=items. Users of the segment of this number like it.
    pub fn theme(&self, item: u64) -> u32 {
        theme_of_rank(self.rank_of[item as usize - 1] as usize, self.themes.len()) as u32
    }

    /// The word for a theme, such as `mystery`.
    pub fn theme_name(&self, theme: u32) -> String {
        let (round, word) = (theme as usize / THEMES.len(), THEMES[theme as usize % THEMES.len()]);
        if round == 0 { word.to_string() } else { format!("{word}-{}", round + 1) }
    }

    /// A title such as `Midnight Harbour (mystery 17)`: the 17th most popular item of its theme. No two items share one.
    pub fn title(&self, item: u64) -> String {
        let number = self.rank_of[item as usize - 1] as usize / self.themes.len() + 1;
        let words = self.draw(Purpose::Title, 0, item);
        let adjective = ADJECTIVES[scaled(words, ADJECTIVES.len() as u64) as usize];
        let noun = NOUNS[scaled(words << 32, NOUNS.len() as u64) as usize];
        format!("{adjective} {noun} ({} {number})", self.theme_name(self.theme(item)))
    }

    /// The items `ids`, which are some of 1..=items, with their titles and, as metadata, their themes.
    pub fn items(&self, ids: Vec<Id>) -> Items {
        let number = |id: &Id| match id {
            Id::Number(item) => *item,
            Id::Text(text) => unreachable!("planted items have numbers, not {text:?}"),
        };
        let names = (0..self.themes.len() as u32).map(|theme| self.theme_name(theme)).collect();
        let themes = Categories::one_each(names, ids.iter().map(|id| self.theme(number(id))));
        let metadata = vec![Field { name: "theme".into(), values: Values::Categories(themes) }];
        Items { titles: ids.iter().map(|id| Some(self.title(number(id)))).collect(), ids, metadata }
    }

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
    fn distinct_ranks(&self, user: u64, label: usize, n: usize) -> Option<Vec<u32>> {
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
    fn raced_ranks(&self, user: u64, label: usize, n: usize) -> Vec<u32> {
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
        let own = theme_of_rank(rank, self.themes.len()) == label;
        let noise = self.draw_now(Purpose::Noise, rank as u64, user).to_le_bytes();
        let noise: i32 = noise[..4].iter().map(|&b| b as i32).sum::<i32>() - 510;
        let expected = if own { 8 * 64 } else { 5 * 64 + 32 };
        let score = expected + self.quality[rank] as i32 + leniency + noise / 2;
        ((score + 32) >> 6).clamp(1, 10)
    }

    /// How many rows a user has, before the catalogue bounds it. Rounded up or down at random, which keeps the mean.
    fn activity(&self, user: u64) -> u64 {
        let (u, v) = (self.draw(Purpose::Activity, 0, user), self.draw(Purpose::Angle, 0, user));
        let radius = (-2.0 * libm::log(1.0 - unit(u))).sqrt();
        let normal = radius * libm::cos(std::f64::consts::TAU * unit(v));
        let size = libm::exp(self.activity_mu + ACTIVITY_SIGMA * normal);
        let rounded = (size + unit(self.draw(Purpose::Activity, 1, user))) as u64;
        rounded.clamp(1, u32::MAX as u64 / 64)
    }

    /// A draw of this month.
    #[inline(always)]
    fn draw_now(&self, purpose: Purpose, count: u64, id: u64) -> u64 {
        bits(self.spec.seed, Stream::Generate, self.spec.month << 40 | (purpose as u64) << 32 | count, id)
    }

    /// A draw that is the same in every month.
    #[inline(always)]
    fn draw(&self, purpose: Purpose, count: u64, id: u64) -> u64 {
        draw(self.spec.seed, purpose, count, id)
    }
}

/// Shares from 3(S − 1) for segment 0 down to S − 1 for the last of S, summed up.
fn cumulative_shares(segments: u64) -> Vec<u64> {
    let share = |s: u64| if segments == 1 { 1 } else { 3 * (segments - 1) - 2 * s };
    let add = |sum: &mut u64, s| {
        *sum += share(s);
        Some(*sum)
    };
    (0..segments).scan(0, add).collect()
}

#[inline(always)]
fn draw(seed: u64, purpose: Purpose, count: u64, id: u64) -> u64 {
    bits(seed, Stream::Generate, ((purpose as u64) << 32) | count, id)
}

/// A uniform whole number below `n`, from the upper 32 bits of a draw where `n` fits in them.
#[inline(always)]
fn scaled(draw: u64, n: u64) -> u64 {
    ((draw as u128 * n as u128) >> 64) as u64
}

/// A uniform number in [0, 1).
#[inline(always)]
fn unit(draw: u64) -> f64 {
    (draw >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// Ranks are dealt to themes in turn, each turn starting one theme later, so that no theme always goes first.
#[inline(always)]
fn theme_of_rank(rank: usize, n_themes: usize) -> usize {
    (rank % n_themes + rank / n_themes) % n_themes
}

/// The rank of the `k`-th item of a theme; the inverse of [`theme_of_rank`].
#[inline(always)]
fn rank_in_theme(theme: usize, k: usize, n_themes: usize) -> usize {
    k * n_themes + (theme + n_themes - k % n_themes) % n_themes
}

/// Draws an index by weight in constant time (Walker 1977; built as in Vose 1991).
#[derive(Debug, Clone)]
struct Alias {
    /// For each index: the share of its own column that is its own, of 2³², and who has the rest.
    columns: Vec<(u32, u32)>,
    total: f64,
}

impl Alias {
    fn new(weights: &[f64]) -> Alias {
        let n = weights.len();
        let total: f64 = weights.iter().sum();
        let mut heights: Vec<f64> = weights.iter().map(|w| w * n as f64 / total).collect();
        let (mut low, mut high): (Vec<usize>, Vec<usize>) = (0..n).partition(|&i| heights[i] < 1.0);
        let mut columns: Vec<(u32, u32)> = (0..n).map(|i| (u32::MAX, i as u32)).collect();
        while let (Some(&donor), Some(i)) = (high.last(), low.pop()) {
            columns[i] = ((heights[i] * 4294967296.0) as u32, donor as u32);
            heights[donor] -= 1.0 - heights[i];
            if heights[donor] < 1.0 {
                high.pop();
                low.push(donor);
            }
        }
        Alias { columns, total }
    }

    fn len(&self) -> usize {
        self.columns.len()
    }

    #[inline(always)]
    fn pick(&self, draw: u64) -> usize {
        let index = (((draw >> 32) * self.columns.len() as u64) >> 32) as usize;
        let (own, other) = self.columns[index];
        if (draw as u32) < own { index } else { other as usize }
    }
}

/// A set of ranks, at most half full.
struct Seen {
    /// A rank plus 1; 0 is free.
    slots: Vec<u32>,
}

impl Seen {
    fn new(n: usize) -> Seen {
        Seen { slots: vec![0; (2 * n).next_power_of_two()] }
    }

    /// False where it was there before.
    #[inline]
    fn insert(&mut self, rank: u32) -> bool {
        let mask = self.slots.len() - 1;
        let mut at = rank.wrapping_mul(0x9e37_79b1) as usize & mask;
        while self.slots[at] != 0 {
            if self.slots[at] == rank + 1 {
                return false;
            }
            at = (at + 1) & mask;
        }
        self.slots[at] = rank + 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> GenerateSpec {
        GenerateSpec {
            users: 3000,
            items: 1200,
            ratings_per_user: 40.0,
            segments: 6,
            feedback: Feedback::Explicit,
            affinity: 0.7,
            seed: 1,
            ..GenerateSpec::default()
        }
    }

    fn rows(generator: &Generator, user: u64) -> Vec<(u64, f64)> {
        let mut rows = Vec::new();
        generator.user(user, &mut rows);
        rows
    }

    fn all(spec: &GenerateSpec) -> (Generator, Vec<Vec<(u64, f64)>>) {
        let generator = Generator::new(spec).unwrap();
        let rows = (1..=spec.users).map(|u| rows(&generator, u)).collect();
        (generator, rows)
    }

    fn mean(values: impl Iterator<Item = f64>) -> f64 {
        let (sum, n) = values.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
        sum / n
    }

    #[test]
    fn explicit_ratings_are_half_stars_of_distinct_items() {
        let (generator, users) = all(&spec());
        for (u, rows) in users.iter().enumerate() {
            let mut items: Vec<u64> = rows.iter().map(|r| r.0).collect();
            items.sort();
            assert!(items.windows(2).all(|w| w[0] < w[1]), "user {} rates an item twice", u + 1);
            assert!(items[0] >= 1 && items[items.len() - 1] <= 1200);
            assert!(rows.iter().all(|&(_, r)| (0.5..=5.0).contains(&r) && (2.0 * r).fract() == 0.0));
        }
        let own = |own: bool| {
            let of_user = |(u, rows): (usize, &Vec<(u64, f64)>)| {
                let label = generator.label(u as u64 + 1);
                rows.iter().filter(|r| (generator.theme(r.0) == label) == own).map(|r| r.1).collect::<Vec<_>>()
            };
            mean(users.iter().enumerate().flat_map(of_user))
        };
        assert!((own(true) - 4.0).abs() < 0.15 && (own(false) - 2.75).abs() < 0.15, "{} {}", own(true), own(false));
    }

    #[test]
    fn implicit_events_repeat_and_count_one() {
        let (_, users) = all(&GenerateSpec { feedback: Feedback::Implicit, ..spec() });
        let events: usize = users.iter().map(Vec::len).sum();
        let distinct =
            |rows: &Vec<(u64, f64)>| rows.iter().map(|r| r.0).collect::<std::collections::HashSet<_>>().len();
        let repeats = 1.0 - users.iter().map(distinct).sum::<usize>() as f64 / events as f64;
        assert!((0.28..0.5).contains(&repeats), "{repeats}");
        assert!(users.iter().flatten().all(|r| r.1 == 1.0));
    }

    #[test]
    fn popularity_is_a_power_law() {
        let (generator, users) =
            all(&GenerateSpec { feedback: Feedback::Implicit, users: 20_000, affinity: 0.5, ..spec() });
        let mut counts = vec![0u32; 1200];
        users.iter().flatten().for_each(|r| counts[r.0 as usize - 1] += 1);
        // Against rank + shift, the counts fall on a line of slope −1 in the logarithms.
        let points = (0..1200).map(|rank| {
            let count = counts[generator.item_of[rank] as usize] as f64;
            (libm::log(rank as f64 + 1.0 + ZIPF_SHIFT), libm::log(count + 0.5))
        });
        let points: Vec<(f64, f64)> = points.collect();
        let (mx, my) = (mean(points.iter().map(|p| p.0)), mean(points.iter().map(|p| p.1)));
        let covariance = mean(points.iter().map(|p| (p.0 - mx) * (p.1 - my)));
        let slope = covariance / mean(points.iter().map(|p| (p.0 - mx) * (p.0 - mx)));
        assert!((-1.1..-0.9).contains(&slope), "{slope}");
    }

    #[test]
    fn activity_is_log_normal_with_the_mean_asked_for() {
        let spec = GenerateSpec { users: 20_000, items: 5000, ratings_per_user: 80.0, ..spec() };
        let (_, users) = all(&spec);
        let sizes: Vec<f64> = users.iter().map(|rows| rows.len() as f64).collect();
        let average = mean(sizes.iter().copied());
        assert!((average / 80.0 - 1.0).abs() < 0.03, "{average}");
        let logs: Vec<f64> = sizes.iter().map(|&n| libm::log(n)).collect();
        let centre = mean(logs.iter().copied());
        let moment = |p: i32| mean(logs.iter().map(|l| (0..p).fold(1.0, |x, _| x * (l - centre))));
        let sigma = moment(2).sqrt();
        assert!((sigma - ACTIVITY_SIGMA).abs() < 0.03, "{sigma}");
        let skewness = moment(3) / (sigma * sigma * sigma);
        assert!(skewness.abs() < 0.15, "{skewness}");
    }

    #[test]
    fn users_draw_from_their_theme_what_affinity_says() {
        for affinity in [0.0, 0.6, 1.0] {
            let spec = GenerateSpec { feedback: Feedback::Implicit, affinity, ..spec() };
            let (generator, users) = all(&spec);
            let own = users.iter().enumerate().flat_map(|(u, rows)| {
                let label = generator.label(u as u64 + 1);
                let generator = &generator;
                rows.iter().map(move |r| f64::from(generator.theme(r.0) == label))
            });
            let (share, expected) = (mean(own), affinity + (1.0 - affinity) / 6.0);
            assert!((share - expected).abs() < 0.02, "{share} and not {expected}");
        }
    }

    #[test]
    fn segments_are_uneven_but_none_is_tiny() {
        let generator = Generator::new(&GenerateSpec { users: 60_000, ..spec() }).unwrap();
        let mut sizes = [0u32; 6];
        (1..=60_000).for_each(|u| sizes[generator.label(u) as usize] += 1);
        for (s, size) in sizes.iter().enumerate() {
            let expected = 60_000.0 * (15.0 - 2.0 * s as f64) / 60.0;
            assert!((*size as f64 - expected).abs() < 5.0 * expected.sqrt(), "{sizes:?}");
        }
        let single = Generator::new(&GenerateSpec { segments: 1, ..spec() }).unwrap();
        assert!((1..=100).all(|u| single.label(u) == 0));
    }

    #[test]
    fn single_draws_and_the_race_have_one_law() {
        let spec = GenerateSpec { users: 4000, items: 60, segments: 3, ratings_per_user: 4.0, ..spec() };
        let generator = Generator::new(&spec).unwrap();
        let mut counts = [[0.0f64; 60]; 2];
        for user in 1..=spec.users {
            let ways = [generator.distinct_ranks(user, 1, 4).unwrap(), generator.raced_ranks(user, 1, 4)];
            for (counts, ranks) in counts.iter_mut().zip(ways) {
                ranks.iter().for_each(|&rank| counts[rank as usize] += 1.0);
            }
        }
        // A homogeneity statistic with 59 degrees of freedom; a little less, since each user draws without replacement.
        let chi: f64 = counts[0].iter().zip(&counts[1]).map(|(a, b)| (a - b) * (a - b) / (a + b).max(1.0)).sum();
        assert!(chi < 110.0, "{chi}");
    }

    #[test]
    fn small_and_extreme_catalogues() {
        let tiny = GenerateSpec { users: 1, items: 1, segments: 1, ratings_per_user: 1.0, affinity: 1.0, ..spec() };
        let (_, users) = all(&tiny);
        assert_eq!((users[0].len(), users[0][0].0), (1, 1));
        let full = GenerateSpec { users: 50, items: 20, segments: 4, ratings_per_user: 5.0, affinity: 1.0, ..spec() };
        let (generator, users) = all(&full);
        for (u, rows) in users.iter().enumerate() {
            assert!(rows.len() <= 5 && rows.iter().all(|r| generator.theme(r.0) == generator.label(u as u64 + 1)));
        }
    }

    #[test]
    fn themes_and_ranks_are_inverse() {
        for n_themes in [1, 2, 5, 12] {
            for rank in 0..200 {
                let theme = theme_of_rank(rank, n_themes);
                assert_eq!(rank_in_theme(theme, rank / n_themes, n_themes), rank);
            }
        }
    }

    #[test]
    fn titles_are_unique_and_carry_their_theme() {
        let generator = Generator::new(&GenerateSpec { segments: 60, ..spec() }).unwrap();
        let titles: std::collections::HashSet<String> = (1..=1200).map(|i| generator.title(i)).collect();
        assert_eq!(titles.len(), 1200);
        assert!(
            (1..=1200).all(|i| generator.title(i).contains(&format!("({} ", generator.theme_name(generator.theme(i)))))
        );
        assert_eq!(generator.theme_name(48), "mystery-2");
        let words: std::collections::HashSet<&str> = THEMES.into_iter().collect();
        assert_eq!(words.len(), THEMES.len());
    }

    #[test]
    fn another_seed_makes_other_data() {
        let seeds = [1, 2].map(|seed| all(&GenerateSpec { seed, ..spec() }).1);
        assert_ne!(seeds[0], seeds[1]);
        assert_eq!(seeds[0], all(&spec()).1);
    }

    #[test]
    fn what_cannot_be_made_is_refused() {
        let refused = |spec: GenerateSpec, key: &str| {
            let error = Generator::new(&spec).unwrap_err();
            assert!(error.to_string().starts_with(&format!("input.generate.{key}: ")), "{error}");
            assert_eq!(error.exit_code(), 2);
        };
        refused(GenerateSpec { users: 0, ..spec() }, "users");
        refused(GenerateSpec { items: 0, ..spec() }, "items");
        refused(GenerateSpec { segments: 0, ..spec() }, "segments");
        refused(GenerateSpec { segments: 1201, ..spec() }, "segments");
        refused(GenerateSpec { users: 5, ..spec() }, "segments");
        refused(GenerateSpec { affinity: 1.1, ..spec() }, "affinity");
        refused(GenerateSpec { affinity: f64::NAN, ..spec() }, "affinity");
        refused(GenerateSpec { ratings_per_user: 0.5, ..spec() }, "ratings_per_user");
        refused(GenerateSpec { ratings_per_user: 1201.0, ..spec() }, "ratings_per_user");
        refused(GenerateSpec { ratings_per_user: 201.0, affinity: 1.0, ..spec() }, "ratings_per_user");
    }

    #[test]
    fn months_share_users_and_items_and_some_users_change_taste() {
        let first = GenerateSpec { born: 2, movers: 0.2, ..spec() };
        let second = GenerateSpec { month: 1, ..first.clone() };
        let ((before, rows_before), (now, rows_now)) = (all(&first), all(&second));
        let (mut moved, mut born, mut again) = (0, 0, 0);
        for user in 1..=first.users {
            let (a, b) = (before.label(user), now.label(user));
            assert!(a < 6 && b < 8);
            moved += u32::from(a != b);
            born += u32::from(b >= 6);
            assert_eq!(before.activity(user), now.activity(user));
            again += usize::from(rows_before[user as usize - 1] == rows_now[user as usize - 1]);
        }
        assert!((500..700).contains(&moved), "{moved} of 3000 moved");
        assert!((240..360).contains(&born), "{born} founded a segment");
        assert!(again < 30, "{again} users rated the same again");
        assert!((1..=first.items).all(|item| before.title(item) == now.title(item)));
        let third = Generator::new(&GenerateSpec { month: 2, ..first.clone() }).unwrap();
        let moved_again = (1..=first.users).filter(|&user| third.label(user) != now.label(user)).count();
        assert!((450..700).contains(&moved_again), "{moved_again}");
        let alone = GenerateSpec { segments: 1, month: 3, movers: 1.0, ..spec() };
        let alone = Generator::new(&alone).unwrap();
        assert!((1..=9).all(|user| alone.label(user) == 0), "there is nowhere to go");
    }
}
