//! `segmill report`: renders the page again, with the names that are in `model/model.json` now.
//!
//! It reads neither the ratings nor the tables: `report.json` has all that the page shows ([`Shown`]).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::report::page;
use crate::results::fetched::Here;
use crate::results::files::DISK_REMEDY;
use crate::results::model;
use crate::results::remote::Remote;
use crate::results::shown::Shown;
use crate::results::staged::Staged;
use crate::results::write;

/// The longest name of a segment, in characters.
pub const LONGEST_NAME: usize = 80;

/// Renders the page of the output `output` again: into `file`, or in its place there. Returns where it is.
pub fn render(output: &Path, file: Option<&Path>) -> Result<PathBuf> {
    let here = Here::without_users(output)?;
    let page = render_here(here.path(), file)?;
    if file.is_some() || !here.is_fetched() {
        return Ok(page);
    }
    let bytes = fs::read(&page).map_err(|e| Error::file(&page, "cannot read", &e, DISK_REMEDY))?;
    Remote::at(output)?.put(write::PAGE, &bytes)?;
    Ok(output.join(write::PAGE))
}

fn render_here(output: &Path, file: Option<&Path>) -> Result<PathBuf> {
    let mut shown = Shown::read(output)?;
    shown.names = names(&output.join(model::FOLDER).join(model::FILES[0]), &shown.kmeans.sizes)?;
    let path = file.map_or_else(|| output.join(write::PAGE), Path::to_path_buf);
    let staged = Staged::create(&path, "name another file with -o")?;
    let written = File::create(staged.path()).and_then(|file| {
        let mut sink = BufWriter::new(file);
        page::write(&shown, &mut sink)?;
        sink.flush()
    });
    written.map_err(|e| Error::file(&path, "cannot write", &e, DISK_REMEDY))?;
    staged.publish()?;
    Ok(path)
}

/// The part of `model.json` that people edit.
#[derive(Deserialize)]
struct Named {
    segments: Vec<model::Segment>,
}

/// The names in the file `path`, of segments of `sizes` users.
fn names(path: &Path, sizes: &[u64]) -> Result<Vec<String>> {
    let place = || path.display().to_string();
    let json =
        fs::read(path).map_err(|e| Error::file(path, "cannot read", &e, "name the output folder of a finished run"))?;
    let named: Named = serde_json::from_slice(&json).map_err(|e| {
        let remedy = "mend it there (names stand in double quotes, with a comma between two lines)";
        Error::data(place(), format!("this is not the manifest of a model: {e}"), remedy)
    })?;
    if !named.segments.iter().map(|segment| segment.size).eq(sizes.iter().copied()) {
        let problem = "its segments are not those of report.json";
        return Err(Error::data(place(), problem, "change their names alone, or run the job again"));
    }
    let names: Vec<String> = named.segments.iter().map(|segment| segment.name.trim().to_string()).collect();
    match unfit(&names) {
        None => Ok(names),
        Some((problem, remedy)) => Err(Error::data(place(), problem, remedy)),
    }
}

/// Why these cannot be the names of segments, and what to do; none where they can.
pub fn unfit(names: &[String]) -> Option<(String, &'static str)> {
    let mut seen = BTreeMap::new();
    names.iter().enumerate().find_map(|(segment, name)| {
        let place = format!("segments[{segment}].name");
        let length = name.chars().count();
        if name.is_empty() {
            return Some((format!("{place} is empty"), "give the segment a name, if only its number"));
        }
        if name.contains(char::is_control) {
            return Some((format!("{place} has a control character: {name:?}"), "leave it out"));
        }
        if length > LONGEST_NAME {
            return Some((format!("{place} has {length} characters"), "write 80 at most"));
        }
        let twin = seen.insert(name, segment)?;
        Some((format!("segments {twin} and {segment} are both called {name:?}"), "give each a name of its own"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_plain_and_no_two_alike() {
        let owned = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let longest = "é".repeat(LONGEST_NAME);
        assert_eq!(unfit(&owned(&["0", "Night owls", "night owls", "\"<b>\" & 'so'", &longest])), None);
        for (names, problem) in [
            (&["a", ""][..], "segments[1].name is empty"),
            (&["a\u{7}b", "b"], "segments[0].name has a control character: \"a\\u{7}b\""),
            (&["a", "b\nc"], "control character"),
            (&["a", "b", "a"], "segments 0 and 2 are both called \"a\""),
            (&["a", &(longest + "é")], "segments[1].name has 81 characters"),
        ] {
            let (said, _) = unfit(&owned(names)).unwrap();
            assert!(said.contains(problem), "{said}");
        }
    }
}
