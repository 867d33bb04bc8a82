//! The least `memory` with which a job runs: its ratings lie in scratch files, and all else fits.

use super::memory::Held;
use super::question::Question;
use crate::job::Job;

/// By how much more it is tried with each time.
const STEP: f64 = 1.05;
/// Of `memory`: for the rows of a process while they are read, and a little for what is not thought of here.
const FOR_ROWS: f64 = 0.45;
/// Nothing needs more than that.
const MOST: f64 = 1e15;

/// What a job needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Least {
    /// Bytes.
    pub memory: f64,
    /// The stage that needs it, and what takes most of it there.
    pub stage: &'static str,
    pub part: &'static str,
}

/// What the job needs where its `memory` is too little; nothing where that is enough.
pub fn missing(q: &Question) -> Option<Least> {
    let (first, _) = past(q, q.job.memory as f64)?;
    let mut memory = q.job.memory as f64;
    while memory < MOST && past(q, memory).is_some() {
        memory *= STEP;
    }
    Some(Least { memory, ..first })
}

/// The stage that needs more than `memory`, and by how much.
fn past(q: &Question, memory: f64) -> Option<(Least, f64)> {
    // Some parts are shares of it.
    let job = Job { memory: memory as u64, ..q.job.clone() };
    let question = Question { job: &job, ..*q };
    let held = Held::new(&question);
    let stages = q.stages().filter(|stage| *stage != "choose");
    let needs = stages.map(|stage| {
        let parts = held.besides_rows(stage);
        let bytes: f64 = parts.iter().map(|(_, bytes)| bytes).sum();
        let (part, _) = parts.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or(("", 0.0));
        let room = if stage == "ingest" { (1.0 - FOR_ROWS) * memory } else { memory };
        (Least { memory, stage, part }, bytes - room)
    });
    needs.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, past)| *past > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::predict::tests::{cluster, job, sizes};
    use crate::stages::pca::Approach;

    #[test]
    fn what_is_missing_is_enough_and_no_more_than_that() {
        let data = sizes(5e6, 208e3, 1e9);
        let missing = |memory: u64, processes: usize| {
            let job = Job { memory, ..job("[kmeans]\nclusters = 200\n[sweep]\nclusters = []") };
            let counts = [data.users, data.items, data.ratings].map(|count| count as u64);
            let approach = Approach::new(counts, data.products(), &job.pca, 4 << 30).unwrap();
            let q =
                Question { job: &job, sizes: data, cluster: cluster(processes, 2), approach: &approach, copied: false };
            super::missing(&q)
        };
        let least = missing(1 << 30, 1).unwrap();
        assert!(least.memory > (1u64 << 30) as f64 && !least.part.is_empty(), "{least:?}");
        assert_eq!(missing(least.memory as u64, 1), None);
        assert!(missing((least.memory / STEP / STEP) as u64, 1).is_some());
        assert_eq!(missing(64 << 30, 1), None);
        // More processes need less each.
        assert!(missing(1 << 30, 8).is_none_or(|of_eight| of_eight.memory < least.memory));
    }
}
