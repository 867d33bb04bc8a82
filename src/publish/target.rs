//! What all targets have in common: how one is held, and what is done with it.

use std::path::Path;

use super::edition::{Edition, files_of_users};
use super::record::{Position, Record, Standing};
use super::rows::{Group, Rows};
use crate::error::{Error, Result};
use crate::results::Id;

/// A user and the segment where they are now; nothing where they are gone.
pub type Change = (Id, Option<u32>);

/// Who is to be where.
pub enum Members<'a> {
    /// All, in files with a column `segment`.
    All(Rows),
    /// Those who are elsewhere than in the last publication, by rising id. All others stay.
    Changed(&'a [Change]),
}

impl Members<'_> {
    /// All of a finished run.
    pub fn of(output: &Path) -> Result<Members<'static>> {
        Ok(Members::All(Rows::once(files_of_users(output)?, &["segment"])))
    }
}

/// Somewhere to publish.
pub trait Target: Send {
    /// Waits for other publishers, holds them off, and finds out what is there.
    fn begin(&mut self) -> Result<Box<dyn Begun + '_>>;
}

/// A target that is held. Dropped, it is as it was.
pub trait Begun {
    /// The last publication.
    fn last(&self) -> Option<&Record>;

    /// Publishes. Members of the segments `renewed` are members of another segment from now on, with a change and a new `since`
    /// even where their number stays. The first publication has no changes.
    fn put(
        self: Box<Self>,
        edition: &Edition,
        live: Option<Position>,
        members: Members<'_>,
        renewed: &[u32],
    ) -> Result<Record>;
}

/// What has become of an order to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub record: Record,
    /// It was there before.
    pub was_there: bool,
}

/// On which terms something is published.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The option that names the target.
    pub key: &'a str,
    /// Segments may be others than those that are published, whatever their numbers; then everybody is in another segment.
    pub new_segments: bool,
}

/// Brings a target up to date with an edition. One whose numbers have another meaning than those that are published is refused
/// unless the terms allow it.
pub fn publish(
    target: &mut dyn Target,
    edition: &Edition,
    live: Option<Position>,
    members: Members<'_>,
    terms: Terms<'_>,
) -> Result<Published> {
    let begun = target.begin()?;
    let renewed = match begun.last().map(|last| (last, last.standing(edition))) {
        None => Vec::new(),
        Some((last, Standing::Same)) => return Ok(Published { record: last.clone(), was_there: true }),
        Some((_, Standing::GoesOn(renewed))) => renewed,
        Some((_, Standing::Other)) if terms.new_segments => (0..edition.segments.len() as u32).collect(),
        Some((last, Standing::Other)) => {
            let problem = format!(
                "the segments there (publication {}, {}) are others than those of this run, whatever their numbers",
                last.publication, last.when
            );
            let remedy = "run the job with compare.previous = the published run, so that segments keep their numbers; or \
                          use `segmill publish --new-segments`, which moves everybody";
            return Err(Error::job(terms.key, problem, remedy));
        }
    };
    let record = begun.put(edition, live, members, &renewed)?;
    Ok(Published { record, was_there: false })
}

/// How far an attempt to go on has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advanced {
    Published,
    /// The target has something else than what these changes follow on: all users are to be published.
    Elsewhere,
}

/// Brings a target up to `live`, which it has in part: `behind` has who is elsewhere than after a batch of this state, by rising
/// id, or nothing where that is not known.
pub fn advance(
    target: &mut dyn Target,
    edition: &Edition,
    live: Position,
    behind: impl FnOnce(Option<u64>) -> Option<Vec<Change>>,
) -> Result<Advanced> {
    let begun = target.begin()?;
    let Some(last) = begun.last() else { return Ok(Advanced::Elsewhere) };
    let batch = last.live.as_ref().filter(|position| position.state == live.state).map(|position| position.batch);
    let Some(changes) = behind(batch) else { return Ok(Advanced::Elsewhere) };
    match last.standing(edition) {
        Standing::Same => Ok(Advanced::Published),
        Standing::Other => Ok(Advanced::Elsewhere),
        Standing::GoesOn(renewed) => {
            begun.put(edition, Some(live), Members::Changed(&changes), &renewed).map(|_| Advanced::Published)
        }
    }
}

/// Counts the members of each segment while they pass.
pub struct Sizes(pub Vec<u64>);

impl Sizes {
    pub fn of(edition: &Edition) -> Sizes {
        Sizes(vec![0; edition.segments.len()])
    }

    /// The segments of a group of `segments.parquet`, which are counted.
    pub fn count(&mut self, group: &Group) -> Result<Vec<u32>> {
        group.numbers[0].iter().map(|&segment| self.add(segment.unwrap_or(-1))).collect()
    }

    pub fn add(&mut self, segment: i64) -> Result<u32> {
        let size = usize::try_from(segment).ok().and_then(|segment| self.0.get_mut(segment));
        *size.ok_or_else(|| no_segment(segment))? += 1;
        Ok(segment as u32)
    }

    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

fn no_segment(segment: i64) -> Error {
    let problem = format!("a user is in segment {segment}, which the model does not have");
    Error::data("segments.parquet", problem, "the output is damaged: run the job again")
}
