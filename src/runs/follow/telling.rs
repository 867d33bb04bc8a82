//! A batch in lines of JSON.

use std::path::Path;

use crate::ingest::ids::Id;
use crate::live::change::Positions;
use crate::live::event::{self, Event, JsonId, Lines};
use crate::results::followed::Changes;

use super::refit::Refitted;
use super::standing::{Judged, Reflected, Standing, top_changes};

/// What items and segments are called.
#[derive(Debug)]
pub struct Names {
    /// By number, those that the model knows.
    pub items: Vec<Id>,
    pub titles: Vec<Option<String>>,
    pub segments: Vec<String>,
}

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
    for (segment, (now, before)) in (0..).zip(told.now.tops.iter().zip(&told.before.tops)) {
        for (item, place) in top_changes(now, before) {
            let (id, title) = (&names.items[item as usize], names.titles[item as usize].as_deref());
            let (rank, score) = place.unzip();
            lines.push(&Event::Top { batch, segment, item: JsonId(id), title, rank, score });
        }
    }
    if let Some(judged) = told.judged {
        let drift = judged.drift;
        lines.push(&Event::Drift {
            batch,
            inertia_per_user: drift.inertia_ratio * told.inertia_per_user_fit,
            inertia_per_user_fit: told.inertia_per_user_fit,
            moved_share: drift.moved_share,
            idf_drift: drift.idf_drift,
            refit_due: judged.why.is_some(),
            why: judged.why.clone().unwrap_or_default(),
        });
    }
    if let Some(Refitted { folder, matched, .. }) = told.refit {
        lines.push(&Event::Refit { batch, model: folder, matched });
    }
    let Changes { changes, rejected, filtered, unknown, .. } = told.changes;
    let (users, ratings) = (told.now.users(), told.now.ratings());
    let (unknown_items, acknowledged) = (told.unknown_items, &event::reached(told.positions));
    lines.push(&Event::Batch {
        batch,
        changes,
        rejected,
        filtered,
        unknown,
        unknown_items,
        users,
        ratings,
        acknowledged,
    });
    lines
}
