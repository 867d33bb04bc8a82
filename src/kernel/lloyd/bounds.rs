//! Which users may have changed their cluster (Hamerly 2010), with one number per user.
//!
//! A user whose nearest centroid is nearer than any other by `gap` keeps it until its own centroid and the fastest of
//! the others have moved by `gap` together. Each cluster has an odometer that counts this way, and each user notes the
//! reading at which it must be looked at again: nothing needs to be written for a user that stays.
//!
//! The law: labels are the same as if every user were compared with every centroid in double precision, ties to the
//! lower centroid. Every number here is rounded to the safe side; where the gap is not beyond doubt, the exact distances
//! decide.

use super::screen::{self, Outlook, Screen, Sight};
use super::{LANES, Scores, Shift, Tiles, dense};

use std::ops::Range;

/// More than the relative error of a conversion to single precision and of one operation there.
const MARGIN: f32 = 1.0 / (1u32 << 22) as f32;

/// The nearest centroid of every row, and how long it is known to be.
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

    /// The centroids have moved.
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
    tiles: &'a Tiles,
    outlook: Outlook,
    /// Odometers, rounded down; and rounded up with the slack. Of a row without a label: infinite.
    down: Vec<f32>,
    up: Vec<f32>,
}

impl<'a> View<'a> {
    pub fn new(screen: &Screen, tiles: &'a Tiles, odometers: &Odometers) -> View<'a> {
        let outlook = Outlook::new(screen, tiles);
        let up = |reading: &f64| ((reading + outlook.slack) as f32) * (1.0 + MARGIN);
        let mut up: Vec<f32> = odometers.readings.iter().map(up).collect();
        up.push(f32::INFINITY);
        let down = odometers.readings.iter().map(|&reading| (reading as f32) * (1.0 - MARGIN)).collect();
        View { tiles, outlook, down, up }
    }

    /// The reading up to which a row of cluster `label` may be left alone, if its gap is beyond doubt.
    #[inline(always)]
    fn deadline(&self, label: u32, gap: f32) -> Option<f32> {
        let until = (gap + self.down[label as usize]) * (1.0 - MARGIN);
        (gap > 0.0 && until > self.up[label as usize]).then_some(until.min(f32::MAX))
    }
}

/// Room for a pass over the users.
#[derive(Default)]
pub struct Desk {
    due: Vec<u32>,
    unclear: Vec<u32>,
    sights: Vec<Sight>,
    exact: Vec<dense::Nearby>,
}

impl Bounds {
    pub fn new(n_rows: usize) -> Bounds {
        Bounds { label: vec![u32::MAX; n_rows], until: vec![0.0; n_rows] }
    }

    /// Looks at a row again next time.
    pub fn doubt(&mut self, row: usize) {
        self.until[row] = -1.0;
    }

    /// Brings the labels of `rows` (from the first of a block on) up to date and notes who changed: row and label before.
    /// Returns the number of rows that were looked at.
    pub fn assign(
        &mut self,
        screen: &Screen,
        scores: Scores,
        view: &View,
        rows: Range<usize>,
        desk: &mut Desk,
        changed: &mut Vec<(u32, u32)>,
    ) -> usize {
        let Desk { due, unclear, sights, exact } = desk;
        self.find_due(view, rows.clone(), due);
        if due.is_empty() {
            return 0;
        }
        unclear.clear();
        let looked = due.len();
        if !view.outlook.clear {
            std::mem::swap(due, unclear);
        } else if 2 * due.len() > rows.len() {
            due.clear();
            due.extend(rows.start as u32..rows.end as u32);
            screen::look_at_blocks(screen, &view.outlook, rows.start / LANES..rows.end.div_ceil(LANES), sights);
        } else {
            screen::look_at_rows(screen, &view.outlook, due, sights);
        }
        for (rows, sight) in due.chunks(LANES).zip(sights.iter()) {
            for (lane, &row) in rows.iter().enumerate() {
                match view.deadline(sight.label[lane], sight.gap[lane]) {
                    Some(until) => self.put(row, sight.label[lane], until, changed),
                    None => unclear.push(row),
                }
            }
        }
        dense::nearest(scores, unclear, view.tiles, exact);
        for (&row, found) in unclear.iter().zip(exact.iter()) {
            let gap = screen.unit() * (found.others.sqrt() - found.squared.sqrt()) - view.outlook.slack;
            let gap = (gap.min(f64::from(f32::MAX)) as f32) * (1.0 - MARGIN);
            self.put(row, found.label, view.deadline(found.label, gap).unwrap_or(-1.0), changed);
        }
        looked
    }

    /// The rows whose label may no longer hold.
    fn find_due(&self, view: &View, rows: Range<usize>, due: &mut Vec<u32>) {
        due.clear();
        due.resize(rows.len(), 0);
        let unlabelled = view.up.len() - 1;
        let mut n = 0;
        let first = rows.start as u32;
        for ((row, &label), &until) in (first..).zip(&self.label[rows.clone()]).zip(&self.until[rows]) {
            due[n] = row;
            n += usize::from(until <= view.up[(label as usize).min(unlabelled)]);
        }
        due.truncate(n);
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
