"""Writes raw files with planted segments, and the truth beside them: KIND-SEED.EXT and KIND-SEED.truth.csv.

    python3 benches/segments/generate.py FOLDER --seed 3 --only orders --only films

`--only planted` leaves out the null data sets, in which nobody has a segment. Standard library only.
"""

import argparse
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from files import write  # noqa: E402
from kinds import NAMES, made, wanted  # noqa: E402


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", choices=NAMES, metavar="KIND", help="may be given several times")
    return parser.parse_args()


def main() -> None:
    given = options()
    for kind in wanted(given.only):
        data = made(kind, given.seed)
        path = write(data, given.folder, f"{kind}-{given.seed}")
        print(f"{path}: {len(data.truth)} users, {len(data.rows)} rows, {len(set(data.truth.values()))} segments")


if __name__ == "__main__":
    main()
