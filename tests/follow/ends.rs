//! How following begins and ends: inputs that end, signals, readers that leave, and what is refused before it begins.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use super::following::{
    Following, Names, PATIENCE, QUICK, first_ratings, fitted, follow, n_batches, n_lines, wait_until,
};
use super::reference::{Change, Ratings, Rule, Tables, assert_exact};
use super::told::Told;
use crate::util::Sandbox;
use crate::util::cluster::free_addresses;
use crate::util::draws::Draws;

fn small(seed: u64) -> (Sandbox, Ratings) {
    let first = first_ratings(Rule::Last, Names::Numbers, &mut Draws(seed));
    (fitted(&first, Rule::Last, ""), first)
}

/// Puts of some users, applied.
fn puts(ratings: &mut Ratings, n: u64, draws: &mut Draws) -> String {
    let mut lines = String::new();
    for _ in 0..n {
        let change = Change::put(draws.below(40), draws.below(40), (draws.below(5) + 1) as f64);
        ratings.apply(&change);
        lines += &(change.json(false) + "\n");
    }
    lines
}

#[test]
fn standard_input_is_followed_to_its_end() {
    let (sandbox, mut ratings) = small(70);
    let lines = puts(&mut ratings, 100, &mut Draws(71));
    let ran = sandbox.segmill_fed(lines, &["follow", "out", "--every", "30", "--final", "final"]).succeeded();
    assert_exact(&sandbox, "final", &ratings, "standard input");
    let mut told = Told::from(Some(&Tables::of(&sandbox.path("out"))));
    ran.stdout.lines().for_each(|line| told.line(line));
    assert_eq!((told.batch, told.changes), (4, 100), "the last batch may have fewer");
    told.assert_ends_at(&Tables::of(&sandbox.path("final")), "standard output");
    for file in ["model/model.json", "model/model.safetensors", "model/items.parquet"] {
        let [copied, fitted] = ["final", "out"].map(|of| std::fs::read(sandbox.path(of).join(file)).expect(file));
        assert!(copied == fitted, "{file}");
    }
    assert!(!sandbox.path("final/rejects.tsv").exists(), "there were none");
    let json = std::fs::read_to_string(sandbox.path("final/follow.json")).expect("follow.json");
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok_and(|json| json["batches"] == 4), "{json}");
}

/// What comes after a start is another input, though its name is the same.
#[test]
fn standard_input_is_read_from_its_beginning_every_time() {
    let (sandbox, mut ratings) = small(72);
    let mut draws = Draws(73);
    for n in 0..3 {
        let lines = puts(&mut ratings, 20, &mut draws);
        let last = format!("final-{n}");
        sandbox.segmill_fed(lines, &["follow", "out", "--output", "told", "--final", &last]).succeeded();
        assert_exact(&sandbox, &last, &ratings, &last);
    }
    let told = Told::from(Some(&Tables::of(&sandbox.path("out")))).read(&sandbox.path("told"));
    assert_eq!((told.starts, told.changes), (3, 60));
}

/// Without a change: what there is, is what the run said.
#[test]
fn without_changes_the_tables_are_those_of_the_run() {
    let (sandbox, ratings) = small(74);
    let ran = sandbox.segmill_fed("", &["follow", "out", "--final", "final"]).succeeded();
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
    assert_exact(&sandbox, "final", &ratings, "no changes");
    let [found, fitted] = ["final", "out"].map(|of| Tables::of(&sandbox.path(of)).segments);
    assert_eq!(found, fitted);
    let ran = sandbox.segmill_fed("", &["follow", "out", "--empty", "--state", "e", "--final", "none"]).succeeded();
    assert!(ran.stdout.contains("\"users\":0") && Tables::of(&sandbox.path("none")).segments.is_empty());
}

#[test]
fn a_signal_ends_it_with_all_that_was_taken() {
    for (name, seed) in [("TERM", 76), ("INT", 78)] {
        let (sandbox, mut ratings) = small(seed);
        sandbox.write("changes.jsonl", puts(&mut ratings, 500, &mut Draws(seed)));
        let words = ["--input", "changes.jsonl", "--output", "told", "--final", "final", "--every", "100ms"];
        let following = Following::start(&sandbox, &words);
        wait_until("500 changes are told", || {
            let text = std::fs::read_to_string(sandbox.path("told")).unwrap_or_default();
            text.contains("\"lines\":500") && text.ends_with('\n')
        });
        following.signalled(name).succeeded();
        assert_exact(&sandbox, "final", &ratings, name);
        let told = Told::from(Some(&Tables::of(&sandbox.path("out")))).read(&sandbox.path("told"));
        told.assert_ends_at(&Tables::of(&sandbox.path("final")), name);
    }
}

/// Whoever reads along may leave: the process ends by itself, and the next goes on.
#[test]
fn a_reader_that_leaves_ends_it_and_loses_nothing() {
    let (sandbox, mut ratings) = small(80);
    sandbox.write("changes.jsonl", puts(&mut ratings, 20_000, &mut Draws(81)));
    let mut following = Following::start(&sandbox, &["--input", "changes.jsonl", "--every", "100"]);
    let mut line = String::new();
    let mut stdout = BufReader::new(following.child().stdout.take().expect("a pipe"));
    stdout.read_line(&mut line).expect("a line");
    assert!(line.starts_with("{\"event\":\"start\""), "{line}");
    drop(stdout);
    let mut stderr = following.child().stderr.take().expect("a pipe");
    wait_until("it ends", || following.child().try_wait().expect("a child").is_some());
    let code = following.child().wait().expect("a child").code();
    let mut said = String::new();
    stderr.read_to_string(&mut said).expect("text");
    assert!(matches!(code, Some(0 | 4)) && said.lines().count() <= 1, "{code:?}: {said}");
    follow(&sandbox, &["--input", "changes.jsonl", "--final", "final", "-q"]);
    assert_exact(&sandbox, "final", &ratings, "after the reader left");
}

#[test]
fn clients_of_a_socket_come_and_go() {
    let (sandbox, mut ratings) = small(82);
    let address = free_addresses(1).remove(0);
    let tcp = format!("tcp:{address}");
    let words = ["--input", &tcp, "--input", "unix:in.sock", "--output", "told", "--final", "final"];
    let following = Following::start(&sandbox, &words);
    wait_until("the port is open", || TcpStream::connect(&address).is_ok());
    // One after the other, so that there is one order.
    for n in 0..4 {
        let lines = puts(&mut ratings, 25, &mut Draws(83 + n));
        let acknowledged = if n % 2 == 0 {
            let mut socket = TcpStream::connect(&address).expect("a connection");
            socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            socket.write_all(lines.as_bytes()).expect("the lines go out");
            last_acknowledged(&mut socket)
        } else {
            let mut socket = UnixStream::connect(sandbox.path("in.sock")).expect("a connection");
            socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            socket.write_all(lines.as_bytes()).expect("the lines go out");
            last_acknowledged(&mut socket)
        };
        assert_eq!(acknowledged, 25, "lines of this connection");
    }
    following.terminate().succeeded();
    assert_exact(&sandbox, "final", &ratings, "two sockets");
    let told = Told::from(Some(&Tables::of(&sandbox.path("out")))).read(&sandbox.path("told"));
    assert_eq!(told.changes, 100);
    assert!(!sandbox.path("in.sock").exists(), "the socket is left behind");
}

/// Reads acknowledgements until all 25 lines are.
fn last_acknowledged(socket: &mut impl Read) -> u64 {
    let mut last = 0;
    let mut lines = BufReader::new(socket).lines();
    while last < 25 {
        let line = lines.next().expect("more acknowledgements").expect("a line");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let now = value["acknowledged"].as_u64().unwrap_or_else(|| panic!("{line}"));
        assert!(now > last, "{line} after {last}");
        last = now;
    }
    last
}

/// A file is followed as it grows, also one that is begun anew under its name.
#[test]
fn a_file_that_grows_is_followed() {
    let (sandbox, mut ratings) = small(88);
    let path = sandbox.write("changes.jsonl", "");
    let following = Following::start_with(
        &sandbox,
        &["--input", "changes.jsonl", "--output", "told", "--final", "final"],
        Stdio::null(),
    );
    let mut draws = Draws(89);
    for batch in 1..=3 {
        let lines = puts(&mut ratings, 10, &mut draws);
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("the file");
        // A line counts when it is whole.
        let (left, right) = lines.split_at(lines.len() - 5);
        file.write_all(left.as_bytes()).expect("lines");
        wait_until("whole lines are taken", || last_lines(&sandbox) == batch * 10 - 1);
        file.write_all(right.as_bytes()).expect("the rest");
        wait_until("the last line is taken", || last_lines(&sandbox) == batch * 10);
    }
    following.terminate().succeeded();
    assert_exact(&sandbox, "final", &ratings, "a growing file");
    assert!(n_batches(&sandbox.path("told")) >= 6 && n_lines(&sandbox.path("told")) > 6);
}

/// Acknowledged lines of `changes.jsonl` by the last whole line of what was told.
fn last_lines(sandbox: &Sandbox) -> u64 {
    let text = std::fs::read_to_string(sandbox.path("told")).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let last = whole.lines().rev().find(|line| line.contains("\"event\":\"batch\""));
    let value: Option<serde_json::Value> = last.and_then(|line| serde_json::from_str(line).ok());
    value.and_then(|value| value["acknowledged"]["changes.jsonl"]["lines"].as_u64()).unwrap_or(0)
}

#[test]
fn what_cannot_be_followed_is_refused_in_one_line_and_leaves_nothing() {
    let (sandbox, _) = small(90);
    sandbox.write("changes.jsonl", "");
    std::fs::create_dir(sandbox.path("folder")).expect("a folder");
    sandbox.write("folder/mine.txt", "not to be overwritten");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let before = sandbox.listing();
    let refuse = |words: &[&str], code: i32, parts: &[&str]| {
        let words = [&["follow"], words, &["--stop-at-end"]].concat();
        sandbox.segmill(&words).refused(code, parts);
        assert_eq!(sandbox.listing(), before, "{words:?}");
    };
    refuse(&["nowhere", "--input", "changes.jsonl"], 4, &["nowhere/run.json", "finished run"]);
    refuse(&["folder", "--input", "changes.jsonl"], 4, &["folder/run.json", "finished run"]);
    refuse(&["out", "--input", "tcp:nonsense"], 2, &["tcp:nonsense"]);
    refuse(&["out", "--input", "tcp:127.0.0.1:70000"], 2, &["70000"]);
    refuse(&["out", "--input", &format!("tcp:{taken}")], 2, &["--input", &taken]);
    refuse(&["out", "--input", "changes.jsonl", "--status-addr", &taken], 2, &["--status-addr", &taken]);
    refuse(&["out", "--input", "unix:nowhere/in.sock"], 2, &["nowhere/in.sock"]);
    refuse(&["out", "--input", "missing.jsonl"], 4, &["missing.jsonl"]);
    refuse(&["out", "--input", "changes.jsonl", "--final", "folder"], 2, &["folder"]);
    refuse(&["out", "--input", "changes.jsonl", "--final", "out"], 2, &["out"]);
    for every in ["0", "0s", "soon", "-1", "1.5"] {
        let ran = sandbox.segmill(&["follow", "out", "--input", "changes.jsonl", "--every", every]);
        assert!(ran.code == 2 && ran.stderr.contains(every), "{every}: {} {}", ran.code, ran.stderr);
    }
    assert_eq!(sandbox.listing(), before);
}

#[test]
fn a_state_of_another_model_is_refused_and_left_alone() {
    let (sandbox, mut ratings) = small(91);
    sandbox.write("changes.jsonl", puts(&mut ratings, 50, &mut Draws(92)));
    follow(&sandbox, &["--input", "changes.jsonl", "--state", "state", "--output", "told"]);
    let job = "seed = 5\n[input]\nratings = ['r.csv']\nheader = false\nduplicates = 'last'\n\
               [matrix]\nweighting = 'binary'\n";
    sandbox.run_to("other", &format!("{job}{QUICK}"), &["-q"]).succeeded();
    let before = sandbox.listing();
    let words = ["follow", "other", "--input", "changes.jsonl", "--stop-at-end", "--state", "state"];
    let ran = sandbox.segmill(&[&words[..], &["--output", "told"]].concat());
    assert!([2, 3].contains(&ran.code), "{}: {}", ran.code, ran.stderr);
    let code = ran.code;
    ran.refused(code, &["state"]);
    assert_eq!(sandbox.listing(), before);
    follow(&sandbox, &["--input", "changes.jsonl", "--state", "state", "--output", "told", "--final", "final"]);
    assert_exact(&sandbox, "final", &ratings, "the state is as it was");
}

/// Bytes of the log that were lost or changed on the disk are noticed, or are the unfinished end of it.
#[test]
fn a_damaged_state_is_never_a_wrong_answer() {
    let (sandbox, mut ratings) = small(93);
    let before = ratings.clone();
    sandbox.write("changes.jsonl", puts(&mut ratings, 200, &mut Draws(94)));
    let words = ["--input", "changes.jsonl", "--state", "state", "--every", "20"];
    let following = Following::start(&sandbox, &[&words[..], &["--output", "told"]].concat());
    wait_until("all is told", || n_batches(&sandbox.path("told")) == 10);
    following.kill();
    let files = std::fs::read_dir(sandbox.path("state")).expect("the state");
    let files: Vec<_> = files.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect();
    assert!(!files.is_empty() && before.pairs() > 0);
    for path in files {
        let whole = std::fs::read(&path).expect("a file of the state");
        if whole.is_empty() || path.ends_with("rejects.tsv") {
            continue;
        }
        let mut odd = whole.clone();
        odd[whole.len() / 2] ^= 0x40;
        std::fs::write(&path, &odd).expect("the damage");
        let ran = sandbox.segmill(&[&["follow", "out", "--stop-at-end", "--final", "final"], &words[..]].concat());
        match ran.code {
            0 => assert_exact(&sandbox, "final", &ratings, &format!("{} was damaged", path.display())),
            3 | 4 => assert!(ran.stderr.lines().count() == 1, "{}: {}", path.display(), ran.stderr),
            code => panic!("{}: {code}: {}", path.display(), ran.stderr),
        }
        if ran.code == 0 {
            // It has gone on, so what follows would be damage to something else.
            return;
        }
        std::fs::write(&path, &whole).expect("the damage is undone");
    }
    follow(&sandbox, &[&words[..], &["--final", "final"]].concat());
    assert_exact(&sandbox, "final", &ratings, "the state is whole again");
}

/// Nothing is told of a process that was asked to end before anything came.
#[test]
fn it_may_be_ended_at_once() {
    let (sandbox, ratings) = small(95);
    let following = Following::start_with(&sandbox, &["--output", "told", "--final", "final"], Stdio::piped());
    wait_until("it has begun", || n_lines(&sandbox.path("told")) == 1);
    std::thread::sleep(Duration::from_millis(50));
    following.terminate().succeeded();
    assert_exact(&sandbox, "final", &ratings, "ended at once");
}
