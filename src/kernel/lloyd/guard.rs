//! Compares users with a few centroids, the runners, and with their own: enough to tell who must look at all of them.
//!
//! The products are those of the screen, with the same rounding errors. A runner that is not beyond doubt farther than a
//! user's own centroid makes the user due; a runner that is makes it look again when the gap may have closed.

use super::super::simd::{self, Level, apply, mul_add, versions};
use super::panels::{Panels, Side, Sight};
use super::points::LANES;
use super::screen::{Outlook, Screen, gap};
use super::sight;

/// Some centroids of an outlook, and all of them as rows.
#[derive(Debug, Clone)]
pub struct Guard {
    runners: Panels,
    /// `(n_clusters, n_dims)`: −c.
    opposites: Vec<f32>,
    /// `(n_clusters)`: ‖c‖²/2.
    halves: Vec<f32>,
}

/// Buffers.
#[derive(Default)]
pub struct Post {
    sights: Vec<Sight>,
    own: Vec<[f32; LANES]>,
}

impl Guard {
    pub fn new(outlook: &Outlook, n_clusters: usize, runners: &[u32]) -> Guard {
        let (opposites, halves) = outlook.panels.rows(n_clusters);
        Guard { runners: outlook.panels.subset(runners), opposites, halves }
    }

    /// Calls `f` with each of `blocks` and its users' gaps: no runner is less than this farther than the user's own centroid;
    /// of no meaning if not positive. `labels` gives the clusters of a block's users.
    pub fn watch(
        &self,
        (screen, outlook): (&Screen, &Outlook),
        blocks: &[u32],
        post: &mut Post,
        labels: impl Fn(u32) -> [u32; LANES],
        mut f: impl FnMut(u32, [f32; LANES]),
    ) {
        let sides: Vec<Side> = blocks.iter().map(|&block| screen.block(block as usize)).collect();
        sight::look::<false>(&sides, &self.runners, &mut post.sights);
        post.own.resize(screen.n_dims(), [0.0; LANES]);
        for ((&block, side), sight) in blocks.iter().zip(sides).zip(&post.sights) {
            let own = self.own_products(side, &labels(block), &mut post.own);
            f(block, gap(&own, &sight.near, screen.norms(block as usize), outlook.blur));
        }
    }

    fn own_products(&self, side: Side, labels: &[u32; LANES], lines: &mut [[f32; LANES]]) -> [f32; LANES] {
        match simd::level() {
            Level::Baseline => own_products::<false>(side, labels, self, lines),
            _ => own_products::<true>(side, labels, self, lines),
        }
    }
}

/// ‖c‖²/2 − x·c of the users x of a block and their own centroids c.
#[apply(versions!)]
fn own_products<const FUSED: bool>(
    side: Side,
    labels: &[u32; LANES],
    guard: &Guard,
    lines: &mut [[f32; LANES]],
) -> [f32; LANES] {
    let mut sum = [0.0; LANES];
    for lane in 0..LANES {
        let label = labels[lane] as usize;
        sum[lane] = guard.halves[label];
        let row = &guard.opposites[label * lines.len()..][..lines.len()];
        for (line, &c) in lines.iter_mut().zip(row) {
            line[lane] = c;
        }
    }
    for (line, own) in side.iter().zip(lines.iter()) {
        for lane in 0..LANES {
            sum[lane] = mul_add::<FUSED>(line[lane], own[lane], sum[lane]);
        }
    }
    sum
}
