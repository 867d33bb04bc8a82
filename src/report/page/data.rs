//! The numbers behind each chart as a table, for readers who cannot see the chart or want the digits.

use super::parts::data_table;
use crate::results::curves::{cumulative, curves, normalise};
use crate::results::shown::Shown;
use crate::results::{Confusion, OfClusters};
use crate::watch::format::{count, percent, significant};

/// Where the segments lie on the map.
pub fn centres(shown: &Shown, segments: &[usize]) -> String {
    let centres = segments.iter().map(|&segment| {
        let centre = &shown.kmeans.centres[segment];
        let place = |component: usize| centre.get(component).map_or("–".into(), |&x| significant(x, 3));
        vec![shown.label_html(segment), place(0), place(1)]
    });
    data_table("Centres of the segments", &["Segment", "Component 1", "Component 2"], centres)
}

/// How often the classifier finds each segment, and for which other it takes it most often.
pub fn guesses(shown: &Shown, confusion: &Confusion, how: &str, segments: &[usize]) -> String {
    let rows = segments.iter().map(|&segment| {
        let guessed = confusion.counts.row(segment);
        let all = guessed.sum();
        let share = |users: u64| if all == 0 { "–".into() } else { percent(users as f64 / all as f64) };
        let others = guessed.iter().enumerate().filter(|(other, users)| *other != segment && **users > 0);
        let taken_for = others.max_by_key(|(other, users)| (**users, std::cmp::Reverse(*other)));
        let taken_for =
            taken_for.map_or("–".into(), |(other, &users)| format!("{} ({})", shown.label_html(other), share(users)));
        vec![shown.label_html(segment), count(all), share(guessed[segment]), taken_for]
    });
    let columns = ["Segment", "Users", "Found again", "Most often taken for"];
    data_table(&format!("Guesses by segment, {how}"), &columns, rows)
}

/// What each component explains.
pub fn variance(shown: &Shown) -> String {
    let ratios = &shown.pca.explained_variance_ratio;
    let kept = shown.pca.n_components;
    let rows = ratios.iter().zip(cumulative(ratios)).enumerate().map(|(i, (&own, sum))| {
        let used = if i < kept { "yes" } else { "no" };
        vec![(i + 1).to_string(), percent(own), percent(sum), used.into()]
    });
    data_table("Variance by component", &["Component", "Share of the variance", "Sum so far", "Used"], rows)
}

/// Inertia by number of segments, a column for each space.
pub fn inertia(shown: &Shown) -> String {
    let shares: Vec<(&str, Vec<f64>, Option<usize>)> =
        curves(&shown.sweep).map(|(space, curve)| (space, normalise(&curve.inertia), curve.knee)).collect();
    let heading = |space: &str| if space == "projected" { "On the components" } else { "On all items" };
    let columns: Vec<&str> =
        std::iter::once("Segments").chain(shares.iter().map(|(space, ..)| heading(space))).collect();
    let clusters = shown.sweep.iter().flat_map(|sweep| &sweep.clusters).enumerate();
    let rows = clusters.map(|(i, &k)| {
        let cell = |(_, shares, knee): &(&str, Vec<f64>, Option<usize>)| {
            let suggested = if *knee == Some(k) { ", bend" } else { "" };
            shares.get(i).map_or("–".into(), |&share| percent(share) + suggested)
        };
        std::iter::once(k.to_string()).chain(shares.iter().map(cell)).collect()
    });
    data_table("Inertia by number of segments, as a share of the first", &columns, rows)
}

/// What each number of segments is worth.
pub fn by_clusters(shown: &Shown) -> String {
    let Some(evidence) = &shown.evidence else { return String::new() };
    let columns = [
        "Segments",
        "Bits per hidden rating",
        "Random choices",
        "Stability (adjusted Rand)",
        "Silhouette (simplified)",
        "Caliński–Harabasz",
        "Davies–Bouldin (less is better)",
    ];
    let own = shown.kmeans.sizes.len();
    let rows = evidence.by_clusters.iter().map(|of| worth(of, own, evidence.suggested_clusters));
    data_table("What each number of segments is worth", &columns, rows)
}

fn worth(of: &OfClusters, own: usize, suggested: Option<usize>) -> Vec<String> {
    let suggested = if Some(of.clusters) == suggested { ", suggested" } else { "" };
    let own = if of.clusters == own { ", this run" } else { "" };
    vec![
        format!("{}{own}{suggested}", of.clusters),
        format!("{} ± {}", significant(of.bits, 3), significant(of.standard_error, 1)),
        significant(of.null_bits, 2),
        significant(of.adjusted_rand, 3),
        significant(of.simplified_silhouette, 3),
        significant(of.calinski_harabasz, 4),
        significant(of.davies_bouldin, 3),
    ]
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;
    use crate::results::fixture::{self, SMALL};
    use crate::results::run::Digests;

    #[test]
    fn a_segment_is_told_with_the_one_it_is_taken_for() {
        let confusion = Confusion { counts: arr2(&[[6, 1, 1], [0, 2, 0], [0, 0, 0]]) };
        let shown = Shown::of(&fixture::outcome(SMALL), Digests::new(), false);
        let table = guesses(&shown, &confusion, "in sample", &[0, 1, 2]);
        let rows = ["<td>8</td><td>75%</td><td>1 · Taste 1 (12.5%)</td>", "<td>2</td><td>100%</td><td>–</td>"];
        for row in rows.iter().chain(&["<td>0</td><td>–</td><td>–</td>"]) {
            assert!(table.contains(row), "{row} is not in {table}");
        }
    }
}
