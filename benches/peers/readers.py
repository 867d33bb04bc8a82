"""CSV to ids, indices and a sparse matrix, by pandas, Polars or DuckDB. Each comes to the same matrix.

Each reads with the types given, numbers distinct ids in rising order, and ends with SciPy's `csr_matrix`. In Polars,
joining with the distinct ids beat `rank`, `search_sorted` and `replace_strict`; in DuckDB it beat `dense_rank`.
"""

import argparse
import hashlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from stages import Stages, peak_memory, processor_seconds, write_result

# The matrix, and the ids of users and items in rising order.
Read = tuple[sparse.csr_matrix, np.ndarray, np.ndarray]


def pandas(source: Path, _workers: int, stages: Stages) -> Read:
    import ratings

    with stages.time("read"):
        table = ratings.read(source)
    with stages.time("matrix"):
        return ratings.matrix(table)


def polars(source: Path, _workers: int, stages: Stages) -> Read:
    """Its threads are those of the environment: POLARS_MAX_THREADS."""
    import polars as pl

    def numbered(table: pl.DataFrame, name: str, index: str) -> pl.DataFrame:
        ids = table.select(pl.col(name).unique().sort())
        return ids.with_columns(pl.int_range(pl.len(), dtype=pl.Int32).alias(index))

    with stages.time("read"):
        table = pl.read_csv(source, schema={"user": pl.Int32, "item": pl.Int32, "rating": pl.Float64})
    with stages.time("matrix"):
        users, items = numbered(table, "user", "row"), numbered(table, "item", "column")
        joined = table.lazy().join(users.lazy(), on="user").join(items.lazy(), on="item")
        placed = joined.select("row", "column", "rating").sort("row").collect()
        rows, columns, values = (placed.get_column(name).to_numpy() for name in placed.columns)
        ids = (users.get_column("user").to_numpy(), items.get_column("item").to_numpy())
        return by_rows(rows, columns, values, *ids)


def duckdb(source: Path, workers: int, stages: Stages) -> Read:
    import duckdb as library

    # Tables in memory need not keep the order of the file.
    session = library.connect(config={"threads": workers, "preserve_insertion_order": False})
    with stages.time("read"):
        types = "{'user': 'INTEGER', 'item': 'INTEGER', 'rating': 'DOUBLE'}"
        rows = f"read_csv($source, header = true, columns = {types})"
        session.execute(f"CREATE TABLE ratings AS FROM {rows}", {"source": str(source)})
    with stages.time("matrix"):
        for name in ("user", "item"):
            index = f'CAST(row_number() OVER (ORDER BY "{name}") - 1 AS INTEGER) AS {name}_index'
            distinct = f'SELECT DISTINCT "{name}" FROM ratings'
            session.execute(f'CREATE TABLE {name}s AS SELECT "{name}", {index} FROM ({distinct})')
        joined = 'ratings JOIN users USING ("user") JOIN items USING (item)'
        placed = session.sql(f"SELECT user_index, item_index, rating FROM {joined} ORDER BY user_index")
        rows, columns, values = (column.to_numpy() for column in placed.to_arrow_table().columns)
        names = ("user", "item")
        ids = (session.sql(f'SELECT "{name}" FROM {name}s ORDER BY 1').fetchnumpy()[name] for name in names)
        return by_rows(rows, columns, values, *ids)


READERS: dict[str, Callable[[Path, int, Stages], Read]] = {"pandas": pandas, "polars": polars, "duckdb": duckdb}


def by_rows(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, users: np.ndarray, items: np.ndarray) -> Read:
    """From ratings in the order of their rows; the order within a row is free."""
    starts = np.searchsorted(rows, np.arange(len(users) + 1)).astype(np.int32)
    matrix = sparse.csr_matrix((values, columns, starts), shape=(len(users), len(items)))
    return matrix, users, items


def contents(matrix: sparse.csr_matrix, users: np.ndarray, items: np.ndarray) -> dict[str, Any]:
    """What was read: the same for two readers if and only if their matrices and ids are."""
    # A copy: arrays of other libraries may be read-only.
    matrix = matrix.copy()
    matrix.sum_duplicates()
    digest = hashlib.sha256()
    for part in (users, items, matrix.indptr, matrix.indices):
        digest.update(part.astype("<i8"))
    digest.update(matrix.data.astype("<f8"))
    sums = {"ratings": int(matrix.nnz), "sum": float(matrix.sum()), "digest": digest.hexdigest()}
    return {"users": len(users), "items": len(items), **sums}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--ratings", type=Path, required=True)
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--workers", type=int, required=True)
    arguments = parser.parse_args()
    # Imports are not timed.
    import_module("ratings" if arguments.reader == "pandas" else arguments.reader)
    before = processor_seconds()
    stages = Stages()
    read = READERS[arguments.reader](arguments.ratings, arguments.workers, stages)
    processor, memory = processor_seconds() - before, peak_memory()
    figures = {"stages": stages.seconds, "total": stages.total(), "processor": processor, "peak_memory": memory}
    write_result(arguments.result, {**figures, "contents": contents(*read)})


if __name__ == "__main__":
    main()
