//! From a job file and `--set` overrides to a checked [`Job`].
//!
//! The text is parsed twice: once with the position of every key, for messages, and once to plain values. Each key is then
//! tried alone against [`JobSpec`], so that a refusal names the key that is wrong and its position. [`JobSpec::check`]
//! then checks ranges and combinations. An override acts as if its key were written in the job file, paths included.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use crate::error::{Error, Result};

use super::checked::Job;
use super::keys;
use super::spec::{JobSpec, OR_AUTO, Paths};

/// A key that was given, and where.
#[derive(Debug, Clone, PartialEq)]
struct Given {
    key: String,
    value: Value,
    /// `job.toml:3:1`, or `--set key`.
    place: String,
}

/// The spec of a job file that has only the keys of `--set`.
pub fn overridden(overrides: &[(String, String)]) -> Result<JobSpec> {
    to_spec(&overrides.iter().flat_map(|(key, value)| in_override(key, value)).collect::<Vec<_>>())
}

/// Reads and checks the job file `path`. `overrides` are pairs of a dotted key and a TOML value (or a bare text) and win
/// over the file; `output` wins over both. A file whose name ends in `.json` is the `run.json` of a finished run; its job runs unchanged.
pub fn load(path: &Path, overrides: &[(String, String)], output: Option<PathBuf>) -> Result<Job> {
    if path.extension().is_some_and(|ending| ending == "json") {
        return of_run(path, overrides, output);
    }
    from_bytes(path, bytes_of(path)?, overrides, output)
}

/// Whether a name on the command line is that of a job, not of data: a job file, or the `run.json` of a finished run.
pub fn is_job(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "toml" || ending == "json")
}

/// The job of data that are named on the command line. Paths are relative to the working directory.
pub fn of_data(data: &[PathBuf], overrides: &[(String, String)], output: Option<PathBuf>) -> Result<Job> {
    if let Some(job) = data.iter().find(|path| is_job(path)) {
        let problem = "it is a job, and stands beside data or another job";
        return Err(Error::job(job.display().to_string(), problem, "name one job, or data only"));
    }
    let mut spec = overridden(overrides)?;
    if spec.input.ratings.is_some() || spec.input.generate.is_some() {
        let problem = "the ratings are named on the command line";
        return Err(Error::job("--set input", problem, "name all of them there"));
    }
    spec.input.ratings = Some(Paths::Many(data.to_vec()));
    spec.output = output.or(spec.output);
    spec.check(Path::new(""), Path::new("out").join(name_of(&data[0])))
}

/// What the output of data is called: `orders` for `sales/orders.csv.gz`, `ratings` for standard input.
fn name_of(data: &Path) -> String {
    let name = data.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    let name: String =
        name.split(['.', '?']).next().unwrap_or_default().chars().filter(|&letter| is_plain(letter)).collect();
    if name.trim_matches('-').is_empty() { "ratings".into() } else { name }
}

/// The same for a job file with the content `bytes`.
pub(crate) fn from_bytes(
    path: &Path,
    bytes: Vec<u8>,
    overrides: &[(String, String)],
    output: Option<PathBuf>,
) -> Result<Job> {
    let text = text(path, bytes)?;
    let mut given = in_file(path, &text)?;
    for (key, value) in overrides {
        given.extend(in_override(key, value));
    }
    let mut spec = to_spec(&given)?;
    spec.output = output.or(spec.output);
    let folder = path.parent().unwrap_or(Path::new(""));
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    spec.check(folder, Path::new("out").join(stem))
}

fn of_run(path: &Path, overrides: &[(String, String)], output: Option<PathBuf>) -> Result<Job> {
    #[derive(Deserialize)]
    struct Finished {
        job: Job,
    }
    if let Some((key, _)) = overrides.first() {
        let problem = "the job of a finished run runs as it did";
        return Err(Error::job(format!("--set {key}"), problem, "set keys of the job file that it came from"));
    }
    let Finished { job } = serde_json::from_str(&text(path, bytes_of(path)?)?).map_err(|e| {
        let remedy = "name the run.json of this version of segmill, or a job file in TOML";
        Error::job(path.display().to_string(), format!("there is no job that ran in it: {e}"), remedy)
    })?;
    job.check_again()?;
    Ok(Job { output: output.unwrap_or_else(|| job.output.clone()), ..job })
}

fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| {
        let problem = format!("cannot read the job file: {e}");
        Error::job(path.display().to_string(), problem, "name a TOML file, such as jobs/quickstart.toml")
    })
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String> {
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::job(path.display().to_string(), "the job file is not UTF-8 text", "save it as UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text))
}

/// The keys of a job file, in the order of the text.
fn in_file(path: &Path, text: &str) -> Result<Vec<Given>> {
    let place = |at: usize| format!("{}:{}", path.display(), position(text, at));
    let refused = |e: toml::de::Error| {
        let at = e.span().map_or(0, |span| span.start);
        Error::job(place(at), format!("this is not TOML: {}", one_line(e.message())), "correct the line")
    };
    let table: Table = text.parse().map_err(refused)?;
    let mut starts = BTreeMap::new();
    note_starts(DeTable::parse(text).map_err(refused)?.get_ref(), "", &mut starts);
    let mut leaves = Vec::new();
    flatten(&Value::Table(table), "", &mut leaves);
    leaves.retain(|(key, _)| !key.is_empty());
    leaves.sort_by_key(|(key, _)| starts.get(key).copied().unwrap_or(usize::MAX));
    let at = |key: &String| starts.get(key).copied().unwrap_or(0);
    Ok(leaves.into_iter().map(|(key, value)| Given { place: place(at(&key)), key, value }).collect())
}

fn in_override(key: &str, text: &str) -> Vec<Given> {
    let mut leaves = Vec::new();
    flatten(&override_value(text), key.trim(), &mut leaves);
    leaves.into_iter().map(|(key, value)| Given { place: format!("--set {key}"), key, value }).collect()
}

/// A TOML value, or the text itself if it is none: `--set pca.solver=gram` needs no quotes.
fn override_value(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().filter(|table| table.len() == 1);
    parsed.and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::String(text.to_string()))
}

/// `line:column`, both from 1, of a byte of `text`; columns count characters.
fn position(text: &str, at: usize) -> String {
    let before = &text[..text.floor_char_boundary(at.min(text.len()))];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    format!("{line}:{column}")
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(", ")
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_string() } else { format!("{section}.{name}") }
}

/// Where each key starts, in bytes.
fn note_starts(table: &DeTable<'_>, section: &str, starts: &mut BTreeMap<String, usize>) {
    for (name, value) in table {
        let key = join(section, name.get_ref());
        starts.insert(key.clone(), start(name, value));
        if let DeValue::Table(below) = value.get_ref() {
            note_starts(below, &key, starts);
        }
    }
}

fn start<T>(name: &Spanned<T>, value: &Spanned<DeValue<'_>>) -> usize {
    if name.span().is_empty() { value.span().start } else { name.span().start }
}

/// The leaves of a table by dotted key. An empty section is a leaf: `[input.generate]` alone asks for data.
fn flatten(value: &Value, key: &str, leaves: &mut Vec<(String, Value)>) {
    match value {
        Value::Table(table) if !table.is_empty() => {
            for (name, below) in table {
                flatten(below, &join(key, name), leaves);
            }
        }
        leaf => leaves.push((key.to_string(), leaf.clone())),
    }
}

fn to_spec(given: &[Given]) -> Result<JobSpec> {
    let mut whole = Table::new();
    for one in given {
        try_alone(one)?;
        insert(&mut whole, &one.key, one.value.clone());
    }
    JobSpec::deserialize(whole)
        .map_err(|e| Error::job("job", one_line(e.message()), "correct the job file (jobs/README.md lists all keys)"))
}

/// Refuses an unknown key or a value of the wrong type.
fn try_alone(given: &Given) -> Result<()> {
    let key = &given.key;
    let is_empty_table = given.value.as_table().is_some_and(Table::is_empty);
    if !keys::is_key(key) && !keys::is_section(key) {
        return Err(Error::job(&given.place, format!("there is no key {}", one_line(key)), keys::remedy(key)));
    }
    if keys::is_section(key) && !is_empty_table {
        let remedy = format!("write its keys below a line [{key}]");
        return Err(Error::job(&given.place, format!("{key} is a section, not a value"), remedy));
    }
    let mut alone = Table::new();
    insert(&mut alone, key, given.value.clone());
    JobSpec::deserialize(alone).map(drop).map_err(|e| {
        let problem = format!("{key} cannot be {}", one_line(&given.value.to_string()));
        Error::job(&given.place, problem, format!("write {}", expected(e.message())))
    })
}

/// What a value should be, from serde's message ("…, expected X", or X itself for the types of this crate).
fn expected(message: &str) -> String {
    if let Some(message) = message.strip_suffix(OR_AUTO) {
        return expected(message) + OR_AUTO;
    }
    let expected = message.rsplit_once("expected ").map_or(message, |(_, expected)| expected);
    match expected {
        "u64" | "usize" | "u32" => "a whole number, 0 or more".into(),
        "f64" => "a number".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "a list".into(),
        "a string" | "path string" | "a path string" => "a text in quotes".into(),
        other => one_line(other).replace('`', "\""),
    }
}

/// Puts `value` at a dotted key. The later key wins: it replaces what is in its way.
fn insert(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None if value.as_table().is_some_and(Table::is_empty) => {
            table.entry(key).or_insert(value);
        }
        None => {
            table.insert(key.to_string(), value);
        }
        Some((section, rest)) => {
            let below = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(below) = below {
                insert(below, rest, value);
            }
        }
    }
}
