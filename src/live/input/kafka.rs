//! A Kafka topic: the value of a message is a line.
//!
//! Keys and headers are ignored; a message without a value, a tombstone, is a blank line. A topic of delimited text has no line
//! that names the columns, since that line would be read only once. All partitions are read, those that come later too. Order
//! holds within a partition, so changes that must stay in order have to share one: a topic keyed by user keeps each user's.
//!
//! Where reading goes on is what the state says ([`Position::offsets`]); a partition that it does not know is read from its
//! beginning. The broker is not asked for it. A group, where one is named, is told the offsets after they were acknowledged, so
//! that its lag can be watched. No reader joins the group, so several may name the same.
//!
//! A broker that goes away is waited for: the client (librdkafka) tries again by itself, and the log says when none is left
//! and when one is back. What ends the run is a topic that is not there at the start, brokers that do not answer at the
//! start, and offsets that the topic does not hold any more, for then changes are lost.
//!
//! Where the input is to end, each partition ends at the high watermark that it had at the start.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::feed::{Acknowledge, Chunk, Feed, Line, Outlet, PATIENCE, Place};
use super::lines::MOST_LINE;
use super::parser::{Parsed, Parser};
use super::spec::Topic;
use crate::error::{Error, Result};
use crate::live::change::Position;

/// How long the brokers may take to answer at the start.
const START: Duration = Duration::from_secs(30);

/// How long offsets on their way to the group may take at the end.
const END: Duration = Duration::from_secs(2);

/// The most messages that are given on at once.
const MOST_AT_ONCE: usize = 4096;

/// What the client keeps fetched ahead.
const AHEAD_KIB: &str = "16384";

/// Finds the topic's partitions, and goes to where `position` says.
///
/// # Errors
/// [`Error::Job`] for a topic that is not there, [`Error::File`] for brokers that do not answer, and for a partition that is
/// not there any more.
pub fn open(name: String, topic: &Topic, position: Option<&Position>, stop_at_end: bool) -> Result<Box<dyn Feed>> {
    let feed = TopicFeed::open(name, topic, position.cloned().unwrap_or_default(), stop_at_end, START)?;
    Ok(Box::new(feed))
}

/// A topic that is read.
pub struct TopicFeed {
    name: String,
    topic: Topic,
    client: Arc<Client>,
    /// Where it began.
    position: Position,
    /// The partitions that are read.
    partitions: BTreeMap<i32, Partition>,
    stop_at_end: bool,
}

/// How far a partition has been read.
struct Partition {
    /// The next offset; [`None`]: the first there is.
    next: Option<i64>,
    /// Messages that were read.
    lines: u64,
    /// The input ends here; never where it has no end.
    end: i64,
    /// No message was left, at some moment after the start.
    drained: bool,
    parser: Option<Parser>,
}

impl TopicFeed {
    /// [`open`]; the brokers may take so long to answer.
    pub fn open(
        name: String,
        topic: &Topic,
        position: Position,
        stop_at_end: bool,
        within: Duration,
    ) -> Result<TopicFeed> {
        let client = Client::connect(&name, topic)?;
        let (topic, partitions) = (topic.clone(), BTreeMap::new());
        let mut feed = TopicFeed { name, topic, client: Arc::new(client), position, partitions, stop_at_end };
        let deadline = Instant::now() + within;
        let there = feed.ask_for_partitions(deadline)?;
        if let Some(gone) = feed.position.offsets.keys().find(|partition| !there.contains(partition)) {
            let problem = format!("partition {gone}, of which changes have been read, is no longer in the topic");
            return Err(failed(&feed.name, &problem, BEGIN_ANEW));
        }
        let ends = feed.ask_for_ends(&there, deadline)?;
        if let Some((number, next)) =
            feed.position.offsets.iter().find(|&(number, next)| ends.get(number).is_some_and(|end| end < next))
        {
            return Err(feed.lost(&format!("{number}:{next}")));
        }
        feed.client.context().seen().up = true;
        feed.read_also(&there, &ends)?;
        Ok(feed)
    }

    /// The numbers of the topic's partitions.
    fn ask_for_partitions(&self, deadline: Instant) -> Result<BTreeSet<i32>> {
        self.ask(deadline, |client, wait| {
            let answer = client.fetch_metadata(Some(&self.topic.topic), wait)?;
            let topic = answer.topics().iter().find(|topic| topic.name() == self.topic.topic);
            let partitions = topic.map(|topic| topic.partitions().iter().map(|partition| partition.id()).collect());
            match topic.and_then(|topic| topic.error()).map(RDKafkaErrorCode::from) {
                Some(code) => Err(KafkaError::MetadataFetch(code)),
                None => partitions.ok_or(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopic)),
            }
        })
    }

    /// Where each partition ends now, if the input is to end there.
    fn ask_for_ends(&self, numbers: &BTreeSet<i32>, deadline: Instant) -> Result<BTreeMap<i32, i64>> {
        let asked = numbers.iter().filter(|_| self.stop_at_end);
        let end = |&number: &i32| {
            let ask = |client: &Client, wait| client.fetch_watermarks(&self.topic.topic, number, wait);
            self.ask(deadline, ask).map(|(_, high)| (number, high))
        };
        asked.map(end).collect()
    }

    /// Asks again until there is an answer, or the time is up. To be done before anything is read.
    fn ask<T>(&self, deadline: Instant, question: impl Fn(&Client, Duration) -> KafkaResult<T>) -> Result<T> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = question(&self.client, left.min(Duration::from_secs(1)));
            // What the log has to say comes with the events.
            let _ = self.client.poll(Duration::ZERO);
            match answer.map_err(|error| (error.rdkafka_error_code(), error)) {
                Ok(answer) => return Ok(answer),
                Err((Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition), _)) => {
                    let problem = format!("{:?}: the brokers have no topic {:?}", self.name, self.topic.topic);
                    return Err(Error::job("--input", problem, "create it first, or name another"));
                }
                Err((Some(RDKafkaErrorCode::TopicAuthorizationFailed), _)) => {
                    return Err(failed(&self.name, "reading the topic is not allowed", "grant it to this client"));
                }
                Err((_, error)) if left.is_zero() => {
                    let why = self.client.context().seen().problem.take().unwrap_or_else(|| error.to_string());
                    return Err(failed(&self.name, &format!("no broker answers: {why}"), "start it, or name another"));
                }
                Err(_) => std::thread::sleep(PATIENCE.min(left)),
            }
        }
    }

    /// Reads `numbers` too: from where they were left, or from the beginning.
    fn read_also(&mut self, numbers: &BTreeSet<i32>, ends: &BTreeMap<i32, i64>) -> Result<()> {
        let mut assigned = TopicPartitionList::new();
        for &number in numbers {
            let next = self.position.offsets.get(&number).copied();
            let offset = next.map_or(Offset::Beginning, Offset::Offset);
            assigned.add_partition_offset(&self.topic.topic, number, offset).map_err(|error| self.broken(&error))?;
            let end = ends.get(&number).copied().unwrap_or(i64::MAX);
            self.partitions.insert(number, Partition { next, lines: 0, end, drained: end == 0, parser: None });
        }
        self.client.incremental_assign(&assigned).map_err(|error| self.broken(&error))
    }

    /// Partitions that the topic did not have before.
    fn read_new_partitions(&mut self) -> Result<()> {
        let mut new = self.client.context().seen().partitions.clone();
        new.retain(|number| !self.partitions.contains_key(number));
        if new.is_empty() || self.stop_at_end {
            return Ok(());
        }
        tracing::info!(input = self.name, partitions = new.len(), "the topic has new partitions");
        self.read_also(&new, &BTreeMap::new())
    }

    fn has_ended(&self) -> bool {
        self.stop_at_end && self.partitions.values().all(Partition::has_ended)
    }

    /// What has come, by partition; waits a moment for the first.
    fn take(&mut self, out: &Outlet) -> Result<BTreeMap<i32, Vec<Line>>> {
        let mut lines: BTreeMap<i32, Vec<Line>> = BTreeMap::new();
        let client = Arc::clone(&self.client);
        for count in 0..MOST_AT_ONCE {
            match client.poll(if count == 0 { PATIENCE } else { Duration::ZERO }) {
                None => break,
                Some(Ok(message)) => {
                    if let Some(line) = self.line(&message, out) {
                        lines.entry(message.partition()).or_default().push(line);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(number))) => {
                    if let Some(partition) = self.partitions.get_mut(&number) {
                        partition.drained = true;
                    }
                }
                Some(Err(error)) => self.bear(&error)?,
            }
        }
        Ok(lines)
    }

    /// The line of a message; nothing past the partition's end.
    fn line(&mut self, message: &BorrowedMessage<'_>, out: &Outlet) -> Option<Line> {
        let offset = message.offset();
        let partition = self.partitions.get_mut(&message.partition())?;
        if offset >= partition.end {
            partition.drained = true;
            return None;
        }
        partition.next = Some(offset + 1);
        let parser = partition.parser.get_or_insert_with(|| out.parser());
        let begin = u64::try_from(offset).expect("offsets are counted from 0");
        Some(Line { parsed: parsed(parser, message.payload().unwrap_or_default()), begin, after: begin + 1 })
    }

    /// Passes over errors from which the client recovers by itself.
    fn bear(&self, error: &KafkaError) -> Result<()> {
        let gone = [RDKafkaErrorCode::AutoOffsetReset, RDKafkaErrorCode::OffsetOutOfRange];
        match error.rdkafka_error_code() {
            Some(code) if gone.contains(&code) => {
                let next = |(number, partition): (&i32, &Partition)| Some(format!("{number}:{}", partition.next?));
                let places: Vec<String> = self.partitions.iter().filter_map(next).collect();
                Err(self.lost(&places.join(", ")))
            }
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                Err(failed(&self.name, "reading the topic is not allowed any more", "grant it to this client"))
            }
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => Err(self.broken(error)),
            _ => {
                tracing::debug!(input = self.name, "{error}");
                Ok(())
            }
        }
    }

    /// One of these places, each a partition and an offset, is not in the topic.
    fn lost(&self, places: &str) -> Error {
        let problem = format!("the topic no longer holds the offset at which reading is to go on ({places})");
        failed(&self.name, &problem, BEGIN_ANEW)
    }

    fn broken(&self, error: &KafkaError) -> Error {
        failed(&self.name, &error.to_string(), "start again")
    }
}

fn parsed(parser: &mut Parser, value: &[u8]) -> Parsed {
    let line = value.strip_suffix(b"\n").unwrap_or(value);
    if line.len() > MOST_LINE { parser.too_long(line) } else { parser.line(line) }
}

const BEGIN_ANEW: &str = "begin anew with another --state, and keep messages for longer than segmill may be away";

fn failed(name: &str, problem: &str, remedy: &str) -> Error {
    Error::File { path: PathBuf::from(name), problem: problem.into(), remedy: remedy.into() }
}

impl Partition {
    fn has_ended(&self) -> bool {
        self.drained || self.next.is_some_and(|next| next >= self.end)
    }
}

impl Feed for TopicFeed {
    fn name(&self) -> &str {
        &self.name
    }

    fn position(&self) -> Position {
        self.position.clone()
    }

    fn acknowledger(&mut self) -> Box<dyn Acknowledge> {
        let topic = self.topic.group.is_some().then(|| self.topic.topic.clone());
        Box::new(Group { topic, told: BTreeMap::new(), client: Arc::clone(&self.client) })
    }

    fn run(mut self: Box<Self>, out: Outlet) -> Result<()> {
        while !out.stopped() && !self.has_ended() {
            for (number, lines) in self.take(&out)? {
                let partition = self.partitions.get_mut(&number).expect("lines come of partitions that are read");
                let first = partition.lines;
                partition.lines += lines.len() as u64;
                if !out.send(Chunk { place: Place::Partition(number), first, lines }) {
                    return Ok(());
                }
            }
            self.read_new_partitions()?;
        }
        Ok(())
    }
}

/// Tells the group what is safe. Its offsets are there to be watched; reading never goes on from them.
struct Group {
    /// [`None`]: no group was named.
    topic: Option<String>,
    /// In this session: what an earlier one told may not have arrived.
    told: BTreeMap<i32, i64>,
    client: Arc<Client>,
}

impl Acknowledge for Group {
    fn acknowledge(&mut self, position: &Position, _: &BTreeMap<u64, u64>) -> Result<()> {
        let Some(topic) = &self.topic else { return Ok(()) };
        let mut offsets = TopicPartitionList::new();
        for (&partition, &offset) in &position.offsets {
            if self.told.insert(partition, offset) != Some(offset) {
                let added = offsets.add_partition_offset(topic, partition, Offset::Offset(offset));
                added.expect("offsets that were read are offsets");
            }
        }
        if offsets.count() > 0 {
            let result = self.client.commit(&offsets, CommitMode::Async);
            self.client.context().committed(&result);
        }
        Ok(())
    }
}

/// A client of the brokers.
struct Client {
    /// There until it is dropped.
    consumer: Option<BaseConsumer<Watch>>,
}

impl Client {
    fn connect(name: &str, topic: &Topic) -> Result<Client> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &topic.brokers)
            .set("client.id", "segmill")
            // Partitions can only be assigned within a group. One that was not named is told nothing.
            .set("group.id", topic.group.as_deref().unwrap_or("segmill"))
            .set("allow.auto.create.topics", "false")
            .set("auto.offset.reset", "error")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", AHEAD_KIB)
            .set("reconnect.backoff.max.ms", "2000")
            .set("statistics.interval.ms", "1000")
            .set("topic.metadata.refresh.interval.ms", "30000");
        let watch = Watch { name: name.to_string(), topic: topic.topic.clone(), seen: Mutex::default() };
        let made = config.create_with_context(watch);
        let consumer =
            made.map_err(|error| Error::job("--input", format!("{name:?}: {error}"), "name other brokers"))?;
        Ok(Client { consumer: Some(consumer) })
    }
}

impl Deref for Client {
    type Target = BaseConsumer<Watch>;

    fn deref(&self) -> &BaseConsumer<Watch> {
        self.consumer.as_ref().expect("there until it is dropped")
    }
}

impl Drop for Client {
    /// Offsets on their way to the group may arrive. Where the brokers are away, that could take for ever.
    fn drop(&mut self) {
        let consumer = self.consumer.take();
        let (alive, closed) = mpsc::channel::<()>();
        let closing = thread::Builder::new().name("kafka".into()).spawn(move || {
            drop(consumer);
            drop(alive);
        });
        if closing.is_ok() {
            let _ = closed.recv_timeout(END);
        }
    }
}

/// What the client says beside messages.
struct Watch {
    name: String,
    topic: String,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Of the topic.
    partitions: BTreeSet<i32>,
    /// There was a connection to some broker before.
    up: bool,
    /// The last that went wrong.
    problem: Option<String>,
    /// The group did not take the last offsets.
    refused: bool,
}

impl Watch {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Says once that the group does not take offsets, until it does again.
    fn committed(&self, result: &KafkaResult<()>) {
        let refused = std::mem::replace(&mut self.seen().refused, result.is_err());
        if let (false, Err(error)) = (refused, result) {
            tracing::warn!(input = self.name, "the offsets of the group are behind, which does no harm here: {error}");
        }
    }
}

impl ClientContext for Watch {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(input = self.name, facility, "{message}");
        if level as i32 <= RDKafkaLogLevel::Error as i32 {
            // The thread that logged it does not matter.
            let text = message.split_once("]: ").map_or(message, |(_, text)| text);
            self.seen().problem = Some(text.to_string());
        }
    }

    fn stats(&self, statistics: Statistics) {
        let mut seen = self.seen();
        for partition in statistics.topics.get(&self.topic).iter().flat_map(|topic| topic.partitions.values()) {
            // -1 is what belongs to no partition.
            if partition.partition >= 0 && !partition.unknown {
                seen.partitions.insert(partition.partition);
            }
        }
        let up = statistics.brokers.values().any(|broker| broker.state == "UP");
        let was_up = std::mem::replace(&mut seen.up, up);
        match (was_up, up) {
            (true, false) => {
                let why = seen.problem.clone().unwrap_or_default();
                tracing::warn!(input = self.name, "no broker answers; reading goes on when one does: {why}");
            }
            (false, true) => tracing::info!(input = self.name, "connected"),
            _ => {}
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(input = self.name, "{error}: {reason}");
    }
}

impl ConsumerContext for Watch {
    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        self.committed(&result);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    use super::super::feed;
    use super::super::spec::Format;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn parser() -> Parser {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job.toml");
        std::fs::write(&path, "[input]\nratings = 'r.csv'\n").unwrap();
        Parser::new(&crate::job::load(&path, &[], Some("out".into())).unwrap(), Format::Auto, None)
    }

    #[test]
    fn partitions_that_come_later_are_read_from_their_beginning() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("changes", 2, 1).unwrap();
        let topic = Topic { brokers: cluster.bootstrap_servers(), topic: "changes".into(), group: None };
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &topic.brokers).create().unwrap();
        for number in [0, 1, 1] {
            producer.send(BaseRecord::<(), str>::to("changes").partition(number).payload("put,u1,i1")).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
        let mut feed = TopicFeed::open("changes".into(), &topic, Position::default(), false, PATIENCE).unwrap();
        // As if it had not been there. Metadata that show it come with the statistics.
        let mut later = TopicPartitionList::new();
        later.add_partition("changes", 1);
        feed.client.incremental_unassign(&later).unwrap();
        feed.partitions.remove(&1);

        let (sender, receiver) = sync_channel(16);
        let stop = Arc::default();
        let outlet = Outlet { input: 0, sender, stop: Arc::clone(&stop), parser: parser() };
        let reader = thread::spawn(move || Box::new(feed).run(outlet));
        let (mut came, deadline) = (BTreeMap::new(), Instant::now() + PATIENCE);
        while came != BTreeMap::from([(0, vec![0]), (1, vec![0, 1])]) {
            let left = deadline.saturating_duration_since(Instant::now());
            let feed::Message::Lines { chunk, .. } = receiver.recv_timeout(left).expect("all come") else { panic!() };
            let Place::Partition(number) = chunk.place else { panic!("{:?}", chunk.place) };
            let lines = came.entry(number).or_insert_with(Vec::new);
            assert_eq!(chunk.first, lines.len() as u64);
            lines.extend(chunk.lines.iter().map(|line| line.begin));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        reader.join().unwrap().unwrap();
    }

    #[test]
    fn a_message_is_a_line() {
        let parser = &mut parser();
        assert_eq!(parsed(parser, b""), Parsed::Nothing);
        assert!(matches!(parsed(parser, b"put,u1,i1\n"), Parsed::Change(_)));
        let mut long = b"put,u1,".to_vec();
        long.resize(MOST_LINE, b'i');
        assert!(!matches!(parsed(parser, &long), Parsed::Bad(bad) if bad.code == "LONG_LINE"));
        long.push(b'i');
        assert!(matches!(parsed(parser, &long), Parsed::Bad(bad) if bad.code == "LONG_LINE"));
    }
}
