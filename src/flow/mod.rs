//! Everything that knows timely: the cluster, the collectives, the shuffle, and reading through it.

pub mod cluster;
pub mod collective;
pub mod launch;
pub mod read;
mod reader;
pub mod shuffle;
