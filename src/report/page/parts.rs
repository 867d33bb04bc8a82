//! Small pieces of the page that several of its parts show.

use super::detail::Detail;
use crate::report::charts;
use crate::results::Profile;
use crate::results::shown::Shown;
use crate::watch::format::html;

/// The colour and symbol of a segment on the map.
pub fn dot(segment: usize) -> String {
    format!("<span class=\"dot {}\"></span>", charts::segment_class(segment))
}

/// The class that gives an element the colour of a segment.
pub fn color(segment: usize) -> String {
    charts::segment_class(segment).split(' ').next().unwrap_or_default().to_string()
}

/// A bar filled to `share` of its width, with a tick at `tick`.
pub fn bar(share: f64, tick: Option<f64>) -> String {
    let width = |share: f64| (share.clamp(0.0, 1.0) * 1000.0).round() / 10.0;
    match tick {
        Some(tick) => format!(
            "<span class=\"bar ticked\" style=\"--v: {}%; --all: {}%\" aria-hidden=\"true\"></span>",
            width(share),
            width(tick)
        ),
        None => format!("<span class=\"bar\" style=\"--v: {}%\"></span>", width(share)),
    }
}

/// A table that opens on demand and scrolls in its box. The first column names the row.
pub fn data_table(title: &str, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head: String = columns.iter().map(|column| format!("<th scope=\"col\">{column}</th>")).collect();
    let row = |cells: Vec<String>| {
        let (first, others) = cells.split_first().map_or(("", &[][..]), |(first, others)| (first.as_str(), others));
        let others: String = others.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        format!("<tr><th scope=\"row\">{first}</th>{others}</tr>\n")
    };
    format!(
        "<details class=\"data\">\n<summary>{title}: the numbers</summary>\n\
         <div class=\"scroll\" role=\"group\" aria-label=\"{title}\" tabindex=\"0\">\n\
         <table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{}</tbody>\n</table>\n</div>\n</details>\n",
        rows.map(row).collect::<String>()
    )
}

/// The title of an item.
pub fn item(shown: &Shown, item: u32, detail: &Detail) -> String {
    html(&detail.cut(&shown.items.name(item)))
}

/// The items, at most `n`, that members have more often than all users.
pub fn stands_out(shown: &Shown, profile: &Profile, n: usize, detail: &Detail) -> Vec<String> {
    profile.distinctive.iter().take(n).map(|share| item(shown, share.item, detail)).collect()
}

/// An entry of the list of marks beside a chart.
pub fn key(class: &str, color: &str, text: &str) -> String {
    format!("<li><i class=\"{class}\" style=\"--c: var({color})\"></i>{text}</li>\n")
}
