"""The model of a run in NumPy: where users are among the segments."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: BM25's usual constants (Robertson & Zaragoza 2009), as the program has them.
_K1, _B = 1.2, 0.75


class Model:
    """A model as it is in an output folder. Rows of ratings are SciPy's, a column for each item of the model."""

    def __init__(self, folder: Path) -> None:
        manifest = json.loads((folder / "model.json").read_bytes())
        tensors = _tensors(folder / "model.safetensors")
        self.matrix: dict[str, str] = manifest["matrix"]
        self.is_spherical = bool(manifest["kmeans"].get("spherical", False))
        self.mean_length: float | None = manifest.get("mean_length")
        #: ``(n_items)``
        self.mean, self.idf = tensors["mean"], tensors["idf"]
        #: ``(n_components, n_items)``
        self.components = tensors["components"]
        #: ``(n_segments, n_components)``
        self.centroids = tensors["centroids"]

    def scores(self, rows: Any) -> Floats:
        """Give the users' places: ``(n_users, n_components)``."""
        scores: Floats = self._weighted(rows) @ self.components.T - self.mean @ self.components.T
        return _to_unit_length(scores) if self.is_spherical else scores

    def distances(self, rows: Any) -> Floats:
        """Give the users' distances to the centroids: ``(n_users, n_segments)``."""
        scores = self.scores(rows)
        squares = [np.square(scores - centroid).sum(axis=1) for centroid in self.centroids]
        distances: Floats = np.sqrt(np.stack(squares, axis=1))
        return distances

    def _weighted(self, rows: Any) -> Any:
        """Weigh ratings, as the program does; only what is stored is a rating."""
        weighted = rows.astype(np.float64, copy=True)
        weighted.eliminate_zeros()
        n_entries = np.diff(weighted.indptr)
        weighted.data = self._weights(weighted, n_entries)
        if self.matrix["missing"] == "user-mean":
            means = _sums(weighted) / np.maximum(n_entries, 1)
            weighted.data -= np.repeat(means, n_entries)
        if self.matrix["normalize"] == "l2":
            lengths = np.sqrt(_sums(weighted.multiply(weighted).tocsr()))
            weighted.data /= np.repeat(np.where(lengths > 0, lengths, 1.0), n_entries)
        return weighted

    def _weights(self, rows: Any, n_entries: NDArray[Any]) -> Floats:
        ratings: Floats = rows.data
        weights, idf, weighting = ratings, self.idf[rows.indices], self.matrix["weighting"]
        if weighting == "binary":
            weights = np.ones_like(ratings)
        elif weighting == "log1p":
            weights = np.log1p(ratings)
        elif weighting == "tfidf":
            weights = ratings * idf
        elif weighting == "bm25":
            lengths = np.repeat(_sums(rows), n_entries) / (self.mean_length or math.nan)
            weights = idf * ratings * (_K1 + 1) / (ratings + _K1 * (1 - _B + _B * lengths))
        return weights


def _sums(rows: Any) -> Floats:
    sums: Floats = np.asarray(rows.sum(axis=1), dtype=np.float64).ravel()
    return sums


def _to_unit_length(points: Floats) -> Floats:
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    scaled: Floats = points / np.where(lengths > 0, lengths, 1.0)
    return scaled


def _tensors(file: Path) -> dict[str, Floats]:
    """Read a file of safetensors: the length of its header, the header in JSON, and the numbers. Those of floats are given."""
    content = file.read_bytes()
    begins = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:begins])
    found = {}
    for name, tensor in header.items():
        if name != "__metadata__" and tensor["dtype"] == "F64":
            first, end = (begins + offset for offset in tensor["data_offsets"])
            found[name] = np.frombuffer(content[first:end], dtype="<f8").reshape(tensor["shape"])
    return found
