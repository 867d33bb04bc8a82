//! What a process holds in memory at the same time, part by part.
//!
//! | while | there is |
//! |---|---|
//! | always | the program; buffers for each other process |
//! | ingest | packed rows, of which what is past 40 % of `memory` is in scratch files; then the blocks they become; batches for each worker; keys of the items that its workers met, and at the coordinator all ids |
//! | from there on | the blocks, as far as there is room beside all else; the users, the items |
//! | pca | the basis; the block and its image, for each worker |
//! | from there on | scores, 8 bytes a user and component |
//! | kmeans | labels, bounds and changes of all runs, the sample |
//! | validate, profile | tables, (items × clusters) each, for each worker; those of counts after those of sums |
//! | evidence | what is seen and hidden, in 15 % of `memory` and scratch files; then as pca and kmeans; tables of 64 MiB for each worker |
//! | gather, write | no more ratings; a range of the users, twice while they are sorted |
//!
//! Small allocations come in classes of size, which takes [`ROUNDING`] more than is asked for.

use super::question::Question;
use super::traffic::{lanes, sample, tables};
use crate::results::forecast::Sizes;
use crate::stages::evidence::Evidence;
use crate::stages::mixture::Mixture;

/// Of `memory`: for the rows of a process while they are read.
const ROWS_SHARE: f64 = 0.4;
/// Memory taken for a byte of rows and blocks.
const ROUNDING: f64 = 1.13;
/// The program and what all of it needs.
const PROGRAM: f64 = 20e6;
/// Stack, batches on their way and pages of the input, of a worker.
const WORKER: f64 = 14e6;
/// What the allocator keeps of the memory that the rows had, at most and of a worker, until it is wanted again.
const KEPT: f64 = 24e6;
/// What a process of several needs for talking, and buffers of a link to another process.
const TALK: f64 = 8e6;
const LINK: f64 = 3e6;
/// Rows of a batch in the making, for each worker there is.
const BATCH: f64 = 8192.0;
/// What blocks of ratings are called.
const RATINGS: &str = "ratings";
/// And what rows are, and their blocks beside them.
const ROWS: &str = "rows being read";
/// Bytes of a row of numbers.
const NARROW: f64 = 12.0;
/// Bytes of an id, and of the key of its draws.
const USER: f64 = 32.0;
/// Of `memory`: for the tables of Naive Bayes.
const BAYES_SHARE: f64 = 0.2;

/// Of `memory`: for the matrices of second fits.
const EVIDENCE_SHARE: f64 = 0.15;
/// Most bytes of the table of items by segments of a second fit.
const GUESS_TABLE: f64 = 67_108_864.0;

/// Of `memory`: what is given away. The rest is for what is not thought of here.
const SURE: f64 = 0.92;

/// Bytes by what they are for.
pub(super) type Parts = Vec<(&'static str, f64)>;

/// What a process holds.
pub struct Held<'a> {
    q: &'a Question<'a>,
    /// Users, ratings and rows of a process.
    users: f64,
    ratings: f64,
    rows: f64,
    /// What of the rows may lie in memory.
    room: f64,
}

impl Held<'_> {
    pub fn new<'a>(q: &'a Question<'a>) -> Held<'a> {
        let p = q.cluster.processes as f64;
        let Sizes { users, ratings, rows, .. } = q.sizes;
        let room = ROWS_SHARE * q.job.memory as f64;
        Held { q, users: users / p, ratings: ratings / p, rows: rows / p, room }
    }

    /// Bytes of all packed rows while they are read, and of the blocks they become. Numbers of users and items take about 5 of 8
    /// bytes, keys of texts all of theirs.
    fn records(&self) -> f64 {
        let Sizes { record_bytes, .. } = self.q.sizes;
        self.rows * record_bytes * if record_bytes > NARROW { 0.7 } else { 0.42 }
    }

    /// A gap takes the bits of the largest of 128, which are about as far from the mean as an exponential distribution has them; a
    /// value of few takes about 4 bits.
    fn blocks(&self) -> f64 {
        let Sizes { items, users, ratings, value_bytes, .. } = self.q.sizes;
        let gap = (items * users / ratings.max(1.0)).max(1.0).log2() + 2.3;
        let value = if value_bytes > 1.0 { 8.0 * value_bytes } else { 4.5 };
        self.ratings * (gap + value) / 8.0 + 1.5 * self.users
    }

    /// Bytes of the matrices of a second fit: what is seen, and of those who are asked once more.
    fn second(&self) -> f64 {
        self.blocks() * (1.0 + Evidence::share_asked(self.q.sizes.users))
    }

    fn second_room(&self) -> f64 {
        EVIDENCE_SHARE * self.q.job.memory as f64
    }

    /// Bytes in scratch files.
    pub fn spilled(&self) -> f64 {
        let records = if self.records() > self.room { self.records() } else { 0.0 };
        let second =
            if self.q.job.evidence.is_some() { 2.0 * (self.second() - self.second_room()).max(0.0) } else { 0.0 };
        records + self.blocks_spilled() + second
    }

    /// Bytes of blocks in scratch files, which each pass reads.
    pub fn blocks_spilled(&self) -> f64 {
        (self.blocks() - self.for_blocks()).max(0.0)
    }

    /// Bytes that are left for the blocks beside all else that a stage has.
    pub fn for_blocks(&self) -> f64 {
        (SURE * self.q.job.memory as f64 - self.besides_blocks()).max(0.0)
    }

    /// The most that any stage has besides the blocks, in the coordinator's process.
    pub fn besides_blocks(&self) -> f64 {
        let after_ingest = self.q.stages().filter(|stage| !matches!(*stage, "ingest" | "choose"));
        let bytes = |stage| self.parts(stage, true).iter().map(|(_, bytes)| bytes).sum::<f64>();
        after_ingest.map(bytes).fold(0.0, f64::max)
    }

    /// `memory` with which nothing goes to scratch files, about.
    pub fn without_spilling(&self) -> f64 {
        (self.records() / ROWS_SHARE).max(self.besides_blocks() + self.blocks())
    }

    /// What there is while a stage is at work, in the coordinator's process or another.
    pub fn during(&self, stage: &str, coordinator: bool) -> Parts {
        let mut parts = self.parts(stage, coordinator);
        if !matches!(stage, "ingest" | "gather" | "write") {
            parts.push((RATINGS, self.blocks().min(self.for_blocks())));
        }
        parts
    }

    /// What there is while a stage is at work in the coordinator's process, but for rows and blocks, which can be in scratch files.
    pub(super) fn besides_rows(&self, stage: &str) -> Parts {
        let mut parts = self.parts(stage, true);
        parts.retain(|(part, _)| *part != ROWS);
        parts
    }

    fn parts(&self, stage: &str, coordinator: bool) -> Parts {
        let mut parts = self.always(coordinator);
        match stage {
            "ingest" => parts.extend(self.ingest(coordinator)),
            "gather" | "write" => parts.extend(self.results(coordinator)),
            _ => {
                let workers = self.q.cluster.workers as f64;
                parts.push(("what rows have left behind", (workers * KEPT).min(2.0 * ROUNDING * self.records())));
                parts.push(("scores", 8.0 * self.users * self.q.components()));
                parts.extend(match stage {
                    "choose" => self.choose(),
                    "pca" => self.pca(),
                    "kmeans" => self.kmeans(),
                    "sweep" => self.sweep(),
                    "refine" => self.refine(),
                    "validate" => self.validate(coordinator),
                    "evidence" => self.evidence(coordinator),
                    _ => self.profile(coordinator),
                });
            }
        }
        parts
    }

    fn always(&self, coordinator: bool) -> Parts {
        let Sizes { items, user_text, item_text, .. } = self.q.sizes;
        let (workers, processes) = (self.q.cluster.workers as f64, self.q.cluster.processes as f64);
        let text = |bytes: f64| if bytes > 0.0 { 8.0 + bytes } else { 0.0 };
        let ids = if coordinator { items * (56.0 + text(item_text)) } else { 0.0 };
        vec![
            ("program", PROGRAM + WORKER * workers),
            ("links", if processes > 1.0 { TALK + LINK * (processes - 1.0) } else { 0.0 }),
            ("users", self.users * (USER + text(user_text))),
            ("items", ids),
        ]
    }

    fn ingest(&self, coordinator: bool) -> Parts {
        let Sizes { items, record_bytes, user_text, item_text, rows, .. } = self.q.sizes;
        let (workers, peers) = (self.q.cluster.workers as f64, self.q.cluster.peers());
        let records = self.records().min(self.room);
        let blocks = self.blocks().min(self.for_blocks());
        // A spilled input is read back a partition at a time, into the room that its rows had.
        let rows_and_blocks = if self.records() > self.room { records.max(blocks) } else { records + blocks };
        let batches = workers * peers * BATCH.min(rows / peers / peers) * record_bytes;
        let name = |bytes: f64| if bytes > 0.0 { 64.0 + bytes } else { 0.0 };
        let names = workers * items * name(item_text) + 2.0 * self.users * name(user_text);
        vec![
            (ROWS, ROUNDING * rows_and_blocks),
            ("batches for each worker", batches),
            ("index of the items", workers * items * 12.0 + names),
            ("item dictionary", self.dictionary(coordinator)),
        ]
    }

    /// Keys as they were met, sent and received, and their indices; what goes to other processes; the sorted ids. Then all ids at the
    /// coordinator.
    fn dictionary(&self, coordinator: bool) -> f64 {
        let Sizes { items, item_text, .. } = self.q.sizes;
        let (workers, processes) = (self.q.cluster.workers as f64, self.q.cluster.processes as f64);
        let met = workers * self.q.items_met();
        let keys = met * if self.q.cluster.peers() > 1.0 { 28.0 } else { 16.0 };
        let name = if item_text > 0.0 { 40.0 + item_text } else { 0.0 };
        let of_others = if processes > 1.0 { items.min(met) * (24.0 + name) } else { 0.0 };
        keys + of_others + 48.0 * items / processes + if coordinator { 48.0 * items } else { 0.0 }
    }

    /// Every worker has the sample and what is made of it.
    fn choose(&self) -> Parts {
        let [users, ratings] = self.q.sample();
        let workers = self.q.cluster.workers as f64;
        vec![("sample of users to choose on", workers * (150.0 * ratings + 1500.0 * users))]
    }

    fn pca(&self) -> Parts {
        let items = self.q.sizes.items;
        let (workers, p) = (self.q.cluster.workers as f64, self.q.cluster.processes as f64);
        let columns = (8.0 * (self.q.approach.sweeps as f64 + 1.0)).min(self.q.approach.max_basis as f64);
        let covariance = if self.q.is_gram() { 8.0 * items * items / p + 8e6 * workers } else { 0.0 };
        vec![
            ("Gram matrix", covariance),
            ("Krylov basis", 8.0 * items * columns / p),
            ("blocks of the solver", 4.0 * 64.0 * items * workers),
        ]
    }

    fn kmeans(&self) -> Parts {
        let (projected, _) = self.q.runs();
        let (dims, starts) = (self.q.components(), self.q.job.kmeans.n_init as f64);
        let workers = self.q.cluster.workers as f64;
        let runs = starts * projected.len() as f64;
        // As many runs at a time as have room in 15 % of the memory.
        let most = 0.15 * self.q.job.memory as f64;
        let users = if self.q.copied { self.q.sizes.users * workers } else { self.users };
        let runs = if self.q.copied { (runs / self.q.cluster.peers()).ceil() } else { runs };
        let copied = if self.q.copied { users * (8.0 * dims + 8.0) } else { 0.0 };
        let points = users * 4.0 * (dims + 1.0) + workers * sample(self.q) * (12.0 * dims + 80.0);
        vec![
            ("runs of k-means", (users * 18.0 * runs).min(most.max(users * 18.0))),
            ("points of k-means", copied + points),
            ("segments", self.users * 24.0),
        ]
    }

    fn sweep(&self) -> Parts {
        let (_, full) = self.q.runs();
        let (items, workers) = (self.q.sizes.items, self.q.cluster.workers as f64);
        let most = full.iter().fold(0.0, |a: f64, b| a.max(*b));
        let one = 40.0 * items * most * workers + 32.0 * self.users;
        let all = 40.0 * items * full.iter().sum::<f64>() * self.q.job.kmeans.n_init as f64 * workers;
        let room = 0.15 * self.q.job.memory as f64;
        let alone = self.q.cluster.peers() == 1.0;
        let runs = if alone { one } else { all.min(room).max(one) };
        vec![("runs of the sweep", runs), ("segments", self.users * 24.0)]
    }

    /// Counts of an iteration and what is sent of them, and the mixture twice.
    fn refine(&self) -> Parts {
        let bytes = Mixture::bytes(self.q.sizes.items as usize, self.q.job.kmeans.clusters) as f64;
        vec![("tables of the mixture", self.q.cluster.workers as f64 * bytes), ("segments", self.users * 32.0)]
    }

    fn validate(&self, coordinator: bool) -> Parts {
        let (items, k, folds) = (self.q.sizes.items, self.q.clusters(), self.q.job.validate.folds as f64);
        let workers = self.q.cluster.workers as f64;
        let of_folds = 1.0 + folds / self.q.cluster.peers();
        let per_item = tables(self.q) * 8.0 * (lanes(k) + of_folds * k) + 4.0 * lanes(k);
        let room = BAYES_SHARE * self.q.job.memory as f64 / workers;
        let of_worker = 16.0 * lanes(k) * self.users / workers;
        let (strip, kept) = match items * per_item > room + of_worker {
            true => (room, 16.0 * lanes(k) * self.users),
            false => (items * per_item, 0.0),
        };
        let model = if coordinator { 2.0 * tables(self.q) * 8.0 * k * items } else { 0.0 };
        vec![
            ("tables of Naive Bayes", workers * strip),
            ("scores of Naive Bayes", kept + self.users * 20.0),
            ("the model", model),
            ("segments", self.users * 24.0),
        ]
    }

    fn profile(&self, coordinator: bool) -> Parts {
        let (items, k) = (self.q.sizes.items, self.q.clusters());
        let workers = self.q.cluster.workers as f64;
        let model = if coordinator { tables(self.q) * 8.0 * k * items } else { 0.0 };
        vec![
            ("sums of the profiles", workers * items * (8.0 * k + 16.0)),
            ("the model", model),
            ("segments", self.users * 28.0),
        ]
    }

    fn evidence(&self, coordinator: bool) -> Parts {
        let (items, k, workers) = (self.q.sizes.items, self.q.clusters(), self.q.cluster.workers as f64);
        let bytes = |parts: &Parts| parts.iter().map(|(_, bytes)| bytes).sum::<f64>();
        let (pca, kmeans) = (self.pca(), self.kmeans());
        let (projected, _) = self.q.runs();
        let most = projected.iter().fold(0.0, |a: f64, b| a.max(*b));
        let mut parts = if bytes(&pca) > bytes(&kmeans) { pca } else { kmeans };
        if self.q.is_refined() {
            parts.extend(self.refine());
        }
        parts.extend([
            ("ratings of second fits", self.second().min(self.second_room())),
            ("second scores", self.users * (8.0 * self.q.components() + 32.0 + 8.0 * projected.len() as f64)),
            ("tables of second fits", workers * (4.0 * most * items).min(GUESS_TABLE)),
            ("refits", workers * self.q.refit_users() * (20.0 * self.q.components() + 100.0)),
            ("the model", if coordinator { tables(self.q) * 8.0 * k * items } else { 0.0 }),
        ]);
        parts
    }

    fn results(&self, coordinator: bool) -> Parts {
        let Sizes { items, user_text, .. } = self.q.sizes;
        let text = if user_text > 0.0 { 8.0 + user_text } else { 0.0 };
        let components = 8.0 * self.q.components();
        let own = self.users * (28.0 + components);
        let sorted = self.users * (100.0 + 2.0 * text);
        let model = if coordinator {
            items * 8.0 * ((tables(self.q) + self.q.mixture_tables()) * self.q.clusters() + self.q.components())
        } else {
            0.0
        };
        vec![("segments", own), ("users in order", sorted), ("the model", model)]
    }
}
