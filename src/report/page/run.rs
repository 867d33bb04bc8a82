//! What was read, how the result was made, how long it took, and where the files are.

use super::parts::bar;
use crate::results::Missing;
use crate::results::run::{Digests, Stage, winning_iterations};
use crate::results::shown::Shown;
use crate::watch::format::{bytes, count, html, plural, seconds, significant};

pub fn section(shown: &Shown) -> String {
    format!(
        "<section id=\"run\">\n<h2>This run</h2>\n<div class=\"columns\">\n{}{}{}{}{}</div>\n</section>\n",
        panel("Rows read", "sums", &ledger(shown)),
        panel("How it was made", "", &facts(shown)),
        panel("Time", "", &stages(shown)),
        panel("Files", "names", &files(shown)),
        panel("Digests", "names", &digest_rows(&shown.digests)),
    )
}

fn panel(title: &str, class: &str, rows: &str) -> String {
    format!("<div class=\"panel\"><h3>{title}</h3>\n<table class=\"{class}\">\n{rows}</table></div>\n")
}

fn ledger(shown: &Shown) -> String {
    let ledger = &shown.ledger;
    let row = |label: &str, value: u64| {
        format!("<tr><th scope=\"row\">{label}</th><td class=\"figure\">{}</td></tr>\n", count(value))
    };
    let total = row("Read", ledger.read).replacen("<tr>", "<tr class=\"total\">", 1);
    [
        row("Accepted", ledger.accepted),
        row("Merged into another row of the same user and item", ledger.merged),
        row("Left out by the job’s filters", ledger.filtered),
        row("Rejected", ledger.rejected),
        total,
    ]
    .concat()
}

fn facts(shown: &Shown) -> String {
    let measured = &shown.measured;
    let layout =
        format!("{} × {}", plural_es(measured.processes as u64, "process"), plural(measured.workers as u64, "worker"));
    let facts = [
        ("Matrix", matrix(shown)),
        ("Total variance", significant(shown.pca.total_variance, 7)),
        ("Principal components", solver(shown)),
        ("k-means", lloyd(shown)),
        ("Seed", shown.seed.to_string()),
        ("Layout", layout),
        ("Peak memory", bytes(measured.peak_memory)),
        ("Version", format!("segmill {}", html(&shown.versions.segmill))),
    ];
    facts.iter().map(|(label, value)| fact(label, value)).collect()
}

fn matrix(shown: &Shown) -> String {
    let weighting = format!("{:?}", shown.matrix.weighting).to_lowercase();
    let missing = if shown.matrix.missing == Missing::UserMean { ", missing user-mean" } else { "" };
    let normalize = format!("{:?}", shown.matrix.normalize).to_lowercase();
    format!("weighting {weighting}, normalize {normalize}{missing}")
}

fn solver(shown: &Shown) -> String {
    let solver = &shown.pca.solver;
    format!(
        "{} ({}), {}, residual <span class=\"whole\">{}</span>{}",
        html(&solver.solver),
        html(&solver.reason),
        plural(solver.iterations as u64, "iteration"),
        significant(solver.residual, 2),
        if solver.converged { "" } else { ", not converged" }
    )
}

fn lloyd(shown: &Shown) -> String {
    let kmeans = &shown.kmeans;
    format!(
        "start {} of {} won, {}, inertia {}",
        kmeans.best_start + 1,
        kmeans.starts.len(),
        plural(winning_iterations(&kmeans.starts, kmeans.best_start) as u64, "iteration"),
        significant(kmeans.inertia, 7)
    )
}

fn plural_es(value: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "es" })
}

fn fact(label: &str, value: &str) -> String {
    format!("<tr><th scope=\"row\">{label}</th><td>{value}</td></tr>\n")
}

fn stages(shown: &Shown) -> String {
    let measured = &shown.measured;
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

/// The files of the output folder beside the page, and what each holds.
const FILES: [(&str, &str); 11] = [
    ("segments.parquet", "each user’s segment, the next nearest, and the distances"),
    ("profiles.parquet", "the top items of each segment"),
    ("moves.parquet", "the users who moved since the earlier run"),
    ("explained_variance.csv", "the chart of explained variance"),
    ("inertia.csv", "the chart of inertia"),
    ("confusion.csv", "both confusion matrices"),
    ("evidence.csv", "what each number of segments is worth"),
    ("model/", "the fitted model, which places new users"),
    ("run.json", "the job as run, times, accuracies, digests"),
    ("report.json", "what this page shows; segmill report renders it again"),
    ("rejects.tsv", "the rows left out, and why"),
];

fn files(shown: &Shown) -> String {
    let is_there = |file: &str| match file {
        "rejects.tsv" => shown.rejects,
        "evidence.csv" => shown.evidence.is_some(),
        "moves.parquet" => shown.continuity.is_some(),
        _ => true,
    };
    let row = |(file, holds): &(&str, &str)| fact(&format!("<a href=\"{file}\"><code>{file}</code></a>"), holds);
    FILES.iter().filter(|(file, _)| is_there(file)).map(row).collect()
}

/// The first half of each digest: enough to compare by eye.
fn digest_rows(digests: &Digests) -> String {
    let row = |(table, digest): (&String, &String)| {
        let shown: String = digest.chars().take(16).collect();
        fact(&html(table), &format!("<code title=\"{digest}\">{shown}…</code>"))
    };
    digests.iter().map(row).collect()
}
