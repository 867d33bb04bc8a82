//! Everything that runs on timely but live mode: the cluster, the collectives, the shuffle, and reading through it.
//!
//! Knows: timely, sockets and child processes; how rows are read (`ingest`) and sealed (`shard`). Does not know: what any stage
//! does with them, or what a command is.
//!
//! **Invariant: timely-stays-here.** Only this room and `live` know timely, and unchecked bytes never reach it: every byte from
//! another process has come through a [`cluster`] link whose two ends were checked.
//!
//! | module | what it does |
//! |---|---|
//! | [`cluster`] | starts the workers; the wire handshake is `cluster/handshake.rs`, what members must agree on `cluster/hello.rs` |
//! | [`collective`] | sums, maxima, gathers and broadcasts among all workers |
//! | [`shuffle`] | rows to the worker of their user |
//! | [`read`], `reader` | the input of a job to sealed shards |
//! | [`launch`] | starts, watches and restarts all processes of a job |

pub mod cluster;
pub mod collective;
pub mod launch;
pub mod read;
mod reader;
pub mod shuffle;
