//! How many segments? Inertia, bits saved on hidden ratings and stability for several numbers of them.

use super::data;
use super::parts::key;
use crate::report::{charts, verdict};
use crate::results::curves::curves;
use crate::results::shown::Shown;
use crate::watch::format::plural;

/// Whether there is anything to choose from.
pub fn is_shown(shown: &Shown) -> bool {
    curves(&shown.sweep).next().is_some() || compares(shown)
}

/// Whether there is evidence for several numbers.
pub fn compares(shown: &Shown) -> bool {
    shown.evidence.as_ref().is_some_and(|evidence| evidence.by_clusters.len() > 1)
}

pub fn section(shown: &Shown) -> String {
    if !is_shown(shown) {
        return String::new();
    }
    format!(
        "<section id=\"number\">\n<h2>How many segments?</h2>\n<p class=\"how\">{}{}</p>\n<div class=\"trio\">\n{}{}</div>\n{}</section>\n",
        suggestion(shown),
        bends(shown),
        if compares(shown) { worth(shown) } else { String::new() },
        inertia(shown),
        tables(shown),
    )
}

/// The numbers behind the charts.
fn tables(shown: &Shown) -> String {
    let worth = if compares(shown) { data::by_clusters(shown) } else { String::new() };
    let inertia = if curves(&shown.sweep).next().is_some() { data::inertia(shown) } else { String::new() };
    worth + &inertia
}

fn suggestion(shown: &Shown) -> String {
    let clusters = shown.kmeans.sizes.len();
    let has = format!("This run has {}.", plural(clusters as u64, "segment"));
    let Some(evidence) = shown.evidence.as_ref().filter(|_| compares(shown)) else { return has };
    let why = "the smallest number that predicts hidden ratings as well as any and is found again in refits.";
    match (verdict::suggestion(evidence, clusters), evidence.suggested_clusters) {
        (Some(suggestion), _) => format!("{has} {suggestion} It is {why}"),
        (None, Some(_)) => format!("{has} It is {why}"),
        (None, None) => format!("{has} None of the numbers that were tried is worth suggesting."),
    }
}

fn figure(title: &str, note: &str, chart: &str) -> String {
    format!(
        "<figure class=\"panel\">\n<figcaption><h3>{title}</h3><p class=\"muted\">{note}</p></figcaption>\n{chart}</figure>\n"
    )
}

/// Bits and stability.
fn worth(shown: &Shown) -> String {
    let Some(evidence) = &shown.evidence else { return String::new() };
    let own = shown.kmeans.sizes.len();
    let ring = key("ring", "--accent-2", "suggested number");
    let marks =
        |more: &str| format!("<ul class=\"key\">{ring}{}{more}</ul>\n", key("square", "--accent-2", "this run"));
    let null = key("line dashed", "--muted", "random choices");
    [
        figure(
            "How well they predict hidden ratings",
            "Bits saved per rating: more is better.",
            &(marks(&null) + &charts::bits(evidence, own)),
        ),
        figure(
            "How well they are found again",
            "Adjusted Rand index of refits: more is better.",
            &(marks("") + &charts::stability(evidence, own)),
        ),
    ]
    .concat()
}

/// Where the curves of inertia bend.
fn bends(shown: &Shown) -> String {
    let knees: Vec<String> = curves(&shown.sweep).filter_map(|(space, curve)| Some(knee(space, curve.knee?))).collect();
    match (curves(&shown.sweep).next(), knees.as_slice()) {
        (None, _) => String::new(),
        (_, []) => " Inertia falls without a clear bend.".into(),
        (_, knees) => {
            format!(" Inertia bends {}: beyond that, more segments reduce it only a little.", knees.join(" and "))
        }
    }
}

fn inertia(shown: &Shown) -> String {
    let spaces: Vec<_> = curves(&shown.sweep).collect();
    let entry = |(space, _): &(&str, _)| match *space {
        "projected" => key("line", "--accent", "on the components"),
        _ => key("line dashed", "--accent-2", "on all items"),
    };
    if spaces.is_empty() {
        return String::new();
    }
    let bends = spaces.iter().any(|(_, curve)| curve.knee.is_some());
    let ring = if bends { key("ring", "--muted", "bend") } else { String::new() };
    let key = format!("<ul class=\"key\">{}{ring}</ul>\n", spaces.iter().map(entry).collect::<String>());
    figure(
        "How far users lie from their centre",
        "Inertia as a share of its first value; it always falls as segments are added.",
        &(key + &charts::inertia(shown)),
    )
}

fn knee(space: &str, clusters: usize) -> String {
    let place = if space == "projected" { "on the components" } else { "on all items" };
    format!("at {clusters} {place}")
}
