//! The input of a job to sealed shards: read side by side, shuffled, sealed.
//!
//! Every worker scans its share of the plan ([`crate::ingest::plan`]) into the shuffle. What the coordinator then needs of
//! all (the item dictionary, the ledger, the rejects) is gathered.

use std::cell::Cell;
use std::path::PathBuf;

use timely::worker::Worker;

use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::flow::shuffle::Shuffle;
use crate::ingest::dictionary::{item_dictionary, known_items};
use crate::ingest::files::InputFile;
use crate::ingest::generate::Generator;
use crate::ingest::ids::{self, Id};
use crate::ingest::keys::{KeyMap, Noted, note_name};
use crate::ingest::plan::{self, Plan, PlannedFile};
use crate::ingest::rejects::{self, Reject};
use crate::ingest::rows::{self, Name, Row};
use crate::ingest::scan::{BadRow, RawId, RawRow, RowSink};
use crate::ingest::units::scan_units;
use crate::ingest::{Items, Ledger, duplicates};
use crate::job::{Duplicates, Filter, GenerateSpec, Input, OnBad, Source};
use crate::progress::{self, Measure};
use crate::shard::build::{self, Sealed, Several};
use crate::shard::incoming::Incoming;
use crate::shard::store::Store;
use crate::shard::{Shard, filter};

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
}

/// What is to be read, and how.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub input: &'a Input,
    pub filter: &'a Filter,
    pub dictionary: Dictionary<'a>,
    pub room: &'a Room,
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
    /// Bytes of rows of this worker that went to a scratch file while they were read.
    pub rows_spilled: u64,
    /// The dictionary, where it was found; empty but on the coordinator.
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
    let Wanted { input, filter, dictionary, room } = *wanted;
    let several = several(input);
    let expected_rows = plan.expected_rows() / c.peers() as u64;
    let incoming = Incoming::new(expected_rows, room.memory, &room.scratch);
    let shuffle = Shuffle::new(worker, incoming, several.needs_order());
    let mut reader = Reader::new(shuffle, hash_seed, input.on_bad, *filter);
    // A worker that fails still takes part in the shuffle to its end, or the others would wait for it.
    let outcome = match plan {
        Plan::Files(files) => read_files(c, files, &mut reader),
        Plan::Generate(spec) => generate(c, spec, &mut reader),
    };
    let Reader { shuffle, read, left_out, rejects, item_names, collision, .. } = reader;
    let incoming = shuffle.finish();
    c.agree(outcome)?;

    let files = plan.files();
    let (mut rejects, mut n_rejects, n_read) = rejects::settle(c, input, plan.planned_files(), rejects, read)?;
    let collision = collision || incoming.has_collision();
    let keys = incoming.item_keys();
    let resolved = match dictionary {
        Dictionary::Found => item_dictionary(c, &keys, item_names, collision).map(|(index, ids)| (index, ids, 0)),
        Dictionary::Known(ids) => known_items(c, ids, hash_seed, &keys, &item_names, collision)
            .map(|(index, unknown)| (index, Vec::new(), unknown)),
    };
    let Some((item_index, mut item_ids, unknown_items)) = resolved else { return Ok(None) };
    let mut store = Store::new(room.memory, &room.scratch);
    let sealed = build::seal(incoming, &item_index, several, &mut store);
    let Sealed { mut shard, merged, unknown, zeros, first_duplicate, repeats, rows_spilled } = c.agree(sealed)?;
    match several {
        Several::Merge(Duplicates::Error) => duplicates::refuse(c, first_duplicate, &item_index, plan, hash_seed)?,
        Several::Merge(_) => {}
        Several::First => {
            progress::rows_rejected(repeats.len() as u64);
            (rejects, n_rejects) = duplicates::reject(c, input.max_bad, plan, repeats, rejects, n_read)?;
        }
    }
    let numbered = rejects::number_lines(plan.planned_files(), &mut rejects);
    c.agree(numbered)?;
    let mut left = [shard.matrix.nnz() as u64, left_out];
    c.sum(&mut left);
    match left {
        [0, left_out] if left_out > 0 => return Err(nothing_left(&filter.keys(true), "row", left_out)),
        _ => {}
    }
    let all = shard.matrix.nnz();
    if filter.counts() {
        let left = filter::choose(c, &shard.matrix, filter);
        let mut of_left = Store::new(room.memory, &room.scratch);
        let kept = filter::keep(shard, &left, &mut of_left);
        (shard, store) = (c.agree(kept)?, of_left);
        item_ids = filter::of_left(item_ids, &left.items);
    }
    let n_items = shard.matrix.n_cols;
    let n_kept = shard.matrix.nnz();
    progress::rows_kept(n_kept as u64 + zeros, merged, (all - n_kept) as u64);
    let left_out = left_out + (all - n_kept) as u64;
    let mut totals = [shard.users.len() as u64, n_kept as u64, merged, zeros, unknown, left_out];
    c.sum(&mut totals);
    let [n_users, n_ratings, merged, zeros, unknown, filtered] = totals;
    let unknown = Unknown { items: unknown_items, ratings: unknown };
    if n_ratings == 0 && filtered > 0 {
        return Err(nothing_left(&filter.keys(false), "rating", filtered));
    }
    // Users of whom a model knows nothing can be assigned all the same.
    if n_users == 0 || n_ratings == 0 && matches!(dictionary, Dictionary::Found) {
        return Err(nothing_read(&files, n_read));
    }
    let is_named = c.is_coordinator() && matches!(dictionary, Dictionary::Found);
    let named = if is_named { plan::name_items(input, plan, item_ids) } else { Ok(Items::default()) };
    let items = c.agree(named)?;
    let accepted = n_read - n_rejects - merged - filtered;
    let ledger = Ledger { read: n_read, accepted, rejected: n_rejects, merged, filtered };
    Ok(Some(Ratings {
        shard,
        store,
        rows_spilled,
        items,
        n_users,
        n_items,
        n_ratings,
        zeros,
        unknown,
        ledger,
        files,
        rejects,
    }))
}

/// Duplicates that are refused are rejected like other bad rows, where they are rows of files.
fn several(input: &Input) -> Several {
    match (input.duplicates, input.on_bad, &input.source) {
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

/// One worker's side of reading: rows into the shuffle, and what it keeps to itself.
struct Reader {
    shuffle: Shuffle,
    hash_seed: u64,
    on_bad: OnBad,
    /// The file being read.
    file: u32,
    filter: Filter,
    filters: bool,
    read: u64,
    /// Rows of `read` that the filter does not take.
    left_out: u64,
    rejects: Vec<Reject>,
    user_names: KeyMap<Box<str>>,
    item_names: KeyMap<Box<str>>,
    collision: bool,
}

impl Reader {
    fn new(shuffle: Shuffle, hash_seed: u64, on_bad: OnBad, filter: Filter) -> Reader {
        Reader {
            shuffle,
            hash_seed,
            on_bad,
            file: 0,
            filter,
            filters: filter.looks_at_rows(),
            read: 0,
            left_out: 0,
            rejects: Vec::new(),
            user_names: KeyMap::default(),
            item_names: KeyMap::default(),
            collision: false,
        }
    }

    /// True for a row that is to be left out, which is then counted.
    #[inline(always)]
    fn leaves_out(&mut self, rating: f64, time: i64) -> bool {
        let leaves_out = self.filters && !self.filter.takes(rating, time);
        if leaves_out {
            self.left_out += 1;
            progress::rows_left_out(1);
        }
        leaves_out
    }

    /// A bad row has been met that ends the run.
    fn must_stop(&self) -> bool {
        self.on_bad == OnBad::Fail && !self.rejects.is_empty()
    }

    #[inline(always)]
    fn user_key(&mut self, user: RawId<'_>) -> u64 {
        match user {
            RawId::Number(value) => value,
            RawId::Text(text) => self.text_user_key(text),
            RawId::Again { text, key } => kept(key, || self.text_user_key(text)),
        }
    }

    #[inline(always)]
    fn item_key(&mut self, item: RawId<'_>) -> u64 {
        match item {
            RawId::Number(value) => value,
            RawId::Text(text) => self.text_item_key(text),
            RawId::Again { text, key } => kept(key, || self.text_item_key(text)),
        }
    }

    #[inline(never)]
    fn text_user_key(&mut self, text: &str) -> u64 {
        let key = ids::text_key(text.as_bytes(), self.hash_seed);
        if self.meet(key, text, true) {
            self.shuffle.name_user(Name { key, text: text.into() });
        }
        key
    }

    #[inline(never)]
    fn text_item_key(&mut self, text: &str) -> u64 {
        let key = ids::text_key(text.as_bytes(), self.hash_seed);
        self.meet(key, text, false);
        key
    }

    /// Notes a text id; true if it is new here.
    fn meet(&mut self, key: u64, text: &str, user: bool) -> bool {
        let names = if user { &mut self.user_names } else { &mut self.item_names };
        let noted = note_name(names, key, text);
        self.collision |= noted == Noted::Collision;
        noted == Noted::New
    }
}

/// The key that was found when the text was first met. A text's key is never 0.
#[inline(always)]
fn kept(key: &Cell<u64>, find: impl FnOnce() -> u64) -> u64 {
    if key.get() == 0 {
        key.set(find());
    }
    key.get()
}

impl RowSink for Reader {
    #[inline(always)]
    fn row(&mut self, row: RawRow<'_>) {
        self.read += 1;
        if self.leaves_out(row.rating, row.time) {
            return;
        }
        let (user, item) = (self.user_key(row.user), self.item_key(row.item));
        self.shuffle.send(Row { user, item, value: row.rating, order: rows::place(self.file, row.byte) });
    }

    fn bad(&mut self, bad: BadRow<'_>) {
        self.read += 1;
        progress::row_rejected();
        if !self.must_stop() {
            self.rejects.push(Reject::new(self.file, bad));
        }
    }
}

fn read_files<C: Collective>(c: &mut C, files: &[PlannedFile], reader: &mut Reader) -> Result<()> {
    let units = plan::own_units(c, files);
    scan_units(&units, files, reader, |reader, unit| {
        reader.file = unit.file;
        !reader.must_stop()
    })
}

fn generate<C: Collective>(c: &C, spec: &GenerateSpec, reader: &mut Reader) -> Result<()> {
    let generator = Generator::new(spec)?;
    let mut rows = Vec::new();
    let users = || (1..=spec.users).skip(c.index()).step_by(c.peers());
    progress::has_input(users().count() as u64, Measure::Users);
    for user in users() {
        generator.user(user, &mut rows);
        progress::input_done(1);
        reader.read += rows.len() as u64;
        for (order, &(item, value)) in rows.iter().enumerate() {
            if reader.leaves_out(value, 0) {
                continue;
            }
            reader.shuffle.send(Row { user, item, value, order: order as u64 });
        }
    }
    Ok(())
}
