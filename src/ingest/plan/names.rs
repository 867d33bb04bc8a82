//! The items of a run, with what is known of them.

use super::model::Plan;
use crate::error::Result;
use crate::ingest::generate::Generator;
use crate::ingest::ids::Id;
use crate::ingest::items::Items;
use crate::ingest::titles::{self, Said};
use crate::job::{Input, Source};

/// The items of the dictionary, with their titles and metadata. `said` is what their rows say of them, `hash_seed` that of their
/// keys.
pub fn name_items(input: &Input, plan: &Plan, ids: Vec<Id>, said: Option<Said>, hash_seed: u64) -> Result<Items> {
    match (&input.items, plan, &input.source, said) {
        (Some(spec), ..) => Ok(titles::read(spec)?.of(ids)),
        (None, Plan::Generate(spec), ..) => Ok(Generator::new(spec)?.items(ids)),
        (None, Plan::Files(_), Source::Files(files), Some(said)) => Ok(said.of(&files.items, ids, hash_seed)),
        (None, Plan::Files(_), ..) => Ok(Items::without_titles(ids)),
    }
}
