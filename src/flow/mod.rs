//! Everything that knows timely: the cluster, the collectives, the shuffle.

pub mod cluster;
pub mod collective;
pub mod read;
pub mod shuffle;
