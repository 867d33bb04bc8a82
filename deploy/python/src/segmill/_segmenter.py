"""The scikit-learn way."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ._fit import fitted
from ._model import Model
from ._run import Run, assigned

_USER, _ITEM, _RATING = "user", "item", "rating"

#: What is said about ratings of 0, by which users without ratings are made known.
_IGNORED = ("which counts as no rating", "without a rating of a known item")


class Segmenter(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Segments of users, in the way of scikit-learn.

    ``X`` has a row for each user and a column for each item. A number above 0 is a rating; 0, or what a sparse matrix does not
    store, is none. Negative numbers are refused.

    Parameters
    ----------
    n_clusters
        Number of segments; ``"auto"``: chosen by evidence.
    n_components
        Principal components that users are projected on; ``"auto"``: chosen by evidence.
    weighting, normalize, missing
        What the projection sees: ``matrix.weighting`` and so on of a job file.
    refine
        ``"none"``: a user belongs to the nearest centroid. ``"mixture"``: to the likeliest segment. ``"auto"``: chosen by evidence where
        ``n_clusters`` is ``"auto"``, else ``"none"``.
    n_init, max_iter, tol
        Of k-means, as in `sklearn.cluster.KMeans`.
    evidence
        Whether the segments are put to the test, for ``run_.verdict``. It takes about as long as the fit.
    random_state
        A number is the seed of the job. ``None`` is seed 0: the same data give the same segments.
    n_jobs
        Threads; ``None``: as many as there are processors. The result does not depend on it.
    keys
        Further keys of the job file: ``{"filter": {"min_rating": 2}}``.

    Attributes
    ----------
    labels_ : (n_users)
        The segment of each user. Segments are numbered by size, the largest first.
    cluster_centers_ : (n_clusters_, n_components_)
        The centroids, among the scores of the users on the components.
    components_ : (n_components_, n_items)
        The principal components.
    inertia_ : float
        The sum of squared distances of users to the centroids of their segments.
    n_iter_ : int
        Iterations of the start of k-means that won.
    n_clusters_, n_components_ : int
        What was given or chosen.
    run_ : Run
        The run, with its profiles, its report and so on. Its users are row numbers, its items column numbers.
    """

    def __init__(
        self,
        n_clusters: int | str = "auto",
        *,
        n_components: int | str = "auto",
        weighting: str = "auto",
        normalize: str = "auto",
        missing: str = "auto",
        refine: str = "auto",
        n_init: int = 10,
        max_iter: int = 300,
        tol: float = 1e-4,
        evidence: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
        keys: Mapping[str, Any] | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_components = n_components
        self.weighting = weighting
        self.normalize = normalize
        self.missing = missing
        self.refine = refine
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.evidence = evidence
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.keys = keys

    def fit(self, X: Any, y: Any = None) -> "Segmenter":  # noqa: ARG002
        """Find the segments of the rows of ``X``; ``y`` is passed over."""
        rows = self._rows(X, reset=True)
        if isinstance(self.n_clusters, int) and self.n_clusters > rows.shape[0]:
            raise ValueError(f"n_clusters: {self.n_clusters} is more than the {rows.shape[0]} users; write fewer")
        table = _table(rows, with_items=True)
        columns = {"user": _USER, "item": _ITEM, "rating": _RATING, "title": False}
        run = fitted(table, columns, self._job(), workers=self.n_jobs, progress=False, ignored=_IGNORED)
        model = _model(run)
        self.run_ = run
        self.labels_ = _labels(run.segments)
        self.cluster_centers_ = model.centroids
        self.components_ = model.components
        self.n_clusters_, self.n_components_ = model.centroids.shape
        self._n_features_out = self.n_clusters_
        self.inertia_ = float(run.record["inertia"])
        # Where a start begins at its end, there is no iteration.
        self.n_iter_ = max(int(run.record["iterations"]["kmeans"]), 1)
        return self

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Give the segment of each row, as `segmill assign` does."""
        check_is_fitted(self)
        rows = self._rows(X, reset=False)
        table = _table(rows, with_items=False)
        columns = {"user": _USER, "item": _ITEM, "rating": _RATING}
        return _labels(assigned(self.run_, table, columns, {}, workers=self.n_jobs, progress=False, ignored=_IGNORED))

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Give the distance of each row to each centroid, among the scores on the components: ``(n_users, n_clusters_)``."""
        check_is_fitted(self)
        return _model(self.run_).distances(self._rows(X, reset=False))

    def _rows(self, X: Any, reset: bool) -> Any:
        # There is nothing to tell apart in less, and fewer columns than in the fit get a message of their own.
        least = 2 if reset else 1
        checked = validate_data(
            self,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            ensure_non_negative=True,
            ensure_min_samples=least,
            ensure_min_features=least,
        )
        rows = sparse.csr_array(checked)
        if not rows.has_canonical_format:
            rows = rows.copy()
            rows.sum_duplicates()
        return rows

    def _job(self) -> dict[str, Any]:
        job: dict[str, Any] = {
            "seed": self._seed(),
            "matrix": {"weighting": self.weighting, "normalize": self.normalize, "missing": self.missing},
            "pca": {"components": self.n_components},
            "kmeans": {
                "clusters": self.n_clusters,
                "n_init": self.n_init,
                "max_iter": self.max_iter,
                "tol": self.tol,
                "refine": self.refine,
            },
            "sweep": {"clusters": []},
            "evidence": {"enabled": self.evidence},
        }
        for key, value in (self.keys or {}).items():
            is_section = isinstance(value, Mapping)
            job[key] = {**job.get(key, {}), **value} if is_section else value
        return job

    def _seed(self) -> int:
        if self.random_state is None:
            return 0
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what ``X`` may be."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        return tags


def _table(rows: Any, with_items: bool) -> Any:
    """Make a row of each rating. Users without any, and in a fit items without any, are there with one that does not count."""
    n_items = rows.shape[1]
    cells = rows.tocoo()
    users, items = [cells.row], [cells.col]
    silent = np.flatnonzero(np.diff(rows.indptr) == 0)
    users.append(silent)
    items.append(np.zeros_like(silent))
    if with_items:
        unrated = np.setdiff1d(np.arange(n_items), cells.col)
        # That of a silent user may be there already.
        unrated = unrated[unrated != 0] if len(silent) else unrated
        users.append(np.zeros_like(unrated) if not len(silent) else np.full_like(unrated, silent[0]))
        items.append(unrated)
    columns = {_USER: np.concatenate(users), _ITEM: np.concatenate(items)}
    rating = np.zeros(len(columns[_USER]), dtype=cells.data.dtype)
    rating[: len(cells.data)] = cells.data
    return pa.table({**columns, _RATING: rating})


def _labels(table: Any) -> NDArray[np.int64]:
    """Give the segments in the order of the rows: the program sorts users by their numbers."""
    return np.asarray(table["segment"].to_numpy(), dtype=np.int64)


def _model(run: Run) -> Model:
    return Model(Path(run.path) / "model")
