//! A first look at rows in single precision, with a proof of what it may have got wrong.
//!
//! The class of a row is that of the highest sum in double precision, as [`Weights::add`] and [`best_class`] find it.
//! An [`Outlook`] has the weights of a model in single precision, those of an item less the middle of them: that adds
//! the same to the scores of all classes and leaves numbers near 0. Sums go in runs of [`RUN`] entries, whose totals are
//! added up.
//!
//! For a row of n entries, with u = 2⁻²⁴, M = Σ|x|, A the largest of the magnitudes of such weights and K that of the
//! constants less the highest of them, roundings of values and weights err by 2u·MA, products and sums by
//! (RUN + n/RUN + 1)u·MA, and the constant, its addition and the comparison by 4u·(MA + K) (Higham 2002, §3.1). The sums
//! in double precision err by (n + 3)2⁻⁵³·(MW + C) where W and C are the largest magnitudes of weights and constants as
//! they are. A class that leads all others by more than twice all that has the highest sum in double precision too; where
//! none does, the row is scored in double precision.
//!
//! No result depends on anything here.

use std::ops::Range;

use super::entries::Entries;
use super::kind::{Kind, presence};
use super::weights::{Weights, best_class, lanes};
use crate::kernel::csr::{Row, ValuesRef};
use crate::kernel::simd::{apply, versions};

/// Entries that are summed up before they go to the total.
const RUN: usize = 64;

/// Half an ulp of 1 in single precision.
const U: f64 = 1.0 / (1u64 << 24) as f64;

/// Half an ulp of 1 in double precision.
const V: f64 = 1.0 / (1u64 << 53) as f64;

/// Numbers larger than this are not looked at in single precision, nor rows with more entries than [`LONGEST`].
const LARGEST: f64 = 1e30;
const LONGEST: usize = 1 << 20;

/// More than what entries of a row lose, in units of the largest numbers, where numbers are too small for a full
/// mantissa.
const UNDERFLOW: f64 = 1e-30;

/// The weights of one model in single precision.
#[derive(Debug, Clone)]
pub struct Outlook {
    kind: Kind,
    items: Range<usize>,
    width: usize,
    /// `(n_tiles, n_items, width)`; 0 for padding.
    linear: Vec<f32>,
    /// `(lanes)`, less the highest; −∞ for padding.
    constants: Vec<f32>,
    /// The largest magnitudes of weights and constants here, and of those they were made from.
    here: Extent,
    there: Extent,
    /// Whether single precision can decide anything.
    clear: bool,
}

#[derive(Debug, Clone, Copy)]
struct Extent {
    weight: f64,
    constant: f64,
}

impl Outlook {
    /// For a model of `weights` with its constants `(n_classes)`. `spare` gives its memory. None for Gaussian.
    pub fn new(weights: &Weights, model: usize, constants: &[f64], spare: Option<Outlook>) -> Option<Outlook> {
        if weights.kind.has_squares() {
            return None;
        }
        let size = weights.n_tiles * weights.items.len() * weights.width;
        let mut linear = spare.map_or_else(Vec::new, |spare| spare.linear);
        linear.resize(size, 0.0);
        let from = &weights.linear[(model - weights.models.start) * size..][..size];
        let (n_items, n_classes) = (weights.items.len(), constants.len());
        let [there, here] = match weights.width {
            8 => narrow(from.as_chunks::<8>().0, linear.as_chunks_mut().0, n_items, n_classes),
            16 => narrow(from.as_chunks::<16>().0, linear.as_chunks_mut().0, n_items, n_classes),
            _ => narrow(from.as_chunks::<32>().0, linear.as_chunks_mut().0, n_items, n_classes),
        };
        let highest = constants.iter().fold(f64::NEG_INFINITY, |most, &c| if c > most { c } else { most });
        let lowered = || constants.iter().map(|c| c - highest);
        let here = Extent { weight: here, constant: largest_finite(lowered()) };
        let there = Extent { weight: there, constant: largest_finite(constants.iter().copied()) };
        let mut narrowed = vec![f32::NEG_INFINITY; lanes(n_classes)];
        narrowed.iter_mut().zip(lowered()).for_each(|(to, c)| *to = c as f32);
        let extents = [here.weight, here.constant, there.weight, there.constant];
        let clear = highest.is_finite()
            && constants.iter().all(|c| c.is_finite() || *c == f64::NEG_INFINITY)
            && extents.iter().all(|&extent| extent <= LARGEST);
        let (kind, items, width) = (weights.kind, weights.items(), weights.width);
        Some(Outlook { kind, items, width, linear, constants: narrowed, here, there, clear })
    }

    /// Bytes that an item takes.
    pub fn bytes_per_item(kind: Kind, n_classes: usize) -> usize {
        if kind.has_squares() { 0 } else { size_of::<f32>() * lanes(n_classes) }
    }

    /// How far a class of a row must lead to be sure; infinite where no lead is enough. `mass` is Σ|x| as summed up in
    /// single precision: of so few entries, at most a sixteenth too little.
    fn blur(&self, n_entries: usize, mass: f32) -> f64 {
        let (n, mass) = (n_entries as f64, 1.125 * f64::from(mass));
        let here = (RUN as f64 + n / RUN as f64 + 9.0) * U * (mass * self.here.weight + self.here.constant);
        let there = (n + 4.0) * V * (mass * self.there.weight + self.there.constant);
        let lost = UNDERFLOW * (1.0 + mass) * (1.0 + self.here.weight + self.there.weight);
        let blur = 2.02 * (here + there) + lost;
        let within = mass * (1.0 + self.here.weight) <= LARGEST && n_entries <= LONGEST;
        if self.clear && within { blur } else { f64::INFINITY }
    }
}

fn largest_finite(values: impl Iterator<Item = f64>) -> f64 {
    values.map(f64::abs).filter(|x| x.is_finite()).fold(0.0, f64::max)
}

/// Fills in the weights less the middle of an item's first tile; returns the largest magnitudes before and after. A NaN
/// among the weights makes these infinite.
#[apply(versions!)]
fn narrow<const W: usize>(from: &[[f64; W]], to: &mut [[f32; W]], n_items: usize, n_classes: usize) -> [f64; 2] {
    let mut most = [[0.0f64; W]; 2];
    let mut poison = [0.0; W];
    for item in 0..n_items {
        let middle = middle(&from[item], n_classes.min(W));
        for (tile, at) in (item..from.len()).step_by(n_items).enumerate() {
            let used = n_classes - tile * W;
            for lane in 0..W {
                let weight = if lane < used { from[at][lane] } else { middle };
                let moved = weight - middle;
                to[at][lane] = moved as f32;
                poison[lane] += 0.0 * weight;
                let sizes = [weight.abs(), moved.abs()];
                for side in 0..2 {
                    most[side][lane] = if sizes[side] > most[side][lane] { sizes[side] } else { most[side][lane] };
                }
            }
        }
    }
    if poison.iter().any(|x| x.is_nan()) {
        return [f64::INFINITY; 2];
    }
    most.map(|lanes| lanes.iter().copied().fold(0.0, f64::max))
}

/// Between the least and the largest of the first `used` numbers.
#[inline(always)]
fn middle<const W: usize>(weights: &[f64; W], used: usize) -> f64 {
    let (mut least, mut most) = ([weights[0]; W], [weights[0]; W]);
    for lane in 0..W {
        let weight = if lane < used { weights[lane] } else { weights[0] };
        least[lane] = weight;
        most[lane] = weight;
    }
    let mut half = W / 2;
    while half > 0 {
        for lane in 0..half {
            let (low, high) = (least[lane + half], most[lane + half]);
            least[lane] = if low < least[lane] { low } else { least[lane] };
            most[lane] = if high > most[lane] { high } else { most[lane] };
        }
        half /= 2;
    }
    0.5 * least[0] + 0.5 * most[0]
}

/// Buffers for classifying some rows at a time.
#[derive(Debug, Default)]
pub struct Desk<'a> {
    /// `(n_rows, lanes)`.
    sums: Vec<f32>,
    /// Σ|x| of each row.
    masses: Vec<f32>,
    /// Classes, or [`UNSURE`].
    classes: Vec<u32>,
    doubtful: Entries<'a>,
    scores: Vec<f64>,
}

const UNSURE: u32 = u32::MAX;

impl<'a> Desk<'a> {
    /// The classes of rows, which have entries in the strip of `weights` only, in a model whose outlook and constants
    /// these are: what [`best_class`] says of their sums in double precision.
    pub fn classes(
        &mut self,
        (weights, model): (&Weights, usize),
        outlook: &Outlook,
        constants: &[f64],
        rows: &[Row<'a>],
    ) -> &[u32] {
        self.look(outlook, rows);
        if !self.classes.contains(&UNSURE) {
            return &self.classes;
        }
        self.doubtful.clear();
        let unsure = || self.classes.iter().zip(rows).filter(|(class, _)| **class == UNSURE);
        unsure().for_each(|(_, row)| self.doubtful.push(outlook.kind, *row));
        self.scores.clear();
        self.scores.resize(unsure().count() * lanes(constants.len()), 0.0);
        weights.add(model, &self.doubtful, &mut self.scores);
        let unsure = self.classes.iter_mut().filter(|class| **class == UNSURE);
        for (class, scores) in unsure.zip(self.scores.chunks_exact(lanes(constants.len()))) {
            *class = best_class(scores, constants);
        }
        &self.classes
    }

    /// Sets the classes of rows, or [`UNSURE`].
    fn look(&mut self, outlook: &Outlook, rows: &[Row<'a>]) {
        self.classes.clear();
        self.masses.clear();
        self.sums.clear();
        self.sums.resize(rows.len() * outlook.constants.len(), 0.0);
        match outlook.width {
            8 => self.look_at_tiles::<8>(outlook, rows),
            16 => self.look_at_tiles::<16>(outlook, rows),
            _ => self.look_at_tiles::<32>(outlook, rows),
        }
    }

    fn look_at_tiles<const W: usize>(&mut self, outlook: &Outlook, rows: &[Row<'a>]) {
        let sums = self.sums.as_chunks_mut::<W>().0;
        let constants = outlook.constants.as_chunks::<W>().0;
        let tiles = outlook.linear.as_chunks::<W>().0.chunks_exact(outlook.items.len().max(1));
        for (number, weights) in tiles.enumerate() {
            self.masses.clear();
            let sums = &mut sums[number..];
            let strip = Strip { weights, first: outlook.items.start, kind: outlook.kind };
            add(strip, rows, sums, constants.len(), &mut self.masses);
        }
        for ((row, &mass), sums) in rows.iter().zip(&self.masses).zip(sums.chunks_exact_mut(constants.len())) {
            let blur = outlook.blur(row.len(), mass);
            let class = if blur <= LARGEST { leader(sums, constants, blur as f32) } else { UNSURE };
            self.classes.push(class);
        }
    }
}

/// A tile of weights of the items from `first` on.
#[derive(Clone, Copy)]
struct Strip<'a, const W: usize> {
    weights: &'a [[f32; W]],
    first: usize,
    kind: Kind,
}

/// [`super::entries::add_linear`] in single precision; also appends each row's mass to `masses`.
#[apply(versions!)]
fn add<const W: usize>(
    strip: Strip<'_, W>,
    rows: &[Row<'_>],
    sums: &mut [[f32; W]],
    step: usize,
    masses: &mut Vec<f32>,
) {
    let Strip { weights, first, kind } = strip;
    let take = |x: f64| if kind == Kind::Bernoulli { presence(x) as f32 } else { x as f32 };
    let mut known: Option<&[f64; 256]> = None;
    let mut taken = [0.0f32; 256];
    for (row, sums) in rows.iter().zip(sums.iter_mut().step_by(step)) {
        let (total, mass) = match row.values {
            ValuesRef::Plain(values) => add_row(weights, first, row.indices, values, |&x| take(x)),
            ValuesRef::Coded { codes, table } => {
                if !known.is_some_and(|known| std::ptr::eq(known, table)) {
                    known = Some(table);
                    for code in 0..256 {
                        taken[code] = take(table[code]);
                    }
                }
                add_row(weights, first, row.indices, codes, |&code: &u8| taken[code as usize])
            }
        };
        *sums = total;
        masses.push(mass);
    }
}

#[inline(always)]
fn add_row<const W: usize, T>(
    weights: &[[f32; W]],
    first: usize,
    indices: &[u32],
    values: &[T],
    take: impl Fn(&T) -> f32,
) -> ([f32; W], f32) {
    let (mut total, mut mass) = ([0.0; W], 0.0);
    for (indices, values) in indices.chunks(RUN).zip(values.chunks(RUN)) {
        let mut sums = [0.0; W];
        for (&item, value) in indices.iter().zip(values) {
            let x = take(value);
            let weights = &weights[item as usize - first];
            for lane in 0..W {
                sums[lane] += x * weights[lane];
            }
            mass += x.abs();
        }
        for lane in 0..W {
            total[lane] += sums[lane];
        }
    }
    (total, mass)
}

/// The class whose sum and constant are more than `blur` beyond all others; [`UNSURE`] if there is none.
#[apply(versions!)]
fn leader<const W: usize>(sums: &mut [[f32; W]], constants: &[[f32; W]], blur: f32) -> u32 {
    let mut best = [f32::NEG_INFINITY; W];
    for (sums, constants) in sums.iter_mut().zip(constants) {
        for lane in 0..W {
            sums[lane] += constants[lane];
            best[lane] = if sums[lane] > best[lane] { sums[lane] } else { best[lane] };
        }
    }
    let mut half = W / 2;
    while half > 0 {
        for lane in 0..half {
            let other = best[lane + half];
            best[lane] = if other > best[lane] { other } else { best[lane] };
        }
        half /= 2;
    }
    let floor = best[0] - blur;
    let (mut near, mut class) = ([0u32; W], [0u32; W]);
    for (tile, sums) in sums.iter().enumerate() {
        for lane in 0..W {
            // All ones where the sum is below the floor.
            let below = ((sums[lane] - floor).to_bits() as i32 >> 31) as u32;
            near[lane] += 1 & !below;
            class[lane] += (tile * W + lane) as u32 & !below;
        }
    }
    if near.iter().sum::<u32>() == 1 { class.iter().sum() } else { UNSURE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::csr::{Csr, HeldRow, Rows, Values};
    use proptest::prelude::*;

    /// Weights of model 0 by item and class.
    fn weights(n_items: usize, n_classes: usize, weight: impl Fn(usize, usize) -> f64) -> Weights {
        let mut weights = Weights::zeros(Kind::Multinomial, 0..1, n_classes, 0..n_items);
        for (class, item) in (0..n_classes).flat_map(|class| (0..n_items).map(move |item| (class, item))) {
            let (tile, lane) = (class / weights.width, class % weights.width);
            weights.linear[(tile * n_items + item) * weights.width + lane] = weight(item, class);
        }
        weights
    }

    /// As the module says it: sums in double precision.
    fn expected(weights: &Weights, constants: &[f64], rows: &[Row<'_>]) -> Vec<u32> {
        let answer = |row: &Row<'_>| {
            let mut entries = Entries::default();
            entries.push(weights.kind, *row);
            let mut scores = vec![0.0; lanes(constants.len())];
            weights.add(0, &entries, &mut scores);
            best_class(&scores, constants)
        };
        rows.iter().map(answer).collect()
    }

    /// The classes of rows, checked, and which of them the first look was sure of.
    fn looked_at(weights: &Weights, constants: &[f64], x: &Csr) -> (Vec<u32>, Vec<bool>) {
        let outlook = Outlook::new(weights, 0, constants, None).unwrap();
        let held: Vec<HeldRow> = x.rows().collect();
        let rows: Vec<Row<'_>> = held.iter().map(HeldRow::view).collect();
        let mut desk = Desk::default();
        desk.look(&outlook, &rows);
        let sure = desk.classes.iter().map(|&class| class != UNSURE).collect();
        let classes = desk.classes((weights, 0), &outlook, constants, &rows).to_vec();
        assert_eq!(classes, expected(weights, constants, &rows));
        (classes, sure)
    }

    fn dense(rows: &[Vec<f64>]) -> Csr {
        let mut x = Csr::empty(rows[0].len());
        rows.iter().for_each(|row| x.push_row(row.iter().enumerate().map(|(i, &v)| (i as u32, v))));
        x
    }

    #[test]
    fn a_clear_lead_is_sure_and_a_tie_or_near_tie_is_not() {
        // With two classes alone every weight is next to the middle, and the smallest lead is seen.
        for n_classes in [3, 9, 25, 40, 70] {
            let (a, b) = (n_classes - 2, n_classes - 1);
            let apart = |lead: f64| {
                weights(3, n_classes, move |_, class| match class {
                    c if c == a => -8.0,
                    c if c == b => -8.0 + lead,
                    _ => -11.0,
                })
            };
            let x = dense(&[vec![1.0, 2.5, 4.0], vec![0.0, 0.0, 0.5]]);
            let level = vec![-1.0; n_classes];
            let look = |lead: f64| looked_at(&apart(lead), &level, &x);
            assert_eq!(look(1.0), (vec![b as u32; 2], vec![true; 2]));
            assert_eq!(look(-1.0), (vec![a as u32; 2], vec![true; 2]));
            assert_eq!(look(0.0), (vec![a as u32; 2], vec![false; 2]));
            assert_eq!(look(1e-12), (vec![b as u32; 2], vec![false; 2]));
            assert_eq!(look(-1e-12), (vec![a as u32; 2], vec![false; 2]));
        }
    }

    #[test]
    fn a_class_without_rows_loses_and_nonsense_is_left_to_double_precision() {
        let x = dense(&[vec![1.0, 2.0], vec![1e-320, 0.0], vec![1e300, 1e300], vec![0.0, 0.0]]);
        let plain = weights(2, 3, |item, class| (item + 1) as f64 * 0.5 - class as f64);
        let (_, sure) = looked_at(&plain, &[-1.0, -0.5, f64::NEG_INFINITY], &x);
        assert_eq!(sure, [true, true, false, true]);
        for constants in [[f64::NAN; 3], [f64::NEG_INFINITY; 3], [1e200, 0.0, 0.0], [f64::INFINITY, 0.0, 1.0]] {
            assert_eq!(looked_at(&plain, &constants, &x).1, [false; 4]);
        }
        for odd in [f64::NAN, f64::INFINITY, 1e200] {
            let odd = weights(2, 3, |item, class| if (item, class) == (0, 1) { odd } else { -1.0 });
            assert_eq!(looked_at(&odd, &[0.0; 3], &x).1, [false; 4]);
        }
    }

    #[test]
    fn coded_values_are_looked_at_as_plain_ones() {
        let mut table = Box::new([0.0; 256]);
        table[..3].copy_from_slice(&[0.7, -2.0, 5.0]);
        let rows = |values| Rows { indptr: vec![0, 2, 3], indices: vec![0, 2, 1], values };
        let found =
            [Values::Coded { codes: vec![2, 1, 0], table }, Values::Plain(vec![5.0, -2.0, 0.7])].map(|values| {
                let mut x = Csr::empty(3);
                x.push_block(rows(values));
                looked_at(&weights(3, 5, |item, class| ((item * 5 + class * 3) % 7) as f64), &[0.0; 5], &x)
            });
        assert_eq!(found[0], found[1]);
        assert_eq!(found[0].1, [true; 2]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Two classes apart by about as much as single precision sees, in rows of up to thousands of entries.
        #[test]
        fn answers_are_those_of_double_precision(
            seed in any::<u64>(),
            n_classes in 1usize..40,
            n_items in 1usize..3000,
            size in -40i32..40,
            nearness in -50i32..0,
            spread in -10i32..4,
        ) {
            let draw = |at: usize| {
                let bits = crate::kernel::keyed::mix(seed ^ (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                (bits >> 11) as f64 / (1u64 << 53) as f64
            };
            let spread = f64::from(spread).exp2();
            let near = f64::from(nearness).exp2();
            // Classes go in pairs whose weights are alike but for a little.
            let weights = weights(n_items, n_classes, |item, class| {
                let pair = -9.0 + spread * draw(item * 64 + class / 2);
                pair + near * (draw((item * 64 + class) << 20) - 0.5)
            });
            let constants: Vec<f64> = (0..n_classes).map(|class| -3.0 + near * draw(class << 50)).collect();
            let scale = f64::from(size).exp2();
            let row = |r: usize| (0..n_items).map(|i| {
                let x = draw((r << 40) + i);
                if draw((r << 41) + i) < 0.3 { 0.0 } else { scale * (x - 0.1) }
            }).collect();
            looked_at(&weights, &constants, &dense(&(0..6).map(row).collect::<Vec<_>>()));
        }
    }
}
