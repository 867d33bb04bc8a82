//! A Kafka topic as an input of the live mode: a broker that speaks Kafka's protocol, started by the test, read through the
//! same calls as a session reads; and librdkafka's mock cluster for what that broker cannot be brought to do.
#![cfg(feature = "kafka")]

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

use rdkafka::mocking::MockCluster;
use segmill::error::{Error, Result};
use segmill::ingest::ids::Id;
use segmill::kernel::keyed;
use segmill::live::change::{Change, Op, Position, Positions};
use segmill::live::input::inputs::{Inputs, Taken};
use segmill::live::input::kafka::TopicFeed;
use segmill::live::input::parser::Parser;
use segmill::live::input::spec::{Format, InputKind, InputSpec};

use crate::util::broker::{self, Broker};
use crate::util::{Sandbox, cluster};

/// Whoever has not answered by then will not.
const PATIENCE: Duration = Duration::from_secs(60);

type Messages = Vec<(i32, Option<String>)>;

fn parser() -> Parser {
    let sandbox = Sandbox::new();
    let path = sandbox.write("job.toml", "[input]\nratings = 'r.csv'\n");
    let job = segmill::job::load(&path, &[], Some("out".into())).expect("a job");
    Parser::new(&job, Format::Auto, None)
}

fn open(input: &str, positions: &Positions, stop_at_end: bool) -> Result<Inputs> {
    let spec = InputSpec::parse(input).expect("an input");
    Inputs::open(&[spec], parser(), positions, stop_at_end)
}

/// Message `number` of a topic of two partitions: every user in one of them; now and then no change, or none that can be read.
fn message(number: u64) -> (i32, Option<String>) {
    let partition = (number % 2) as i32;
    let value = match number % 50 {
        48 => None,
        49 => Some("{\"op\":".to_string()),
        _ if number.is_multiple_of(3) => Some(format!("put,u{partition},i{number},{}", number % 5 + 1)),
        _ => Some(format!("{{\"op\":\"add\",\"user\":\"u{partition}\",\"item\":\"i{number}\"}}\n")),
    };
    (partition, value)
}

fn messages(numbers: std::ops::Range<u64>) -> Messages {
    numbers.map(message).collect()
}

/// The items of `message` by partition, in order: what is to come of them.
fn items(count: u64) -> BTreeMap<i32, Vec<Id>> {
    let mut items: BTreeMap<i32, Vec<Id>> = BTreeMap::new();
    for number in (0..count).filter(|number| number % 50 < 48) {
        items.entry((number % 2) as i32).or_default().push(Id::parse(&format!("i{number}")));
    }
    items
}

/// What came, by partition, each change held against the offset that it says it has.
#[derive(Default)]
struct Came {
    items: BTreeMap<i32, Vec<Id>>,
    rejects: Vec<(u64, u64)>,
}

impl Came {
    fn take(&mut self, taken: Taken) {
        for Change { op, user, item, origin, .. } in taken.changes {
            let partition = origin.byte as i32;
            let number = origin.line * 2 + origin.byte;
            assert_eq!(user, Id::parse(&format!("u{partition}")));
            assert_eq!(item, Id::parse(&format!("i{number}")), "offset {}", origin.line);
            assert_eq!(op, if number.is_multiple_of(3) { Op::Put } else { Op::Add });
            self.items.entry(partition).or_default().push(item);
        }
        self.rejects.extend(taken.rejects.iter().map(|reject| (reject.byte, reject.line)));
    }
}

/// Takes until `enough` lines have come, or the end.
fn take(inputs: &mut Inputs, enough: usize, came: &mut Came) -> Positions {
    let deadline = Instant::now() + PATIENCE;
    let mut lines = 0;
    loop {
        let taken = inputs.take(usize::MAX, Duration::from_millis(100)).expect("the topic can be read");
        let (ended, positions) = (taken.ended, taken.positions.clone());
        lines += taken.lines;
        came.take(taken);
        if ended || lines >= enough {
            return positions;
        }
        assert!(Instant::now() < deadline, "{lines} lines have come of {enough}");
    }
}

#[test]
fn every_message_comes_once_in_the_order_of_its_partition_up_to_the_end_at_the_start() {
    let Some(broker) = Broker::start() else { return };
    broker.create("changes", 2);
    broker.create("empty", 3);
    let input = broker.input("changes");
    broker.produce("changes", &messages(0..1000));
    let mut inputs = open(&input, &Positions::new(), true).expect("the topic is there");
    broker.produce("changes", &messages(1000..1100));
    let mut came = Came::default();
    let positions = take(&mut inputs, usize::MAX, &mut came);
    assert_eq!(came.items, items(1000));
    assert_eq!(came.rejects, (0..20).map(|n| (1, n * 25 + 24)).collect::<Vec<_>>());
    assert_eq!(positions[&input].offsets, BTreeMap::from([(0, 500), (1, 500)]));
    assert_eq!(positions[&input].lines, 1000);

    let mut inputs = open(&input, &positions, true).expect("the topic is there");
    let positions = take(&mut inputs, usize::MAX, &mut came);
    assert_eq!(came.items, items(1100));
    assert_eq!(positions[&input].lines, 1100);
    let mut inputs = open(&input, &positions, true).expect("the topic is there");
    assert_eq!(take(&mut inputs, usize::MAX, &mut came), positions);
    let mut inputs = open(&broker.input("empty"), &Positions::new(), true).expect("the topic is there");
    take(&mut inputs, usize::MAX, &mut came);
    assert_eq!(came.items, items(1100));
}

/// The reader is stopped at any moment, and so is the broker; only what was acknowledged is known afterwards.
#[test]
fn nothing_is_lost_and_nothing_comes_twice_whoever_is_killed() {
    let Some(mut broker) = Broker::start() else { return };
    broker.create("changes", 2);
    let input = format!("{}?group=segments", broker.input("changes"));
    let (mut safe, mut positions) = (Came::default(), Positions::new());
    for round in 0..4u64 {
        broker.produce("changes", &messages(round * 250..(round + 1) * 250));
        let mut inputs = open(&input, &positions, false).expect("the topic is there");
        for batch in 0..4 {
            let most = 1 + keyed::mix(round * 16 + batch) as usize % 60;
            let taken = inputs.take(most, PATIENCE).expect("the topic can be read");
            assert!(taken.changes.len() <= most && !taken.ended);
            if batch < 3 {
                positions = taken.positions.clone();
                safe.take(taken);
                inputs.acknowledge(&positions).expect("the group is told later");
            }
            if batch == 1 && round % 2 == 0 {
                broker.kill();
            }
        }
        drop(inputs);
        if round % 2 == 0 {
            broker.restart();
        }
    }
    let mut inputs = open(&input, &positions, true).expect("the topic is there");
    take(&mut inputs, usize::MAX, &mut safe);
    assert_eq!(safe.items, items(1000));
}

#[test]
fn a_broker_that_goes_away_is_waited_for() {
    let Some(mut broker) = Broker::start() else { return };
    logged();
    broker.create("changes", 2);
    broker.produce("changes", &messages(0..100));
    let input = broker.input("changes");
    let mut inputs = open(&input, &Positions::new(), false).expect("the topic is there");
    let mut came = Came::default();
    take(&mut inputs, 100, &mut came);
    broker.kill();
    wait_for_log(&input, "no broker answers");
    let taken = inputs.take(1, Duration::from_millis(200)).expect("it is waited for");
    assert!(taken.lines == 0 && !taken.ended);
    broker.restart();
    wait_for_log(&input, "connected");
    broker.produce("changes", &messages(100..300));
    take(&mut inputs, 200, &mut came);
    assert_eq!(came.items, items(300));
}

#[test]
fn a_group_is_told_what_is_safe_and_asked_for_nothing() {
    let Some(broker) = Broker::start() else { return };
    broker.create("changes", 2);
    broker.produce("changes", &messages(0..200));
    let (named, unnamed) = (format!("{}?group=segments", broker.input("changes")), broker.input("changes"));
    for input in [&named, &unnamed] {
        let mut inputs = open(input, &Positions::new(), false).expect("the topic is there");
        let positions = take(&mut inputs, 200, &mut Came::default());
        assert_eq!(broker.committed("segments", "changes", 0), (input == &unnamed).then_some(100), "not safe yet");
        inputs.acknowledge(&positions).expect("the group is told");
        // What is on its way arrives.
        drop(inputs);
        assert_eq!(broker.committed("segments", "changes", 0), Some(100));
        assert_eq!(broker.committed("segments", "changes", 1), Some(100));
    }
    assert_eq!(broker.committed("segmill", "changes", 0), None, "nobody was named");
    // All of it again: the state knows of nothing.
    let mut came = Came::default();
    take(&mut open(&named, &Positions::new(), true).expect("the topic is there"), usize::MAX, &mut came);
    assert_eq!(came.items, items(200));
}

#[test]
fn what_is_not_there_is_said_in_one_line() {
    let Some(broker) = Broker::start() else { return };
    refused(open(&broker.input("nothing"), &Positions::new(), false), 2, &["--input: ", "no topic \"nothing\""]);
    let nobody = format!("kafka:{}/changes", cluster::free_addresses(1)[0]);
    let InputKind::Kafka(topic) = InputSpec::parse(&nobody).expect("an input").kind else { panic!("{nobody}") };
    let within = Duration::from_secs(1);
    let opened = TopicFeed::open(nobody.clone(), &topic, Position::default(), false, within);
    refused(opened, 4, &[&nobody, "no broker answers: ", "Connection refused"]);
}

/// Changes that were never read are gone: nothing that goes on from there can be right.
#[test]
fn offsets_that_the_topic_does_not_hold_end_the_run() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic("changes", 2, 1).expect("a topic");
    let brokers = cluster.bootstrap_servers();
    let input = format!("kafka:{brokers}/changes");
    broker::produce(&brokers, "changes", &messages(0..20), "none");
    let at = |offsets: &[(i32, i64)]| {
        let position = Position { offsets: offsets.iter().copied().collect(), ..Position::default() };
        Positions::from([(input.clone(), position)])
    };
    let mut came = Came::default();
    take(&mut open(&input, &at(&[(0, 4)]), true).expect("the topic is there"), usize::MAX, &mut came);
    assert_eq!(came.items[&0], items(20)[&0][4..]);
    assert_eq!(came.items[&1], items(20)[&1], "a partition of which nothing is known, from its beginning");

    let mut inputs = open(&input, &at(&[(0, 1000), (1, 10)]), false).expect("the topic is there");
    refused(inputs.take(1, PATIENCE), 4, &[&input, "0:1000", "--state"]);
    refused(open(&input, &at(&[(0, 1000), (1, 10)]), true), 4, &[&input, "(0:1000)", "--state"]);
    refused(open(&input, &at(&[(0, 3), (7, 1)]), false), 4, &[&input, "partition 7", "--state"]);
}

/// The mock cluster gives out what it was given.
#[test]
fn compressed_messages_are_read() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic("changes", 2, 1).expect("a topic");
    let brokers = cluster.bootstrap_servers();
    for (codec, round) in ["gzip", "snappy", "lz4", "zstd"].into_iter().zip(0..) {
        broker::produce(&brokers, "changes", &messages(round * 200..(round + 1) * 200), codec);
    }
    let mut came = Came::default();
    let input = format!("kafka:{brokers}/changes");
    take(&mut open(&input, &Positions::new(), true).expect("the topic is there"), usize::MAX, &mut came);
    assert_eq!(came.items, items(800));
}

#[track_caller]
fn refused<T>(result: Result<T>, code: u8, parts: &[&str]) {
    let error: Error = result.err().expect("it is refused");
    let message = error.to_string();
    assert_eq!(error.exit_code(), code, "{message}");
    assert!(!message.contains('\n'), "{message:?}");
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Keeps the log of the tests in this process.
fn logged() {
    struct Log;
    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            LOG.lock().expect("nobody panics with it").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).init());
}

/// Waits for a line of the log.
fn wait_for_log(input: &str, words: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let log = String::from_utf8_lossy(&LOG.lock().expect("nobody panics with it")).into_owned();
        if log.lines().any(|line| line.contains(input) && line.contains(words)) {
            return;
        }
        assert!(Instant::now() < deadline, "{words:?} is not in the log:\n{log}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
