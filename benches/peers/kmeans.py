"""k-means alone, from the same start, by scikit-learn (64-bit floats) or FAISS (32-bit).

FAISS has no tolerance, so it is given the number of iterations that segmill took. Its conversion to 32 bits is not
timed, nor is putting users into segments, which the other two do.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import points
from setting import MAX_ITER, TOL
from stages import write_result

# Rows whose distances are in memory at once.
BLOCK = 10_000


def scikit(scores: np.ndarray, start: np.ndarray, workers: int, _iterations: int) -> dict[str, Any]:
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    model = KMeans(len(start), init=start, n_init=1, max_iter=MAX_ITER, tol=TOL, algorithm="lloyd")
    with threadpool_limits(workers):
        seconds = timed(lambda: model.fit(scores))
    return {"seconds": seconds, "iterations": int(model.n_iter_), "inertia": inertia(scores, model.cluster_centers_)}


def faiss(scores: np.ndarray, start: np.ndarray, workers: int, iterations: int) -> dict[str, Any]:
    import faiss as library

    library.omp_set_num_threads(workers)
    (rows, dims), clusters = scores.shape, len(start)
    single, single_start = scores.astype(np.float32), start.astype(np.float32)
    model = library.Kmeans(dims, clusters, niter=iterations, max_points_per_centroid=rows)
    seconds = timed(lambda: model.train(single, init_centroids=single_start))
    centroids = model.centroids.astype(np.float64)
    return {"seconds": seconds, "iterations": iterations, "inertia": inertia(scores, centroids)}


PEERS = {"sklearn": scikit, "faiss": faiss}


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
    parser.add_argument("--iterations", type=int, required=True)
    parser.add_argument("--result", type=Path, required=True)
    arguments = parser.parse_args()
    scores, start = points.read(arguments.points), points.read(arguments.start)
    result = PEERS[arguments.peer](scores, start, arguments.workers, arguments.iterations)
    write_result(arguments.result, result)


if __name__ == "__main__":
    main()
