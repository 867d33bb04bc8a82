//! The items of a run, with what is known of them.

use super::model::Plan;
use crate::error::Result;
use crate::ingest::generate::Generator;
use crate::ingest::ids::Id;
use crate::ingest::items::Items;
use crate::ingest::titles;
use crate::job::Input;

/// The items of the dictionary, with their titles and metadata.
pub fn name_items(input: &Input, plan: &Plan, ids: Vec<Id>) -> Result<Items> {
    match (&input.items, plan) {
        (Some(spec), _) => Ok(titles::read(spec)?.of(ids)),
        (None, Plan::Generate(spec)) => Ok(Generator::new(spec)?.items(ids)),
        (None, Plan::Files(_)) => Ok(Items::without_titles(ids)),
    }
}
