//! The stages of a run, in the order of the data.

pub mod assign;
pub mod continuity;
pub mod evidence;
pub mod kmeans;
pub mod names;
pub mod pca;
pub mod profile;
pub mod resume;
pub mod validate;
