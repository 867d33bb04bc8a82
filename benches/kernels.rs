//! The inner loops, one worker, on generated ratings: `cargo bench --bench kernels`. The size is in the name of each.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array2;
use segmill::collective::Solo;
use segmill::ingest::dialect::{self, Dialect};
use segmill::ingest::generate::Generator;
use segmill::ingest::ids::Id;
use segmill::ingest::keys::ItemIndex;
use segmill::ingest::rows::{Narrow, Records, Row};
use segmill::ingest::scan::{self, BadRow, Range, RawId, RawRow, RowSink};
use segmill::job::{
    Amounts, BayesModel, Duplicates, Feedback, FileFormat, FilesSpec, Find, GenerateSpec, KMeansParams, ProfileParams,
    RatingColumn, Refine, ValidateParams,
};
use segmill::kernel::fixed::Scale;
use segmill::kernel::{gram, sweep};
use segmill::shard::Shard;
use segmill::shard::incoming::Incoming;
use segmill::shard::sealing::{self, Several};
use segmill::shard::store::Store;
use segmill::stages::kmeans;
use segmill::stages::profile;
use segmill::stages::validate;

/// Users, items, ratings per user.
type Size = (u64, u64, f64);

/// MovieLens 100K, MovieLens 1M, and a tenth of MovieLens 25M in users.
const SIZES: [Size; 3] = [(943, 1682, 106.0), (6040, 3706, 166.0), (16_200, 59_000, 157.0)];

const SEGMENTS: usize = 25;

fn name((users, items, _): Size, ratings: usize) -> String {
    format!("{users}x{items}x{ratings}")
}

fn generator((users, items, ratings_per_user): Size) -> Generator {
    let spec = GenerateSpec {
        users,
        items,
        ratings_per_user,
        segments: SEGMENTS as u64,
        feedback: Feedback::Explicit,
        affinity: 0.7,
        seed: 1,
        ..GenerateSpec::default()
    };
    Generator::new(&spec).expect("a size that can be generated")
}

/// All ratings, user by user.
fn ratings(size: Size) -> Vec<Row> {
    let generator = generator(size);
    let (mut all, mut of_user) = (Vec::new(), Vec::new());
    for user in 1..=size.0 {
        generator.user(user, &mut of_user);
        all.extend(of_user.iter().map(|&(item, value)| Row { user, item, value, order: 0 }));
    }
    all
}

fn batches(rows: &[Row]) -> Vec<Records> {
    let narrow = |row: &Row| Narrow::of(row).expect("generated ids and ratings are small");
    rows.chunks(8192).map(|rows| Records::Narrow(rows.iter().map(narrow).collect())).collect()
}

fn seal(batches: &[Records], n_rows: usize) -> Shard {
    let folder = Path::new(".");
    let mut incoming = Incoming::new(n_rows as u64, u64::MAX, folder);
    batches.iter().for_each(|batch| incoming.receive(batch));
    let items = ItemIndex::new(&incoming.item_keys());
    let rule = Several::Merge(Duplicates::Error).into();
    let sealed = sealing::seal(incoming, &items, rule, &mut Store::new(u64::MAX, folder));
    sealed.expect("nothing is spilled").shard
}

/// Labels as k-means might give them: the planted ones.
fn labels(size: Size, shard: &Shard) -> Vec<u32> {
    let generator = generator(size);
    let label = |id: &Id| match id {
        Id::Number(user) => generator.label(*user),
        Id::Text(_) => unreachable!("generated ids are numbers"),
    };
    shard.users.iter().map(label).collect()
}

/// Counts rows, so that parsing is not optimised away.
#[derive(Default)]
struct Count {
    rows: u64,
    sum: f64,
    bad: u64,
}

impl RowSink for Count {
    #[inline]
    fn row(&mut self, row: RawRow<'_>) {
        self.rows += 1;
        self.sum += row.rating;
        if let (RawId::Number(user), RawId::Number(item)) = (row.user, row.item) {
            black_box(user ^ item);
        }
    }

    fn bad(&mut self, _bad: BadRow<'_>) {
        self.bad += 1;
    }
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    for size in SIZES {
        let rows = ratings(size);
        let text: String = std::iter::once("user,item,rating\n".to_string())
            .chain(rows.iter().map(|row| format!("{},{},{:.1}\n", row.user, row.item, row.value)))
            .collect();
        let dialect = dialect_of(text.as_bytes());
        let whole = Range { start: 0, end: text.len() as u64 };
        group.throughput(Throughput::Elements(rows.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(name(size, rows.len())), |b| {
            b.iter(|| {
                let mut count = Count::default();
                scan::scan(text.as_bytes(), &whole, &dialect, &mut count);
                assert_eq!((count.rows, count.bad), (rows.len() as u64, 0));
                count.sum
            });
        });
    }
    group.finish();
}

fn dialect_of(text: &[u8]) -> Dialect {
    let column = segmill::job::Column::Index;
    let spec = FilesSpec {
        ratings: vec![PathBuf::from("ratings.csv")],
        time: None,
        format: FileFormat::Auto,
        delimiter: None,
        header: None,
        user: column(0),
        item: column(1),
        rating: RatingColumn::Default,
        numbers: Default::default(),
        items: Default::default(),
        find: Find::default(),
    };
    dialect::detect(&spec, Path::new("ratings.csv"), text).expect("a file with a header")
}

fn shard_build(c: &mut Criterion) {
    let mut group = c.benchmark_group("shard_build");
    group.sample_size(10);
    for size in SIZES {
        let rows = ratings(size);
        let batches = batches(&rows);
        group.throughput(Throughput::Elements(rows.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(name(size, rows.len())), |b| {
            b.iter(|| seal(&batches, rows.len()).matrix.nnz());
        });
    }
    group.finish();
}

fn sealed(size: Size) -> Shard {
    let rows = ratings(size);
    seal(&batches(&rows), rows.len())
}

fn gram_band(c: &mut Criterion) {
    let mut group = c.benchmark_group("gram");
    group.sample_size(10);
    for size in &SIZES[..2] {
        let matrix = sealed(*size).matrix;
        let n = matrix.n_cols;
        let factor = Scale::new(25.0, matrix.n_rows() as u64).factor();
        let mut products = vec![0i64; n * n];
        group.throughput(Throughput::Elements(gram::products(&matrix)));
        group.bench_function(BenchmarkId::from_parameter(name(*size, matrix.nnz())), |b| {
            b.iter(|| gram::accumulate_band(&matrix, 0..n, factor, &mut products));
        });
    }
    group.finish();
}

fn krylov_sweep(c: &mut Criterion) {
    const B: usize = 8;
    let mut group = c.benchmark_group("krylov_sweep");
    group.sample_size(10);
    for size in SIZES {
        let matrix = sealed(size).matrix;
        let v = vec![[0.25; B]; matrix.n_cols];
        let factor = Scale::new(1e6, matrix.n_rows() as u64).factor();
        let mut image = vec![[0i64; B]; matrix.n_cols];
        group.throughput(Throughput::Elements(matrix.nnz() as u64));
        group.bench_function(BenchmarkId::from_parameter(name(size, matrix.nnz())), |b| {
            b.iter(|| sweep::centred_sweep(&matrix, &v, &[0.5; B], factor, &mut image));
        });
    }
    group.finish();
}

/// One iteration from fixed centroids: users × components × clusters.
fn kmeans_iteration(c: &mut Criterion) {
    let mut group = c.benchmark_group("kmeans_iteration");
    group.sample_size(10);
    for (n_users, n_components, clusters) in [(162_000, 10, 25), (162_000, 32, 100)] {
        let score = |(user, dim): (usize, usize)| ((user * 7919 + dim * 104_729) % 10_007) as f64 / 10_007.0;
        let scores = Array2::from_shape_fn((n_users, n_components), score);
        let draw_keys: Vec<u64> = (0..n_users as u64).collect();
        let initial = scores.slice(ndarray::s![..clusters, ..]);
        let params = KMeansParams {
            clusters,
            n_init: 1,
            max_iter: 1,
            tol: 0.0,
            spherical: false,
            refine: Refine::None,
            amounts: Amounts::None,
        };
        let id = format!("{n_users}x{n_components}x{clusters}");
        group.throughput(Throughput::Elements(n_users as u64));
        group.bench_function(BenchmarkId::from_parameter(id), |b| {
            b.iter(|| kmeans::fit_from(&mut Solo, scores.view(), &draw_keys, initial, &params).map(|(k, _)| k.inertia));
        });
    }
    group.finish();
}

fn naive_bayes(c: &mut Criterion) {
    let mut group = c.benchmark_group("naive_bayes");
    group.sample_size(10);
    for size in SIZES {
        let shard = sealed(size);
        let labels = labels(size, &shard);
        let params = ValidateParams { model: BayesModel::Multinomial, folds: 5 };
        group.throughput(Throughput::Elements(shard.matrix.nnz() as u64));
        group.bench_function(BenchmarkId::from_parameter(name(size, shard.matrix.nnz())), |b| {
            b.iter(|| {
                validate::fit(&mut Solo, &shard, &labels, SEGMENTS, params, 1, u64::MAX).0.out_of_fold.accuracy()
            });
        });
    }
    group.finish();
}

fn tfidf(c: &mut Criterion) {
    let mut group = c.benchmark_group("tfidf");
    group.sample_size(10);
    for size in SIZES {
        let shard = sealed(size);
        let labels = labels(size, &shard);
        group.throughput(Throughput::Elements(shard.matrix.nnz() as u64));
        group.bench_function(BenchmarkId::from_parameter(name(size, shard.matrix.nnz())), |b| {
            let (centroids, params) = (Array2::zeros((SEGMENTS, 1)), ProfileParams { top: 10 });
            b.iter(|| profile::fit(&mut Solo, &shard.matrix, &labels, centroids.view(), &[], params).0.len());
        });
    }
    group.finish();
}

criterion_group!(kernels, parse, shard_build, gram_band, krylov_sweep, kmeans_iteration, naive_bayes, tfidf);
criterion_main!(kernels);
