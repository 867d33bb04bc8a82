//! What was read, how the result was made, how long it took, and where the files are.

use super::parts::bar;
use crate::report::Outcome;
use crate::report::format::{bytes, count, html, plural, seconds, significant};
use crate::report::run::{Digests, Stage, winning_iterations};

pub fn section(outcome: &Outcome, digests: &Digests, rejects: bool) -> String {
    format!(
        "<section id=\"run\">\n<h2>This run</h2>\n<div class=\"columns\">\n{}{}{}{}{}</div>\n</section>\n",
        panel("Rows read", "sums", &ledger(outcome)),
        panel("How it was made", "", &facts(outcome)),
        panel("Time", "", &stages(outcome)),
        panel("Files", "names", &files(rejects, outcome.continuity.is_some())),
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
        row("Left out by the job’s filters", ledger.filtered),
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
        "{} ({}), {}, residual <span class=\"whole\">{}</span>{}",
        html(&pca.solver.solver),
        html(&pca.solver.reason),
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
    facts.iter().map(|(label, value)| fact(label, value)).collect()
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

fn files(rejects: bool, compared: bool) -> String {
    let files = [
        ("segments.parquet", "each user’s segment, the next nearest, and the distances"),
        ("profiles.parquet", "the top items of each segment"),
        ("moves.parquet", "the users who moved since the earlier run"),
        ("explained_variance.csv", "the chart of explained variance"),
        ("inertia.csv", "the chart of inertia"),
        ("confusion.csv", "both confusion matrices"),
        ("model/", "what puts a new user into a segment"),
        ("run.json", "the job as run, times, accuracies, digests"),
        ("rejects.tsv", "the rows left out, and why"),
    ];
    let shown = files.iter().filter(|(file, _)| match *file {
        "rejects.tsv" => rejects,
        "moves.parquet" => compared,
        _ => true,
    });
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
