//! `report.html`: one page that opens anywhere, with no network.
//!
//! Styles, scripts and plotly.js are in the page, and its content security policy forbids every request. Numbers and
//! cards are plain HTML; the charts are data in a `<script type="application/json">` that `assets/page.js` draws, with
//! the same numbers as a table beside each. Every text that comes from the data or the job goes through [`html`] or
//! [`script_json`].
//!
//! | module | what it shows |
//! |---|---|
//! | [`figures`], [`data`] | the charts, and the tables behind them |
//! | [`cards`] | a card per segment |
//! | [`continuity`] | what changed since the earlier run |
//! | [`run`] | how the result was made |

mod cards;
mod continuity;
mod data;
mod figures;
mod parts;
mod run;

use std::io::{self, Write};

use crate::report::Outcome;
use crate::report::charts;
use crate::report::format::{count, html, percent, plural, script_json};
use crate::report::run::Digests;
use crate::report::tables::curves;

const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");

/// Nothing may be fetched from anywhere; what is in the page may run.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; \
                      base-uri 'none'; form-action 'none'";

/// Writes the page. `rejects`: the output folder has a `rejects.tsv`.
pub fn write(outcome: &Outcome, digests: &Digests, rejects: bool, sink: &mut impl Write) -> io::Result<()> {
    let name = html(&name(outcome));
    write!(
        sink,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{name}: customer segments</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<div class=\"page\">\n"
    )?;
    write!(sink, "<header>\n{}</header>\n<main>\n", head(outcome, &name))?;
    let sections = [
        figures::sizes(outcome),
        figures::map(outcome),
        cards::section(outcome),
        continuity::section(outcome),
        figures::validation(outcome),
        figures::variance_and_sweep(outcome),
        run::section(outcome, digests, rejects),
    ];
    sections.iter().try_for_each(|section| sink.write_all(section.as_bytes()))?;
    write!(sink, "</main>\n{FOOTER}</div>\n")?;
    let charts = script_json(&charts::all(outcome).to_string());
    writeln!(sink, "<script type=\"application/json\" id=\"charts\">{charts}</script>")?;
    sink.write_all(plotly_script(&plotly::Plot::offline_js_sources()).as_bytes())?;
    write!(sink, "\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n")
}

const FOOTER: &str = "<footer><p>Written by segmill. This page needs no network; charts by plotly.js (MIT licence).</p>\
                      </footer>\n";

/// The first script of what the plotly crate embeds: plotly.js itself. The second is MathJax, which no chart here uses.
fn plotly_script(sources: &str) -> &str {
    const END: &str = "</script>";
    match sources.find(END) {
        Some(at) => &sources[..at + END.len()],
        None => sources,
    }
}

/// What the run is called: the output folder's name.
fn name(outcome: &Outcome) -> String {
    outcome.job.output.file_name().map_or_else(|| "Segments".into(), |name| name.to_string_lossy().into_owned())
}

fn head(outcome: &Outcome, name: &str) -> String {
    format!(
        "<p class=\"eyebrow\">Customer segments</p>\n<h1>{name}</h1>\n<p class=\"lead\">{}</p>\n{}{}{}\
         <noscript><p class=\"warnings\">The charts need JavaScript. The numbers behind them are in the files beside \
         this page.</p></noscript>\n",
        lead(outcome),
        stats(outcome),
        warnings(outcome),
        contents(outcome)
    )
}

/// The run in three sentences; in one where there is nothing to tell apart.
fn lead(outcome: &Outcome) -> String {
    let sizes = &outcome.kmeans.sizes;
    let users = outcome.measured.n_users;
    let verb = if users == 1 { "was" } else { "were" };
    let first = format!(
        "{} {verb} put into {} by what they rated, so that users of one segment resemble each other.",
        plural(users, "user"),
        plural(sizes.len() as u64, "segment")
    );
    if sizes.len() < 2 {
        return first;
    }
    let share = |size: u64| percent(size as f64 / users.max(1) as f64);
    let largest = sizes.iter().max().copied().unwrap_or(0);
    let smallest = sizes.iter().min().copied().unwrap_or(0);
    format!(
        "{first} The largest segment holds {} ({}), the smallest {} ({}). A classifier that was not told a user’s segment \
         finds it from the ratings for {} of users; always naming the largest segment would be right for {}.",
        plural(largest, "user"),
        share(largest),
        plural(smallest, "user"),
        share(smallest),
        percent(outcome.validation.out_of_fold.accuracy()),
        share(largest)
    )
}

fn stats(outcome: &Outcome) -> String {
    let measured = &outcome.measured;
    let pairs = measured.n_users as f64 * measured.n_items as f64;
    let filled = if pairs > 0.0 { measured.n_ratings as f64 / pairs } else { 0.0 };
    let components = outcome.pca.components.nrows();
    let validation = &outcome.validation;
    let tiles = [
        ("Users", count(measured.n_users), String::new()),
        ("Items", count(measured.n_items), String::new()),
        ("Ratings", count(measured.n_ratings), format!("{} of all user–item pairs", percent(filled))),
        ("Segments", count(outcome.kmeans.sizes.len() as u64), starts_note(outcome)),
        ("Variance explained", percent(explained(outcome)), format!("by {}", plural(components as u64, "component"))),
        (
            "Segment recovered",
            percent(validation.out_of_fold.accuracy()),
            format!(
                "by {} naive Bayes, out of fold; {} in sample",
                html(&validation.model),
                percent(validation.in_sample.accuracy())
            ),
        ),
    ];
    let tile = |(label, number, note): &(&str, String, String)| {
        let note = if note.is_empty() { String::new() } else { format!("<dd class=\"note\">{note}</dd>") };
        format!("<div><dt>{label}</dt><dd class=\"number\">{number}</dd>{note}</div>\n")
    };
    format!("<dl class=\"stats\">\n{}</dl>\n", tiles.iter().map(tile).collect::<String>())
}

fn starts_note(outcome: &Outcome) -> String {
    match outcome.kmeans.starts.len() {
        0 | 1 => "one start of k‑means".into(),
        n => format!("best of {n} starts of k‑means"),
    }
}

/// Share of the variance that the components used explain.
fn explained(outcome: &Outcome) -> f64 {
    outcome.pca.explained_variance_ratio.iter().take(outcome.pca.components.nrows()).sum()
}

fn warnings(outcome: &Outcome) -> String {
    if outcome.warnings.is_empty() {
        return String::new();
    }
    let lines: String = outcome.warnings.iter().map(|warning| format!("<li>{}</li>\n", html(warning))).collect();
    let title = if outcome.warnings.len() == 1 { "One warning" } else { "Warnings" };
    format!("<div class=\"warnings\" role=\"note\"><strong>{title}</strong>\n<ul>\n{lines}</ul></div>\n")
}

fn contents(outcome: &Outcome) -> String {
    let mut links = vec![
        ("sizes", "Sizes"),
        ("map", "Map of users"),
        ("segments", "Segments"),
        ("validation", "Can they be told apart?"),
        ("variance", "Explained variance"),
    ];
    if curves(outcome).next().is_some() {
        links.push(("inertia", "How many segments?"));
    }
    if outcome.continuity.is_some() {
        links.insert(3, ("continuity", "What changed"));
    }
    links.push(("run", "This run"));
    let items: String = links.iter().map(|(id, text)| format!("<li><a href=\"#{id}\">{text}</a></li>\n")).collect();
    format!("<nav aria-label=\"Contents\"><ul>\n{items}</ul></nav>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::ids::Id;
    use crate::report::fixture::{self, SMALL};

    const HOSTILE: &str = "</script><b>\"&'{{%{x}";

    fn page(outcome: &Outcome) -> String {
        let mut sink = Vec::new();
        write(outcome, &crate::report::write::digests(outcome), false, &mut sink).unwrap();
        String::from_utf8(sink).unwrap()
    }

    /// The page without the scripts that are not ours to check.
    fn own(page: &str) -> &str {
        &page[..page.find("<script type=\"text/javascript\">").unwrap()]
    }

    #[test]
    fn no_text_of_the_data_becomes_markup() {
        let mut outcome = fixture::outcome(SMALL);
        outcome.items.titles.fill(Some(HOSTILE.into()));
        outcome.map[0].user = Id::Text(HOSTILE.into());
        outcome.warnings = vec![HOSTILE.into()];
        outcome.measured.stages[0].stage = HOSTILE.into();
        outcome.job.output = "out/<img src=x>".into();
        let page = page(&outcome);
        let own = own(&page);
        assert!(own.contains("&lt;/script&gt;&lt;b&gt;"), "the titles are there");
        assert!(!own.contains("<b>\"") && !own.contains("<img"));
        let untouched = self::page(&fixture::outcome(SMALL));
        assert_eq!(page.matches("</script>").count(), untouched.matches("</script>").count());
    }

    #[test]
    fn the_charts_are_json_that_reads_back() {
        let mut outcome = fixture::outcome(SMALL);
        outcome.map[0].user = Id::Text(HOSTILE.into());
        let page = page(&outcome);
        let start = page.find("id=\"charts\">").unwrap() + "id=\"charts\">".len();
        let json = &page[start..start + page[start..].find("</script>").unwrap()];
        let charts: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(charts["chart-map"]["data"].as_array().unwrap().len(), SMALL.clusters);
        let shown: usize =
            (0..SMALL.clusters).map(|s| charts["chart-map"]["data"][s]["x"].as_array().unwrap().len()).sum();
        assert_eq!(shown, SMALL.users);
        for id in charts.as_object().unwrap().keys() {
            assert!(page.contains(&format!("id=\"{id}\"")), "the page has no place for {id}");
        }
    }

    #[test]
    fn the_page_asks_for_nothing_from_anywhere() {
        let page = page(&fixture::outcome(SMALL));
        let own = own(&page);
        assert!(own.contains("default-src 'none'"));
        for request in ["http://", "https://", "<script src", "<link rel=\"stylesheet", "@import", "url("] {
            assert!(!own.contains(request) && !SCRIPT.contains(request), "{request}");
        }
        assert_eq!(page.matches("* plotly.js v").count(), 1);
        assert_eq!(page.matches("<script type=\"text/javascript\">").count(), 1, "plotly.js without MathJax");
        assert!(!SCRIPT.contains("</script") && !STYLE.contains("</style"));
    }

    #[test]
    fn every_segment_has_a_card_and_every_part_its_place() {
        let outcome = fixture::outcome(SMALL);
        let page = page(&outcome);
        assert_eq!(page.matches("<article class=\"card\"").count(), SMALL.clusters);
        for id in ["sizes", "map", "segments", "validation", "variance", "inertia", "run"] {
            assert!(page.contains(&format!("<section id=\"{id}\">")), "{id}");
        }
        let without = self::page(&Outcome { sweep: None, ..outcome });
        assert!(!own(&without).contains("inertia\">") && !own(&without).contains("chart-inertia"));
    }

    #[test]
    fn one_user_one_item_one_segment_make_a_page() {
        let size = fixture::Size { users: 1, items: 1, clusters: 1, components: 1, top: 1 };
        let mut outcome = fixture::outcome(size);
        outcome.kmeans.starts.clear();
        outcome.pca.total_variance = 0.0;
        outcome.pca.explained_variance_ratio.fill(f64::NAN);
        outcome.profiles[0].top[0].score_all = 0.0;
        let page = page(&outcome);
        assert!(own(&page).contains("1 user was put into 1 segment"));
        assert!(!own(&page).contains("NaN"));
    }
}
