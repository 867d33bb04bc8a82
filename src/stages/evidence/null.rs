//! Ratings without structure: users are as active and items as popular as in the data, but users choose without taste.
//!
//! A user with n items draws n items without replacement, by weights y_i that are the same for all users. So activity is kept
//! exactly. The weights make the expected number of users of each item that of the data (the canonical ensemble of bipartite
//! graphs with given degrees; Squartini & Garlaschelli 2011). A user with n items has item i with a probability of about
//! 1 − exp(−t_n y_i), where t_n is such that n items are expected. A user keeps the ratings, [dealt](Deal) to the drawn items
//! at random.
//!
//! Draws are keyed by user: only counts are exchanged, and the data is the same in every layout.

use super::share::Share;
use crate::collective::Collective;
use crate::error::Result;
use crate::job::Amounts;
use crate::kernel::csr::{Csr, Row, Rows, RowsRef, Values, ValuesRef};
use crate::kernel::keyed::{self, Stream};
use crate::shard::store::Store;
use crate::stages::mixture::Liking;

/// Users, and items, are put into classes by their number of ratings: this many classes per factor of two.
const CLASSES_PER_OCTAVE: f64 = 4.0;

/// Rounds of fitting weights to times and times to weights.
const ROUNDS: usize = 30;

/// How a user's ratings are dealt to the drawn items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deal {
    /// Any rating to any item.
    AtRandom,
    /// Amounts, as large as they usually are of an item: the user's amounts by rank to the items by rank of m + ε, where m is the mean
    /// of log(1 + amount) of the item, and ε a draw of the standard deviation that a user's amounts have around it ([`Liking`]).
    ByItem,
}

impl Deal {
    /// For data that is read so.
    pub fn of(amounts: Amounts) -> Deal {
        if amounts == Amounts::None { Deal::AtRandom } else { Deal::ByItem }
    }
}

/// Data like `ratings` `(n_local_users, n_items)`, but without taste: those of the users of `share`, and the keys of these.
/// `draw_keys` has a key for each user; blocks go to `store`. All workers call it together.
pub fn null<C: Collective>(
    c: &mut C,
    ratings: &Csr,
    deal: Deal,
    draw_keys: &[u64],
    share: Share,
    seed: u64,
    store: &mut Store,
) -> Result<(Csr, Vec<u64>)> {
    let mut frequency = ratings.column_counts();
    c.sum(&mut frequency);
    let weights = weights(c, ratings, &frequency);
    let alias = Alias::new(&weights);
    let usual = (deal == Deal::ByItem).then(|| Liking::of_amounts(c, ratings, &frequency)).flatten();
    let mut desk = Desk::new(&weights, &alias, usual.as_ref(), seed);
    let mut made = Csr::empty(ratings.n_cols);
    let mut made_keys = Vec::new();
    for block in ratings.blocks() {
        let keys = &draw_keys[block.first_row..block.first_row + block.rows().n_rows()];
        store.keep(&mut made, &desk.redraw(block.rows(), keys, share))?;
        made_keys.extend(keys.iter().filter(|&&key| share.has(key)));
    }
    Ok((made, made_keys))
}

/// Users or items with about the same number of ratings.
#[derive(Debug, Clone, Copy, Default)]
struct Class {
    /// The number of them, and of their ratings.
    members: f64,
    ratings: f64,
}

impl Class {
    /// The mean number of ratings of a member.
    fn degree(&self) -> f64 {
        self.ratings / self.members
    }
}

fn n_classes() -> usize {
    1 + class_of(u64::from(u32::MAX))
}

fn class_of(degree: u64) -> usize {
    (libm::log2(degree.max(1) as f64) * CLASSES_PER_OCTAVE) as usize
}

/// y `(n_items)`: 0 for an item without users.
fn weights<C: Collective>(c: &mut C, ratings: &Csr, frequency: &[i64]) -> Vec<f64> {
    let users = user_classes(c, ratings);
    let items = item_classes(frequency);
    let of_class = fit(&users, &items);
    let weight = |&degree: &i64| {
        let class = class_of(degree.max(1) as u64);
        if degree > 0 { of_class[class] * degree as f64 / items[class].degree() } else { 0.0 }
    };
    frequency.iter().map(weight).collect()
}

/// The classes of all workers' users; those without users are left out.
fn user_classes<C: Collective>(c: &mut C, ratings: &Csr) -> Vec<Class> {
    let mut counts = vec![0i64; 2 * n_classes()];
    for length in ratings.lengths().into_iter().filter(|&length| length > 0) {
        let class = class_of(u64::from(length));
        counts[2 * class] += 1;
        counts[2 * class + 1] += i64::from(length);
    }
    c.sum(&mut counts);
    let class = |count: &[i64]| Class { members: count[0] as f64, ratings: count[1] as f64 };
    counts.chunks(2).filter(|count| count[0] > 0).map(class).collect()
}

/// All classes of items, by [`class_of`].
fn item_classes(frequency: &[i64]) -> Vec<Class> {
    let mut items = vec![Class::default(); n_classes()];
    for &degree in frequency.iter().filter(|&&degree| degree > 0) {
        let class = &mut items[class_of(degree as u64)];
        class.members += 1.0;
        class.ratings += degree as f64;
    }
    items
}

/// The weight of an item of each class, such that items are drawn as often as in the data.
fn fit(users: &[Class], items: &[Class]) -> Vec<f64> {
    let n_users: f64 = users.iter().map(|class| class.members).sum();
    // An item that all users have would need an infinite weight.
    let wanted = |class: &Class| class.degree().min(n_users * (1.0 - 1e-6));
    let mut weights: Vec<f64> =
        items.iter().map(|class| if class.members > 0.0 { wanted(class) } else { 0.0 }).collect();
    for _ in 0..ROUNDS {
        let times: Vec<f64> = users.iter().map(|class| time(class.degree(), items, &weights)).collect();
        for (weight, class) in weights.iter_mut().zip(items).filter(|(_, class)| class.members > 0.0) {
            let drawn = |weight: f64| -> f64 {
                let of = |(users, &time): (&Class, &f64)| users.members * -libm::expm1(-time * weight);
                users.iter().zip(&times).map(of).sum()
            };
            *weight *= (wanted(class) / drawn(*weight)).clamp(0.25, 4.0);
        }
        let total: f64 = weights.iter().zip(items).map(|(weight, class)| weight * class.members).sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
    }
    weights
}

/// t: how long a user draws until `degree` items are expected.
fn time(degree: f64, items: &[Class], weights: &[f64]) -> f64 {
    let drawn = |time: f64| -> f64 {
        items.iter().zip(weights).map(|(class, weight)| class.members * -libm::expm1(-time * weight)).sum()
    };
    let available: f64 = items.iter().map(|class| class.members).sum();
    let degree = degree.min(available * (1.0 - 1e-6));
    let (mut least, mut most) = (0.0, 1.0);
    while drawn(most) < degree && most < 1e300 {
        (least, most) = (most, 2.0 * most);
    }
    for _ in 0..40 {
        let middle = 0.5 * (least + most);
        if drawn(middle) < degree { least = middle } else { most = middle }
    }
    0.5 * (least + most)
}

/// Draws items, user by user.
struct Desk<'a> {
    weights: &'a [f64],
    alias: &'a Alias,
    /// What a user usually has of each item; absent where ratings are dealt at random.
    usual: Option<&'a Liking>,
    seed: u64,
    /// The last user who took each item.
    taken: Vec<u32>,
    user: u32,
    drawn: Vec<u32>,
}

impl<'a> Desk<'a> {
    fn new(weights: &'a [f64], alias: &'a Alias, usual: Option<&'a Liking>, seed: u64) -> Desk<'a> {
        Desk { weights, alias, usual, seed, taken: vec![0; weights.len()], user: 0, drawn: Vec::new() }
    }

    /// Other items for each user of a block who is in the sample, and the user's ratings dealt to them.
    fn redraw(&mut self, rows: RowsRef<'_>, keys: &[u64], share: Share) -> Rows {
        let (mut indptr, mut indices) = (vec![0], Vec::new());
        let mut order: Vec<u32> = Vec::new();
        for (at, &key) in keys.iter().enumerate().filter(|&(_, &key)| share.has(key)) {
            let (row, start) = (rows.row(at), order.len());
            indices.extend_from_slice(self.draw(row, key));
            indptr.push(indices.len() as u32);
            order.extend(rows.indptr[at]..rows.indptr[at + 1]);
            let dealt = &mut order[start..];
            match self.usual {
                None => shuffle(dealt, self.seed, key),
                Some(usual) => deal_by_item(dealt, row, &self.drawn, usual, self.seed, key),
            }
        }
        let values = match rows.values {
            ValuesRef::Plain(values) => Values::Plain(order.iter().map(|&at| values[at as usize]).collect()),
            ValuesRef::Coded { codes, table } => {
                Values::Coded { codes: order.iter().map(|&at| codes[at as usize]).collect(), table: Box::new(*table) }
            }
        };
        Rows { indptr, indices, values }
    }

    /// Draws as many items as the row has; rising.
    fn draw(&mut self, row: Row, key: u64) -> &[u32] {
        self.user += 1;
        self.drawn.clear();
        let n = row.len();
        // Drawing again is quicker while most draws hit items that are not taken.
        let mut round = 0;
        let patience = 8 * n as u64 + 64;
        while self.drawn.len() < n && round < patience {
            let item = self.alias.draw(keyed::bits(self.seed, Stream::Null, 2 * round, key));
            round += 1;
            if self.taken[item as usize] != self.user {
                self.taken[item as usize] = self.user;
                self.drawn.push(item);
            }
        }
        if self.drawn.len() < n {
            self.race(n, key);
        }
        self.drawn.sort_unstable();
        &self.drawn
    }

    /// Draws the rest by an exponential race among the items that are not taken: the same distribution.
    fn race(&mut self, n: usize, key: u64) {
        let free = (0..self.weights.len()).filter(|&item| self.taken[item] != self.user && self.weights[item] > 0.0);
        let time = |item: usize| {
            let draw = keyed::uniform(self.seed, Stream::Null, u64::MAX - item as u64, key);
            (keyed::race(draw, self.weights[item]).to_bits(), item as u32)
        };
        let mut times: Vec<(u64, u32)> = free.map(time).collect();
        times.sort_unstable();
        self.drawn.extend(times.iter().map(|&(_, item)| item).take(n - self.drawn.len()));
    }
}

/// Fisher–Yates with draws keyed by the user.
fn shuffle(order: &mut [u32], seed: u64, key: u64) {
    for last in (1..order.len()).rev() {
        let draw = keyed::bits(seed, Stream::Null, 2 * last as u64 + 1, key);
        order.swap(last, scaled(draw, last as u64 + 1) as usize);
    }
}

/// Deals the places of a row's ratings to the items that were drawn for its user.
fn deal_by_item(places: &mut [u32], row: Row, drawn: &[u32], usual: &Liking, seed: u64, key: u64) {
    let mut amounts: Vec<(f64, u32)> = row.iter().map(|(_, value)| value).zip(places.iter().copied()).collect();
    amounts.sort_by(|a, b| a.0.total_cmp(&b.0));
    // A logistic draw has the standard deviation π/√3.
    let scale = usual.deviation() * 3f64.sqrt() / std::f64::consts::PI;
    let rank = |(at, &item): (usize, &u32)| {
        let draw = keyed::uniform(seed, Stream::Null, 2 * at as u64 + 1, key);
        (usual.of_items[item as usize] + scale * libm::log(draw / (1.0 - draw)), at)
    };
    let mut ranked: Vec<(f64, usize)> = drawn.iter().enumerate().map(rank).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    ranked.iter().zip(&amounts).for_each(|(&(_, at), &(_, place))| places[at] = place);
}

/// A draw of 64 bits as a whole number below `n`.
fn scaled(draw: u64, n: u64) -> u64 {
    ((u128::from(draw) * u128::from(n)) >> 64) as u64
}

/// Weighted draws in constant time (Walker 1977; Vose 1991).
struct Alias {
    /// For each column, the chance (of 2³²) that it stands for itself, and the item that it stands for otherwise.
    columns: Vec<(u32, u32)>,
}

impl Alias {
    fn new(weights: &[f64]) -> Alias {
        let n = weights.len();
        let total: f64 = weights.iter().sum();
        let mut chance: Vec<f64> = weights.iter().map(|weight| weight * n as f64 / total).collect();
        let mut columns: Vec<(u32, u32)> = (0..n as u32).map(|item| (u32::MAX, item)).collect();
        let (mut poor, mut rich): (Vec<usize>, Vec<usize>) = (0..n).partition(|&item| chance[item] < 1.0);
        while let (Some(&needy), Some(&giver)) = (poor.last(), rich.last()) {
            poor.pop();
            columns[needy] = ((chance[needy] * 4294967296.0) as u32, giver as u32);
            chance[giver] -= 1.0 - chance[needy];
            if chance[giver] < 1.0 {
                rich.pop();
                poor.push(giver);
            }
        }
        Alias { columns }
    }

    #[inline]
    fn draw(&self, bits: u64) -> u32 {
        let column = scaled(bits, self.columns.len() as u64) as usize;
        let (chance, other) = self.columns[column];
        // The low bits did not choose the column.
        if (bits as u32) < chance { column as u32 } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::Solo;
    use crate::collective::testing::run_workers;
    use crate::kernel::csr::HeldRow;

    const N_ITEMS: usize = 120;

    /// Items of rank r with a chance of 1/(1 + r/10), users of very different activity.
    fn ratings(users: &[usize]) -> Csr {
        let mut x = Csr::empty(N_ITEMS);
        for &user in users {
            let activity = 0.05 + 0.9 * keyed::uniform(1, Stream::Generate, 0, user as u64).powi(3);
            let has = |item: usize| {
                let chance = activity.powf(1.0 + item as f64 / 30.0);
                keyed::uniform(1, Stream::Generate, 1 + user as u64, item as u64) < chance
            };
            x.push_row(
                (0..N_ITEMS).filter(|&item| has(item)).map(|item| (item as u32, 1.0 + (user + item) as f64 % 5.0)),
            );
        }
        x
    }

    fn keys(users: &[usize]) -> Vec<u64> {
        users.iter().map(|&user| keyed::mix(user as u64)).collect()
    }

    fn store() -> Store {
        Store::new(u64::MAX, std::path::Path::new("."))
    }

    #[test]
    fn activity_and_ratings_are_kept_and_popularity_is_expected() {
        let users: Vec<usize> = (0..4000).collect();
        let x = ratings(&users);
        let made = null(&mut Solo, &x, Deal::AtRandom, &keys(&users), Share::ALL, 3, &mut store()).unwrap().0;
        for (row, made) in x.rows().zip(made.rows()) {
            let values = |row: HeldRow| {
                let mut values: Vec<f64> = row.iter().map(|(_, value)| value).collect();
                values.sort_by(f64::total_cmp);
                values
            };
            assert!(made.indices().is_sorted_by(|a, b| a < b));
            assert_eq!(values(row), values(made));
        }
        for (item, (there, here)) in x.column_counts().into_iter().zip(made.column_counts()).enumerate() {
            let (there, here) = (there as f64, here as f64);
            assert!((here - there).abs() < 5.0 * there.sqrt() + 0.05 * there, "item {item}: {there} and {here}");
        }
    }

    /// Two items of a user are drawn together no more often than their popularity makes them.
    #[test]
    fn taste_is_gone() {
        let users: Vec<usize> = (0..3000).collect();
        let mut x = Csr::empty(N_ITEMS);
        for &user in &users {
            x.push_row(
                (0..N_ITEMS as u32)
                    .filter(|item| *item as usize % 2 == user % 2 && item / 2 % 3 != user as u32 / 2 % 3)
                    .map(|item| (item, 1.0)),
            );
        }
        let made = null(&mut Solo, &x, Deal::AtRandom, &keys(&users), Share::ALL, 3, &mut store()).unwrap().0;
        let even = made.rows().map(|row| row.indices().iter().filter(|&item| item % 2 == 0).count()).sum::<usize>();
        let mut same = 0;
        for (user, row) in made.rows().enumerate() {
            same += row.iter().filter(|(item, _)| item % 2 == user % 2).count();
        }
        let total = made.nnz() as f64;
        assert!((even as f64 / total - 0.5).abs() < 0.01 && (same as f64 / total - 0.5).abs() < 0.01);
    }

    /// Partial-sum-finish: the same bits for any workers.
    #[test]
    fn workers_leave_no_trace() {
        [Deal::AtRandom, Deal::ByItem].into_iter().for_each(no_trace_of);
    }

    /// Who has more of the popular items in the data has so in the null, and nobody's amounts are lost.
    #[test]
    fn amounts_go_to_items_of_which_users_have_much() {
        let users: Vec<usize> = (0..2000).collect();
        let mut x = ratings(&users);
        let mut amounts = Csr::empty(N_ITEMS);
        for (user, row) in x.rows().enumerate() {
            let amount = |item: usize| {
                let draw = keyed::uniform(2, Stream::Generate, user as u64, item as u64);
                1.0 + (30.0 * draw).floor() + if item.is_multiple_of(4) { 30.0 } else { 0.0 }
            };
            amounts.push_row(row.iter().map(|(item, _)| (item as u32, amount(item))));
        }
        x = amounts;
        let made = null(&mut Solo, &x, Deal::ByItem, &keys(&users), Share::ALL, 3, &mut store()).unwrap().0;
        let at_random = null(&mut Solo, &x, Deal::AtRandom, &keys(&users), Share::ALL, 3, &mut store()).unwrap().0;
        let excess = |x: &Csr| {
            let (mut much, mut all) = ([0.0; 2], [0.0; 2]);
            x.rows().for_each(|row| {
                row.for_each(|item, value| {
                    much[usize::from(item % 4 == 0)] += value;
                    all[usize::from(item % 4 == 0)] += 1.0;
                });
            });
            much[1] / all[1] - much[0] / all[0]
        };
        let sum = |row: HeldRow| row.iter().map(|(_, value)| value).sum::<f64>();
        assert!(x.rows().zip(made.rows()).all(|(row, made)| sum(row) == sum(made)));
        assert!(excess(&x) > 25.0 && excess(&made) > 0.6 * excess(&x) && excess(&at_random).abs() < 3.0);
    }

    fn no_trace_of(deal: Deal) {
        let users: Vec<usize> = (0..200).collect();
        let alone = null(&mut Solo, &ratings(&users), deal, &keys(&users), Share::ALL, 3, &mut store()).unwrap().0;
        for peers in [2, 3] {
            let parts = run_workers(peers, |c| {
                let mine: Vec<usize> = (0..200).filter(|user| user % c.peers() == c.index()).collect();
                (mine.clone(), null(c, &ratings(&mine), deal, &keys(&mine), Share::ALL, 3, &mut store()).unwrap().0)
            });
            for (mine, made) in parts {
                assert!(mine.iter().zip(made.rows()).all(|(&user, row)| row.iter().eq(alone.row(user).iter())));
            }
        }
    }
}
