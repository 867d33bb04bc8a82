//! Collects from all workers what the coordinator writes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::collective::Collective;
use crate::ingest::files::InputFile;
use crate::ingest::ids::Id;
use crate::ingest::rejects::Reject;
use crate::job::Input;
use crate::kernel::keyed::{self, Stream};
use crate::results::rejects::RejectLine;
use crate::results::run::InputRecord;
use crate::results::{MapPoint, UserTable};
use crate::shard::Shard;
use crate::stages::kmeans::Assignment;
use crate::watch::progress::{self, Memory};

/// Users on the map of the report, at most.
const MAP_POINTS: usize = 4000;

/// All users, sorted by id, on the coordinator. Each worker sorts its own users; their ids are merged, and the columns
/// follow in the same order, one by one. `nb_segment` may be empty, but then on all workers.
pub fn users<C: Collective>(c: &mut C, users: &[Id], assignment: Assignment, nb_segment: Vec<u32>) -> UserTable {
    let mut order: Vec<u32> = (0..users.len() as u32).collect();
    // A shard is sorted partition by partition: such runs are merged.
    order.sort_by(|&a, &b| users[a as usize].cmp(&users[b as usize]));
    let mut classes = [nb_segment.len() as u64];
    c.sum(&mut classes);
    let has_classes = classes[0] > 0;
    let (users, from) = merge(gather_ids(c, users, &order));
    UserTable {
        users,
        assignment: Assignment {
            segment: gather_column(c, assignment.segment, &order, &from),
            distance: gather_column(c, assignment.distance, &order, &from),
            second: gather_column(c, assignment.second, &order, &from),
            second_distance: gather_column(c, assignment.second_distance, &order, &from),
        },
        nb_segment: if has_classes { gather_column(c, nb_segment, &order, &from) } else { Vec::new() },
    }
}

/// The ids of each worker in its `order`, by worker, on the coordinator. Numbers, which come first, travel as they are.
fn gather_ids<C: Collective>(c: &mut C, ids: &[Id], order: &[u32]) -> Vec<Vec<Id>> {
    let ids = || order.iter().map(|&user| &ids[user as usize]);
    let numbers: Vec<u64> = ids().filter_map(|id| if let Id::Number(n) = id { Some(*n) } else { None }).collect();
    let texts: Vec<&str> = ids().filter_map(|id| if let Id::Text(t) = id { Some(&**t) } else { None }).collect();
    let numbers = c.gather(bytemuck::cast_slice(&numbers).to_vec());
    let texts = c.gather(bincode::serialize(&texts).expect("texts serialise"));
    let ids = |(numbers, texts): (Vec<u8>, Vec<u8>)| {
        let texts: Vec<Box<str>> = bincode::deserialize(&texts).expect("every worker sends texts");
        elements::<u64>(&numbers).map(Id::Number).chain(texts.into_iter().map(Id::Text)).collect()
    };
    numbers.into_iter().zip(texts).map(ids).collect()
}

/// Merges sorted parts; also says which part each id came from.
fn merge(parts: Vec<Vec<Id>>) -> (Vec<Id>, Vec<u32>) {
    let n_users = parts.iter().map(Vec::len).sum();
    let (mut merged, mut from) = (Vec::with_capacity(n_users), Vec::with_capacity(n_users));
    let mut parts: Vec<_> = parts.into_iter().map(Vec::into_iter).collect();
    let mut next: BinaryHeap<_> =
        parts.iter_mut().enumerate().filter_map(|(part, ids)| Some(Reverse((ids.next()?, part)))).collect();
    while let Some(mut first) = next.peek_mut() {
        let part = first.0.1;
        from.push(part as u32);
        match parts[part].next() {
            Some(id) => merged.push(std::mem::replace(&mut first.0.0, id)),
            None => merged.push(PeekMut::pop(first).0.0),
        }
    }
    (merged, from)
}

/// A column of all users on the coordinator: row r is the next one of worker `from[r]`, which sends its own in `order`.
fn gather_column<C: Collective, T: bytemuck::Pod>(c: &mut C, mine: Vec<T>, order: &[u32], from: &[u32]) -> Vec<T> {
    let bytes = order.iter().flat_map(|&user| bytemuck::bytes_of(&mine[user as usize])).copied().collect();
    drop(mine);
    let parts = c.gather(bytes);
    let mut parts: Vec<_> = parts.iter().map(|part| elements::<T>(part)).collect();
    from.iter().map(|&part| parts[part as usize].next().expect("a column has a row for every user")).collect()
}

fn elements<T: bytemuck::Pod>(bytes: &[u8]) -> impl Iterator<Item = T> + '_ {
    bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::testing::run_workers;
    use crate::kernel::csr::Csr;

    #[test]
    fn users_are_sorted_by_id_with_their_own_columns() {
        let mut ids: Vec<Id> = (0..40u64).map(|n| Id::Number(n * n)).collect();
        ids.extend(["a", "b", "007", "Zoë"].map(Id::parse));
        ids.sort();
        let row_of = |id: &Id| ids.iter().position(|other| other == id).expect("a known id") as u32;
        for peers in [1, 2, 3, 5] {
            let tables = run_workers(peers, |c| {
                let mut users: Vec<Id> = ids.iter().skip(c.index()).step_by(c.peers()).cloned().collect();
                users.reverse();
                let third = users.len() / 3;
                users.rotate_left(third);
                if c.index() == 2 {
                    users.clear();
                }
                let rows: Vec<u32> = users.iter().map(row_of).collect();
                let real = |times: f64| rows.iter().map(|&row| f64::from(row) * times).collect::<Vec<f64>>();
                let (segment, second) = (rows.clone(), rows.iter().map(|row| row + 7).collect());
                let assignment = Assignment { segment, distance: real(0.5), second, second_distance: real(0.25) };
                let shard = Shard { users, draw_keys: Vec::new(), matrix: Csr::empty(0) };
                super::users(c, &shard.users, assignment, rows.iter().map(|row| row + 9).collect())
            });
            let table = &tables[0];
            let present = |at: &usize| peers < 3 || at % peers != 2;
            assert!(table.users.iter().eq((0..ids.len()).filter(present).map(|at| &ids[at])), "{peers}");
            for (user, id) in table.users.iter().enumerate() {
                let (row, assignment) = (row_of(id), &table.assignment);
                assert_eq!((assignment.segment[user], assignment.second[user]), (row, row + 7));
                assert_eq!(assignment.distance[user], f64::from(row) * 0.5);
                assert_eq!(assignment.second_distance[user], f64::from(row) * 0.25);
                assert_eq!(table.nb_segment[user], row + 9);
            }
            assert!(tables[1..].iter().all(|table| *table == UserTable::default()));
        }
    }
}
