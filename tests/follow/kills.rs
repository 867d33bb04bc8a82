//! kill -9 at any moment: nothing acknowledged is lost, and nothing is told twice.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::following::{
    Following, N_ITEMS, N_USERS, Names, PATIENCE, first_ratings, fitted, follow, n_batches, wait_until,
};
use super::reference::{Change, Ratings, Rule, Tables, assert_exact};
use super::told::Told;
use crate::util::draws::Draws;

/// Processes that are killed, one after the other.
fn kills() -> u64 {
    std::env::var("SEGMILL_FOLLOW_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(20)
}

/// A change or, now and then, a line that is none; `true` if it is one.
fn line(n: u64, draws: &mut Draws) -> (String, Option<Change>) {
    if n % 50 == 49 {
        return (format!("{{\"op\":\"put\",\"user\":\"bad {n}\"\n"), None);
    }
    let (user, item) = (Names::Texts.user(draws.below(N_USERS + 5)), Names::Texts.item(draws.below(N_ITEMS + 2)));
    let change = match draws.below(5) {
        0 => Change::withdraw(user, item),
        _ => Change::put(user, item, (draws.below(9) + 1) as f64 / 2.0),
    };
    (change.json(false) + "\n", Some(change))
}

/// Grows a file until it is told to stop, often by half a line. Returns what a reader of all of it should hold.
fn grow(path: &Path, mut ratings: Ratings, stop: &AtomicBool) -> (Ratings, u64) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
    let mut draws = Draws(21);
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) || n % 50 != 0 {
        let (line, change) = line(n, &mut draws);
        let (left, right) = line.as_bytes().split_at(line.len() / 2);
        file.write_all(left).expect("half a line");
        if draws.below(8) == 0 {
            thread::sleep(Duration::from_millis(draws.below(8)));
        }
        file.write_all(right).expect("its other half");
        change.iter().for_each(|change| _ = ratings.apply(change));
        n += 1;
    }
    (ratings, n)
}

/// The lines of `rejects.tsv` by their codes, each line number once.
fn rejected_lines(path: &Path) -> BTreeMap<String, Vec<u64>> {
    let text = std::fs::read_to_string(path).expect("the rejects");
    let mut by_code: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        by_code.entry(fields[3].to_string()).or_default().push(fields[1].parse().expect("a line number"));
    }
    let mut all: Vec<u64> = by_code.values().flatten().copied().collect();
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "a line is rejected twice: {by_code:?}");
    by_code
}

#[test]
fn a_growing_file_is_followed_over_kills() {
    let first = first_ratings(Rule::Last, Names::Texts, &mut Draws(20));
    let sandbox = fitted(&first, Rule::Last, "weighting = 'tfidf'\nnormalize = 'l2'");
    let (input, told) = (sandbox.path("changes.log"), sandbox.path("told.jsonl"));
    std::fs::write(&input, "").expect("a file");
    let words = ["--input", "changes.log", "--state", "state", "--output", "told.jsonl", "-w", "2"];
    let stop = AtomicBool::new(false);
    let (ratings, n) = thread::scope(|scope| {
        let grown = scope.spawn(|| grow(&input, first.clone(), &stop));
        let mut draws = Draws(22);
        for kill in 0..kills() {
            let before = n_batches(&told);
            let following = Following::start(&sandbox, &words);
            match draws.below(3) {
                // Perhaps while it starts, perhaps while it goes on from what the one before has left.
                0 => thread::sleep(Duration::from_millis(draws.below(400))),
                _ => {
                    wait_until(&format!("batches before kill {kill}"), || n_batches(&told) > before);
                    thread::sleep(Duration::from_millis(draws.below(60)));
                }
            }
            following.kill();
        }
        stop.store(true, Ordering::Relaxed);
        grown.join().expect("a writer")
    });
    follow(&sandbox, &[&words[..], &["--final", "final"]].concat());
    assert_exact(&sandbox, "final", &ratings, "after the kills");
    let told = Told::from(Some(&Tables::of(&sandbox.path("out")))).read(&told);
    told.assert_ends_at(&Tables::of(&sandbox.path("final")), "after the kills");
    assert_eq!((told.changes, &told.last["acknowledged"]["changes.log"]["lines"]), (n, &n.into()));
    let bytes = std::fs::metadata(&input).expect("the input").len();
    assert_eq!(told.last["acknowledged"]["changes.log"]["bytes"], bytes);
    let rejected = rejected_lines(&sandbox.path("state/rejects.tsv"));
    assert_eq!(rejected["BAD_JSON"], (1..=n).filter(|line| line % 50 == 0).collect::<Vec<u64>>());
    let n_rejected: usize = rejected.values().map(Vec::len).sum();
    assert_eq!((told.rejected, rejected.len()), (n_rejected as u64, 2), "{:?}", rejected.keys());
    let copied = std::fs::read(sandbox.path("final/rejects.tsv")).expect("a copy");
    assert!(copied == std::fs::read(sandbox.path("state/rejects.tsv")).expect("the rejects"));
}

/// A client of a socket that sends again, in order, what was not acknowledged before the connection broke.
struct Client {
    path: PathBuf,
    lines: Vec<String>,
    acknowledged: usize,
}

impl Client {
    /// Sends what is left, as far as the connection lasts.
    fn send(&mut self) {
        let Ok(socket) = UnixStream::connect(&self.path) else {
            thread::sleep(Duration::from_millis(5));
            return;
        };
        let begun = self.acknowledged;
        let left = self.lines[begun..].to_vec();
        let mut to = socket.try_clone().expect("a clone");
        let writer = thread::spawn(move || {
            for part in left.chunks(20) {
                if to.write_all(part.concat().as_bytes()).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        for line in BufReader::new(socket).lines() {
            let Ok(line) = line else { break };
            // The last line may be cut off with the process.
            let Ok(value) = serde_json::from_str::<serde_json::Value>(&line) else { break };
            let so_far = begun + value["acknowledged"].as_u64().unwrap_or_else(|| panic!("{line}")) as usize;
            assert!((self.acknowledged..=self.lines.len()).contains(&so_far), "{line} after {}", self.acknowledged);
            self.acknowledged = so_far;
            if self.acknowledged == self.lines.len() {
                break;
            }
        }
        writer.join().expect("a writer");
    }
}

#[test]
fn a_socket_acknowledges_nothing_that_a_kill_can_take_back() {
    let first = first_ratings(Rule::Last, Names::Texts, &mut Draws(30));
    let sandbox = fitted(&first, Rule::Last, "");
    let mut draws = Draws(31);
    let mut ratings = first.clone();
    let changes: Vec<Change> = (0..6_000).filter_map(|n| line(n, &mut draws).1).collect();
    changes.iter().for_each(|change| _ = ratings.apply(change));
    let lines = changes.iter().map(|change| change.json(false) + "\n").collect();
    let mut client = Client { path: sandbox.path("in.sock"), lines, acknowledged: 0 };
    let words = ["--input", "unix:in.sock", "--state", "state", "--output", "told.jsonl", "--final", "final"];

    let mut kills = 0;
    while client.acknowledged < client.lines.len() {
        let following = Following::start(&sandbox, &words);
        let is_killed = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while client.acknowledged < client.lines.len() && !is_killed.load(Ordering::Relaxed) {
                    client.send();
                }
            });
            thread::sleep(Duration::from_millis(300 + draws.below(500)));
            following.kill();
            kills += 1;
            is_killed.store(true, Ordering::Relaxed);
        });
        assert!(kills < 200, "{} of {} lines after {kills} kills", client.acknowledged, client.lines.len());
    }
    assert!(kills > 1, "one process took all");
    let following = Following::start(&sandbox, &words);
    wait_until("the socket is open", || UnixStream::connect(sandbox.path("in.sock")).is_ok());
    following.terminate().succeeded();
    assert_exact(&sandbox, "final", &ratings, "what was sent");
    let told = Told::from(Some(&Tables::of(&sandbox.path("out")))).read(&sandbox.path("told.jsonl"));
    told.assert_ends_at(&Tables::of(&sandbox.path("final")), "what was sent");
    assert!(told.changes >= changes.len() as u64, "{} were told", told.changes);
    assert!((2..=kills + 1).contains(&told.starts), "{} starts and {kills} kills", told.starts);
}

/// With standard output, where nobody can be asked what came out: a batch is printed at most once.
#[test]
fn on_standard_output_no_batch_comes_twice() {
    let first = first_ratings(Rule::Last, Names::Numbers, &mut Draws(40));
    let sandbox = fitted(&first, Rule::Last, "");
    let mut draws = Draws(41);
    let mut ratings = first.clone();
    // More than fit into the pipe each time.
    let changes: Vec<Change> = (0..30_000).filter_map(|n| line(n, &mut draws).1).collect();
    changes.iter().for_each(|change| _ = ratings.apply(change));
    sandbox.write("changes.jsonl", changes.iter().map(|change| change.json(false) + "\n").collect::<String>());
    let words = ["--input", "changes.jsonl", "--state", "state", "--every", "50", "--final", "final"];
    let mut printed = Vec::new();
    for _ in 0..4 {
        let mut following = Following::start(&sandbox, &words);
        let mut stdout = BufReader::new(following.child().stdout.take().expect("a pipe"));
        let enough = 1 + draws.below(8);
        let mut batches = 0;
        let mut line = String::new();
        while batches < enough && stdout.read_line(&mut line).expect("a line") > 0 {
            batches += u64::from(line.contains("\"event\":\"batch\""));
            printed.push(std::mem::take(&mut line));
        }
        following.kill();
        // What had been printed before the kill.
        while stdout.read_line(&mut line).expect("a line") > 0 {
            printed.push(std::mem::take(&mut line));
        }
    }
    let ran = follow(&sandbox, &words);
    printed.extend(ran.stdout.lines().map(String::from));
    let numbers = printed.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let numbers: Vec<u64> =
        numbers.filter(|value| value["event"] == "batch").map(|value| value["batch"].as_u64().expect("n")).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    assert_eq!(numbers.last(), Some(&(changes.len() as u64).div_ceil(50)));
    assert_exact(&sandbox, "final", &ratings, "after the kills");
}

/// Two at once would write into each other's log.
#[test]
fn a_state_is_followed_by_one_at_a_time() {
    let first = first_ratings(Rule::Last, Names::Numbers, &mut Draws(50));
    let sandbox = fitted(&first, Rule::Last, "");
    sandbox.write("changes.jsonl", "{\"op\":\"put\",\"user\":1,\"item\":1,\"rating\":2}\n");
    let words = ["--input", "changes.jsonl", "--output", "told.jsonl"];
    let following = Following::start(&sandbox, &words);
    wait_until("it follows", || n_batches(&sandbox.path("told.jsonl")) == 1);
    let ran = sandbox.segmill(&["follow", "out", "--stop-at-end", "--input", "changes.jsonl", "--output", "other"]);
    assert!(ran.code != 0 && ran.stderr.lines().count() == 1, "{}: {}", ran.code, ran.stderr);
    assert!(ran.stderr.contains("out.follow"), "{}", ran.stderr);
    assert!(!sandbox.path("other").exists());
    following.terminate().succeeded();
}
