//! What makes each segment different: what its members like, have and lack, and how much they rate.
//!
//! | file | what it does |
//! |---|---|
//! | `outcome` | the [`Profile`] of a segment |
//! | `fit` | profiles, from the ratings or from tables that are kept up to date |
//! | `liked` | the mean TF-IDF row of the members, on the raw ratings, and its top items |
//! | `members` | the share of members who have an item, compared with all users |
//! | `activity`, `users` | how many ratings members have |
//! | `summary`, `category` | metadata of the items that members rated |

mod activity;
mod category;
mod fit;
mod liked;
mod members;
mod outcome;
mod summary;
#[cfg(test)]
mod tests;
mod users;

pub use activity::{Activity, activity_key, of_segments};
pub use category::Category;
pub use fit::{Around, Tables, Weighing, fit, of_model, of_tables, owners, tops_of_tables};
pub use liked::Scored;
pub use members::ItemShare;
pub use outcome::{Near, Profile, ProfileItem};
pub use summary::{Summary, SummaryOf};
pub use users::Users;
