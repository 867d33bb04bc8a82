//! What the values of a column are like, in the rows that were looked at.

use std::collections::HashMap;

use crate::ingest::numbers::{self, Found};
use crate::job::{Decimal, Numbers, TimeUnit};

/// 1990 and 2100, in seconds since 1970: a number between them can be a point in time.
const SECONDS: std::ops::Range<f64> = 631_152_000.0..4_102_444_800.0;
/// So many of a column's values have to be alike, where one in many may be dirt.
const NEARLY_ALL: f64 = 0.95;
/// Fewer rows than this say little.
const TELLING: usize = 50;
/// The fewest and the most values of a scale on which people rate: two are yes and no.
const FEWEST: usize = 3;
const SCALE: usize = 11;
/// The highest of them: stars, school grades, ten points, percent.
const HIGHEST: f64 = 100.0;

/// A column of the rows that were looked at.
pub struct Content<'a> {
    values: Vec<&'a str>,
    n_filled: usize,
    n_distinct: usize,
    /// The share of the most frequent value among those that are filled.
    most_frequent: f64,
    /// Shares of those that are filled.
    numbers: f64,
    whole: f64,
    dates: f64,
    lowest: f64,
    highest: f64,
    /// How its numbers are written.
    written: Found,
}

impl<'a> Content<'a> {
    pub fn of(rows: &'a [Vec<String>], column: usize) -> Content<'a> {
        let values: Vec<&str> = rows.iter().map(|row| row.get(column).map_or("", |value| value.trim())).collect();
        let filled: Vec<&str> = values.iter().copied().filter(|value| !value.is_empty()).collect();
        let n_filled = filled.len();
        let share = |n: usize| if n_filled == 0 { 0.0 } else { n as f64 / n_filled as f64 };
        let written = written(&filled);
        let numbers: Vec<f64> = filled.iter().filter_map(|value| number_as(value, &written)).collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        filled.iter().for_each(|value| *counts.entry(value).or_default() += 1);
        Content {
            n_distinct: counts.len(),
            most_frequent: share(counts.values().copied().max().unwrap_or(0)),
            numbers: share(numbers.len()),
            whole: share(numbers.iter().filter(|number| number.fract() == 0.0).count()),
            dates: share(filled.iter().filter(|value| is_date(value)).count()),
            lowest: numbers.iter().copied().fold(f64::INFINITY, f64::min),
            highest: numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            values,
            n_filled,
            written,
        }
    }

    /// How its numbers are written.
    pub fn written(&self) -> &Found {
        &self.written
    }

    /// A value that is a number only in this reading, and the number.
    pub fn decorated(&self, numbers: &Numbers) -> Option<(&'a str, f64)> {
        let mut others = self.values.iter().copied().filter(|value| number(value).is_none());
        others.find_map(|value| Some((value, numbers::read(value, numbers).filter(|number| number.is_finite())?)))
    }

    /// The same, if they have decimal points or commas as the job says.
    pub fn written_with(&self, decimal: Decimal) -> Found {
        numbers::found(&self.values, decimal)
    }

    /// The share of plain numbers among the values that are filled.
    pub fn plain_numbers(&self) -> f64 {
        let plain = self.values.iter().filter(|value| number(value).is_some()).count();
        plain as f64 / self.n_filled.max(1) as f64
    }

    pub fn is_number(&self) -> bool {
        self.numbers >= NEARLY_ALL
    }

    /// Its numbers, if any, are written as programs write them.
    fn is_plain(&self) -> bool {
        matches!(&self.written, Found::Sure(numbers) if numbers.is_plain())
    }

    /// Numbers, with much dirt among them perhaps.
    pub fn is_number_mostly(&self) -> bool {
        self.numbers >= 0.5
    }

    /// Ids are texts or whole numbers, and most rows have one.
    pub fn can_be_ids(&self) -> bool {
        let half = 2 * self.n_filled >= self.values.len();
        let has_fractions = self.is_number() && self.whole < NEARLY_ALL;
        half && !has_fractions && !self.is_date()
    }

    /// Every row has another value.
    pub fn is_unique(&self) -> bool {
        self.n_filled >= TELLING && self.n_distinct == self.n_filled
    }

    /// Numbers that count the rows.
    pub fn counts_rows(&self) -> bool {
        let numbers: Option<Vec<f64>> = self.values.iter().map(|value| number(value)).collect();
        let rises = |numbers: Vec<f64>| numbers.windows(2).all(|pair| pair[0] < pair[1]);
        self.is_unique() && numbers.is_some_and(rises)
    }

    /// Few values, as people give: not all the same.
    pub fn is_scale(&self) -> bool {
        self.is_number() && (FEWEST..=SCALE).contains(&self.n_distinct) && self.lowest >= 0.0 && self.highest <= HIGHEST
    }

    pub fn is_date(&self) -> bool {
        self.n_filled > 0 && 2 * self.n_filled >= self.values.len() && self.dates >= NEARLY_ALL
    }

    /// The unit in which the column gives points in time; `None` where it gives none that can be read. Numbers of the right size
    /// may be ids all the same.
    pub fn time(&self) -> Option<TimeUnit> {
        if self.is_date() {
            return Some(TimeUnit::S);
        }
        let units = [(TimeUnit::S, 1.0), (TimeUnit::Ms, 1e3), (TimeUnit::Us, 1e6), (TimeUnit::Ns, 1e9)];
        let holds = |scale: f64| SECONDS.contains(&(self.lowest / scale)) && SECONDS.contains(&(self.highest / scale));
        let unit = units.into_iter().find(|(_, scale)| self.is_number() && self.is_plain() && holds(*scale));
        unit.map(|(unit, _)| unit)
    }

    /// Texts, not numbers or dates, and few of them empty.
    pub fn is_text(&self) -> bool {
        2 * self.n_filled >= self.values.len() && self.n_filled > 0 && self.numbers < 0.5 && self.dates < 0.5
    }

    /// Most values are several words.
    pub fn is_wordy(&self) -> bool {
        let wordy = self.values.iter().filter(|value| value.contains(' ')).count();
        self.is_text() && 2 * wordy >= self.n_filled
    }

    /// At least two different values, and at most half as many as the other column has.
    pub fn groups(&self, other: &Content<'_>) -> bool {
        self.n_distinct > 1 && 2 * self.n_distinct <= other.n_distinct
    }

    /// Nearly as many different values as the other column has.
    pub fn tells_apart(&self, other: &Content<'_>) -> bool {
        10 * self.n_distinct >= 8 * other.n_distinct
    }

    /// The text between several values of a field, where many fields have it.
    pub fn separator(&self) -> Option<&'static str> {
        let parted = |separator: &&str| 10 * self.values.iter().filter(|value| value.contains(*separator)).count();
        ["|", ";"].into_iter().find(|separator| parted(separator) >= self.n_filled.max(1))
    }

    /// Whether this column tells the other one: equal values here are equal there, in rows enough to believe it.
    pub fn tells(&self, other: &Content<'_>) -> bool {
        const SAME: f64 = 0.99;
        const OFTEN: usize = 30;
        if other.most_frequent > 0.8 {
            return false;
        }
        let mut known: HashMap<&str, &str> = HashMap::new();
        let (mut again, mut same) = (0, 0);
        for (&here, &there) in self.values.iter().zip(&other.values).filter(|(here, _)| !here.is_empty()) {
            match known.insert(here, there) {
                None => {}
                Some(before) => {
                    again += 1;
                    same += usize::from(before == there);
                }
            }
        }
        again >= OFTEN && same as f64 >= SAME * again as f64
    }

    /// Whether it mostly does, for all that is known: some rows may have nothing there, or something else, such as a remark.
    pub fn may_tell(&self, other: &Content<'_>) -> bool {
        let mut counts: HashMap<&str, HashMap<&str, usize>> = HashMap::new();
        let pairs = self.values.iter().zip(&other.values).filter(|(here, there)| !here.is_empty() && !there.is_empty());
        pairs.for_each(|(here, there)| *counts.entry(here).or_default().entry(there).or_default() += 1);
        let again: Vec<_> = counts.values().filter(|there| there.values().sum::<usize>() > 1).collect();
        let rows: usize = again.iter().flat_map(|there| there.values()).sum();
        let same: usize = again.iter().filter_map(|there| there.values().max()).sum();
        10 * same >= 8 * rows
    }
}

/// How numbers are written in a column where not all values are plain ones.
fn written(filled: &[&str]) -> Found {
    match filled.iter().all(|value| number(value).is_some()) {
        true => Found::Sure(Numbers::default()),
        false => numbers::found(filled, Decimal::Plain),
    }
}

/// Where two readings are possible, the one with a decimal point will do to see what the column is like.
fn number_as(text: &str, written: &Found) -> Option<f64> {
    match written {
        Found::Sure(numbers) if numbers.is_plain() => number(text),
        Found::Sure(numbers) => numbers::read(text, numbers).filter(|number| number.is_finite()),
        Found::Open { .. } => numbers::read(text, &Numbers { decimal: Decimal::Point, currency: None })
            .filter(|number| number.is_finite()),
    }
}

fn number(text: &str) -> Option<f64> {
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-'));
    text.parse::<f64>().ok().filter(|number| begins && number.is_finite())
}

/// A date that is not a plain number.
fn is_date(text: &str) -> bool {
    number(text).is_none() && TimeUnit::S.read(text.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(columns: &[&dyn Fn(usize) -> String], n: usize) -> Vec<Vec<String>> {
        (0..n).map(|at| columns.iter().map(|column| column(at)).collect()).collect()
    }

    #[test]
    fn columns_are_told_apart_by_what_they_hold() {
        let row_number = |at: usize| (at + 1).to_string();
        let stars = |at: usize| ["1", "2.5", "5"][at % 3].to_string();
        let day = |at: usize| format!("2024-05-{:02}", 1 + at % 28);
        let seconds = |at: usize| (1_500_000_000 + at).to_string();
        let price = |at: usize| format!("{}.99", at % 40);
        let rows = rows(&[&row_number, &stars, &day, &seconds, &price], 200);
        let [row_number, stars, day, seconds, price] = [0, 1, 2, 3, 4].map(|column| Content::of(&rows, column));
        assert!(row_number.counts_rows() && row_number.can_be_ids());
        assert!(stars.is_scale() && !stars.can_be_ids() && stars.time().is_none());
        assert!(!day.can_be_ids() && day.time() == Some(TimeUnit::S));
        assert_eq!(seconds.time(), Some(TimeUnit::S));
        assert!(!price.can_be_ids() && !price.is_scale());
    }

    #[test]
    fn a_column_tells_another_where_equal_means_equal() {
        let product = |at: usize| format!("p{}", at % 20);
        let label = |at: usize| format!("Product {}", at % 20);
        let brand = |at: usize| format!("b{}", at % 5);
        let user = |at: usize| format!("u{}", at / 7);
        let rows = rows(&[&product, &label, &brand, &user], 200);
        let [product, label, brand, user] = [0, 1, 2, 3].map(|column| Content::of(&rows, column));
        assert!(product.tells(&label) && label.tells(&product) && product.tells(&brand));
        assert!(!brand.tells(&product) && !user.tells(&product) && !product.tells(&user));
    }
}
