"""What a finished run answers, held against its files and against the command line."""

import gc
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from conftest import ITEMS, QUICK, TASTES, USERS, made_up, segmill_says

import segmill

NAMED: dict[str, Any] = {"user": "u", "item": "i", "rating": "r"}


@pytest.fixture
def mine(run: segmill.Run, tmp_path: Path) -> segmill.Run:
    """Give a copy of the run, to be changed."""
    shutil.copytree(run.path, tmp_path / "mine")
    return segmill.open(tmp_path / "mine")


@pytest.fixture(scope="module")
def proven(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> segmill.Run:
    """Give a run that chooses its settings and gathers evidence."""
    return segmill.fit(table, **NAMED, output=tmp_path_factory.mktemp("proven") / "out", progress=False)


def test_tables_are_those_of_the_folder(run: segmill.Run) -> None:
    segments = pq.read_table(run.path / "segments.parquet")
    assert run.segments.arrow.equals(segments)
    assert run.segments.to_pandas().equals(segments.to_pandas())
    assert run.segments.to_polars().equals(pl.read_parquet(run.path / "segments.parquet"))
    assert pa.table(run.segments).equals(segments)
    assert len(run.segments) == USERS
    assert run.segments.column_names[:2] == ["user", "segment"]
    assert run.profiles.arrow.equals(pq.read_table(run.path / "profiles.parquet"))
    assert run.record == json.loads((run.path / "run.json").read_text())


def test_the_planted_kinds_are_found(run: segmill.Run) -> None:
    found: dict[int, set[int]] = {}
    for row in run.segments.to_pylist():
        found.setdefault(row["segment"], set()).add(row["user"] % TASTES)
    assert sorted(min(tastes) for tastes in found.values()) == list(range(TASTES))
    assert all(len(tastes) == 1 for tastes in found.values())


def test_users_of_a_segment_are_had_by_number_and_by_name(run: segmill.Run) -> None:
    for segment, (name, size) in enumerate(zip(run.names, run.sizes, strict=True)):
        users = run.users_of(segment)
        assert users.arrow.equals(run.segments.arrow.filter(pc.equal(run.segments["segment"], segment)))
        assert (len(users), run.users_of(name).arrow) == (size, users.arrow)
    for unknown in (4, -1, "Nobody"):
        with pytest.raises(segmill.JobError, match="^segment: "):
            run.users_of(unknown)


def test_parts_are_read_as_one_table(table: pa.Table, run: segmill.Run) -> None:
    parts = segmill.fit(table, **NAMED, **QUICK, users_per_file=100)
    assert (parts.path / "segments.parquet").is_dir()
    assert parts.segments.arrow.equals(run.segments.arrow)
    assert parts.users_of(2).arrow.equals(run.users_of(2).arrow)


def test_the_verdict_and_the_choices_are_told(proven: segmill.Run, run: segmill.Run) -> None:
    assert proven.verdict == "stable"
    assert proven.summary == proven.record["evidence"]["summary"]
    evidence = {row["clusters"]: row["bits"] for row in proven.evidence.to_pylist()}
    assert evidence == {row["clusters"]: row["bits"] for row in proven.record["evidence"]["by_clusters"]}
    chosen = {row["key"]: (row["value"], row["by"]) for row in proven.chosen.to_pylist()}
    assert chosen["kmeans.clusters"] == ("4", "run")
    assert chosen["matrix.weighting"] == (proven.record["chosen"]["weighting"], "run")
    assert len(proven.candidates) == len(proven.record["chosen"]["candidates"])
    assert proven.why == proven.record["chosen"]["why"]
    # All of this was given.
    assert (run.verdict, run.summary, run.why, len(run.evidence), len(run.candidates)) == (None, None, None, 0, 0)
    assert run.evidence.column_names == proven.evidence.column_names
    given = {row["key"]: (row["value"], row["by"]) for row in run.chosen.to_pylist()}
    assert given["kmeans.clusters"] == ("4", "job")


def test_kinds_are_listed_by_size(proven: segmill.Run) -> None:
    kinds = proven.kinds.to_pylist()
    assert [kind["users"] for kind in kinds] == sorted(proven.sizes, reverse=True)
    assert sum(kind["share"] for kind in kinds) == pytest.approx(1)
    for kind in kinds:
        assert kind["name"] == proven.names[kind["segment"]]
        assert kind["stability"] == proven.record["evidence"]["stability"]["jaccard"][kind["segment"]]
        taste = proven.users_of(kind["segment"])["user"][0].as_py() % TASTES
        assert {int(item) // (ITEMS // TASTES) for item in kind["items"]} == {taste}


def test_names_are_those_of_the_command_line(mine: segmill.Run) -> None:
    before = mine.names
    assert mine.rename({3: "Night owls <b>", 0: "Übrige"}) is mine
    assert mine.names == ["Übrige", *before[1:3], "Night owls <b>"]
    assert segmill.open(mine.path).names == mine.names
    page = (mine.path / "report.html").read_text()
    assert "Night owls &lt;b&gt;" in page
    assert mine.profiles.arrow.equals(pq.read_table(mine.path / "profiles.parquet"))
    mine.verify()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({0: ""}, "is empty"),
        ({0: "a", 1: "a"}, "are both called"),
        ({0: "x" * 81}, "has 81 characters"),
        ({0: "a\nb"}, "control character"),
        ({9: "a"}, "there is no segment 9"),
    ],
)
def test_names_that_cannot_be_leave_everything_as_it_was(mine: segmill.Run, names: dict[int, str], said: str) -> None:
    files = {file: file.read_bytes() for file in mine.path.rglob("*") if file.is_file()}
    with pytest.raises(segmill.Error, match=said):
        mine.rename(names)
    assert {file: file.read_bytes() for file in mine.path.rglob("*") if file.is_file()} == files


def test_users_are_assigned_as_the_command_line_does(run: segmill.Run, file: Path, tmp_path: Path) -> None:
    new = made_up(seed=7)
    segmill_says("assign", run.path, file, "-o", tmp_path / "known.parquet")
    assert run.assign(file).arrow.equals(pq.read_table(tmp_path / "known.parquet"))
    assert run.assign(file).arrow.equals(run.segments.arrow)
    new_file = tmp_path / "new.parquet"
    pq.write_table(new, new_file)
    segmill_says("assign", run.path, new_file, "-o", tmp_path / "new.out.parquet")
    expected = pq.read_table(tmp_path / "new.out.parquet")
    assert run.assign(new).arrow.equals(expected)
    renamed = new.rename_columns(["who", "what", "how much"])
    assert run.assign(renamed, user="who", item="what", rating="how much").arrow.equals(expected)
    with pytest.raises(segmill.JobError, match="^user: no column is called 'u'; the columns are who, what, how much"):
        run.assign(renamed)
    filtered = run.assign(new, filter={"min_rating": 3})
    segmill_says("assign", run.path, new_file, "-o", tmp_path / "f.parquet", "--set", "filter.min_rating=3")
    assert filtered.arrow.equals(pq.read_table(tmp_path / "f.parquet"))


def test_a_run_is_verified_while_its_data_are_there(table: pa.Table, temporary: Path) -> None:
    run = segmill.fit(table, **NAMED, **QUICK, output=temporary / "kept", workers=1)
    verified = run.verify(workers=2).to_pylist()
    assert {row["table"] for row in verified} == set(run.record["digests"])
    assert all(row["same"] for row in verified)
    record = run.path / "run.json"
    text = record.read_text()
    record.write_text(text.replace(run.record["digests"]["profiles"], run.record["digests"]["model"]))
    with pytest.raises(segmill.DiffersError, match="1 of . tables differ: profiles") as caught:
        run.verify()
    assert caught.value.code == 1
    record.write_text(text)
    again = segmill.open(run.path)
    del run, caught
    gc.collect()
    assert [path.name for path in temporary.iterdir()] == ["kept"]
    with pytest.raises(segmill.FileError, match="which is not there"):
        again.verify()


def test_a_run_is_compared_with_an_earlier_one(run: segmill.Run, table: pa.Table, mine: segmill.Run) -> None:
    # Everybody of one taste now has the next one's items.
    of = pc.equal(pc.bit_wise_and(table["u"], 7), 0)
    items = pc.if_else(of, pc.add(table["i"], ITEMS // TASTES), table["i"])
    items = pc.subtract(items, pc.multiply(pc.cast(pc.greater_equal(items, ITEMS), pa.int64()), ITEMS))
    later = segmill.fit(table.set_column(1, "i", items), **NAMED, **QUICK)
    mine.rename({0: "The first"})
    found = later.compare(mine)
    assert found.run.path != later.path
    assert found.users["users"] == USERS
    assert "The first" in found.run.names
    assert {row["origin"] for row in found.segments.to_pylist()} == {"kept"}
    assert {row["fate"] for row in found.earlier.to_pylist()} == {"kept"}
    moved = {row["user"] for row in found.moves.to_pylist()}
    assert len(moved) == found.users["moved"] > USERS // 8 * 0.8
    assert all(user % 8 == 0 for user in moved)
    # The same as the command line makes of it.
    at_once = segmill.fit(table.set_column(1, "i", items), **NAMED, **QUICK, compare={"previous": mine.path})
    assert at_once.compare(mine).run is at_once
    assert at_once.segments.arrow.equals(found.run.segments.arrow)
    assert at_once.record["continuity"] == found.run.record["continuity"]
    assert segmill.open(later.path).compare(str(mine.path)).moves.arrow.equals(found.moves.arrow)
    assert run.names != mine.names


def test_a_folder_of_its_own_lives_as_long_as_the_run(table: pa.Table, temporary: Path) -> None:
    run = segmill.fit(table, **NAMED, **QUICK)
    path = run.path
    assert path.is_dir()
    assert temporary in path.parents
    segments = run.segments
    del run
    gc.collect()
    assert list(temporary.iterdir()) == []
    assert len(segments) == USERS


def test_a_run_survives_a_pickle(table: pa.Table, temporary: Path, mine: segmill.Run) -> None:
    run = segmill.fit(table, **NAMED, **QUICK)
    pickled, segments = pickle.dumps(run), run.segments.arrow
    del run
    gc.collect()
    again = pickle.loads(pickled)  # noqa: S301
    assert again.segments.arrow.equals(segments)
    assert again.assign(table).arrow.equals(segments)
    assert "<html" in again.report().path.read_text()
    del again
    gc.collect()
    assert list(temporary.iterdir()) == []
    assert pickle.loads(pickle.dumps(mine)).path == mine.path  # noqa: S301


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(segmill.FileError, match="run.json: cannot read: .*; name the output folder of a finished run"):
        segmill.open(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(segmill.DataError, match="this is not the record of a run"):
        segmill.open(tmp_path)


def test_a_notebook_shows_the_verdict_the_kinds_and_their_sizes(proven: segmill.Run, mine: segmill.Run) -> None:
    html = proven._repr_html_()
    assert "Verdict: stable." in html
    assert all(f">{size:,}</td>" in html for size in proven.sizes)
    mine.rename({0: "<script>alert('x')</script>"})
    html = mine._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "Verdict" not in html
    assert "srcdoc=" in mine.report()._repr_html_()
    assert "240 rows" in mine.segments._repr_html_()
    assert "4 segments of 240 users" in repr(mine)


@pytest.mark.parametrize(
    ("options", "kind", "code"),
    [
        ({"kmeans": {"clusters": 1}}, segmill.JobError, 2),
        ({"kmeans": {"k": 3}}, segmill.JobError, 2),
        ({"kmeans": 3}, segmill.JobError, 2),
        ({"input": 3}, segmill.JobError, 2),
        ({"filter": {"min_rating": 100}}, segmill.DataError, 3),
        ({"output": "s3://bucket/out"}, segmill.JobError, 2),
        ({"output": "/proc/nowhere/out"}, segmill.FileError, 4),
    ],
)
def test_errors_are_of_their_kind(
    options: dict[str, Any], kind: type[segmill.Error], code: int, table: pa.Table, temporary: Path
) -> None:
    with pytest.raises(kind) as caught:
        segmill.fit(table, **NAMED, **{**QUICK, **options})
    assert caught.value.code == code
    assert len(str(caught.value).splitlines()) == 1
    assert "; " in str(caught.value)
    assert list(temporary.iterdir()) == []


def test_an_error_is_the_line_of_the_command_line(file: Path) -> None:
    import subprocess

    words = [segmill.program(), "run", str(file), "--set", "kmeans.cluster=3"]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stderr
    with pytest.raises(segmill.JobError) as caught:
        segmill.fit(file, kmeans={"cluster": 3})
    assert said == f"segmill: {caught.value}\n"
