"""A table of results."""

from typing import Any

import pyarrow as pa


class Table:
    """Columns in Arrow, which pandas, polars and DuckDB take over as they are.

    Anything that takes an object with ``__arrow_c_stream__`` takes this one. ``arrow`` is the `pyarrow.Table` itself.
    """

    def __init__(self, arrow: Any) -> None:
        self.arrow = arrow

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
        return list(self.arrow.column_names)

    def __len__(self) -> int:
        """Give the number of rows."""
        return int(self.arrow.num_rows)

    def __getitem__(self, column: str) -> Any:
        """Give a column, as a `pyarrow.ChunkedArray`."""
        return self.arrow[column]

    def to_pandas(self, **options: Any) -> Any:
        """Give a data frame of pandas; ``options`` are those of `pyarrow.Table.to_pandas`."""
        return self.arrow.to_pandas(**options)

    def to_polars(self) -> Any:
        """Give a data frame of polars, without a copy."""
        import polars

        return polars.from_arrow(self.arrow)

    def to_pylist(self) -> list[dict[str, Any]]:
        """Give a dict for each row."""
        return list(self.arrow.to_pylist())

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Hand the columns over to another package."""
        return self.arrow.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        """Give the columns and the first rows."""
        return f"segmill.Table of {len(self)} rows\n{self.arrow.slice(0, 10)!r}"

    def _repr_html_(self) -> str:
        """Draw the first rows in a notebook."""
        from ._html import table

        return table(self.column_names, self.arrow.slice(0, 10).to_pylist(), len(self))


def of_rows(rows: list[dict[str, Any]], schema: Any) -> Table:
    """Make a table of rows."""
    return Table(pa.Table.from_pylist(rows, schema=schema))
