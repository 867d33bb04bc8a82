//! Collects from all workers what the coordinator writes.

use crate::collective::Collective;
use crate::ingest::files::InputFile;
use crate::ingest::ids::Id;
use crate::ingest::rejects::Reject;
use crate::job::Input;
use crate::kernel::keyed::{self, Stream};
use crate::results::MapPoint;
use crate::results::rejects::RejectLine;
use crate::results::run::InputRecord;
use crate::shard::Shard;
use crate::stages::kmeans::Assignment;
use crate::watch::progress::{self, Memory};

/// Users on the map of the report, at most.
const MAP_POINTS: usize = 4000;

/// Users that the search box of the report knows: about as many, or all of fewer.
const KNOWN_USERS: u64 = 50_000;

/// Users with their segments, sorted by id, on the coordinator: of many a keyed sample.
pub fn known_users<C: Collective>(
    c: &mut C,
    shard: &Shard,
    assignment: &Assignment,
    n_users: u64,
    seed: u64,
) -> Vec<(Id, u32)> {
    // Tickets are uniform: so large a part of them is below this one.
    let last = if n_users <= KNOWN_USERS { u64::MAX } else { u64::MAX / n_users * KNOWN_USERS };
    let is_drawn = |user: &usize| keyed::bits(seed, Stream::MapSample, 0, shard.draw_keys[*user]) <= last;
    let drawn = (0..shard.users.len()).filter(is_drawn);
    let mine: Vec<(Id, u32)> = drawn.map(|user| (shard.users[user].clone(), assignment.segment[user])).collect();
    let mut all = c.gather_values(&mine).concat();
    all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    all
}

/// A keyed sample of users on the first two components, sorted by id, on the coordinator.
pub fn map_points<C: Collective>(
    c: &mut C,
    shard: &Shard,
    assignment: &Assignment,
    scores: &ndarray::Array2<f64>,
    seed: u64,
) -> Vec<MapPoint> {
    let ticket = |user: usize| keyed::bits(seed, Stream::MapSample, 0, shard.draw_keys[user]);
    let mut drawn: Vec<(u64, usize)> = (0..shard.users.len()).map(|user| (ticket(user), user)).collect();
    drawn.sort_unstable();
    drawn.truncate(MAP_POINTS);
    let point = |user: usize| MapPoint {
        user: shard.users[user].clone(),
        segment: assignment.segment[user],
        x: scores[[user, 0]],
        y: scores.row(user).get(1).copied().unwrap_or(0.0),
    };
    let mine: Vec<(u64, MapPoint)> = drawn.into_iter().map(|(ticket, user)| (ticket, point(user))).collect();
    let mut all: Vec<(u64, MapPoint)> = c.gather_values(&mine).concat();
    all.sort_by(|(a, p), (b, q)| a.cmp(b).then_with(|| p.user.cmp(&q.user)));
    all.truncate(MAP_POINTS);
    let mut points: Vec<MapPoint> = all.into_iter().map(|(_, point)| point).collect();
    points.sort_by(|a, b| a.user.cmp(&b.user));
    points
}

/// Peak resident memory of the largest process, in bytes; 0 where the system does not say.
pub fn peak_memory<C: Collective>(c: &mut C) -> u64 {
    let mut peak = [Memory::now().peak];
    c.max(&mut peak);
    peak[0]
}

/// Bytes that all processes of `workers` workers each have sent to each other.
pub fn bytes_sent<C: Collective>(c: &mut C, workers: usize) -> u64 {
    let speaks = c.index().is_multiple_of(workers);
    let mut sent = [if speaks { progress::bytes_sent() } else { 0 }];
    c.sum(&mut sent);
    sent[0]
}

/// The files with ratings, then the one with titles: a later run sees from them whether it reads the same.
pub fn inputs(input: &Input, files: &[InputFile]) -> Vec<InputRecord> {
    let ratings = files.iter().map(InputRecord::of);
    let titles = input.items.iter().filter_map(|titles| InputRecord::on_disk(&titles.path));
    ratings.chain(titles).collect()
}

pub fn reject_lines(files: &[InputFile], rejects: Vec<Reject>) -> Vec<RejectLine> {
    let line = |reject: Reject| RejectLine {
        file: files[reject.file as usize].path.display().to_string(),
        line: reject.line,
        byte: reject.byte,
        code: reject.code.name().into(),
        field: reject.field,
        raw: reject.raw,
    };
    rejects.into_iter().map(line).collect()
}
