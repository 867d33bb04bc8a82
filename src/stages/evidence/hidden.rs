//! Hides about a tenth of every user's ratings from a fit.
//!
//! Of n ratings of a user n/10 are hidden, rounded up or down by a keyed draw, but never all. The draws that choose them are
//! keyed by user and item, so they are the same in every layout.

use super::share::Share;
use crate::error::Result;
use crate::kernel::csr::{Csr, Rows, RowsRef, Values, ValuesRef};
use crate::kernel::keyed::{self, Stream};
use crate::shard::store::Store;

/// The share of every user's ratings to hide.
const SHARE: f64 = 0.1;

/// The ratings of the same users in two parts.
pub struct Split {
    /// `(n_local_users, n_items)`: what a fit may see.
    pub seen: Csr,
    /// `(n_local_users, n_items)`: what is hidden from it.
    pub hidden: Csr,
    /// `(n_local_users, n_items)`: of what is seen, the rows of the users who are asked; those of others are empty.
    pub asked: Csr,
}

/// Splits `ratings` `(n_local_users, n_items)`: hides a tenth of those of the users `asked`. `draw_keys` has a key for each user.
/// Blocks go to `store`.
pub fn split(ratings: &Csr, draw_keys: &[u64], asked: Share, seed: u64, store: &mut Store) -> Result<Split> {
    let empty = || Csr::empty(ratings.n_cols);
    let mut split = Split { seen: empty(), hidden: empty(), asked: empty() };
    let mut is_hidden = Vec::new();
    for block in ratings.blocks() {
        let (rows, first) = (block.rows(), block.first_row);
        let keys = &draw_keys[first..first + rows.n_rows()];
        choose(rows, keys, asked, seed, &mut is_hidden);
        let is_asked = |row: usize| asked.has(keys[row]);
        let seen = part(rows, |row| if is_asked(row) { Taken::Those(false) } else { Taken::All }, &is_hidden);
        store.keep(&mut split.seen, &seen)?;
        let of_asked = |which| move |row| if is_asked(row) { Taken::Those(which) } else { Taken::None };
        store.keep(&mut split.hidden, &part(rows, of_asked(true), &is_hidden))?;
        if !asked.is_everybody() {
            store.keep(&mut split.asked, &part(rows, of_asked(false), &is_hidden))?;
        }
    }
    if asked.is_everybody() {
        split.asked = split.seen.clone();
    }
    Ok(split)
}

/// What is taken of a row.
#[derive(Clone, Copy)]
enum Taken {
    All,
    /// The entries that are hidden, or those that are not.
    Those(bool),
    None,
}

/// Marks the entries of a block to hide.
fn choose(rows: RowsRef<'_>, draw_keys: &[u64], asked: Share, seed: u64, is_hidden: &mut Vec<bool>) {
    is_hidden.clear();
    is_hidden.resize(rows.indices.len(), false);
    let mut draws = Vec::new();
    for (row, &key) in draw_keys.iter().enumerate().filter(|&(_, &key)| asked.has(key)) {
        let first = rows.indptr[row] as usize;
        let items = rows.row(row).indices;
        let n = n_hidden(items.len(), keyed::uniform(seed, Stream::Hidden, 0, key));
        if n == 0 {
            continue;
        }
        draws.clear();
        draws.extend(
            (first..).zip(items).map(|(at, &item)| (keyed::bits(seed, Stream::Hidden, key, u64::from(item)), at)),
        );
        draws.select_nth_unstable(n - 1);
        draws[..n].iter().for_each(|&(_, at)| is_hidden[at] = true);
    }
}

fn n_hidden(n_ratings: usize, draw: f64) -> usize {
    ((n_ratings as f64 * SHARE + draw) as usize).min(n_ratings.saturating_sub(1))
}

/// What `taken` says of each row of a block. Values keep their coding.
fn part(rows: RowsRef<'_>, taken: impl Fn(usize) -> Taken, is_hidden: &[bool]) -> Rows {
    let mut indptr = Vec::with_capacity(rows.indptr.len());
    indptr.push(0);
    let mut places = Vec::new();
    for row in 0..rows.n_rows() {
        let range = rows.indptr[row]..rows.indptr[row + 1];
        match taken(row) {
            Taken::All => places.extend(range),
            Taken::Those(which) => places.extend(range.filter(|&at| is_hidden[at as usize] == which)),
            Taken::None => {}
        }
        indptr.push(places.len() as u32);
    }
    let places = || places.iter().map(|&at| at as usize);
    let values = match rows.values {
        ValuesRef::Plain(values) => Values::Plain(places().map(|at| values[at]).collect()),
        ValuesRef::Coded { codes, table } => {
            Values::Coded { codes: places().map(|at| codes[at]).collect(), table: Box::new(*table) }
        }
    };
    Rows { indptr, indices: places().map(|at| rows.indices[at]).collect(), values }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        Store::new(u64::MAX, std::path::Path::new("."))
    }

    #[test]
    fn about_a_tenth_of_everybody_is_hidden_and_nothing_is_lost() {
        let n_items = 300;
        let mut ratings = Csr::empty(n_items);
        let keys: Vec<u64> = (0..600).map(keyed::mix).collect();
        for user in 0..600u32 {
            ratings.push_row((0..user % 97 + 1).map(|i| (i * 3, f64::from(1 + (user + i) % 5))));
        }
        let Split { seen, hidden, asked } = split(&ratings, &keys, Share::ALL, 5, &mut store()).unwrap();
        assert!(asked == seen);
        let mut rest = 0.0;
        for user in 0..600 {
            let (all, seen, hidden) = (ratings.row(user), seen.row(user), hidden.row(user));
            let mut joined: Vec<(usize, f64)> = seen.iter().chain(hidden.iter()).collect();
            joined.sort_by_key(|(item, _)| *item);
            assert!(joined.into_iter().eq(all.iter()));
            assert!(!seen.is_empty());
            let expected = all.len() as f64 / 10.0;
            assert!((hidden.len() as f64 - expected).abs() < 1.0 || all.len() == 1);
            rest += hidden.len() as f64 - expected;
        }
        assert!(rest.abs() < 40.0, "{rest}");
        // A user's draws do not depend on other users.
        let mut one = Csr::empty(n_items);
        one.push_row(ratings.row(77).iter().map(|(item, value)| (item as u32, value)));
        let alone = split(&one, &keys[77..78], Share::ALL, 5, &mut store()).unwrap();
        assert!(alone.hidden.row(0).iter().eq(hidden.row(77).iter()));
    }
}
