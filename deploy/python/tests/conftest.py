"""What the tests share: made-up ratings, and a run on them."""

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest

import segmill

#: A job that is quick, and leaves nothing to be chosen.
QUICK: dict[str, Any] = {
    "matrix": {"weighting": "raw", "normalize": "l2", "missing": "zero"},
    "pca": {"components": 4},
    "kmeans": {"clusters": 4},
    "sweep": {"clusters": []},
    "evidence": {"enabled": False},
}

USERS, ITEMS, TASTES = 240, 40, 4


def made_up(seed: int = 0) -> pa.Table:
    """Make ratings of users with four tastes, each of a quarter of the items."""
    draw = random.Random(seed)  # noqa: S311
    rows: dict[tuple[int, int], float] = {}
    for user in range(USERS):
        for _ in range(12):
            liked = user % TASTES * (ITEMS // TASTES) + draw.randrange(ITEMS // TASTES)
            item = liked if draw.random() < 0.8 else draw.randrange(ITEMS)
            rows[user, item] = draw.randrange(2, 11) / 2
    cells = sorted(rows)
    draw.shuffle(cells)
    return pa.table(
        {
            "u": pa.array([user for user, _ in cells], pa.int64()),
            "i": pa.array([item for _, item in cells], pa.int64()),
            "r": pa.array([rows[cell] for cell in cells], pa.float64()),
        }
    )


def segmill_says(*words: Any, cwd: Path | None = None) -> str:
    """Run the program as a shell would, and give what it prints."""
    command = [segmill.program(), *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty folder for temporary files, and an environment that says nothing but where the program is."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    for name in [name for name in os.environ if name.startswith(("SEGMILL", "RUST_")) and name != "SEGMILL_BIN"]:
        monkeypatch.delenv(name)
    return folder


@pytest.fixture(scope="session")
def table() -> pa.Table:
    """Give made-up ratings, with the columns u, i and r."""
    return made_up()


@pytest.fixture(scope="session")
def file(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the same as a file for the program."""
    path = tmp_path_factory.mktemp("data") / "ratings.csv"
    pyarrow.csv.write_csv(table, path)
    return path


@pytest.fixture(scope="session")
def run(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> segmill.Run:
    """Give a run on them in a folder of its own; what changes it copies it first."""
    output = tmp_path_factory.mktemp("out") / "quick"
    return segmill.fit(table, user="u", item="i", rating="r", output=output, progress=False, **QUICK)


def python(script: str, **options: Any) -> "subprocess.Popen[str]":
    """Start another Python with this package."""
    source = str(Path(segmill.__file__).parents[1])
    path = os.pathsep.join([source, *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )
