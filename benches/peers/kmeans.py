"""k-means alone, from the same start, by scikit-learn (64-bit floats or 32-bit) or FAISS (32-bit).

FAISS has no tolerance, so it is given the number of iterations that segmill took; it does not put users into segments,
which the others do. Conversion to 32 bits is not timed.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import points
from stages import write_result

# Rows whose distances are in memory at once.
BLOCK = 10_000


@dataclass(frozen=True)
class Fitted:
    seconds: float
    iterations: int
    centroids: np.ndarray


def scikit(scores: np.ndarray, start: np.ndarray, told: argparse.Namespace) -> Fitted:
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    model = KMeans(len(start), init=start, n_init=1, max_iter=told.max_iter, tol=told.tol, algorithm="lloyd")
    with threadpool_limits(told.workers):
        seconds = timed(lambda: model.fit(scores))
    return Fitted(seconds, int(model.n_iter_), model.cluster_centers_)


def faiss(scores: np.ndarray, start: np.ndarray, told: argparse.Namespace) -> Fitted:
    import faiss as library

    library.omp_set_num_threads(told.workers)
    (rows, dims), clusters = scores.shape, len(start)
    model = library.Kmeans(dims, clusters, niter=told.iterations, max_points_per_centroid=rows)
    seconds = timed(lambda: model.train(scores, init_centroids=start))
    return Fitted(seconds, told.iterations, model.centroids)


# Who fits, and in which floats.
PEERS: dict[str, tuple[Callable[..., Fitted], type]] = {
    "sklearn": (scikit, np.float64),
    "sklearn32": (scikit, np.float32),
    "faiss": (faiss, np.float32),
}


def fit(scores: np.ndarray, start: np.ndarray, told: argparse.Namespace) -> dict[str, Any]:
    peer, floats = PEERS[told.peer]
    fitted = peer(scores.astype(floats, copy=False), start.astype(floats, copy=False), told)
    exact = inertia(scores, fitted.centroids.astype(np.float64))
    return {"seconds": fitted.seconds, "iterations": fitted.iterations, "inertia": exact}


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def inertia(scores: np.ndarray, centroids: np.ndarray) -> float:
    """Of the final centroids, in 64-bit floats."""
    norms = (centroids**2).sum(axis=1)
    total = 0.0
    for begin in range(0, len(scores), BLOCK):
        block = scores[begin : begin + BLOCK]
        nearest = (norms - 2.0 * block @ centroids.T).argmin(axis=1)
        total += ((block - centroids[nearest]) ** 2).sum()
    return float(total)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--points", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--tol", type=float, required=True)
    parser.add_argument("--max-iter", type=int, required=True)
    parser.add_argument("--iterations", type=int, required=True, help="for those that have no tolerance")
    parser.add_argument("--result", type=Path, required=True)
    arguments = parser.parse_args()
    scores, start = points.read(arguments.points), points.read(arguments.start)
    write_result(arguments.result, fit(scores, start, arguments))


if __name__ == "__main__":
    main()
