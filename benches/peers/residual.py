"""How exact principal components are: max ‖Cvᵢ − λᵢvᵢ‖ / λ₁ with λᵢ = vᵢᵀCvᵢ / vᵢᵀvᵢ, in 64-bit floats.

Computed alike for everybody, from the components that each wrote, and outside of any timing.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load_file
from scipy import sparse

import ratings
from stages import write_result


def read_components(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Ids of the items, and components `(n_components, n_items)`: a peer's file, or the folder of segmill's model."""
    if path.is_dir():
        items = pd.read_parquet(path / "items.parquet").sort_values("index")["item"].to_numpy()
        return items, load_file(path / "model.safetensors")["components"]
    saved = np.load(path)
    return saved["items"], saved["components"]


def in_order(items: np.ndarray, components: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Vectors `(n_items, n_components)` over the items wanted, which are among `items`."""
    place = pd.Index(items.astype(np.int64)).get_indexer(wanted.astype(np.int64))
    assert (place >= 0).all(), "components lack an item"
    return np.ascontiguousarray(components[:, place].T)


def residual(matrix: sparse.csr_matrix, vectors: np.ndarray) -> float:
    rows = matrix.shape[0]
    mean = np.asarray(matrix.mean(axis=0)).ravel()
    projected = matrix @ vectors - mean @ vectors
    image = (matrix.T @ projected - np.outer(mean, projected.sum(axis=0))) / (rows - 1)
    values = (vectors * image).sum(axis=0) / (vectors**2).sum(axis=0)
    return float(np.linalg.norm(image - values * vectors, axis=0).max() / values.max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=Path, required=True)
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("components", nargs="+", metavar="NAME=PATH")
    arguments = parser.parse_args()
    matrix, _, wanted = ratings.matrix(ratings.read(arguments.ratings))
    named = (word.split("=", 1) for word in arguments.components)
    found = {name: residual(matrix, in_order(*read_components(Path(path)), wanted)) for name, path in named}
    write_result(arguments.result, found)


if __name__ == "__main__":
    main()
