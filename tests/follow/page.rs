//! What the HTTP port says while segments are followed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::Value;

use super::following::{Following, Names, PATIENCE, first_ratings, fitted, wait_until};
use super::reference::{Change, Rule, Tables};
use super::told::Told;
use crate::util::draws::Draws;

/// The body of the answer to a GET, and its status.
fn get(address: &str, path: &str) -> (String, String) {
    let mut socket = TcpStream::connect(address).expect("a connection");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).expect("the request");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    (head.split(' ').nth(1).expect("a status").to_string(), body.to_string())
}

fn live(address: &str) -> Option<Value> {
    let (status, body) = get(address, "/live.json");
    (status == "200").then(|| serde_json::from_str(&body).unwrap_or_else(|e| panic!("{body}: {e}")))
}

#[test]
fn the_page_the_json_and_the_metrics_say_what_is_told() {
    let first = first_ratings(Rule::Last, Names::Texts, &mut Draws(100));
    let sandbox = fitted(&first, Rule::Last, "normalize = 'l2'");
    let words = ["--status-addr", "127.0.0.1:0", "--output", "told", "--final", "final", "--every", "10"];
    let mut following = Following::start_with(&sandbox, &words, Stdio::piped());
    let mut stderr = BufReader::new(following.child().stderr.take().expect("a pipe"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a line");
    let address = line.trim_end().strip_prefix("segmill: status at http://").and_then(|rest| rest.strip_suffix('/'));
    let address = address.unwrap_or_else(|| panic!("{line:?}")).to_string();
    wait_until("something is published", || live(&address).is_some());
    let start = live(&address).expect("the start");
    assert_eq!((&start["batch"], &start["users"]), (&0.into(), &first.users().len().into()), "{start}");
    assert!(get(&address, "/").1.contains("No changes have come yet"));
    assert_eq!(get(&address, "/readyz").0, "200");

    let mut ratings = first;
    let mut draws = Draws(101);
    let mut lines = String::new();
    for n in 0..60u64 {
        let change = Change::put(Names::Texts.user(n % 9 + 28), Names::Texts.item(draws.below(14)), 5.0);
        ratings.apply(&change);
        lines += &(change.json(false) + "\n");
    }
    let mut stdin = following.child().stdin.take().expect("a pipe");
    stdin.write_all(lines.as_bytes()).expect("the changes");
    wait_until("six batches are published", || live(&address).is_some_and(|live| live["batch"] == 6));
    let seen = live(&address).expect("what was published");
    let (page, metrics) = (get(&address, "/").1, get(&address, "/metrics").1);
    following.terminate().succeeded();

    let told = Told::from(Some(&Tables::of(&sandbox.path("out")))).read(&sandbox.path("told"));
    assert_eq!((&seen["changes"], &seen["rejected"]), (&60.into(), &0.into()), "{seen}");
    assert_eq!(seen["users"], told.segment_of.len() as u64, "{seen}");
    for segment in seen["segments"].as_array().expect("segments") {
        let number = segment["segment"].as_u64().expect("a number");
        assert_eq!(segment["size"], told.sizes[&number], "{segment}");
        let joined_and_left = [&segment["joined"], &segment["left"]].map(|n| n.as_i64().expect("a count"));
        let grown = segment["size"].as_i64().expect("a size") - segment["size_at_start"].as_i64().expect("a size");
        assert_eq!(joined_and_left[0] - joined_and_left[1], grown, "{segment}");
        let top: Vec<&str> =
            segment["top"].as_array().expect("items").iter().map(|i| i["item"].as_str().expect("id")).collect();
        let expected: Vec<&str> = told.items_of.get(&number).into_iter().flatten().map(String::as_str).collect();
        let mut sorted = top.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected, "segment {number}");
        assert!(
            metrics
                .contains(&format!("segmill_follow_segment_users{{segment=\"{number}\"}} {}\n", told.sizes[&number]))
        );
    }
    assert!(metrics.contains("segmill_follow_changes_total 60\n"), "{metrics}");
    assert!(metrics.contains("segmill_follow_batches_total 6\n"), "{metrics}");
    let moves = seen["moves"].as_array().expect("moves");
    assert!(!moves.is_empty() && moves.len() as u64 == told.moves.min(20), "{} of {}", moves.len(), told.moves);
    for part in ["batch 6", "Who moved last", "is new, in", "The segments still fit", "Drift since the fit"] {
        assert!(
            page.contains(part) || part.starts_with("The segments") && page.contains("A new fit is due"),
            "{part}: {page}"
        );
    }
}
