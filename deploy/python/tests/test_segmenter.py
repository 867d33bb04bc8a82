"""The scikit-learn way: scikit-learn's own checks, and that it says what the program says."""

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import TASTES, USERS, made_up, segmill_says
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import estimator_checks

import segmill
from segmill import Segmenter
from segmill._segmenter import _model

ONE_CLUSTER = "asks for one cluster, and a segmentation has two at least; see test_checks_that_ask_for_one_cluster"
FAILING = {
    "check_clustering": "its points have negative coordinates, and ratings have none; see test_blobs_are_found",
    "check_dont_overwrite_parameters": ONE_CLUSTER,
    "check_methods_subset_invariance": ONE_CLUSTER,
    "check_fit2d_predict1d": ONE_CLUSTER,
}


@pytest.fixture(scope="module")
def X() -> sparse.csr_array:
    """Give made-up ratings as a matrix, with a user and an item without ratings."""
    table = made_up()
    cells = (table["r"].to_numpy(), (table["u"].to_numpy(), table["i"].to_numpy()))
    rows = sparse.coo_array(cells).tolil()
    rows[17, :], rows[:, 23] = 0, 0
    return rows.tocsr()


@pytest.fixture(scope="module")
def fitted(X: sparse.csr_array) -> Segmenter:
    """Give what was fitted on them."""
    return Segmenter(n_clusters=4, n_components=4, weighting="raw", normalize="l2", missing="zero").fit(X)


# What the program has to say about the checks' data is of no concern here.
@pytest.mark.filterwarnings("ignore::segmill.SegmillWarning")
@estimator_checks.parametrize_with_checks([Segmenter()], expected_failed_checks=lambda _: FAILING, xfail_strict=True)
def test_checks_of_scikit_learn(estimator: Segmenter, check: Any) -> None:
    check(estimator)


def test_the_guide_lists_the_checks_that_fail() -> None:
    guide = (Path(__file__).parents[1] / "README.md").read_text()
    assert {word for word in guide.split("`") if word.startswith("check_")} == set(FAILING)


@pytest.mark.parametrize("check", sorted(name for name, why in FAILING.items() if why == ONE_CLUSTER))
def test_checks_that_ask_for_one_cluster(check: str) -> None:
    class Two(Segmenter):
        def set_params(self, **params: Any) -> "Two":
            if params.get("n_clusters") == 1:
                params["n_clusters"] = 2
            super().set_params(**params)
            return self

        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, 2 if name == "n_clusters" and value == 1 else value)

    getattr(estimator_checks, check)("Segmenter", Two())


def test_blobs_are_found() -> None:
    # As check_clustering has them, but above 0.
    points, blobs = make_blobs(n_samples=50, random_state=1)
    points = StandardScaler().fit_transform(points)
    points = np.hstack([points, np.random.RandomState(7).normal(scale=0.1, size=(50, 1))])
    segmenter = Segmenter(
        n_clusters=3, n_components=2, weighting="raw", normalize="none", missing="zero", random_state=0
    )
    labels = segmenter.fit_predict(points - points.min())
    assert adjusted_rand_score(labels, blobs) > 0.9
    assert sorted(set(labels)) == [0, 1, 2]


def test_attributes_are_those_of_the_run(fitted: Segmenter, X: sparse.csr_array) -> None:
    run = fitted.run_
    assert fitted.labels_.tolist() == run.segments["segment"].to_pylist()
    assert run.segments["user"].to_pylist() == list(range(USERS))
    assert (fitted.n_clusters_, fitted.n_components_) == (4, 4)
    assert fitted.cluster_centers_.shape == (4, 4)
    assert fitted.components_.shape == (4, X.shape[1])
    assert fitted.components_[:, 23] == pytest.approx(0, abs=1e-12)
    assert fitted.inertia_ == run.record["inertia"]
    assert fitted.inertia_ == pytest.approx((fitted.transform(X).min(axis=1) ** 2).sum())
    assert list(fitted.get_feature_names_out()) == [f"segmenter{segment}" for segment in range(4)]


@pytest.mark.parametrize("weighting", ["raw", "binary", "log1p", "tfidf", "bm25"])
@pytest.mark.parametrize("normalize", ["none", "l2"])
@pytest.mark.parametrize("missing", ["zero", "user-mean"])
def test_distances_are_those_of_the_program(weighting: str, normalize: str, missing: str, X: sparse.csr_array) -> None:
    if (weighting, missing) == ("binary", "user-mean"):
        pytest.skip("nothing would be left")
    segmenter = Segmenter(5, n_components=4, weighting=weighting, normalize=normalize, missing=missing).fit(X)
    distances = segmenter.transform(X)
    nearest = np.sort(distances, axis=1)
    table = segmenter.run_.segments
    assert nearest[:, 0] == pytest.approx(table["distance"].to_numpy(), rel=1e-9, abs=1e-9)
    assert nearest[:, 1] == pytest.approx(table["second_distance"].to_numpy(), rel=1e-9, abs=1e-9)
    clear = nearest[:, 1] - nearest[:, 0] > 1e-6
    assert clear.sum() > USERS * 0.9
    assert (distances.argmin(axis=1) == segmenter.labels_)[clear].all()
    assert (segmenter.predict(X) == segmenter.labels_).all()


@pytest.mark.parametrize("refine", ["none", "mixture"])
def test_predict_is_what_the_command_line_assigns(refine: str, X: sparse.csr_array, tmp_path: Path) -> None:
    segmenter = Segmenter(4, refine=refine, random_state=3).fit(X)
    assert (segmenter.predict(X) == segmenter.labels_).all()
    table = made_up(seed=5)
    cells = (table["r"].to_numpy(), (table["u"].to_numpy(), table["i"].to_numpy()))
    new = sparse.coo_array(cells, shape=X.shape).tocsr()
    pq.write_table(table.rename_columns(["user", "item", "rating"]), tmp_path / "new.parquet")
    segmill_says("assign", segmenter.run_.path, tmp_path / "new.parquet", "-o", tmp_path / "out.parquet")
    assert segmenter.predict(new).tolist() == pq.read_table(tmp_path / "out.parquet")["segment"].to_pylist()


def test_dense_and_sparse_are_the_same(fitted: Segmenter, X: sparse.csr_array) -> None:
    for same in (X.toarray(), X.toarray(order="F"), sparse.csr_matrix(X), sparse.csc_array(X), X.astype(np.float32)):
        again = clone(fitted).fit(same)
        assert (again.labels_ == fitted.labels_).all()
        assert (again.cluster_centers_ == fitted.cluster_centers_).all()
        assert (fitted.predict(same) == fitted.labels_).all()
        assert fitted.transform(same) == pytest.approx(fitted.transform(X), abs=1e-12)


def test_users_may_have_no_ratings(fitted: Segmenter, X: sparse.csr_array) -> None:
    nobody = np.zeros((3, X.shape[1]))
    assert set(fitted.predict(nobody)) == {fitted.labels_[17]}
    assert np.isfinite(fitted.transform(nobody)).all()


def test_all_is_chosen_where_nothing_is_given(X: sparse.csr_array) -> None:
    segmenter = Segmenter(evidence=True).fit(X)
    assert segmenter.n_clusters_ == TASTES
    assert segmenter.run_.verdict == "stable"
    assert adjusted_rand_score(segmenter.labels_, np.arange(USERS) % TASTES) > 0.95


def test_the_seed_decides(X: sparse.csr_array) -> None:
    of = {seed: Segmenter(4, random_state=seed).fit(X).run_.record["job"]["seed"] for seed in (None, 0, 5)}
    assert of == {None: 0, 0: 0, 5: 5}
    state = np.random.RandomState(1)
    assert Segmenter(4, random_state=state).fit(X).run_.record["job"]["seed"] == np.random.RandomState(1).randint(
        2**31 - 1
    )


def test_further_keys_join_those_of_the_parameters(X: sparse.csr_array) -> None:
    job = Segmenter(4, keys={"pca": {"solver": "gram"}, "profile": {"top": 3}}).fit(X).run_.record["job"]
    assert (job["pca"]["solver"], job["profile"]["top"], job["kmeans"]["clusters"]) == ("gram", 3, 4)


def test_it_works_in_a_pipeline(fitted: Segmenter, X: sparse.csr_array) -> None:
    pipeline = make_pipeline(FunctionTransformer(), clone(fitted))
    assert (pipeline.fit_predict(X) == fitted.labels_).all()
    assert (pipeline.predict(X) == fitted.labels_).all()
    assert pipeline.transform(X).shape == (USERS, 4)
    for params in ParameterGrid({"n_clusters": [2, 3], "weighting": ["raw", "binary"]}):
        assert clone(fitted).set_params(**params).fit(X).n_clusters_ == params["n_clusters"]


def test_copies_predict_the_same(fitted: Segmenter, X: sparse.csr_array) -> None:
    for again in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):  # noqa: S301
        assert again.run_.path != fitted.run_.path
        assert (again.predict(X) == fitted.labels_).all()
        assert (again.transform(X) == fitted.transform(X)).all()


def test_what_cannot_be_is_refused(X: sparse.csr_array) -> None:
    for segmenter, said in (
        (Segmenter(1), "kmeans.clusters: 1 is too small"),
        (Segmenter("many"), "kmeans.clusters cannot be"),
        (Segmenter(4, weighting="heavy"), "matrix.weighting cannot be"),
        (Segmenter(1000), "n_clusters: 1000 is more than the 240 users"),
    ):
        with pytest.raises(ValueError, match=said):
            segmenter.fit(X)
    with pytest.raises(ValueError, match="Negative values in data passed to"):
        Segmenter(4).fit(-X)
    with pytest.raises(ValueError, match="every rating in it is 0"):
        Segmenter(4).fit(np.zeros((5, 5)))
    with pytest.raises(NotFittedError):
        Segmenter().predict(X)


def test_warnings_of_the_program_are_heard_but_not_of_zeros(X: sparse.csr_array) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Segmenter(4, normalize="l2").fit(X).predict(X)
    busy = np.tri(60, 30) * (1 + np.arange(30) % 3)
    with pytest.warns(segmill.SegmillWarning, match="how much users rate") as caught:
        Segmenter(4, n_components=2, weighting="raw", normalize="none", missing="zero").fit(busy)
    assert {warning.filename for warning in caught} == {__file__}


def test_the_model_is_read_as_it_was_written(fitted: Segmenter) -> None:
    model = _model(fitted.run_)
    assert model.components @ model.components.T == pytest.approx(np.eye(4), abs=1e-9)
    items = pq.read_table(fitted.run_.path / "model" / "items.parquet")
    assert items["item"].to_pylist() == list(range(len(model.mean)))
    assert isinstance(fitted.run_.segments.arrow, pa.Table)
