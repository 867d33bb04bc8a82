//! How far the stage at work is, on one line for a terminal: `43 % of 410 MiB, 12.3 M rows, 5.1 M rows/s, 2 s left`.

use crate::watch::format::{bytes, count, plural, seconds, short};
use crate::watch::progress::{Far, Measure, Snapshot, Space, StageAt, Starts, Sweeps};

/// Empty without anything to report.
pub fn line(now: &Snapshot) -> String {
    let Some(stage) = now.stages.iter().find(|stage| stage.at_work) else { return String::new() };
    let mut parts = match stage.name.as_str() {
        "ingest" | "generate" => input(now, stage),
        "pca" => now.sweeps.map(sweeps).unwrap_or_default(),
        "kmeans" => runs(now, Space::Projected, "starts"),
        "sweep" => runs(now, Space::Full, "runs"),
        _ => Vec::new(),
    };
    parts.extend(now.far().and_then(left));
    parts.join(", ")
}

/// The time left, where it can be estimated.
pub fn left(far: Far) -> Option<String> {
    far.seconds_left.map(|left| format!("{} left", seconds(left.ceil().max(1.0))))
}

/// A share in whole percent; 100 % is all of it.
fn percent(share: f64) -> String {
    format!("{} %", (share * 100.0).floor())
}

fn input(now: &Snapshot, stage: &StageAt) -> Vec<String> {
    let rows = now.rows.read;
    let mut parts = Vec::new();
    if let (Some(input), Some(far)) = (now.input, now.far()) {
        let all = match input.measure {
            Measure::Bytes => bytes(input.all),
            Measure::Users => format!("{} users", short(input.all)),
        };
        parts.push(format!("{} of {all}", percent(far.share)));
    }
    if rows > 0 {
        parts.push(format!("{} rows", short(rows)));
    }
    if rows > 0 && now.input.is_some_and(|input| input.done < input.all) {
        parts.push(format!("{} rows/s", short((rows as f64 / stage.seconds.max(1e-3)) as u64)));
    }
    parts
}

fn sweeps(at: Sweeps) -> Vec<String> {
    let residual = |residual| format!("residual {residual:.1e} down to {:.0e}", at.tol);
    let known = at.sweeps > 0;
    known.then(|| plural(at.sweeps, "iteration")).into_iter().chain(at.residual.map(residual)).collect()
}

fn runs(now: &Snapshot, space: Space, what: &str) -> Vec<String> {
    let here = || now.kmeans.iter().filter(move |starts| starts.space == space);
    let all: u64 = here().map(|starts| starts.all()).sum();
    if all == 0 {
        return Vec::new();
    }
    let sum = |of: fn(&Starts) -> u64| here().map(of).sum::<u64>();
    let (ended, iterations) = (sum(|starts| starts.ended), sum(|starts| starts.iterations));
    if ended == 0 && iterations == 0 {
        return vec![format!("{} of {} {what} begun", count(sum(|starts| starts.running)), count(all))];
    }
    vec![format!("{} of {} {what} ended", count(ended), count(all)), plural(iterations, "iteration")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::progress::{InputAt, Rows};

    fn at(stage: &str, seconds: f64) -> Snapshot {
        let stages = vec![
            StageAt { name: "before".into(), seconds: 9.0, at_work: false },
            StageAt { name: stage.into(), seconds, at_work: true },
        ];
        Snapshot { stages, ..Snapshot::default() }
    }

    #[test]
    fn each_stage_says_how_far_it_is() {
        let input = |done, all, measure| Some(InputAt { done, all, measure });
        let rows = Rows { read: 12_345_678, ..Rows::default() };
        let now = Snapshot { input: input(43 << 20, 100 << 20, Measure::Bytes), rows, ..at("ingest", 2.0) };
        assert_eq!(line(&now), "43 % of 100 MiB, 12.3 M rows, 6.17 M rows/s, 3 s left");
        let read = Snapshot { input: input(5, 5, Measure::Bytes), rows, ..at("ingest", 2.0) };
        assert_eq!(line(&read), "100 % of 5 bytes, 12.3 M rows");
        let made = Snapshot { input: input(1, 4000, Measure::Users), ..at("generate", 0.1) };
        assert_eq!(line(&made), "0 % of 4 k users");
        let sweeps =
            Sweeps { sweeps: 6, residual: Some(1.5e-4), tol: 1e-8, first: Some((5, 1.5e-2)), seconds_each: 30.0 };
        let text = line(&Snapshot { sweeps: Some(sweeps), ..at("pca", 200.0) });
        assert_eq!(text, "6 iterations, residual 1.5e-4 down to 1e-8, 1 min 3 s left");
        let starts = Starts {
            space: Space::Projected,
            clusters: 25,
            waiting: 1,
            running: 2,
            ended: 1,
            iterations: 30,
            iterations_ended: 30,
            inertia: 5.0,
        };
        let moving = Some((Space::Projected, 2.0));
        let now = Snapshot { kmeans: vec![starts], moving, ..at("kmeans", 9.0) };
        assert_eq!(line(&now), "1 of 4 starts ended, 30 iterations, 6 s left");
        let begun = Starts { waiting: 3, running: 1, ended: 0, iterations: 0, iterations_ended: 0, ..starts };
        assert_eq!(line(&Snapshot { kmeans: vec![begun], ..now.clone() }), "1 of 4 starts begun");
        assert_eq!(line(&Snapshot { stages: at("sweep", 2.0).stages, ..now }), "");
        assert_eq!((line(&at("validate", 3.0)), line(&Snapshot::default())), (String::new(), String::new()));
    }
}
