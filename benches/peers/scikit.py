"""The whole pipeline with scikit-learn: CSV to results on disk, on sparse matrices, in floats of 64 bits or of 32.

With 32 bits the ratings are read as such, and scikit-learn keeps them in the matrix, PCA, k-means and TF-IDF. Its Naive
Bayes counts and multiplies in 64 bits whatever it is given.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from joblib import parallel_config
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.naive_bayes import MultinomialNB
from threadpoolctl import threadpool_limits

import ratings
from setting import CLUSTERS, COMPONENTS, FOLDS, MAX_ITER, PCA_TOL, SEED, TOL, TOP
from stages import Stages, peak_memory, peer_arguments, processor_seconds, write_result


@dataclass
class Segments:
    """What k-means says of each user."""

    model: KMeans
    nearest: np.ndarray
    second: np.ndarray
    distances: np.ndarray

    def column(self, which: np.ndarray) -> np.ndarray:
        return self.distances[np.arange(len(which)), which]


def segment(scores: np.ndarray, n_init: int) -> Segments:
    model = KMeans(
        CLUSTERS, init="k-means++", n_init=n_init, max_iter=MAX_ITER, tol=TOL, algorithm="lloyd", random_state=SEED
    )
    distances = model.fit_transform(scores)
    two = np.argpartition(distances, 1, axis=1)
    return Segments(model, model.labels_, two[:, 1], distances)


def out_of_fold(matrix: sparse.csr_matrix, labels: np.ndarray, workers: int) -> np.ndarray:
    """Threads share the matrix; processes would each be sent a copy."""
    folds = KFold(FOLDS, shuffle=True, random_state=SEED)
    with parallel_config("threading"):
        return cross_val_predict(MultinomialNB(), matrix, labels, cv=folds, n_jobs=workers)


def profiles(matrix: sparse.csr_matrix, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean TF-IDF row of each segment: its top items, their scores, and the idf of every item."""
    transformer = TfidfTransformer()
    weighted = transformer.fit_transform(matrix)
    sizes = np.bincount(labels, minlength=CLUSTERS)
    places = (labels, np.arange(len(labels)))
    shares = (1.0 / sizes[labels]).astype(matrix.dtype)
    members = sparse.csr_matrix((shares, places), shape=(CLUSTERS, len(labels)))
    means = (members @ weighted).toarray()
    top = np.argsort(-means, axis=1, kind="stable")[:, :TOP]
    return top, np.take_along_axis(means, top, axis=1), transformer.idf_


def main() -> None:
    parser = peer_arguments(__doc__)
    parser.add_argument("--bits", type=int, choices=ratings.FLOATS, default=64, help="of a float")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    with threadpool_limits(arguments.workers):
        result = run(arguments)
    write_result(arguments.result, result)


def run(told: argparse.Namespace) -> dict[str, Any]:
    output = told.output
    before = processor_seconds()
    stages = Stages()
    with stages.time("ingest.read"):
        table = ratings.read(told.ratings, told.bits)
    with stages.time("ingest.matrix"):
        matrix, users, items = ratings.matrix(table)
        del table
    with stages.time("pca"):
        pca = PCA(COMPONENTS, svd_solver="arpack", random_state=SEED)
        scores = pca.fit_transform(matrix)
    with stages.time("kmeans"):
        segments = segment(scores, told.n_init)
    labels = segments.nearest
    with stages.time("validate.in sample"):
        bayes = MultinomialNB().fit(matrix, labels)
        predicted = bayes.predict(matrix)
        confusion = confusion_matrix(labels, predicted)
    with stages.time("validate.out of fold"):
        folded = out_of_fold(matrix, labels, told.workers)
        folded_confusion = confusion_matrix(labels, folded)
    with stages.time("profile"):
        top, top_scores, idf = profiles(matrix, labels)
    with stages.time("write"):
        write_users(output, users, segments, predicted)
        write_profiles(output, items[top], top_scores)
        np.savetxt(output / "confusion.csv", np.vstack([confusion, folded_confusion]), fmt="%d", delimiter=",")
        save_components(output / "components.npz", items, pca)
        save_model(output / "model.npz", pca, segments.model, bayes, idf)
    result = {
        "stages": stages.seconds,
        "total": stages.total(),
        "processor": processor_seconds() - before,
        "peak_memory": peak_memory(),
        "inertia": float(segments.model.inertia_),
        "iterations": int(segments.model.n_iter_),
        "explained_variance_ratio": pca.explained_variance_ratio_.tolist(),
        "in_sample_accuracy": float(np.mean(predicted == labels)),
        "out_of_fold_accuracy": float(np.mean(folded == labels)),
        "versions": versions(),
    }
    # 32 bits cannot tell one residual from the other.
    return result if told.bits == 32 else result | {"loose": loose_pca(matrix, items, output)}


def loose_pca(matrix: sparse.csr_matrix, items: np.ndarray, output: Path) -> dict[str, float]:
    """The PCA stage again, asked for no more than segmill asks of itself. Not part of the total.

    SciPy's `svds` squares the tolerance before it hands it to ARPACK, hence the root.
    """
    stages = Stages()
    with stages.time("pca"):
        pca = PCA(COMPONENTS, svd_solver="arpack", tol=PCA_TOL**0.5, random_state=SEED)
        pca.fit_transform(matrix)
    save_components(output / "components-loose.npz", items, pca)
    return stages.seconds


def write_users(output: Path, users: np.ndarray, segments: Segments, predicted: np.ndarray) -> None:
    table = pd.DataFrame(
        {
            "user": users,
            "segment": segments.nearest,
            "distance": segments.column(segments.nearest),
            "second": segments.second,
            "second_distance": segments.column(segments.second),
            "nb_segment": predicted,
        }
    )
    table.to_parquet(output / "segments.parquet")


def write_profiles(output: Path, top: np.ndarray, scores: np.ndarray) -> None:
    segment, rank = np.indices(top.shape)
    columns = {"segment": segment, "rank": rank, "item": top, "score": scores}
    pd.DataFrame({name: values.ravel() for name, values in columns.items()}).to_parquet(output / "profiles.parquet")


def save_components(path: Path, items: np.ndarray, pca: PCA) -> None:
    np.savez(path, items=items, components=pca.components_)


def save_model(path: Path, pca: PCA, kmeans: KMeans, bayes: MultinomialNB, idf: np.ndarray) -> None:
    terms = {"class_log_prior": bayes.class_log_prior_, "feature_log_prob": bayes.feature_log_prob_}
    np.savez(path, mean=pca.mean_, centroids=kmeans.cluster_centers_, idf=idf, **terms)


def versions() -> dict[str, str]:
    python = ".".join(map(str, sys.version_info[:3]))
    return {"Python": python, "scikit-learn": sklearn.__version__, "NumPy": np.__version__, "pandas": pd.__version__}


if __name__ == "__main__":
    main()
