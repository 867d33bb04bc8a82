//! One name for each segment, from the labels that fit it.

use std::collections::HashSet;

use super::labels::Traits;
use crate::ingest::Items;
use crate::stages::profile::Profile;

/// A name for each segment, no two alike. Names that are `given`, by segment, stay as they are; if two are alike, the later one
/// gets a number.
pub fn names(profiles: &[Profile], items: &Items, given: &[Option<String>]) -> Vec<String> {
    let mut names = vec![String::new(); profiles.len()];
    let mut taken = HashSet::new();
    let mut first_free = |labels: Vec<String>, segment: usize| {
        let last_resort = numbered(&labels[0], segment);
        labels.into_iter().chain(last_resort).find(|label| taken.insert(key(label))).unwrap_or_default()
    };
    for (segment, (name, given)) in names.iter_mut().zip(given).enumerate() {
        if let Some(given) = given.as_deref().map(str::trim).filter(|given| !given.is_empty()) {
            *name = first_free(vec![given.to_string()], segment);
        }
    }
    let unnamed = (0..profiles.len()).filter(|&segment| names[segment].is_empty());
    let mut unnamed: Vec<(usize, Traits)> =
        unnamed.map(|segment| (segment, Traits::of(&profiles[segment], items))).collect();
    // The sort is stable: equally strong traits stay in the order of numbers.
    unnamed.sort_by(|(_, a), (_, b)| b.strength().total_cmp(&a.strength()));
    for (segment, traits) in unnamed {
        names[segment] = first_free(traits.labels(), segment);
    }
    names
}

/// The label with the number of the segment, then with other numbers.
fn numbered(label: &str, segment: usize) -> impl Iterator<Item = String> + use<> {
    let label = label.to_string();
    std::iter::once(segment).chain(2..).map(move |number| format!("{label} ({number})"))
}

/// Names with the same key are alike: they differ only in order or case.
pub fn key(name: &str) -> String {
    let lower = name.to_lowercase();
    let mut parts: Vec<&str> = lower.split(" & ").flat_map(|part| part.split(": ")).collect();
    parts.sort_unstable();
    parts.join("\n")
}
