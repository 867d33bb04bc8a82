//! Writes the tables at the end of a session (`--final`).

use std::path::Path;
use std::rc::Rc;

use crate::collective::Collective;
use crate::error::Result;
use crate::ingest::Items;
use crate::ingest::ids::Id;
use crate::kernel::csr::Rows;
use crate::live::engine::Engine;
use crate::results::UserTable;
use crate::results::followed::{Followed, Record};
use crate::results::model::{self, Model};
use crate::runs::gather;
use crate::stages::kmeans::Assignment;
use crate::stages::profile::{self, Around, Profile, Users};

use super::lead::Lead;

/// Ratings that are looked at at a time.
const ENTRIES: usize = 1 << 20;

/// Writes the folder `output`. All workers call it together; `lead` and `record` are the coordinator's.
pub fn write<C: Collective>(
    c: &mut C,
    engine: &mut Engine,
    model: &Model,
    top: usize,
    lead: Option<(&Lead, Record)>,
    output: &Path,
) -> Result<Option<Record>> {
    let (users, profiles) = tables(c, engine, model, top);
    let written = lead.map(|(lead, record)| {
        let names = &lead.names;
        let items = Items { ids: names.items.clone(), titles: names.titles.clone(), metadata: Vec::new() };
        let followed = Followed {
            record,
            users,
            profiles,
            items: &items,
            names: &names.segments,
            model: &lead.folder.join(model::FOLDER),
            rejects: lead.state.rejects(),
        };
        followed.write(output)
    });
    c.agree(written.transpose())
}

/// Users and profiles, on the coordinator.
fn tables<C: Collective>(c: &mut C, engine: &mut Engine, model: &Model, top: usize) -> (UserTable, Vec<Profile>) {
    let (users, assignment, classes) = placed(engine);
    let table = gather::users(c, &users, assignment, classes);
    let by_activity = engine.placements().by_activity();
    let counted = Users::of(c, by_activity, model.centroids.nrows());
    let around = Around { centroids: model.centroids.view(), metadata: &[], top };
    (table, profile::of_tables(c, engine.tables().view(), &counted, around))
}

/// This worker's users and where they are; what Naive Bayes takes them for is found out now.
fn placed(engine: &mut Engine) -> (Vec<Id>, Assignment, Vec<u32>) {
    let frame = Rc::clone(engine.frame());
    let (mut numbers, mut classes, mut block) = (Vec::new(), Vec::new(), Rows::empty());
    engine.each_user(0, |user, rows| {
        numbers.push(user);
        frame.push_row(&mut block, rows);
        if block.indices.len() >= ENTRIES {
            frame.assigner.classes(std::mem::replace(&mut block, Rows::empty()).view(), &mut classes);
        }
        true
    });
    frame.assigner.classes(block.view(), &mut classes);
    let mut assignment = Assignment::with_capacity(numbers.len());
    for place in numbers.iter().map(|&user| engine.placement(user).expect("who has rows has a place")) {
        assignment.segment.push(place.segment);
        assignment.distance.push(place.distance());
        assignment.second.push(place.second);
        assignment.second_distance.push(place.second_distance());
    }
    (numbers.iter().map(|&user| engine.users().id(user).clone()).collect(), assignment, classes)
}
