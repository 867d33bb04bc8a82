//! Prints a batch as lines of JSON.

use std::path::Path;

use crate::live::change::Positions;
use crate::live::event::{self, Event, JsonId, Lines};
use crate::results::followed::Changes;

use super::names::Names;
use super::refitted::Refitted;
use super::standing::{Judged, Reflected, Standing, top_changes};

/// The line with which a session begins.
pub fn start(batch: u64, resumed: bool, model: &Path, names: &Names, now: &Standing) -> Lines {
    let mut lines = Lines::default();
    let pairs = (0..).zip(names.segments.iter().zip(&now.sizes));
    let segments = pairs.map(|(segment, (name, &size))| event::Standing { segment, name, size: size as u64 }).collect();
    lines.push(&Event::Start { batch, resumed, model, users: now.users(), ratings: now.ratings(), segments });
    lines
}

/// What there is to say of a batch.
pub struct Batch<'a> {
    pub number: u64,
    pub reflected: &'a Reflected,
    pub before: &'a Standing,
    pub now: &'a Standing,
    /// Absent where it is as it was.
    pub judged: Option<&'a Judged>,
    pub refit: Option<&'a Refitted>,
    /// Of this batch.
    pub changes: Changes,
    pub unknown_items: u64,
    pub positions: &'a Positions,
    /// Mean squared distance of the fit.
    pub inertia_per_user_fit: f64,
}

/// The lines of a batch, the last of which ends it.
pub fn batch(told: &Batch<'_>, names: &Names) -> Lines {
    let mut lines = Lines::default();
    let batch = told.number;
    for (user, from, to) in &told.reflected.moves {
        lines.push(&Event::Move { batch, user: JsonId(user), from: *from, to: *to });
    }
    for (segment, size, before) in told.now.resized(told.before) {
        lines.push(&Event::Size { batch, segment, size, before });
    }
    tops(told, names, &mut lines);
    told.judged.iter().for_each(|judged| drift(told, judged, &mut lines));
    if let Some(Refitted { folder, matched, .. }) = told.refit {
        lines.push(&Event::Refit { batch, model: folder, matched });
    }
    end(told, &mut lines);
    lines
}

/// Items that entered or left the top items of a segment, or moved among them.
fn tops(told: &Batch<'_>, names: &Names, lines: &mut Lines) {
    let batch = told.number;
    for (segment, (now, before)) in (0..).zip(told.now.tops.iter().zip(&told.before.tops)) {
        for (item, place) in top_changes(now, before) {
            let (id, title) = (&names.items[item as usize], names.titles[item as usize].as_deref());
            let (rank, score) = place.unzip();
            lines.push(&Event::Top { batch, segment, item: JsonId(id), title, rank, score });
        }
    }
}

/// Whether a refit is due.
fn drift(told: &Batch<'_>, judged: &Judged, lines: &mut Lines) {
    let drift = judged.drift;
    lines.push(&Event::Drift {
        batch: told.number,
        inertia_per_user: drift.inertia_ratio * told.inertia_per_user_fit,
        inertia_per_user_fit: told.inertia_per_user_fit,
        moved_share: drift.moved_share,
        idf_drift: drift.idf_drift,
        refit_due: judged.why.is_some(),
        why: judged.why.clone().unwrap_or_default(),
    });
}

/// What became of the changes of the batch, which ends here.
fn end(told: &Batch<'_>, lines: &mut Lines) {
    let Changes { changes, rejected, filtered, unknown, .. } = told.changes;
    lines.push(&Event::Batch {
        batch: told.number,
        changes,
        rejected,
        filtered,
        unknown,
        unknown_items: told.unknown_items,
        users: told.now.users(),
        ratings: told.now.ratings(),
        acknowledged: &event::reached(told.positions),
    });
}
