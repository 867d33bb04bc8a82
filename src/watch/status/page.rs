//! How far the process is, as a page that reloads itself: no script, nothing from elsewhere.

use std::fmt::Write;

use super::line::line;
use super::live;
use super::table::{Row, cells, table};
use crate::watch::format::{bytes, count, html, plural, seconds, significant};
use crate::watch::progress::{Snapshot, Starts, Sweeps};

const STYLE: &str = include_str!("page.css");
const EVERY_SECONDS: u32 = 2;

pub fn page(now: &Snapshot) -> String {
    let mut out = head(&state(now));
    if let Some((live, seconds)) = &now.live {
        live::part(&mut out, live, *seconds);
    }
    let far = line(now);
    if !far.is_empty() {
        let _ = writeln!(out, "<p class=\"far\">{}</p>", html(&far));
    }
    tables(&mut out, now);
    out.push_str(&foot());
    out
}

fn head(state: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"{EVERY_SECONDS}\">\n<title>segmill: {state}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>segmill <span>{state}</span></h1>\n"
    )
}

fn tables(out: &mut String, now: &Snapshot) {
    table(out, "Stages", &["Stage", "Time"], stages(now));
    table(out, "Rows of this process", &["Rows", "Count"], rows(now));
    if let Some(pca) = now.sweeps {
        table(out, "Principal components", &["Quantity", "Value"], sweeps(pca));
    }
    if !now.kmeans.is_empty() {
        let columns = ["Space", "Clusters", "Waiting", "Running", "Ended", "Iterations", "Lowest inertia"];
        table(out, "k-means", &columns, now.kmeans.iter().map(starts).collect());
    }
    table(out, "Process", &["Quantity", "Value"], process(now));
}

fn foot() -> String {
    format!(
        "<p>segmill {}. The page reloads every {EVERY_SECONDS} seconds; <a href=\"/metrics\">metrics</a> are for Prometheus.</p>\n\
         </main>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn sweeps(pca: Sweeps) -> Vec<Row> {
    let residual = pca.residual.map_or("not known yet".into(), |residual| significant(residual, 3));
    vec![cells(&["sweeps", &count(pca.sweeps)]), cells(&["largest residual", &residual])]
}

fn state(now: &Snapshot) -> String {
    if let Some((live, _)) = &now.live {
        return live::state(live);
    }
    match now.stages.iter().find(|stage| stage.at_work) {
        Some(stage) => html(&stage.name),
        None if now.ready => "between stages".into(),
        None => "waiting for the other processes".into(),
    }
}

fn stages(now: &Snapshot) -> Vec<Row> {
    let name = |name: &str, at_work: bool| if at_work { format!("{name} (at work)") } else { name.to_string() };
    now.stages.iter().map(|s| (s.at_work, vec![name(&s.name, s.at_work), seconds(s.seconds)])).collect()
}

fn rows(now: &Snapshot) -> Vec<Row> {
    let rows = now.rows;
    let named = [
        ("read", rows.read),
        ("rejected", rows.rejected),
        ("accepted", rows.accepted),
        ("merged", rows.merged),
        ("filtered", rows.filtered),
    ];
    named.map(|(name, rows)| cells(&[name, &count(rows)])).into()
}

fn starts(starts: &Starts) -> Row {
    let inertia = if starts.inertia.is_finite() { significant(starts.inertia, 7) } else { "not known yet".into() };
    let Starts { waiting, running, ended, iterations, .. } = *starts;
    let counts = [starts.clusters as u64, waiting, running, ended, iterations].map(count);
    (starts.running > 0, [vec![starts.space.name().to_string()], counts.to_vec(), vec![inertia]].concat())
}

fn process(now: &Snapshot) -> Vec<Row> {
    let mut rows = vec![
        cells(&["memory", &bytes(now.memory.resident)]),
        cells(&["peak memory", &bytes(now.memory.peak)]),
        cells(&["connected to", &plural(now.peers.len() as u64, "peer")]),
    ];
    rows.extend(
        now.peers.iter().map(|(peer, silence)| {
            cells(&[&format!("process {peer} was heard"), &format!("{} ago", seconds(*silence))])
        }),
    );
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::progress::StageAt;

    #[test]
    fn names_are_escaped_and_nothing_comes_from_elsewhere() {
        let stage = StageAt { name: "<b>&".into(), seconds: 2.0, at_work: true };
        let page = page(&Snapshot { ready: true, stages: vec![stage], ..Snapshot::default() });
        assert!(page.contains("<title>segmill: &lt;b&gt;&amp;</title>"), "{page}");
        assert!(page.contains("&lt;b&gt;&amp; (at work)</th><td>2 s</td>") && !page.contains("<b>"), "{page}");
        for elsewhere in ["http://", "https://", "url(", "@import", "<script", "src="] {
            assert!(!page.contains(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn before_the_others_are_there_the_page_says_so() {
        assert!(page(&Snapshot::default()).contains("<span>waiting for the other processes</span>"));
    }
}
