//! The input of a job to sealed shards: read side by side, shuffled, sealed.
//!
//! Every worker scans its share of the plan ([`crate::ingest::plan`]) into the shuffle. All of them then make the item dictionary
//! together, and what the coordinator needs (the ids of the items, the ledger, the rejects) is gathered.

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
use crate::ingest::titles::Said;
use crate::ingest::{Items, Ledger, duplicates, returns};
use crate::job::{Duplicates, Filter, Input, OnBad, Source};
use crate::shard::incoming::Incoming;
use crate::shard::sealing::{self, Rule, Sealed, Several};
use crate::shard::store::Store;
use crate::shard::{Shard, filter};
use crate::watch::{progress, say};

/// Where a worker may keep its ratings.
#[derive(Debug, Clone)]
pub struct Room {
    /// Bytes of rows that may be in memory while they are read.
    pub rows: u64,
    /// Bytes of the blocks that they become.
    pub blocks: u64,
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
    /// For ratings that are to change later: rows are not merged where the rule needs them all ([`Several::Every`]), and those
    /// whose rating is 0 are kept ([`Rule::whole`]).
    pub whole: bool,
}

/// What a [`Dictionary::Known`] left out, over all workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unknown {
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

/// Reads the input of a job, and returns it with the columns that were found in place of those that were open. All workers call
/// it together and end with the same error.
pub fn read<C: Collective>(worker: &mut Worker, c: &mut C, wanted: &Wanted<'_>) -> Result<(Ratings, Input)> {
    let planned = plan::plan(c, wanted.input, &wanted.room.scratch)?;
    planned.found.iter().for_each(|line| say::note(line));
    let wanted = &Wanted { input: &planned.input, ..*wanted };
    let rule = Rule { several: several(wanted.input, wanted.whole), whole: wanted.whole };
    for hash_seed in 0.. {
        let mut attempt = Attempt { c, wanted, plan: &planned.plan, rule, hash_seed };
        if let Some(ratings) = attempt.read(worker)? {
            return Ok((ratings, planned.input.clone()));
        }
    }
    unreachable!("some hash seed separates the ids")
}

/// Duplicates that are refused are rejected like other bad rows, where they are rows of files.
fn several(input: &Input, whole: bool) -> Several {
    match (input.duplicates, input.on_bad, &input.source) {
        (Duplicates::Sum | Duplicates::Mean | Duplicates::Max, ..) if whole => Several::Every,
        (Duplicates::Error, OnBad::Reject, Source::Files(_)) => Several::First,
        (duplicates, ..) => Several::Merge(duplicates),
    }
}

/// One reading under a hash seed.
struct Attempt<'a, C> {
    c: &'a mut C,
    wanted: &'a Wanted<'a>,
    plan: &'a Plan,
    rule: Rule,
    hash_seed: u64,
}

/// What the workers have scanned.
struct Scanned {
    /// Rows that came to this worker.
    incoming: Incoming,
    /// Rows that this worker read, and those of them that the filter does not take.
    read: u64,
    left_out: u64,
    /// Of the rows that this worker read.
    rejects: Vec<Reject>,
    item_names: KeyMap<Box<str>>,
    /// Two texts that were met here have one key.
    collision: bool,
    /// What those rows say of their items.
    said: Option<Said>,
}

/// The items that the columns stand for.
struct Resolved {
    /// At least of those that this worker met.
    index: ItemIndex,
    /// By index, those that were found; empty but on the coordinator.
    ids: Vec<Id>,
    /// Items of the input that are not among them.
    unknown: u64,
}

/// Rows of the input, over all workers.
struct Rows {
    read: u64,
    rejected: u64,
    /// Empty but on the coordinator.
    rejects: Vec<Reject>,
}

/// The ratings of this worker, where their blocks are, and the items that were found.
struct Kept {
    shard: Shard,
    store: Store,
    ids: Vec<Id>,
}

impl<C: Collective> Attempt<'_, C> {
    /// Nothing if two text ids share a key.
    fn read(&mut self, worker: &mut Worker) -> Result<Option<Ratings>> {
        let Scanned { incoming, read, left_out, rejects, item_names, collision, said } = self.scan(worker)?;
        let mut rows = self.settle(read, rejects)?;
        let keys = incoming.item_keys();
        let Some(resolved) = self.resolve(&keys, item_names, collision) else { return Ok(None) };
        let Resolved { index, ids, unknown: unknown_items } = resolved;
        let mut store = self.store();
        let sealed = sealing::seal(incoming, &index, self.rule, &mut store);
        let Sealed { shard, merged, unknown, zeros, first_duplicate, repeats, returned, rows_spilled } =
            self.c.agree(sealed)?;
        self.refuse_duplicates(&mut rows, &index, first_duplicate, repeats)?;
        self.reject_returns(&mut rows, &index, &returned)?;
        self.number_lines(&mut rows)?;
        let n_before = shard.matrix.nnz() as u64;
        self.refuse_all_left_out(n_before, left_out)?;
        let Kept { shard, store, ids } = self.filter(Kept { shard, store, ids })?;
        let n_kept = shard.matrix.nnz() as u64;
        progress::rows_kept(n_kept + zeros, merged, n_before - n_kept);
        let mut totals = [shard.users.len() as u64, n_kept, merged, zeros, unknown, left_out + n_before - n_kept];
        self.c.sum(&mut totals);
        let [n_users, n_ratings, merged, zeros, unknown, filtered] = totals;
        self.refuse_nothing_left(n_users, n_ratings, filtered, rows.read)?;
        Ok(Some(Ratings {
            n_items: shard.matrix.n_cols,
            shard,
            store,
            hash_seed: self.hash_seed,
            rows_spilled,
            items: self.name_items(ids, said)?,
            n_users,
            n_ratings,
            zeros,
            unknown: Unknown { items: unknown_items, ratings: unknown },
            ledger: rows.ledger(merged, filtered),
            files: self.plan.files(),
            rejects: rows.rejects,
        }))
    }

    fn store(&self) -> Store {
        Store::new(self.wanted.room.blocks, &self.wanted.room.scratch)
    }

    /// Reads the rows, and sends each to the worker of its user.
    fn scan(&mut self, worker: &mut Worker) -> Result<Scanned> {
        let Wanted { input, filter, room, .. } = *self.wanted;
        let expected_rows = self.plan.expected_rows() / self.c.peers() as u64;
        let incoming = Incoming::new(expected_rows, room.rows, &room.scratch);
        let shuffle = Shuffle::new(worker, incoming, self.rule.several.needs_order());
        let mut reader = Reader::new(shuffle, self.hash_seed, input.on_bad, *filter, self.said());
        // A worker that fails still takes part in the shuffle to its end, or the others would wait for it.
        let outcome = reader.read(self.c, self.plan);
        let Reader { shuffle, read, left_out, rejects, item_names, collision, said, .. } = reader;
        let incoming = shuffle.finish();
        self.c.agree(outcome)?;
        let collision = collision || incoming.has_collision();
        Ok(Scanned { incoming, read, left_out, rejects, item_names, collision, said })
    }

    /// For what rows say of their items, where these are not known before.
    fn said(&self) -> Option<Said> {
        match (self.wanted.dictionary, &self.wanted.input.source) {
            (Dictionary::Found, Source::Files(files)) => Said::new(&files.items),
            _ => None,
        }
    }

    /// Gathers what is rejected, and ends the run where that is too much.
    fn settle(&mut self, read: u64, rejects: Vec<Reject>) -> Result<Rows> {
        let files = self.plan.planned_files();
        let (rejects, rejected, read) = rejects::settle(self.c, self.wanted.input, files, rejects, read)?;
        Ok(Rows { read, rejected, rejects })
    }

    /// Nothing if two text ids share a key.
    fn resolve(&mut self, keys: &[u64], names: KeyMap<Box<str>>, collision: bool) -> Option<Resolved> {
        let (index, ids, unknown) = match self.wanted.dictionary {
            Dictionary::Found => {
                let (index, ids) = item_dictionary(self.c, keys, names, collision)?;
                (index, ids, 0)
            }
            Dictionary::Known(ids) => {
                let (index, unknown) = known_items(self.c, ids, self.hash_seed, keys, &names, collision)?;
                (index, Vec::new(), unknown)
            }
            Dictionary::First(ids) => {
                let (index, ids) = extended_items(self.c, ids, self.hash_seed, keys, names, collision)?;
                (index, ids, 0)
            }
        };
        Some(Resolved { index, ids, unknown })
    }

    /// Ends the run for duplicates that are errors, and rejects those that are to be rejected.
    fn refuse_duplicates(
        &mut self,
        rows: &mut Rows,
        index: &ItemIndex,
        first: Option<(Id, u32)>,
        repeats: Vec<u64>,
    ) -> Result<()> {
        match self.rule.several {
            Several::Merge(Duplicates::Error) => duplicates::refuse(self.c, first, index, self.plan, self.hash_seed)?,
            Several::Merge(_) | Several::Every => {}
            Several::First => {
                progress::rows_rejected(repeats.len() as u64);
                let (max_bad, rejects) = (self.wanted.input.max_bad, std::mem::take(&mut rows.rejects));
                (rows.rejects, rows.rejected) =
                    duplicates::reject(self.c, max_bad, self.plan, repeats, rejects, rows.read)?;
            }
        }
        Ok(())
    }

    /// Rejects rows of users who have returned more of an item than is there.
    fn reject_returns(&mut self, rows: &mut Rows, index: &ItemIndex, returned: &[(Id, u32)]) -> Result<()> {
        if !self.rule.several.takes_returns() {
            return Ok(());
        }
        let (how, keys) = ((self.wanted.input, self.wanted.filter), (index, self.hash_seed));
        let so_far = (&mut rows.rejects, rows.read);
        if let Some(n_rejects) = returns::reject(self.c, how, self.plan, keys, returned, so_far)? {
            rows.rejected = n_rejects;
        }
        Ok(())
    }

    /// All rejects then have their lines.
    fn number_lines(&mut self, rows: &mut Rows) -> Result<()> {
        let numbered = rejects::number_lines(self.plan.planned_files(), &mut rows.rejects);
        self.c.agree(numbered)
    }

    /// Ends the run if rows were left out and none remains. `mine` is what this worker has, `left_out` what it left out.
    fn refuse_all_left_out(&mut self, mine: u64, left_out: u64) -> Result<()> {
        let mut left = [mine, left_out];
        self.c.sum(&mut left);
        match left {
            [0, left_out] if left_out > 0 => Err(nothing_left(&self.wanted.filter.keys(true), "row", left_out)),
            _ => Ok(()),
        }
    }

    /// Leaves out users and items that have too few ratings, where the filter counts them.
    fn filter(&mut self, all: Kept) -> Result<Kept> {
        if !self.wanted.filter.counts() {
            return Ok(all);
        }
        let left = filter::choose(self.c, &all.shard.matrix, self.wanted.filter);
        let mut store = self.store();
        let kept = filter::keep(all.shard, &left, &mut store);
        let shard = self.c.agree(kept)?;
        Ok(Kept { shard, store, ids: filter::of_left(all.ids, &left.items) })
    }

    /// Ends the run if no rating is left of `filtered` that were left out, or none was read. All are counted over all workers.
    fn refuse_nothing_left(&self, n_users: u64, n_ratings: u64, filtered: u64, n_read: u64) -> Result<()> {
        if n_ratings == 0 && filtered > 0 {
            return Err(nothing_left(&self.wanted.filter.keys(false), "rating", filtered));
        }
        // Users of whom a model knows nothing can be assigned all the same.
        if n_users == 0 || n_ratings == 0 && matches!(self.wanted.dictionary, Dictionary::Found) {
            return Err(nothing_read(&self.plan.files(), n_read));
        }
        Ok(())
    }

    fn name_items(&mut self, ids: Vec<Id>, said: Option<Said>) -> Result<Items> {
        let said = said.map(|said| said.gather(self.c));
        let named = match self.wanted.dictionary {
            Dictionary::Found if self.c.is_coordinator() => {
                plan::name_items(self.wanted.input, self.plan, ids, said, self.hash_seed)
            }
            _ => Ok(Items { titles: vec![None; ids.len()], ids, metadata: Vec::new() }),
        };
        self.c.agree(named)
    }
}

impl Rows {
    fn ledger(&self, merged: u64, filtered: u64) -> Ledger {
        let accepted = self.read - self.rejected - merged - filtered;
        Ledger { read: self.read, accepted, rejected: self.rejected, merged, filtered }
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
