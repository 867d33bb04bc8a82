//! The input of a job to sealed shards: read side by side, shuffled, sealed.
//!
//! The coordinator finds the files and their layout and tells everybody; every worker scans its share of the byte
//! ranges. What the coordinator then needs of all (the item dictionary, the ledger, the rejects) is gathered.

use std::fs::File;
use std::io::Read as _;

use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use timely::worker::Worker;

use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::flow::shuffle::Shuffle;
use crate::ingest::dialect::{self, Dialect};
use crate::ingest::files::{self, InputFile};
use crate::ingest::generate::Generator;
use crate::ingest::ids::Id;
use crate::ingest::rejects::{self, Reject};
use crate::ingest::rows::{Name, Row};
use crate::ingest::scan::{self, BadRow, Range, RawId, RawRow, RowSink};
use crate::ingest::{Items, Ledger, ids, titles};
use crate::job::{Duplicates, FilesSpec, GenerateSpec, Input, OnBad, Source};
use crate::shard::Shard;
use crate::shard::build::{Builder, KeyMap, Sealed, id_of, note_name};

/// Generated rows per epoch of the shuffle.
const ROWS_PER_EPOCH: u64 = 100_000;

/// The input, read.
pub struct Ratings {
    pub shard: Shard,
    /// The dictionary; empty but on the coordinator.
    pub items: Items,
    pub n_users: u64,
    pub n_items: usize,
    /// Ratings that are not 0, over all workers.
    pub n_ratings: u64,
    /// Pairs whose rating is 0, which is the same as none.
    pub zeros: u64,
    pub ledger: Ledger,
    /// The files read; none where data were generated.
    pub files: Vec<InputFile>,
    /// Rejected rows, in the order of the input; empty but on the coordinator.
    pub rejects: Vec<Reject>,
}

/// Reads the input of a job. All workers call it together and end with the same error.
pub fn read<C: Collective>(worker: &mut Worker, c: &mut C, input: &Input) -> Result<Ratings> {
    let plan = plan(c, input)?;
    for hash_seed in 0.. {
        let attempt = attempt(worker, c, input, &plan, hash_seed)?;
        if let Some(ratings) = attempt {
            return Ok(ratings);
        }
    }
    unreachable!("some hash seed separates the ids")
}

/// What to read, the same on every worker.
#[derive(Debug, Serialize, Deserialize)]
enum Plan {
    Files(Vec<(InputFile, Dialect)>),
    Generate(GenerateSpec),
}

fn plan<C: Collective>(c: &mut C, input: &Input) -> Result<Plan> {
    let mine = match &input.source {
        Source::Generate(spec) => Ok(Some(Plan::Generate(spec.clone()))),
        Source::Files(_) if !c.is_coordinator() => Ok(None),
        Source::Files(spec) => plan_files(spec).map(|files| Some(Plan::Files(files))),
    };
    let mine = c.agree(mine)?;
    Ok(c.broadcast_value(mine.as_ref()))
}

fn plan_files(spec: &FilesSpec) -> Result<Vec<(InputFile, Dialect)>> {
    let files = files::expand(&spec.ratings)?;
    let with_dialect = |file: InputFile| {
        let mut head = Vec::new();
        let opened = File::open(&file.path);
        let read = opened.and_then(|f| f.take(dialect::HEAD_BYTES as u64).read_to_end(&mut head));
        read.map_err(|e| Error::file(&file.path, "cannot read", &e, "check input.ratings and the file's rights"))?;
        let dialect = dialect::detect(spec, &file.path, &head)?;
        Ok((file, dialect))
    };
    files.into_iter().filter(|file| file.bytes > 0).map(with_dialect).collect()
}

impl Plan {
    fn files(&self) -> Vec<InputFile> {
        match self {
            Plan::Files(files) => files.iter().map(|(file, _)| file.clone()).collect(),
            Plan::Generate(_) => Vec::new(),
        }
    }
}

/// One reading under a hash seed; nothing if two text ids share a key under it.
fn attempt<C: Collective>(
    worker: &mut Worker,
    c: &mut C,
    input: &Input,
    plan: &Plan,
    hash_seed: u64,
) -> Result<Option<Ratings>> {
    let shuffle = Shuffle::new(worker, Builder::new(input.duplicates));
    let mut reader = Reader::new(shuffle, hash_seed, input.on_bad);
    // A worker that fails still takes part in the shuffle to its end, or the others would wait for it.
    let outcome = match plan {
        Plan::Files(files) => read_files(c, files, &mut reader),
        Plan::Generate(spec) => generate(c, spec, &mut reader),
    };
    let Reader { shuffle, read, rejects, item_names, collision, .. } = reader;
    let builder = shuffle.finish();
    c.agree(outcome)?;

    let files = plan.files();
    let (rejects, n_rejects, n_read) = settle_rejects(c, input, &files, rejects, read)?;
    let Some((item_index, item_ids)) = item_dictionary(c, &builder, item_names, collision) else {
        return Ok(None);
    };
    let n_items = item_index.len();
    let sealed = builder.seal(n_items, &item_index, input.duplicates);
    if input.duplicates == Duplicates::Error {
        refuse_duplicates(c, &sealed, &item_index, plan, hash_seed)?;
    }
    let Sealed { shard, merged, zeros, .. } = sealed;
    let mut totals = [shard.users.len() as u64, shard.matrix.nnz() as u64, merged, zeros];
    c.sum(&mut totals);
    let [n_users, n_ratings, merged, zeros] = totals;
    if n_ratings == 0 {
        return Err(nothing_read(&files, n_read));
    }
    let named = if c.is_coordinator() { name_items(input, plan, item_ids) } else { Ok(Items::default()) };
    let items = c.agree(named)?;
    let ledger = Ledger { read: n_read, accepted: n_read - n_rejects - merged, rejected: n_rejects, merged };
    Ok(Some(Ratings { shard, items, n_users, n_items, n_ratings, zeros, ledger, files, rejects }))
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
    /// The file being read, and where it starts in the whole input.
    file: u32,
    offset: u64,
    read: u64,
    rejects: Vec<Reject>,
    user_names: KeyMap<Box<str>>,
    item_names: KeyMap<Box<str>>,
    collision: bool,
}

impl Reader {
    fn new(shuffle: Shuffle, hash_seed: u64, on_bad: OnBad) -> Reader {
        Reader {
            shuffle,
            hash_seed,
            on_bad,
            file: 0,
            offset: 0,
            read: 0,
            rejects: Vec::new(),
            user_names: KeyMap::default(),
            item_names: KeyMap::default(),
            collision: false,
        }
    }

    /// A bad row has been met that ends the run.
    fn must_stop(&self) -> bool {
        self.on_bad == OnBad::Fail && !self.rejects.is_empty()
    }

    fn user_key(&mut self, user: RawId<'_>) -> u64 {
        match user {
            RawId::Number(value) => value,
            RawId::Text(text) => {
                let key = ids::text_key(text.as_bytes(), self.hash_seed);
                if self.meet(key, text, true) {
                    self.shuffle.name_user(Name { key, text: text.into() });
                }
                key
            }
        }
    }

    fn item_key(&mut self, item: RawId<'_>) -> u64 {
        match item {
            RawId::Number(value) => value,
            RawId::Text(text) => {
                let key = ids::text_key(text.as_bytes(), self.hash_seed);
                self.meet(key, text, false);
                key
            }
        }
    }

    /// Notes a text id; true if it is new here.
    fn meet(&mut self, key: u64, text: &str, user: bool) -> bool {
        let names = if user { &mut self.user_names } else { &mut self.item_names };
        match names.get(&key) {
            Some(known) => {
                self.collision |= **known != *text;
                false
            }
            None => {
                names.insert(key, text.into());
                true
            }
        }
    }
}

impl RowSink for Reader {
    #[inline]
    fn row(&mut self, row: RawRow<'_>) {
        self.read += 1;
        let (user, item) = (self.user_key(row.user), self.item_key(row.item));
        self.shuffle.send(Row { user, item, value: row.rating, order: self.offset + row.byte });
    }

    fn bad(&mut self, bad: BadRow<'_>) {
        self.read += 1;
        if !self.must_stop() {
            self.rejects.push(Reject::new(self.file, bad));
        }
    }
}

/// The ranges of this worker, in the order of the input.
fn own_ranges<C: Collective>(c: &C, files: &[(InputFile, Dialect)]) -> impl Iterator<Item = Range> {
    let only_files: Vec<InputFile> = files.iter().map(|(file, _)| file.clone()).collect();
    let (index, peers) = (c.index(), c.peers());
    scan::cut(&only_files, peers).into_iter().skip(index).step_by(peers)
}

/// Scans this worker's ranges, mapping each file once; `each` is called before each range and after the last.
fn scan_ranges<S: RowSink>(
    ranges: impl Iterator<Item = Range>,
    files: &[(InputFile, Dialect)],
    sink: &mut S,
    mut each: impl FnMut(&mut S, Option<&Range>) -> bool,
) -> Result<()> {
    let mut mapped: Option<(u32, Mmap)> = None;
    for range in ranges {
        if !each(sink, Some(&range)) {
            break;
        }
        let (file, dialect) = &files[range.file as usize];
        if mapped.as_ref().is_none_or(|(of, _)| *of != range.file) {
            mapped = Some((range.file, map(file)?));
        }
        let (_, bytes) = mapped.as_ref().expect("the file has just been mapped");
        scan::scan(bytes, &range, dialect, sink);
    }
    each(sink, None);
    Ok(())
}

fn map(file: &InputFile) -> Result<Mmap> {
    let failed =
        |e: std::io::Error| Error::file(&file.path, "cannot read", &e, "check that every machine has the file");
    let opened = File::open(&file.path).map_err(failed)?;
    // SAFETY: the map is read as bytes only. A file that is cut while it is read ends the process with a signal, as with
    // any reader of mapped files; changed bytes are read as they then are.
    let mapped = unsafe { Mmap::map(&opened) }.map_err(failed)?;
    if mapped.len() as u64 != file.bytes {
        let problem = format!("it has {} bytes here, but {} at the coordinator", mapped.len(), file.bytes);
        let remedy = "give every machine the same files and do not change them during a run".to_string();
        return Err(Error::File { path: file.path.clone(), problem, remedy });
    }
    Ok(mapped)
}

fn read_files<C: Collective>(c: &C, files: &[(InputFile, Dialect)], reader: &mut Reader) -> Result<()> {
    let starts: Vec<u64> = files
        .iter()
        .scan(0, |at, (file, _)| {
            let start = *at;
            *at += file.bytes;
            Some(start)
        })
        .collect();
    scan_ranges(own_ranges(c, files), files, reader, |reader, next| {
        reader.shuffle.end_epoch();
        if let Some(range) = next {
            reader.file = range.file;
            reader.offset = starts[range.file as usize];
        }
        !reader.must_stop()
    })
}

fn generate<C: Collective>(c: &C, spec: &GenerateSpec, reader: &mut Reader) -> Result<()> {
    let generator = Generator::new(spec)?;
    let mut rows = Vec::new();
    let mut epoch_ends = ROWS_PER_EPOCH;
    for user in (1..=spec.users).skip(c.index()).step_by(c.peers()) {
        generator.user(user, &mut rows);
        reader.read += rows.len() as u64;
        for (order, &(item, value)) in rows.iter().enumerate() {
            reader.shuffle.send(Row { user, item, value, order: order as u64 });
        }
        if reader.read >= epoch_ends {
            epoch_ends = reader.read + ROWS_PER_EPOCH;
            reader.shuffle.end_epoch();
        }
    }
    Ok(())
}

/// Ends the run on the first bad row, or when there are too many. Returns the rejects (on the coordinator), their number
/// and the number of rows read.
fn settle_rejects<C: Collective>(
    c: &mut C,
    input: &Input,
    files: &[InputFile],
    rejects: Vec<Reject>,
    read: u64,
) -> Result<(Vec<Reject>, u64, u64)> {
    let mut totals = [rejects.len() as u64, read];
    c.sum(&mut totals);
    let [n_rejects, n_read] = totals;
    if n_rejects == 0 {
        return Ok((Vec::new(), 0, n_read));
    }
    let mut gathered = c.gather_values(&rejects).concat();
    gathered.sort();
    let settled = match (c.is_coordinator(), input.on_bad) {
        (false, _) => Ok(()),
        (true, OnBad::Fail) => Err(gathered.swap_remove(0).into_error(files)),
        (true, OnBad::Reject) if n_rejects == n_read => Err(rejects::all_bad(n_read, gathered.swap_remove(0), files)),
        (true, OnBad::Reject) if n_rejects as f64 > input.max_bad * n_read as f64 => {
            Err(rejects::too_many(n_rejects, n_read, input.max_bad, gathered.swap_remove(0), files))
        }
        (true, OnBad::Reject) => rejects::number_lines(files, &mut gathered),
    };
    c.agree(settled)?;
    Ok((gathered, n_rejects, n_read))
}

/// Index of every item by its key, on every worker, and the items' ids, rising, on the coordinator; nothing if two texts
/// share a key anywhere.
fn item_dictionary<C: Collective>(
    c: &mut C,
    builder: &Builder,
    item_names: KeyMap<Box<str>>,
    collision: bool,
) -> Option<(KeyMap<u32>, Vec<Id>)> {
    let mut mine: Vec<Name> = item_names.into_iter().map(|(key, text)| Name { key, text }).collect();
    mine.sort_unstable_by_key(|name| name.key);
    let mut names = KeyMap::default();
    let gathered: Vec<Vec<Name>> = c.gather_values(&mine);
    let clash = gathered.into_iter().flatten().fold(false, |clash, name| clash | !note_name(&mut names, name));
    let mut collided = [u64::from(clash || collision || builder.has_collision())];
    c.max(&mut collided);
    if collided[0] > 0 {
        return None;
    }
    let gathered = c.gather(bytemuck::cast_slice(builder.item_keys()).to_vec());
    let mut keys: Vec<u64> = gathered.iter().flat_map(|bytes| bytemuck::pod_collect_to_vec::<u8, u64>(bytes)).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut sorted: Vec<(Id, u64)> = keys.into_iter().map(|key| (id_of(key, &mut names), key)).collect();
    sorted.sort_unstable();
    let keys: Vec<u64> = sorted.iter().map(|(_, key)| *key).collect();
    let told = c.broadcast(bytemuck::cast_slice(&keys).to_vec());
    let keys: Vec<u64> = bytemuck::pod_collect_to_vec(&told);
    let index = keys.iter().enumerate().map(|(i, &key)| (key, i as u32)).collect();
    Some((index, sorted.into_iter().map(|(id, _)| id).collect()))
}

/// The titles of the dictionary's items.
fn name_items(input: &Input, plan: &Plan, ids: Vec<Id>) -> Result<Items> {
    let titles = match (&input.items, plan) {
        (Some(spec), _) => {
            let mut known = titles::read(spec)?;
            ids.iter().map(|id| known.remove(id)).collect()
        }
        (None, Plan::Generate(spec)) => {
            let generator = Generator::new(spec)?;
            let title = |id: &Id| match id {
                Id::Number(item) => Some(generator.title(*item)),
                Id::Text(_) => None,
            };
            ids.iter().map(title).collect()
        }
        (None, Plan::Files(_)) => vec![None; ids.len()],
    };
    Ok(Items { ids, titles })
}

/// Ends the run on the first pair of rows, by user then item, that has several. The rows are looked for in the input
/// again, so that a run without duplicates need not remember where each row was.
fn refuse_duplicates<C: Collective>(
    c: &mut C,
    sealed: &Sealed,
    item_index: &KeyMap<u32>,
    plan: &Plan,
    hash_seed: u64,
) -> Result<()> {
    let mine: Vec<(Id, u32)> =
        sealed.first_duplicate.iter().map(|&(user, item)| (sealed.shard.users[user].clone(), item)).collect();
    let everybodys = c.gather_values(&mine).concat();
    let first: Vec<(Id, u32)> = everybodys.into_iter().min().into_iter().collect();
    let first: Vec<(Id, u32)> = c.broadcast_value(Some(&first));
    let Some((user, item)) = first.into_iter().next() else {
        return Ok(());
    };
    let remedy = "set input.duplicates = \"last\", \"sum\", \"mean\" or \"max\", or remove one of them";
    let Plan::Files(files) = plan else {
        return Err(Error::data("input.generate", format!("user {user} has an item several times"), remedy));
    };
    let item_key = item_index.iter().find(|(_, index)| **index == item).map(|(key, _)| *key);
    let mut finder = PairFinder { user: user.clone(), item_key, hash_seed, file: 0, found: Vec::new() };
    let scanned = scan_ranges(own_ranges(c, files), files, &mut finder, |finder, next| {
        finder.file = next.map_or(0, |range| range.file);
        true
    });
    c.agree(scanned)?;
    let mut found = c.gather_values(&finder.found).concat();
    found.sort_unstable_by_key(|(file, byte, _)| (*file, *byte));
    let refusal = if c.is_coordinator() { Err(duplicate_error(&user, &found, files, remedy)) } else { Ok(()) };
    c.agree(refusal)
}

fn duplicate_error(user: &Id, found: &[(u32, u64, Id)], files: &[(InputFile, Dialect)], remedy: &str) -> Error {
    let [(first_file, first_byte, item), (file, byte, _), ..] = found else {
        let problem = format!("user {user} has an item in several rows, which the files no longer hold");
        return Error::data("input.ratings", problem, "do not change the files during a run");
    };
    let path = &files[*file as usize].0.path;
    let first_path = &files[*first_file as usize].0.path;
    let lines = rejects::line_of(first_path, *first_byte).and_then(|a| Ok((a, rejects::line_of(path, *byte)?)));
    let (first_line, line) = match lines {
        Ok(lines) => lines,
        Err(error) => return error,
    };
    let first_at = if first_file == file {
        format!("line {first_line}")
    } else {
        format!("{}:{first_line}", first_path.display())
    };
    let problem = format!("user {user} and item {item} are already in {first_at}");
    Error::Row { file: path.clone(), line, problem, remedy: remedy.into() }
}

/// Looks for the rows of one user and item.
struct PairFinder {
    user: Id,
    item_key: Option<u64>,
    hash_seed: u64,
    file: u32,
    found: Vec<(u32, u64, Id)>,
}

impl RowSink for PairFinder {
    fn row(&mut self, row: RawRow<'_>) {
        let item = Id::from(row.item);
        if Some(item.key(self.hash_seed)) == self.item_key && Id::from(row.user) == self.user {
            self.found.push((self.file, row.byte, item));
        }
    }

    fn bad(&mut self, _bad: BadRow<'_>) {}
}
