//! What crosses between workers, collective by collective, as [`crate::collective`] and `flow::shuffle` send it.
//!
//! P processes of w workers sum an array of n bytes along the routes of `collective`: the workers of a process add up first, w-ths of it
//! at each; then these go to their owners in other processes, and the sums back. That is 2n(P − 1)/P from each process, whatever w is.
//! Joining parts of n bytes in all is half of that, and so is dealing n bytes that all workers of a process have in common; gathering takes
//! n to the coordinator alone.
//!
//! Frames and headers add [`FRAMING`].

use super::question::Question;
use crate::ingest::ranges::SHOWN;
use crate::results::forecast::{Cluster, Rates, Sizes};
use crate::stages::mixture::Mixture;

/// Bytes on the wire for a byte of a message: Noise frames with their tags, headers of timely and of batches.
const FRAMING: f64 = 1.003;
/// Arrays up to so many bytes are sent whole to everybody.
const WHOLE: f64 = 16.0 * 1024.0;
/// Rows of users that the coordinator writes at a time.
const ROW_GROUP: f64 = 131_072.0;
/// Bytes of a user beside its id that its writer is sent: two segments, two distances, and what Naive Bayes says.
const COLUMNS: f64 = 28.0;
/// Bytes of the index of an item.
const INDEX: f64 = 4.0;
/// Bytes of an item's metadata, and categories of them, as they mostly are.
const VALUES: f64 = 20.0;
const CATEGORIES: f64 = 100.0;
/// Bytes of a row of a block: one of [`crate::stages::pca::Approach::BLOCK`] numbers.
const BLOCK_ROW: f64 = 64.0;
/// Chunks of items whose sums every worker is sent, of 8 × 8 numbers for each block of the basis.
const CHUNKS: f64 = 64.0;
const SQUARE: f64 = 512.0;
/// Users of the sample that k-means begins in.
pub const SAMPLE: f64 = 16_384.0;
pub const SAMPLE_PER_CLUSTER: f64 = 64.0;
/// Iterations of Lloyd's algorithm that a run usually takes, and that the longest of several takes.
pub const ITERATIONS: f64 = 12.0;
pub const LONGEST: f64 = 18.0;
/// The same for runs over all items.
pub const SPARSE_ITERATIONS: f64 = 12.0;

/// What a stage sends.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Traffic {
    /// Steps of collectives in which a worker waits for others of its process, and for other processes; one after the other.
    pub near_calls: f64,
    pub calls: f64,
    /// What a worker waits for from other processes.
    pub messages: f64,
    /// Bytes from process to process: of all processes, and the most that one sends or receives.
    pub sent: f64,
    pub busiest: f64,
    /// Bytes that a worker sends to anybody.
    pub copied: f64,
}

/// Collectives among the workers of a cluster.
struct Calls<'a> {
    cluster: &'a Cluster,
    traffic: Traffic,
}

impl Calls<'_> {
    /// `calls` in which a worker waits for `peers` in other processes, or for others of its own if these are none.
    fn add(&mut self, calls: f64, peers: f64, sent: f64, busiest: f64, copied: f64) {
        if peers > 0.0 {
            self.traffic.calls += calls;
            self.traffic.messages += calls * peers;
        } else {
            self.traffic.near_calls += calls;
        }
        self.traffic.sent += sent * FRAMING;
        self.traffic.busiest += busiest * FRAMING;
        self.traffic.copied += copied;
    }

    /// Both steps of a route, `times` times: in each a worker sends so many bytes, to the others of its process, and to those of its
    /// column.
    fn route(&mut self, times: f64, near: f64, far: f64) {
        let (processes, workers) = (self.cluster.processes as f64, self.cluster.workers as f64);
        if workers > 1.0 {
            self.add(times, 0.0, 0.0, 0.0, times * near);
        }
        if processes > 1.0 {
            let of_process = times * far * workers;
            self.add(times, processes - 1.0, processes * of_process, of_process, times * far);
        }
    }

    fn sum(&mut self, times: f64, bytes: f64) {
        let (processes, workers) = (self.cluster.processes as f64, self.cluster.workers as f64);
        if bytes <= WHOLE {
            self.route(times, bytes * (workers - 1.0), bytes * (processes - 1.0));
        } else {
            self.join(2.0 * times, bytes);
        }
    }

    /// Everybody's parts, `bytes` in all, to everybody; or everybody's sums of a part to its owner.
    fn join(&mut self, times: f64, bytes: f64) {
        let (processes, workers) = (self.cluster.processes as f64, self.cluster.workers as f64);
        let far = bytes * (processes - 1.0) / processes / workers;
        self.route(times, bytes * (workers - 1.0) / workers, far);
    }

    /// What each worker has for all others, and what the workers of a process have for others when they have put it together, by a
    /// route.
    fn deal(&mut self, times: f64, of_worker: f64, of_process: f64) {
        let (processes, workers) = (self.cluster.processes as f64, self.cluster.workers as f64);
        let far = of_process * (processes - 1.0) / processes / workers;
        self.route(times, of_worker * (workers - 1.0) / workers, far);
    }

    /// Rows of which everybody has some, `width` bytes each, added up in order.
    fn sum_in_order(&mut self, times: f64, rows: f64, width: f64) {
        let bytes = rows * width;
        if bytes / self.cluster.peers() <= WHOLE {
            self.join(times, bytes);
        } else {
            self.deal(times, bytes / self.cluster.peers(), bytes / self.cluster.processes as f64);
            self.join(times, width);
        }
    }

    /// `bytes` in all, from each worker as many to each, in one step.
    fn mix(&mut self, bytes: f64) {
        let (peers, strangers) = (self.cluster.peers(), self.cluster.strangers());
        let far = bytes * strangers / peers;
        self.add(1.0, strangers, far, far / self.cluster.processes as f64, bytes / peers);
    }

    /// Everybody's parts, `bytes` in all, to the coordinator.
    fn gather(&mut self, times: f64, bytes: f64) {
        let peers = self.cluster.peers();
        let far = bytes * self.cluster.strangers() / peers;
        self.add(times, self.cluster.strangers(), times * far, times * far, times * bytes / peers);
    }

    /// The coordinator's `bytes` to everybody.
    fn broadcast(&mut self, times: f64, bytes: f64) {
        let (processes, workers) = (self.cluster.processes as f64, self.cluster.workers as f64);
        let far = times * bytes * (processes - 1.0);
        if processes > 1.0 {
            self.add(times, 1.0, far, far, far);
        }
        if workers > 1.0 {
            self.add(times, 0.0, 0.0, 0.0, times * bytes * (workers - 1.0));
        }
    }
}

impl Traffic {
    /// Seconds of moving the bytes, and of waiting for each other.
    pub fn seconds(&self, cluster: &Cluster, rates: &Rates) -> (f64, f64) {
        if cluster.peers() == 1.0 {
            return (0.0, 0.0);
        }
        if cluster.processes == 1 {
            return (self.copied * rates.copy, self.near_calls * rates.call);
        }
        // The slowest message ends a call.
        let waiting = self.near_calls * rates.call + self.calls * rates.far_call + self.messages * rates.far_peer;
        let near = self.copied * rates.copy;
        let far = self.busiest / cluster.workers as f64 * rates.far_copy;
        (near.max(far).max(self.busiest / cluster.network), waiting)
    }
}

/// What a stage of the job sends.
pub fn of(stage: &str, q: &Question) -> Traffic {
    let mut calls = Calls { cluster: &q.cluster, traffic: Traffic::default() };
    match stage {
        "ingest" => ingest(&mut calls, q),
        "choose" => choose(&mut calls, q),
        "pca" => pca(&mut calls, q),
        "kmeans" => kmeans(&mut calls, q),
        "refine" => refine(&mut calls, q),
        "sweep" => sweep(&mut calls, q),
        "validate" => validate(&mut calls, q),
        "profile" => profile(&mut calls, q),
        "evidence" => evidence(&mut calls, q),
        "gather" => gather(&mut calls, q),
        _ => write(&mut calls, q),
    }
    calls.traffic
}

fn ingest(c: &mut Calls, q: &Question) {
    let Sizes { users, rows, record_bytes, user_text, .. } = q.sizes;
    let cluster = q.cluster;
    let (peers, strangers) = (cluster.peers(), cluster.strangers());
    // A row goes to the worker of its user; a name once from every worker that meets it.
    let names = if user_text > 0.0 { users.min(rows) * (16.0 + user_text) } else { 0.0 };
    let far = (rows * record_bytes + names) * strangers / peers;
    // In one process only pointers move.
    c.add(0.0, 0.0, far, far / cluster.processes as f64, 0.0);
    dictionary(c, q);
    c.sum(8.0, 64.0);
}

/// Keys and names of items go to their owners, and indices back, once from process to process. The owners' ids go to the workers of
/// their ranges, and indices back; then all ids to the coordinator.
fn dictionary(c: &mut Calls, q: &Question) {
    let Sizes { items, item_text, .. } = q.sizes;
    let workers = q.cluster.workers as f64;
    let (name, id) = (if item_text > 0.0 { 16.0 + item_text } else { 0.0 }, 12.0 + item_text);
    let of_process = items.min(workers * q.items_met());
    for bytes in [8.0 + name, INDEX] {
        c.deal(1.0, q.items_met() * bytes, of_process * bytes);
    }
    let peers = q.cluster.peers();
    c.gather(1.0, items.min(SHOWN as f64 * peers) * id);
    c.broadcast(1.0, items.min(peers) * id);
    for bytes in [id, INDEX] {
        c.mix(items * bytes);
    }
    c.gather(1.0, items * id);
}

/// The sample goes to every worker, and what each user saves in every trial to the coordinator and from there to all.
fn choose(c: &mut Calls, q: &Question) {
    const SAVED: f64 = 200.0;
    let [users, ratings] = q.sample();
    c.broadcast(1.0, 8.0 * ratings + 24.0 * users);
    c.gather(4.0, 8.0 * SAVED / 4.0 * users);
    c.broadcast(4.0, 8.0 * SAVED / 4.0 * users);
    c.sum(8.0, 64.0);
}

fn pca(c: &mut Calls, q: &Question) {
    let Sizes { items, .. } = q.sizes;
    let sweeps = q.approach.sweeps as f64;
    c.sum(4.0, 16.0);
    c.sum(1.0, 16.0 * items);
    if q.is_gram() {
        // Bands of the upper half to their owners, and what is right of the diagonal from there to the owners below.
        let peers = q.cluster.peers();
        let bands = (items * items * 4.0 / (4.0 * 1024.0 * 1024.0)).ceil().max(peers);
        let half = items * items * 4.0;
        let (far, processes) = (q.cluster.strangers() / peers, q.cluster.processes as f64);
        let sent = half * (processes - 1.0) + half * far;
        c.add(3.0 * bands, q.cluster.strangers(), sent, 2.0 * sent / processes, 1.5 * half);
    }
    // A sweep needs the whole block; its image is summed at the owners.
    c.join(if q.is_gram() { sweeps } else { 2.0 * sweeps }, BLOCK_ROW * items);
    let chunks = CHUNKS.min((items / 64.0).ceil());
    let blocks = (sweeps + 7.0) / 2.0;
    c.sum_in_order(2.0 * sweeps, chunks, SQUARE * blocks / 2.0);
    c.sum_in_order(2.0 * sweeps, chunks, SQUARE);
    c.join((q.components() / 8.0).ceil(), 8.0 * items * q.components() / (q.components() / 8.0).ceil());
    c.broadcast(sweeps, 1.0);
}

/// The counts of each iteration go to all: integers for each item and segment, and as many for opinions.
fn refine(c: &mut Calls, q: &Question) {
    let iterations: f64 = Mixture::passes(q.sizes.users).iter().sum();
    c.sum(2.0 * iterations, 8.0 * q.sizes.items * q.clusters());
    c.sum(2.0 * iterations, 8.0 * q.clusters());
}

/// Users that k-means begins in.
pub fn sample(q: &Question) -> f64 {
    let (projected, _) = q.runs();
    let most = projected.iter().fold(0.0, |a: f64, b| a.max(*b));
    q.sizes.users.min(SAMPLE.max(SAMPLE_PER_CLUSTER * most))
}

fn kmeans(c: &mut Calls, q: &Question) {
    let (projected, _) = q.runs();
    runs(c, q, projected.iter().sum(), q.job.kmeans.n_init as f64);
}

/// `starts` of each of several numbers of clusters, which are `clusters` together.
fn runs(c: &mut Calls, q: &Question, clusters: f64, starts: f64) {
    let dims = q.components();
    let all = clusters * starts;
    c.sum(6.0, 8.0 * dims);
    if q.copied {
        c.join(2.0, q.sizes.users * (8.0 * dims + 8.0) / 2.0);
        c.join(3.0, all * 8.0 * dims / 3.0 / starts);
        return;
    }
    c.join(2.0, sample(q) * (8.0 * dims + 8.0) / 2.0);
    c.join(1.0, all * 8.0 * dims);
    let rounds = LONGEST.min(q.job.kmeans.max_iter as f64);
    let mean = ITERATIONS.min(q.job.kmeans.max_iter as f64) / LONGEST;
    c.sum(rounds, mean * all * 16.0);
    c.sum(rounds, mean * all * 8.0 * dims);
}

fn evidence(c: &mut Calls, q: &Question) {
    let (projected, _) = q.runs();
    let (dims, items, starts) = (q.components(), q.sizes.items, q.second_starts());
    pca(c, q);
    pca(c, q);
    runs(c, q, projected.iter().sum(), starts);
    runs(c, q, projected.iter().sum(), starts);
    // Each refit to a worker of its own, twice.
    let (refits, peers) = (q.refits(), q.cluster.peers());
    let dealt = q.refit_users() * (8.0 * dims + 8.0) * refits.min(peers);
    c.join(2.0 * (refits / peers).ceil(), dealt / peers);
    // What was seen of the items: for every number of clusters, and once more for what is offered.
    for k in projected.iter().chain(&projected).copied().chain([q.clusters()]) {
        c.sum(1.0, 4.0 * k * items);
        c.sum(6.0, 8.0);
    }
    for k in &projected {
        c.sum(4.0, 8.0 * k * dims / 4.0);
    }
    c.sum(4.0, 8.0 * items);
}

fn sweep(c: &mut Calls, q: &Question) {
    let (_, full) = q.runs();
    let items = q.sizes.items;
    let all: f64 = full.iter().sum::<f64>() * q.job.kmeans.n_init as f64;
    let most = full.iter().fold(0.0, |a: f64, b| a.max(*b));
    // Each centre: a race, the candidates' rows, their potentials.
    let row = 12.0 * (q.sizes.ratings / q.sizes.users) * 6.0 * q.job.kmeans.n_init as f64;
    c.join(2.0 * most, row);
    c.sum(most, 8.0 * 6.0 * q.job.kmeans.n_init as f64);
    c.sum(SPARSE_ITERATIONS, all * 16.0);
    c.sum(SPARSE_ITERATIONS, all * 8.0 * items);
}

/// Numbers of a row of Naive Bayes' tables: clusters in whole vectors.
pub fn lanes(clusters: f64) -> f64 {
    (clusters / 8.0).ceil() * 8.0
}

/// Tables that a model of Naive Bayes has.
pub fn tables(q: &Question) -> f64 {
    if q.job.validate.model == crate::job::BayesModel::Gaussian { 2.0 } else { 1.0 }
}

fn validate(c: &mut Calls, q: &Question) {
    let (items, k, folds) = (q.sizes.items, q.clusters(), q.job.validate.folds as f64);
    let slices = |bytes: f64| (bytes / q.cluster.peers() / 1048576.0).ceil().max(1.0);
    let counts = tables(q) * folds * k * items * 8.0;
    let weights = tables(q) * lanes(k) * items * 8.0;
    c.sum(6.0, folds * k * 8.0);
    c.join(slices(counts), counts / slices(counts));
    for _ in 0..q.models() as usize {
        c.join(slices(weights), weights / slices(weights));
        c.join(1.0, 8.0 * k * items / 64.0);
    }
    c.gather(q.models(), tables(q) * k * items * 8.0 / q.models());
    c.sum(2.0, 8.0 * k * k);
}

fn profile(c: &mut Calls, q: &Question) {
    let (items, k) = (q.sizes.items, q.clusters());
    c.sum(1.0, 8.0 * (items + k));
    let slices = (8.0 * items * k / q.cluster.peers() / 1048576.0).ceil().max(1.0);
    c.join(slices, 8.0 * items * k / slices);
    let top = q.job.profile.top as f64;
    c.gather(1.0, k * (items / 64.0 * 24.0 + q.cluster.peers() * top * 20.0));
    // Who has what: counts of half the width, then what is known of the top items and of metadata.
    let chosen = (k * top).min(items);
    c.broadcast(1.0, 4.0 * chosen);
    let slices = (4.0 * items * k / q.cluster.peers() / 1048576.0).ceil().max(1.0);
    c.join(slices, 4.0 * items * k / slices);
    c.sum(1.0, 16.0 * k * chosen);
    c.gather(3.0, q.cluster.peers() * k * 200.0);
    if q.job.input.items.as_ref().is_some_and(|items| !items.metadata.is_empty()) {
        c.broadcast(1.0, VALUES * items / q.cluster.peers());
        c.sum(1.0, 8.0 * k * CATEGORIES);
    }
}

fn gather(c: &mut Calls, q: &Question) {
    let Sizes { users, user_text, .. } = q.sizes;
    let peers = q.cluster.peers();
    // Each user goes to the worker of its range.
    let far = user_bytes(q) * q.cluster.strangers() / peers;
    c.add(1.0, q.cluster.strangers(), far, far / q.cluster.processes as f64, 0.0);
    c.gather(1.0, peers * 4000f64.min(users / peers) * (40.0 + user_text));
    c.gather(1.0, 50_000f64.min(users) * (16.0 + user_text));
}

/// Into one file the users go through the coordinator; parts are written where most of their users are.
fn write(c: &mut Calls, q: &Question) {
    if q.user_files() == 1.0 {
        let groups = (q.sizes.users / ROW_GROUP).ceil();
        c.gather(groups, user_bytes(q) / groups);
    }
}

/// Of all users on their way.
fn user_bytes(q: &Question) -> f64 {
    q.sizes.users * (12.0 + q.sizes.user_text + COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::predict::tests::{cluster, job, sizes};
    use crate::stages::pca::Approach;

    /// What a worker sends, added up over the workers, is what is sent.
    #[test]
    fn sums_and_gatherings_send_what_they_say() {
        let two = cluster(2, 1);
        let mut calls = Calls { cluster: &two, traffic: Traffic::default() };
        calls.sum(1.0, 1e6);
        // Half of the array to the other's owner, and half of the sum back, from each of the two.
        assert!((calls.traffic.sent / FRAMING - 2e6).abs() < 1.0, "{:?}", calls.traffic);
        let mut calls = Calls { cluster: &two, traffic: Traffic::default() };
        calls.gather(1.0, 1e6);
        assert!((calls.traffic.sent / FRAMING - 5e5).abs() < 1.0);
        let mut calls = Calls { cluster: &two, traffic: Traffic::default() };
        calls.sum(3.0, 100.0);
        assert!((calls.traffic.sent / FRAMING - 600.0).abs() < 1e-6 && calls.traffic.calls == 3.0);
    }

    /// However many workers there are, a process sends and receives about as much for the dictionary; none is sent it for each of them.
    #[test]
    fn the_dictionary_is_not_sent_to_one_place_for_every_worker() {
        let job = job("");
        let busiest = |processes, workers| {
            let (sizes, cluster) = (sizes(1e9, 1e6, 1e11), cluster(processes, workers));
            let approach = Approach::new([1_000_000_000, 1_000_000, 100_000_000_000], 1e12, &job.pca, job.memory);
            let approach = approach.expect("a solver");
            let mut calls = Calls { cluster: &cluster, traffic: Traffic::default() };
            dictionary(&mut calls, &Question { job: &job, sizes, cluster, approach: &approach, copied: false });
            calls.traffic.busiest
        };
        for (processes, workers) in [(2, 1), (2, 8), (16, 8), (256, 8)] {
            // A key, its index, and its id at the coordinator, beside the ids that are shown for the ranges.
            let shown = 13.0 * (SHOWN as f64 + processes as f64) * (processes * workers) as f64;
            let most = 1e6 * (8.0 + 4.0 + 12.0 + 4.0 + 12.0) + shown;
            assert!(busiest(processes, workers) < FRAMING * most, "{processes} x {workers}");
        }
    }

    /// 2·(P − 1)/P of an array from each process, whatever the workers.
    #[test]
    fn a_process_sends_a_sum_once() {
        for (processes, workers) in [(2, 1), (2, 4), (3, 2), (8, 16)] {
            let some = cluster(processes, workers);
            let mut calls = Calls { cluster: &some, traffic: Traffic::default() };
            calls.sum(1.0, 1e6);
            let expected = 2e6 * (processes as f64 - 1.0) / processes as f64;
            assert!((calls.traffic.busiest / FRAMING - expected).abs() < 1.0, "{:?}", calls.traffic);
        }
    }
}
