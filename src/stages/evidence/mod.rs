//! Are the segments real? What speaks for them, and what against.
//!
//! Any k-means gives k clusters. Three questions tell segments from slices: do they say anything about ratings that the fit
//! has not seen ([`HeldOut`]), do other users of the same kind lead to the same segments ([`Stability`]), and is either more
//! than chance makes of users as active and items as popular, without any taste ([`Null`])?
//!
//! | module | what it does |
//! |---|---|
//! | [`activity`] | how far the first component is activity |
//! | [`gather`] | all of it in its order, on second fits of the run's own kind |
//! | [`hidden`] | a tenth of the ratings, hidden from a second fit |
//! | [`guess`] | how well its segments predict them |
//! | [`stability`] | refits to other users |
//! | [`null`] | data without structure, for which all this is done again |
//! | [`quality`] | indices that look at the points alone |
//! | [`verdict`] | the rule that follows from it all |

mod activity;
mod gather;
mod guess;
mod hidden;
mod null;
mod quality;
mod stability;
mod verdict;

use serde::{Deserialize, Serialize};

pub use activity::activity_correlation;
pub use gather::{Question, fit};
pub use quality::{Quality, quality};

/// What there is to say about the segments of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub verdict: Verdict,
    /// The verdict and its grounds in a sentence or two, for people.
    pub summary: String,
    /// The least number of segments, of those tried, that says as much as any and is found again; absent where none is.
    pub suggested_clusters: Option<usize>,
    pub held_out: HeldOut,
    pub stability: Stability,
    pub null: Null,
    /// For each number of clusters that was tried, rising: those of the sweep, and the one of the segments.
    pub by_clusters: Vec<OfClusters>,
}

/// How far segments may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// They tell something of what users will choose, and are found again.
    Stable,
    /// They tell something, but where one ends and another begins is arbitrary.
    Weak,
    /// They tell no more than segments of users without any taste would.
    None,
}

/// How well segments predict ratings that were hidden from their fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Ratings hidden: about a tenth.
    pub ratings: u64,
    /// Users who had one hidden.
    pub users: u64,
    /// Bits per hidden rating that the item distribution of the user's segment saves over that of everybody.
    pub bits: f64,
    /// Of `bits`, over users.
    pub standard_error: f64,
    /// Mean over these users of the share of their hidden ratings among the ten likeliest items that they had not rated.
    pub recall_at_10: f64,
    /// The same where everybody is offered what is most popular.
    pub popularity_recall_at_10: f64,
}

/// Whether other users of the same kind lead to the same segments (Hennig 2007, "Cluster-wise assessment of cluster
/// stability").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stability {
    /// Fits to users drawn anew.
    pub refits: usize,
    /// Mean over the refits of the adjusted Rand index (Hubert & Arabie 1985) of their segments and those of the run: 1 is
    /// the same, 0 is chance.
    pub adjusted_rand: f64,
    /// Its standard deviation over the refits.
    pub standard_deviation: f64,
    /// For each segment, the mean over the refits of the Jaccard index of its users and those of the segment that
    /// it is matched with.
    pub jaccard: Vec<f64>,
}

/// What the same fit finds where there is nothing to find: in users as active and items as popular, who choose without taste.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Null {
    pub bits: f64,
    pub standard_error: f64,
    pub adjusted_rand: f64,
}

/// What a number of clusters is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OfClusters {
    pub clusters: usize,
    /// As in [`HeldOut`].
    pub bits: f64,
    pub standard_error: f64,
    /// The bits of as many segments of the [`Null`].
    pub null_bits: f64,
    /// As in [`Stability`].
    pub adjusted_rand: f64,
    /// Mean over users of (b − a)/max(a, b), with a the distance to the own centroid and b that to the next (Vendramin,
    /// Campello & Hruschka 2010): −1 to 1, more is better.
    pub simplified_silhouette: f64,
    /// Dispersion between over dispersion within clusters (Caliński & Harabasz 1974): more is better.
    pub calinski_harabasz: f64,
    /// Mean over clusters of the likeness to the most alike other (Davies & Bouldin 1979): less is better.
    pub davies_bouldin: f64,
}

impl Evidence {
    /// Starts of k-means in each second fit, at most.
    pub const STARTS: usize = 3;

    /// About how many of `n_users` users a refit has, where the largest number of clusters is `clusters`.
    pub fn refit_users(n_users: f64, clusters: f64) -> f64 {
        stability::users_of_refit(n_users, clusters)
    }
}
