//! A fabricated [`Outcome`] for tests: every size free, every number drawn from keys, hence always the same.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::Result;
use crate::ingest::ids::Id;
use crate::ingest::{Items, Ledger};
use crate::job::*;
use crate::results::curves::cumulative;
use crate::results::measured::{Measured, Stage};
use crate::results::outcome::{MapPoint, ModelTerms, Outcome, UserTable};
use crate::results::rejects::RejectLine;
use crate::results::run::Digests;
use crate::results::shown::Shown;
use crate::results::tables::{self, Names, OfUsers};
use crate::results::write::{self, NewFolder, Written};
use crate::stages::choose::{Candidate, Chosen, Round};
use crate::stages::continuity::matching::{Fate, Origin};
use crate::stages::continuity::{Ancestor, Continuity, Driver, Flow, Moves, Now, Then};
use crate::stages::evidence::{Evidence, HeldOut, Null, OfClusters, Stability, Verdict};
use crate::stages::kmeans::{Assignment, KMeans, StartReport, Sweep, SweepCurve};
use crate::stages::pca::{Pca, SolverReport};
use crate::stages::profile::{Activity, Category, ItemShare, Near, Profile, ProfileItem, Summary, SummaryOf};
use crate::stages::validate::{Confusion, Validation};

/// How large the fabricated run is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub users: usize,
    pub items: usize,
    pub clusters: usize,
    pub components: usize,
    pub top: usize,
}

/// As MovieLens 100K with the default job.
pub const MOVIELENS: Size = Size { users: 943, items: 1682, clusters: 25, components: 10, top: 10 };

/// Small enough to be written many times in a test.
pub const SMALL: Size = Size { users: 40, items: 30, clusters: 4, components: 3, top: 5 };

/// In place of the page, which another room draws.
pub fn blank_page(shown: &Shown, sink: &mut BufWriter<File>) -> std::io::Result<()> {
    writeln!(sink, "{}", shown.title)
}

/// A draw from (0, 1) for a purpose and an index.
fn draw(purpose: u64, index: usize) -> f64 {
    let bits = xxh3_64_with_seed(&(index as u64).to_le_bytes(), purpose);
    ((bits >> 12) as f64 + 0.5) / (1u64 << 52) as f64
}

/// A draw from a bell curve of variance 1: twelve uniform draws.
fn bell(purpose: u64, index: usize) -> f64 {
    (0..12).map(|i| draw(purpose, index * 12 + i)).sum::<f64>() - 6.0
}

/// Writes the folder of a run, with its tables of users.
pub fn write(outcome: &Outcome, output: &Path, rejects: &[RejectLine]) -> Result<Written> {
    let size = Size { users: outcome.measured.n_users as usize, clusters: outcome.names.len(), ..SMALL };
    let (users, moves, names) = (users(size), moves(size), Names::of(outcome));
    let segments = tables::segments(&users, OfUsers { numeric: true, classed: true });
    let moves = names.as_ref().map(|names| tables::moves(&moves, true, names));
    let folder = NewFolder::create(output)?;
    let mut digests = Digests::new();
    for table in [segments].into_iter().chain(moves) {
        table.write_parquet(&table.place(folder.path(), "parquet"))?;
        digests.insert(table.name().into(), table.digest());
    }
    let digests = write::fill(folder.path(), outcome, digests, rejects, blank_page)?;
    Ok(Written { digests, report: folder.publish()?.join(write::PAGE) })
}

pub fn outcome(size: Size) -> Outcome {
    let segment = segments(size);
    let sizes = (0..size.clusters).map(|k| segment.iter().filter(|&&s| s as usize == k).count() as u64).collect();
    let centroids = Array2::from_shape_fn((size.clusters, size.components), |(k, c)| {
        (bell(1, k * size.components + c) * 14.0 + if k == 0 { -6.0 } else { 2.0 }) / (1.0 + c as f64)
    });
    Outcome {
        job: job(size),
        chosen: Some(chosen(size)),
        ledger: Ledger { read: 100_020, accepted: 100_000, rejected: 13, merged: 7, filtered: 0 },
        inputs: Vec::new(),
        items: items(size.items),
        pca: pca(size),
        map: map(&segment, &centroids),
        known: segment.iter().enumerate().map(|(user, &segment)| (Id::Number(user as u64 + 1), segment)).collect(),
        kmeans: kmeans(sizes, centroids),
        sweep: Some(sweep()),
        validation: validation(&segment, size.clusters),
        profiles: profiles(&segment, size),
        names: (0..size.clusters).map(|segment| format!("Taste {segment}")).collect(),
        evidence: Some(evidence(size)),
        continuity: Some(continuity(size)),
        activity_correlation: 0.95,
        model: model(size),
        warnings: vec!["13 rows were rejected (0.013%); see rejects.tsv".into()],
        measured: measured(size),
    }
}

/// A run before this one, whose last segment is no more.
fn continuity(size: Size) -> Continuity {
    let last = size.clusters as u32 - 1;
    let now = |segment: u32| Now {
        segment,
        origin: if segment == last { Origin::Born } else { Origin::Kept },
        earlier: (segment != last).then_some(segment),
        score: (segment != last).then_some(0.8),
        stayed: 5,
        crossed: 1,
        arrived: 2,
        new_users: 1,
    };
    let then = |segment: u32| Then {
        segment,
        name: format!("Taste {segment} of old"),
        size: 9,
        fate: if segment == last { Fate::Died } else { Fate::Kept },
        now: if segment == last { Vec::new() } else { vec![segment] },
        left: 3,
    };
    let item = |item: u64| Driver { item: item.to_string(), title: None, moved: 0.4, stayed: 0.1 };
    let flow = |at: u32| Flow {
        from: at % size.clusters as u32,
        to: (at + 1) % size.clusters as u32,
        users: 60u64.saturating_sub(at as u64).max(1),
        items: if at < 3 { vec![item(1), item(2)] } else { Vec::new() },
    };
    Continuity {
        previous: "out/last-month".into(),
        users: size.users as u64,
        new_users: 4,
        gone_users: 3,
        moved: size.users.min(7) as u64,
        crossed: 2,
        weight_of_users: 0.9,
        segments: (0..=last).map(now).collect(),
        earlier: (0..=last).map(then).collect(),
        flows: (0..=last).filter(|_| last > 0).map(flow).collect(),
        users_of_other_flows: 5,
        lineage: vec![Ancestor { model: "0f".repeat(16), renewed: vec![last] }],
    }
}

/// Who moved, by id.
pub fn moves(size: Size) -> Moves {
    let segment = segments(size);
    let n = segment.len().min(7);
    Moves {
        users: (1..=n as u64).map(Id::Number).collect(),
        from: segment[..n].iter().map(|s| (s + 1) % size.clusters as u32).collect(),
        to: segment[..n].to_vec(),
        margin: (0..n).map(|user| draw(70, user)).collect(),
    }
}

fn chosen(size: Size) -> Chosen {
    let candidate = |round, clusters: usize| Candidate {
        round,
        weighting: Weighting::Raw,
        normalize: Normalize::None,
        missing: Missing::Zero,
        components: size.components,
        clusters,
        refine: Refine::None,
        amounts: Amounts::None,
        bits: 0.2,
        standard_error: 0.01,
        null_bits: Some(-0.01),
        agreement: (round == Round::Clusters).then_some(0.8),
        seconds: 0.1,
    };
    Chosen {
        weighting: Weighting::Raw,
        normalize: Normalize::None,
        missing: Missing::Zero,
        components: size.components,
        clusters: size.clusters,
        refine: Refine::None,
        amounts: Amounts::None,
        open: vec!["kmeans.clusters".into()],
        why: "They save 0.200 bits per hidden rating.".into(),
        users: 943,
        ratings: 90_000,
        hidden: 9_000,
        candidates: vec![candidate(Round::Weighting, size.clusters), candidate(Round::Clusters, size.clusters)],
    }
}

fn evidence(size: Size) -> Evidence {
    let of = |clusters: usize| OfClusters {
        clusters,
        bits: 0.4 - 1.0 / clusters as f64,
        standard_error: 0.01,
        null_bits: -0.0004 * clusters as f64,
        adjusted_rand: 1.0 - 0.004 * clusters as f64,
        simplified_silhouette: 0.3,
        calinski_harabasz: 104.9,
        davies_bouldin: 1.63,
    };
    Evidence {
        verdict: Verdict::Weak,
        summary: "The segments tell something of what users choose, but where one ends is arbitrary.".into(),
        suggested_clusters: Some(10),
        held_out: HeldOut {
            ratings: 9_981,
            users: 940,
            bits: 0.36,
            standard_error: 0.01,
            recall_at_10: 0.12,
            popularity_recall_at_10: 0.07,
        },
        stability: Stability {
            refits: 10,
            adjusted_rand: 0.61,
            standard_deviation: 0.04,
            jaccard: (0..size.clusters).map(|segment| 0.3 + 0.6 * draw(20, segment)).collect(),
        },
        null: Null { bits: 0.02, standard_error: 0.01, adjusted_rand: 0.31 },
        by_clusters: [5, 10, 25, 50, 100, 125, 150, 200].map(of).into(),
    }
}

/// Segments fall in size as 1/√rank, so that number and size agree in order.
fn segments(size: Size) -> Vec<u32> {
    let weights: Vec<f64> = (0..size.clusters).map(|k| 1.0 / ((k + 1) as f64).sqrt()).collect();
    let total: f64 = weights.iter().sum();
    let bounds: Vec<f64> = cumulative(&weights).iter().map(|sum| sum / total).collect();
    let of = |user: usize| {
        let place = (user as f64 + 0.5) / size.users as f64;
        bounds.iter().position(|&bound| place < bound).unwrap_or(size.clusters - 1) as u32
    };
    (0..size.users).map(|user| of(user * 617 % size.users)).collect()
}

/// All users, by id.
pub fn users(size: Size) -> UserTable {
    let segment = segments(size);
    let n = segment.len();
    let other = |u: usize| (segment[u] + 1) % size.clusters as u32;
    UserTable {
        users: (0..n).map(|u| Id::Number(u as u64 + 1)).collect(),
        assignment: Assignment {
            segment: segment.clone(),
            distance: (0..n).map(|u| 3.0 + draw(2, u)).collect(),
            second: (0..n).map(other).collect(),
            second_distance: (0..n).map(|u| 4.0 + draw(3, u)).collect(),
        },
        nb_segment: (0..n).map(|u| if draw(4, u) < 0.8 { segment[u] } else { other(u) }).collect(),
    }
}

fn items(n: usize) -> Items {
    let first = ["Return", "Adventures", "Secret", "Last Days", "Shadow", "Night", "Trial", "Legend"];
    let second = ["the Lighthouse", "a Paper Boat", "a Distant Summer", "the Iron Valley", "Two Sisters", "Avalon"];
    let title = |i: usize| {
        let plain = format!("{} of {} ({})", first[i % 8], second[i / 8 % 6], 1931 + i * 7 % 67);
        match i % 9 {
            4 => Some(format!("{plain}: or, how a whole town learnt to stop worrying about Tuesdays")),
            7 => Some(format!("{} (Nattvakten & Söner)", plain)),
            8 if i.is_multiple_of(2) => None,
            _ => Some(plain),
        }
    };
    Items {
        ids: (0..n).map(|i| Id::Number(i as u64 + 1)).collect(),
        titles: (0..n).map(title).collect(),
        metadata: Vec::new(),
    }
}

fn pca(size: Size) -> Pca {
    let n = (2 * size.components).min(size.items);
    let ratio: Vec<f64> = (0..n).map(|i| 0.14 / (1.0 + i as f64 * 0.9)).collect();
    let total = 1193.7523983852413;
    Pca {
        mean: Array1::from_shape_fn(size.items, |i| draw(5, i)),
        components: Array2::from_shape_fn((size.components, size.items), |(c, i)| bell(6, c * size.items + i) / 40.0),
        explained_variance: ratio.iter().map(|r| r * total).collect(),
        singular_values: ratio.iter().map(|r| (r * total * (size.users as f64 - 1.0)).sqrt()).collect(),
        explained_variance_ratio: ratio,
        total_variance: total,
        solver: SolverReport {
            solver: "gram".into(),
            reason: "1,682 items: their Gram matrix is 22 MiB".into(),
            iterations: 1,
            residual: 3.1e-15,
            tol: 1e-12,
            converged: true,
        },
    }
}

fn kmeans(sizes: Vec<u64>, centroids: Array2<f64>) -> KMeans {
    let start = |i: usize| StartReport { iterations: 20 + i, inertia: 104_000.0 + 311.7 * i as f64, converged: true };
    KMeans {
        tie_order: (0..sizes.len() as u32).rev().collect(),
        centroids,
        sizes,
        inertia: 104_000.0,
        best_start: 0,
        starts: (0..10).map(start).collect(),
    }
}

fn sweep() -> Sweep {
    let clusters = vec![5, 10, 25, 50, 100, 125, 150, 200];
    let curve = |floor: f64, knee| SweepCurve {
        inertia: clusters.iter().map(|&k| 200_000.0 * (floor + (1.0 - floor) / (k as f64 / 5.0).sqrt())).collect(),
        knee: Some(knee),
    };
    Sweep { projected: Some(curve(0.02, 25)), full: Some(curve(0.55, 50)), clusters }
}

fn validation(segment: &[u32], k: usize) -> Validation {
    let confusion = |purpose: u64, right: f64| {
        let mut counts = Array2::zeros((k, k));
        for (user, &s) in segment.iter().enumerate() {
            let stays = draw(purpose, user) < right;
            let guess = if stays { s as usize } else { (draw(purpose + 1, user) * k as f64) as usize };
            counts[(s as usize, guess)] += 1;
        }
        Confusion { counts }
    };
    Validation {
        model: "multinomial".into(),
        in_sample: confusion(20, 0.87),
        out_of_fold: confusion(30, 0.62),
        folds: 5,
    }
}

fn genres(k: usize) -> Summary {
    let category = |(at, value): (usize, &str)| Category {
        value: value.into(),
        share: 0.3 * draw(46, k * 10 + at),
        share_all: 0.1 + 0.02 * at as f64,
    };
    let mut all: Vec<Category> =
        ["Adventure", "Comedy", "Drama", "Horror"].into_iter().enumerate().map(category).collect();
    all.sort_by(|a, b| b.distinctiveness().total_cmp(&a.distinctiveness()));
    Summary { name: "genre".into(), of: SummaryOf::Categories(all) }
}

fn profiles(segment: &[u32], size: Size) -> Vec<Profile> {
    let activity_all = Activity { mean: 106.0, lower_quartile: 33.0, median: 65.0, upper_quartile: 148.0 };
    let profile = |k: usize| {
        let item = |rank: usize| {
            let score = 0.32 * (0.6 + 0.4 * draw(40, k)) / (1.0 + 0.12 * rank as f64);
            let item = ((k * 53 + rank * 29) % size.items) as u32;
            let share_all = 0.02 + 0.5 * draw(43, k * 100 + rank);
            ProfileItem {
                item,
                score,
                score_all: score * (0.15 + 1.0 * draw(41, k * 100 + rank)),
                share: share_all + (1.0 - share_all) * draw(44, k * 100 + rank),
                share_all,
                mean_rating: 1.0 + 4.0 * draw(45, k * 100 + rank),
                mean_rating_all: 3.5,
            }
        };
        Profile {
            segment: k as u32,
            size: segment.iter().filter(|&&s| s as usize == k).count() as u64,
            n_items: size.items as u64 / 2,
            distance_from_all: 0.1 + 0.6 * draw(42, k),
            top: (0..size.top.min(size.items)).map(item).collect(),
            activity: Activity { mean: 70.3 + 9.0 * k as f64, median: 40.0 + 9.0 * k as f64, ..activity_all },
            activity_all,
            distinctive: (0..2.min(size.items))
                .map(|rank| ItemShare { item: ((k * 53 + rank * 29) % size.items) as u32, share: 0.5, share_all: 0.2 })
                .collect(),
            missing: vec![ItemShare { item: (k % size.items) as u32, share: 0.04, share_all: 0.35 }],
            nearest: (0..size.clusters as u32)
                .filter(|&other| other as usize != k)
                .map(|segment| Near { segment, distance: 3.1 })
                .take(3)
                .collect(),
            metadata: vec![genres(k)],
        }
    };
    (0..size.clusters).map(profile).collect()
}

fn model(size: Size) -> ModelTerms {
    let log_prob = (0..size.clusters * size.items).map(|i| -4.0 - draw(50, i)).collect();
    ModelTerms {
        idf: (0..size.items).map(|i| 1.0 + 4.0 * draw(51, i)).collect(),
        mean_length: None,
        mixture: None,
        bayes: vec![
            ("class_log_prior".into(), vec![size.clusters], (0..size.clusters).map(|k| -1.0 - draw(52, k)).collect()),
            ("feature_log_prob".into(), vec![size.clusters, size.items], log_prob),
        ],
    }
}

fn map(segment: &[u32], centroids: &Array2<f64>) -> Vec<MapPoint> {
    let at = |k: usize, c: usize| centroids.row(k).get(c).copied().unwrap_or(0.0);
    let point = |user: usize| {
        let k = segment[user] as usize;
        MapPoint {
            user: Id::Number(user as u64 + 1),
            segment: segment[user],
            x: at(k, 0) + 3.0 * bell(60, user),
            y: at(k, 1) + 2.0 * bell(61, user),
        }
    };
    (0..segment.len()).map(point).collect()
}

fn measured(size: Size) -> Measured {
    let stages =
        [("read", 0.031), ("pca", 0.058), ("k-means", 0.042), ("sweep", 0.71), ("validate", 0.02), ("profile", 0.004)];
    Measured {
        processes: 1,
        workers: 2,
        simd: "avx2".into(),
        n_users: size.users as u64,
        n_items: size.items as u64,
        n_ratings: 100_000,
        stages: stages
            .map(|(stage, seconds)| Stage { stage: stage.into(), seconds, peak_memory: 61 << 20, bytes_sent: 0 })
            .to_vec(),
        total_seconds: 0.89,
        peak_memory: 61 << 20,
        spilled: 0,
        ratings_bytes: 240_000,
        bytes_sent: 0,
    }
}

fn job(size: Size) -> Job {
    let files = FilesSpec::by_position(vec!["ml-100k/u.data".into()]);
    Job {
        seed: 0,
        memory: 4 << 30,
        scratch: None,
        checkpoint_every: std::time::Duration::from_secs(5),
        users_per_file: 1 << 24,
        output: PathBuf::from("out/movielens-100k"),
        input: Input {
            source: Source::Files(files),
            duplicates: Duplicates::Error,
            on_bad: OnBad::Fail,
            max_bad: 0.0,
            items: None,
        },
        filter: Filter::default(),
        choices: Choices { clusters: By::Chosen, ..Choices::default() },
        matrix: Matrix { weighting: Weighting::Raw, normalize: Normalize::None, missing: Missing::Zero },
        pca: PcaParams { components: size.components, solver: Solver::Auto, tol: 1e-9, report: 20 },
        kmeans: KMeansParams {
            clusters: size.clusters,
            n_init: 10,
            max_iter: 300,
            tol: 1e-4,
            spherical: false,
            refine: Refine::None,
            amounts: Amounts::None,
        },
        sweep: None,
        validate: ValidateParams { model: BayesModel::Multinomial, folds: 5 },
        profile: ProfileParams { top: size.top },
        evidence: Some(EvidenceParams { refits: 10 }),
        compare: None,
    }
}
