//! Loads the ratings that a session begins with.

use crate::collective::Collective;
use crate::error::Result;
use crate::flow::cluster::{Layout, Worker};
use crate::flow::read::{self, Dictionary, Wanted};
use crate::ingest::ids::Id;
use crate::live::engine::Engine;
use crate::live::row::Row;
use crate::runs::clock::Clock;
use crate::runs::room::room;

use super::order::Order;

/// Entries that a worker puts in at a time.
const ENTRIES: usize = 1 << 20;

/// Reads the ratings of the job into the engine. Returns the seed of the keys by which users were dealt to workers, and on the
/// coordinator the items that the model, which has `items`, does not know.
pub fn read_job<C: Collective>(
    worker: &mut Worker,
    c: &mut C,
    order: &Order,
    layout: &Layout,
    items: &[Id],
    engine: &mut Engine,
) -> Result<(u64, Vec<Id>)> {
    let job = &order.job;
    let room = room(job, layout.workers, &order.state);
    let dictionary = Dictionary::First(items);
    let wanted = Wanted { input: &job.input, filter: &job.filter, dictionary, room: &room, whole: true };
    let mut clock = Clock::start(c.is_coordinator(), c.index().is_multiple_of(layout.workers));
    let (ratings, _) = clock.time("ingest", || read::read(worker, c, &wanted))?;
    let (users, matrix) = (ratings.shard.users, ratings.shard.matrix);
    let mut rows = users.iter().zip(matrix.rows());
    clock.time("follow", || {
        in_epochs(c, engine, |engine| {
            let mut entries = 0;
            while entries < ENTRIES {
                let Some((user, row)) = rows.next() else { return false };
                engine.load(user, row.iter().map(|(item, rating)| (Row::new(item as u32, rating), 1)));
                entries += row.len();
            }
            true
        });
    });
    Ok((ratings.hash_seed, ratings.items.ids))
}

/// Puts all rows of an engine into another, each as `change` has it.
pub fn copy<C: Collective>(c: &mut C, from: &mut Engine, to: &mut Engine, change: impl Fn(Row) -> Row) {
    let mut next = 0;
    in_epochs(c, to, |to| {
        for (user, rows) in from.take_users(&mut next, ENTRIES) {
            to.load(from.users().id(user), rows.into_iter().map(|(row, n)| (change(row), n)));
        }
        (next as usize) < from.users().len()
    });
}

/// Lets `load` put in what it has, some in each epoch, until it has nothing more on any worker.
fn in_epochs<C: Collective>(c: &mut C, engine: &mut Engine, mut load: impl FnMut(&mut Engine) -> bool) {
    loop {
        let mut more = [u32::from(load(engine))];
        engine.settle();
        c.max(&mut more);
        if more == [0] {
            return;
        }
    }
}
