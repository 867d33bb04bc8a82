"""Data of any kind as columns of Arrow. What is not a column of the answer is never touched, and nothing is copied row by row.

Kinds are told by what they can do, so that no package has to be there but pyarrow.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import pyarrow as pa

from ._errors import DataError

#: A table in memory, or batches that come one by one.
Arrow = Any


class Frame(Protocol):
    """Columns that can be had as Arrow."""

    def names(self) -> list[str]:
        """Give the names of all columns."""

    def is_text(self, name: str) -> bool:
        """Tell whether the column may hold titles or categories."""

    def arrow(self, names: Sequence[str]) -> Arrow:
        """Give these columns."""


class _OfTable:
    """A table of pyarrow."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def names(self) -> list[str]:
        return list(self._table.schema.names)

    def is_text(self, name: str) -> bool:
        return _is_text(self._table.schema.field(name).type)

    def arrow(self, names: Sequence[str]) -> Arrow:
        return self._table.select(names)


class _OfReader:
    """Batches that come one by one, from a reader of pyarrow."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def names(self) -> list[str]:
        return list(self._reader.schema.names)

    def is_text(self, name: str) -> bool:
        return _is_text(self._reader.schema.field(name).type)

    def arrow(self, names: Sequence[str]) -> Arrow:
        if list(names) == self.names():
            return self._reader
        schema = pa.schema([self._reader.schema.field(name) for name in names])
        return pa.RecordBatchReader.from_batches(schema, (batch.select(names) for batch in self._reader))


class _OfDataset:
    """A dataset of pyarrow, which reads the columns that are asked for."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def names(self) -> list[str]:
        return list(self._dataset.schema.names)

    def is_text(self, name: str) -> bool:
        return _is_text(self._dataset.schema.field(name).type)

    def arrow(self, names: Sequence[str]) -> Arrow:
        return self._dataset.scanner(columns=list(names)).to_reader()


class _OfPandas:
    """A data frame of pandas. Its index is no column."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def names(self) -> list[str]:
        return [str(name) for name in self._frame.columns]

    def is_text(self, name: str) -> bool:
        dtype = self._column(name).dtype
        return dtype == object or str(dtype) in ("category", "str", "string") or dtype.name.startswith("string")

    def arrow(self, names: Sequence[str]) -> Arrow:
        return pa.table({name: self._as_arrow(name) for name in names})

    def _column(self, name: str) -> Any:
        return self._frame.iloc[:, self.names().index(name)]

    def _as_arrow(self, name: str) -> Any:
        try:
            return pa.array(self._column(name), from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as e:
            said = " ".join(str(e).split())
            raise DataError(
                f"column {name!r}: its values are not of one type ({said}); convert it, as with .astype(str)",
                3,
            ) from e


class _OfPolars:
    """A data frame of polars, or a lazy one."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        # Before 1.0 a frame has no more than its schema.
        self._schema = frame.collect_schema() if hasattr(frame, "collect_schema") else frame.schema

    def names(self) -> list[str]:
        return list(self._schema)

    def is_text(self, name: str) -> bool:
        return str(self._schema[name]).startswith(("String", "Categorical", "Enum", "Utf8"))

    def arrow(self, names: Sequence[str]) -> Arrow:
        columns = self._frame.select(list(names))
        return (columns.collect() if hasattr(columns, "collect") else columns).to_arrow()


class _OfDuckDB:
    """A relation of DuckDB, whose rows come in batches."""

    def __init__(self, relation: Any) -> None:
        self._relation = relation

    def names(self) -> list[str]:
        return list(self._relation.columns)

    def is_text(self, name: str) -> bool:
        at = self.names().index(name)
        return str(self._relation.types[at]).startswith(("VARCHAR", "ENUM"))

    def arrow(self, names: Sequence[str]) -> Arrow:
        quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
        columns = self._relation.project(quoted)
        return (getattr(columns, "to_arrow_reader", None) or columns.fetch_record_batch)()


class _OfSparse:
    """A matrix of SciPy: row numbers are users, column numbers items, and what is stored ratings."""

    def __init__(self, matrix: Any) -> None:
        self._matrix = matrix

    def names(self) -> list[str]:
        return ["user", "item", "rating"]

    def is_text(self, name: str) -> bool:  # noqa: ARG002
        return False

    def arrow(self, names: Sequence[str]) -> Arrow:
        # Entries that are stored twice count as their sum.
        rows = self._matrix.tocsr()
        if not rows.has_canonical_format:
            rows = rows.copy()
            rows.sum_duplicates()
        cells = rows.tocoo()
        columns = {"user": cells.row, "item": cells.col, "rating": cells.data}
        return pa.table({name: columns[name] for name in names})


def _is_text(kind: Any) -> bool:
    of = kind.value_type if pa.types.is_dictionary(kind) else kind
    views = [test for test in (getattr(pa.types, "is_string_view", None),) if test is not None]
    return any(test(of) for test in (pa.types.is_string, pa.types.is_large_string, *views))


def _is_of(data: Any, package: str, *names: str) -> bool:
    """Whether it is an instance of a class of a package, which is there if anybody has one."""
    module: Any = sys.modules.get(package)
    classes = tuple(getattr(module, name) for name in names if hasattr(module, name))
    return isinstance(data, classes)


def _is_sparse(data: Any) -> bool:
    return hasattr(data, "tocsr") and hasattr(data, "tocoo") and len(getattr(data, "shape", ())) == 2


#: How each kind is told, and how it is read; the first that fits counts.
_KINDS: list[tuple[Callable[[Any], bool], Callable[[Any], Frame]]] = [
    (lambda data: isinstance(data, pa.Table), _OfTable),
    (lambda data: isinstance(data, pa.RecordBatch), lambda data: _OfTable(pa.Table.from_batches([data]))),
    (lambda data: isinstance(data, pa.RecordBatchReader), _OfReader),
    (lambda data: _is_of(data, "pyarrow.dataset", "Dataset"), _OfDataset),
    (lambda data: _is_of(data, "pandas", "DataFrame"), _OfPandas),
    (lambda data: _is_of(data, "polars", "DataFrame", "LazyFrame"), _OfPolars),
    (lambda data: _is_of(data, "duckdb", "DuckDBPyRelation"), _OfDuckDB),
    (_is_sparse, _OfSparse),
    (
        lambda data: hasattr(data, "__arrow_c_stream__"),
        lambda data: _OfReader(pa.RecordBatchReader.from_stream(data)),
    ),
]


def frame(data: Any) -> Frame:
    """Give the columns of ``data``.

    Raises
    ------
    TypeError
        Where they cannot be had.
    """
    for fits, make in _KINDS:
        if fits(data):
            return make(data)
    raise TypeError(
        f"data cannot be a {type(data).__name__}: give a path, a pandas or polars DataFrame, a DuckDB relation, "
        "a PyArrow table or reader, or a SciPy sparse matrix"
    )
