//! Rows, in any order, to a sealed shard, partition by partition.
//!
//! The users and their ratings depend on the set of rows, not on their order (sealed-by-id). A partition numbers its users,
//! counts their rows, sorts each user's by item, and merges the rows of one user and item by the rule.
//!
//! | file | what it does |
//! |---|---|
//! | `seal` | all partitions, one after the other |
//! | `rule` | what becomes of several rows of one user and item |
//! | `users` | the users of a partition, numbered and sorted |
//! | `cells` | their ratings, sorted |
//! | `writer` | sorted ratings to a packed block |

mod cells;
mod rule;
mod seal;
#[cfg(test)]
mod tests;
mod users;
mod writer;

pub use rule::{NOTHING, Rule, Several, merge};
pub use seal::{Sealed, seal};
pub use writer::BlockWriter;
