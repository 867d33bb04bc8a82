"""Keys of a job as words of the command line."""

import datetime
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segmill
from segmill._job import toml, words


def test_sections_become_dotted_keys() -> None:
    keys = {"seed": 1, "kmeans": {"clusters": 8, "refine": None}, "pca.solver": "gram", "filter": {"after": None}}
    assert words(keys) == ["--set", "seed=1", "--set", "kmeans.clusters=8", "--set", 'pca.solver="gram"']
    assert words({"input": {"generate": {}}}) == ["--set", "input.generate={  }"]
    assert words({"evidence": {"enabled": False}}) == ["--set", "evidence.enabled=false"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there is no tomllib")
def test_every_value_reads_back_as_it_was() -> None:
    import tomllib

    draw = random.Random(1)  # noqa: S311

    def text() -> str:
        alphabet = ['"', "'", "\\", "\n", "\r", "\t", "\0", "\x7f", "=", "#", "]", "é", "\u2028", "😀", "a", " ", "."]
        return "".join(draw.choice(alphabet) for _ in range(draw.randrange(8)))

    def value(depth: int = 0) -> Any:
        kinds: list[Any] = [
            text,
            lambda: draw.randrange(-(2**40), 2**40),
            lambda: draw.random() * 10.0 ** draw.randrange(-300, 300),
        ]
        kinds += [lambda: draw.random() < 0.5]
        if depth < 3:
            kinds += [lambda: [value(depth + 1) for _ in range(draw.randrange(3))]]
            kinds += [lambda: {text(): value(depth + 1) for _ in range(draw.randrange(3))}]
        return draw.choice(kinds)()

    for _ in range(2000):
        given = value()
        written = toml(given, "key")
        assert "\n" not in written
        assert tomllib.loads(f"value = {written}") == {"value": given}


def test_what_is_like_a_value_is_written_as_one() -> None:
    assert toml(Path("a b"), "k") == '"a b"'
    assert toml(np.int64(3), "k") == "3"
    assert toml(np.array([1.5, 2.0]), "k") == "[1.5, 2.0]"
    assert toml(range(2, 5), "k") == "[2, 3, 4]"
    assert toml(float("inf"), "k") == "inf"
    assert toml(datetime.date(2024, 5, 1), "k") == '"2024-05-01"'
    assert toml(datetime.datetime(2024, 5, 1, 10, tzinfo=datetime.timezone.utc), "k") == '"2024-05-01T10:00:00+00:00"'


@pytest.mark.parametrize(("value", "said"), [(object(), "type object"), ("\ud800", "not UTF-8")])
def test_what_is_no_value_is_refused(value: Any, said: str) -> None:
    with pytest.raises(segmill.JobError, match=f"^kmeans.tol: .*{said}.*; give "):
        toml(value, "kmeans.tol")
