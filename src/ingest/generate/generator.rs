//! The catalogue: items, their themes and titles.

use super::draws::{Purpose, draw, scaled};
use super::laws::{cumulative_shares, mean_log_activity};
use super::ranks::{Alias, rank_in_theme, theme_of_rank, weight};
use super::words::{ADJECTIVES, NOUNS, THEMES};
use crate::error::Result;
use crate::ingest::ids::Id;
use crate::ingest::items::Items;
use crate::ingest::metadata::{Categories, Field, Values};
use crate::job::GenerateSpec;
use crate::kernel::keyed::{Stream, bits};

/// Makes planted data. Users and items have ids 1..=N.
#[derive(Debug, Clone)]
pub struct Generator {
    pub(super) spec: GenerateSpec,
    /// The item (from 0) of each rank (from 0), and the other way round.
    pub(super) item_of: Vec<u32>,
    pub(super) rank_of: Vec<u32>,
    /// For each rank: how far its ratings are above the average, in 1/64 of half a star.
    pub(super) quality: Vec<i8>,
    pub(super) catalogue: Alias,
    /// For each theme, over its items by falling popularity.
    pub(super) themes: Vec<Alias>,
    /// For each segment: the sum of the shares of all segments up to it, not scaled.
    pub(super) shares: Vec<u64>,
    /// Mean of the logarithm of a user's activity.
    pub(super) activity_mu: f64,
}

impl Generator {
    /// Errors: [`Error::Job`] for a spec that nothing can satisfy.
    pub fn new(spec: &GenerateSpec) -> Result<Generator> {
        spec.check(|field| format!("input.generate.{field}"))?;
        let item_of = items_by_rank(spec);
        let mut rank_of = vec![0; item_of.len()];
        for (rank, &item) in item_of.iter().enumerate() {
            rank_of[item as usize] = rank as u32;
        }
        let quality = |&item: &u32| (draw(spec.seed, Purpose::Quality, 0, item as u64) % 128) as i8 - 64;
        Ok(Generator {
            spec: spec.clone(),
            quality: item_of.iter().map(quality).collect(),
            catalogue: Alias::new(&(0..item_of.len()).map(weight).collect::<Vec<_>>()),
            themes: themes(spec, item_of.len()),
            shares: cumulative_shares(spec.segments),
            activity_mu: mean_log_activity(spec.ratings_per_user),
            item_of,
            rank_of,
        })
    }

    pub fn spec(&self) -> &GenerateSpec {
        &self.spec
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

    /// A title such as `Midnight Harbour (mystery 17)`: the 17th most popular item of its theme. No two items share
    /// one.
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

    /// A draw of this month.
    #[inline(always)]
    pub(super) fn draw_now(&self, purpose: Purpose, count: u64, id: u64) -> u64 {
        bits(self.spec.seed, Stream::Generate, self.spec.month << 40 | (purpose as u64) << 32 | count, id)
    }

    /// A draw that is the same in every month.
    #[inline(always)]
    pub(super) fn draw(&self, purpose: Purpose, count: u64, id: u64) -> u64 {
        draw(self.spec.seed, purpose, count, id)
    }
}

/// The items, from 0, in a random order: that of their ranks.
fn items_by_rank(spec: &GenerateSpec) -> Vec<u32> {
    let mut items: Vec<u32> = (0..spec.items as u32).collect();
    items.sort_by_cached_key(|&item| (draw(spec.seed, Purpose::Rank, 0, item as u64), item));
    items
}

/// For each theme, its items by weight.
fn themes(spec: &GenerateSpec, n_items: usize) -> Vec<Alias> {
    let n_themes = (spec.segments + spec.born) as usize;
    let theme = |t| {
        let ranks = (0..).map(|k| rank_in_theme(t, k, n_themes)).take_while(|&r| r < n_items);
        Alias::new(&ranks.map(weight).collect::<Vec<_>>())
    };
    (0..n_themes).map(theme).collect()
}
