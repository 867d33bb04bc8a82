//! The graph of a model.

use super::builder::{Builder, ROWS, Value, int, ints};
use crate::export::Terms;
use crate::job::{Missing, Normalize, Weighting};
use crate::shard::weight::{B, K1};
use crate::stages::mixture::{Height, Mixture, Shifts, USER_PRIOR, Weights};

pub const RATINGS: &str = "ratings";
pub const SEGMENT: &str = "segment";
pub const DISTANCES: &str = "distances";
pub const LIKELIHOODS: &str = "likelihoods";

/// Rated items by what was given for them.
struct Rated {
    /// The ratings; 0 where there is none `(users, n_items)`.
    x: Value,
    /// Whether there is one; the same as 1 or 0.
    is: Value,
    one: Value,
    /// How many there are of a user `(users, 1)`.
    count: Value,
}

/// From [`RATINGS`] to the outputs.
pub fn build(terms: &Terms<'_>) -> Builder {
    let mut b = Builder::default();
    b.whole(ROWS, &[1], [1].into_iter());
    b.double("zero", 0.0);
    b.double("unit", 1.0);
    let rated = rated(&mut b);
    let weights = weigh(&mut b, terms, &rated);
    let weights = centre(&mut b, terms, weights, &rated);
    let weights =
        if terms.model.manifest.matrix.normalize == Normalize::L2 { unit_rows(&mut b, &weights) } else { weights };
    let points = project(&mut b, terms, &weights);
    measure(&mut b, terms, &points);
    match terms.mixture() {
        None => nearest(&mut b, terms),
        Some(mixture) => likeliest(&mut b, terms, mixture, &rated),
    }
    b
}

/// What is not above 0 is no rating, nor is NaN.
fn rated(b: &mut Builder) -> Rated {
    let is = b.op("Greater", &[RATINGS, "zero"]);
    let x = b.op("Where", &[&is, RATINGS, "zero"]);
    let one = b.cast(&is);
    let count = b.row_sums(&one);
    Rated { x, is, one, count }
}

fn weigh(b: &mut Builder, terms: &Terms<'_>, rated: &Rated) -> Value {
    let idf = |b: &mut Builder| {
        let idf = terms.idf().expect("these weights have idf");
        b.doubles("idf", &[idf.len()], idf.iter().copied())
    };
    match terms.weighting() {
        Weighting::Raw => rated.x.clone(),
        Weighting::Binary => rated.one.clone(),
        Weighting::Log1p => log1p(b, &rated.x),
        Weighting::Tfidf => {
            let idf = idf(b);
            b.op("Mul", &[&rated.x, &idf])
        }
        Weighting::Bm25 => {
            let idf = idf(b);
            let mean = terms.model.manifest.mean_length.expect("a model by bm25 has a mean length");
            let [gain, rise, least] = [("gain", K1 + 1.0), ("rise", K1 * B / mean), ("least", K1 * (1.0 - B))]
                .map(|(name, value)| b.double(name, value));
            let length = b.row_sums(&rated.x);
            let risen = b.op("Mul", &[&length, &rise]);
            let saturation = b.op("Add", &[&risen, &least]);
            let under = b.op("Add", &[&rated.x, &saturation]);
            let over = b.op("Mul", &[&rated.x, &gain]);
            let over = b.op("Mul", &[&over, &idf]);
            b.op("Div", &[&over, &under])
        }
    }
}

/// log(1 + x) to the last digits, also where x is small (Kahan).
fn log1p(b: &mut Builder, x: &str) -> Value {
    let more = b.op("Add", &[x, "unit"]);
    let is_small = b.op("Equal", &[&more, "unit"]);
    let log = b.op("Log", &[&more]);
    let rest = b.op("Sub", &[&more, "unit"]);
    let rest = b.op("Where", &[&is_small, "unit", &rest]);
    let share = b.op("Div", &[x, &rest]);
    let log = b.op("Mul", &[&log, &share]);
    b.op("Where", &[&is_small, x, &log])
}

/// Relative to the mean of the user's weights, where a missing one counts as that.
fn centre(b: &mut Builder, terms: &Terms<'_>, weights: Value, rated: &Rated) -> Value {
    if terms.model.manifest.matrix.missing == Missing::Zero {
        return weights;
    }
    let sum = b.row_sums(&weights);
    let count = b.op("Max", &[&rated.count, "unit"]);
    let mean = b.op("Div", &[&sum, &count]);
    let beyond = b.op("Sub", &[&weights, &mean]);
    let [least, most] = [("ReduceMin", f64::MAX), ("ReduceMax", f64::MIN)].map(|(reduce, filler)| {
        let filler = b.double(&format!("for_{reduce}"), filler);
        let own = b.op("Where", &[&rated.is, &weights, &filler]);
        b.with(reduce, &[&own], vec![ints("axes", &[1])])
    });
    let differ = b.op("Greater", &[&most, &least]);
    let counts = b.op("And", &[&rated.is, &differ]);
    b.op("Where", &[&counts, &beyond, "zero"])
}

/// Rows of length 1; those of length 0 stay.
fn unit_rows(b: &mut Builder, rows: &str) -> Value {
    let squares = b.op("Mul", &[rows, rows]);
    let square = b.row_sums(&squares);
    let length = b.op("Sqrt", &[&square]);
    let is_long = b.op("Greater", &[&length, "zero"]);
    let divisor = b.op("Where", &[&is_long, &length, "unit"]);
    b.op("Div", &[rows, &divisor])
}

fn project(b: &mut Builder, terms: &Terms<'_>, weights: &str) -> Value {
    let (n_items, n_components) = (terms.n_items(), terms.n_components());
    let loadings = terms.model.components.t();
    let loadings = b.doubles("components", &[n_items, n_components], loadings.iter().copied());
    let offset = b.doubles("offset", &[n_components], terms.offset().into_iter());
    let scores = b.op("MatMul", &[weights, &loadings]);
    let points = b.op("Sub", &[&scores, &offset]);
    if terms.model.manifest.kmeans.spherical { unit_rows(b, &points) } else { points }
}

/// The output [`DISTANCES`].
fn measure(b: &mut Builder, terms: &Terms<'_>, points: &str) {
    let size = [terms.n_segments(), terms.n_components()];
    let centroids = b.doubles("centroids", &size, terms.model.centroids.iter().copied());
    let points = b.op("Unsqueeze", &[points, ROWS]);
    let beyond = b.op("Sub", &[&points, &centroids]);
    let squares = b.op("Mul", &[&beyond, &beyond]);
    let across = b.whole("along_components", &[1], [2].into_iter());
    let squared = b.with("ReduceSum", &[&squares, &across], vec![int("keepdims", 0)]);
    b.output("Sqrt", &[&squared], DISTANCES);
}

/// The output [`SEGMENT`]: the nearest; of equal ones the first in the order of ties.
fn nearest(b: &mut Builder, terms: &Terms<'_>) {
    let order =
        b.whole("order", &[terms.n_segments()], terms.model.tie_order.iter().map(|&segment| i64::from(segment)));
    let ordered = b.with("Gather", &[DISTANCES, &order], vec![int("axis", 1)]);
    let place = b.with("ArgMin", &[&ordered], vec![int("axis", 1), int("keepdims", 0)]);
    b.output("Gather", &[&order, &place], SEGMENT);
}

/// The outputs [`LIKELIHOODS`] and [`SEGMENT`].
fn likeliest(b: &mut Builder, terms: &Terms<'_>, mixture: &Mixture, rated: &Rated) {
    let size = [terms.n_items(), terms.n_segments()];
    let tables = b.widened("terms", &size, &mixture.terms);
    let amounts = match mixture.weights {
        Weights::Logs { mean, units } if mixture.shifts.is_none() => amounts(b, mean, f64::from(units), rated),
        _ => rated.one.clone(),
    };
    let mut sums = b.op("MatMul", &[&amounts, &tables]);
    if let Some(shifts) = &mixture.shifts {
        let slopes = b.widened("slopes", &size, &shifts.slopes);
        let beyond = differing(b, shifts, rated);
        let shifted = b.op("MatMul", &[&beyond, &slopes]);
        sums = b.op("Add", &[&sums, &shifted]);
    }
    let prior = b.widened("prior", &[terms.n_segments()], &mixture.prior);
    b.output("Add", &[&sums, &prior], LIKELIHOODS);
    let segment = b.with("ArgMax", &[LIKELIHOODS], vec![int("axis", 1), int("keepdims", 0)]);
    b.output("Identity", &[&segment], SEGMENT);
}

/// How much each rating counts.
fn amounts(b: &mut Builder, mean: f64, units: f64, rated: &Rated) -> Value {
    let [mean, units, half] = [("mean_log", mean), ("units", units), ("half", 0.5)].map(|(name, x)| b.double(name, x));
    let log = log1p(b, &rated.x);
    let share = b.op("Div", &[&log, &mean]);
    let scaled = b.op("Mul", &[&share, &units]);
    let risen = b.op("Add", &[&scaled, &half]);
    let whole = b.op("Floor", &[&risen]);
    let weights = b.op("Div", &[&whole, &units]);
    b.op("Mul", &[&weights, &rated.one])
}

/// How far each rating is above what is expected of the item and the user.
fn differing(b: &mut Builder, shifts: &Shifts, rated: &Rated) -> Value {
    let means = b.doubles("item_means", &[shifts.item_means.len()], shifts.item_means.iter().copied());
    let prior = b.double("user_prior", USER_PRIOR);
    let height = match shifts.height {
        Height::Plain => rated.x.clone(),
        Height::Log => log1p(b, &rated.x),
    };
    let above = b.op("Sub", &[&height, &means]);
    let above = b.op("Where", &[&rated.is, &above, "zero"]);
    let sum = b.row_sums(&above);
    let count = b.op("Add", &[&rated.count, &prior]);
    let generosity = b.op("Div", &[&sum, &count]);
    let beyond = b.op("Sub", &[&above, &generosity]);
    b.op("Where", &[&rated.is, &beyond, "zero"])
}
