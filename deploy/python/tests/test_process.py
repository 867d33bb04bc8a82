"""The program as a child: its progress, its end, and what is left."""

import io
import logging
import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from conftest import QUICK, python

import segmill
from segmill import _process
from segmill._progress import Far, Terminal, read

NAMED: dict[str, Any] = {"user": "u", "item": "i", "rating": "r"}

#: A job that takes long, whatever the machine; it says when it has begun.
LONG = """
import sys, threading, pyarrow as pa, segmill
users = pa.array([u for u in range(3000) for _ in range(30)])
items = pa.array([(u * 7 + n * n * (u % 11 + 1)) % 400 for u in range(3000) for n in range(30)])
table = pa.table({"u": users, "i": items})
print("begin", flush=True)
try:
    segmill.fit(table, user="u", item="i", rating=False, input={"duplicates": "sum"}, evidence={"refits": 2000}, OPTIONS)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def children_of(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def wait_for(what: Any, seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are looked up in /proc")
@pytest.mark.parametrize("output", ["", "output='out'"])
def test_an_interrupt_ends_the_program_and_leaves_nothing(output: str, temporary: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    parent = python(LONG.replace("OPTIONS", output), cwd=folder, start_new_session=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "begin\n"
    (child,) = wait_for(lambda: children_of(parent.pid))
    time.sleep(1.5)
    assert is_there(child)
    assert list(temporary.iterdir()) != []
    parent.send_signal(signal.SIGINT)
    said, errors = parent.communicate(timeout=60)
    assert (said, errors, parent.returncode) == ("interrupted\n", "", 0)
    assert not is_there(child)
    assert list(temporary.iterdir()) == []
    assert list(folder.iterdir()) == []


def test_a_program_that_is_killed_says_so(table: pa.Table, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "segmill"
    program.write_text("#!/bin/sh\nkill -KILL $$\n")
    program.chmod(0o755)
    monkeypatch.setenv("SEGMILL_BIN", str(program))
    with pytest.raises(segmill.Error, match="^segmill: it was ended by SIGKILL; if it was short of memory") as caught:
        segmill.fit(table, **NAMED)
    assert caught.value.code == -9


def test_a_program_that_panics_is_quoted(table: pa.Table, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "segmill"
    program.write_text("#!/bin/sh\necho 'thread main panicked' >&2\necho '  at x.rs' >&2\nexit 101\n")
    program.chmod(0o755)
    monkeypatch.setenv("SEGMILL_BIN", str(program))
    with pytest.raises(segmill.Error, match="^thread main panicked at x.rs$"):
        segmill.fit(table, **NAMED)


def test_a_program_that_is_not_there_is_named(
    table: pa.Table, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    monkeypatch.setenv("SEGMILL_BIN", "/nowhere/segmill")
    with pytest.raises(segmill.Error, match="^/nowhere/segmill: cannot start the program: .*; install"):
        segmill.fit(table, **NAMED)
    assert list(temporary.iterdir()) == []


def test_a_process_of_a_cluster_runs_alone(table: pa.Table, monkeypatch: pytest.MonkeyPatch, run: segmill.Run) -> None:
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SEGMILL_STATUS_ADDR", "nowhere")
    monkeypatch.setenv("RUST_LOG", "debug")
    again = segmill.fit(table, **NAMED, **QUICK)
    assert again.segments.arrow.equals(run.segments.arrow)
    assert again.assign(table).arrow.equals(run.segments.arrow)
    assert again.verify()["same"].to_pylist() == [True] * len(again.record["digests"])


def test_warnings_are_warnings_of_the_caller(table: pa.Table) -> None:
    with_zeros = pa.concat_tables([table, pa.table({"u": [0], "i": [999], "r": [0.0]})])
    with pytest.warns(segmill.SegmillWarning, match="0") as caught:
        run = segmill.fit(with_zeros, **NAMED, **QUICK)
    assert [str(warning.message) for warning in caught] == run.record["warnings"]
    assert {warning.filename for warning in caught} == {__file__}


def test_notes_are_logged(table: pa.Table, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "segmill"):
        segmill.fit(table.rename_columns(["sku", "customer", "stars"]), **QUICK)
    assert any("customer" in line for line in caplog.messages)


METRICS = """# HELP segmill_stage_info x
segmill_stage_info{stage="kmeans \\"x\\""} 1
segmill_stage_seconds{stage="ingest"} 1.5
segmill_stage_done_ratio 0.4321
segmill_stage_left_seconds 2.6
"""


def test_how_far_it_is_is_read() -> None:
    assert read(METRICS) == Far('kmeans \\"x\\"', 0.4321, 2.6)
    assert str(Far("kmeans", 0.4321, 2.6)) == "kmeans, 43 %, 3 s left"
    assert (read(""), str(Far("pca"))) == (Far(), "pca")


def test_a_terminal_gets_a_line_that_goes(table: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(_process, "_EVERY", 0.01)
    segmill.fit(table, **NAMED)
    shown = screen.getvalue()
    assert "segmill: evidence" in shown
    assert shown.endswith("\r\x1b[K")
    Terminal(screen).show(Far("pca", 0.5))
    assert "segmill: pca, 50 % [0.0 s]" in screen.getvalue()


class Cell:
    """Stands in for IPython: keeps what is displayed."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.ids: list[bool] = []
        self.display_module = SimpleNamespace(HTML=lambda text: text, display=self.display)
        self.module = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1), display=self.display_module)

    def display(self, text: str, display_id: bool) -> Any:
        self.shown.append(text)
        self.ids.append(display_id)
        return SimpleNamespace(update=self.shown.append)


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    cell = Cell()
    monkeypatch.setitem(sys.modules, "IPython", cell.module)
    monkeypatch.setitem(sys.modules, "IPython.display", cell.display_module)
    monkeypatch.setattr(_process, "_EVERY", 0.01)
    return cell


def test_a_notebook_gets_a_bar_in_one_output(table: pa.Table, cell: Cell) -> None:
    segmill.fit(table, **NAMED)
    assert cell.ids == [True]
    assert "starting" in cell.shown[0]
    assert any("segmill: evidence" in text and 'role="progressbar"' in text for text in cell.shown)
    assert "segmill: done in " in cell.shown[-1]


def test_a_notebook_is_told_of_a_stop(table: pa.Table, cell: Cell) -> None:
    with pytest.raises(segmill.JobError):
        segmill.fit(table, **NAMED, kmeans={"clusters": 1})
    assert "segmill: stopped after " in cell.shown[-1]
    segmill.fit(table, **NAMED, **QUICK, progress=False)
    assert cell.ids == [True]


def test_nothing_is_imported_but_what_is_needed() -> None:
    child = python("import sys, segmill; print(*sorted(sys.modules))")
    said, errors = child.communicate(timeout=60)
    assert (child.returncode, errors) == (0, "")
    loaded = set(said.split())
    assert "pyarrow" in loaded
    # PyArrow itself imports NumPy where it is there.
    assert not loaded & {"pandas", "polars", "duckdb", "scipy", "sklearn", "IPython"}


def test_all_can_be_imported_without_scikit_learn() -> None:
    child = python("import sys; sys.modules['sklearn'] = None; from segmill import *; print(fit.__module__)")
    said, errors = child.communicate(timeout=60)
    assert (said, errors) == ("segmill._fit\n", "")
    child = python("import sys; sys.modules['sklearn'] = None; import segmill; segmill.Segmenter()")
    assert "sklearn" in child.communicate(timeout=60)[1].splitlines()[-1]
