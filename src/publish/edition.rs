//! What is published of a finished run: its segments, with what is typical of each, and the identity of it all.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::results::files::{self, SEGMENTS, of_table};
use crate::results::run::{Digests, read_record};
use crate::results::table::Digest;
use crate::results::{Ancestor, Continuity, model};

const REMEDY: &str = "name the output folder of a finished run";

/// A segment as it is published.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    pub name: String,
    /// `items`: what is typical of it, by rank.
    pub profile: Value,
}

/// What is published.
#[derive(Debug, Clone, PartialEq)]
pub struct Edition {
    /// What two editions with the same content have in common: a digest, or the state and batch of a live session.
    pub content: String,
    /// The identity of the model, which gives the numbers of segments their meaning.
    pub model: String,
    /// The runs that it goes on from.
    pub lineage: Vec<Ancestor>,
    /// By number.
    pub segments: Vec<Segment>,
}

/// The part of `run.json` or `follow.json` that counts.
#[derive(Deserialize)]
struct Finished {
    #[serde(default)]
    continuity: Option<Continuity>,
    digests: Digests,
}

impl Edition {
    /// Of the folder of a finished run, or of the tables at the end of a live session.
    pub fn of(output: &Path) -> Result<Edition> {
        let record = [files::RUN, files::FOLLOWED].map(|name| output.join(name));
        let record = record.iter().find(|path| path.exists()).unwrap_or(&record[0]);
        let Finished { continuity, digests } = read_record(record, "the record of a run")?;
        let folder = output.join(model::FOLDER);
        let names = model::names(&folder)?;
        let profiles = profiles(&output.join("profiles.parquet"), names.len())?;
        let named = |(name, profile)| Segment { name, profile };
        let segments: Vec<Segment> = names.into_iter().zip(profiles).map(named).collect();
        let model = model::identity(&folder)?;
        let lineage = continuity.map_or_else(Vec::new, |continuity| continuity.lineage);
        Ok(Edition { content: content(&digests, &model, &segments), model, lineage, segments })
    }
}

/// A digest of users, model, names and profiles.
fn content(digests: &Digests, model: &str, segments: &[Segment]) -> String {
    let mut digest = Digest::new("segmill publication 1\n");
    digest.text(digests.get("segments").map_or("", String::as_str));
    digest.text(model);
    for Segment { name, profile } in segments {
        digest.text(name);
        digest.text(&profile.to_string());
    }
    digest.finish()[..32].to_string()
}

/// The files of the users of a run, in order.
pub fn files_of_users(output: &Path) -> Result<Vec<PathBuf>> {
    let table = output.join(SEGMENTS);
    of_table(&table).map_err(|e| Error::file(&table, "cannot list", &e, REMEDY))
}

/// A profile for each segment, from the rows of `profiles.parquet`.
fn profiles(path: &Path, n_segments: usize) -> Result<Vec<Value>> {
    let damaged = |problem: String| {
        let remedy = "the output is damaged or of another version of segmill: run the job again";
        Error::data(path.display().to_string(), problem, remedy)
    };
    let file = File::open(path).map_err(|e| Error::file(path, "cannot read", &e, REMEDY))?;
    let reader = SerializedFileReader::new(file).map_err(|e| damaged(e.to_string()))?;
    let mut items = vec![Vec::new(); n_segments];
    for row in reader.get_row_iter(None).map_err(|e| damaged(e.to_string()))? {
        let (segment, item) = item(&row.map_err(|e| damaged(e.to_string()))?);
        let of_segment = segment.and_then(|segment| items.get_mut(segment));
        of_segment.ok_or_else(|| damaged("a row is of no segment".into()))?.push(item);
    }
    Ok(items.into_iter().map(|items| json!({ "items": items })).collect())
}

/// The keys of an item in a profile, which are columns of `profiles.parquet`.
const KEYS: [&str; 7] = ["rank", "item", "title", "score", "share", "lift", "mean_rating"];

/// A row's segment, and the rest of it.
fn item(row: &Row) -> (Option<usize>, Value) {
    let field = |key: &str| row.get_column_iter().find(|(name, _)| *name == key).map(|(_, field)| value(field));
    let segment = field("segment").and_then(|segment| segment.as_u64()).map(|segment| segment as usize);
    let kept = KEYS.into_iter().filter_map(|key| Some((key.to_string(), field(key)?)));
    (segment, Value::Object(kept.collect::<Map<_, _>>()))
}

fn value(field: &Field) -> Value {
    match field {
        Field::Long(number) => Value::from(*number),
        Field::Double(number) => Value::from(*number),
        Field::Str(text) => Value::from(text.as_str()),
        _ => Value::Null,
    }
}
