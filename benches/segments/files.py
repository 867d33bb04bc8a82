"""What a generator makes, and how it is written: a raw file as people have it, and the truth beside it."""

import csv
import gzip
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Layout:
    """The outside of a file."""

    extension: str = "csv"
    delimiter: str = ","
    newline: str = "\n"
    header: bool = True
    bom: bool = False
    packed: bool = False
    quoted: bool = False


@dataclass(frozen=True)
class Columns:
    """The names of the columns that are right, each of several that would do. No names: there is no such column."""

    user: tuple[str, ...]
    item: tuple[str, ...]
    rating: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Rows, and the planted segment of each user in them."""

    header: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    columns: Columns
    truth: dict[str, int]
    layout: Layout = field(default_factory=Layout)


def text(header: Iterable[str], rows: Iterable[tuple[Any, ...]], layout: Layout) -> bytes:
    """The file, before it is packed."""
    out = io.StringIO(newline="")
    writer = csv.writer(
        out,
        delimiter=layout.delimiter,
        lineterminator=layout.newline,
        quoting=csv.QUOTE_ALL if layout.quoted else csv.QUOTE_MINIMAL,
    )
    if layout.header:
        writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig" if layout.bom else "utf-8")


def packed(content: bytes) -> bytes:
    """Gzip without a time and a name, so that the bytes are the same every time."""
    return gzip.compress(content, compresslevel=6, mtime=0)


def write(data: Dataset, folder: Path, name: str) -> Path:
    """Writes NAME.EXT, and NAME.truth.csv with the segment of each user. The path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    content = text(data.header, data.rows, data.layout)
    path = folder / f"{name}.{data.layout.extension}"
    path.write_bytes(packed(content) if data.layout.packed else content)
    truth = text(("user", "segment"), sorted(data.truth.items()), Layout())
    (folder / f"{name}.truth.csv").write_bytes(truth)
    return path


def truth_of(folder: Path, name: str) -> dict[str, int]:
    """The planted segment of each user, as it was written."""
    with (folder / f"{name}.truth.csv").open(newline="", encoding="utf-8") as file:
        return {row["user"]: int(row["segment"]) for row in csv.DictReader(file)}
