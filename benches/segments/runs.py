"""One run of segmill over one file, and what became of it."""

import csv
import io
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from files import Columns

QUESTION = 2


@dataclass(frozen=True)
class Segmill:
    """The program, its number of workers, the folder that each run writes anew, and keys that each run is given."""

    program: Path
    workers: int
    out: Path
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """A finished run: `run.json`, and the segment of each user."""

    report: dict[str, Any]
    segments: dict[str, int]
    seconds: float


class Stopped(Exception):
    """A run that ended early: its exit code, and what it said."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def call(words: Sequence[object]) -> str:
    """What a command prints."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise Stopped(done.returncode, done.stderr.strip().removeprefix("segmill: "))
    return done.stdout


def run(segmill: Segmill, path: Path, words: Sequence[str] = ()) -> Run:
    """Segments the users of a file. The time is that of the run alone."""
    begin = time.monotonic()
    keys = [word for key in segmill.keys for word in ("--set", key)]
    call([segmill.program, "run", path, "-o", segmill.out, "-q", "-w", segmill.workers, *keys, *words])
    seconds = time.monotonic() - begin
    report = json.loads((segmill.out / "run.json").read_text(encoding="utf-8"))
    return Run(report, placed(segmill, path), seconds)


def placed(segmill: Segmill, path: Path) -> dict[str, int]:
    """The segment of each user, as `segments.parquet` has it, from a command that prints CSV."""
    table = call([segmill.program, "assign", segmill.out, path, "-q", "-w", segmill.workers, "-o", "-"])
    return {row["user"]: int(row["segment"]) for row in csv.DictReader(io.StringIO(table, newline=""))}


def named(columns: Columns) -> list[str]:
    """Options that name the columns, for a file in which they are not to be found."""
    rating = columns.rating[0] if columns.rating else "false"
    return ["--user", columns.user[0], "--item", columns.item[0], "--rating", rating]


def read(report: dict[str, Any], header: Sequence[str]) -> dict[str, str | None]:
    """The names of the columns that a run has read. It may name a column by its index, or by its usual place."""
    files = report["job"]["input"]["source"]["Files"]
    rating = files["rating"]
    if isinstance(rating, dict):
        rating = rating["Given"]
    elif rating == "Default" and len(header) > 2:
        rating = 2
    else:
        rating = None
    found = {"user": files["user"], "item": files["item"], "rating": rating}
    return {what: header[place] if isinstance(place, int) else place for what, place in found.items()}


def misread(found: dict[str, str | None], columns: Columns) -> list[str]:
    """What is wrong with the columns that a run has read: for each of them, what it took."""
    right: dict[str, tuple[str | None, ...]] = {
        "user": columns.user, "item": columns.item, "rating": columns.rating or (None,),
    }  # fmt: skip
    return [f"{what} {name or 'none'}" for what, name in found.items() if name not in right[what]]
