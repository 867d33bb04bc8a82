//! Are the segments real? The evidence for and against.
//!
//! Any k-means gives k clusters. Three questions tell segments from arbitrary slices. Do they say anything about ratings that
//! the fit has not seen ([`HeldOut`])? Do other users of the same kind lead to the same segments ([`Stability`])? Is either more
//! than chance makes of users as active and items as popular, without any taste ([`Null`])?
//!
//! This stage alone calls the stages before it: its second fits run PCA and k-means again.
//!
//! | file | what it does |
//! |---|---|
//! | `outcome` | the [`Evidence`] |
//! | `gather` | all of it in order, on second fits like that of the run |
//! | `share` | the users who are asked, where there are many |
//! | `hidden` | hides a tenth of their ratings from a second fit |
//! | `guess` | how well its segments predict them |
//! | `stability` | refits to other users |
//! | `null` | data without structure, for which all this is done again |
//! | `quality` | indices that use the points alone |
//! | `verdict` | the rule for the verdict |
//! | `activity` | how strongly the first component follows activity |

mod activity;
mod gather;
pub mod guess;
pub mod hidden;
pub mod null;
mod outcome;
mod quality;
mod share;
pub mod stability;
mod verdict;

pub use activity::activity_correlation;
pub use gather::{Question, fit};
pub use outcome::{Evidence, HeldOut, Null, OfClusters, Stability, Verdict};
pub use quality::{Quality, quality};
pub use share::Share;
pub use verdict::STABLE;
