//! The numbers behind each chart as a table, for whoever cannot see the chart or wants the digits.

use super::parts::data_table;
use crate::report::Outcome;
use crate::report::format::{count, percent, significant};
use crate::report::tables::{cumulative, curves, normalise};
use crate::validate::Confusion;

/// Users by segment.
pub fn sizes(outcome: &Outcome) -> String {
    let all = outcome.kmeans.sizes.iter().sum::<u64>().max(1) as f64;
    let sizes = outcome.kmeans.sizes.iter().enumerate();
    let rows = sizes.map(|(segment, &size)| vec![segment.to_string(), count(size), percent(size as f64 / all)]);
    data_table("Users by segment", &["Segment", "Users", "Share of all users"], rows)
}

/// Where the segments lie on the map.
pub fn centres(outcome: &Outcome) -> String {
    let centres = outcome.kmeans.centroids.outer_iter().enumerate().map(|(segment, centre)| {
        let place = |component: usize| centre.get(component).map_or("–".into(), |&x| significant(x, 3));
        vec![segment.to_string(), place(0), place(1)]
    });
    data_table("Centres of the segments", &["Segment", "Component 1", "Component 2"], centres)
}

/// How often the classifier finds each segment, and for which other it takes it most often.
pub fn guesses(confusion: &Confusion, how: &str) -> String {
    let rows = confusion.counts.outer_iter().enumerate().map(|(segment, guessed)| {
        let all = guessed.sum();
        let share = |users: u64| if all == 0 { "–".into() } else { percent(users as f64 / all as f64) };
        let others = guessed.iter().enumerate().filter(|(other, users)| *other != segment && **users > 0);
        let taken_for = others.max_by_key(|(other, users)| (**users, std::cmp::Reverse(*other)));
        let taken_for = taken_for.map_or("–".into(), |(other, &users)| format!("{other} ({})", share(users)));
        vec![segment.to_string(), count(all), share(guessed[segment]), taken_for]
    });
    let columns = ["Segment", "Users", "Found again", "Most often taken for"];
    data_table(&format!("Guesses by segment, {how}"), &columns, rows)
}

/// What each component explains.
pub fn variance(outcome: &Outcome) -> String {
    let ratios = &outcome.pca.explained_variance_ratio;
    let kept = outcome.pca.components.nrows();
    let rows = ratios.iter().zip(cumulative(ratios)).enumerate().map(|(i, (&own, sum))| {
        let used = if i < kept { "yes" } else { "no" };
        vec![(i + 1).to_string(), percent(own), percent(sum), used.into()]
    });
    data_table("Variance by component", &["Component", "Share of the variance", "Sum so far", "Used"], rows)
}

/// Inertia by number of segments, a column for each space.
pub fn inertia(outcome: &Outcome) -> String {
    let shares: Vec<(&str, Vec<f64>, Option<usize>)> =
        curves(outcome).map(|(space, curve)| (space, normalise(&curve.inertia), curve.knee)).collect();
    let heading = |space: &str| if space == "projected" { "On the components" } else { "On all items" };
    let columns: Vec<&str> =
        std::iter::once("Segments").chain(shares.iter().map(|(space, ..)| heading(space))).collect();
    let clusters = outcome.sweep.iter().flat_map(|sweep| &sweep.clusters).enumerate();
    let rows = clusters.map(|(i, &k)| {
        let cell = |(_, shares, knee): &(&str, Vec<f64>, Option<usize>)| {
            let suggested = if *knee == Some(k) { ", suggested" } else { "" };
            shares.get(i).map_or("–".into(), |&share| percent(share) + suggested)
        };
        std::iter::once(k.to_string()).chain(shares.iter().map(cell)).collect()
    });
    data_table("Inertia by number of segments, as a share of the first", &columns, rows)
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn a_segment_is_told_with_the_one_it_is_taken_for() {
        let confusion = Confusion { counts: arr2(&[[6, 1, 1], [0, 2, 0], [0, 0, 0]]) };
        let table = guesses(&confusion, "in sample");
        let rows = ["<td>8</td><td>75%</td><td>1 (12.5%)</td>", "<td>2</td><td>100%</td><td>–</td>"];
        for row in rows.iter().chain(&["<td>0</td><td>–</td><td>–</td>"]) {
            assert!(table.contains(row), "{row} is not in {table}");
        }
    }
}
