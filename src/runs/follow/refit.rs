//! A new model of the current ratings: PCA is fitted anew, k-means starts from the centroids in use, and the new segments are
//! matched to the old ones. The result is a finished run, in a folder of the state.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::flow::cluster::Layout;
use crate::flow::read::{Ratings, Room, Unknown};
use crate::ingest::ids::Id;
use crate::ingest::{Items, Ledger};
use crate::job::{Duplicates, Job};
use crate::kernel::csr::Csr;
use crate::live::engine::Engine;
use crate::live::event::Matched;
use crate::live::row::{Row, merged};
use crate::results::files::DISK_REMEDY;
use crate::results::model::{self, Model};
use crate::results::{Outcome, leftovers, run};
use crate::runs::clock::Clock;
use crate::runs::compare::{Known, Previous};
use crate::runs::fit::{self, Task};
use crate::runs::output;
use crate::runs::room::{folder_beside, room};
use crate::runs::sizes::check_sizes;
use crate::shard::Shard;
use crate::shard::sealing::BlockWriter;
use crate::shard::store::Store;
use crate::stages::continuity::Continuity;
use crate::stages::continuity::moves::{Past, inside};
use crate::stages::resume::InMemory;

use super::lead::Lead;
use super::order::Order;
use super::refitted::{self, Refitted, model_bytes};
use super::standing::Standing;

/// Items and their numbers before and after: those of the model and those that came since, all rising.
pub struct Renumbered {
    items: Vec<Id>,
    /// By the old number.
    pub now: Vec<u32>,
}

/// What there is after a refit, on all workers.
pub struct Made {
    /// `model.json` and `model.safetensors`.
    pub model: [Vec<u8>; 2],
    /// Sum of the squared distances of all users to their centroid.
    pub inertia: f64,
    pub items: Renumbered,
    pub told: Option<Refitted>,
}

/// What is fitted anew.
pub struct Before<'a> {
    pub order: &'a Order,
    pub layout: &'a Layout,
    pub model: &'a Model,
    pub standing: &'a Standing,
    pub hash_seed: u64,
    /// Of the refit, from 1.
    pub number: u64,
}

/// Fits the rows of the engine; nothing if they are too few or too much alike. All workers call it together; `lead` is the
/// coordinator's.
pub fn refit<C: Collective>(
    c: &mut C,
    before: &Before<'_>,
    lead: Option<&Lead>,
    engine: &mut Engine,
) -> Result<Option<Made>> {
    let folder = refitted::folder(&before.order.state, before.number);
    let job = job(&before.order.job, before.model, &folder);
    let items = c.broadcast_value(lead.map(|lead| renumber(before.model, lead.items.others())).as_ref());
    let items = Renumbered::of(items);
    let room = room(&job, before.layout.workers, &before.order.state);
    let (ratings, past) = rows(c, before, &items, &room, lead, engine)?;
    // There may be too few ratings for a fit by now; more will come.
    if check_sizes(&job, &ratings).is_err() {
        return Ok(None);
    }
    let earlier = earlier(c, before, lead, past)?;
    let beginning = Some(centroids(before.model, &items));
    let (layout, scratch) = (before.layout, &room.scratch);
    let task =
        Task { job: &job, layout, chosen: None, sweep_over: Vec::new(), earlier: Some(earlier), beginning, scratch };
    let mut clock = Clock::start(c.is_coordinator(), c.index().is_multiple_of(layout.workers));
    let made = match fit::fit(c, task, ratings, &mut clock, &mut InMemory::default()) {
        // They may all be alike by now; others will come.
        Err(Error::Data { .. }) => return Ok(None),
        fitted => fitted?,
    };
    if c.is_coordinator() {
        // A session may have been killed over it.
        leftovers::clear(&folder);
        leftovers::remove(&folder);
    }
    let written = output::write(c, &job, made, &[])?.map(|(outcome, _)| keep(&outcome, &folder));
    let written = c.agree(written.transpose())?;
    let shared = written.as_ref().map(|(model, inertia, _)| (model, inertia));
    let (model, inertia) = c.broadcast_value(shared.map(|(model, inertia)| (model.clone(), *inertia)).as_ref());
    Ok(Some(Made { model, inertia, items, told: written.map(|(.., told)| told) }))
}

/// The rows of the engine as ratings, and where their users are.
fn rows<C: Collective>(
    c: &mut C,
    before: &Before<'_>,
    items: &Renumbered,
    room: &Room,
    lead: Option<&Lead>,
    engine: &mut Engine,
) -> Result<(Ratings, Past)> {
    let mut store = Store::new(room.blocks, &room.scratch);
    let read = shard(engine, items, &mut store);
    let (shard, past) = c.agree(read)?;
    let titles = lead.map(|lead| titles(&items.items, before.model, &lead.names.titles));
    Ok((ratings(c, shard, store, before.hash_seed, items, titles), past))
}

/// The model in use, as the run to compare with.
fn earlier<C: Collective>(
    c: &mut C,
    before: &Before<'_>,
    lead: Option<&Lead>,
    past: Past,
) -> Result<(Option<Previous>, Known)> {
    let sizes: Vec<u64> = before.standing.sizes.iter().map(|&size| size as u64).collect();
    let (n_segments, n_users) = (sizes.len(), sizes.iter().sum());
    let previous = lead.map(|lead| Previous::of_model(&lead.folder, before.model, sizes)).transpose();
    Ok((c.agree(previous)?, Known::of(c, past, n_segments, n_users)))
}

/// The bytes of a model, its inertia, and what is printed of it.
type Written = ([Vec<u8>; 2], f64, Refitted);

/// Makes sure of what was written as a finished run.
fn keep(outcome: &Outcome, folder: &Path) -> Result<Written> {
    sync(folder)?;
    let told = Refitted { folder: folder.into(), matched: matched(outcome) };
    Ok((model_bytes(folder)?, outcome.kmeans.inertia, told))
}

/// What another session needs of a refit is on the disk on return, before the log from which it could be made again is dropped.
fn sync(folder: &Path) -> Result<()> {
    let model = folder.join(model::FOLDER);
    let files = model::FILES.map(|file| model.join(file));
    let folders = [model, folder.to_path_buf(), folder_beside(folder)];
    [folder.join(run::FILE)].iter().chain(&files).chain(&folders).try_for_each(|path| {
        let synced = File::open(path).and_then(|file| file.sync_all());
        synced.map_err(|e| Error::file(path, "cannot write", &e, DISK_REMEDY))
    })
}

/// What is fitted is what the run fitted, without what only a person would look at.
fn job(job: &Job, model: &Model, folder: &Path) -> Job {
    let mut job = Job { output: folder.into(), sweep: None, evidence: None, compare: None, ..job.clone() };
    job.kmeans.clusters = model.centroids.nrows();
    job
}

/// All items rising, and the new number of each by its old one.
fn renumber(model: &Model, others: &[Id]) -> (Vec<Id>, Vec<u32>) {
    let old = || model.items.iter().chain(others);
    let mut items: Vec<Id> = old().cloned().collect();
    items.sort();
    let number = |id| items.binary_search(id).expect("every item is there") as u32;
    let now = old().map(number).collect();
    (items, now)
}

impl Renumbered {
    fn of((items, now): (Vec<Id>, Vec<u32>)) -> Renumbered {
        Renumbered { items, now }
    }

    /// A row with the new number of its item.
    pub fn row(&self, row: Row) -> Row {
        Row::new(self.now[row.item as usize], row.rating())
    }

    /// The ratings of a user that count, rising by the new number of the item.
    fn counting(&self, rows: &[(Row, i32)], duplicates: Duplicates) -> Vec<(u32, f64)> {
        let mut row = Vec::new();
        merged(rows, duplicates, |item, rating| {
            if rating != 0.0 {
                row.push((self.now[item as usize], rating));
            }
        });
        row.sort_unstable_by_key(|(item, _)| *item);
        row
    }
}

/// By the new number.
fn titles(items: &[Id], model: &Model, titles: &[Option<String>]) -> Vec<Option<String>> {
    let known: HashMap<&Id, &Option<String>> = model.items.iter().zip(titles).collect();
    items.iter().map(|id| known.get(id).copied().cloned().flatten()).collect()
}

/// Ratings of a block.
const ENTRIES: usize = 1 << 20;

/// A user, where they are, and their rows with the new numbers of the items.
struct Sealed {
    id: Id,
    segment: u32,
    inside: f64,
    row: Vec<(u32, f64)>,
}

/// This worker's users who have a rating that counts, and where they are.
fn shard(engine: &mut Engine, items: &Renumbered, store: &mut Store) -> Result<(Shard, Past)> {
    let duplicates = engine.frame().duplicates;
    let mut shard = Shard { users: Vec::new(), draw_keys: Vec::new(), matrix: Csr::empty(items.items.len()) };
    let mut past = Past { segment: Vec::new(), inside: Vec::new() };
    let mut next = 0;
    while (next as usize) < engine.users().len() {
        let found = engine.take_users(&mut next, ENTRIES);
        let sealed = |(user, rows): (u32, Vec<(Row, i32)>)| {
            let place = engine.placement(user).expect("who has rows has a place");
            let inside = inside(place.distance(), place.second_distance());
            let (id, row) = (engine.users().id(user).clone(), items.counting(&rows, duplicates));
            Sealed { id, segment: place.segment, inside, row }
        };
        let mut sealed: Vec<Sealed> = found.into_iter().map(sealed).filter(|user| !user.row.is_empty()).collect();
        sealed.sort_by(|a, b| a.id.cmp(&b.id));
        let n_entries = sealed.iter().map(|user| user.row.len()).sum();
        let mut block = BlockWriter::with_capacity(sealed.len(), n_entries);
        for user in sealed {
            user.row.iter().for_each(|&(item, rating)| block.push(item, rating));
            block.end_row();
            shard.draw_keys.push(user.id.draw_key());
            shard.users.push(user.id);
            past.segment.push(user.segment);
            past.inside.push(user.inside);
        }
        store.keep(&mut shard.matrix, &block.finish())?;
    }
    Ok((shard, past))
}

/// The shards as a reading would leave them. `titles` are the coordinator's.
fn ratings<C: Collective>(
    c: &mut C,
    shard: Shard,
    store: Store,
    hash_seed: u64,
    items: &Renumbered,
    titles: Option<Vec<Option<String>>>,
) -> Ratings {
    let mut totals = [shard.users.len() as u64, shard.matrix.nnz() as u64];
    c.sum(&mut totals);
    let [n_users, n_ratings] = totals;
    let named = |titles| Items { ids: items.items.clone(), titles, metadata: Vec::new() };
    Ratings {
        shard,
        store,
        hash_seed,
        rows_spilled: 0,
        items: titles.map(named).unwrap_or_default(),
        n_users,
        n_items: items.items.len(),
        n_ratings,
        zeros: 0,
        unknown: Unknown::default(),
        ledger: Ledger { read: n_ratings, accepted: n_ratings, ..Ledger::default() },
        files: Vec::new(),
        rejects: Vec::new(),
    }
}

/// The centroids that are in use, `(n_clusters, n_items)`: mean + centroid · components. The new items have weight 0.
fn centroids(model: &Model, items: &Renumbered) -> Csr {
    let mut rows = Csr::empty(items.items.len());
    for centroid in model.centroids.rows() {
        let mut row = model.mean.to_vec();
        for (&weight, component) in centroid.iter().zip(model.components.rows()) {
            row.iter_mut().zip(component).for_each(|(x, y)| *x += weight * y);
        }
        // The model's own items keep their order.
        rows.push_row(items.now.iter().copied().zip(row));
    }
    rows
}

/// By the new number: what each segment goes on from, and how much of it.
fn matched(outcome: &Outcome) -> Vec<Matched> {
    let Some(Continuity { segments, earlier, .. }) = &outcome.continuity else { return Vec::new() };
    let kept = |from: u32| {
        let then = &earlier[from as usize];
        if then.size == 0 { 0.0 } else { 1.0 - then.left as f64 / then.size as f64 }
    };
    let of = |now: &crate::stages::continuity::Now| Matched {
        from: now.earlier,
        to: now.segment,
        kept: now.earlier.map_or(0.0, kept),
    };
    segments.iter().map(of).collect()
}
