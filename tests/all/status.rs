//! The HTTP port of a running job, asked over loopback.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::util::axe::{axe, violations};
use crate::util::browser::{Browser, OVERFLOW};
use crate::util::{Sandbox, cluster};
use segmill::watch::progress::{self, Live, LiveDrift, LiveItem, LiveMove, LiveSegment, LiveTrend};

/// Whatever is waited for is there by then, or never.
const PATIENCE: Duration = Duration::from_secs(60);

/// The sweep in all items goes on for longer than any test asks.
const LONG_JOB: &str = "
[input.generate]
users = 2000
items = 400
ratings_per_user = 20
segments = 5
seed = 1
[pca]
components = 8
[kmeans]
clusters = 40
n_init = 40
[sweep]
clusters = [50, 60, 70, 80, 90, 100, 200, 300, 400, 500, 600, 700, 800]
spaces = [\"full\"]
";

/// Members that have said where they answer; stopped with the value.
struct Running {
    members: Vec<Child>,
    address: String,
    /// Open, so that the member may go on talking.
    _stderr: BufReader<std::process::ChildStderr>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for member in &mut self.members {
            member.kill().ok();
            member.wait().ok();
        }
    }
}

/// The long job in one process.
fn start(sandbox: &Sandbox) -> Running {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_segmill"));
    for name in crate::util::ENVIRONMENT {
        command.env_remove(name);
    }
    command.current_dir(sandbox.path("")).args(["run", "job.toml", "-o", "out", "-w", "1"]);
    command.env("SEGMILL_STATUS_ADDR", "127.0.0.1:0").stdin(Stdio::null()).stdout(Stdio::null());
    announced(command.stderr(Stdio::piped()).spawn().expect("segmill starts"))
}

/// Waits until a member says where it answers.
fn announced(mut member: Child) -> Running {
    let mut stderr = BufReader::new(member.stderr.take().expect("a pipe"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a line");
    let address = line.trim_end().strip_prefix("segmill: status at http://").and_then(|rest| rest.strip_suffix('/'));
    let address = address.unwrap_or_else(|| panic!("{line:?}")).to_string();
    Running { members: vec![member], address, _stderr: stderr }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

/// Sends bytes on a connection of their own and takes everything that comes back.
fn send(address: &str, bytes: &[u8]) -> Answer {
    let mut socket = TcpStream::connect(address).expect("a connection");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.write_all(bytes).expect("the request goes out");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
    assert!(body.is_empty() || length == body.len().to_string(), "{head}");
    Answer { status: status.unwrap_or_else(|| panic!("{head}")), head: head.into(), body: body.into() }
}

fn ask(address: &str, method: &str, path: &str) -> Answer {
    send(address, format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())
}

fn get(address: &str, path: &str) -> Answer {
    ask(address, "GET", path)
}

/// Asks until the answer is as wanted.
fn wait_for(address: &str, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = get(address, path);
        if wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{path} stays at {}", answer.body);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Samples by name and labels as written. Asserts the grammar of the text format 0.0.4: a metric is its HELP, its TYPE and
/// its samples, without a gap.
fn metrics(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let (mut helped, mut typed) = (String::new(), Vec::<String>::new());
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            helped = help.split_once(' ').expect("a name and its help").0.to_string();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and its type");
            assert_eq!(name, helped, "{line}");
            assert_eq!(kind, if name.ends_with("_total") { "counter" } else { "gauge" }, "{line}");
            assert!(!typed.iter().any(|known| known == name), "{line}");
            typed.push(name.to_string());
        } else {
            let (id, value) = line.rsplit_once(' ').expect("a sample and its value");
            let (name, labels) = id.split_once('{').map_or((id, None), |(name, labels)| (name, Some(labels)));
            assert_eq!(typed.last().map(String::as_str), Some(name), "{line}");
            assert!(name.starts_with("segmill_"), "{line}");
            assert!(name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_'), "{line}");
            if let Some(labels) = labels {
                let labels = labels.strip_suffix('}').expect("a closing brace");
                for label in labels.split(',') {
                    let (key, value) = label.split_once('=').expect("a label and its value");
                    assert!(!key.is_empty() && key.bytes().all(|c| c.is_ascii_lowercase()), "{line}");
                    let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).expect("quotes");
                    assert!(!value.contains(['"', '\\']), "{line}");
                }
            }
            assert!(samples.insert(id.to_string(), value.parse().expect("a number")).is_none(), "{line}");
        }
    }
    samples
}

#[test]
fn a_running_job_tells_how_far_it_is() {
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", LONG_JOB);
    let running = start(&sandbox);
    let address = &running.address;
    assert_eq!(get(address, "/healthz").status, 200);
    wait_for(address, "/readyz", |answer| answer.status == 200);

    const INERTIA: &str = "segmill_kmeans_inertia{space=\"projected\",clusters=\"40\"}";
    const ITERATIONS: &str = "segmill_kmeans_iterations_total";
    let first = wait_for(address, "/metrics", |answer| answer.body.contains(INERTIA));
    assert!(first.head.contains("Content-Type: text/plain; version=0.0.4"), "{}", first.head);
    let first = metrics(&first.body);
    let rows = first["segmill_rows_read_total"];
    assert!(rows > 30_000.0 && first["segmill_rows_accepted_total"] == rows, "{first:?}");
    assert_eq!((first["segmill_rows_rejected_total"], first["segmill_rows_merged_total"]), (0.0, 0.0));
    assert!(first["segmill_pca_sweeps_total"] > 0.0 && first["segmill_pca_residual_ratio"] < 1e-6, "{first:?}");
    assert!(first["segmill_resident_memory_bytes"] > 1e6 && first["segmill_peers_connected"] == 0.0, "{first:?}");
    assert!(first[INERTIA] > 0.0, "{first:?}");

    // Adds up what a metric has in the space of all items.
    let full = |samples: &BTreeMap<String, f64>| {
        let of_full = format!("{ITERATIONS}{{space=\"full\"");
        samples.iter().filter(|(name, _)| name.starts_with(&of_full)).map(|(_, value)| value).sum::<f64>()
    };
    let second = metrics(&wait_for(address, "/metrics", |answer| full(&metrics(&answer.body)) > 0.0).body);
    let third = metrics(&wait_for(address, "/metrics", |answer| full(&metrics(&answer.body)) > full(&second)).body);
    assert_eq!(third["segmill_stage_info{stage=\"sweep\"}"], 1.0);
    assert!((0.0..1.0).contains(&third["segmill_stage_done_ratio"]), "{third:?}");
    // On the way it is known up to rounding.
    let highest = first[INERTIA] * (1.0 + 1e-9);
    assert!(third[INERTIA] <= highest && third[INERTIA] == second[INERTIA], "{first:?} {second:?} {third:?}");
    let (pca, sweep) = ("segmill_stage_seconds{stage=\"pca\"}", "segmill_stage_seconds{stage=\"sweep\"}");
    assert!(second[pca] == third[pca] && second[sweep] < third[sweep], "{second:?} {third:?}");

    let page = get(address, "/?from=a+test");
    assert!(page.status == 200 && page.head.contains("Content-Type: text/html; charset=utf-8"), "{}", page.head);
    for part in
        ["<!DOCTYPE html>", "ingest", "pca", "kmeans", "sweep (at work)", "of 520 runs ", "Lowest inertia", "refresh"]
    {
        assert!(page.body.contains(part), "{part} is not in {}", page.body);
    }
}

#[test]
fn only_what_there_is_can_be_asked_for_and_nobody_is_kept_waiting() {
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", LONG_JOB);
    let running = start(&sandbox);
    let address = &running.address;
    let silent: Vec<TcpStream> = (0..4).map(|_| TcpStream::connect(address).expect("a connection")).collect();
    let begun = Instant::now();
    for path in ["/nothing", "/metrics/", "/../job.toml", "/%2e%2e/job.toml", "//"] {
        assert_eq!(get(address, path).status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let refused = ask(address, method, "/");
        assert!(refused.status == 405 && refused.head.contains("Allow: GET, HEAD"), "{method}: {}", refused.head);
    }
    let head = ask(address, "HEAD", "/healthz");
    assert!(head.status == 200 && head.body.is_empty() && head.head.contains("Content-Length: 6"), "{}", head.head);
    assert_eq!(send(address, b"\x16\x03\x01\x00\x05hello\r\n\r\n").status, 400);
    assert_eq!(send(address, b"GET / HTTP/1.1\r\n\r\n").status, 400);
    // Far more than what is read, so that the answer must get past bytes on their way.
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(100_000));
    assert_eq!(send(address, long.as_bytes()).status, 431);
    assert!(begun.elapsed() < Duration::from_secs(5), "the silent ones were waited for");

    // Past the limit whoever comes is turned away, until the silent ones have gone.
    let more: Vec<TcpStream> = (0..32).map(|_| TcpStream::connect(address).expect("a connection")).collect();
    drop((silent, more));
    let deadline = Instant::now() + PATIENCE;
    let answers = || {
        let mut socket = TcpStream::connect(address).expect("a connection");
        let mut answer = String::new();
        let asked =
            socket.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").and_then(|()| socket.read_to_string(&mut answer));
        asked.is_ok() && answer.starts_with("HTTP/1.1 200 OK\r\n")
    };
    while !answers() {
        assert!(Instant::now() < deadline, "nobody is answered any more");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_cluster_is_ready_when_all_are_there() {
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", LONG_JOB);
    let hosts = sandbox.write("hosts", cluster::free_addresses(2).join("\n"));
    let member = |process, words: &[&str]| {
        let words = [&["run", "job.toml", "-o", "out"], words].concat();
        cluster::start(&sandbox, &words, &hosts, 2, process, 1)
    };
    let mut running = announced(member(0, &["--status-addr", "127.0.0.1:0"]));
    let address = running.address.clone();
    assert_eq!(get(&address, "/readyz").status, 503);
    assert_eq!(get(&address, "/healthz").status, 200);
    assert!(get(&address, "/").body.contains("waiting for the other processes"));
    running.members.push(member(1, &["-q"]));
    wait_for(&address, "/readyz", |answer| answer.status == 200);
    let connected = |answer: &Answer| metrics(&answer.body)["segmill_peers_connected"] == 1.0;
    let metrics = metrics(&wait_for(&address, "/metrics", connected).body);
    assert!(metrics["segmill_peer_silence_seconds{peer=\"1\"}"] < PATIENCE.as_secs_f64(), "{metrics:?}");
}

#[test]
fn a_launcher_lets_process_0_tell() {
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", LONG_JOB.replace("n_init = 40", "n_init = 1"));
    let words = ["launch", "job.toml", "-o", "out", "--processes", "2", "-w", "1"];
    let address = cluster::free_addresses(1).remove(0);
    let ran = sandbox.segmill_with(&[("SEGMILL_STATUS_ADDR", &address)], &words).succeeded();
    let said: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("status at")).collect();
    assert_eq!(said, [format!("[0] segmill: status at http://{address}/")], "{}", ran.stderr);
}

#[test]
fn an_address_where_nobody_can_listen_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", LONG_JOB);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    for address in [&taken, "nonsense", "127.0.0.1:70000"] {
        let ran = sandbox.segmill(&["run", "job.toml", "--status-addr", address]);
        ran.refused(2, &["--status-addr: cannot listen at ", address]);
    }
    assert_eq!(sandbox.listing(), ["job.toml"]);
}

#[test]
fn the_page_is_comfortable_on_a_phone_and_on_a_desk() {
    let (Some(mut browser), Some(axe)) = (Browser::start(), axe()) else { return };
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", LONG_JOB);
    let running = start(&sandbox);
    wait_for(&running.address, "/", |answer| answer.body.contains("k-means"));
    // A copy that does not ask anew while it is looked at.
    let page = get(&running.address, "/").body;
    let still: String = page.lines().filter(|line| !line.contains("http-equiv=\"refresh\"")).collect();
    let file = sandbox.write("page.html", still);
    for (width, scheme) in [(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")] {
        browser.look(width, scheme, "screen");
        browser.open_file(&file, "document.querySelectorAll('caption').length >= 3");
        assert_eq!(browser.evaluate(OVERFLOW), 0, "{width} px");
        let nothing: [&str; 0] = [];
        assert_eq!(violations(&mut browser, axe), nothing, "{width} px, {scheme}");
    }
}

/// As many segments, items and moves as the page shows.
fn followed() -> Live {
    const TRENDS: [LiveTrend; 4] = [LiveTrend::Same, LiveTrend::Risen, LiveTrend::Fallen, LiveTrend::New];
    let item = |segment: u32, rank: u32| LiveItem {
        item: format!("i{}", segment * 100 + rank),
        title: (rank % 4 != 3)
            .then(|| format!("The {rank}th Night of Segment {segment}, and What Came After It (19{rank}8)")),
        score: 0.3 / f64::from(rank + 1),
        trend: TRENDS[(segment + rank) as usize % 4],
    };
    let segment = |segment: u32| LiveSegment {
        segment,
        name: ["Horror & Thriller", "Light users", "Children's & Animation, <older>"][segment as usize % 3].into(),
        size: 50_000 / u64::from(segment + 1),
        size_at_start: 49_000 / u64::from(segment + 1),
        joined: 1_500,
        left: 500,
        top: (0..10).map(|rank| item(segment, rank)).collect(),
    };
    let went = |n: u64| LiveMove {
        batch: 1_200 - n,
        user: format!("customer-{}", n * 7_919),
        from: (n % 5 != 4).then_some(n as u32 % 12),
        to: (n % 7 != 6).then_some((n as u32 + 3) % 12),
    };
    Live {
        batch: 1_200,
        changes: 1_234_567,
        rejected: 12,
        changes_per_second: 51_234.5,
        batch_seconds: 0.042,
        unknown_items: 7,
        unknown_ratings: 31,
        users: 162_000,
        ratings: 25_400_000,
        segments: (0..12).map(segment).collect(),
        moves: (0..20).map(went).collect(),
        drift: LiveDrift {
            inertia_per_user: 1.23,
            inertia_per_user_fit: 1.0,
            moved_share: 0.04,
            idf_drift: 0.013,
            threshold: 0.1,
            refit_due: true,
            why: "users are 23% further from the middle of their segment".into(),
        },
        log_bytes: 12 << 20,
        ..Live::default()
    }
}

/// Asked of this process itself, which follows nothing but says so.
#[test]
fn segments_that_are_followed_are_told_to_people_and_programs() {
    let address = segmill::watch::status::serve("127.0.0.1:0").expect("a port").to_string();
    let before = get(&address, "/live.json");
    assert!(before.status == 404 && before.body.lines().count() == 1, "{}", before.body);
    assert!(!get(&address, "/").body.contains("Segments") && !get(&address, "/metrics").body.contains("follow"));

    progress::publish(followed());
    let json = get(&address, "/live.json");
    assert!(json.status == 200 && json.head.contains("Content-Type: application/json"), "{}", json.head);
    let json: serde_json::Value = serde_json::from_str(&json.body).expect("JSON");
    assert_eq!(json, serde_json::to_value(followed()).expect("JSON"));
    let metrics = metrics(&get(&address, "/metrics").body);
    assert_eq!(metrics["segmill_follow_changes_total"], 1_234_567.0);
    assert_eq!(metrics["segmill_follow_segment_users{segment=\"3\"}"], 12_500.0);
    let page = get(&address, "/").body;
    assert!(page.contains("A new fit is due") && page.contains("http-equiv=\"refresh\""), "{page}");

    let (Some(mut browser), Some(axe)) = (Browser::start(), axe()) else { return };
    let sandbox = Sandbox::new();
    let still: Vec<&str> = page.lines().filter(|line| !line.contains("http-equiv=\"refresh\"")).collect();
    let file = sandbox.write("page.html", still.join("\n"));
    if let Some(kept) = std::env::var_os("SEGMILL_KEEP_PAGE") {
        std::fs::copy(&file, kept).expect("a copy");
    }
    for (width, scheme) in [(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")] {
        browser.look(width, scheme, "screen");
        browser.open_file(&file, "document.querySelectorAll('h3').length == 12");
        assert_eq!(browser.evaluate(OVERFLOW), 0, "{width} px");
        let nothing: [&str; 0] = [];
        assert_eq!(violations(&mut browser, axe), nothing, "{width} px, {scheme}");
    }
}
