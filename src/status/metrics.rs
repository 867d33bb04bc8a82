//! How far the process is, in Prometheus' text format 0.0.4: base units, counters that end in `_total`.

use std::fmt::{Display, Write};

use crate::progress::{Rows, Snapshot};

/// The format as a content type.
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub fn metrics(now: &Snapshot) -> String {
    let mut text = Text::default();
    text.gauge("build_info", "Always 1; its label says which segmill this is.")
        .labelled(&[("version", &env!("CARGO_PKG_VERSION"))], 1.0);
    text.gauge("ready", "1 once all processes have found each other.").sample(f64::from(u8::from(now.ready)));
    stages(&mut text, now);
    far(&mut text, now);
    rows(&mut text, now.rows);
    fits(&mut text, now);
    text.gauge("resident_memory_bytes", "Memory of this process.").sample(now.memory.resident as f64);
    text.gauge("peak_memory_bytes", "The most memory of this process so far.").sample(now.memory.peak as f64);
    text.gauge("peers_connected", "Other processes connected to this one.").sample(now.peers.len() as f64);
    let mut silence = text.gauge("peer_silence_seconds", "Time since a peer was last heard.");
    now.peers.iter().for_each(|(peer, seconds)| silence.labelled(&[("peer", peer)], *seconds));
    text.out
}

fn stages(text: &mut Text, now: &Snapshot) {
    let mut current = text.gauge("stage_info", "Always 1; its label is the stage at work.");
    now.stages.iter().filter(|stage| stage.at_work).for_each(|stage| current.labelled(&[("stage", &stage.name)], 1.0));
    let mut seconds = text.gauge("stage_seconds", "Time spent in each stage so far.");
    now.stages.iter().for_each(|stage| seconds.labelled(&[("stage", &stage.name)], stage.seconds));
}

fn far(text: &mut Text, now: &Snapshot) {
    let far = now.far();
    let mut done =
        text.gauge("stage_done_ratio", "Share of the stage at work that is done, as far as that can be told.");
    far.into_iter().for_each(|far| done.sample(far.share));
    let mut left = text.gauge("stage_left_seconds", "Estimate of the time that the stage at work takes yet.");
    far.and_then(|far| far.seconds_left).into_iter().for_each(|seconds| left.sample(seconds));
}

fn rows(text: &mut Text, rows: Rows) {
    let Rows { read, accepted, rejected, merged, filtered } = rows;
    text.counter("rows_read_total", "Rows read by this process.").sample(read as f64);
    text.counter("rows_rejected_total", "Rows left out as malformed.").sample(rejected as f64);
    text.counter("rows_accepted_total", "Ratings that this process keeps, once it has them all.")
        .sample(accepted as f64);
    text.counter("rows_merged_total", "Rows merged into another of the same user and item.").sample(merged as f64);
    text.counter("rows_filtered_total", "Rows left out by the job's filters.").sample(filtered as f64);
}

fn fits(text: &mut Text, now: &Snapshot) {
    let sweeps = now.sweeps.map_or(0, |pca| pca.sweeps);
    text.counter("pca_sweeps_total", "Applications of the covariance to a block of vectors.").sample(sweeps as f64);
    let mut residual =
        text.gauge("pca_residual_ratio", "Largest residual of a component, relative to the largest variance.");
    now.sweeps.and_then(|pca| pca.residual).into_iter().for_each(|value| residual.sample(value));
    let mut iterations = text.counter("kmeans_iterations_total", "Iterations of all starts of k-means.");
    now.kmeans.iter().for_each(|starts| {
        let clusters = starts.clusters;
        iterations.labelled(&[("space", &starts.space.name()), ("clusters", &clusters)], starts.iterations as f64);
    });
    let mut runs = text.gauge("kmeans_starts", "Starts of k-means to come, on their way, and at their end.");
    for starts in &now.kmeans {
        for (state, count) in [("waiting", starts.waiting), ("running", starts.running), ("ended", starts.ended)] {
            let labels: [(&str, &dyn Display); 3] =
                [("space", &starts.space.name()), ("clusters", &starts.clusters), ("state", &state)];
            runs.labelled(&labels, count as f64);
        }
    }
    let mut inertia = text.gauge("kmeans_inertia", "Lowest inertia of any start so far.");
    now.kmeans.iter().filter(|starts| starts.inertia.is_finite()).for_each(|starts| {
        inertia.labelled(&[("space", &starts.space.name()), ("clusters", &starts.clusters)], starts.inertia);
    });
}

#[derive(Default)]
struct Text {
    out: String,
}

/// A metric whose head is written.
struct Metric<'a> {
    out: &'a mut String,
    name: String,
}

impl Text {
    fn gauge(&mut self, name: &str, help: &str) -> Metric<'_> {
        self.metric(name, "gauge", help)
    }

    fn counter(&mut self, name: &str, help: &str) -> Metric<'_> {
        self.metric(name, "counter", help)
    }

    fn metric(&mut self, name: &str, kind: &str, help: &str) -> Metric<'_> {
        let name = format!("segmill_{name}");
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        let _ = write!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Metric { out: &mut self.out, name }
    }
}

impl Metric<'_> {
    fn sample(&mut self, value: f64) {
        self.labelled(&[], value);
    }

    fn labelled(&mut self, labels: &[(&str, &dyn Display)], value: f64) {
        let label = |(name, value): &(&str, &dyn Display)| format!("{name}=\"{}\"", escaped(&value.to_string()));
        let labels: Vec<String> = labels.iter().map(label).collect();
        let braced = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.out, "{}{braced} {}", self.name, number(value));
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        value if value != 0.0 && value.abs() < 1e-4 => format!("{value:e}"),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{InputAt, Measure, Memory, Space, StageAt, Starts, Sweeps};

    #[test]
    fn everything_is_told_in_base_units() {
        let starts = |space, clusters, inertia| Starts {
            space,
            clusters,
            waiting: 3,
            running: 2,
            ended: 1,
            iterations: 40,
            iterations_ended: 15,
            inertia,
        };
        let stage = |name: &str, seconds, at_work| StageAt { name: name.into(), seconds, at_work };
        let now = Snapshot {
            ready: true,
            stages: vec![stage("ingest", 1.5, false), stage("a\\\"\n", 0.25, true)],
            rows: Rows { read: 15, accepted: 6, rejected: 3, merged: 1, filtered: 5 },
            input: Some(InputAt { done: 300, all: 400, measure: Measure::Bytes }),
            sweeps: Some(Sweeps { sweeps: 12, residual: Some(2.5e-9), ..Sweeps::default() }),
            kmeans: vec![starts(Space::Projected, 25, 2618053.5), starts(Space::Full, 3, f64::INFINITY)],
            moving: Some((Space::Full, 0.5)),
            peers: vec![(1, 0.5), (2, f64::INFINITY)],
            memory: Memory { resident: 4096, peak: 8192 },
        };
        let text = metrics(&now);
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).skip(1).collect();
        let expected = r#"segmill_ready 1
segmill_stage_info{stage="a\\\"\n"} 1
segmill_stage_seconds{stage="ingest"} 1.5
segmill_stage_seconds{stage="a\\\"\n"} 0.25
segmill_rows_read_total 15
segmill_rows_rejected_total 3
segmill_rows_accepted_total 6
segmill_rows_merged_total 1
segmill_rows_filtered_total 5
segmill_pca_sweeps_total 12
segmill_pca_residual_ratio 2.5e-9
segmill_kmeans_iterations_total{space="projected",clusters="25"} 40
segmill_kmeans_iterations_total{space="full",clusters="3"} 40
segmill_kmeans_starts{space="projected",clusters="25",state="waiting"} 3
segmill_kmeans_starts{space="projected",clusters="25",state="running"} 2
segmill_kmeans_starts{space="projected",clusters="25",state="ended"} 1
segmill_kmeans_starts{space="full",clusters="3",state="waiting"} 3
segmill_kmeans_starts{space="full",clusters="3",state="running"} 2
segmill_kmeans_starts{space="full",clusters="3",state="ended"} 1
segmill_kmeans_inertia{space="projected",clusters="25"} 2618053.5
segmill_resident_memory_bytes 4096
segmill_peak_memory_bytes 8192
segmill_peers_connected 2
segmill_peer_silence_seconds{peer="1"} 0.5
segmill_peer_silence_seconds{peer="2"} +Inf"#;
        assert_eq!(samples.join("\n"), expected);
    }

    /// Each metric has its two comments, once, in front; counters and only they end in `_total`.
    #[test]
    fn each_metric_is_described_once() {
        let text = metrics(&Snapshot::default());
        let comments: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
        let mut names = std::collections::BTreeSet::new();
        for pair in comments.chunks(2) {
            let (help, kind) = (pair[0].strip_prefix("# HELP ").unwrap(), pair[1].strip_prefix("# TYPE ").unwrap());
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(help.starts_with(&format!("{name} ")), "{help}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name} {kind}");
            assert!(names.insert(name), "{name}");
        }
        assert!(text.ends_with('\n') && !text.contains("\n\n"));
    }
}
