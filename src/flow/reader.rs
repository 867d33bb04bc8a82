//! One worker's side of reading: rows of files, or generated ones, into the shuffle.

use std::cell::Cell;

use crate::collective::Collective;
use crate::error::Result;
use crate::flow::shuffle::Shuffle;
use crate::ingest::generate::Generator;
use crate::ingest::ids;
use crate::ingest::keys::{KeyMap, Noted, note_name};
use crate::ingest::plan::{Plan, PlannedFile};
use crate::ingest::rejects::Reject;
use crate::ingest::rows::{self, Name, Row};
use crate::ingest::scan::{BadRow, RawId, RawRow, RowSink};
use crate::ingest::titles::Said;
use crate::ingest::units::{own_units, scan_units};
use crate::job::{Filter, GenerateSpec, OnBad};
use crate::watch::progress::{self, Measure};

/// Puts rows into the shuffle, and keeps the rest of what a worker finds.
pub struct Reader {
    pub shuffle: Shuffle,
    hash_seed: u64,
    on_bad: OnBad,
    /// The file being read.
    file: u32,
    filter: Filter,
    filters: bool,
    pub read: u64,
    /// Rows of `read` that the filter does not take.
    pub left_out: u64,
    pub rejects: Vec<Reject>,
    user_names: KeyMap<Box<str>>,
    pub item_names: KeyMap<Box<str>>,
    /// Two texts have one key.
    pub collision: bool,
    /// What the rows say of their items, where somebody wants to know.
    pub said: Option<Said>,
}

impl Reader {
    pub fn new(shuffle: Shuffle, hash_seed: u64, on_bad: OnBad, filter: Filter, said: Option<Said>) -> Reader {
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
            said,
        }
    }

    /// Reads this worker's share of the plan. All workers call it together.
    pub fn read<C: Collective>(&mut self, c: &mut C, plan: &Plan) -> Result<()> {
        match plan {
            Plan::Files(files) => read_files(c, files, self),
            Plan::Generate(spec) => generate(c, spec, self),
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

    /// The rows to come are those of this file.
    fn begin(&mut self, file: u32, files: &[PlannedFile]) {
        self.file = file;
        if let Some(said) = &mut self.said {
            said.begin(&files[file as usize]);
        }
    }

    /// A bad row has been met, and ends the run.
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
        if let Some(said) = &mut self.said {
            said.hear(user, item, row.rest);
        }
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
    let units = own_units(c, files);
    scan_units(&units, files, reader, |reader, unit| {
        reader.begin(unit.file, files);
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
