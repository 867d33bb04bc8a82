//! What a file says of items besides their titles: genre, category, price.
//!
//! A column holds categories, of which an item may have several or none. It holds numbers if every value is a number
//! and more than a few differ. Where a column has very many categories, the most common ones count.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::job::{MetadataFrom, MetadataSpec};

/// A column of at most so many different numbers is one of categories: stars, size classes, yes and no.
const FEW_NUMBERS: usize = 10;

/// The most categories of a column that count: those of the most items.
const MOST_CATEGORIES: usize = 1000;

/// The largest magnitude of a number: squares of such numbers can be summed.
const LARGEST: f64 = 1e15;

/// A column of metadata of all items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    pub values: Values,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Values {
    Categories(Categories),
    /// `(n_items)`; `None` for an item without a value.
    Numbers(Vec<Option<f64>>),
}

/// The categories of all items.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Categories {
    /// Their names, rising.
    pub names: Vec<String>,
    /// Item `i` has the categories `of[ends[i - 1]..ends[i]]`, rising.
    ends: Vec<usize>,
    of: Vec<u32>,
}

impl Categories {
    fn with_names(names: Vec<String>) -> Categories {
        Categories { names, ends: Vec::new(), of: Vec::new() }
    }

    /// One category for each item, by its number among `names`.
    pub fn one_each(names: Vec<String>, of_items: impl Iterator<Item = u32>) -> Categories {
        let mut order: Vec<u32> = (0..names.len() as u32).collect();
        order.sort_by(|&a, &b| names[a as usize].cmp(&names[b as usize]));
        let mut place = vec![0; names.len()];
        order.iter().enumerate().for_each(|(at, &name)| place[name as usize] = at as u32);
        let mut sorted = Categories::with_names(order.iter().map(|&name| names[name as usize].clone()).collect());
        of_items.for_each(|name| sorted.push([place[name as usize]]));
        sorted
    }

    fn push(&mut self, categories: impl IntoIterator<Item = u32>) {
        self.of.extend(categories);
        self.ends.push(self.of.len());
    }

    /// Numbers of the categories of an item.
    pub fn of_item(&self, item: usize) -> &[u32] {
        let start = if item == 0 { 0 } else { self.ends[item - 1] };
        &self.of[start..self.ends[item]]
    }
}

impl Field {
    /// The same for a range of items, without names.
    pub fn part(&self, items: Range<usize>) -> Field {
        let values = match &self.values {
            Values::Categories(all) => {
                let mut part = Categories::default();
                items.for_each(|item| part.push(all.of_item(item).iter().copied()));
                Values::Categories(part)
            }
            Values::Numbers(numbers) => Values::Numbers(numbers[items].to_vec()),
        };
        Field { name: String::new(), values }
    }
}

/// Collects one column from the rows of the file of items.
#[derive(Debug)]
pub struct Collector<'a> {
    spec: &'a MetadataSpec,
    codes: HashMap<String, u32>,
    /// Row `r` has the codes `of[ends[r - 1]..ends[r]]`, in the order of the file.
    ends: Vec<usize>,
    of: Vec<u32>,
}

impl<'a> Collector<'a> {
    pub fn new(spec: &'a MetadataSpec) -> Collector<'a> {
        Collector { spec, codes: HashMap::new(), ends: Vec::new(), of: Vec::new() }
    }

    /// How many columns of the file it reads.
    pub fn n_columns(&self) -> usize {
        self.spec.from.columns().count()
    }

    /// Adds the next row. `cell(i)` is the text in the `i`-th of the spec's columns; a row may be too short for it.
    pub fn push<'t>(&mut self, cell: impl Fn(usize) -> Option<&'t str>) {
        let first = self.of.len();
        match &self.spec.from {
            MetadataFrom::Column { separator: None, .. } => self.note(cell(0).unwrap_or_default(), first),
            MetadataFrom::Column { separator: Some(separator), .. } => {
                cell(0).unwrap_or_default().split(separator.as_str()).for_each(|value| self.note(value, first));
            }
            MetadataFrom::Flags(flags) => {
                let is_set = |at: &usize| cell(*at).is_some_and(is_set);
                (0..flags.len()).filter(is_set).for_each(|at| self.note(&flags[at].0, first));
            }
        }
        self.ends.push(self.of.len());
    }

    /// Notes a value of the row whose codes begin at `first`, once.
    fn note(&mut self, value: &str, first: usize) {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        if value.is_empty() {
            return;
        }
        let next = self.codes.len() as u32;
        let code = *self.codes.entry(value).or_insert(next);
        if !self.of[first..].contains(&code) {
            self.of.push(code);
        }
    }

    fn of_row(&self, row: u32) -> &[u32] {
        let row = row as usize;
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.of[start..self.ends[row]]
    }

    /// The column for the items; `rows` holds the row of each, or `None` for an item without one.
    pub fn finish(self, rows: &[Option<u32>]) -> Field {
        let mut texts: Vec<&str> = vec![""; self.codes.len()];
        self.codes.iter().for_each(|(text, &code)| texts[code as usize] = text);
        let mut n_items = vec![0u64; texts.len()];
        let codes = |row: &Option<u32>| row.map_or(&[][..], |row| self.of_row(row));
        rows.iter().flat_map(codes).for_each(|&code| n_items[code as usize] += 1);
        let mut used: Vec<u32> = (0..texts.len() as u32).filter(|&code| n_items[code as usize] > 0).collect();
        let values = match self.numbers(&texts, &used) {
            Some(numbers) => {
                Values::Numbers(rows.iter().map(|row| codes(row).first().map(|&code| numbers[code as usize])).collect())
            }
            None => {
                used.sort_by_key(|&code| (Reverse(n_items[code as usize]), texts[code as usize]));
                used.truncate(MOST_CATEGORIES);
                used.sort_by_key(|&code| texts[code as usize]);
                Values::Categories(categories(&texts, &used, rows.iter().map(codes)))
            }
        };
        Field { name: self.spec.name.clone(), values }
    }

    /// The number of each code, if this is a column of numbers.
    fn numbers(&self, texts: &[&str], used: &[u32]) -> Option<Vec<f64>> {
        let MetadataFrom::Column { separator: None, .. } = &self.spec.from else { return None };
        let mut numbers = vec![0.0; texts.len()];
        for &code in used {
            let number = texts[code as usize].parse::<f64>().ok().filter(|number| number.abs() <= LARGEST)?;
            // Minus zero is zero.
            numbers[code as usize] = number + 0.0;
        }
        (used.len() > FEW_NUMBERS).then_some(numbers)
    }
}

/// The `used` codes, in their order, as the categories of items.
fn categories<'c>(texts: &[&str], used: &[u32], items: impl Iterator<Item = &'c [u32]>) -> Categories {
    let mut place = vec![u32::MAX; texts.len()];
    used.iter().enumerate().for_each(|(at, &code)| place[code as usize] = at as u32);
    let mut found = Categories::with_names(used.iter().map(|&code| texts[code as usize].to_string()).collect());
    for codes in items {
        let mut own: Vec<u32> = codes.iter().map(|&code| place[code as usize]).filter(|&at| at < u32::MAX).collect();
        own.sort_unstable();
        found.push(own);
    }
    found
}

/// Whether a flag is set: by a number other than 0, or by a word for yes.
fn is_set(text: &str) -> bool {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(number) => number != 0.0,
        Err(_) => ["true", "t", "yes", "y", "x"].iter().any(|word| text.eq_ignore_ascii_case(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Column;

    fn column(separator: Option<&str>) -> MetadataSpec {
        let from = MetadataFrom::Column { column: Column::Index(2), separator: separator.map(str::to_string) };
        MetadataSpec { name: "kind".into(), from }
    }

    /// The column of items that have the rows in order, then one that has none.
    fn collected(spec: &MetadataSpec, rows: &[&[&str]]) -> Values {
        let mut collector = Collector::new(spec);
        rows.iter().for_each(|row| collector.push(|at| row.get(at).copied()));
        let mut of_items: Vec<Option<u32>> = (0..rows.len() as u32).map(Some).collect();
        of_items.push(None);
        collector.finish(&of_items).values
    }

    fn words(values: &Values) -> Vec<Vec<&str>> {
        let Values::Categories(all) = values else { panic!("{values:?}") };
        let name = |&category: &u32| all.names[category as usize].as_str();
        (0..all.ends.len()).map(|item| all.of_item(item).iter().map(name).collect()).collect()
    }

    #[test]
    fn several_values_are_cut_and_counted_once() {
        let found = collected(&column(Some("|")), &[&["War| Drama |War"], &[""], &["Drama|"], &[]]);
        assert_eq!(words(&found), [vec!["Drama", "War"], vec![], vec!["Drama"], vec![], vec![]]);
    }

    #[test]
    fn flags_are_set_by_numbers_and_words() {
        let flags = ["b", "a"].map(|name| (name.to_string(), Column::Index(3))).to_vec();
        let spec = MetadataSpec { name: "kind".into(), from: MetadataFrom::Flags(flags) };
        let found = collected(&spec, &[&["1", "0"], &["true", " Yes "], &["false", ""], &["0.0"]]);
        assert_eq!(words(&found), [vec!["b"], vec!["a", "b"], vec![], vec![], vec![]]);
    }

    #[test]
    fn many_numbers_are_numbers_and_few_are_categories() {
        let texts: Vec<String> = (0..12).map(|i| format!("{}.5", i * 3)).collect();
        let rows: Vec<Vec<&str>> = texts.iter().map(|text| vec![text.as_str()]).collect();
        let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
        let Values::Numbers(numbers) = collected(&column(None), &rows) else { panic!("numbers") };
        assert_eq!((numbers[0], numbers[11], numbers[12]), (Some(0.5), Some(33.5), None));
        assert_eq!(words(&collected(&column(None), &rows[..10]))[1], ["3.5"]);
        let mixed = [&rows[..], &[&["free"][..]]].concat();
        assert_eq!(words(&collected(&column(None), &mixed))[12], ["free"]);
        assert_eq!(words(&collected(&column(Some(",")), &rows)).len(), 13);
    }

    #[test]
    fn values_of_items_that_nobody_rated_do_not_count() {
        let spec = column(None);
        let mut collector = Collector::new(&spec);
        ["a", "b", "c"].iter().for_each(|text| collector.push(|_| Some(*text)));
        let Values::Categories(found) = collector.finish(&[Some(2), Some(0)]).values else { panic!("categories") };
        assert_eq!(found.names, ["a", "c"]);
        assert_eq!((found.of_item(0), found.of_item(1)), (&[1][..], &[0][..]));
    }

    #[test]
    fn of_too_many_categories_the_most_common_stay() {
        let texts: Vec<String> = (0..1500).map(|i| format!("c{:04}", i.max(500))).collect();
        let rows: Vec<Vec<&str>> = texts.iter().map(|text| vec![text.as_str()]).collect();
        let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
        let Values::Categories(found) = collected(&column(None), &rows) else { panic!("categories") };
        assert_eq!((found.names.len(), found.names[0].as_str()), (1000, "c0500"));
        assert_eq!(found.names.len(), MOST_CATEGORIES);
        assert!(found.names.is_sorted());
    }

    #[test]
    fn parts_hold_what_the_whole_does() {
        let all = Categories::one_each(vec!["z".into(), "a".into()], [0, 1, 1, 0].into_iter());
        assert_eq!(
            (all.names.as_slice(), all.of_item(0), all.of_item(1)),
            (&["a", "z"].map(String::from)[..], &[1][..], &[0][..])
        );
        let field = Field { name: "theme".into(), values: Values::Categories(all) };
        let Values::Categories(part) = field.part(1..3).values else { panic!("categories") };
        assert_eq!((part.of_item(0), part.of_item(1)), (&[0][..], &[0][..]));
    }
}
