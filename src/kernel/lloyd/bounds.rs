//! Which users may have changed their cluster (Hamerly 2010), with one number per user.
//!
//! A user whose nearest centroid is nearer than any other by `gap` keeps it until its own centroid and the fastest of
//! the others have moved by `gap` together. Each cluster has an odometer that counts this way, and each user notes the
//! reading at which it must be looked at again: nothing needs to be written for a user that stays.
//!
//! The law: labels are the same as if every user were compared with every centroid in double precision, ties to the
//! lower centroid. Every number here is rounded to the safe side; where the gap is not beyond doubt, the exact distances
//! decide.

use std::ops::Range;

use super::dense;
use super::points::{LANES, Scores};
use super::screen::{self, Copies, Outlook, Screen, Sight};
use super::tiles::{Shift, Tiles};

/// More than the relative error of a conversion to single precision and of one operation there.
const MARGIN: f32 = 1.0 / (1u32 << 22) as f32;

/// What copying a row out of its block costs, in centroids that a whole block is compared with.
const COPY: usize = 10;

/// The nearest centroid of every row, and how long it is sure to stay the nearest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bounds {
    /// `u32::MAX` before the first look.
    pub label: Vec<u32>,
    /// Reading of the label's odometer up to which the label holds.
    until: Vec<f32>,
}

/// How far the centroids of a run have moved, in units of the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Odometers {
    /// For each cluster: its own way and that of the fastest other in each move.
    readings: Vec<f64>,
}

impl Odometers {
    pub fn new(n_clusters: usize) -> Odometers {
        Odometers { readings: vec![0.0; n_clusters] }
    }

    /// Adds a move of the centroids.
    pub fn advance(&mut self, screen: &Screen, shifts: &[Shift]) {
        let way = |shift: &Shift| shift.squared.sqrt() * screen.unit() * (1.0 + 1e-6) + 1e-30;
        let mut fastest = (usize::MAX, 0.0);
        let mut next = 0.0;
        for (j, way) in shifts.iter().map(way).enumerate() {
            if way > fastest.1 {
                next = fastest.1;
                fastest = (j, way);
            } else if way > next {
                next = way;
            }
        }
        for (j, shift) in shifts.iter().enumerate() {
            self.readings[j] += way(shift) + if j == fastest.0 { next } else { fastest.1 };
        }
    }
}

/// The centroids of a run as they are now, for one pass over the users.
pub struct View<'a> {
    scores: Scores<'a>,
    screen: &'a Screen,
    tiles: &'a Tiles,
    outlook: Outlook,
    /// Odometers, rounded down; and rounded up with the slack. Of a row without a label: infinite.
    down: Vec<f32>,
    up: Vec<f32>,
}

impl<'a> View<'a> {
    /// Of the users `scores`, whose screen `screen` is.
    pub fn new(scores: Scores<'a>, screen: &'a Screen, tiles: &'a Tiles, odometers: &Odometers) -> View<'a> {
        let outlook = Outlook::new(screen, tiles);
        let up = |reading: &f64| ((reading + outlook.slack) as f32) * (1.0 + MARGIN);
        let mut up: Vec<f32> = odometers.readings.iter().map(up).collect();
        up.push(f32::INFINITY);
        let down = odometers.readings.iter().map(|&reading| (reading as f32) * (1.0 - MARGIN)).collect();
        View { scores, screen, tiles, outlook, down, up }
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
    copies: Copies,
    sights: Vec<Sight>,
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

    /// Brings the labels of `rows` (from the first of a block on) up to date and appends to `changed` the rows whose label
    /// changed, each with the label before. Returns the number of rows that were looked at.
    pub fn assign(&mut self, view: &View, rows: Range<usize>, desk: &mut Desk, changed: &mut Vec<(u32, u32)>) -> usize {
        let looked = self.find_due(view, rows.clone(), &mut desk.blocks, &mut desk.due);
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
        let Desk { blocks, due, unclear, copies, sights, .. } = desk;
        screen::look_at_blocks(view.screen, &view.outlook, blocks, sights);
        for (&block, sight) in blocks.iter().zip(sights.iter()) {
            let first = block as usize * LANES;
            self.take(view, first..(first + LANES).min(end), sight, unclear, changed);
        }
        screen::look_at_rows(view.screen, &view.outlook, due, copies, sights);
        for (rows, sight) in due.chunks(LANES).zip(sights.iter()) {
            for (lane, &row) in rows.iter().enumerate() {
                self.take_lane(view, row, sight, lane, unclear, changed);
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
        let n_clusters = view.up.len() - 1;
        // This many copies cost as much as looking at the whole block.
        let enough = n_clusters.div_ceil(n_clusters / LANES + COPY);
        let (up, labels, until) = (&view.up[..], &self.label[rows.clone()], &self.until[rows.clone()]);
        let (mut looked, mut n) = (0, 0);
        for (block, (labels, until)) in labels.chunks(LANES).zip(until.chunks(LANES)).enumerate() {
            let first = rows.start + block * LANES;
            let room: &mut [u32; LANES] = (&mut due[n..n + LANES]).try_into().expect("room for a block");
            let mut here = 0;
            for (lane, (&label, &until)) in labels.iter().zip(until).enumerate() {
                room[here % LANES] = (first + lane) as u32;
                here += usize::from(until <= up[(label as usize).min(n_clusters)]);
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

    /// Takes over what was seen of a block.
    fn take(
        &mut self,
        view: &View,
        rows: Range<usize>,
        sight: &Sight,
        unclear: &mut Vec<u32>,
        changed: &mut Vec<(u32, u32)>,
    ) {
        let mut until = [0.0; LANES];
        let mut plain = rows.len() == LANES;
        for ((until, &label), (&gap, &before)) in
            until.iter_mut().zip(&sight.label).zip(sight.gap.iter().zip(&self.label[rows.clone()]))
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
            self.take_lane(view, row as u32, sight, lane, unclear, changed);
        }
    }

    #[inline(always)]
    fn take_lane(
        &mut self,
        view: &View,
        row: u32,
        sight: &Sight,
        lane: usize,
        unclear: &mut Vec<u32>,
        changed: &mut Vec<(u32, u32)>,
    ) {
        match view.deadline(sight.label[lane], sight.gap[lane]) {
            Some(until) => self.put(row, sight.label[lane], until, changed),
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
    use crate::kernel::lloyd::{Cloud, Point, Points};
    use proptest::prelude::*;

    /// Values of one of several kinds: smooth, on a grid, all but equal, or with a few far out; times `size`, around
    /// `middle`.
    fn values(kind: usize, n: usize, size: f64, middle: f64, seed: u64) -> Vec<f64> {
        let draw = |i: usize| uniform(seed, Stream::Generate, kind as u64, i as u64) - 0.5;
        let value = |i: usize| match kind {
            0 => draw(i),
            1 => (4.0 * draw(i)).round(),
            2 => 1.0 + 1e-12 * (3.0 * draw(i)).round(),
            _ => draw(i) * if i.is_multiple_of(97) { 1e9 } else { 1.0 },
        };
        (0..n).map(|i| size * (value(i) + middle)).collect()
    }

    fn plain(x: &[f64], centroids: &[Vec<f64>]) -> u32 {
        let squared = |c: &[f64]| x.iter().zip(c).fold(0.0, |sum, (x, c)| sum + (x - c) * (x - c));
        let squared: Vec<f64> = centroids.iter().map(|c| squared(c)).collect();
        (0..squared.len()).min_by(|&a, &b| squared[a].total_cmp(&squared[b])).unwrap() as u32
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        /// Centroids go to the means of their members or to places in between, in steps that become small; after each
        /// move the labels are those of plain loops, and whoever is noted as changed has changed.
        #[test]
        fn labels_are_those_of_plain_loops(
            kind in 0usize..4,
            (n, n_dims, k) in (1usize..150, 1usize..40).prop_flat_map(|(n, d)| (Just(n), Just(d), 1..=n.min(60))),
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
                    prop_assert_eq!(bounds.label[row], plain(x, &centroids), "row {} in step {}", row, step);
                }
                changed.sort_unstable();
                let differ = (0..n).filter(|&row| before[row] != bounds.label[row]);
                prop_assert_eq!(changed, Vec::from_iter(differ.map(|row| (row as u32, before[row]))));
                let (sums, counts) = sums(&values, &bounds.label, &centroids, step);
                let shifts = tiles.move_to(&sums, &counts.iter().map(|&count| count as f64).collect::<Vec<_>>(), unit(&values), &vec![true; k]);
                odometers.advance(screen, &shifts);
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
        let mut look = |odometers: &Odometers| {
            bounds.assign(&View::new(scores, screen, &tiles, odometers), 0..1000, &mut desk, &mut changed)
        };
        assert_eq!(look(&odometers), 1000);
        assert_eq!(look(&odometers), 0);
        let mut shifts = [Shift::default(); 10];
        shifts[3] = Shift { squared: 0.25, moved: true };
        odometers.advance(screen, &shifts);
        assert_eq!(look(&odometers), 0);
        shifts[3].squared = 1e4;
        odometers.advance(screen, &shifts);
        assert_eq!(look(&odometers), 1000);
    }
}
