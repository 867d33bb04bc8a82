//! What `segmill assign` says at its end: a summary, and warnings.

use std::io::{self, Write};

use crate::results::Ledger;
use crate::results::assigned::{Assigned, Destination, rejects_beside};
use crate::watch::format::{percent, plural};

/// A line for each thing that the user should know.
pub fn warnings(found: &Assigned, destination: &Destination) -> Vec<String> {
    [rejected(found, destination), unknown(found), blank(found)].into_iter().flatten().collect()
}

fn rejected(found: &Assigned, destination: &Destination) -> Option<String> {
    let Ledger { read, rejected, .. } = found.ledger;
    let place = match destination.path() {
        Some(path) => format!("{} says which and why", rejects_beside(path).display()),
        None => "with -o FILE they would go beside it".to_string(),
    };
    (rejected > 0).then(|| format!("{rejected} of {read} rows were rejected; {place}"))
}

fn unknown(found: &Assigned) -> Option<String> {
    let Ledger { read, rejected, .. } = found.ledger;
    let share = found.unknown_ratings as f64 / (read - rejected).max(1) as f64;
    let items = plural(found.unknown_items, "item");
    let ratings = plural(found.unknown_ratings, "rating");
    (found.unknown_ratings > 0)
        .then(|| format!("{items} that the model does not know: {ratings} ({}) left out", percent(share)))
}

fn blank(found: &Assigned) -> Option<String> {
    let users = plural(found.blank_users, "user");
    (found.blank_users > 0)
        .then(|| format!("{users} without a rating of a known item: placed as users without ratings are"))
}

/// Users, ratings and segments in a line, then the users of each segment in another.
pub fn print(found: &Assigned, destination: &Destination, sink: &mut impl Write) -> io::Result<()> {
    let place = destination.path().map_or("standard output".into(), |path| path.display().to_string());
    let users = plural(found.n_users, "user");
    let ratings = plural(found.ratings, "rating");
    let segments = plural(found.sizes.iter().filter(|&&size| size > 0).count() as u64, "segment");
    writeln!(sink, "{users} with {ratings} in {segments}: {place}")?;
    let of_segment = |(segment, size): (usize, &u64)| (*size > 0).then(|| format!("{segment} ({size})"));
    let sizes: Vec<String> = found.sizes.iter().enumerate().filter_map(of_segment).collect();
    writeln!(sink, "segment (users): {}", sizes.join(" "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::results::fixture::SMALL;

    fn found() -> Assigned {
        Assigned {
            n_users: SMALL.users as u64,
            sizes: vec![20, 0, 20],
            ledger: Ledger { read: 110, accepted: 100, rejected: 1, merged: 9, filtered: 0 },
            ratings: 95,
            unknown_items: 2,
            unknown_ratings: 5,
            blank_users: 1,
            rejects: Vec::new(),
        }
    }

    #[test]
    fn the_summary_and_the_warnings_name_the_numbers() {
        let found = found();
        let destination = Destination::of(Path::new("new.parquet")).unwrap();
        let mut sink = Vec::new();
        print(&found, &destination, &mut sink).unwrap();
        let text = String::from_utf8(sink).unwrap();
        assert_eq!(text, "40 users with 95 ratings in 2 segments: new.parquet\nsegment (users): 0 (20) 2 (20)\n");
        let warnings = warnings(&found, &destination);
        assert!(warnings[0].contains("new.parquet.rejects.tsv"), "{warnings:?}");
        assert!(warnings[1].starts_with("2 items that the model does not know: 5 ratings (4.59%)"), "{warnings:?}");
        assert!(warnings[2].starts_with("1 user without"), "{warnings:?}");
    }
}
