"""A finished run."""

import contextlib
import json
import os
import webbrowser
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from . import _html
from ._errors import DataError, FileError, JobError
from ._folder import Folder, clear_beside
from ._handover import hand_over
from ._job import with_columns, words
from ._process import call
from ._table import Table, of_rows

_RECORD = "run.json"
_PAGE = "report.html"
_MANIFEST = Path("model") / "model.json"

#: Items that are named for each kind.
_ITEMS = 3

_KINDS = pa.schema(
    [
        ("segment", pa.int64()),
        ("name", pa.string()),
        ("users", pa.int64()),
        ("share", pa.float64()),
        ("stability", pa.float64()),
        ("items", pa.list_(pa.string())),
    ]
)
_CHOSEN = pa.schema([("key", pa.string()), ("value", pa.string()), ("by", pa.string())])
_EVIDENCE = pa.schema(
    [
        ("clusters", pa.int64()),
        *(
            (name, pa.float64())
            for name in (
                "bits", "standard_error", "null_bits", "adjusted_rand",
                "simplified_silhouette", "calinski_harabasz", "davies_bouldin",
            )
        ),
        ("suggested", pa.int64()),
    ]
)  # fmt: skip
_NOW = pa.schema(
    [
        ("segment", pa.int64()),
        ("name", pa.string()),
        ("origin", pa.string()),
        ("earlier", pa.int64()),
        ("score", pa.float64()),
        *((name, pa.int64()) for name in ("stayed", "crossed", "arrived", "new_users")),
    ]
)
_THEN = pa.schema(
    [
        ("segment", pa.int64()),
        ("name", pa.string()),
        ("size", pa.int64()),
        ("fate", pa.string()),
        ("now", pa.list_(pa.int64())),
        ("left", pa.int64()),
    ]
)


class Run:
    """A finished run: its segments, and what can be asked about them.

    It stands for an output folder. If `fit` has made that folder for itself, it is gone when nobody holds the run any more; so is
    what `fit` has handed over to the program from memory.
    """

    def __init__(self, path: str | os.PathLike[str], *, folder: Folder | None = None) -> None:
        self.path = Path(path)
        #: The temporary folder of the output, or of the data.
        self._folder = folder
        file = self.path / _RECORD
        try:
            self.record: dict[str, Any] = json.loads(file.read_bytes())
        except OSError as e:
            raise FileError(f"{file}: cannot read: {e.strerror}; name the output folder of a finished run", 4) from e
        except ValueError as e:
            raise DataError(
                f"{file}: this is not the record of a run: {e}; name the output folder of a finished run", 3
            ) from e

    # What was found.

    @cached_property
    def segments(self) -> Table:
        """A row for each user: ``user``, ``segment``, ``distance``, ``second``, ``second_distance``, ``nb_segment``."""
        return Table(pq.read_table(self.path / "segments.parquet"))

    @cached_property
    def profiles(self) -> Table:
        """The top items of each segment, with the names that the run gave."""
        return Table(pq.read_table(self.path / "profiles.parquet"))

    def users_of(self, segment: int | str) -> Table:
        """Give the rows of `segments` of one segment, by its number or its name."""
        number = self._number(segment)
        return Table(pq.read_table(self.path / "segments.parquet", filters=[("segment", "=", number)]))

    @property
    def names(self) -> list[str]:
        """What the segments are called now."""
        return [str(segment["name"]) for segment in self._manifest()["segments"]]

    @property
    def sizes(self) -> list[int]:
        """Users in each segment."""
        return list(self.record["sizes"])

    @property
    def kinds(self) -> Table:
        """A row for each segment, the largest first: number, name, users, share of all, stability, and what it stands out for."""
        stability = (self.record.get("evidence") or {}).get("stability", {}).get("jaccard")
        n_users = sum(self.sizes) or 1
        rows = [
            {
                "segment": segment,
                "name": name,
                "users": size,
                "share": size / n_users,
                "stability": stability[segment] if stability else None,
                "items": self._stands_out(segment),
            }
            for segment, (name, size) in enumerate(zip(self.names, self.sizes, strict=True))
        ]
        return of_rows(sorted(rows, key=lambda row: (-row["users"], row["segment"])), _KINDS)

    def _stands_out(self, segment: int) -> list[str]:
        of = self.profiles.arrow.filter(pc.equal(self.profiles["segment"], segment)).to_pylist()
        more = [row for row in of if row["lift"] > 1]
        return [str(row["title"] if row["title"] is not None else row["item"]) for row in more[:_ITEMS]]

    @property
    def verdict(self) -> str | None:
        """Whether the segments are real: ``stable``, ``weak`` or ``none``; nothing where evidence was switched off."""
        evidence = self.record.get("evidence")
        return str(evidence["verdict"]) if evidence else None

    @property
    def summary(self) -> str | None:
        """The verdict in a sentence or two."""
        evidence = self.record.get("evidence")
        return str(evidence["summary"]) if evidence else None

    @cached_property
    def evidence(self) -> Table:
        """A row for each number of segments that was put to the test; without evidence there are none."""
        file = self.path / "evidence.csv"
        if not file.exists():
            return of_rows([], _EVIDENCE)
        types = {field.name: field.type for field in _EVIDENCE}
        return Table(pyarrow.csv.read_csv(file, convert_options=pyarrow.csv.ConvertOptions(column_types=types)))

    @property
    def chosen(self) -> Table:
        """The settings of the run: key, value, and who settled it, the ``run`` by evidence or the ``job``."""
        job, found = self.record["job"], self.record.get("chosen") or {}
        values = {
            **{f"matrix.{key}": job["matrix"][key] for key in ("weighting", "normalize", "missing")},
            "pca.components": job["pca"]["components"],
            **{f"kmeans.{key}": job["kmeans"].get(key) for key in ("clusters", "refine", "amounts")},
        }
        by = found.get("open", [])
        rows = [{"key": key, "value": str(value), "by": "run" if key in by else "job"} for key, value in values.items()]
        return of_rows(rows, _CHOSEN)

    @property
    def why(self) -> str | None:
        """Why these settings were chosen, in a sentence or two."""
        found = self.record.get("chosen")
        return str(found["why"]) if found else None

    @property
    def candidates(self) -> Table:
        """What the settings were chosen among, in the order in which it was tried."""
        return Table(pa.Table.from_pylist((self.record.get("chosen") or {}).get("candidates", [])))

    # What can be done with it.

    def rename(self, names: Mapping[int, str]) -> "Run":
        """Give segments names of your own, by their numbers, and draw the report again. Tables keep the names of the run.

        As `segmill report` does it: no two names may be alike, none empty, none longer than 80 characters.
        """
        file, manifest = self.path / _MANIFEST, self._manifest()
        for segment, name in names.items():
            manifest["segments"][self._number(int(segment))]["name"] = str(name)
        before = file.read_bytes()
        try:
            _replace(file, json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n")
            call(["report", str(self.path)])
        except BaseException:
            _replace(file, before)
            raise
        return self

    def assign(
        self,
        data: Any,
        *,
        user: Any = None,
        item: Any = None,
        rating: Any = None,
        time: Any = None,
        workers: int | None = None,
        progress: bool | None = None,
        **keys: Any,
    ) -> Table:
        """Put users, new or known, into these segments; ``data`` has all of their ratings. Nothing is fitted anew.

        Columns are those of the run, unless they are named; ``keys`` are those that `segmill assign` takes.
        """
        columns = {"user": user, "item": item, "rating": rating, "time": time}
        return assigned(self, data, columns, keys, workers=workers, progress=progress)

    def compare(self, earlier: "Run | str | os.PathLike[str]", *, progress: bool | None = None) -> "Comparison":
        """Say what became of the segments of an earlier run: which stayed, split, merged, were born or died, and who moved.

        That takes both runs' users and this run's ratings, so this run is made again, with its settings and beside itself: in the
        `Comparison`, segments have the numbers and names of those that they continue. If the job has ``compare.previous``, it is
        there already.
        """
        path = (earlier.path if isinstance(earlier, Run) else Path(earlier)).resolve()
        previous = self.record["job"].get("compare")
        if previous is not None and Path(previous).resolve() == path:
            return Comparison(self)
        folder = Folder()
        try:
            job = {**self.record["job"], "compare": str(path), "evidence": None, "sweep": None}
            again = folder.path / "again.json"
            again.write_text(json.dumps({**self.record, "job": job}), encoding="utf-8")
            output = folder.path / self.path.name
            call(["run", str(again), "-o", str(output)], progress)
            return Comparison(Run(output, folder=folder))
        except BaseException:
            folder.remove()
            raise

    def verify(self, *, workers: int | None = None) -> Table:
        """Run the job again with another number of threads, and compare the results bit by bit, table by table.

        Raises
        ------
        DiffersError
            If a table differs.
        """
        threads = ["-w", str(workers)] if workers is not None else []
        printed = call(["verify", str(self.path), *threads], on_kill=self._clear)
        rows = [line.rsplit(maxsplit=1) for line in printed.splitlines()]
        return of_rows(
            [{"table": name, "same": said == "same"} for name, said in rows],
            pa.schema([("table", pa.string()), ("same", pa.bool_())]),
        )

    def report(self, height: int = 800) -> "Report":
        """Give the whole report, to be shown in a notebook or opened in a browser."""
        page = self.path / _PAGE
        if not page.exists():
            call(["report", str(self.path)])
        return Report(page, height)

    def _clear(self, process: int) -> None:
        clear_beside(self.path, process)

    def _manifest(self) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads((self.path / _MANIFEST).read_bytes())
        return manifest

    def _number(self, segment: int | str) -> int:
        names = self.names
        if isinstance(segment, str):
            if segment in names:
                return names.index(segment)
            raise JobError(f"segment: none is called {segment!r}; they are {', '.join(names)}", 2)
        if not 0 <= segment < len(names):
            raise JobError(f"segment: there is no segment {segment}; give a number from 0 to {len(names) - 1}", 2)
        return int(segment)

    def columns(self) -> dict[str, Any]:
        """Give the columns that the run has read, by names or positions."""
        source = self.record["job"]["input"]["source"].get("Files", {})
        rating = source.get("rating", "Default")
        columns = {
            "user": source.get("user"),
            "item": source.get("item"),
            "rating": {"None": False, "Default": None}[rating] if isinstance(rating, str) else rating["Given"],
            "time": (source.get("time") or {}).get("column"),
        }
        return {key: column for key, column in columns.items() if column is not None}

    def __getstate__(self) -> dict[str, Any]:
        """Give what a pickle holds: the path, or for a temporary folder its files, without the page, which can be drawn again."""
        if self._folder is None or self._folder.path not in self.path.parents:
            return {"path": self.path}
        files = (file for file in self.path.rglob("*") if file.is_file() and file.name != _PAGE)
        return {
            "name": self.path.name,
            "files": {str(file.relative_to(self.path)): file.read_bytes() for file in files},
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the folder again, or a new one with the same files."""
        if "path" in state:
            self.__init__(state["path"])  # type: ignore[misc]
            return
        folder = Folder()
        for name, content in state["files"].items():
            file = folder.path / state["name"] / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        self.__init__(folder.path / state["name"], folder=folder)  # type: ignore[misc]

    def __repr__(self) -> str:
        """Say where it is, and what it has found."""
        verdict = f", {self.verdict}" if self.verdict is not None else ""
        return f"<segmill.Run {self.path}: {len(self.sizes)} segments of {self.record['users']:,} users{verdict}>"

    def _repr_html_(self) -> str:
        return _html.run(self)


def assigned(
    run: Run,
    data: Any,
    columns: Mapping[str, Any],
    keys: Mapping[str, Any],
    *,
    workers: int | None,
    progress: bool | None,
    ignored: Sequence[str] = (),
) -> Table:
    """Do what `Run.assign` does; ``ignored`` are texts of warnings that are no news."""
    with Folder() as folder:
        handed = hand_over(data, columns, keys, folder.path, of_run=run.columns())
        output = folder.path / "assigned.parquet"
        options = words(with_columns(keys, handed.columns))
        threads = ["-w", str(workers)] if workers is not None else []
        command = ["assign", str(run.path), *handed.paths, "-o", str(output), *options, *threads]
        call(command, progress, ignored=ignored)
        return Table(pq.read_table(output, memory_map=False))


class Comparison:
    """What became of the segments of an earlier run."""

    def __init__(self, run: Run) -> None:
        #: The run, with segments numbered and named as those of the earlier one that they continue.
        self.run = run
        self._found: dict[str, Any] = run.record["continuity"]

    @property
    def segments(self) -> Table:
        """A row for each segment of this run: its origin (``kept``, ``split``, ``born``), and the earlier one that it comes from."""
        names = self.run.names
        return of_rows([{**row, "name": names[row["segment"]]} for row in self._found["segments"]], _NOW)

    @property
    def earlier(self) -> Table:
        """A row for each segment of the earlier run: its fate (``kept``, ``split``, ``merged``, ``died``), and where it lives on."""
        return of_rows(self._found["earlier"], _THEN)

    @property
    def moves(self) -> Table:
        """A row for each user who moved: from where, to where, and how clear the move is."""
        return Table(pq.read_table(self.run.path / "moves.parquet"))

    @property
    def users(self) -> dict[str, int]:
        """Users of both runs, of one alone, and those of both who moved, or crossed a border that they are near to."""
        return {name: self._found[name] for name in ("users", "new_users", "gone_users", "moved", "crossed")}

    def __repr__(self) -> str:
        """Say how many moved."""
        users = self.users
        return (
            f"<segmill.Comparison with {self._found['previous']}: {users['moved']:,} of {users['users']:,} users moved>"
        )

    def _repr_html_(self) -> str:
        return self.segments._repr_html_()


class Report:
    """The report of a run: one page that works offline."""

    def __init__(self, path: Path, height: int) -> None:
        self.path = path
        self._height = height

    def open(self) -> None:
        """Open it in a browser."""
        webbrowser.open(self.path.resolve().as_uri())

    def _repr_html_(self) -> str:
        return _html.page(self.path.read_text(encoding="utf-8"), self._height)


def _replace(file: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    new = file.with_name(f".{file.name}.new-{os.getpid()}")
    try:
        new.write_bytes(content)
        new.replace(file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
