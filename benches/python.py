"""What the Python package costs over the command line, on generated ratings.

    python3 benches/python.py --size 25m --runs 3

The command line reads a Parquet file, Python hands over the same rows from an Arrow table in memory. Both make the same run, in
turn, because a machine is not always equally quick; a figure is the median of its own. It takes the interpreter of an environment in
which the package is installed, which needs only PyArrow. Everything is kept under `target/python`; `--tidy` removes it.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True

# `generated` finds the folder of `setting`.
from generated import ROOT, SIZES, ratings  # noqa: E402, I001
from setting import CLUSTERS, COMPONENTS  # noqa: E402

FOLDER = ROOT / "target" / "python"

#: A job that only fits, as in the comparisons with other programs, and one of which everything is asked.
JOBS: dict[str, dict[str, Any]] = {
    "fit": {
        "pca": {"components": COMPONENTS, "report": COMPONENTS},
        "kmeans": {"clusters": CLUSTERS},
        "sweep": {"clusters": []},
        "evidence": {"enabled": False},
    },
    "all": {},
}


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="25m", choices=list(SIZES), help="how many ratings")
    parser.add_argument("--runs", type=int, default=3, help="medians are of so many")
    parser.add_argument("--job", default="fit", choices=list(JOBS), help="fit: no choice and no evidence; all: everything")
    parser.add_argument("--segmill", type=Path, default=ROOT / "target" / "release" / "segmill", help="the program of both")
    parser.add_argument("--ratings", action="append", default=[], metavar="SIZE=CSV", help="a file that is there already")
    parser.add_argument("--tidy", action="store_true", help="remove what was made")
    return parser.parse_args()


def parquet(csv: Path) -> Path:
    import pyarrow.csv
    import pyarrow.parquet as pq

    path = FOLDER / f"{csv.stem}.parquet"
    if not path.exists():
        pq.write_table(pyarrow.csv.read_csv(csv), path)
    path.read_bytes()
    return path


def words(job: dict[str, Any]) -> list[str]:
    """The keys as the command line has them: the sections hold numbers, truth values and empty lists only."""
    pairs = ((section, key, value) for section, keys in job.items() for key, value in keys.items())
    return [word for section, key, value in pairs for word in ("--set", f"{section}.{key}={str(value).lower()}")]


def by_command(segmill: Path, path: Path, job: dict[str, Any]) -> None:
    columns = ["--user", "user", "--item", "item", "--rating", "rating"]
    command = [segmill, "run", path, "-q", "-o", FOLDER / "command", *columns, *words(job)]
    subprocess.run([str(word) for word in command], check=True)


def by_python(table: Any, job: dict[str, Any]) -> None:
    import segmill

    segmill.fit(table, user="user", item="item", rating="rating", output=FOLDER / "python", progress=False, **job)


def seconds(what: Callable[[], None]) -> float:
    began = time.monotonic()
    what()
    return time.monotonic() - began


def digests(output: Path) -> Any:
    return json.loads((output / "run.json").read_bytes())["digests"]


def main() -> None:
    given = options()
    FOLDER.mkdir(parents=True, exist_ok=True)
    os.environ["SEGMILL_BIN"] = str(given.segmill)
    import pyarrow.parquet as pq

    csv = ratings(given.segmill, given.size, dict(pair.split("=", 1) for pair in given.ratings), FOLDER)
    path, job = parquet(csv), JOBS[given.job]
    table = pq.read_table(path)
    took: dict[str, list[float]] = {"command line": [], "Python": []}
    for _ in range(given.runs):
        took["command line"].append(seconds(lambda: by_command(given.segmill, path, job)))
        took["Python"].append(seconds(lambda: by_python(table, job)))
        assert digests(FOLDER / "command") == digests(FOLDER / "python"), "the two runs differ"
    command, python = (statistics.median(found) for found in took.values())
    print(
        f"{table.num_rows:,} ratings, medians of {given.runs}: command line {command:.2f} s, Python {python:.2f} s: {python / command - 1:+.1%}"
    )
    for name, found in took.items():
        print(f"  {name}: {', '.join(f'{one:.2f}' for one in found)}")
    if given.tidy:
        shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
