//! What `report.html` shows, and nothing else: `report.json`.
//!
//! The page is made from a [`Shown`] alone, which a run makes from its [`Outcome`] and leaves beside the page. Rendered
//! again from there, with the same names, the page has the same bytes. What grows with the data stays out: no table of
//! users, of the map as many as are drawn, of the items those that are named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ingest::Ledger;
use crate::ingest::ids::Id;
use crate::job::{Duplicates, Matrix, RatingColumn, Source};
use crate::results::run::{self, Digests, Versions};
use crate::results::{MapPoint, Measured, Outcome};
use crate::stages::continuity::Continuity;
use crate::stages::evidence::Evidence;
use crate::stages::kmeans::{StartReport, Sweep};
use crate::stages::pca::SolverReport;
use crate::stages::profile::Profile;
use crate::stages::validate::{Confusion, Validation};
use crate::watch::format::html;

/// The file's name in the output folder.
pub const FILE: &str = "report.json";

/// Users the map shows, at most: a browser draws as many shapes without delay.
pub const MAX_POINTS: usize = 6_000;

/// `report.json`. Fields are called as those of [`Outcome`] that they are taken from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Of the segmill that made the result.
    pub versions: Versions,
    /// What the run is called: the output folder's name.
    pub title: String,
    pub seed: u64,
    pub matrix: Matrix,
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
    pub warnings: Vec<String>,
    pub measured: Measured,
    pub digests: Digests,
    /// The output folder has a `rejects.tsv`.
    pub rejects: bool,
}

/// Items by index.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Items(BTreeMap<u32, Item>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Item {
    id: Id,
    title: Option<String>,
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
    /// How much somebody likes an item.
    Rated,
    /// How often somebody had to do with it.
    Times,
    /// All alike: a mean says nothing.
    Alike,
}

impl Ratings {
    fn of(outcome: &Outcome) -> Ratings {
        let input = &outcome.job.input;
        let mut top = outcome.profiles.iter().flat_map(|profile| &profile.top);
        let counts_rows = match &input.source {
            Source::Files(files) => files.rating == RatingColumn::None,
            Source::Generate(_) => true,
        };
        if top.all(|item| item.mean_rating_all == 1.0) {
            Ratings::Alike
        } else if input.duplicates == Duplicates::Sum && counts_rows {
            Ratings::Times
        } else {
            Ratings::Rated
        }
    }
}

impl Items {
    fn of(outcome: &Outcome) -> Items {
        let (ids, titles) = (&outcome.items.ids, &outcome.items.titles);
        let item = |item: u32| (item, Item { id: ids[item as usize].clone(), title: titles[item as usize].clone() });
        Items(named(&outcome.profiles).into_iter().map(item).collect())
    }

    /// The title for HTML; an item without one is told by its id.
    ///
    /// # Panics
    /// Where the item is none of those that are named: see [`named`].
    pub fn name(&self, item: u32) -> String {
        let item = &self.0[&item];
        item.title.as_deref().map_or_else(|| format!("item {}", html(&item.id.to_string())), html)
    }
}

/// Whether all that it names is there, where this run has `n` segments.
fn fits(continuity: &Continuity, n: usize) -> bool {
    let Continuity { segments, earlier, flows, .. } = continuity;
    segments.iter().all(|now| (now.segment as usize) < n)
        && earlier.iter().flat_map(|then| &then.now).all(|&now| (now as usize) < n)
        && flows.iter().all(|flow| (flow.from as usize) < earlier.len() && (flow.to as usize) < n)
}

/// Every item that the page names, but those of [`Continuity`], which tells its own.
fn named(profiles: &[Profile]) -> BTreeSet<u32> {
    let shares = profiles.iter().flat_map(|profile| profile.distinctive.iter().chain(&profile.missing));
    let top = profiles.iter().flat_map(|profile| &profile.top).map(|top| top.item);
    top.chain(shares.map(|share| share.item)).collect()
}

impl Shown {
    /// Of a run that has ended. `rejects`: the output folder has a `rejects.tsv`.
    pub fn of(outcome: &Outcome, digests: Digests, rejects: bool) -> Shown {
        let (job, pca, kmeans) = (&outcome.job, &outcome.pca, &outcome.kmeans);
        let name = job.output.file_name().map(|name| name.to_string_lossy().into_owned());
        let step = outcome.map.len().div_ceil(MAX_POINTS).max(1);
        Shown {
            versions: Versions::current(),
            title: name.unwrap_or_else(|| "Segments".into()),
            seed: job.seed,
            matrix: job.matrix,
            ledger: outcome.ledger,
            items: Items::of(outcome),
            pca: Components {
                n_components: pca.components.nrows(),
                total_variance: pca.total_variance,
                explained_variance_ratio: pca.explained_variance_ratio.clone(),
                solver: pca.solver.clone(),
            },
            kmeans: Segments {
                sizes: kmeans.sizes.clone(),
                centres: kmeans.centroids.outer_iter().map(|c| c.iter().take(2).copied().collect()).collect(),
                inertia: kmeans.inertia,
                best_start: kmeans.best_start,
                starts: kmeans.starts.clone(),
            },
            sweep: outcome.sweep.clone(),
            validation: outcome.validation.clone(),
            profiles: outcome.profiles.clone(),
            ratings: Ratings::of(outcome),
            names: outcome.names.clone(),
            tested: job.evidence.is_some(),
            evidence: outcome.evidence.clone(),
            continuity: outcome.continuity.clone(),
            map: outcome.map.iter().step_by(step).cloned().collect(),
            warnings: outcome.warnings.clone(),
            measured: outcome.measured.clone(),
            digests,
            rejects,
        }
    }

    /// JSON with a final line feed.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string(self).expect("what is shown serialises");
        json.push('\n');
        json
    }

    /// Of the output folder `output`.
    ///
    /// # Errors
    /// Where there is none, or it is not whole.
    pub fn read(output: &Path) -> Result<Shown> {
        let path = output.join(FILE);
        if !path.exists() && output.join(run::FILE).exists() {
            let problem = "it is not there: an earlier segmill wrote this output".into();
            return Err(Error::File { path, problem, remedy: "run the job again".into() });
        }
        let shown: Shown = run::read_record(&path, "what a report shows")?;
        match shown.contradiction() {
            None => Ok(shown),
            Some(what) => {
                let problem = format!("it was changed: {what}");
                Err(Error::data(path.display().to_string(), problem, "run the job again"))
            }
        }
    }

    /// What does not fit together: the page takes it for granted.
    fn contradiction(&self) -> Option<String> {
        let n = self.kmeans.sizes.len();
        let square = |confusion: &Confusion| confusion.counts.dim() == (n, n);
        let jaccard = self.evidence.as_ref().map_or(n, |evidence| evidence.stability.jaccard.len());
        let lengths = [self.names.len(), self.profiles.len(), self.kmeans.centres.len(), jaccard];
        if lengths.iter().any(|&length| length != n)
            || ![&self.validation.in_sample, &self.validation.out_of_fold].into_iter().all(square)
        {
            return Some(format!("not everything in it is of {n} segments"));
        }
        let ordered = self.profiles.iter().enumerate().all(|(at, profile)| profile.segment as usize == at);
        let mut nearest = self.profiles.iter().flat_map(|profile| &profile.nearest);
        let unknown = nearest.any(|near| near.segment as usize >= n)
            || self.continuity.as_ref().is_some_and(|continuity| !fits(continuity, n));
        if !ordered || self.map.iter().any(|point| point.segment as usize >= n) || unknown {
            return Some("it names a segment that is not there".into());
        }
        let unknown = named(&self.profiles).into_iter().find(|item| !self.items.0.contains_key(item));
        unknown.map(|item| format!("it does not tell what item {item} is"))
    }

    /// How the page calls a segment: its [`label`].
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

/// How the page calls a segment, of this run or another: `3 · Night owls`, or `Segment 3` where nobody gave it a name.
pub fn label(segment: u32, name: &str) -> String {
    if name == segment.to_string() { format!("Segment {segment}") } else { format!("{segment} · {name}") }
}

/// JSON has no word for what is no number, such as a share of a variance of 0: it is `null` there.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{self, MOVIELENS, SMALL, Size};
    use crate::results::write;

    #[test]
    fn what_is_read_back_is_what_was_shown() {
        for size in [SMALL, MOVIELENS] {
            let outcome = fixture::outcome(size);
            let folder = tempfile::tempdir().unwrap();
            let output = folder.path().join("out");
            let digests = write::write(&outcome, &output, &[], fixture::blank_page).unwrap().digests;
            assert_eq!(Shown::read(&output).unwrap(), Shown::of(&outcome, digests, false));
        }
    }

    #[test]
    fn it_does_not_grow_with_the_users() {
        let json = |users| {
            let outcome = fixture::outcome(Size { users, items: 5_000, ..SMALL });
            Shown::of(&outcome, Digests::new(), false).to_json().len()
        };
        assert!(json(100 * MAX_POINTS) < json(MAX_POINTS) * 11 / 10);
        let outcome = fixture::outcome(Size { items: 5_000, ..SMALL });
        let shown = Shown::of(&outcome, Digests::new(), false);
        assert!(shown.items.0.len() <= SMALL.clusters * 3 * SMALL.top);
    }

    #[test]
    fn a_changed_file_is_refused_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let outcome = fixture::outcome(SMALL);
        let shown = Shown::of(&outcome, Digests::new(), false);
        type Change = dyn Fn(&mut Shown);
        let changes: [(&Change, &str); 6] = [
            (&|shown| shown.names.truncate(3), "4 segments"),
            (&|shown| shown.profiles.truncate(3), "4 segments"),
            (&|shown| shown.evidence.as_mut().unwrap().stability.jaccard.truncate(3), "4 segments"),
            (&|shown| shown.map[0].segment = 4, "a segment that is not there"),
            (&|shown| shown.profiles.swap(0, 1), "a segment that is not there"),
            (&|shown| drop(shown.items.0.pop_first()), "what item"),
        ];
        for (change, problem) in changes {
            let mut changed = shown.clone();
            change(&mut changed);
            std::fs::write(folder.path().join(FILE), changed.to_json()).unwrap();
            let error = Shown::read(folder.path()).unwrap_err();
            assert!(error.exit_code() == 3 && error.to_string().contains(problem), "{error}");
        }
    }
}
