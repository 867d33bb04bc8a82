"""The Python of the guide and the notebook, as they stand there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pyarrow.csv
import pytest
from conftest import made_up

import segmill

ROOT = Path(__file__).parents[1]


def environment(folder: Path) -> dict[str, str]:
    """Give an environment as of somebody who has installed the package: the program is on the path."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "segmill").symlink_to(Path(segmill.program()).resolve())
    source = Path(segmill.__file__).parents[1]
    return {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": f"{source}:{os.environ.get('PYTHONPATH', '')}"}


def test_the_python_of_the_guide_runs(tmp_path: Path) -> None:
    blocks = (ROOT / "README.md").read_text().split("\n```python\n")[1:]
    assert len(blocks) >= 3
    pyarrow.csv.write_csv(made_up().rename_columns(["user", "item", "rating"]), tmp_path / "ratings.csv")
    script = "\n".join(block.split("\n```\n")[0] for block in blocks)
    command = [sys.executable, "-W", "error::UserWarning", "-c", script]
    ran = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **environment(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "nb_segment" in ran.stdout
    assert (tmp_path / "out" / "five" / "report.html").exists()


@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    for example in sorted((ROOT / "examples").glob("*.ipynb")):
        folder = tmp_path / example.stem
        folder.mkdir()
        shutil.copy(example, folder)
        notebook = nbformat.reads(example.read_text(), as_version=4)  # type: ignore[no-untyped-call]
        assert all(not cell.get("outputs") for cell in notebook.cells), f"{example.name} is kept without outputs"
        nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
        shown = [
            output["data"].get("text/html", "")
            for cell in notebook.cells
            if cell.cell_type == "code"
            for output in cell.outputs
            if "data" in output
        ]
        assert any("Verdict: " in html for html in shown)
        assert any("segmill: done in " in html for html in shown)
