//! How far the process is, in Prometheus' text format 0.0.4: base units, counters that end in `_total`.

use std::fmt::{Display, Write};

use crate::watch::progress::{Live, Rows, Snapshot};

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
    if let Some((live, _)) = &now.live {
        follow(&mut text, live);
    }
    text.out
}

/// What is kept up to date; metrics that only `segmill follow` has.
fn follow(text: &mut Text, live: &Live) {
    text.counter("follow_batches_total", "Batches of changes so far.").sample(live.batch as f64);
    text.counter("follow_changes_total", "Changes taken so far.").sample(live.changes as f64);
    text.counter("follow_rejected_total", "Changes that could not be made.").sample(live.rejected as f64);
    text.counter("follow_filtered_total", "Changes left out by the job's filters.").sample(live.filtered as f64);
    text.gauge("follow_changes_per_second", "Changes taken a second, of late.").sample(live.changes_per_second);
    text.gauge("follow_batch_seconds", "Time that the last batch took.").sample(live.batch_seconds);
    text.gauge("follow_users", "Users with ratings.").sample(live.users as f64);
    text.gauge("follow_ratings", "Ratings kept.").sample(live.ratings as f64);
    text.gauge("follow_unknown_items", "Items that the model does not know.").sample(live.unknown_items as f64);
    text.gauge("follow_unknown_ratings", "Ratings of items that the model does not know.")
        .sample(live.unknown_ratings as f64);
    let mut users = text.gauge("follow_segment_users", "Users in each segment.");
    live.segments.iter().for_each(|segment| users.labelled(&[("segment", &segment.segment)], segment.size as f64));
    let drift = &live.drift;
    text.gauge("follow_inertia_per_user", "Mean squared distance of a user to the centroid.")
        .sample(drift.inertia_per_user);
    text.gauge("follow_inertia_per_user_fit", "The same in the fit.").sample(drift.inertia_per_user_fit);
    text.gauge("follow_moved_share", "Share of users who are not in the segment of the fit.").sample(drift.moved_share);
    text.gauge("follow_idf_drift", "Relative distance of the items' weights from the model's.").sample(drift.idf_drift);
    text.gauge("follow_refit_due", "1 where a refit is due.").sample(f64::from(u8::from(drift.refit_due)));
    text.counter("follow_refits_total", "Refits made since the start.").sample(live.refits as f64);
    text.gauge("follow_log_bytes", "The log of changes on disk.").sample(live.log_bytes as f64);
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
    use super::super::fixture;
    use super::*;
    use crate::watch::progress::{InputAt, Measure, Memory, Space, StageAt, Starts, Sweeps};

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
            live: None,
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

    #[test]
    fn what_is_followed_is_told_once_there_is_something() {
        assert!(!metrics(&Snapshot::default()).contains("follow"));
        let now = Snapshot { live: Some((fixture::made_up().into(), 1.0)), ..Snapshot::default() };
        let text = metrics(&now);
        let samples: Vec<&str> = text.lines().filter(|line| line.starts_with("segmill_follow_")).collect();
        let expected = r#"segmill_follow_batches_total 1200
segmill_follow_changes_total 1234567
segmill_follow_rejected_total 12
segmill_follow_filtered_total 3
segmill_follow_changes_per_second 5231.25
segmill_follow_batch_seconds 0.042
segmill_follow_users 1000
segmill_follow_ratings 98765
segmill_follow_unknown_items 7
segmill_follow_unknown_ratings 31
segmill_follow_segment_users{segment="0"} 700
segmill_follow_segment_users{segment="1"} 300
segmill_follow_inertia_per_user 1.2
segmill_follow_inertia_per_user_fit 1
segmill_follow_moved_share 0.125
segmill_follow_idf_drift 0.01
segmill_follow_refit_due 1
segmill_follow_refits_total 2
segmill_follow_log_bytes 2048"#;
        assert_eq!(samples.join("\n"), expected);
    }

    /// Each metric has its two comments, once, in front; counters and only they end in `_total`.
    #[test]
    fn each_metric_is_described_once() {
        let text = metrics(&Snapshot { live: Some((fixture::made_up().into(), 1.0)), ..Snapshot::default() });
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
