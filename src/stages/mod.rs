//! The stages of a run, in the order of the data: each takes what the stages before it found.
//!
//! | module | what it does |
//! |---|---|
//! | [`choose`] | the settings that the job leaves open |
//! | [`pca`] | weighted ratings to scores on principal components |
//! | [`kmeans`] | scores to segments |
//! | [`mixture`] | segments refined by the items of their members |
//! | [`validate`] | whether a classifier can tell the segments apart |
//! | [`profile`] | what makes each segment different |
//! | [`evidence`] | whether the segments are real |
//! | [`continuity`] | what became of the segments of an earlier run |
//! | [`names`] | what segments are called |
//! | [`assign`] | users to the segments of a fitted model |
//! | [`resume`] | what a stage leaves behind in a checkpoint |
//!
//! Knows: `kernel`, `collective`, the shard and its items, the parameters of the job. Does not know: files of results, runs,
//! timely. A stage may use the result types of the stages before it, methods included; only [`choose`] and
//! [`evidence`] call other stages: they run [`pca`], [`kmeans`] and [`mixture`] again, and a choice is made by evidence.
//!
//! **Invariant: partial-sum-finish.** Each worker computes its part in a fixed order and rounds it once to fixed point
//! ([`crate::kernel::fixed`]); the integers are summed over all workers; every worker, or the coordinator for all, finishes the
//! same sum in the same way. So no bit depends on the layout.

pub mod assign;
pub mod choose;
pub mod continuity;
pub mod evidence;
pub mod kmeans;
pub mod mixture;
pub mod names;
pub mod pca;
pub mod profile;
pub mod resume;
pub mod validate;
