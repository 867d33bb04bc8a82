//! Vector code: the same bits at every level, and a variable that forces one.

use crate::util::Sandbox;
use crate::util::outputs::{assert_same_answer, run_json};

const VARIABLE: &str = "SEGMILL_SIMD";

const JOB: &str = "
[input.generate]
users = 1200
items = 500
ratings_per_user = 25
segments = 6
seed = 5
[pca]
components = 7
solver = 'SOLVER'
[kmeans]
clusters = 9
n_init = 3
[sweep]
clusters = [3, 6]
";

/// The levels that this machine has, by what the program takes.
fn levels(sandbox: &Sandbox, job: &str) -> Vec<&'static str> {
    let runs = |level: &&str| {
        let ran = sandbox.segmill_with(&[(VARIABLE, level)], &["run", job, "-o", level, "-w", "2"]);
        if ran.code != 0 {
            ran.refused(2, &[VARIABLE, "this processor has no", level, "baseline"]);
            return false;
        }
        assert_eq!(run_json(&sandbox.path(level))["simd"], *level);
        true
    };
    ["baseline", "avx2", "avx512"].into_iter().filter(runs).collect()
}

fn holds_at_every_level(solver: &str) {
    let sandbox = Sandbox::new();
    sandbox.run(&JOB.replace("SOLVER", solver), &["-w", "1"]).succeeded();
    let reference = sandbox.path("out");
    assert_eq!(run_json(&reference)["solver"]["solver"], solver);
    let levels = levels(&sandbox, "job.toml");
    assert!(levels.contains(&"baseline"));
    assert_eq!(run_json(&reference)["simd"], *levels.last().expect("at least one"), "the best is chosen");
    for level in levels {
        assert_same_answer(&reference, &sandbox.path(level), level);
    }
}

#[test]
fn the_gram_solver_at_every_level() {
    holds_at_every_level("gram");
}

#[test]
fn the_krylov_solver_at_every_level() {
    holds_at_every_level("krylov");
}

#[test]
fn a_level_that_is_none_is_refused_before_any_work() {
    let sandbox = Sandbox::new();
    for name in ["avx3", "", "AVX2"] {
        // The job file is not there, which is found out later.
        let ran = sandbox.segmill_with(&[(VARIABLE, name)], &["run", "job.toml", "-o", "out"]);
        ran.refused(2, &["segmill: SEGMILL_SIMD: ", &format!("{name:?}"), "one of: baseline"]);
    }
    assert!(sandbox.listing().is_empty(), "{:?}", sandbox.listing());
}
