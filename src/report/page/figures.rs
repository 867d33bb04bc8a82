//! The charts with what explains them, and for each the numbers behind it as a table.

use super::parts::dot;
use super::{data, explained};
use crate::report::Outcome;
use crate::report::charts;
use crate::report::format::{count, html, percent, plural};
use crate::report::tables::curves;
use crate::validate::Confusion;

pub fn sizes(outcome: &Outcome) -> String {
    let largest = outcome.kmeans.sizes.iter().max().copied().unwrap_or(0);
    let numbers = match &outcome.continuity {
        None => "Segments are numbered by size: 0 is the largest.",
        Some(_) => "Segments have the numbers of the earlier run, as far as they go on.",
    };
    format!(
        "<section id=\"sizes\">\n<h2>Sizes</h2>\n<p class=\"how\">Each bar is a segment, its height the number of users in \
         it. {numbers}</p>\n<figure class=\"panel\">{}{}</figure>\n</section>\n",
        chart(
            "chart-sizes",
            "",
            &format!("Bar chart of users by segment. The largest has {}.", plural(largest, "user"))
        ),
        data::sizes(outcome)
    )
}

pub fn map(outcome: &Outcome) -> String {
    let shown = charts::points_shown(outcome) as u64;
    let users = outcome.measured.n_users;
    let sample =
        if shown < users { format!(" Shown are {} of {} users.", count(shown), count(users)) } else { String::new() };
    let further = outcome.pca.components.nrows().saturating_sub(2);
    let apart = match further {
        0 => String::new(),
        n => format!(
            " Segments that overlap here may lie apart along the {}.",
            if n == 1 { "third component".into() } else { format!("other {n} components") }
        ),
    };
    let room = match outcome.kmeans.sizes.len() {
        0..=25 => "",
        _ => " Where there is no room for all, the larger segments have it.",
    };
    format!(
        "<section id=\"map\">\n<h2>Map of users</h2>\n<p class=\"how\">Each point is a user, placed along the two directions \
         in which users differ most: who is close rated alike. A framed number marks the centre of a segment.{room}{apart}\
         {sample} Use the buttons to show or hide segments.</p>\n<figure class=\"panel\">\n{}{}{}</figure>\n</section>\n",
        chips(outcome.kmeans.sizes.len()),
        chart("chart-map", "tall", "Scatter chart of users on the first two components, coloured by segment."),
        data::centres(outcome)
    )
}

fn chips(n_segments: usize) -> String {
    let chip = |segment: usize| {
        format!(
            "<button type=\"button\" data-segment=\"{segment}\" aria-pressed=\"true\">{}<span class=\"unseen\">Segment </span>\
             {segment}</button>\n",
            dot(segment)
        )
    };
    format!(
        "<div class=\"chips\" role=\"group\" aria-label=\"Segments shown on the map\">\n\
         <button type=\"button\" data-all=\"on\">All</button>\n<button type=\"button\" data-all=\"off\">None</button>\n{}</div>\n",
        (0..n_segments).map(chip).collect::<String>()
    )
}

pub fn validation(outcome: &Outcome) -> String {
    let validation = &outcome.validation;
    let panel = |id: &str, title: &str, note: &str, confusion: &Confusion| {
        let how = title.to_lowercase();
        format!(
            "<figure class=\"panel\">\n<figcaption><h3>{title}: {}</h3><p class=\"muted\">{note}</p></figcaption>\n{}{}</figure>\n",
            percent(confusion.accuracy()),
            chart(id, "square", &format!("Heat map of segments against predicted segments, {how}.")),
            data::guesses(confusion, &how)
        )
    };
    format!(
        "<section id=\"validation\">\n<h2>Can they be told apart?</h2>\n<p class=\"how\">A {} naive Bayes classifier guesses \
         each user’s segment from the raw ratings. A row is the segment a user is in, a column the one guessed; the \
         shade is the share of the row. A strong diagonal means that the segments are easily told apart; a strong cell \
         beside it shows two that are mixed up.</p>\n\
         <div class=\"scale\" aria-hidden=\"true\"><span>none</span><i></i><span>all users of the segment</span></div>\n\
         <div class=\"square-pair\">\n{}{}</div>\n</section>\n",
        html(&validation.model),
        panel(
            "chart-in-sample",
            "In sample",
            "Guessed for users the classifier has learnt from, which flatters it.",
            &validation.in_sample
        ),
        panel(
            "chart-out-of-fold",
            "Out of fold",
            &format!("Guessed for users it has not seen, in {}.", plural(validation.folds as u64, "fold")),
            &validation.out_of_fold
        ),
    )
}

pub fn variance_and_sweep(outcome: &Outcome) -> String {
    format!("<div class=\"pair\">\n{}{}</div>\n", variance(outcome), sweep(outcome))
}

fn variance(outcome: &Outcome) -> String {
    let kept = outcome.pca.components.nrows();
    let further = outcome.pca.explained_variance_ratio.len() > kept;
    let key = [
        key("", "--accent", "component used for the segments"),
        if further { key("", "--accent-soft", "further component, not used") } else { String::new() },
        key("line", "--accent-2", "sum so far"),
    ]
    .concat();
    format!(
        "<section id=\"variance\">\n<h2>Explained variance</h2>\n<p class=\"how\">How much of the differences between users each \
         component holds, and how much they hold together. Where the bars become flat, more components add little. The {} \
         used here {} {}.</p>\n<figure class=\"panel\">\n<ul class=\"key\">{key}</ul>\n{}{}</figure>\n</section>\n",
        plural(kept as u64, "component"),
        if kept == 1 { "holds" } else { "hold" },
        percent(explained(outcome)),
        chart("chart-variance", "", "Bar chart of the variance that each component explains, with its running sum."),
        data::variance(outcome)
    )
}

fn sweep(outcome: &Outcome) -> String {
    let spaces: Vec<_> = curves(outcome).collect();
    let entry = |(space, _): &(&str, _)| match *space {
        "projected" => key("line", "--accent", "on the components"),
        _ => key("line dashed", "--accent-2", "on all items"),
    };
    if spaces.is_empty() {
        return String::new();
    }
    let knees: Vec<String> = spaces.iter().filter_map(|(space, curve)| Some(knee(space, curve.knee?))).collect();
    let (ring, verdict) = match knees.as_slice() {
        [] => (String::new(), "No curve here has a clear bend.".to_string()),
        knees => (
            key("ring", "--muted", "suggested number"),
            format!("A ring marks where they begin to bring little: {}.", knees.join(" and ")),
        ),
    };
    format!(
        "<section id=\"inertia\">\n<h2>How many segments?</h2>\n<p class=\"how\">How far users lie from the centre of their \
         segment (inertia), for several numbers of segments, as a share of the first. More segments always bring it down. \
         {verdict} This run has {}.</p>\n<figure class=\"panel\">\n\
         <ul class=\"key\">{}{ring}</ul>\n{}{}</figure>\n</section>\n",
        plural(outcome.kmeans.sizes.len() as u64, "segment"),
        spaces.iter().map(entry).collect::<String>(),
        chart("chart-inertia", "", "Line chart of inertia against the number of clusters."),
        data::inertia(outcome)
    )
}

fn knee(space: &str, clusters: usize) -> String {
    let place = if space == "projected" { "on the components" } else { "on all items" };
    format!("at {clusters} {place}")
}

fn key(class: &str, color: &str, text: &str) -> String {
    format!("<li><i class=\"{class}\" style=\"--c: var({color})\"></i>{text}</li>\n")
}

/// Where `page.js` draws the chart of this id.
pub fn chart(id: &str, class: &str, says: &str) -> String {
    // The map has buttons of its own, which nothing inside an image can be.
    let role = if id == "chart-map" { "group" } else { "img" };
    format!("<div class=\"chart {class}\" id=\"{id}\" role=\"{role}\" aria-label=\"{says}\"></div>\n")
}
