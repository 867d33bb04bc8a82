//! The input of a job to sealed shards: read side by side, shuffled, sealed.
//!
//! Every worker scans its share of the plan ([`crate::ingest::plan`]) into the shuffle. What the coordinator then needs of
//! all (the item dictionary, the ledger, the rejects) is gathered.

use std::path::PathBuf;

use timely::worker::Worker;

use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::flow::reader::Reader;
use crate::flow::shuffle::Shuffle;
use crate::ingest::dictionary::{extended_items, item_dictionary, known_items};
use crate::ingest::files::InputFile;
use crate::ingest::ids::Id;
use crate::ingest::keys::{ItemIndex, KeyMap};
use crate::ingest::plan::{self, Plan};
use crate::ingest::rejects::{self, Reject};
use crate::ingest::{Items, Ledger, duplicates};
use crate::job::{Duplicates, Filter, Input, OnBad, Source};
use crate::shard::build::{self, Rule, Sealed, Several};
use crate::shard::incoming::Incoming;
use crate::shard::store::Store;
use crate::shard::{Shard, filter};
use crate::watch::progress;

/// Where a worker may keep its ratings.
#[derive(Debug, Clone)]
pub struct Room {
    /// Bytes in memory.
    pub memory: u64,
    /// The folder for the rest.
    pub scratch: PathBuf,
}

/// Which items the columns of the matrix stand for.
#[derive(Debug, Clone, Copy)]
pub enum Dictionary<'a> {
    /// All that are in the input, sorted by id.
    Found,
    /// These, sorted by id. Ratings of others are left out and counted.
    Known(&'a [Id]),
    /// These, sorted by id, and behind them all others that are in the input.
    First(&'a [Id]),
}

/// What is to be read, and how.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub input: &'a Input,
    pub filter: &'a Filter,
    pub dictionary: Dictionary<'a>,
    pub room: &'a Room,
    /// Rows are not merged where the rule needs them all ([`Several::Every`]), and those whose rating is 0 are kept
    /// ([`Rule::whole`]): what is to change later.
    pub whole: bool,
}

/// What a [`Dictionary::Known`] left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unknown {
    /// On the coordinator.
    pub items: u64,
    pub ratings: u64,
}

/// The input, read.
pub struct Ratings {
    pub shard: Shard,
    /// Where the shard's blocks are, with what room is left.
    pub store: Store,
    /// The seed of the keys of ids by which users were dealt to workers.
    pub hash_seed: u64,
    /// Bytes of rows of this worker that went to a scratch file while they were read.
    pub rows_spilled: u64,
    /// Those of the dictionary that were found; empty but on the coordinator.
    pub items: Items,
    pub n_users: u64,
    pub n_items: usize,
    /// Ratings that are not 0, over all workers.
    pub n_ratings: u64,
    /// Pairs whose rating is 0, which is the same as none.
    pub zeros: u64,
    pub unknown: Unknown,
    pub ledger: Ledger,
    /// The files read; none where data were generated.
    pub files: Vec<InputFile>,
    /// Rejected rows, in the order of the input; empty but on the coordinator.
    pub rejects: Vec<Reject>,
}

/// Reads the input of a job. All workers call it together and end with the same error.
pub fn read<C: Collective>(worker: &mut Worker, c: &mut C, wanted: &Wanted<'_>) -> Result<Ratings> {
    let planned = plan::plan(c, wanted.input, &wanted.room.scratch)?;
    for hash_seed in 0.. {
        let attempt = attempt(worker, c, wanted, &planned.plan, hash_seed)?;
        if let Some(ratings) = attempt {
            return Ok(ratings);
        }
    }
    unreachable!("some hash seed separates the ids")
}

/// One reading under a hash seed; nothing if two text ids share a key under it.
fn attempt<C: Collective>(
    worker: &mut Worker,
    c: &mut C,
    wanted: &Wanted<'_>,
    plan: &Plan,
    hash_seed: u64,
) -> Result<Option<Ratings>> {
    let Wanted { input, filter, dictionary, room, whole } = *wanted;
    let several = several(input, whole);
    let expected_rows = plan.expected_rows() / c.peers() as u64;
    let incoming = Incoming::new(expected_rows, room.memory, &room.scratch);
    let shuffle = Shuffle::new(worker, incoming, several.needs_order());
    let mut reader = Reader::new(shuffle, hash_seed, input.on_bad, *filter);
    // A worker that fails still takes part in the shuffle to its end, or the others would wait for it.
    let outcome = reader.read(c, plan);
    let Reader { shuffle, read, left_out, rejects, item_names, collision, .. } = reader;
    let incoming = shuffle.finish();
    c.agree(outcome)?;

    let (mut rejects, mut n_rejects, n_read) = rejects::settle(c, input, plan.planned_files(), rejects, read)?;
    let collision = collision || incoming.has_collision();
    let keys = incoming.item_keys();
    let Some(resolved) = resolve(c, dictionary, hash_seed, &keys, item_names, collision) else { return Ok(None) };
    let Resolved { index, mut ids, unknown: unknown_items } = resolved;
    let mut store = Store::new(room.memory, &room.scratch);
    let sealed = build::seal(incoming, &index, Rule { several, whole }, &mut store);
    let Sealed { mut shard, merged, unknown, zeros, first_duplicate, repeats, rows_spilled } = c.agree(sealed)?;
    match several {
        Several::Merge(Duplicates::Error) => duplicates::refuse(c, first_duplicate, &index, plan, hash_seed)?,
        Several::Merge(_) | Several::Every => {}
        Several::First => {
            progress::rows_rejected(repeats.len() as u64);
            (rejects, n_rejects) = duplicates::reject(c, input.max_bad, plan, repeats, rejects, n_read)?;
        }
    }
    let numbered = rejects::number_lines(plan.planned_files(), &mut rejects);
    c.agree(numbered)?;
    let n_before = shard.matrix.nnz() as u64;
    refuse_nothing_left(c, filter, n_before, left_out)?;
    if filter.counts() {
        let left = filter::choose(c, &shard.matrix, filter);
        let mut of_left = Store::new(room.memory, &room.scratch);
        let kept = filter::keep(shard, &left, &mut of_left);
        (shard, store) = (c.agree(kept)?, of_left);
        ids = filter::of_left(ids, &left.items);
    }
    let n_kept = shard.matrix.nnz() as u64;
    progress::rows_kept(n_kept + zeros, merged, n_before - n_kept);
    let mut totals = [shard.users.len() as u64, n_kept, merged, zeros, unknown, left_out + n_before - n_kept];
    c.sum(&mut totals);
    let [n_users, n_ratings, merged, zeros, unknown, filtered] = totals;
    if n_ratings == 0 && filtered > 0 {
        return Err(nothing_left(&filter.keys(false), "rating", filtered));
    }
    // Users of whom a model knows nothing can be assigned all the same.
    if n_users == 0 || n_ratings == 0 && matches!(dictionary, Dictionary::Found) {
        return Err(nothing_read(&plan.files(), n_read));
    }
    let named = match dictionary {
        Dictionary::Found if c.is_coordinator() => plan::name_items(input, plan, ids),
        _ => Ok(Items { titles: vec![None; ids.len()], ids, metadata: Vec::new() }),
    };
    let items = c.agree(named)?;
    let accepted = n_read - n_rejects - merged - filtered;
    Ok(Some(Ratings {
        n_items: shard.matrix.n_cols,
        shard,
        store,
        hash_seed,
        rows_spilled,
        items,
        n_users,
        n_ratings,
        zeros,
        unknown: Unknown { items: unknown_items, ratings: unknown },
        ledger: Ledger { read: n_read, accepted, rejected: n_rejects, merged, filtered },
        files: plan.files(),
        rejects,
    }))
}

/// The items that the columns stand for.
struct Resolved {
    index: ItemIndex,
    /// By index, those that were found; empty but on the coordinator.
    ids: Vec<Id>,
    /// Items of the input that are not among them.
    unknown: u64,
}

/// Nothing if two text ids share a key.
fn resolve<C: Collective>(
    c: &mut C,
    dictionary: Dictionary<'_>,
    hash_seed: u64,
    keys: &[u64],
    names: KeyMap<Box<str>>,
    collision: bool,
) -> Option<Resolved> {
    match dictionary {
        Dictionary::Found => {
            item_dictionary(c, keys, names, collision).map(|(index, ids)| Resolved { index, ids, unknown: 0 })
        }
        Dictionary::Known(ids) => known_items(c, ids, hash_seed, keys, &names, collision)
            .map(|(index, unknown)| Resolved { index, ids: Vec::new(), unknown }),
        Dictionary::First(ids) => extended_items(c, ids, hash_seed, keys, names, collision)
            .map(|(index, ids)| Resolved { index, ids, unknown: 0 }),
    }
}

/// Ends the run if rows were left out and none remains. `mine` is what this worker has, `left_out` what it left out.
fn refuse_nothing_left<C: Collective>(c: &mut C, filter: &Filter, mine: u64, left_out: u64) -> Result<()> {
    let mut left = [mine, left_out];
    c.sum(&mut left);
    match left {
        [0, left_out] if left_out > 0 => Err(nothing_left(&filter.keys(true), "row", left_out)),
        _ => Ok(()),
    }
}

/// Duplicates that are refused are rejected like other bad rows, where they are rows of files.
fn several(input: &Input, whole: bool) -> Several {
    match (input.duplicates, input.on_bad, &input.source) {
        (Duplicates::Sum | Duplicates::Mean | Duplicates::Max, ..) if whole => Several::Every,
        (Duplicates::Error, OnBad::Reject, Source::Files(_)) => Several::First,
        (duplicates, ..) => Several::Merge(duplicates),
    }
}

/// The error of a run whose filters leave nothing; `keys` are those that are given, `what` they leave out.
fn nothing_left(keys: &[&str], what: &str, left_out: u64) -> Error {
    let problem = match left_out {
        1 => format!("no rating is left: the only {what} is left out"),
        _ => format!("no rating is left: all {left_out} {what}s are left out"),
    };
    Error::data(keys.join(", "), problem, "let more pass, or check the columns that input.* names")
}

fn nothing_read(files: &[InputFile], rows: u64) -> Error {
    let place = files.first().map_or("input".to_string(), |file| file.path.display().to_string());
    let problem =
        if rows == 0 { "there is no rating in it" } else { "every rating in it is 0, which is the same as none" };
    Error::data(place, problem, "check that input.ratings names the right files and input.rating the right column")
}
