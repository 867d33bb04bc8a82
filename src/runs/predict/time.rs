//! Seconds of arithmetic: what the workers share, and what the coordinator does alone.
//!
//! | stage | of a worker |
//! |---|---|
//! | ingest | rows/P · (scan + receive + seal), where P for scan is no more than can read side by side; no faster than the disk where the input is not in the file cache; (items that a worker meets + items/P) · key; the coordinator: items · key |
//! | pca | ratings/P · (3 passes + sweeps · sweep + blocks · project) + sweeps · items/P · basis; Gram: products/P, sweeps · items²/P |
//! | kmeans | ⌈starts/P⌉ · sample · clusters · begin + iterations · runs · users/P · clusters · lloyd |
//! | refine | iterations · (ratings of a sample/P · bayes + items · clusters · cell), then a few of all ratings |
//! | sweep | as kmeans, with ratings in place of users |
//! | validate | ratings/P · bayes + items · clusters · models · cell |
//! | profile | ratings/P · profile + items · clusters · cell |
//! | evidence | as pca twice, at a looser tolerance, and as kmeans twice, with fewer starts; counts and guesses for each number of clusters; refits/P · users of a refit · clusters · begin, twice; where segments are refined, as refine twice and for each refit |
//! | gather | users/P |
//! | write | users/P where they go into several files, which all processes are thought to see; else the coordinator: users, bytes of the model, the report |
//!
//! Passes over ratings also read the blocks that are in scratch files: from the file cache, or from the disk where they take more than
//! half of the memory of the machine.
//!
//! Of a cell half is divided among the workers; each makes the other half for itself.

use super::question::Question;
use super::traffic::{self, ITERATIONS, SPARSE_ITERATIONS};
use crate::results::forecast::{Rates, Sizes};
use crate::stages::evidence::Evidence;
use crate::stages::mixture::Mixture;

/// Passes over the ratings before and after the sweeps.
const PASSES: f64 = 3.0;
/// Share of the runs over all items that pruning leaves to do.
const PRUNED: f64 = 0.6;
/// Candidates for a centre, and users looked at anew for each: about.
const CANDIDATES: f64 = 6.0;

/// Share of the sweeps that a second fit takes, at its tolerance.
const EASIER: f64 = 0.7;
/// Passes over the ratings that are worth as much as weighing them in a pass.
const WEIGHED: f64 = 2.0;
/// Passes over the ratings that are worth as much as parting them, drawing them anew, and counting and guessing them.
const PARTED: f64 = 10.0;
const DRAWN: f64 = 40.0;
const GUESSED: f64 = 5.0;

/// What workers share, and what the coordinator does alone, of a stage. `blocks_spilled` bytes of a process are in scratch files.
pub fn of(stage: &str, q: &Question, rates: &Rates, blocks_spilled: f64) -> (f64, f64) {
    let (shared, alone) = in_memory(stage, q, rates);
    (shared + passes(stage, q) * reread(q, rates, blocks_spilled), alone)
}

/// Passes of a stage over all ratings.
fn passes(stage: &str, q: &Question) -> f64 {
    match stage {
        "pca" if q.is_gram() => PASSES + (q.components() / 8.0).ceil(),
        "pca" => PASSES + q.approach.sweeps as f64 + (q.components() / 8.0).ceil(),
        "refine" => Mixture::passes(q.sizes.users)[1],
        "sweep" => SPARSE_ITERATIONS.min(q.job.kmeans.max_iter as f64),
        "validate" | "profile" => 2.0,
        "evidence" => 6.0,
        _ => 0.0,
    }
}

/// Seconds in which the workers of a process read the blocks of its scratch file once.
fn reread(q: &Question, rates: &Rates, bytes: f64) -> f64 {
    let cluster = &q.cluster;
    let cached = bytes / cluster.workers as f64 * rates.reread;
    if bytes > 0.5 * cluster.machine { cached.max(bytes / cluster.disk) } else { cached }
}

fn in_memory(stage: &str, q: &Question, rates: &Rates) -> (f64, f64) {
    let Sizes { users, items, .. } = q.sizes;
    match stage {
        "ingest" => {
            let others = items * (1.0 - 1.0 / q.cluster.peers());
            (ingest(q, rates) + dictionary(q, rates), rates.start + others * rates.key)
        }
        "choose" => (choose(q, rates), 0.0),
        "pca" => (pca(q, rates), 0.0),
        "kmeans" => (kmeans(q, rates), 0.0),
        "refine" => (refine(q, rates), 0.0),
        "sweep" => (sweep(q, rates), 0.0),
        "validate" => cells(q, rates.bayes, rates.bayes_cell * q.models() * traffic::tables(q)),
        "profile" => cells(q, rates.profile, rates.profile_cell),
        "evidence" => (evidence(q, rates), 0.0),
        "gather" => (users / q.cluster.peers() * rates.gather, 0.0),
        _ => {
            let alone = model_bytes(q) * rates.model_byte + rates.report;
            match q.user_files() {
                1.0 => (0.0, alone + users * rates.write),
                files => (users / q.cluster.peers().min(files) * rates.write, alone),
            }
        }
    }
}

fn ingest(q: &Question, rates: &Rates) -> f64 {
    let cluster = &q.cluster;
    let Sizes { rows, readers, user_text, item_text, .. } = q.sizes;
    let names = [user_text, item_text].map(|text| if text > 0.0 { rates.name } else { 0.0 });
    let scan = rows / cluster.peers().min(readers) * (rates.scan + names[0] + names[1]);
    let each = scan + rows / cluster.peers() * (rates.receive + rates.seal);
    let of_process = q.sizes.input_bytes / cluster.processes as f64;
    // What takes more than half of the memory is not in the file cache.
    let read = if of_process > 0.5 * cluster.machine { of_process / cluster.disk } else { 0.0 };
    each.max(read)
}

/// The keys that a worker has met go to others and are answered; its share of all is sorted.
fn dictionary(q: &Question, rates: &Rates) -> f64 {
    let (peers, items) = (q.cluster.peers(), q.sizes.items);
    let dealt = if peers > 1.0 { q.items_met() } else { 0.0 };
    (dealt + items / peers) * rates.key
}

/// About the trials that there are at a time, and the passes over the sample and the runs of k-means that they come to.
const TRIALS: f64 = 10.0;
const TRIED_PASSES: f64 = 3000.0;
const TRIED_RUNS: f64 = 200_000.0;

/// The share of them where the number of segments is given.
const GIVEN_CLUSTERS: f64 = 0.35;

fn choose(q: &Question, rates: &Rates) -> f64 {
    let [users, ratings] = q.sample();
    let taken = q.sizes.ratings / q.cluster.peers() * rates.pass;
    let share = if q.job.choices.clusters.is_open() { 1.0 } else { GIVEN_CLUSTERS };
    let tried = TRIED_PASSES * ratings * rates.pass + TRIED_RUNS * users * rates.lloyd;
    taken + share * tried / q.cluster.peers().min(TRIALS)
}

fn pca(q: &Question, rates: &Rates) -> f64 {
    let (peers, Sizes { items, ratings, .. }) = (q.cluster.peers(), q.sizes);
    let sweeps = q.approach.sweeps as f64;
    let weigh = if q.is_weighted() { WEIGHED * rates.pass } else { 0.0 };
    let passes = PASSES * (rates.pass + weigh) + (q.components() / 8.0).ceil() * (rates.project + weigh);
    let solve = match q.is_gram() {
        true => q.sizes.products() * rates.product + sweeps * items * items * rates.entry,
        false => sweeps * ratings * (rates.sweep + weigh),
    };
    (ratings * passes + solve + sweeps * items * rates.basis) / peers
}

fn kmeans(q: &Question, rates: &Rates) -> f64 {
    let (projected, _) = q.runs();
    runs(q, rates, projected.iter().sum(), q.job.kmeans.n_init as f64)
}

/// `starts` of each of several numbers of clusters, which are `clusters` together.
fn runs(q: &Question, rates: &Rates, clusters: f64, starts: f64) -> f64 {
    let (peers, users) = (q.cluster.peers(), q.sizes.users);
    let begun = (starts / peers).ceil() * traffic::sample(q) * clusters * rates.begin;
    let runs = if q.copied { (starts / peers).ceil() * users } else { starts * users / peers };
    dims(q) * (begun + iterations(q) * runs * clusters * rates.lloyd)
}

fn iterations(q: &Question) -> f64 {
    ITERATIONS.min(q.job.kmeans.max_iter as f64)
}

/// Rates of k-means are for ten components.
fn dims(q: &Question) -> f64 {
    q.components() / 10.0
}

/// What lies behind the verdict. The second of the two fits is of made data.
fn evidence(q: &Question, rates: &Rates) -> f64 {
    let (peers, Sizes { users, items, ratings, .. }) = (q.cluster.peers(), q.sizes);
    let (projected, _) = q.runs();
    let (all, one) = (projected.iter().sum::<f64>(), q.clusters());
    let starts = q.second_starts();
    let null = Evidence::share_in_null(users);
    let fits = (1.0 + null) * (EASIER * pca(q, rates) + runs(q, rates, all, starts));
    let made = ratings / peers * rates.pass * (PARTED + null * (PARTED + DRAWN));
    let tables = (1.0 + null) * projected.len() as f64;
    let guesses =
        tables * ratings / peers * rates.pass * GUESSED + (2.0 * all + one) * items * rates.profile_cell * 0.5;
    // Users are compared with all centroids for their labels, and once more for the indices.
    let looked = 4.0 * dims(q) * users / peers * (all + one) * rates.lloyd;
    let refit = q.refit_users() * (all + one) * starts * (rates.begin + iterations(q) * rates.lloyd);
    let refined = match q.is_refined() {
        true => {
            let again = (q.refits() / peers).ceil() * q.refit_users() * ratings / users;
            2.0 * refine(q, rates) + 2.0 * Mixture::passes(0.0).iter().sum::<f64>() * again * rates.bayes
        }
        false => 0.0,
    };
    refined + fits + made + guesses + looked + (q.refits() / peers).ceil() * dims(q) * refit
}

/// Iterations on a sample of the users and on all, about. A rating costs as much as Naive Bayes takes for its folds.
fn refine(q: &Question, rates: &Rates) -> f64 {
    let Sizes { users, items, ratings, .. } = q.sizes;
    let peers = q.cluster.peers();
    let [sampled, of_all] = Mixture::passes(users);
    let sample = (Mixture::SAMPLE / users).min(1.0) * ratings;
    let tables = (sampled + of_all) * items * q.clusters() * rates.profile_cell;
    (sampled * sample + of_all * ratings) / peers * rates.bayes + tables
}

fn sweep(q: &Question, rates: &Rates) -> f64 {
    let (_, full) = q.runs();
    let starts = q.job.kmeans.n_init as f64;
    let iterations = SPARSE_ITERATIONS.min(q.job.kmeans.max_iter as f64);
    starts * q.sizes.ratings / q.cluster.peers() * rates.sparse * sparse_work(&full, iterations)
}

/// Clusters that each user is compared with in a start of all of `clusters`, over all items.
pub fn sparse_work(clusters: &[f64], iterations: f64) -> f64 {
    let most = clusters.iter().fold(0.0, |a: f64, b| a.max(*b));
    iterations * PRUNED * clusters.iter().sum::<f64>() + CANDIDATES * most
}

fn cells(q: &Question, rating: f64, cell: f64) -> (f64, f64) {
    let peers = q.cluster.peers();
    let cells = q.sizes.items * q.clusters() * cell;
    (q.sizes.ratings / peers * rating + cells * 0.5 * (1.0 + 1.0 / peers), 0.0)
}

/// Bytes of `model.safetensors`.
pub fn model_bytes(q: &Question) -> f64 {
    let tables = (traffic::tables(q) + q.mixture_tables()) * q.clusters();
    8.0 * q.sizes.items * (2.0 + q.components() + tables)
}
