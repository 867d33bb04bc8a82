//! Ranks: the place of an item by popularity, from 0.

/// Added to the rank, so that the most popular items are not on every user's list.
pub const ZIPF_SHIFT: f64 = 10.0;

/// The weight of a rank in the whole catalogue.
#[inline(always)]
pub fn weight(rank: usize) -> f64 {
    1.0 / (rank as f64 + 1.0 + ZIPF_SHIFT)
}

/// Ranks are dealt to themes in turn, each turn starting one theme later, so that no theme always goes first.
#[inline(always)]
pub fn theme_of_rank(rank: usize, n_themes: usize) -> usize {
    (rank % n_themes + rank / n_themes) % n_themes
}

/// The rank of the `k`-th item of a theme; the inverse of [`theme_of_rank`].
#[inline(always)]
pub fn rank_in_theme(theme: usize, k: usize, n_themes: usize) -> usize {
    k * n_themes + (theme + n_themes - k % n_themes) % n_themes
}

/// Draws an index by weight in constant time (Walker 1977; built as in Vose 1991).
#[derive(Debug, Clone)]
pub struct Alias {
    /// For each index: its share of its column, of 2³², and the index that has the rest.
    columns: Vec<(u32, u32)>,
    pub total: f64,
}

impl Alias {
    pub fn new(weights: &[f64]) -> Alias {
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

    pub fn len(&self) -> usize {
        self.columns.len()
    }

    #[inline(always)]
    pub fn pick(&self, draw: u64) -> usize {
        let index = (((draw >> 32) * self.columns.len() as u64) >> 32) as usize;
        let (own, other) = self.columns[index];
        if (draw as u32) < own { index } else { other as usize }
    }
}

/// A set of ranks, at most half full.
pub struct Seen {
    /// A rank plus 1; 0 is free.
    slots: Vec<u32>,
}

impl Seen {
    pub fn new(n: usize) -> Seen {
        Seen { slots: vec![0; (2 * n).next_power_of_two()] }
    }

    /// False where it was there before.
    #[inline]
    pub fn insert(&mut self, rank: u32) -> bool {
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
