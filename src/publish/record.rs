//! What a target says of its last publication, and whether numbers of segments mean there what they mean in another edition.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::edition::Edition;
use crate::results::Ancestor;

/// How far a live session has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Which state, by a word that no other has.
    pub state: String,
    /// The last batch that is published.
    pub batch: u64,
}

/// A publication: a row of `publications`, or `publication.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// From 1.
    pub publication: u64,
    /// RFC 3339, UTC.
    pub when: String,
    /// What is published: see [`Edition::content`].
    pub content: String,
    pub model: String,
    pub lineage: Vec<Ancestor>,
    /// Of a live session.
    pub live: Option<Position>,
    pub users: u64,
    /// Rows of `changes` that came with it.
    pub changes: u64,
    /// The version of segmill.
    pub segmill: String,
}

/// How an edition stands to the last publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is what is there.
    Same,
    /// Numbers mean the same, but for these, whose members are members of another segment from now on.
    GoesOn(Vec<u32>),
    /// Numbers have nothing to do with each other.
    Other,
}

impl Record {
    pub fn standing(&self, edition: &Edition) -> Standing {
        if self.content == edition.content {
            return Standing::Same;
        }
        renewed([&self.model, &edition.model], [&self.lineage, &edition.lineage])
            .map_or(Standing::Other, Standing::GoesOn)
    }
}

/// The numbers that mean something else in one of two runs than in the last run that both go on from.
fn renewed(models: [&str; 2], lineages: [&[Ancestor]; 2]) -> Option<Vec<u32>> {
    let mut mine = std::iter::once((models[1], &[][..])).chain(of(lineages[1]));
    let since = |model: &str| {
        let theirs = std::iter::once((models[0], &[][..])).chain(of(lineages[0]));
        theirs.into_iter().find(|(other, _)| *other == model).map(|(_, renewed)| renewed)
    };
    let (one, other) = mine.find_map(|(model, renewed)| Some((renewed, since(model)?)))?;
    Some(one.iter().chain(other).copied().collect::<BTreeSet<u32>>().into_iter().collect())
}

fn of(lineage: &[Ancestor]) -> impl Iterator<Item = (&str, &[u32])> {
    lineage.iter().map(|ancestor| (ancestor.model.as_str(), &ancestor.renewed[..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lineage(ancestors: &[(&str, &[u32])]) -> Vec<Ancestor> {
        let ancestor = |&(model, renewed): &(&str, &[u32])| Ancestor { model: model.into(), renewed: renewed.into() };
        ancestors.iter().map(ancestor).collect()
    }

    #[test]
    fn numbers_are_compared_by_the_last_run_that_both_go_on_from() {
        let (a, b) = (lineage(&[]), lineage(&[("a", &[3])]));
        let c = lineage(&[("b", &[1]), ("a", &[1, 3])]);
        let d = lineage(&[("a", &[2])]);
        assert_eq!(renewed(["a", "a"], [&a, &a]), Some(vec![]));
        assert_eq!(renewed(["a", "b"], [&a, &b]), Some(vec![3]));
        // The one between was not published.
        assert_eq!(renewed(["a", "c"], [&a, &c]), Some(vec![1, 3]));
        // Back to an earlier one.
        assert_eq!(renewed(["c", "b"], [&c, &b]), Some(vec![1]));
        // Two that go on from one.
        assert_eq!(renewed(["d", "c"], [&d, &c]), Some(vec![1, 2, 3]));
        assert_eq!(renewed(["x", "c"], [&[], &c]), None);
    }
}
