//! Any bytes as lines of changes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::Taken;
use crate::ingest::fields::{is_blank, without_cr};
use crate::ingest::ids::{Id, MAX_ID_BYTES};
use crate::ingest::rejects::RAW_BYTES;
use crate::ingest::scan::MAX_RATING;
use crate::job::{self, Job};
use crate::live::change::{Change, Op};
use crate::live::input::feed::{Line, Place};
use crate::live::input::lines::Lines;
use crate::live::input::parser::{Parsed, Parser};
use crate::live::input::spec::Format;

/// Jobs whose ratings are changed: as it comes, with columns by name and a filter, and with a layout of its own.
const JOBS: [&str; 3] = [
    "",
    "user = 'user'\nitem = 'item'\nrating = 'rating'\ntime = 'time'\nduplicates = 'error'\n\
     [filter]\nmin_rating = 1\nmax_rating = 5\nafter = '2001-01-01'\nbefore = '2020-01-01'",
    "delimiter = '::'\nuser = 1\nitem = 0\nrating = 3\ntime = 4\ntime_unit = 'ms'\nduplicates = 'sum'\n\
     [filter]\nafter = '1970-01-02'",
];

/// Three bytes say what is read, as what, and where the text is cut. The changes are the same for any cut, and keep to the ranges;
/// what serde_json does not take for an object is no change; and a change that is written down is read again as it was.
pub fn changes(data: &[u8]) {
    let mut data = Taken(data);
    let (choice, cuts) = (data.byte(), [data.byte(), data.byte()]);
    let text = data.0;
    let job = &jobs()[usize::from(choice & 3) % JOBS.len()];
    let format = [Format::Auto, Format::Json, Format::Delimited, Format::Json][usize::from(choice >> 2 & 3)];
    let op = [None, Some(Op::Put), Some(Op::Add), None][usize::from(choice >> 4 & 3)];
    let parser = Parser::new(job, format, op);
    let whole = read(&parser, text, &[]);
    let mut cuts = cuts.map(|cut| text.len() * usize::from(cut) / 255);
    cuts.sort_unstable();
    assert_same(&whole, &read(&parser, text, &cuts));
    for line in &whole {
        judge(line, &text[line.begin as usize..line.after as usize], format);
        if let Parsed::Change(change) = &line.parsed {
            comes_back(change, job);
        }
    }
    // Whose beginning is all there is.
    let mut parser = parser.fresh();
    assert!(matches!(parser.too_long(text), Parsed::Bad(_)) && !matches!(parser.cut_off(text), Parsed::Change(_)));
}

fn jobs() -> &'static [Job] {
    static JOBS_READ: OnceLock<Vec<Job>> = OnceLock::new();
    let read = |text: &&str| {
        let text = format!("[input]\nratings = ['r.csv']\n{text}\n");
        job::from_bytes(Path::new("job.toml"), text.into_bytes(), &[], None).expect("a job")
    };
    JOBS_READ.get_or_init(|| JOBS.iter().map(read).collect())
}

/// The lines of a text that comes in pieces.
fn read(parser: &Parser, text: &[u8], cuts: &[usize]) -> Vec<Line> {
    let mut lines = Lines::new(parser.fresh(), 0, 0);
    let (mut found, mut start) = (Vec::new(), 0);
    for &end in cuts.iter().chain([&text.len()]) {
        found.extend(lines.take(&text[start..end], Place::Stream).lines);
        start = end;
    }
    found.extend(lines.finish(Place::Stream).lines);
    assert_eq!((lines.number(), lines.end()), (found.len() as u64, text.len() as u64));
    found
}

fn assert_same(one: &[Line], other: &[Line]) {
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(other) {
        assert_eq!((&one.parsed, one.begin, one.after), (&other.parsed, other.begin, other.after));
    }
}

/// What a line is, by its text, which may end with a line feed.
fn judge(line: &Line, text: &[u8], format: Format) {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    assert!(!text.contains(&b'\n'));
    match &line.parsed {
        Parsed::Change(change) => {
            let in_range = |rating: f64| (0.0..=MAX_RATING).contains(&rating) && rating.is_sign_positive();
            assert!(change.rating.map_or(change.op == Op::Withdraw, in_range), "{change:?}");
            for id in [&change.user, &change.item] {
                let text = id.to_string();
                assert!((1..=MAX_ID_BYTES).contains(&text.len()) && Id::parse(&text) == *id, "{id:?}");
            }
            // Bytes that are no UTF-8 become three.
            assert!(change.raw.len() <= 3 * RAW_BYTES);
        }
        Parsed::Bad(bad) => {
            assert!(!bad.code.is_empty() && ["op", "user", "item", "rating", "time", "row"].contains(&bad.field));
            assert!(bad.raw.len() <= 3 * RAW_BYTES && !bad.raw.contains('\n'));
        }
        Parsed::Nothing => assert!(format != Format::Json || is_blank(without_cr(without_mark(text)))),
        Parsed::Filtered => {}
    }
    let is_object = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(without_mark(text)).is_ok();
    if format == Format::Json && !is_object {
        assert!(matches!(line.parsed, Parsed::Bad(_) | Parsed::Nothing), "{:?}", line.parsed);
    }
}

fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// Writes a change as JSON, and reads that. Its time has passed the filter, and a change without one does.
fn comes_back(change: &Change, job: &Job) {
    let mut object = Map::new();
    object.insert("op".into(), serde_json::to_value(change.op).expect("a name"));
    for (name, id) in [("user", &change.user), ("item", &change.item)] {
        object.insert(name.into(), Value::String(id.to_string()));
    }
    object.extend(change.rating.map(|rating| ("rating".to_string(), rating.into())));
    let line = Value::Object(object).to_string();
    let Parsed::Change(read) = Parser::new(job, Format::Auto, None).line(line.as_bytes()) else {
        panic!("{line} is no change, and {change:?} was");
    };
    let bits = |change: &Change| change.rating.map(f64::to_bits);
    assert_eq!((read.op, &read.user, &read.item, bits(&read)), (change.op, &change.user, &change.item, bits(change)));
}
