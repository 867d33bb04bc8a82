//! Sums of rows of a table: what the items of a user add to the score of each class.
//!
//! The table has a row of `W` numbers for each item. Numbers are added item by item in their order, each class for itself, so
//! the sums are the same at every level of vector code.

use super::simd::{apply, versions};

/// scores += Σ table[item]
#[apply(versions!)]
pub fn add_rows<const W: usize>(scores: &mut [f32; W], table: &[[f32; W]], items: &[u32]) {
    let mut sums = *scores;
    for &item in items {
        let terms = &table[item as usize];
        for lane in 0..W {
            sums[lane] += terms[lane];
        }
    }
    *scores = sums;
}

/// scores += Σ table[item] · x, with an x for each item.
#[apply(versions!)]
pub fn add_weighted<const W: usize>(scores: &mut [f32; W], table: &[[f32; W]], items: &[u32], x: &[f32]) {
    let mut sums = *scores;
    for (&item, &x) in items.iter().zip(x) {
        let terms = &table[item as usize];
        for lane in 0..W {
            sums[lane] += terms[lane] * x;
        }
    }
    *scores = sums;
}

/// scores += Σ table[item] + slopes[item] · x, with an x for each item.
#[apply(versions!)]
pub fn add_lines<const W: usize>(
    scores: &mut [f32; W],
    table: &[[f32; W]],
    slopes: &[[f32; W]],
    items: &[u32],
    x: &[f32],
) {
    let mut sums = *scores;
    for (&item, &x) in items.iter().zip(x) {
        let (terms, slopes) = (&table[item as usize], &slopes[item as usize]);
        for lane in 0..W {
            sums[lane] += terms[lane] + slopes[lane] * x;
        }
    }
    *scores = sums;
}

#[cfg(test)]
mod tests {
    use super::super::simd::Level;
    use super::*;

    #[test]
    fn every_level_gives_the_sums_of_the_formula() {
        let table: Vec<[f32; 8]> =
            (0..5).map(|item| std::array::from_fn(|lane| (item * 8 + lane) as f32 * 0.1)).collect();
        let slopes: Vec<[f32; 8]> = table.iter().map(|row| row.map(|x| 1.0 - x)).collect();
        let (items, x) = ([0u32, 3, 4], [0.5f32, -1.0, 2.0]);
        for _ in Level::ALL.into_iter().filter(|level| level.is_available()) {
            let [mut rows, mut weighted, mut lines] = [[1.0f32; 8]; 3];
            add_rows(&mut rows, &table, &items);
            add_weighted(&mut weighted, &table, &items, &x);
            add_lines(&mut lines, &table, &slopes, &items, &x);
            for lane in 0..8 {
                let terms = |item: u32| table[item as usize][lane];
                let line = |(item, x): (&u32, &f32)| terms(*item) + slopes[*item as usize][lane] * x;
                assert_eq!(rows[lane], items.iter().fold(1.0, |sum, &item| sum + terms(item)));
                let product = |(item, x): (&u32, &f32)| terms(*item) * x;
                assert_eq!(weighted[lane], items.iter().zip(&x).fold(1.0, |sum, pair| sum + product(pair)));
                assert_eq!(lines[lane], items.iter().zip(&x).fold(1.0, |sum, pair| sum + line(pair)));
            }
        }
    }
}
