//! The two nearest centroids of each row and its exact distances to them.
//!
//! A deep look in single precision ([`screen`](super::screen)) names the nearest centroid and the next. Where neither
//! is within the blur of the one after it, the exact distances to those two are all that is missing; other rows are
//! compared with every centroid in double precision. So what is found has the bits of [`dense::nearest`].

use std::ops::Range;

use super::dense::{self, Nearby};
use super::points::{LANES, Scores};
use super::screen::{Eye, Outlook, Screen, Seen};
use super::tiles::Tiles;

/// Finds the two nearest centroids of rows.
pub struct Pairs<'a> {
    scores: Scores<'a>,
    screen: &'a Screen,
    tiles: &'a Tiles,
    outlook: Outlook,
    /// The centroids as rows.
    centroids: Vec<f64>,
    eye: Eye,
    doubts: Doubts,
}

/// What looks in single precision have left open.
#[derive(Default)]
struct Doubts {
    rows: Vec<u32>,
    found: Vec<Nearby>,
}

impl<'a> Pairs<'a> {
    /// Of rows of `scores`, whose screen `screen` is.
    pub fn new(scores: Scores<'a>, screen: &'a Screen, tiles: &'a Tiles) -> Pairs<'a> {
        let outlook = Outlook::new(screen, tiles);
        Pairs {
            scores,
            screen,
            tiles,
            outlook,
            centroids: tiles.rows(),
            eye: Eye::default(),
            doubts: Doubts::default(),
        }
    }

    /// Writes what is nearest to each of `rows`, from the first of a block on.
    pub fn find(&mut self, rows: Range<usize>, out: &mut Vec<Nearby>) {
        self.doubts.rows.clear();
        out.clear();
        if self.outlook.clear {
            self.look(rows.clone(), out);
        } else {
            out.resize(rows.len(), NOTHING);
            self.doubts.rows.extend(rows.clone().map(|row| row as u32));
        }
        let Doubts { rows: doubts, found } = &mut self.doubts;
        dense::nearest(self.scores, doubts, self.tiles, found);
        doubts.iter().zip(found).for_each(|(&row, found)| out[row as usize - rows.start] = *found);
    }

    /// Finds what single precision can tell, and notes the other rows as doubts.
    fn look(&mut self, rows: Range<usize>, out: &mut Vec<Nearby>) {
        let blocks: Vec<u32> = ((rows.start / LANES) as u32..rows.end.div_ceil(LANES) as u32).collect();
        let slack = self.outlook.slack as f32 * 1.001;
        let seen = self.eye.look::<true>(self.screen, &self.outlook, &blocks, &[]);
        for (start, seen) in rows.clone().step_by(LANES).zip(seen) {
            let (gap, next_gap) = (seen.gap(), seen.next_gap());
            for row in start..(start + LANES).min(rows.end) {
                let lane = row - start;
                let clear = gap[lane] > slack && next_gap[lane] > slack && seen.sight.next[lane] < f32::INFINITY;
                out.push(if clear { named(&seen, lane) } else { NOTHING });
                if !clear {
                    self.doubts.rows.push(row as u32);
                }
            }
        }
        self.measure(rows, out);
    }

    /// Fills in the distances to the centroids that were named.
    fn measure(&self, rows: Range<usize>, out: &mut [Nearby]) {
        let centroids = Scores { values: &self.centroids, n_dims: self.scores.n_dims };
        let mut squared = Vec::new();
        let label: Vec<u32> = out.iter().map(|nearby| nearby.label).collect();
        dense::own_distances(self.scores, rows.clone(), &label, centroids, &mut squared);
        out.iter_mut().zip(&squared).for_each(|(nearby, &squared)| nearby.squared = squared);
        let second: Vec<u32> = out.iter().map(|nearby| nearby.second).collect();
        dense::own_distances(self.scores, rows, &second, centroids, &mut squared);
        out.iter_mut().zip(&squared).for_each(|(nearby, &squared)| nearby.others = squared);
    }
}

const NOTHING: Nearby = Nearby { label: 0, squared: f64::INFINITY, second: 0, others: f64::INFINITY };

fn named(seen: &Seen, lane: usize) -> Nearby {
    Nearby { label: seen.sight.label[lane], second: seen.sight.second[lane], ..NOTHING }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::lloyd::tests::values;
    use crate::kernel::lloyd::{Cloud, Points};
    use crate::kernel::simd::tests::at_every_level;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Ties, centroids that lie on users, and one centroid alone included.
        #[test]
        fn pairs_are_those_of_double_precision(
            (kind, other_kind) in (0usize..4, 0usize..4),
            (n, n_dims) in (1usize..200, 1usize..70),
            k in prop_oneof![1usize..6, 1usize..200, 1usize..1100],
            on_users: bool,
            exponent in -8i32..9,
            seed in 0u64..1000,
        ) {
            let size = 10f64.powi(exponent);
            let rows = values(kind, n * n_dims, size, 0.0, seed);
            let centroids = match on_users {
                true => (0..k).flat_map(|j| rows[j * 31 % n * n_dims..][..n_dims].to_vec()).collect(),
                false => values(other_kind, k * n_dims, size, 0.0, seed + 1000),
            };
            let points = Points::Dense { values: &rows, n_rows: n, n_dims };
            let cloud = Cloud::new(points);
            let (scores, screen) = cloud.dense().unwrap();
            let tiles = Tiles::of_rows(&points, centroids.chunks(n_dims));
            let (mut expected, everyone) = (Vec::new(), Vec::from_iter(0..n as u32));
            dense::nearest(scores, &everyone, &tiles, &mut expected);
            for found in at_every_level(|_| {
                let (mut pairs, mut found, mut all) = (Pairs::new(scores, screen, &tiles), Vec::new(), Vec::new());
                for start in (0..n).step_by(112) {
                    pairs.find(start..(start + 112).min(n), &mut found);
                    all.append(&mut found);
                }
                all
            }) {
                prop_assert_eq!(&found, &expected);
            }
        }
    }
}
