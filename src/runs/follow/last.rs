//! Writes the tables at the end of a session (`--final`).

use std::path::Path;
use std::rc::Rc;

use crate::collective::Collective;
use crate::error::Result;
use crate::ingest::Items;
use crate::kernel::csr::Rows;
use crate::live::engine::Engine;
use crate::results::UserTable;
use crate::results::followed::{Followed, Record};
use crate::results::model::{self, Model};
use crate::runs::output::{self, Folder};
use crate::runs::ranges::Ranges;
use crate::runs::room::folder_beside;
use crate::stages::kmeans::Assignment;
use crate::stages::profile::{self, Around, Profile, Users};

use super::lead::Lead;

/// Ratings that are looked at at a time.
const ENTRIES: usize = 1 << 20;

/// Writes the folder `output`, with so many users in a file at most. All workers call it together; `lead` and `record` are the
/// coordinator's.
pub fn write<C: Collective>(
    c: &mut C,
    engine: &mut Engine,
    model: &Model,
    top: usize,
    lead: Option<(&Lead, Record)>,
    (output, per_file): (&Path, u64),
) -> Result<Option<Record>> {
    let (users, profiles) = tables(c, engine, model, top);
    let mut folder = Folder::create(c, output, &folder_beside(output))?;
    let of_users = output::of_users(c, &users.rows);
    let digest = folder.write_users(c, &users, of_users, per_file)?;
    let written = lead.zip(folder.local()).map(|((lead, mut record), local)| {
        record.digests.extend(digest);
        let names = &lead.names;
        let items = Items { ids: names.items.clone(), titles: names.titles.clone(), metadata: Vec::new() };
        let followed = Followed {
            record,
            profiles,
            items: &items,
            names: &names.segments,
            model: &lead.folder.join(model::FOLDER),
            rejects: lead.state.rejects(),
        };
        followed.fill(local)
    });
    let record = c.agree(written.transpose())?;
    folder.publish(c)?;
    Ok(record)
}

/// Writes the table of all users alone, into a new folder `output`. All workers call it together.
pub fn write_users<C: Collective>(c: &mut C, engine: &mut Engine, output: &Path, per_file: u64) -> Result<()> {
    let users = Ranges::of(c, placed(engine));
    let mut folder = Folder::create(c, output, &folder_beside(output))?;
    let of_users = output::of_users(c, &users.rows);
    folder.write_users(c, &users, of_users, per_file)?;
    folder.publish(c)
}

/// The users in order, and the profiles, on the coordinator.
fn tables<C: Collective>(
    c: &mut C,
    engine: &mut Engine,
    model: &Model,
    top: usize,
) -> (Ranges<UserTable>, Vec<Profile>) {
    let table = Ranges::of(c, placed(engine));
    let by_activity = engine.placements().by_activity();
    let counted = Users::of(c, by_activity, model.centroids.nrows());
    let around = Around { centroids: model.centroids.view(), metadata: &[], top };
    (table, profile::of_tables(c, engine.tables().view(), &counted, around))
}

/// This worker's users and where they are; what Naive Bayes takes them for is found out now.
fn placed(engine: &mut Engine) -> UserTable {
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
    let users = numbers.iter().map(|&user| engine.users().id(user).clone()).collect();
    UserTable { users, assignment, nb_segment: classes }
}
