//! The head of the page, for those who read nothing else: whether the segments are real, how many there are, and the
//! warnings.

use super::find::{self, Users};
use crate::report::verdict;
use crate::results::shown::Shown;
use crate::watch::format::{count, html, percent, plural};

pub fn head(shown: &Shown, users: &Users) -> String {
    format!(
        "<p class=\"eyebrow\">Customer segments</p>\n<h1>{}</h1>\n{}<p class=\"lead\">{}</p>\n{}{}{}{}",
        html(&shown.title),
        answer(shown),
        lead(shown),
        stats(shown),
        warnings(shown),
        contents(shown),
        find::form(shown, users)
    )
}

/// Whether the segments are real, in a sentence, and whether another number of them would be better.
fn answer(shown: &Shown) -> String {
    let Some(evidence) = &shown.evidence else { return String::new() };
    let word = verdict::word(evidence.verdict);
    let suggestion = verdict::suggestion(evidence, shown.kmeans.sizes.len());
    let suggestion = suggestion.or_else(|| verdict::advice(evidence.verdict, shown.chosen.is_some()));
    let suggestion = suggestion.map(|text| format!("<p class=\"suggestion\">{}</p>\n", html(&text)));
    format!(
        "<div class=\"verdict {word}\">\n<p class=\"badge\">Verdict: {word}</p>\n<p>{}</p>\n{}</div>\n",
        html(&evidence.summary),
        suggestion.unwrap_or_default()
    )
}

/// How many kinds, and how large they are; the first alone where there is nothing to tell apart.
fn lead(shown: &Shown) -> String {
    let sizes = &shown.kmeans.sizes;
    let first = format!(
        "{} {} into {}; users of the same kind rate alike.",
        plural(shown.measured.n_users, "user"),
        if shown.measured.n_users == 1 { "falls" } else { "fall" },
        plural(sizes.len() as u64, "kind")
    );
    if sizes.len() < 2 {
        return first;
    }
    let of = |size: u64| format!("{} ({})", plural(size, "user"), percent(shown.share(size)));
    let largest = sizes.iter().max().copied().unwrap_or(0);
    let smallest = sizes.iter().min().copied().unwrap_or(0);
    format!("{first} The largest segment holds {}, the smallest {}.", of(largest), of(smallest))
}

fn stats(shown: &Shown) -> String {
    let measured = &shown.measured;
    let pairs = measured.n_users as f64 * measured.n_items as f64;
    let filled = if pairs > 0.0 { measured.n_ratings as f64 / pairs } else { 0.0 };
    let tiles = [
        ("Users", count(measured.n_users), String::new()),
        ("Items", count(measured.n_items), String::new()),
        ("Ratings", count(measured.n_ratings), format!("{} of all user–item pairs", percent(filled))),
        ("Segments", count(shown.kmeans.sizes.len() as u64), stable_segments(shown)),
    ];
    let tile = |(label, number, note): &(&str, String, String)| {
        let note = if note.is_empty() { String::new() } else { format!("<dd class=\"note\">{note}</dd>") };
        format!("<div><dt>{label}</dt><dd class=\"number\">{number}</dd>{note}</div>\n")
    };
    format!("<dl class=\"stats\">\n{}</dl>\n", tiles.iter().map(tile).collect::<String>())
}

fn stable_segments(shown: &Shown) -> String {
    let Some(evidence) = &shown.evidence else { return String::new() };
    let stable = evidence.stability.jaccard.iter().filter(|&&jaccard| jaccard >= verdict::STABLE).count();
    match stable {
        0 => "none of them stable".into(),
        n if n == evidence.stability.jaccard.len() => "all of them stable".into(),
        n => format!("{n} of them stable"),
    }
}

fn warnings(shown: &Shown) -> String {
    if shown.warnings.is_empty() {
        return String::new();
    }
    let lines: String = shown.warnings.iter().map(|warning| format!("<li>{}</li>\n", html(warning))).collect();
    let title = if shown.warnings.len() == 1 { "One warning" } else { "Warnings" };
    format!("<div class=\"warnings\" role=\"note\"><strong>{title}</strong>\n<ul>\n{lines}</ul></div>\n")
}

fn contents(shown: &Shown) -> String {
    let parts = [
        ("kinds", "What kinds are there?", true),
        ("continuity", "What changed", shown.continuity.is_some()),
        ("segments", "Each segment", true),
        ("sure", "How sure are we?", true),
        ("number", "How many segments?", super::number::is_shown(shown)),
        ("chosen", "What was chosen?", super::chosen::is_shown(shown)),
        ("map", "Map of users", true),
        ("variance", "Explained variance", true),
        ("run", "This run", true),
    ];
    let link = |(id, text, is_there): &(&str, &str, bool)| {
        is_there.then(|| format!("<li><a href=\"#{id}\">{text}</a></li>\n"))
    };
    format!("<nav aria-label=\"Contents\"><ul>\n{}</ul></nav>\n", parts.iter().filter_map(link).collect::<String>())
}
