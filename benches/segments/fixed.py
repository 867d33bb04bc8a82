"""How well fixed settings do on a file: all weightings, components and numbers of clusters of a list, by the truth.

The best of them is what a choice by segmill itself is measured against. It is found by looking at the planted
segments, so that no choice made without them is bound to reach it.
"""

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from files import Columns
from runs import Segmill, Stopped, named, run
from score import adjusted_rand

WEIGHTINGS = ("raw", "binary", "log1p", "tfidf", "bm25")
COMPONENTS = (5, 10, 20)
# Clusters, beside as many as were planted.
CLUSTERS = 25


@dataclass(frozen=True)
class Setting:
    weighting: str
    normalize: str
    missing: str
    components: int
    clusters: int

    def words(self) -> list[str]:
        """As options. What takes long and says nothing about a setting is off."""
        keys = {
            "matrix.weighting": self.weighting, "matrix.normalize": self.normalize, "matrix.missing": self.missing,
            "pca.components": self.components, "kmeans.clusters": self.clusters,
            "evidence.enabled": "false", "sweep.clusters": "[]",
        }  # fmt: skip
        return [word for key, value in keys.items() for word in ("--set", f"{key}={value}")]

    def __str__(self) -> str:
        return f"{self.weighting} {self.normalize} {self.missing} {self.components} {self.clusters}"


@dataclass(frozen=True)
class Result:
    """A setting and its adjusted Rand index; None if the run was refused, as where nothing tells users apart."""

    setting: Setting
    score: float | None


def settings(planted: int) -> Iterator[Setting]:
    """All of them: with `binary`, every rating is its user's mean, so these two do not go together."""
    kinds = itertools.product(WEIGHTINGS, ("none", "l2"), ("zero", "user-mean"))
    for kind, components, clusters in itertools.product(kinds, COMPONENTS, sorted({planted, CLUSTERS})):
        if (kind[0], kind[2]) != ("binary", "user-mean"):
            yield Setting(*kind, components, clusters)


def results(segmill: Segmill, path: Path, columns: Columns, truth: Mapping[str, int]) -> list[Result]:
    """A result for each setting, from the file beside the data if it is about these data."""
    known = path.parent / f"{path.name.split('.')[0]}.fixed.json"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if known.exists() and (kept := json.loads(known.read_text()))["data"] == digest:
        return [Result(Setting(**each["setting"]), each["score"]) for each in kept["results"]]
    planted = len(set(truth.values()))
    found = [result(segmill, path, columns, truth, setting) for setting in settings(planted)]
    known.write_text(json.dumps({"data": digest, "results": [asdict(each) for each in found]}, indent=1))
    return found


def result(segmill: Segmill, path: Path, columns: Columns, truth: Mapping[str, int], setting: Setting) -> Result:
    """The columns are named, so that only the setting counts."""
    try:
        done = run(segmill, path, [*named(columns), *setting.words()])
    except Stopped:
        return Result(setting, None)
    return Result(setting, round(adjusted_rand(truth, done.segments), 4))


def best(found: list[Result]) -> Result:
    return max(found, key=lambda each: -1.0 if each.score is None else each.score)
