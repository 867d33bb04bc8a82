//! What to run: [`JobSpec`] is the job file as written, [`Job`] the checked form.
//!
//! [`load`] goes from one to the other: text → keys with their positions → [`JobSpec`] → [`JobSpec::check`] → [`Job`].
//! The guide for users is `jobs/README.md`.
//!
//! Knows: TOML, paths, errors. Does not know: what the files hold, what the stages do with their parameters.
//!
//! **Invariant: checked-once.** Only a checked [`Job`] runs, and the check is the only way to one; no other room checks a
//! value of it again. Every refusal is one line that names the key and the remedy.
//!
//! | file | what it holds |
//! |---|---|
//! | `spec` | the job file as written, with its defaults |
//! | `keys` | the names of all keys, and suggestions for misspelt ones |
//! | `load` | from a file and `--set` to a job |
//! | `check` | ranges and combinations, section by section; `refuse` makes the errors |
//! | `checked` | the [`Job`]; its parts are in `input`, `column`, `titles`, `numbers`, `generate`, `filter`, `params` and `time` |
//! | `again` | the job of a finished run, for other ratings |

mod again;
mod check;
mod checked;
mod column;
mod filter;
mod generate;
mod input;
mod keys;
mod load;
mod numbers;
mod params;
mod refuse;
mod schema;
mod spec;
#[cfg(test)]
mod tests;
mod time;
mod titles;

pub use checked::Job;
pub use column::{Column, RatingColumn};
pub use filter::Filter;
pub use generate::{DEFAULT_AFFINITY, DEFAULT_MOVERS, Feedback, GenerateSpec};
pub use input::{Duplicates, FileFormat, FilesSpec, Find, Input, OnBad, STDIN, Source, Time};
#[cfg(any(test, fuzzing))]
pub(crate) use load::from_bytes;
pub use load::{is_job, load, of_data};
pub use numbers::{Decimal, Numbers};
pub use params::{
    Amounts, BayesModel, By, Choices, EvidenceParams, KMeansParams, Matrix, Missing, Normalize, PcaParams,
    ProfileParams, Refine, Solver, SweepParams, ValidateParams, Weighting,
};
pub use schema::schema;
pub use spec::{DEFAULT_SWEEP, JobSpec};
pub use time::TimeUnit;
pub use titles::{Encoding, ItemColumns, MetadataFrom, MetadataSpec, TitlesSpec};
