//! The sections of the stages.

use crate::error::Result;
use crate::job::params::{
    Amounts, By, Choices, EvidenceParams, KMeansParams, Matrix, Missing, Normalize, PcaParams, ProfileParams, Refine,
    SweepParams, ValidateParams, Weighting,
};
use crate::job::refuse::{at_least, refuse};
use crate::job::spec::{
    DEFAULT_SWEEP, EvidenceSpec, KMeansSpec, MatrixSpec, PcaSpec, ProfileSpec, Space, SweepSpec, ValidateSpec,
};

/// Numbers of components and clusters for a forecast, until the run has chosen.
const COMPONENTS: usize = 10;
const CLUSTERS: usize = 10;

/// The settings that the run is to choose.
pub fn choices(matrix: &MatrixSpec, pca: &PcaSpec, kmeans: &KMeansSpec) -> Choices {
    // Who names a number of clusters gets those of k-means, judged by what there is, unless more is asked for.
    let of_segments = |by: By| if kmeans.clusters.by().is_open() { by } else { By::Given };
    Choices {
        weighting: matrix.weighting.by(),
        normalize: matrix.normalize.by(),
        missing: matrix.missing.by(),
        components: pca.components.by(),
        clusters: kmeans.clusters.by(),
        refine: of_segments(kmeans.refine.by()),
        amounts: of_segments(kmeans.amounts.by()),
    }
}

pub fn matrix(spec: MatrixSpec) -> Result<Matrix> {
    let weighting = spec.weighting.or(Weighting::Bm25);
    let normalize = spec.normalize.or(Normalize::L2);
    let missing = spec.missing.or(Missing::Zero);
    if missing == Missing::UserMean && weighting == Weighting::Binary {
        let problem = "with matrix.weighting = \"binary\" every weight is 1, and so is every user's mean";
        return refuse("matrix.missing", problem, "write \"zero\", or another weighting");
    }
    Ok(Matrix { weighting, normalize, missing })
}

pub fn pca(spec: PcaSpec) -> Result<PcaParams> {
    if !(spec.tol > 0.0 && spec.tol.is_finite()) {
        let problem = format!("{} is not a tolerance that can be met", spec.tol);
        return refuse("pca.tol", problem, "write a number above 0, such as 1e-8");
    }
    Ok(PcaParams {
        components: at_least("pca.components", spec.components.or(COMPONENTS), 1)?,
        solver: spec.solver,
        tol: spec.tol,
        report: at_least("pca.report", spec.report, 1)?,
    })
}

pub fn kmeans(spec: KMeansSpec, normalize: Normalize) -> Result<KMeansParams> {
    if !(spec.tol >= 0.0 && spec.tol.is_finite()) {
        return refuse("kmeans.tol", format!("{} is not a tolerance", spec.tol), "write 0 or more, such as 1e-4");
    }
    Ok(KMeansParams {
        clusters: at_least("kmeans.clusters", spec.clusters.or(CLUSTERS), 2)?,
        n_init: at_least("kmeans.n_init", spec.n_init, 1)?,
        max_iter: at_least("kmeans.max_iter", spec.max_iter, 1)?,
        tol: spec.tol,
        spherical: normalize == Normalize::L2,
        refine: spec.refine.or(Refine::None),
        amounts: spec.amounts.or(Amounts::None),
    })
}

/// `clusters` is who settles the number of segments: a run that chooses it compares numbers by itself, and sweeps only over those that
/// are named.
pub fn sweep(spec: SweepSpec, clusters: By) -> Result<Option<SweepParams>> {
    if spec.spaces.is_empty() {
        let remedy = "name \"projected\", \"full\" or both; sweep.clusters = [] switches the sweep off";
        return refuse("sweep.spaces", "the list is empty", remedy);
    }
    let explicit = spec.clusters.is_some();
    if clusters.is_open() && !explicit {
        return Ok(None);
    }
    let mut clusters = spec.clusters.unwrap_or_else(|| DEFAULT_SWEEP.to_vec());
    clusters.sort_unstable();
    clusters.dedup();
    let Some(least) = clusters.first() else { return Ok(None) };
    at_least("sweep.clusters", *least, 2)?;
    let has = |space| spec.spaces.contains(&space);
    Ok(Some(SweepParams { clusters, explicit, projected: has(Space::Projected), full: has(Space::Full) }))
}

pub fn validate(spec: ValidateSpec) -> Result<ValidateParams> {
    Ok(ValidateParams { model: spec.model, folds: at_least("validate.folds", spec.folds, 2)? })
}

pub fn profile(spec: ProfileSpec) -> Result<ProfileParams> {
    Ok(ProfileParams { top: at_least("profile.top", spec.top, 1)? })
}

pub fn evidence(spec: EvidenceSpec) -> Result<Option<EvidenceParams>> {
    let refits = at_least("evidence.refits", spec.refits, 2)?;
    Ok(spec.enabled.then_some(EvidenceParams { refits }))
}
