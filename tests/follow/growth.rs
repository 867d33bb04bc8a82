//! A session that grows past its memory ends, and goes on with more.

use super::following::QUICK;
use crate::util::Sandbox;

/// With four workers this many items in 50 segments leave room for some 14,000 ratings more, however little `memory` is.
const ITEMS: usize = 20_900;

const JOB: &str = "
[input]
ratings = ['r.csv']
header = false
[matrix]
weighting = 'raw'
normalize = 'none'
missing = 'zero'
";

#[test]
fn a_session_ends_when_its_ratings_outgrow_memory_and_goes_on_with_more() {
    let sandbox = Sandbox::new();
    let row = |n: usize| format!("{},{},{}\n", n % 1500, n, n % 5 + 1);
    sandbox.write("r.csv", (0..ITEMS).map(row).collect::<String>());
    sandbox.run(&format!("{JOB}{QUICK}"), &["-q", "-w", "2", "--set", "kmeans.clusters=50"]).succeeded();
    let change =
        |n: usize| format!("{{\"op\":\"put\",\"user\":{},\"item\":{},\"rating\":3}}\n", n % 1000 + 2000, n % 20_000);
    let lines: String = (0..24_000).map(change).collect();
    let words = ["follow", "out", "-w", "4", "--every", "4000", "--set"];
    let little = [&words[..], &["memory=64MiB"]].concat();
    sandbox.segmill_fed(lines, &little).refused(2, &["memory", "MiB\" or more", "nothing is lost"]);
    sandbox.segmill_fed("", &little).refused(2, &["memory", "nothing is lost"]);
    let enough = [&words[..], &["memory=1GiB", "--final", "final"]].concat();
    sandbox.segmill_fed("", &enough).succeeded();
    let json = std::fs::read(sandbox.path("final/follow.json")).expect("follow.json");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let (batches, ratings) = (json["batches"].as_u64().expect("a number"), json["ratings"].as_u64().expect("a number"));
    assert!((3..=5).contains(&batches) && ratings == ITEMS as u64 + 4000 * batches, "{batches} {ratings}");
}
