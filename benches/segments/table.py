"""How well segmill does with no key at all, on raw files with planted segments: a Markdown table.

    python3 benches/segments/table.py --segmill target/release/segmill --fixed --folder target/segments

Each kind of file is generated and run as it is. A row says which columns were read, what was chosen, and how well the
segments agree with those that were planted (adjusted Rand index). With `--fixed` it also says what the best of many
fixed settings reaches, found by looking at the planted segments. That takes about a hundred runs for each kind, and is
kept in the folder. Then come the null data sets, in which no segments are the right answer.

A run that stops to ask about the columns is done again with the answer, and its row says so; with `--named` none is
asked, and no column mistaken. Standard library only.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True

from files import Dataset, write  # noqa: E402
from fixed import Result, best, results  # noqa: E402
from kinds import NAMES, NULLS, made, wanted  # noqa: E402
from runs import QUESTION, Run, Segmill, Stopped, misread, named, read, run  # noqa: E402
from score import adjusted_rand  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
# An index this much below the best fixed one is as good.
AS_GOOD = 0.02
HEAD = ("kind", "users", "items", "rows", "planted", "columns", "chosen", "clusters", "index", "verdict", "s")
FIXED = ("best fixed", "with")
TEXTS = {"kind", "columns", "chosen", "verdict", "with"}
# Where a run has what it was done with, if it does not say what it chose: the section and the key of its job.
CHOICES = {"weighting": "matrix", "normalize": "matrix", "missing": "matrix", "components": "pca", "refine": "kmeans"}


@dataclass(frozen=True)
class Measured:
    """A kind of file, and what became of it."""

    kind: str
    data: Dataset
    columns: str
    done: Run | None
    fixed: Result | None

    @property
    def planted(self) -> int:
        return len(set(self.data.truth.values()))

    @property
    def score(self) -> float | None:
        return adjusted_rand(self.data.truth, self.done.segments) if self.done else None

    @property
    def clusters(self) -> int | None:
        return len(self.done.report["sizes"]) if self.done else None

    @property
    def verdict(self) -> str:
        evidence = self.done.report.get("evidence") if self.done else None
        return evidence["verdict"] if evidence else "–"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segmill", type=Path, default=ROOT / "target" / "release" / "segmill")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", choices=NAMES, metavar="KIND", help="a kind, planted or nulls")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--named", action="store_true", help="name the columns, instead of having them found")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="give a key to each run")
    parser.add_argument("--fixed", action="store_true", help="the best of many fixed settings too")
    parser.add_argument("--folder", type=Path, help="where the files go and stay [default: a temporary folder]")
    return parser.parse_args()


def measured(segmill: Segmill, folder: Path, kind: str, given: argparse.Namespace) -> Measured:
    """Generates a kind, runs it, and looks for the best fixed setting if that is asked for."""
    data = made(kind, given.seed)
    path = write(data, folder, f"{kind}-{given.seed}")
    columns, done = told(segmill, path, data, named(data.columns) if given.named else [])
    if not given.fixed or kind in NULLS:
        return Measured(kind, data, columns, done, None)
    return Measured(kind, data, columns, done, best(results(segmill, path, data.columns, data.truth)))


def told(segmill: Segmill, path: Path, data: Dataset, words: list[str]) -> tuple[str, Run | None]:
    """What to say about the columns, and the run. One that asks about them is done again with the answer."""
    try:
        done = run(segmill, path, words)
        return described(read(done.report, data.header), data), done
    except Stopped as stopped:
        if stopped.code != QUESTION or words:
            return f"**stopped**: {stopped}", None
        asked = str(stopped).split(":")[0].removeprefix("input.")
    said, done_again = told(segmill, path, data, named(data.columns))
    return f"asks for {asked}" if done_again else f"asks for {asked}, then {said}", done_again


def described(found: dict[str, str | None], data: Dataset) -> str:
    """The columns that were read, or those that are wrong."""
    if wrong := misread(found, data.columns):
        return "**wrong**: " + ", ".join(wrong)
    return ", ".join(name or "none" for name in found.values())


def chosen(report: dict[str, Any]) -> str:
    """What the matrix and the components were: as the run says that it chose, or else as its job has it."""
    said, job = inner(report, "chosen"), report["job"]
    return " ".join(str({**job[section], **inner(said, section), **said}[key]) for key, section in CHOICES.items())


def inner(table: dict[str, Any], section: str) -> dict[str, Any]:
    """A section of a table, or nothing if it has no such section."""
    part = table.get(section)
    return part if isinstance(part, dict) else {}


def row(each: Measured, fixed: bool) -> list[str]:
    """The cells of a row; a dash where there is nothing to say."""
    data, done = each.data, each.done
    place = data.header.index(data.columns.item[0])
    cells = [each.kind, str(len(data.truth)), str(len({line[place] for line in data.rows})), str(len(data.rows))]
    planted = each.kind not in NULLS
    cells += [str(each.planted) if planted else "–", each.columns]
    if done:
        cells += [chosen(done.report), str(each.clusters), f"{each.score:.3f}" if planted else "–"]
        cells += [each.verdict, f"{done.seconds:.1f}"]
    else:
        cells += ["–"] * 5
    if fixed and each.fixed and each.fixed.score is not None:
        cells += [f"{each.fixed.score:.3f}", str(each.fixed.setting)]
    return [cell.replace("|", "\\|") for cell in cells]


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def head(fixed: bool) -> str:
    names = [*HEAD, *(FIXED if fixed else ())]
    return f"{line(names)}\n{line(['---' if name in TEXTS else '--:' for name in names])}"


def summary(all_of_them: list[Measured], fixed: bool) -> list[str]:
    """In how many files each aim is reached."""
    planted = [each for each in all_of_them if each.kind not in NULLS]
    nulls = [each for each in all_of_them if each.kind in NULLS]
    right = sum(not each.columns.startswith(("**", "asks")) for each in all_of_them)
    lines = [f"The right columns are found in {right} of {len(all_of_them)} files."]
    if planted and fixed:
        good = sum(as_good(each) for each in planted)
        lines.append(f"At least the index of the best fixed setting − {AS_GOOD}: {good} of {len(planted)} kinds.")
    if planted:
        near = sum(each.clusters is not None and abs(each.clusters - each.planted) <= 1 for each in planted)
        lines.append(f"As many segments as were planted, or one more or less: {near} of {len(planted)} kinds.")
    if nulls:
        none = sum(each.verdict == "none" for each in nulls)
        lines.append(f"The verdict `none`: {none} of {len(nulls)} null data sets.")
    return lines


def as_good(each: Measured) -> bool:
    if each.score is None or each.fixed is None or each.fixed.score is None:
        return False
    return each.score >= each.fixed.score - AS_GOOD


def tabulate(given: argparse.Namespace, folder: Path) -> None:
    """Prints each row as soon as it is known."""
    folder.mkdir(parents=True, exist_ok=True)
    segmill = Segmill(given.segmill.resolve(), given.workers, folder / "out", tuple(given.set))
    print(head(given.fixed), flush=True)
    rows = []
    for kind in wanted(given.only):
        rows.append(measured(segmill, folder, kind, given))
        print(line(row(rows[-1], given.fixed)), flush=True)
    print("", *summary(rows, given.fixed), sep="\n")


def main() -> None:
    given = options()
    if given.folder:
        tabulate(given, given.folder)
    else:
        with tempfile.TemporaryDirectory() as folder:
            tabulate(given, Path(folder))


if __name__ == "__main__":
    main()
