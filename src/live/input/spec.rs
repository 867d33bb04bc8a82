//! `--input`, `--format` and `--every`: words of the command line to what they mean.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};

/// One `--input`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSpec {
    /// As it was given: its key in [`crate::live::change::Positions`].
    pub name: String,
    pub kind: InputKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputKind {
    Stdin,
    File(PathBuf),
    /// Listens there: `HOST:PORT`.
    Tcp(String),
    /// Listens there.
    Unix(PathBuf),
    Kafka(Topic),
}

/// `kafka:BROKER[,BROKER]/TOPIC[?group=NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// With commas between them.
    pub brokers: String,
    pub topic: String,
    pub group: Option<String>,
}

const KINDS: &str = "write - for standard input, a file, tcp:HOST:PORT, unix:PATH or kafka:BROKER/TOPIC";

impl InputSpec {
    /// # Errors
    /// [`Error::Job`] for what names no input.
    pub fn parse(text: &str) -> Result<InputSpec> {
        let refuse = |problem: &str, remedy: &str| Err(Error::job("--input", format!("{text:?} {problem}"), remedy));
        if text.is_empty() {
            return refuse("names no input", KINDS);
        }
        let kind = match text.split_once(':') {
            _ if text == crate::job::STDIN => InputKind::Stdin,
            Some(("tcp", address)) => match address.rsplit_once(':') {
                Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => InputKind::Tcp(address.into()),
                _ => return refuse("is no address", "write tcp:HOST:PORT, as in tcp:127.0.0.1:7000"),
            },
            Some(("unix", "")) => return refuse("names no socket", "write unix:PATH, as in unix:/run/changes.sock"),
            Some(("unix", path)) => InputKind::Unix(path.into()),
            Some(("kafka", place)) => match Topic::parse(place) {
                Some(topic) => InputKind::Kafka(topic),
                None => return refuse("names no topic", "write kafka:BROKER[,BROKER]/TOPIC or …/TOPIC?group=NAME"),
            },
            _ => InputKind::File(text.into()),
        };
        Ok(InputSpec { name: text.into(), kind })
    }

    /// All of the command line's; standard input where there is none.
    ///
    /// # Errors
    /// [`Error::Job`] for what names no input, and for a name that comes twice.
    pub fn parse_all(texts: &[String]) -> Result<Vec<InputSpec>> {
        if texts.is_empty() {
            return Ok(vec![InputSpec { name: crate::job::STDIN.into(), kind: InputKind::Stdin }]);
        }
        for (at, text) in texts.iter().enumerate() {
            if texts[..at].contains(text) {
                return Err(Error::job("--input", format!("{text:?} is given twice"), "name every input once"));
            }
        }
        texts.iter().map(|text| InputSpec::parse(text)).collect()
    }
}

impl Topic {
    fn parse(text: &str) -> Option<Topic> {
        let (brokers, rest) = text.split_once('/')?;
        let (topic, group) = match rest.split_once('?') {
            Some((topic, query)) => (topic, Some(query.strip_prefix("group=").filter(|name| !name.is_empty())?)),
            None => (rest, None),
        };
        let is_topic = !topic.is_empty() && topic.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        let is_whole = is_topic && brokers.split(',').all(|broker| !broker.is_empty());
        is_whole.then(|| Topic { brokers: brokers.into(), topic: topic.into(), group: group.map(str::to_string) })
    }
}

/// How lines are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A line that begins with `{` is JSON, any other is delimited.
    #[default]
    Auto,
    Json,
    Delimited,
}

impl Format {
    /// # Errors
    /// [`Error::Job`] for any other word.
    pub fn parse(text: &str) -> Result<Format> {
        match text {
            "auto" => Ok(Format::Auto),
            "json" => Ok(Format::Json),
            "delimited" => Ok(Format::Delimited),
            _ => Err(Error::job("--format", format!("{text:?} is no format"), "write auto, json or delimited")),
        }
    }
}

/// What a batch is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Every {
    /// What has come, up to [`MOST_IN_BATCH`].
    #[default]
    Batch,
    /// What comes in so long.
    Time(Duration),
    /// So many changes, at least 1.
    Changes(u64),
}

/// The most changes of a batch that is not given a size.
pub const MOST_IN_BATCH: usize = 1 << 16;
/// The most changes of any batch: one lies in memory.
pub const MOST_CHANGES: u64 = 1_000_000;
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Every {
    /// `batch`, a number of changes, or a time: a number followed by `ms`, `s` or `m`.
    ///
    /// # Errors
    /// [`Error::Job`] for anything else, for 0, and for more than a day.
    pub fn parse(text: &str) -> Result<Every> {
        let refuse = |problem: &str, remedy: &str| Err(Error::job("--every", format!("{text:?} {problem}"), remedy));
        let words = "write batch, a number of changes such as 1000, or a time such as 500ms, 1s or 5m";
        if text == "batch" {
            return Ok(Every::Batch);
        }
        if let Ok(changes) = text.parse::<u64>() {
            return match changes {
                0 => refuse("is no batch", words),
                1..=MOST_CHANGES => Ok(Every::Changes(changes)),
                _ => refuse("are too many for one batch", "write 1000000 or less"),
            };
        }
        let seconds_of = [("ms", 1e-3), ("s", 1.0), ("m", 60.0)];
        let number = |&(unit, seconds): &(&str, f64)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * seconds);
        match seconds_of.iter().find_map(number).map(Duration::try_from_secs_f64) {
            Some(Ok(time)) if time > LONGEST => refuse("is too long", "write a day or less"),
            Some(Ok(time)) if !time.is_zero() => Ok(Every::Time(time)),
            _ => refuse("is neither a number nor a time", words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> InputKind {
        InputSpec::parse(text).unwrap().kind
    }

    #[test]
    fn an_input_is_what_its_prefix_says() {
        assert_eq!(kind("-"), InputKind::Stdin);
        for path in ["changes.jsonl", "a/b:c", "C:x", "/tmp/tcp"] {
            assert_eq!(kind(path), InputKind::File(path.into()));
        }
        for address in ["localhost:7000", "[::1]:0", "0.0.0.0:65535"] {
            assert_eq!(kind(&format!("tcp:{address}")), InputKind::Tcp(address.into()));
        }
        assert_eq!(kind("unix:a:b"), InputKind::Unix("a:b".into()));
        let topic = |group: Option<&str>| Topic {
            brokers: "a:1,b:2".into(),
            topic: "T-1._".into(),
            group: group.map(str::to_string),
        };
        assert_eq!(kind("kafka:a:1,b:2/T-1._"), InputKind::Kafka(topic(None)));
        assert_eq!(kind("kafka:a:1,b:2/T-1._?group=g"), InputKind::Kafka(topic(Some("g"))));
    }

    #[test]
    fn what_names_no_input_is_refused_in_one_line() {
        for text in [
            "",
            "tcp:7000",
            "tcp::7000",
            "tcp:host:port",
            "tcp:host:70000",
            "tcp:",
            "unix:",
            "kafka:",
            "kafka:a",
            "kafka:a/",
            "kafka:/t",
            "kafka:a,/t",
            "kafka:a/t t",
            "kafka:a/t?group=",
            "kafka:a/t?x=1",
        ] {
            let error = InputSpec::parse(text).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().starts_with("--input: "), "{text}: {error}");
        }
        let twice = InputSpec::parse_all(&["a".into(), "-".into(), "a".into()]).unwrap_err();
        assert_eq!(twice.to_string(), "--input: \"a\" is given twice; name every input once");
        assert_eq!(InputSpec::parse_all(&[]).unwrap()[0].kind, InputKind::Stdin);
    }

    #[test]
    fn a_batch_has_a_time_or_a_number() {
        for (text, every) in [
            ("batch", Every::Batch),
            ("1", Every::Changes(1)),
            ("1000", Every::Changes(1000)),
            ("1s", Every::Time(Duration::from_secs(1))),
            ("0.5s", Every::Time(Duration::from_millis(500))),
            ("250ms", Every::Time(Duration::from_millis(250))),
            ("2m", Every::Time(Duration::from_secs(120))),
        ] {
            assert_eq!(Every::parse(text), Ok(every), "{text}");
        }
        for text in ["", "0", "0s", "-1", "-1s", "s", "1h", "nans", "infs", "1e300s", "1d", "1441m", "batches", "1 s"] {
            let error = Every::parse(text).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().starts_with("--every: "), "{text}: {error}");
        }
    }

    #[test]
    fn formats_are_three_words() {
        assert_eq!(
            ["auto", "json", "delimited"].map(Format::parse),
            [Ok(Format::Auto), Ok(Format::Json), Ok(Format::Delimited)]
        );
        assert_eq!(Format::parse("csv").unwrap_err().exit_code(), 2);
    }
}
