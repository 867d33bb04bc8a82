//! Starting the workers: threads of one process, or processes that find each other first.
//!
//! Only links to members that were checked (`meet`) are handed to timely: unchecked bytes never reach it. While the workers
//! work, signs of life (`pulse`) tell a lost peer from a busy one. However a process ends, it leaves no other one behind
//! (`panics`).
//!
//! | module | what it does |
//! |---|---|
//! | `start` | runs something on every worker |
//! | `layout` | how many processes and workers there are |
//! | `meet`, `hall`, `places` | how processes find each other |
//! | `handshake`, `hello`, `key` | the wire handshake: which connection is a member's, and whether the member fits |
//! | `link` | a checked connection |
//! | `pulse`, `panics` | how a lost peer is noticed, and how a process ends |

mod hall;
pub(crate) mod handshake;
pub(crate) mod hello;
mod key;
mod layout;
pub(crate) mod link;
mod meet;
mod panics;
pub(crate) mod places;
mod pulse;
mod start;

pub use handshake::Security;
pub use key::{ClusterKey, KEY_FILE_VARIABLE, KEY_VARIABLE};
pub use layout::Layout;
pub use panics::{end, leave};
pub use pulse::advance;
pub use start::{Fingerprint, Worker, execute};
