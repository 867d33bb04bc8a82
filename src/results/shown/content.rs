//! What `report.json` holds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::known::Known;
use crate::ingest::Ledger;
use crate::ingest::ids::Id;
use crate::job::Matrix;
use crate::results::measured::Measured;
use crate::results::outcome::MapPoint;
use crate::results::run::{Digests, Versions};
use crate::stages::choose::Chosen;
use crate::stages::continuity::Continuity;
use crate::stages::evidence::Evidence;
use crate::stages::kmeans::{StartReport, Sweep};
use crate::stages::pca::SolverReport;
use crate::stages::profile::Profile;
use crate::stages::validate::Validation;
use crate::watch::format::html;

pub use crate::results::files::SHOWN as FILE;

/// Users the map shows, at most: a browser draws as many shapes without delay.
pub const MAX_POINTS: usize = 6_000;

/// Bytes of the users that the search box of the page knows, at most.
pub const KNOWN_BYTES: usize = 150_000;

/// `report.json`. Fields have the names of those in [`super::super::Outcome`] that they are taken from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Of the segmill that made the result.
    pub versions: Versions,
    /// What the run is called: the output folder's name.
    pub title: String,
    pub seed: u64,
    pub matrix: Matrix,
    /// What the run has chosen of its settings; absent where all were given.
    #[serde(default)]
    pub chosen: Option<Chosen>,
    pub ledger: Ledger,
    /// The items that are named anywhere in the page, by their index in the dictionary.
    pub items: Items,
    pub pca: Components,
    pub kmeans: Segments,
    pub sweep: Option<Sweep>,
    pub validation: Validation,
    pub profiles: Vec<Profile>,
    pub ratings: Ratings,
    pub names: Vec<String>,
    /// Whether the job asks for evidence.
    pub tested: bool,
    pub evidence: Option<Evidence>,
    pub continuity: Option<Continuity>,
    /// In order of user.
    pub map: Vec<MapPoint>,
    /// Users to be found by their ids: all where they fit. None in what an older segmill has left.
    #[serde(default)]
    pub known: Known,
    pub warnings: Vec<String>,
    pub measured: Measured,
    pub digests: Digests,
    /// The output folder has a `rejects.tsv`.
    pub rejects: bool,
}

/// Items by index.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Items(pub(super) BTreeMap<u32, Item>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) id: Id,
    pub(super) title: Option<String>,
}

/// Of the principal components.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Components {
    /// How many the segments are made from.
    pub n_components: usize,
    #[serde(deserialize_with = "null::number")]
    pub total_variance: f64,
    #[serde(deserialize_with = "null::numbers")]
    pub explained_variance_ratio: Vec<f64>,
    pub solver: SolverReport,
}

/// Of k-means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segments {
    /// Users in each segment.
    pub sizes: Vec<u64>,
    /// Where its centroid lies on the map: on the first component, and on the second where there is one.
    pub centres: Vec<Vec<f64>>,
    #[serde(deserialize_with = "null::number")]
    pub inertia: f64,
    pub best_start: usize,
    pub starts: Vec<StartReport>,
}

/// What the ratings of the run are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ratings {
    /// How much a user likes an item.
    Rated,
    /// How often a user bought or used it.
    Times,
    /// All alike: a mean says nothing.
    Alike,
}

impl Items {
    /// The title, or `item ID` where there is none.
    ///
    /// # Panics
    /// Where the item is none of those that are named: see [`named`].
    pub fn name(&self, item: u32) -> String {
        let item = &self.0[&item];
        item.title.clone().unwrap_or_else(|| format!("item {}", item.id))
    }
}

/// Every item that the page names, except those in [`Continuity`], which holds their titles itself.
pub(super) fn named(profiles: &[Profile]) -> BTreeSet<u32> {
    let shares = profiles.iter().flat_map(|profile| profile.distinctive.iter().chain(&profile.missing));
    let top = profiles.iter().flat_map(|profile| &profile.top).map(|top| top.item);
    top.chain(shares.map(|share| share.item)).collect()
}

impl Shown {
    /// JSON with a final line feed.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string(self).expect("what is shown serialises");
        json.push('\n');
        json
    }

    /// The name of a segment on the page: its [`label`].
    pub fn label(&self, segment: usize) -> String {
        label(segment as u32, &self.names[segment])
    }

    /// The same for HTML.
    pub fn label_html(&self, segment: usize) -> String {
        html(&self.label(segment))
    }

    /// Users in a segment as a share of all.
    pub fn share(&self, users: u64) -> f64 {
        users as f64 / self.measured.n_users.max(1) as f64
    }

    /// Share of the variance that the components used explain.
    pub fn explained(&self) -> f64 {
        self.pca.explained_variance_ratio.iter().take(self.pca.n_components).sum()
    }
}

/// The name of a segment on the page, of this run or another: `3 · Night owls`, or `Segment 3` if it has no name.
pub fn label(segment: u32, name: &str) -> String {
    if name == segment.to_string() { format!("Segment {segment}") } else { format!("{segment} · {name}") }
}

/// JSON has no NaN, such as the share of a variance of 0: it is `null` there.
mod null {
    use serde::{Deserialize, Deserializer};

    pub fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
    }

    pub fn numbers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
        let numbers: Vec<Option<f64>> = Vec::deserialize(from)?;
        Ok(numbers.into_iter().map(|number| number.unwrap_or(f64::NAN)).collect())
    }
}
