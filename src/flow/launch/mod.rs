//! Starting, watching and restarting the processes of a job (`segmill launch`).
//!
//! Every member is a child process, on another machine by way of ssh. It gets its orders ([`Orders`]: the key, the
//! addresses, the run and the attempt) on standard input, where no list of processes shows them, and leaves when that
//! input ends: so a launcher that is killed leaves no member behind. What members say is passed on line by line with their
//! index in front; what several say alike is passed on once.
//!
//! When a member is lost the others notice and leave. Then all are started again, as a new attempt that goes on from the
//! checkpoint, each time after a longer pause. An error of the command line, the job, the data or a file is no reason to try
//! again, and neither is a bug.
//!
//! | module | what it does |
//! |---|---|
//! | `plan` | what to start |
//! | `attempts` | starts all members, watches them, starts them again |
//! | `member` | one process as the launcher sees it |
//! | `command` | the command line that starts it, here or over ssh |
//! | `orders` | what the launcher tells a member |
//! | `said` | what members say, passed on |

mod attempts;
mod command;
mod member;
mod orders;
mod plan;
mod said;

pub use attempts::launch;
pub use orders::{Audience, Orders};
pub use plan::{Plan, STATUS_VARIABLE, is_here};
