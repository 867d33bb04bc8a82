//! Which users may have changed their cluster (Hamerly 2010), with one number per user.
//!
//! A user whose nearest centroid is nearer than any other by `gap` keeps it until its own centroid and the fastest of
//! the others have moved by `gap` together. Each cluster has an odometer that counts this way, and each user notes the
//! reading at which it must be looked at again: nothing needs to be written for a user that stays.
//!
//! Runners, the few centroids that went farthest, may be left out of the odometers ([`odometers`](super::odometers)). Then a
//! user that need not look again at the others is compared with the runners, and by that its note may become earlier.
//!
//! The law: labels are the same as if every user were compared with every centroid in double precision, ties to the
//! lower centroid. Every number here is rounded to the safe side; where the gap is not beyond doubt, the exact distances
//! decide.

use std::ops::Range;

use super::dense;
use super::guard::{Guard, Post};
use super::odometers::Odometers;
use super::points::{LANES, Scores};
use super::screen::{Eye, Outlook, Screen, Seen};
use super::tiles::Tiles;

/// More than the relative error of a conversion to single precision and of one operation there.
const MARGIN: f32 = 1.0 / (1u32 << 22) as f32;

/// What copying a row out of its block costs, in centroids that a whole block is compared with.
const COPY: usize = 10;

/// Rows in a sample, at least, if there are so many.
const SAMPLE: usize = 4096;

/// The nearest centroid of every row, and how long it is sure to stay the nearest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bounds {
    /// `u32::MAX` before the first look.
    pub label: Vec<u32>,
    /// Reading of the label's odometer up to which the label holds.
    until: Vec<f32>,
}

/// The centroids of a run as they are now, for one pass over the users.
pub struct View<'a> {
    scores: Scores<'a>,
    screen: &'a Screen,
    tiles: &'a Tiles,
    outlook: Outlook,
    /// Watches the runners of the last move, if there are any.
    guard: Option<Guard>,
    /// Odometers, rounded down; and rounded up with the slack.
    down: Vec<f32>,
    up: Vec<f32>,
    /// A row that was to be left alone up to this must be looked at: as `up`, but infinite for runners and, after all
    /// clusters, for a row without a label.
    due_at: Vec<f32>,
}

impl<'a> View<'a> {
    /// Of the users `scores`, whose screen `screen` is.
    pub fn new(scores: Scores<'a>, screen: &'a Screen, tiles: &'a Tiles, odometers: &Odometers) -> View<'a> {
        let outlook = Outlook::new(screen, tiles);
        let (readings, runners) = (odometers.readings(), odometers.runners());
        let up = |reading: &f64| ((reading + outlook.slack) as f32) * (1.0 + MARGIN);
        let up: Vec<f32> = readings.iter().map(up).collect();
        let mut due_at = up.clone();
        due_at.push(f32::INFINITY);
        let down = readings.iter().map(|&reading| (reading as f32) * (1.0 - MARGIN)).collect();
        let guard = (outlook.clear && !runners.is_empty()).then(|| Guard::new(&outlook, readings.len(), runners));
        match guard {
            Some(_) => runners.iter().for_each(|&j| due_at[j as usize] = f32::INFINITY),
            None if runners.is_empty() => {}
            // What cannot be watched is compared with everything.
            None => due_at.fill(f32::INFINITY),
        }
        View { scores, screen, tiles, outlook, guard, down, up, due_at }
    }

    /// Whether a row of cluster `label` that was to be left alone up to `until` must be looked at.
    #[inline(always)]
    fn is_due(&self, label: u32, until: f32) -> bool {
        until <= self.due_at[(label as usize).min(self.up.len())]
    }

    /// The reading up to which a row of cluster `label` may be left alone, if its gap is beyond doubt.
    #[inline(always)]
    fn deadline(&self, label: u32, gap: f32) -> Option<f32> {
        let until = (gap + self.down[label as usize]) * (1.0 - MARGIN);
        (gap > 0.0 && until > self.up[label as usize]).then_some(until.min(f32::MAX))
    }
}

/// Buffers for a pass over the users.
#[derive(Default)]
pub struct Desk {
    /// Blocks to look at as a whole, and single rows of other blocks.
    blocks: Vec<u32>,
    due: Vec<u32>,
    unclear: Vec<u32>,
    eye: Eye,
    watched: Vec<u32>,
    post: Post,
    exact: Vec<dense::Nearby>,
}

impl Desk {
    /// Makes every row that is due unclear; the last block ends at row `end`.
    fn doubt_all(&mut self, end: usize) {
        self.unclear.append(&mut self.due);
        let rows = |&block: &u32| block * LANES as u32..end.min((block as usize + 1) * LANES) as u32;
        self.unclear.extend(self.blocks.iter().flat_map(rows));
    }
}

impl Bounds {
    pub fn new(n_rows: usize) -> Bounds {
        Bounds { label: vec![u32::MAX; n_rows], until: vec![0.0; n_rows] }
    }

    /// Makes the next pass look at a row again.
    pub fn doubt(&mut self, row: usize) {
        self.until[row] = -1.0;
    }

    /// Label and deadline of some rows at equal distances.
    pub fn sample(&self) -> Vec<(u32, f32)> {
        let step = (self.label.len() / SAMPLE).max(1);
        self.label.iter().copied().zip(self.until.iter().copied()).step_by(step).collect()
    }

    /// Brings the labels of `rows` (from the first of a block on) up to date and appends to `changed` the rows whose label
    /// changed, each with the label before. Returns the number of rows that were looked at.
    pub fn assign(&mut self, view: &View, rows: Range<usize>, desk: &mut Desk, changed: &mut Vec<(u32, u32)>) -> usize {
        let looked = self.find_due(view, rows.clone(), &mut desk.blocks, &mut desk.due)
            + view.guard.as_ref().map_or(0, |guard| self.watch(view, guard, rows.clone(), desk));
        if looked == 0 {
            return 0;
        }
        desk.unclear.clear();
        if view.outlook.clear {
            self.look(view, rows.end, desk, changed);
        } else {
            desk.doubt_all(rows.end);
        }
        self.decide(view, desk, changed);
        looked
    }

    /// Looks at what is due in single precision; rows that this does not decide become unclear.
    fn look(&mut self, view: &View, end: usize, desk: &mut Desk, changed: &mut Vec<(u32, u32)>) {
        let Desk { blocks, due, unclear, eye, .. } = desk;
        let mut seen = eye.look::<false>(view.screen, &view.outlook, blocks, due);
        for (&block, seen) in blocks.iter().zip(&mut seen) {
            let first = block as usize * LANES;
            self.take(view, first..(first + LANES).min(end), seen, unclear, changed);
        }
        for (rows, seen) in due.chunks(LANES).zip(seen) {
            let gap = seen.gap();
            for (lane, &row) in rows.iter().enumerate() {
                self.take_row(view, row, (seen.sight.label[lane], gap[lane]), unclear, changed);
            }
        }
    }

    /// Compares the unclear rows with every centroid in double precision.
    fn decide(&mut self, view: &View, desk: &mut Desk, changed: &mut Vec<(u32, u32)>) {
        dense::nearest(view.scores, &desk.unclear, view.tiles, &mut desk.exact);
        for (&row, found) in desk.unclear.iter().zip(desk.exact.iter()) {
            let gap = view.screen.unit() * (found.others.sqrt() - found.squared.sqrt()) - view.outlook.slack;
            let gap = (gap.min(f64::from(f32::MAX)) as f32) * (1.0 - MARGIN);
            self.put(row, found.label, view.deadline(found.label, gap).unwrap_or(-1.0), changed);
        }
    }

    /// The rows whose label may no longer hold: whole blocks where many of them lie, and the others one by one. Returns how
    /// many.
    fn find_due(&self, view: &View, rows: Range<usize>, blocks: &mut Vec<u32>, due: &mut Vec<u32>) -> usize {
        blocks.clear();
        due.clear();
        due.resize(rows.len() + LANES, 0);
        let n_clusters = view.up.len();
        // This many copies cost as much as looking at the whole block.
        let enough = n_clusters.div_ceil(n_clusters / LANES + COPY);
        let (labels, until) = (&self.label[rows.clone()], &self.until[rows.clone()]);
        let (mut looked, mut n) = (0, 0);
        for (block, (labels, until)) in labels.chunks(LANES).zip(until.chunks(LANES)).enumerate() {
            let first = rows.start + block * LANES;
            let room: &mut [u32; LANES] = (&mut due[n..n + LANES]).try_into().expect("room for a block");
            let mut here = 0;
            for (lane, (&label, &until)) in labels.iter().zip(until).enumerate() {
                room[here % LANES] = (first + lane) as u32;
                here += usize::from(view.is_due(label, until));
            }
            looked += here;
            if here >= enough {
                blocks.push((first / LANES) as u32);
            } else {
                n += here;
            }
        }
        due.truncate(n);
        looked
    }

    /// Compares the rows that are not due with the runners, and makes those due whose label may no longer hold. Returns how
    /// many.
    fn watch(&mut self, view: &View, guard: &Guard, rows: Range<usize>, desk: &mut Desk) -> usize {
        let Desk { blocks, due, watched, post, .. } = desk;
        let mut whole = blocks.iter().peekable();
        let mut is_whole = |block: &u32| whole.next_if(|whole| *whole == block).is_some();
        watched.clear();
        watched.extend(((rows.start / LANES) as u32..rows.end.div_ceil(LANES) as u32).filter(|block| !is_whole(block)));
        let before = due.len();
        let Bounds { label, until } = self;
        let labels = |block: u32| {
            let rows = &label[block as usize * LANES..];
            std::array::from_fn(|lane| rows.get(lane).map_or(0, |&label| label.min(view.down.len() as u32 - 1)))
        };
        guard.watch((view.screen, &view.outlook), watched, post, labels, |block, gap| {
            let first = block as usize * LANES;
            for (row, gap) in (first..(first + LANES).min(rows.end)).zip(gap) {
                if view.is_due(label[row], until[row]) {
                    continue;
                }
                match view.deadline(label[row], gap) {
                    Some(deadline) => until[row] = until[row].min(deadline),
                    None => due.push(row as u32),
                }
            }
        });
        due.len() - before
    }

    /// Takes over what was seen of a block.
    fn take(
        &mut self,
        view: &View,
        rows: Range<usize>,
        seen: Seen,
        unclear: &mut Vec<u32>,
        changed: &mut Vec<(u32, u32)>,
    ) {
        let (label, gap) = (&seen.sight.label, seen.gap());
        let mut until = [0.0; LANES];
        let mut plain = rows.len() == LANES;
        for ((until, &label), (&gap, &before)) in
            until.iter_mut().zip(label).zip(gap.iter().zip(&self.label[rows.clone()]))
        {
            let deadline = view.deadline(label, gap);
            plain &= deadline.is_some() & (label == before);
            *until = deadline.unwrap_or(-1.0);
        }
        if plain {
            self.until[rows].copy_from_slice(&until);
            return;
        }
        for (lane, row) in rows.enumerate() {
            self.take_row(view, row as u32, (label[lane], gap[lane]), unclear, changed);
        }
    }

    #[inline(always)]
    fn take_row(
        &mut self,
        view: &View,
        row: u32,
        (label, gap): (u32, f32),
        unclear: &mut Vec<u32>,
        changed: &mut Vec<(u32, u32)>,
    ) {
        match view.deadline(label, gap) {
            Some(until) => self.put(row, label, until, changed),
            None => unclear.push(row),
        }
    }

    #[inline(always)]
    fn put(&mut self, row: u32, label: u32, until: f32, changed: &mut Vec<(u32, u32)>) {
        let before = std::mem::replace(&mut self.label[row as usize], label);
        self.until[row as usize] = until;
        if before != label {
            changed.push((row, before));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::keyed::{Stream, uniform};
    use crate::kernel::lloyd::tests::{plain_nearest, values};
    use crate::kernel::lloyd::{Cloud, Point, Points, Shift};
    use crate::kernel::simd::tests::at_every_level;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        /// Centroids go to the means of their members or to places in between, in steps that become small; after each
        /// move the labels are those of plain loops, and whoever is noted as changed has changed.
        #[test]
        fn labels_are_those_of_plain_loops(
            kind in 0usize..4,
            (n, n_dims, k) in (1usize..150, 1usize..70).prop_flat_map(|(n, d)| (Just(n), Just(d), 1..=n.min(60))),
            exponent in -8i32..9,
            middle in prop::sample::select(vec![0.0, 0.3, 1e4]),
            stretch in prop::sample::select(vec![16usize, 64, 1024]),
            seed in 0u64..1000,
        ) {
            let values = values(kind, n * n_dims, 10f64.powi(exponent), middle, seed);
            let points = Points::Dense { values: &values, n_rows: n, n_dims };
            let cloud = Cloud::new(points);
            let (scores, screen) = cloud.dense().unwrap();
            let centres: Vec<Point> = (0..k).map(|j| points.point(j * n / k)).collect();
            let mut tiles = Tiles::of(&points, &centres.iter().collect::<Vec<_>>());
            let mut odometers = Odometers::new(k);
            let mut bounds = Bounds::new(n);
            let mut desk = Desk::default();
            for step in 0..12 {
                let before = bounds.label.clone();
                let mut changed = Vec::new();
                let view = View::new(scores, screen, &tiles, &odometers);
                for start in (0..n).step_by(stretch) {
                    bounds.assign(&view, start..(start + stretch).min(n), &mut desk, &mut changed);
                }
                let centroids: Vec<Vec<f64>> = (0..k).map(|j| tiles.centroid(j)).collect();
                for (row, x) in values.chunks(n_dims).enumerate() {
                    prop_assert_eq!(bounds.label[row], plain_nearest(x, &centroids), "row {} in step {}", row, step);
                }
                changed.sort_unstable();
                let differ = (0..n).filter(|&row| before[row] != bounds.label[row]);
                prop_assert_eq!(changed, Vec::from_iter(differ.map(|row| (row as u32, before[row]))));
                let (sums, counts) = sums(&values, &bounds.label, &centroids, step);
                let shifts = tiles.move_to(&sums, &counts.iter().map(|&count| count as f64).collect::<Vec<_>>(), unit(&values), &vec![true; k]);
                odometers.advance(screen, &shifts, &bounds.sample());
            }
        }
    }

    fn unit(values: &[f64]) -> f64 {
        values.iter().fold(f64::MIN_POSITIVE, |most, x| most.max(x.abs())) * 2.0f64.powi(-40)
    }

    /// Sums that move centroids to the means of their members, and later a small part of the way.
    fn sums(values: &[f64], labels: &[u32], centroids: &[Vec<f64>], step: i32) -> (Vec<i64>, Vec<i64>) {
        let n_dims = centroids[0].len();
        let part = if step < 4 { 1.0 } else { 0.1f64.powi(step - 3) };
        let mut sums = Vec::new();
        for (j, centroid) in centroids.iter().enumerate() {
            let members: Vec<&[f64]> =
                values.chunks(n_dims).zip(labels).filter(|(_, label)| **label == j as u32).map(|(x, _)| x).collect();
            for (dim, old) in centroid.iter().enumerate() {
                let mean = members.iter().map(|x| x[dim]).sum::<f64>() / members.len().max(1) as f64;
                let new = if members.is_empty() { *old } else { old + part * (mean - old) };
                sums.push((new / unit(values)).round() as i64);
            }
        }
        (sums, vec![1; centroids.len()])
    }

    /// Moves centroids a little, and those of `jumps` to rows, one each.
    fn jump(tiles: &mut Tiles, points: &Points, jumps: &[(usize, usize)], size: f64) -> Vec<Shift> {
        let mut shifts = Vec::new();
        for j in 0..tiles.n_columns() {
            let old = tiles.centroid(j);
            let mut new = Point { indices: (0..old.len() as u32).collect(), values: old.clone() };
            new.values.iter_mut().enumerate().for_each(|(dim, x)| *x += size * ((j * 7 + dim * 3) % 5) as f64);
            if let Some(&(_, row)) = jumps.iter().find(|(column, _)| *column == j) {
                new = points.point(row);
            }
            let squared = old.iter().zip(&new.values).fold(0.0, |sum, (old, new)| sum + (new - old) * (new - old));
            tiles.place(j, &new);
            shifts.push(Shift { squared, moved: squared != 0.0 });
        }
        shifts
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Where a few centroids jump and the others all but stay, the few run, and the labels are those of plain loops.
        #[test]
        fn runners_are_met_by_everyone(
            kind in 0usize..4,
            (n, n_dims, k) in (200usize..500, 1usize..40).prop_flat_map(|(n, d)| (Just(n), Just(d), 100..=n)),
            drift in prop::sample::select(vec![0.0, 1e-7, 1e-3]),
            jumps in prop::collection::vec(prop::collection::vec((0usize..100, 0usize..200), 0..5), 8),
            seed in 0u64..1000,
        ) {
            let values = values(kind, n * n_dims, 1.0, 0.0, seed);
            let points = Points::Dense { values: &values, n_rows: n, n_dims };
            for result in at_every_level(|_| meet_jumps(&points, &values, k, drift, &jumps)) {
                result?;
            }
        }
    }

    /// Labels after each of several moves.
    fn meet_jumps(
        points: &Points,
        values: &[f64],
        k: usize,
        drift: f64,
        jumps: &[Vec<(usize, usize)>],
    ) -> Result<(), TestCaseError> {
        let (n, n_dims) = (points.n_rows(), points.n_dims());
        let cloud = Cloud::new(*points);
        let (scores, screen) = cloud.dense().unwrap();
        let centres: Vec<Point> = (0..k).map(|j| points.point(j * n / k)).collect();
        let mut tiles = Tiles::of(points, &centres.iter().collect::<Vec<_>>());
        let (mut odometers, mut bounds, mut desk) = (Odometers::new(k), Bounds::new(n), Desk::default());
        for jumps in jumps {
            let view = View::new(scores, screen, &tiles, &odometers);
            for start in (0..n).step_by(128) {
                bounds.assign(&view, start..(start + 128).min(n), &mut desk, &mut Vec::new());
            }
            let centroids: Vec<Vec<f64>> = (0..k).map(|j| tiles.centroid(j)).collect();
            for (row, x) in values.chunks(n_dims).enumerate() {
                prop_assert_eq!(bounds.label[row], plain_nearest(x, &centroids), "row {}", row);
            }
            let shifts = jump(&mut tiles, points, jumps, drift);
            odometers.advance(screen, &shifts, &bounds.sample());
        }
        Ok(())
    }

    #[test]
    fn only_who_is_near_a_runner_looks_at_all_centroids() {
        let (n, k) = (3200, 320);
        let values: Vec<f64> =
            (0..n).map(|i| (i % k) as f64 * 100.0 + uniform(1, Stream::Generate, 0, i as u64)).collect();
        let points = Points::Dense { values: &values, n_rows: n, n_dims: 1 };
        let cloud = Cloud::new(points);
        let (scores, screen) = cloud.dense().unwrap();
        let centres: Vec<Point> = (0..k).map(|j| points.point(j)).collect();
        let mut tiles = Tiles::of(&points, &centres.iter().collect::<Vec<_>>());
        let (mut odometers, mut bounds, mut desk) = (Odometers::new(k), Bounds::new(n), Desk::default());
        let mut look = |tiles: &Tiles, odometers: &Odometers, bounds: &mut Bounds| {
            let mut changed = Vec::new();
            let looked = bounds.assign(&View::new(scores, screen, tiles, odometers), 0..n, &mut desk, &mut changed);
            (looked, changed.len())
        };
        assert_eq!(look(&tiles, &odometers, &mut bounds), (n, n));
        // Cluster 0 goes to the place of cluster 200: its users go to cluster 1, and some of cluster 200 become its own.
        let shifts = jump(&mut tiles, &points, &[(0, 200 + k)], 0.0);
        odometers.advance(screen, &shifts, &bounds.sample());
        assert_eq!(odometers.runners(), [0]);
        let (looked, changed) = look(&tiles, &odometers, &mut bounds);
        assert!((changed..=20).contains(&looked) && changed > 10, "{looked} looked, {changed} changed");
    }

    #[test]
    fn users_far_from_the_others_are_left_alone() {
        let values: Vec<f64> =
            (0..1000).map(|i| f64::from(i % 10) * 100.0 + uniform(1, Stream::Generate, 0, i as u64)).collect();
        let points = Points::Dense { values: &values, n_rows: 1000, n_dims: 1 };
        let cloud = Cloud::new(points);
        let (scores, screen) = cloud.dense().unwrap();
        let centres: Vec<Point> = (0..10).map(|j| points.point(j)).collect();
        let tiles = Tiles::of(&points, &centres.iter().collect::<Vec<_>>());
        let mut odometers = Odometers::new(10);
        let (mut bounds, mut desk, mut changed) = (Bounds::new(1000), Desk::default(), Vec::new());
        let mut look = |odometers: &Odometers, bounds: &mut Bounds| {
            bounds.assign(&View::new(scores, screen, &tiles, odometers), 0..1000, &mut desk, &mut changed)
        };
        assert_eq!(look(&odometers, &mut bounds), 1000);
        assert_eq!(look(&odometers, &mut bounds), 0);
        let mut shifts = [Shift::default(); 10];
        shifts[3] = Shift { squared: 0.25, moved: true };
        odometers.advance(screen, &shifts, &bounds.sample());
        assert_eq!(look(&odometers, &mut bounds), 0);
        shifts[3].squared = 1e4;
        odometers.advance(screen, &shifts, &bounds.sample());
        assert_eq!(look(&odometers, &mut bounds), 1000);
    }
}
