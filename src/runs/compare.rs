//! The earlier run that a job is compared with. The coordinator reads it and hands its users to the workers that own them.

use std::path::Path;

use ndarray::{Array1, Array2};

use super::ranges::order;
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::flow::read::Ratings;
use crate::ingest::ids::Id;
use crate::ingest::source::InputFile;
use crate::ingest::tables::{self, Kind};
use crate::job::{Column, Job};
use crate::kernel::agreement::Contingency;
use crate::results::fetched::Here;
use crate::results::files::{SEGMENTS, of_table};
use crate::results::model::{self, Model};
use crate::results::run::{self, InputRecord};
use crate::shard::incoming::worker_of;
use crate::stages::continuity::driving::{self, Driving};
use crate::stages::continuity::likeness::{self, likeness};
use crate::stages::continuity::matching::{Grounds, Matching, match_up};
use crate::stages::continuity::moves::{self, Earlier, NOWHERE, Past};
use crate::stages::continuity::{Ancestor, Continuity, Driver, Moves};
use crate::stages::kmeans::Fitted;
use crate::stages::pca::Pca;
use crate::store::is_address;

const KEY: &str = "compare.previous";

/// Users handed to their workers at a time.
const BATCH: usize = 1 << 16;

/// The part of the earlier run that the coordinator keeps.
pub struct Previous {
    here: Here,
    items: Vec<Id>,
    mean: Array1<f64>,
    components: Array2<f64>,
    centroids: Array2<f64>,
    earlier: Earlier,
}

/// What all workers know of the earlier run.
pub struct Known {
    past: Past,
    n_segments: usize,
    /// Users of both runs.
    shared: u64,
    n_users: u64,
}

impl Known {
    /// An earlier run of `n_users` users in `n_segments` segments; `past` says where this worker's users were.
    pub fn of<C: Collective>(c: &mut C, past: Past, n_segments: usize, n_users: u64) -> Known {
        let mut shared = [past.segment.iter().filter(|&&segment| segment != NOWHERE).count() as u64];
        c.sum(&mut shared);
        Known { past, n_segments, shared: shared[0], n_users }
    }
}

/// The comparison, with the segments renumbered by it. The items' words are on the coordinator; the moves are those of this worker.
pub struct Compared {
    pub continuity: Continuity,
    pub moves: Moves,
    /// The number that each segment got, by the number that it had.
    pub numbers: Vec<u32>,
}

/// Opens the earlier run, before any work is done. Only the coordinator gets it.
pub fn open<C: Collective>(c: &mut C, job: &Job) -> Result<Option<Previous>> {
    let opened = match &job.compare {
        Some(folder) if c.is_coordinator() => Previous::open(folder, &job.output).map(Some),
        _ => Ok(None),
    };
    c.agree(opened)
}

impl Previous {
    /// The run whose model is in use.
    pub fn of_model(folder: &Path, model: &Model, sizes: Vec<u64>) -> Result<Previous> {
        let names = model.manifest.segments.iter().map(|segment| segment.name.clone()).collect();
        let (n_users, here) = (sizes.iter().sum(), folder.display().to_string());
        let earlier =
            Earlier { folder: here, n_users, names, sizes, model: identity(folder)?, lineage: lineage(folder) };
        Ok(Previous {
            here: Here::at(folder),
            items: model.items.clone(),
            mean: model.mean.clone(),
            components: model.components.clone(),
            centroids: model.centroids.clone(),
            earlier,
        })
    }

    fn open(folder: &Path, output: &Path) -> Result<Previous> {
        if !folder.is_dir() && !is_address(folder) {
            return Err(foreign(folder, "there is no such folder"));
        }
        if is_same_place(folder, output) {
            let problem = format!("{} is the output of this very run, which replaces it", folder.display());
            return Err(Error::job(KEY, problem, "choose another output with -o"));
        }
        let here = Here::whole(folder).map_err(unusable)?;
        let Model { manifest, items, mean, components, centroids, .. } =
            model::read(&here.path().join(model::FOLDER)).map_err(unusable)?;
        let sizes: Vec<u64> = manifest.segments.iter().map(|segment| segment.size).collect();
        let names = manifest.segments.into_iter().map(|segment| segment.name).collect();
        let n_users = sizes.iter().fold(0, |sum: u64, &size| sum.saturating_add(size));
        let model = identity(here.path()).map_err(unusable)?;
        let lineage = lineage(here.path());
        let earlier = Earlier { folder: folder.display().to_string(), n_users, names, sizes, model, lineage };
        let previous = Previous { here, items, mean, components, centroids, earlier };
        let counts = |file: &InputFile| tables::n_rows(file, "compare", &columns()).map_err(unusable);
        let rows: u64 = previous.files()?.iter().map(counts).sum::<Result<u64>>()?;
        if rows != n_users {
            let problem = format!("segments.parquet has {rows} users and model.json {n_users}");
            return Err(foreign(folder, &problem));
        }
        Ok(previous)
    }

    /// The table of its users, file by file.
    fn files(&self) -> Result<Vec<InputFile>> {
        let table = self.here.path().join(SEGMENTS);
        let files = of_table(&table).map_err(|e| Error::file(&table, "cannot list", &e, REMEDY)).map_err(unusable)?;
        files.into_iter().map(|file| InputFile::on_disk(file).map_err(unusable)).collect()
    }

    /// Tells whether it is the same when a run goes on from a checkpoint.
    pub fn identity(&self) -> String {
        let folder = self.here.path();
        if self.here.is_fetched() {
            // The copies are new each time; the record has the digests of what they hold.
            let record = std::fs::read(folder.join(run::FILE)).unwrap_or_default();
            return format!(" {} {}", self.earlier.folder, blake3::hash(&record));
        }
        let model = ["model/model.json", "model/model.safetensors"].map(|file| folder.join(file));
        let users = of_table(&folder.join(SEGMENTS)).unwrap_or_default();
        let files: Vec<_> = users.iter().chain(&model).map(|file| InputRecord::on_disk(file)).collect();
        format!(" {files:?}")
    }

    fn n_segments(&self) -> usize {
        self.earlier.sizes.len()
    }
}

fn identity(output: &Path) -> Result<String> {
    model::identity(&output.join(model::FOLDER))
}

/// What the run in a folder went on from itself, as far as its record says so.
fn lineage(output: &Path) -> Vec<Ancestor> {
    let continuity = run::Finished::read(output).ok().and_then(|finished| finished.continuity);
    continuity.map_or_else(Vec::new, |continuity| continuity.lineage)
}

fn is_same_place(folder: &Path, output: &Path) -> bool {
    if is_address(folder) {
        let without_end = |path: &Path| path.to_string_lossy().trim_end_matches('/').to_string();
        return without_end(folder) == without_end(output);
    }
    folder.canonicalize().is_ok_and(|folder| output.canonicalize().is_ok_and(|out| out == folder))
}

/// The columns of `segments.parquet` that count.
fn columns() -> [(&'static str, Column); 4] {
    ["user", "segment", "distance", "second_distance"].map(|name| (name, Column::Name(name.into())))
}

const REMEDY: &str = "name the output folder of a finished run of this version of segmill";

fn foreign(folder: &Path, problem: &str) -> Error {
    Error::job(KEY, format!("{}: {problem}", folder.display()), REMEDY)
}

/// Whatever is wrong with the earlier run is wrong with the key that names it.
fn unusable(error: Error) -> Error {
    let problem = match error {
        Error::Job { problem, .. } => problem,
        Error::Data { place, problem, .. } => format!("{place}: {problem}"),
        Error::File { path, problem, .. } => format!("{}: {problem}", path.display()),
        other => return other,
    };
    Error::job(KEY, problem, REMEDY)
}

/// A user of the earlier run: id, segment, and how far inside it.
type Row = (Id, u32, f64);

/// Finds this run's users in the earlier one. All workers call it together; `previous` is the coordinator's.
pub fn find_users<C: Collective>(c: &mut C, previous: Option<&Previous>, ratings: &Ratings) -> Result<Known> {
    let shape = previous.map(|previous| (previous.n_segments(), previous.earlier.n_users));
    let (n_segments, n_users) = c.broadcast_value(shape.as_ref());
    let mut finder = Finder::new(&ratings.shard.users, n_segments);
    let sent = match previous {
        Some(previous) => send_rows(c, previous, ratings.hash_seed, &mut finder),
        None => {
            while finder.take(&c.exchange(vec![Vec::new(); c.peers()])[0]) {}
            Ok(())
        }
    };
    c.agree(sent)?;
    let Finder { past, twice, .. } = finder;
    c.agree(twice.map_or(Ok(()), |user| Err(damaged(format!("user {user} is there twice")))))?;
    let known = Known::of(c, past, n_segments, n_users);
    let strangers = match previous {
        Some(previous) if known.shared == 0 && likeness::common(&previous.items, &ratings.items.ids).is_empty() => {
            let (users, items) = (previous.earlier.n_users, previous.items.len());
            let problem =
                format!("none of the {users} users and {items} items in {} is in this run", previous.earlier.folder);
            Err(Error::job(KEY, problem, "name an earlier run on ratings of the same users or items"))
        }
        _ => Ok(()),
    };
    c.agree(strangers)?;
    Ok(known)
}

fn damaged(problem: String) -> Error {
    Error::job(KEY, format!("segments.parquet is damaged: {problem}"), REMEDY)
}

/// Reads the users of the earlier run and hands each to the worker that has them. The last message says so, whatever ends
/// the reading, or the others would wait for more.
fn send_rows<C: Collective>(c: &mut C, previous: &Previous, hash_seed: u64, finder: &mut Finder<'_>) -> Result<()> {
    let peers = c.peers();
    let mut batch = Batch::new(peers);
    let names = columns();
    let keys = names.each_ref().map(|(key, column)| (*key, column));
    let n_segments = previous.n_segments();
    let mut read_file = |file: &InputFile| {
        tables::read_texts(Kind::Parquet, file, "compare", &keys, |_, cells| {
            let [user, segment, own, other] = cells else { unreachable!("as many cells as columns") };
            let segment = segment.parse().ok().filter(|&segment: &u32| (segment as usize) < n_segments);
            let distance = |text: &str| text.parse().ok().filter(|x: &f64| x.is_finite() && *x >= 0.0);
            let (Some(segment), Some(own), Some(other)) = (segment, distance(own), distance(other)) else {
                return Err(damaged(format!("the row of user {user} holds no segment or no distances")));
            };
            let user = Id::parse(user);
            batch.push(worker_of(user.key(hash_seed), peers), (user, segment, moves::inside(own, other)));
            if batch.len == BATCH {
                finder.take(&c.exchange(batch.close(true))[0]);
            }
            Ok(())
        })
    };
    let read = previous.files().and_then(|files| files.iter().try_for_each(&mut read_file));
    finder.take(&c.exchange(batch.close(false))[0]);
    read.map_err(unusable)
}

/// Users on their way, by worker.
struct Batch {
    rows: Vec<Vec<Row>>,
    len: usize,
}

impl Batch {
    fn new(peers: usize) -> Batch {
        Batch { rows: vec![Vec::new(); peers], len: 0 }
    }

    fn push(&mut self, to: usize, row: Row) {
        self.rows[to].push(row);
        self.len += 1;
    }

    /// The messages, and nothing left. `more` is whether another batch follows.
    fn close(&mut self, more: bool) -> Vec<Vec<u8>> {
        self.len = 0;
        let message = |rows: &mut Vec<Row>| {
            let message = bincode::serialize(&(more, &*rows)).expect("rows serialise");
            rows.clear();
            message
        };
        self.rows.iter_mut().map(message).collect()
    }
}

/// Looks up this worker's users among those that come in.
struct Finder<'a> {
    users: &'a [Id],
    /// Places of the users, by id.
    order: Vec<u32>,
    past: Past,
    /// A user who came twice.
    twice: Option<Id>,
}

impl<'a> Finder<'a> {
    fn new(users: &'a [Id], n_segments: usize) -> Finder<'a> {
        debug_assert!(n_segments < NOWHERE as usize);
        let order = order(users);
        let past = Past { segment: vec![NOWHERE; users.len()], inside: vec![0.0; users.len()] };
        Finder { users, order, past, twice: None }
    }

    /// Takes in a message of [`Batch`]; whether another follows.
    fn take(&mut self, message: &[u8]) -> bool {
        let (more, rows): (bool, Vec<Row>) = bincode::deserialize(message).expect("the coordinator sends rows");
        for (user, segment, inside) in rows {
            let Ok(at) = self.order.binary_search_by(|&at| self.users[at as usize].cmp(&user)) else { continue };
            let at = self.order[at] as usize;
            if self.past.segment[at] != NOWHERE {
                self.twice.get_or_insert(user);
            }
            (self.past.segment[at], self.past.inside[at]) = (segment, inside);
        }
        more
    }
}

/// What segments lie in.
pub struct Space<'a> {
    pub ratings: &'a Ratings,
    pub pca: &'a Pca,
    /// `(n_local_users, n_components)`
    pub scores: &'a Array2<f64>,
}

/// Matches this run's segments with the earlier one's, gives them their numbers, and finds out who moved.
pub fn compare<C: Collective>(
    c: &mut C,
    previous: Option<&Previous>,
    known: &Known,
    space: &Space<'_>,
    found: &mut Fitted,
) -> Compared {
    let matching = match_segments(c, previous, known, space, found);
    found.renumber(&matching.numbers);
    let (centroids, assignment) = (found.kmeans.centroids.view(), &found.assignment);
    let (moves, mut paths) = moves::find(&known.past, assignment, &matching, space.scores.view(), centroids);
    paths.sum(c);
    let flows: Vec<(u32, u32)> = paths.flows().iter().map(|&(from, to, _)| (from, to)).collect();
    let (shard, items) = (&space.ratings.shard, &space.ratings.items);
    let (ratings, past, segments) = (&shard.matrix, &known.past, &assignment.segment[..]);
    let users = driving::Users { ratings, past, segments, moves: &moves, matching: &matching };
    let driving = driving::find(c, &users, &flows);
    let told = previous.map(|previous| {
        let mut told = moves::tell(&previous.earlier, &matching, &paths);
        let driver = |Driving { item, moved, stayed }: Driving| Driver {
            item: items.ids[item as usize].to_string(),
            title: items.titles[item as usize].clone(),
            moved,
            stayed,
        };
        for (flow, driving) in told.flows.iter_mut().zip(driving) {
            flow.items = driving.into_iter().map(driver).collect();
        }
        told
    });
    Compared {
        continuity: c.broadcast_value(told.as_ref()),
        moves: moves::named(&moves, &shard.users),
        numbers: matching.numbers,
    }
}

/// The matching, on every worker.
fn match_segments<C: Collective>(
    c: &mut C,
    previous: Option<&Previous>,
    known: &Known,
    space: &Space<'_>,
    found: &Fitted,
) -> Matching {
    let Fitted { kmeans, assignment, .. } = found;
    let n_now = kmeans.sizes.len();
    let mut counts = Array2::<u64>::zeros((known.n_segments, n_now));
    for (&then, &now) in known.past.segment.iter().zip(&assignment.segment).filter(|(then, _)| **then != NOWHERE) {
        counts[[then as usize, now as usize]] += 1;
    }
    c.sum(counts.as_slice_mut().expect("in standard layout"));
    debug_assert_eq!(counts.sum(), known.shared);
    let matching = previous.map(|previous| {
        let pca = space.pca;
        let then = likeness::Space {
            items: &previous.items,
            mean: previous.mean.view(),
            components: previous.components.view(),
            centroids: previous.centroids.view(),
        };
        let now = likeness::Space {
            items: &space.ratings.items.ids,
            mean: pca.mean.view(),
            components: pca.components.view(),
            centroids: kmeans.centroids.view(),
        };
        let (likeness, users_now) = (likeness(&then, &now), kmeans.sizes.iter().sum());
        match_up(&Grounds { shared: Contingency { counts }, likeness, users_then: known.n_users, users_now })
    });
    c.broadcast_value(matching.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_id_and_twice_is_told() {
        let users = ["30", "7", "b", "007"].map(Id::parse);
        let mut finder = Finder::new(&users, 9);
        let mut batch = Batch::new(1);
        for (user, segment) in [("7", 1), ("a", 2), ("007", 3), ("8", 4)] {
            batch.push(0, (Id::parse(user), segment, 0.25));
        }
        assert!(finder.take(&batch.close(true)[0]));
        assert_eq!(finder.past.segment, [NOWHERE, 1, NOWHERE, 3]);
        assert_eq!((finder.past.inside.clone(), finder.twice.clone()), (vec![0.0, 0.25, 0.0, 0.25], None));
        batch.push(0, (Id::parse("7"), 5, 0.5));
        assert!(!finder.take(&batch.close(false)[0]));
        assert_eq!(finder.twice, Some(Id::Number(7)));
    }

    #[test]
    fn whatever_is_wrong_is_wrong_with_the_key() {
        let errors = [
            Error::data("model.json", "it is damaged", "x"),
            Error::job("compare.user", "no column", "x"),
            Error::file(Path::new("a/b"), "cannot open", &std::io::Error::other("no"), "x"),
        ];
        for error in errors {
            let line = unusable(error).to_string();
            assert!(line.starts_with("compare.previous: ") && line.ends_with(REMEDY), "{line}");
        }
    }
}
