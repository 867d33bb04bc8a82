//! What is shown of a run that has ended.

use super::content::{Components, Item, Items, KNOWN_BYTES, MAX_POINTS, Ratings, Segments, Shown, named};
use super::known::Known;
use crate::job::{Duplicates, RatingColumn, Source};
use crate::results::outcome::Outcome;
use crate::results::run::{Digests, Versions};
use crate::stages::kmeans::KMeans;
use crate::stages::pca::Pca;

impl Shown {
    /// Of a run that has ended. `rejects`: the output folder has a `rejects.tsv`.
    pub fn of(outcome: &Outcome, digests: Digests, rejects: bool) -> Shown {
        let job = &outcome.job;
        let name = job.output.file_name().map(|name| name.to_string_lossy().into_owned());
        let step = outcome.map.len().div_ceil(MAX_POINTS).max(1);
        Shown {
            versions: Versions::current(),
            title: name.unwrap_or_else(|| "Segments".into()),
            seed: job.seed,
            matrix: job.matrix,
            chosen: outcome.chosen.clone(),
            ledger: outcome.ledger,
            items: Items::of(outcome),
            pca: Components::of(&outcome.pca),
            kmeans: Segments::of(&outcome.kmeans),
            sweep: outcome.sweep.clone(),
            validation: outcome.validation.clone(),
            profiles: outcome.profiles.clone(),
            ratings: Ratings::of(outcome),
            names: outcome.names.clone(),
            tested: job.evidence.is_some(),
            evidence: outcome.evidence.clone(),
            continuity: outcome.continuity.clone(),
            map: outcome.map.iter().step_by(step).cloned().collect(),
            known: Known::of(outcome.known.iter().map(|(id, segment)| (id, *segment)), outcome.kmeans.sizes.len())
                .within(KNOWN_BYTES),
            warnings: outcome.warnings.clone(),
            measured: outcome.measured.clone(),
            digests,
            rejects,
        }
    }
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
}

impl Components {
    fn of(pca: &Pca) -> Components {
        Components {
            n_components: pca.components.nrows(),
            total_variance: pca.total_variance,
            explained_variance_ratio: pca.explained_variance_ratio.clone(),
            solver: pca.solver.clone(),
        }
    }
}

impl Segments {
    fn of(kmeans: &KMeans) -> Segments {
        Segments {
            sizes: kmeans.sizes.clone(),
            centres: kmeans.centroids.outer_iter().map(|c| c.iter().take(2).copied().collect()).collect(),
            inertia: kmeans.inertia,
            best_start: kmeans.best_start,
            starts: kmeans.starts.clone(),
        }
    }
}
