//! `report.html`: one page that opens anywhere, with no network.
//!
//! Styles, scripts and plotly.js are in the page, and its content security policy forbids every request. Numbers and
//! cards are plain HTML; the charts are data in a `<script type="application/json">` that `assets/page.js` draws. Every
//! text that comes from the data or the job goes through [`html`] or [`script_json`].

use std::io::{self, Write};

use crate::profile::{Profile, ProfileItem};
use crate::report::Outcome;
use crate::report::charts;
use crate::report::format::{bytes, count, decimals, html, percent, plural, script_json, seconds, significant};
use crate::report::run::{Digests, Stage, winning_iterations};
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
    for section in [sizes(outcome), map(outcome), cards(outcome), validation(outcome), variance_and_sweep(outcome)] {
        sink.write_all(section.as_bytes())?;
    }
    write!(sink, "{}</main>\n{FOOTER}</div>\n", run(outcome, digests, rejects))?;
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
    links.push(("run", "This run"));
    let items: String = links.iter().map(|(id, text)| format!("<li><a href=\"#{id}\">{text}</a></li>\n")).collect();
    format!("<nav aria-label=\"Contents\"><ul>\n{items}</ul></nav>\n")
}

fn sizes(outcome: &Outcome) -> String {
    let largest = outcome.kmeans.sizes.first().copied().unwrap_or(0);
    format!(
        "<section id=\"sizes\">\n<h2>Sizes</h2>\n<p class=\"how\">Each bar is a segment, its height the number of users in \
         it. Segments are numbered by size: 0 is the largest.</p>\n<figure class=\"panel\">{}</figure>\n</section>\n",
        chart(
            "chart-sizes",
            "",
            &format!("Bar chart of users by segment. The largest has {}.", plural(largest, "user"))
        )
    )
}

fn map(outcome: &Outcome) -> String {
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
         {sample} Use the buttons to show or hide segments.</p>\n<figure class=\"panel\">\n{}{}</figure>\n</section>\n",
        chips(outcome.kmeans.sizes.len()),
        chart("chart-map", "tall", "Scatter chart of users on the first two components, coloured by segment.")
    )
}

fn chips(n_segments: usize) -> String {
    let chip = |segment: usize| {
        format!(
            "<button type=\"button\" data-segment=\"{segment}\" aria-pressed=\"true\">{}{segment}</button>\n",
            dot(segment)
        )
    };
    format!(
        "<div class=\"chips\" role=\"group\" aria-label=\"Segments shown on the map\">\n\
         <button type=\"button\" data-all=\"on\">All</button>\n<button type=\"button\" data-all=\"off\">None</button>\n{}</div>\n",
        (0..n_segments).map(chip).collect::<String>()
    )
}

/// The colour and symbol of a segment on the map.
fn dot(segment: usize) -> String {
    format!(
        "<span class=\"dot s{}\" style=\"--c: {}\" aria-hidden=\"true\"></span>",
        charts::segment_symbol(segment),
        charts::segment_color(segment)
    )
}

fn cards(outcome: &Outcome) -> String {
    let scores = outcome.profiles.iter().flat_map(|profile| &profile.top).map(|top| top.score.max(top.score_all));
    let longest = scores.fold(0.0, f64::max);
    let cards: String = outcome.profiles.iter().map(|profile| card(outcome, profile, longest)).collect();
    format!(
        "<section id=\"segments\">\n<h2>Segments</h2>\n<p class=\"how\">The items that matter most in each segment. The first \
         number and the bar are the item’s mean TF-IDF score among the members: high where many of them rated it and \
         it weighs much in their list. The tick is the same score over all users, the last number how many times that \
         it is. A bar far past its tick is what is special about the segment. All bars have one scale.</p>\n\
         <div class=\"cards\">\n{cards}</div>\n</section>\n"
    )
}

fn card(outcome: &Outcome, profile: &Profile, longest: f64) -> String {
    let segment = profile.segment as usize;
    let share = percent(profile.size as f64 / outcome.measured.n_users.max(1) as f64);
    let items: String = profile.top.iter().map(|top| card_item(outcome, top, longest)).collect();
    let items = if items.is_empty() { "<li>No items.</li>\n".to_string() } else { items };
    format!(
        "<article class=\"card\" style=\"--c: {}\">\n<header><h3>{}Segment {segment}</h3>\
         <span class=\"size\">{}, {share}</span></header>\n\
         <p class=\"apart\"><span>Differs from all users</span><span>{}</span></p>{}\n{}<ol class=\"items\">\n{items}</ol>\n\
         </article>\n",
        charts::segment_color(segment),
        dot(segment),
        plural(profile.size, "user"),
        significant(profile.distance_from_all, 2),
        bar(profile.distance_from_all, None),
        stands_out(outcome, profile),
    )
}

/// The two items whose score exceeds that of all users most.
fn stands_out(outcome: &Outcome, profile: &Profile) -> String {
    let excess = |top: &ProfileItem| top.score - top.score_all;
    let mut above: Vec<&ProfileItem> = profile.top.iter().filter(|top| excess(top) > 0.0).collect();
    above.sort_by(|a, b| excess(b).total_cmp(&excess(a)).then(a.item.cmp(&b.item)));
    let titles: Vec<String> = above.iter().take(2).map(|top| format!("<b>{}</b>", item_name(outcome, top))).collect();
    match titles.is_empty() {
        true => String::new(),
        false => format!("<p class=\"for\">Stands out for {}</p>\n", titles.join(" and ")),
    }
}

/// The title for HTML; an item without one is told by its id.
fn item_name(outcome: &Outcome, top: &ProfileItem) -> String {
    let item = top.item as usize;
    match &outcome.items.titles[item] {
        Some(title) => html(title),
        None => format!("item {}", html(&outcome.items.ids[item].to_string())),
    }
}

fn card_item(outcome: &Outcome, top: &ProfileItem, longest: f64) -> String {
    let title = item_name(outcome, top);
    // Three digits of the largest score, and as many decimals for the others: the column stays aligned.
    let decimals = decimals(longest, 3);
    let score = |score: f64| format!("{score:.decimals$}");
    let scale = |score: f64| if longest > 0.0 { score / longest } else { 0.0 };
    let (lift, high) = match top.score / top.score_all {
        lift if lift.is_finite() => (format!("{lift:.*} ×", if lift < 9.95 { 1 } else { 0 }), lift >= 2.0),
        _ => ("–".into(), false),
    };
    format!(
        "<li><span class=\"title\" title=\"{title}\">{title}</span><span class=\"score\">{}</span>\
         <span class=\"lift{}\">{lift}</span><span class=\"unseen\">all users {}</span>{}</li>\n",
        score(top.score),
        if high { " high" } else { "" },
        score(top.score_all),
        bar(scale(top.score), Some(scale(top.score_all)))
    )
}

/// A bar filled to `share` of its width, with a tick at `tick`.
fn bar(share: f64, tick: Option<f64>) -> String {
    let width = |share: f64| (share.clamp(0.0, 1.0) * 1000.0).round() / 10.0;
    match tick {
        Some(tick) => format!(
            "<span class=\"bar ticked\" style=\"--v: {}%; --all: {}%\" aria-hidden=\"true\"></span>",
            width(share),
            width(tick)
        ),
        None => format!("<span class=\"bar\" style=\"--v: {}%\" aria-hidden=\"true\"></span>", width(share)),
    }
}

fn validation(outcome: &Outcome) -> String {
    let validation = &outcome.validation;
    let panel = |id: &str, title: &str, note: &str, accuracy: f64| {
        format!(
            "<figure class=\"panel\">\n<figcaption><h3>{title}: {}</h3><p class=\"muted\">{note}</p></figcaption>\n{}</figure>\n",
            percent(accuracy),
            chart(id, "square", &format!("Heat map of segments against predicted segments, {}.", title.to_lowercase()))
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
            validation.in_sample.accuracy()
        ),
        panel(
            "chart-out-of-fold",
            "Out of fold",
            &format!("Guessed for users it has not seen, in {}.", plural(validation.folds as u64, "fold")),
            validation.out_of_fold.accuracy()
        ),
    )
}

fn variance_and_sweep(outcome: &Outcome) -> String {
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
         used here {} {}.</p>\n<figure class=\"panel\">\n<ul class=\"key\">{key}</ul>\n{}</figure>\n</section>\n",
        plural(kept as u64, "component"),
        if kept == 1 { "holds" } else { "hold" },
        percent(explained(outcome)),
        chart("chart-variance", "", "Bar chart of the variance that each component explains, with its running sum.")
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
         <ul class=\"key\">{}{ring}</ul>\n{}</figure>\n</section>\n",
        plural(outcome.kmeans.sizes.len() as u64, "segment"),
        spaces.iter().map(entry).collect::<String>(),
        chart("chart-inertia", "", "Line chart of inertia against the number of clusters.")
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
fn chart(id: &str, class: &str, says: &str) -> String {
    format!("<div class=\"chart {class}\" id=\"{id}\" role=\"img\" aria-label=\"{says}\"></div>\n")
}

fn run(outcome: &Outcome, digests: &Digests, rejects: bool) -> String {
    format!(
        "<section id=\"run\">\n<h2>This run</h2>\n<div class=\"columns\">\n{}{}{}{}{}</div>\n</section>\n",
        panel("Rows read", "sums", &ledger(outcome)),
        panel("How it was made", "", &facts(outcome)),
        panel("Time", "", &stages(outcome)),
        panel("Files", "names", &files(rejects)),
        panel("Digests", "names", &digest_rows(digests)),
    )
}

fn panel(title: &str, class: &str, rows: &str) -> String {
    format!("<div class=\"panel\"><h3>{title}</h3>\n<table class=\"{class}\">\n{rows}</table></div>\n")
}

fn ledger(outcome: &Outcome) -> String {
    let ledger = &outcome.ledger;
    let row = |label: &str, value: u64| {
        format!("<tr><th scope=\"row\">{label}</th><td class=\"figure\">{}</td></tr>\n", count(value))
    };
    let total = row("Read", ledger.read).replacen("<tr>", "<tr class=\"total\">", 1);
    [
        row("Accepted", ledger.accepted),
        row("Merged into another row of the same user and item", ledger.merged),
        row("Left out by the job's filters", ledger.filtered),
        row("Rejected", ledger.rejected),
        total,
    ]
    .concat()
}

fn facts(outcome: &Outcome) -> String {
    let (job, pca, measured) = (&outcome.job, &outcome.pca, &outcome.measured);
    let weighting = format!("{:?}", job.matrix.weighting).to_lowercase();
    let normalize = format!("{:?}", job.matrix.normalize).to_lowercase();
    let solver = format!(
        "{} ({}), {}, residual {}{}",
        pca.solver.solver,
        pca.solver.reason,
        plural(pca.solver.iterations as u64, "iteration"),
        significant(pca.solver.residual, 2),
        if pca.solver.converged { "" } else { ", not converged" }
    );
    let lloyd = format!(
        "start {} of {} won, {}, inertia {}",
        outcome.kmeans.best_start + 1,
        outcome.kmeans.starts.len(),
        plural(winning_iterations(outcome) as u64, "iteration"),
        significant(outcome.kmeans.inertia, 7)
    );
    let layout =
        format!("{} × {}", plural_es(measured.processes as u64, "process"), plural(measured.workers as u64, "worker"));
    let facts = [
        ("Matrix", format!("weighting {weighting}, normalize {normalize}")),
        ("Total variance", significant(pca.total_variance, 7)),
        ("Principal components", solver),
        ("k-means", lloyd),
        ("Seed", job.seed.to_string()),
        ("Layout", layout),
        ("Peak memory", bytes(measured.peak_memory)),
        ("Version", format!("segmill {}", env!("CARGO_PKG_VERSION"))),
    ];
    facts.iter().map(|(label, value)| fact(label, &html(value))).collect()
}

fn plural_es(value: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "es" })
}

fn fact(label: &str, value: &str) -> String {
    format!("<tr><th scope=\"row\">{label}</th><td>{value}</td></tr>\n")
}

fn stages(outcome: &Outcome) -> String {
    let measured = &outcome.measured;
    let longest = measured.stages.iter().map(|stage| stage.seconds).fold(0.0, f64::max);
    let row = |stage: &Stage| {
        let share = if longest > 0.0 { stage.seconds / longest } else { 0.0 };
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"figure\">{}</td></tr>\n",
            html(&stage.stage),
            bar(share, None),
            seconds(stage.seconds)
        )
    };
    let rows: String = measured.stages.iter().map(row).collect();
    format!(
        "{rows}<tr class=\"total\"><th scope=\"row\">In all</th><td></td><td class=\"figure\">{}</td></tr>\n",
        seconds(measured.total_seconds)
    )
}

fn files(rejects: bool) -> String {
    let files = [
        ("segments.parquet", "each user’s segment, the next nearest, and the distances"),
        ("profiles.parquet", "the top items of each segment"),
        ("explained_variance.csv", "the chart of explained variance"),
        ("inertia.csv", "the chart of inertia"),
        ("confusion.csv", "both confusion matrices"),
        ("model/", "what puts a new user into a segment"),
        ("run.json", "the job as run, times, accuracies, digests"),
        ("rejects.tsv", "the rows left out, and why"),
    ];
    let shown = files.iter().filter(|(file, _)| rejects || *file != "rejects.tsv");
    shown.map(|(file, holds)| fact(&format!("<a href=\"{file}\"><code>{file}</code></a>"), holds)).collect()
}

/// The first half of each digest: enough to compare by eye.
fn digest_rows(digests: &Digests) -> String {
    let row = |(table, digest): (&String, &String)| {
        let shown: String = digest.chars().take(16).collect();
        fact(&html(table), &format!("<code title=\"{digest}\">{shown}…</code>"))
    };
    digests.iter().map(row).collect()
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
