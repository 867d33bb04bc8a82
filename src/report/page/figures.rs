//! The map of users and the components, with what explains them and the numbers behind them as tables.

use super::data;
use super::detail::Detail;
use super::parts::{dot, key};
use crate::report::charts;
use crate::results::shown::Shown;
use crate::watch::format::{count, percent, plural};

pub fn map(shown: &Shown, detail: &Detail) -> String {
    let (most, segments) = (detail.points, detail.segments(&shown.kmeans.sizes));
    format!(
        "<section id=\"map\">\n<h2>Map of users</h2>\n<p class=\"how\">Each point is a user, placed along the two directions \
         in which users differ most: users who are close together rate alike. A framed number marks the centre of a segment.\
         {}{}{}<span class=\"scripted\" hidden> Use the buttons to show or hide segments.</span></p>\n\
         <figure class=\"panel\">\n{}{TOOLS}{}{}</figure>\n</section>\n",
        room(shown.kmeans.sizes.len()),
        apart(shown.pca.n_components),
        sample(shown, most),
        chips(shown, &segments),
        charts::map(shown, most),
        data::centres(shown, &segments)
    )
}

fn room(segments: usize) -> &'static str {
    match segments {
        0..=25 => "",
        _ => " Where there is no room for all numbers, the larger segments keep theirs.",
    }
}

fn apart(components: usize) -> String {
    let others = match components {
        0..=2 => return String::new(),
        3 => "third component".to_string(),
        n => format!("other {} components", n - 2),
    };
    format!(" Segments that overlap here may lie apart along the {others}.")
}

fn sample(shown: &Shown, most: usize) -> String {
    let (drawn, users) = (charts::drawn(shown, most).len() as u64, shown.measured.n_users);
    if drawn < users { format!(" {} of {} users are shown.", count(drawn), count(users)) } else { String::new() }
}

fn chips(shown: &Shown, segments: &[usize]) -> String {
    let chip = |&segment: &usize| {
        format!(
            "<button data-of=\"{segment}\" aria-pressed=\"true\">{}<span class=\"name\">{}</span></button>\n",
            dot(segment),
            shown.label_html(segment)
        )
    };
    format!(
        "<div class=\"chips\" role=\"group\" aria-label=\"Segments shown on the map\">\n\
         <button class=\"scripted\" data-all=\"on\" hidden>All</button>\n\
         <button class=\"scripted\" data-all=\"off\" hidden>None</button>\n{}</div>\n",
        segments.iter().map(chip).collect::<String>()
    )
}

/// What enlarges the map: `page.js` shows it.
const TOOLS: &str = "<div class=\"tools scripted\" role=\"group\" aria-label=\"Size of the map\" hidden>\n\
                     <button data-zoom=\"in\">Zoom in</button>\n<button data-zoom=\"out\">Zoom out</button>\n\
                     <button data-zoom=\"all\">Show all</button>\n</div>\n";

pub fn variance(shown: &Shown) -> String {
    let kept = shown.pca.n_components;
    let further = shown.pca.explained_variance_ratio.len() > kept;
    let key = [
        key("", "--accent", "component used for the segments"),
        if further { key("", "--accent-soft", "further component, not used") } else { String::new() },
        key("line", "--accent-2", "sum so far"),
    ]
    .concat();
    format!(
        "<section id=\"variance\">\n<h2>Explained variance</h2>\n<p class=\"how\">How much of the variance between users each \
         component explains, and how much they explain together. Where the bars level off, more components add little. The \
         {} used here {} {}.</p>\n<figure class=\"panel\">\n<ul class=\"key\">{key}</ul>\n{}{}</figure>\n</section>\n",
        plural(kept as u64, "component"),
        if kept == 1 { "explains" } else { "explain" },
        percent(shown.explained()),
        charts::variance(shown),
        data::variance(shown)
    )
}
