//! What the coordinator needs of every worker to write the outputs.

use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::ingest::files::InputFile;
use crate::ingest::ids::Id;
use crate::ingest::rejects::Reject;
use crate::kernel::keyed::{self, Stream};
use crate::kmeans::Assignment;
use crate::report::rejects::RejectLine;
use crate::report::{MapPoint, UserTable};
use crate::shard::Shard;

/// Users on the map of the report, at most.
const MAP_POINTS: usize = 4000;

/// A worker's rows of the table of users.
#[derive(Serialize, Deserialize)]
struct UserRows {
    users: Vec<Id>,
    assignment: Assignment,
    nb_segment: Vec<u32>,
}

/// All users, sorted by id, on the coordinator.
pub fn users<C: Collective>(c: &mut C, shard: &Shard, assignment: Assignment, nb_segment: Vec<u32>) -> UserTable {
    let mine = UserRows { users: shard.users.clone(), assignment, nb_segment };
    let parts = c.gather_values(&mine);
    let mut order: Vec<(&Id, usize, usize)> = parts
        .iter()
        .enumerate()
        .flat_map(|(part, rows)| rows.users.iter().enumerate().map(move |(row, user)| (user, part, row)))
        .collect();
    order.sort_unstable();
    let mut table = UserTable::default();
    for (user, part, row) in order {
        let from = &parts[part];
        table.users.push(user.clone());
        table.assignment.segment.push(from.assignment.segment[row]);
        table.assignment.distance.push(from.assignment.distance[row]);
        table.assignment.second.push(from.assignment.second[row]);
        table.assignment.second_distance.push(from.assignment.second_distance[row]);
        table.nb_segment.push(from.nb_segment[row]);
    }
    table
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
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    let mut peak = [kibibytes.unwrap_or(0) * 1024];
    c.max(&mut peak);
    peak[0]
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
