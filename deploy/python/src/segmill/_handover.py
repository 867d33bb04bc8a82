"""How data get to the program: paths as they are, anything else as a file of Arrow batches that has the columns it needs.

A file, not a pipe: the program would have to keep what a pipe brings in a file before it can be read by several threads, and a
finished run can be verified only where its input still is.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ._errors import FileError, JobError
from ._frames import Frame, frame
from ._job import flat

#: What the file is called. The program tells what it is by its first bytes.
FILE = "ratings.arrows"

_INT32 = range(-(2**31), 2**31)

#: Rows that are converted at once.
_ROWS = 1 << 16

#: Keys that name a column.
_COLUMNS = ("user", "item", "rating", "time", "title")


@dataclass(frozen=True)
class Handed:
    """What is named on the command line."""

    #: Files, as the program reads them.
    paths: list[str]
    #: The columns by name: what ``input.user`` and its like are to be.
    columns: dict[str, Any]
    #: Whether the data come from memory. Nobody but this process can go on with such a run.
    is_ours: bool


def hand_over(
    data: Any,
    columns: Mapping[str, Any],
    keys: Mapping[str, Any],
    folder: Path,
    of_run: Mapping[str, Any] | None = None,
) -> Handed:
    """Make ``data`` something that the program can read, in ``folder`` if need be.

    ``columns`` says which is the user, the item and so on, by names or positions, ``of_run`` which they were in a finished run, and
    ``keys`` are those of the job.
    """
    asked = {name: column for name, column in columns.items() if column is not None}
    paths = _paths(data)
    if paths is not None:
        return Handed(paths, asked, is_ours=False)
    found = frame(data)
    asked = {**(of_run or {}), **asked}
    named = {name: _name(found, name, column) for name, column in asked.items()}
    file = folder / FILE
    try:
        _write(found.arrow(_once(_wanted(found, named, dict(flat(keys))))), file)
    except OSError as e:
        raise FileError(f"{file}: cannot write: {e}; free some space there, or set TMPDIR to another folder", 4) from e
    return Handed([str(file)], named, is_ours=True)


def _paths(data: Any) -> list[str] | None:
    """Give the names of files, if that is what data are."""
    if isinstance(data, str | os.PathLike):
        return [os.fspath(data)]
    if isinstance(data, list | tuple) and data and all(isinstance(path, str | os.PathLike) for path in data):
        return [os.fspath(path) for path in data]
    return None


def _name(found: Frame, key: str, column: Any) -> Any:
    """Give the name of a column that was given by name or by position; ``False`` is no column."""
    names = found.names()
    if isinstance(column, bool):
        return column
    if isinstance(column, int) and 0 <= column < len(names):
        return names[column]
    if names.count(str(column)) == 1 and not isinstance(column, int):
        return str(column)
    twice = "several columns are" if str(column) in names else "no column is"
    raise JobError(f"{key}: {twice} called {str(column)!r}; the columns are {_listed(names)}", 2)


def _listed(names: Sequence[str], most: int = 20) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _wanted(found: Frame, named: Mapping[str, Any], keys: Mapping[str, Any]) -> list[str]:
    """Give the columns that the program needs, in their order.

    Where it has to find one, it sees all of them. Columns of text may be titles and categories, unless these are settled.
    """
    names = found.names()
    asked = {key: named.get(key, keys.get(f"input.{key}")) for key in _COLUMNS}
    is_filtered = any(f"filter.{key}" in keys for key in ("after", "before"))
    needed = ("user", "item", "rating", "time") if is_filtered else ("user", "item", "rating")
    if any(asked[key] is None or asked[key] == "auto" for key in needed):
        return names
    categories = keys.get("input.categories")
    kept = {str(column) for column in asked.values() if column is not None and not isinstance(column, bool)}
    kept.update(_named_in(categories))
    is_open = asked["title"] is None or categories is None
    return [name for name in names if name in kept or (is_open and found.is_text(name))]


def _once(names: list[str]) -> list[str]:
    for name in names:
        if names.count(name) > 1:
            raise JobError(f"data: several columns are called {name!r}; rename them, or name the columns that count", 2)
    return names


def _named_in(categories: Any) -> Iterable[str]:
    """Give the columns of ``input.categories``: names, or dicts that have them."""
    for entry in categories if isinstance(categories, list | tuple) else [categories]:
        if isinstance(entry, Mapping):
            yield str(entry.get("column"))
            yield from (str(column) for column in (entry.get("flags") or {}).values())
        else:
            yield str(entry)


def _write(arrow: Any, file: Path) -> None:
    """Write a table or the batches of a reader as a stream of Arrow: bytes as they are in memory."""
    schema = _schema(arrow)
    # What is converted is small enough to be written while it is in the processor's cache.
    batches = arrow.to_batches(max_chunksize=_ROWS) if isinstance(arrow, pa.Table) else arrow
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, schema) as stream:
        for batch in batches:
            stream.write_batch(_as(batch, schema))


def _schema(arrow: Any) -> Any:
    """Give the types in which a table or the batches of a reader are handed over.

    Whole numbers have 32 bits where all of a column fit, as far as that can be seen beforehand. Floats are left alone: to see whether 32
    bits hold them takes longer than to hand them over. Lists and groups, which nobody can have meant, are left empty.
    """
    columns = arrow.columns if isinstance(arrow, pa.Table) else [None] * len(arrow.schema)
    return pa.schema([_field(field, column) for field, column in zip(arrow.schema, columns, strict=True)])


def _field(field: Any, column: Any) -> Any:
    if pa.types.is_nested(field.type):
        return pa.field(field.name, pa.string())
    return field.with_type(pa.int32()) if column is not None and _fits(column) else field


def _fits(column: Any) -> bool:
    if not (pa.types.is_int64(column.type) or pa.types.is_uint64(column.type)):
        return False
    ends = pc.min_max(column).as_py()
    return ends["min"] is None or (ends["min"] in _INT32 and ends["max"] in _INT32)


def _as(batch: Any, schema: Any) -> Any:
    columns = [_column(column, field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _column(column: Any, kind: Any) -> Any:
    if column.type == kind:
        return column
    return pa.nulls(len(column), kind) if pa.types.is_nested(column.type) else column.cast(kind)
