//! What each command does, as a handful of calls in the order of the data.

pub mod assign;
mod calibrate;
pub(crate) mod checkpoint;
mod clock;
mod compare;
mod evidence;
mod fingerprint;
mod fit;
pub mod follow;
mod gather;
pub mod plan;
pub mod predict;
pub mod preview;
pub mod report;
mod room;
pub mod run;
mod simd;
mod sizes;
pub mod verify;
mod warnings;

pub use simd::choose_vector_code;
