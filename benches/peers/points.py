"""Made-up scores for k-means alone: planted clusters that overlap, and k of the rows to start from.

A file is two 64-bit integers, rows and columns, then 64-bit floats row by row, all little-endian: what
`benches/kmeans.rs` reads.
"""

import argparse
from pathlib import Path

import numpy as np

from setting import SEED

HEAD_BYTES = 16
# How far planted centres lie apart, where users lie about theirs with deviation 1.
SPREAD = 1.5


def make(rows: int, dims: int, clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """Points `(rows, dims)` and the first `clusters` rows of a permutation of them."""
    random = np.random.default_rng(SEED)
    centres = SPREAD * random.standard_normal((clusters, dims))
    points = centres[random.integers(0, clusters, rows)]
    points += random.standard_normal((rows, dims))
    return points, points[random.permutation(rows)[:clusters]]


def write(path: Path, values: np.ndarray) -> None:
    with path.open("wb") as file:
        np.array(values.shape, dtype="<u8").tofile(file)
        values.astype("<f8").tofile(file)


def read(path: Path) -> np.ndarray:
    shape = np.fromfile(path, dtype="<u8", count=2)
    return np.fromfile(path, dtype="<f8", offset=HEAD_BYTES).reshape(shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("rows", "dims", "clusters"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--points", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True)
    arguments = parser.parse_args()
    points, start = make(arguments.rows, arguments.dims, arguments.clusters)
    write(arguments.points, points)
    write(arguments.start, start)


if __name__ == "__main__":
    main()
