//! What the evidence says.

use serde::{Deserialize, Serialize};

/// What the evidence says about the segments of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub verdict: Verdict,
    /// The verdict and its reasons in a sentence or two, for users.
    pub summary: String,
    /// The least number of segments, of those tried, that tells as much as any other and is found again; absent if there is none.
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
    /// They tell something about what users will choose, and are found again.
    Stable,
    /// They tell something, but the borders between them are arbitrary.
    Weak,
    /// They tell no more than segments of users without taste would.
    None,
}

/// How well segments predict ratings that their fit has not seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Ratings hidden: about a tenth.
    pub ratings: u64,
    /// Users who had one hidden.
    pub users: u64,
    /// Bits per hidden rating that the item distribution of the user's segment saves, compared with that of all users.
    pub bits: f64,
    /// Of `bits`, over users.
    pub standard_error: f64,
    /// Mean over these users of the share of their hidden ratings among the ten most likely items that they had not rated.
    pub recall_at_10: f64,
    /// The same if all users are offered the most popular items.
    pub popularity_recall_at_10: f64,
}

/// Whether other users of the same kind lead to the same segments (Hennig 2007, "Cluster-wise assessment of cluster
/// stability").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stability {
    /// Number of refits, each to a new sample of the users.
    pub refits: usize,
    /// Mean over the refits of the adjusted Rand index (Hubert & Arabie 1985) between their segments and those of the run: 1
    /// for the same segments, 0 for chance.
    pub adjusted_rand: f64,
    /// Its standard deviation over the refits.
    pub standard_deviation: f64,
    /// For each segment, the mean over the refits of the Jaccard index between its users and those of the matched segment.
    pub jaccard: Vec<f64>,
}

/// What the same fit finds in data without structure: users as active, items as popular, but choices without taste.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Null {
    pub bits: f64,
    pub standard_error: f64,
    pub adjusted_rand: f64,
}

/// The evidence for a number of clusters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OfClusters {
    pub clusters: usize,
    /// As in [`HeldOut`].
    pub bits: f64,
    pub standard_error: f64,
    /// The bits of the same number of segments in the [`Null`].
    pub null_bits: f64,
    /// As in [`Stability`].
    pub adjusted_rand: f64,
    /// Mean over users of (b − a)/max(a, b), with a the distance to the centroid of the user's cluster and b that to the next (Vendramin,
    /// Campello & Hruschka 2010): −1 to 1, higher is better.
    pub simplified_silhouette: f64,
    /// Dispersion between over dispersion within clusters (Caliński & Harabasz 1974): higher is better.
    pub calinski_harabasz: f64,
    /// Mean over clusters of the similarity to the most similar other cluster (Davies & Bouldin 1979): lower is better.
    pub davies_bouldin: f64,
}
