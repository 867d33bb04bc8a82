//! What does not fit, and which limit comes next as the data grow.
//!
//! The data grow ([`Sizes::grown`]) until they meet a limit: memory, disks, the range of numbers, or work that more
//! processes do not speed up and that takes half of the time.

use super::memory::Held;
use super::prediction::predict;
use super::question::Question;
use crate::error::Result;
use crate::job::{PcaParams, Solver};
use crate::results::forecast::{Bottleneck, Cluster, Free, Prediction, Problem, Rates, Sizes, Stage};
use crate::stages::pca::Approach;

/// Over which something counts as too much, of `memory`: it bounds the ratings and the runs of k-means, and the rest is
/// estimated.
const SLACK: f64 = 1.05;
/// Share of the time at which work that is not shared is what limits.
const HALF: f64 = 0.5;
/// Bytes per second between machines, if not given: 10 Gbit.
pub const USUAL_NETWORK: f64 = 1.25e9;
/// Data grow by at most so much.
const MOST: f64 = 1e6;

/// What does not fit.
pub fn problems(q: &Question, p: &Prediction, free: &Free) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut add = |place: &str, problem: String, remedy: String| {
        found.push(Problem { place: place.into(), problem, remedy });
    };
    let (memory, peak) = (q.job.memory as f64, p.coordinator_memory.max(p.memory));
    let who = if q.cluster.processes == 1 { "the process" } else { "the coordinator's process" };
    let largest = &p.largest;
    if peak > SLACK * memory {
        let problem =
            format!("{who} needs about {}, past memory = {}; the most are {largest}", size(peak), size(memory));
        add("memory", problem, memory_remedy(q, p, peak));
    }
    if let Some(machine) = free.memory.filter(|machine| peak * q.cluster.processes as f64 > *machine) {
        let all = peak * q.cluster.processes as f64;
        let problem = format!("all processes need about {}, and this machine has {} free", size(all), size(machine));
        add(
            "memory",
            problem,
            "set a smaller memory, so that ratings go to scratch files, or use more machines".into(),
        );
    }
    if let Some(disk) = free.scratch.filter(|disk| p.spilled > *disk) {
        let problem = format!("{} of a process go to scratch files, and the disk has {}", size(p.spilled), size(disk));
        add("scratch", problem, format!("name a folder on a larger disk, or raise memory to {}", size(no_spill(q))));
    }
    if let Some(disk) = free.output.filter(|disk| p.output_bytes > *disk) {
        let problem = format!("the results take {}, and the disk has {}", size(p.output_bytes), size(disk));
        add("output", problem, "name a folder on a larger disk".into());
    }
    if q.sizes.items >= MOST_ITEMS {
        add("input.item", "items are numbered with 32 bits".into(), "group rare items".into());
    }
    found
}

const MEMORY: &str = "memory";
const COORDINATOR: &str = "memory of the coordinator";
const ALONE: &str = "work of the coordinator alone";
const NETWORK: &str = "network";
const WAITING: &str = "waiting at collectives, which have a message for every pair of workers";
const MOST_ITEMS: f64 = 4_294_967_295.0;

/// `memory` with which nothing goes to scratch files.
fn no_spill(q: &Question) -> f64 {
    Held::new(q).without_spilling() * 1.05
}

fn memory_remedy(q: &Question, p: &Prediction, peak: f64) -> String {
    let raise = format!("raise memory to {}", size(peak * 1.05));
    match p.largest.as_str() {
        "rows being read" | "ratings" => format!("{raise}, or use more processes"),
        "tables of Naive Bayes" if q.cluster.workers > 1 => {
            format!("{raise}, use fewer workers (-w), or fewer kmeans.clusters or validate.folds")
        }
        "Krylov basis" | "blocks of the solver" => format!("{raise}, or leave out rare items"),
        "users in order" => format!("{raise}, or use more processes"),
        _ => raise,
    }
}

/// The limits, the nearest first; those that are met already before them.
pub fn bottlenecks(q: &Question, rates: &Rates, free: &Free) -> Result<Vec<Bottleneck>> {
    let now = loads(q, &predict(q, rates), free);
    let mut found = Vec::new();
    for (at, (limit, load, remedy)) in now.iter().enumerate() {
        let factor = if *load >= 1.0 { Some(1.0) } else { reached(q, rates, free, at)? };
        if let Some(factor) = factor {
            let limit = told(limit, q, rates, factor)?;
            let ratings = q.sizes.ratings * factor;
            found.push(Bottleneck {
                limit,
                ratings,
                ratings_per_process: ratings / q.cluster.processes as f64,
                met: *load >= 1.0,
                remedy: remedy.to_string(),
            });
        }
    }
    found.sort_by(|a, b| a.ratings.total_cmp(&b.ratings));
    Ok(found)
}

/// The limit with what it is that takes most of it.
fn told(limit: &str, q: &Question, rates: &Rates, factor: f64) -> Result<String> {
    let sizes = q.sizes.grown(factor);
    let approach = approach(q, sizes)?;
    let p = predict(&Question { sizes, approach: &approach, ..*q }, rates);
    let stage = |part: fn(&Stage) -> f64| {
        let most = p.stages.iter().max_by(|a, b| part(a).total_cmp(&part(b)));
        most.map_or(String::new(), |stage| format!("{limit}, mostly in {}", stage.stage))
    };
    Ok(match limit {
        MEMORY | COORDINATOR => format!("{limit}, mostly for {}", p.largest),
        ALONE => stage(|stage| stage.alone),
        NETWORK => stage(|stage| stage.network),
        WAITING => stage(|stage| stage.waiting),
        _ => limit.to_string(),
    })
}

/// The growth at which limit `at` is met.
fn reached(q: &Question, rates: &Rates, free: &Free, at: usize) -> Result<Option<f64>> {
    let load = |factor: f64| -> Result<f64> {
        let sizes = q.sizes.grown(factor);
        let approach = approach(q, sizes)?;
        let grown = Question { sizes, approach: &approach, ..*q };
        Ok(loads(&grown, &predict(&grown, rates), free)[at].1)
    };
    let mut high = 2.0;
    while load(high)? < 1.0 {
        high *= 2.0;
        if high > MOST {
            return Ok(None);
        }
    }
    let mut low = high / 2.0;
    while high / low > 1.02 {
        let middle = (high * low).sqrt();
        if load(middle)? < 1.0 { low = middle } else { high = middle }
    }
    Ok(Some(high))
}

/// The solver of grown data; where the one that the job asks for would not fit any more, the other one.
fn approach(q: &Question, sizes: Sizes) -> Result<Approach> {
    let counts = [sizes.users, sizes.items, sizes.ratings].map(|count| count as u64);
    let solve = |params: &PcaParams| Approach::new(counts, sizes.products(), params, q.job.memory);
    solve(&q.job.pca).or_else(|_| solve(&PcaParams { solver: Solver::Krylov, ..q.job.pca }))
}

/// Each limit with how near it is, 1 where it is met, and what to do about it.
fn loads(q: &Question, p: &Prediction, free: &Free) -> Vec<(&'static str, f64, &'static str)> {
    let memory = SLACK * q.job.memory as f64;
    let share = |part: f64| if p.seconds > 0.0 { part / p.seconds / HALF } else { 0.0 };
    let of = |bytes: f64, room: Option<f64>| room.map_or(0.0, |room| bytes / room.max(1.0));
    let alone = q.cluster.processes == 1;
    let of_coordinator = match alone {
        true => (MEMORY, p.coordinator_memory / memory, "raise memory, or use several processes"),
        false => (COORDINATOR, p.coordinator_memory / memory, "raise memory, which its process needs"),
    };
    let mut loads = vec![
        of_coordinator,
        ("scratch disk", of(p.spilled, free.scratch), "use more processes, a larger memory or another scratch"),
        ("output disk", of(p.output_bytes, free.output), "name a larger disk in output"),
        (ALONE, share(p.sum(|stage| stage.alone)), "use fewer processes: more do not make it quicker"),
        (
            "packed files, or row groups in a store, which are fewer than workers: some have nothing to read",
            if q.sizes.readers < q.cluster.peers() { 1.0 } else { 0.0 },
            "write more and smaller files",
        ),
        ("32-bit numbers of items", q.sizes.items / MOST_ITEMS, "group rare items"),
    ];
    if !alone {
        loads.extend([
            ("memory of each process", p.memory / memory, "use more processes, or raise memory"),
            (NETWORK, share(p.sum(|stage| stage.network)), "use a faster network or fewer, larger processes"),
            (WAITING, share(p.sum(|stage| stage.waiting)), "use fewer processes or workers"),
        ]);
    }
    loads
}

/// Processes, as a power of two, past which twice as many save less than a tenth of the time.
pub fn worthwhile_processes(q: &Question, rates: &Rates) -> usize {
    let seconds = |processes: usize| {
        // Further processes would be on other machines.
        let network = q.cluster.network.min(USUAL_NETWORK);
        let cluster = Cluster { processes, network, crowding: 1.0, ..q.cluster };
        predict(&Question { cluster, ..*q }, rates).seconds
    };
    let mut processes = 1;
    while processes < 1 << 14 && seconds(2 * processes) < 0.9 * seconds(processes) {
        processes *= 2;
    }
    processes
}

/// Bytes for people.
pub fn size(bytes: f64) -> String {
    let mut value = bytes;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if value < 1000.0 {
            let digits = if value < 9.95 && unit != "B" { 1 } else { 0 };
            return format!("{value:.digits$} {unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.0} PiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::predict::tests::{ask, cluster, job, sizes};

    #[test]
    fn what_does_not_fit_names_the_key() {
        let job = job("memory = '300MiB'");
        let data = sizes(162_000.0, 59_000.0, 25.4e6);
        let cluster = cluster(1, 8);
        let prediction = ask(&job, data, cluster);
        let approach = Approach::new([162_000, 59_000, 25_400_000], data.products(), &job.pca, job.memory).unwrap();
        let question = Question { job: &job, sizes: data, cluster, approach: &approach, copied: false };
        let free = Free { scratch: Some(1e6), output: Some(1e3), memory: Some(1e6) };
        let found = problems(&question, &prediction, &free);
        let places: Vec<&str> = found.iter().map(|problem| problem.place.as_str()).collect();
        assert_eq!(places, ["memory", "memory", "scratch", "output"], "{found:?}");
        assert!(problems(&question, &prediction, &Free::default()).len() == 1);
    }

    #[test]
    fn bottlenecks_come_nearest_first_and_are_met_where_they_say() {
        let job = job("memory = '64GiB'\n[sweep]\nclusters = []");
        let data = sizes(5e8, 1e6, 1e11);
        let cluster = cluster(256, 8);
        let approach = Approach::new([500_000_000, 1_000_000, 100_000_000_000], data.products(), &job.pca, job.memory);
        let approach = approach.unwrap();
        let question = Question { job: &job, sizes: data, cluster, approach: &approach, copied: false };
        let found = bottlenecks(&question, &Rates::default(), &Free::default()).unwrap();
        assert!(!found.is_empty() && found.is_sorted_by(|a, b| a.ratings <= b.ratings), "{found:?}");
        for limit in found.iter().filter(|limit| !limit.met) {
            assert!(limit.ratings > 1e11 && (limit.ratings / 256.0 - limit.ratings_per_process).abs() < 1.0);
        }
    }

    #[test]
    fn small_data_need_one_process() {
        // Candidates are tried side by side, which would be worth more processes.
        let given = "[matrix]\nweighting = 'raw'\nnormalize = 'none'\nmissing = 'zero'\n[pca]\ncomponents = 10\n[kmeans]\nclusters = 25\n";
        let job = job(given);
        let data = sizes(1e3, 1e3, 1e5);
        let approach = Approach::new([1000, 1000, 100_000], data.products(), &job.pca, job.memory).unwrap();
        let question = Question { job: &job, sizes: data, cluster: cluster(1, 1), approach: &approach, copied: false };
        assert!(worthwhile_processes(&question, &Rates::default()) <= 4);
        assert_eq!([0.0, 999.0, 1536.0, 3e9].map(size), ["0 B", "999 B", "1.5 KiB", "2.8 GiB"]);
    }
}
