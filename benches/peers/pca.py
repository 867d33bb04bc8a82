"""Principal components of a matrix in memory by SciPy's and scikit-learn's solvers: seconds against exactness.

All of them meet the centred matrix by its products only, which leaves it sparse; scikit-learn's `PCA` does the same
with sparse input. `residual.py` says afterwards how exact the components are.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, svds

# The function without the underscore takes arrays only. This one is its body, and what `PCA` calls.
from sklearn.utils.extmath import _randomized_svd
from threadpoolctl import threadpool_limits

import ratings
from setting import COMPONENTS, SEED
from stages import peak_memory, processor_seconds, write_result


class Centred(LinearOperator):
    """X − 1μᵀ `(n_users, n_items)`, with μ the mean of the rows of X."""

    def __init__(self, matrix: sparse.csr_matrix) -> None:
        super().__init__(matrix.dtype, matrix.shape)
        self.matrix = matrix
        self.mean = np.asarray(matrix.mean(axis=0)).ravel()

    def _matvec(self, vector: np.ndarray) -> np.ndarray:
        return self._matmat(vector.reshape(-1))

    def _rmatvec(self, vector: np.ndarray) -> np.ndarray:
        vector = vector.reshape(-1)
        return self.matrix.T @ vector - vector.sum() * self.mean

    def _matmat(self, vectors: np.ndarray) -> np.ndarray:
        return self.matrix @ vectors - self.mean @ vectors

    def _rmatmat(self, vectors: np.ndarray) -> np.ndarray:
        return self.matrix.T @ vectors - np.outer(self.mean, vectors.sum(axis=0))


def lanczos(matrix: sparse.csr_matrix, tol: float, solver: str) -> np.ndarray:
    """The left vectors are not asked for; only ARPACK is spared work by that."""
    centred = Centred(matrix)
    return svds(centred, COMPONENTS, tol=tol, solver=solver, return_singular_vectors="vh", rng=SEED)[2]


def randomized(matrix: sparse.csr_matrix, iterations: float) -> np.ndarray:
    return _randomized_svd(Centred(matrix), COMPONENTS, n_iter=int(iterations), random_state=SEED)[2]


# Components `(n_components, n_items)` of a matrix, for how much is asked of the method.
METHODS: dict[str, Callable[[sparse.csr_matrix, float], np.ndarray]] = {
    "arpack": partial(lanczos, solver="arpack"),
    "propack": partial(lanczos, solver="propack"),
    "randomized": randomized,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("--setting", type=float, required=True, help="a tolerance, or a number of power iterations")
    parser.add_argument("--matrix", type=Path, required=True)
    parser.add_argument("--components", type=Path, required=True)
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--workers", type=int, required=True)
    arguments = parser.parse_args()
    matrix, items = ratings.load(arguments.matrix)
    before, started = processor_seconds(), time.perf_counter()
    with threadpool_limits(arguments.workers):
        components = METHODS[arguments.method](matrix, arguments.setting)
    seconds, processor = time.perf_counter() - started, processor_seconds() - before
    np.savez(arguments.components, items=items, components=components)
    write_result(arguments.result, {"seconds": seconds, "processor": processor, "peak_memory": peak_memory()})


if __name__ == "__main__":
    main()
