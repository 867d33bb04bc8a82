"""Whatever the data are, the segments are those of the command line on a file of the same rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from conftest import QUICK, segmill_says
from scipy import sparse

import segmill
from segmill._handover import hand_over

NAMED: dict[str, Any] = {"user": "u", "item": "i", "rating": "r"}


class Stream:
    """Something that knows nothing but how to hand itself over."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


def reader(table: pa.Table) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=100))


def relation(table: pa.Table) -> Any:
    connection = duckdb.connect()
    connection.register("t", table)
    return connection.table("t")


def chunked(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table.slice(0, 7), table.slice(7, 500), table.slice(507)])


KINDS: dict[str, Callable[[pa.Table], Any]] = {
    "table": lambda table: table,
    "chunks": chunked,
    "batch": lambda table: table.combine_chunks().to_batches()[0],
    "reader": reader,
    "stream": Stream,
    "pandas": lambda table: table.to_pandas(),
    "pandas nullable": lambda table: table.to_pandas().convert_dtypes(),
    "pandas arrow": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": pl.from_arrow,
    "polars lazy": lambda table: pl.from_arrow(table).lazy(),  # type: ignore[union-attr]
    "duckdb": relation,
}


@pytest.fixture(scope="module")
def expected(file: Path, tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """Give the segments by the command line."""
    out = tmp_path_factory.mktemp("expected") / "out"
    options = [word for key, value in (
        ("matrix.weighting", "raw"), ("matrix.normalize", "l2"), ("matrix.missing", "zero"), ("pca.components", 4),
        ("kmeans.clusters", 4), ("sweep.clusters", []), ("evidence.enabled", "false"),
    ) for word in ("--set", f"{key}={value}")]  # fmt: skip
    segmill_says("run", file, "-q", "-o", out, "--user", "u", "--item", "i", "--rating", "r", *options)
    return pq.read_table(out / "segments.parquet")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("columns", [NAMED, {"user": 0, "item": 1, "rating": 2}])
def test_every_kind_of_data_gives_the_same_segments(
    kind: str, columns: dict[str, Any], table: pa.Table, expected: pa.Table, temporary: Path
) -> None:
    run = segmill.fit(KINDS[kind](table), **columns, **QUICK)
    assert run.segments.arrow.equals(expected)
    del run
    assert list(temporary.iterdir()) == []


def test_a_path_is_read_by_the_program(file: Path, expected: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    assert segmill.fit(file, **NAMED, **QUICK).segments.arrow.equals(expected)
    assert segmill.fit([str(file)], **NAMED, **QUICK).segments.arrow.equals(expected)
    monkeypatch.chdir(file.parent)
    run = segmill.fit("ratings.csv", **NAMED, **QUICK)
    assert run.record["inputs"][0]["path"] == "ratings.csv"


def test_a_dataset_hands_over_its_columns(table: pa.Table, expected: pa.Table, tmp_path: Path) -> None:
    wide = table.append_column("other", table["r"])
    pq.write_table(wide, tmp_path / "a.parquet")
    run = segmill.fit(pyarrow.dataset.dataset(tmp_path / "a.parquet"), **NAMED, **QUICK)
    assert run.segments.arrow.equals(expected)


@pytest.mark.parametrize("kind", ["text", "dictionary", "categorical", "object"])
def test_ids_of_text_are_the_same_in_every_form(kind: str, table: pa.Table) -> None:
    text = table.set_column(0, "u", pa.array([f"é{user}" for user in table["u"].to_pylist()]))
    plain = segmill.fit(text, **NAMED, **QUICK).segments.arrow
    forms: dict[str, Any] = {
        "text": text.set_column(0, "u", text["u"].cast(pa.large_string())),
        "dictionary": chunked(text).set_column(0, "u", chunked(text)["u"].dictionary_encode()),
        "categorical": pl.from_arrow(text).with_columns(pl.col("u").cast(pl.Categorical)),  # type: ignore[union-attr]
        "object": text.to_pandas().astype({"u": object}),
    }
    assert segmill.fit(forms[kind], **NAMED, **QUICK).segments.arrow.equals(plain)
    categories = text.to_pandas().astype({"u": "category"})
    assert segmill.fit(categories, **NAMED, **QUICK).segments.arrow.equals(plain)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil"])
def test_a_sparse_matrix_has_users_in_its_rows(form: str, table: pa.Table, expected: pa.Table) -> None:
    cells = (table["r"].to_numpy(), (table["u"].to_numpy(), table["i"].to_numpy()))
    run = segmill.fit(sparse.coo_matrix(cells).asformat(form), **QUICK)
    assert run.segments.arrow.equals(expected)
    assert run.assign(sparse.csr_array(cells)).arrow.equals(expected)


def test_entries_that_a_sparse_matrix_holds_twice_are_added_up(table: pa.Table, expected: pa.Table) -> None:
    ratings, users, items = (table[name].to_numpy() for name in ("r", "u", "i"))
    halves = np.concatenate([ratings - 0.5, np.full(len(ratings), 0.5)])
    matrix = sparse.coo_matrix((halves, (np.tile(users, 2), np.tile(items, 2))))
    assert segmill.fit(matrix, **QUICK).segments.arrow.equals(expected)
    assert matrix.nnz == 2 * len(ratings)


def handed(data: Any, columns: dict[str, Any], folder: Path, **keys: Any) -> pa.Table:
    (path,) = hand_over(data, columns, keys, folder).paths
    with pa.OSFile(path) as file:
        return pa.ipc.open_stream(file).read_all()


WIDE = {"u": [1, 2], "name": ["a", "b"], "i": [3, 4], "price": [1.5, 2.5], "r": [1.0, 0.1], "day": [7, 8]}


def wide_as(kind: str) -> Any:
    table = pa.table(WIDE)
    return {"pandas": table.to_pandas, "polars": lambda: pl.from_arrow(table), "duckdb": lambda: relation(table)}.get(
        kind, lambda: table
    )()


@pytest.mark.parametrize("kind", ["table", "pandas", "polars", "duckdb"])
def test_only_the_columns_that_are_needed_are_handed_over(kind: str, tmp_path: Path) -> None:
    wide = wide_as(kind)
    assert handed(wide, NAMED, tmp_path).column_names == ["u", "name", "i", "r"]
    assert handed(wide, {**NAMED, "title": False}, tmp_path, input={"categories": False}).column_names == [
        "u",
        "i",
        "r",
    ]
    assert handed(wide, {**NAMED, "title": "name"}, tmp_path, **{"input.categories": ["day"]}).column_names == [
        "u", "name", "i", "r", "day",
    ]  # fmt: skip
    assert handed(wide, {"user": "u", "item": "i"}, tmp_path).column_names == list(WIDE)
    assert handed(
        wide, {**NAMED, "rating": False, "title": False}, tmp_path, input={"categories": False}
    ).column_names == ["u", "i"]
    # A filter of times needs the time.
    assert handed(wide, NAMED, tmp_path, filter={"after": "2024-01-01"}).column_names == list(WIDE)
    with_time = handed(
        wide, {**NAMED, "time": "day", "title": False}, tmp_path, filter={"after": 7}, input={"categories": []}
    )
    assert with_time.column_names == ["u", "i", "r", "day"]


def test_numbers_are_narrowed_only_where_each_stays_the_same(tmp_path: Path) -> None:
    big, low = 2**31 - 1, -(2**31)
    table = pa.table(
        {
            "fits": pa.array([low, None, big], pa.int64()),
            "above": pa.array([0, 1, big + 1], pa.int64()),
            "below": pa.array([0, 1, low - 1], pa.int64()),
            "unsigned": pa.array([0, 1, big], pa.uint64()),
            "huge": pa.array([0, 1, 2**64 - 1], pa.uint64()),
            "none": pa.array([None, None, None], pa.int64()),
            "float": pa.array([0.5, None, 3.5], pa.float64()),
            "text": pa.array(["a", "b", "c"]),
        }
    )
    types = {
        "fits": "int32",
        "above": "int64",
        "below": "int64",
        "unsigned": "int32",
        "huge": "uint64",
        "none": "int32",
    }
    types |= {"float": "double", "text": "string"}
    found = handed(table, {"user": "fits", "item": "above"}, tmp_path)
    assert {field.name: str(field.type) for field in found.schema} == types
    assert found.cast(table.schema).equals(table)


def test_columns_that_are_not_named_are_found(table: pa.Table, expected: pa.Table) -> None:
    frame = table.rename_columns(["customer_id", "sku", "stars"]).to_pandas()
    frame.insert(0, "junk", [{"a": 1}] * len(frame))
    run = segmill.fit(frame, **QUICK)
    assert run.segments.arrow.equals(expected)
    assert run.assign(frame).arrow.equals(expected)


def test_titles_in_the_table_are_used(table: pa.Table) -> None:
    titled = table.append_column("title", pa.array([f"The item {item}" for item in table["i"].to_pylist()]))
    run = segmill.fit(titled, **NAMED, **QUICK)
    assert set(run.profiles["title"].to_pylist()) <= {f"The item {item}" for item in range(40)}
    assert None in segmill.fit(titled, **NAMED, title=False, **QUICK).profiles["title"].to_pylist()


def test_ratings_may_be_left_out(table: pa.Table) -> None:
    run = segmill.fit(table, user="u", item="i", rating=False, **QUICK)
    assert run.record["job"]["input"]["source"]["Files"]["rating"] == "None"
    assert run.assign(table).arrow.equals(run.segments.arrow)


@pytest.mark.parametrize("data", [3, None, {"u": [1]}, np.ones((2, 2)), []])
def test_what_is_no_data_is_refused(data: Any) -> None:
    with pytest.raises(TypeError, match="^data cannot be a "):
        segmill.fit(data)


def test_columns_that_are_not_there_are_named(table: pa.Table) -> None:
    for columns, said in (
        ({"user": "x"}, "user: no column is called 'x'; the columns are u, i, r"),
        ({"item": 3}, "item: no column is called '3'; the columns are u, i, r"),
        ({"item": -1}, "item: no column is called '-1'; the columns are u, i, r"),
    ):
        with pytest.raises(segmill.JobError) as caught:
            segmill.fit(table, **columns)
        assert str(caught.value) == said
    twice = pd.DataFrame([[1, 2, 3.0]], columns=["u", "u", "r"])
    with pytest.raises(segmill.JobError, match="^user: several columns are called 'u'; "):
        segmill.fit(twice, user="u", item="r")
    with pytest.raises(segmill.JobError, match="^data: several columns are called 'u'; "):
        segmill.fit(twice)


def test_a_column_of_several_types_is_named(temporary: Path) -> None:
    frame = pd.DataFrame({"u": [1, "a"], "i": [1, 2], "r": [1.0, 2.0]})
    with pytest.raises(segmill.DataError, match="^column 'u': its values are not of one type .*; convert it"):
        segmill.fit(frame, **NAMED)
    assert list(temporary.iterdir()) == []
