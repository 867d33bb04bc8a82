"""Checks the generators and the score, without segmill: nothing is printed but what was checked, and a failure ends it.

    python3 benches/segments/check.py

- The same kind and seed make the same file, byte for byte, also in another process with other hashes of texts.
- Another seed makes another file.
- The truth covers every user of the file, as it is read back, and nobody else; planted segments are numbered from 0.
- Users have at least 3 rows; sizes stay in bounds; the columns that are right are in the header.
- The adjusted Rand index is that of a worked example, and 0 and 1 where it must be.
"""

import argparse
import csv
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True

from files import Dataset, truth_of, write  # noqa: E402
from kinds import KINDS, NULLS, PLANTED, made  # noqa: E402
from score import adjusted_rand  # noqa: E402

HERE = Path(__file__).resolve().parent
SEEDS = (0, 1)
BOUNDS = {"users": (300, 8000), "rows": (10_000, 600_000), "segments": (2, 30)}


def digests(folder: Path) -> dict[str, str]:
    """What is in each file of a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def elsewhere(folder: Path, seed: int) -> None:
    """The same files from another process, in which texts have other hashes."""
    words = [sys.executable, str(HERE / "generate.py"), str(folder), "--seed", str(seed)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONHASHSEED": "7"})


def users_of(path: Path, data: Dataset) -> Counter[str]:
    """Rows of each user, as the file has them."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if data.layout.packed else content).decode("utf-8-sig")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=data.layout.delimiter)
    header = next(rows) if data.layout.header else list(data.header)
    assert header == list(data.header), header
    place = header.index(data.columns.user[0])
    return Counter(row[place] for row in rows)


def check_kind(kind: str, seed: int, folder: Path) -> None:
    """Writes a kind, and checks what was written."""
    data, name = made(kind, seed), f"{kind}-{seed}"
    path = write(data, folder, name)
    rows, truth = users_of(path, data), truth_of(folder, name)
    assert rows.keys() == truth.keys(), f"{name}: the truth is about other users"
    assert min(rows.values()) >= 3, f"{name}: a user has {min(rows.values())} rows"
    segments = sorted(set(truth.values()))
    assert segments == list(range(len(segments))), f"{name}: segments {segments}"
    found = {"users": len(rows), "rows": sum(rows.values()), "segments": len(segments)}
    for what, (low, high) in BOUNDS.items():
        if (what, kind in NULLS) != ("segments", True):
            assert low <= found[what] <= high, f"{name}: {found[what]} {what}"
    named = (*data.columns.user, *data.columns.item, *data.columns.rating)
    assert set(named) <= set(data.header), f"{name}: {named}"


def check_score() -> None:
    """The worked example is that of the documentation of scikit-learn."""
    truth = dict(zip("abcd", (0, 0, 1, 2)))
    assert round(adjusted_rand(truth, dict(zip("abcd", (0, 0, 1, 1)))), 4) == 0.5714
    assert adjusted_rand(truth, dict(zip("abcd", (2, 2, 0, 1)))) == 1.0
    assert adjusted_rand(truth, dict.fromkeys("abcd", 0)) == 0.0
    assert adjusted_rand(truth, {}) == 0.0


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    check_score()
    with tempfile.TemporaryDirectory() as temporary:
        here, there = Path(temporary, "here"), Path(temporary, "there")
        for seed in SEEDS:
            for kind in KINDS:
                check_kind(kind, seed, here)
        elsewhere(there, SEEDS[0])
        made_here = digests(here)
        assert digests(there).items() <= made_here.items(), "a file is not the same twice"
        assert len(set(made_here.values())) == len(made_here), "two files are the same"
    print(f"{len(PLANTED)} kinds and {len(NULLS)} null data sets, seeds {SEEDS}: as they should be")


if __name__ == "__main__":
    main()
