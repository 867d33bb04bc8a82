//! Something to show in tests.

use std::collections::VecDeque;

use crate::watch::progress::{Live, LiveDrift, LiveItem, LiveMove, LiveSegment, LiveTrend};

pub fn made_up() -> Live {
    let second = LiveSegment { segment: 1, size: 300, size_at_start: 312, ..LiveSegment::default() };
    Live {
        batch: 1200,
        changes: 1_234_567,
        rejected: 12,
        filtered: 3,
        changes_per_second: 5231.25,
        batch_seconds: 0.042,
        unknown_items: 7,
        unknown_ratings: 31,
        users: 1000,
        ratings: 98_765,
        segments: vec![first(), second],
        moves: moves(),
        drift: drift(),
        refits: 2,
        log_bytes: 2048,
    }
}

fn first() -> LiveSegment {
    let item = |item: &str, title: Option<&str>, score, trend| LiveItem {
        item: item.into(),
        title: title.map(String::from),
        score,
        trend,
    };
    LiveSegment {
        segment: 0,
        name: "Horror & Thriller".into(),
        size: 700,
        size_at_start: 688,
        joined: 30,
        left: 18,
        top: vec![
            item("i9", Some("Night <of> Ghosts (1968)"), 0.1234, LiveTrend::Same),
            item("i10", None, 0.1, LiveTrend::New),
        ],
    }
}

fn moves() -> VecDeque<LiveMove> {
    let went = |batch, user: &str, from, to| LiveMove { batch, user: user.into(), from, to };
    [went(1200, "<script>", Some(1), Some(0)), went(1199, "u2", None, Some(1)), went(1199, "u3", Some(0), None)].into()
}

fn drift() -> LiveDrift {
    LiveDrift {
        inertia_per_user: 1.2,
        inertia_per_user_fit: 1.0,
        moved_share: 0.125,
        idf_drift: 0.01,
        threshold: 0.1,
        refit_due: true,
        why: "12.5% of the users > 10%".into(),
    }
}
