"""Ratings to segments."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ._errors import JobError
from ._folder import Folder, clear_beside
from ._handover import hand_over
from ._job import with_columns, words
from ._process import call
from ._run import Run

#: Seconds between two checkpoints where nobody can go on from one: longer than any run.
_NO_CHECKPOINTS = 1e9


def fit(
    data: Any,
    *,
    user: Any = None,
    item: Any = None,
    rating: Any = None,
    time: Any = None,
    title: Any = None,
    output: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: bool | None = None,
    **keys: Any,
) -> Run:
    """Find the kinds of users in ratings.

    Parameters
    ----------
    data
        A path or several, or a job file, as on the command line; or rows in memory: a data frame of pandas or polars, a relation of
        DuckDB, a table, reader or dataset of PyArrow, anything with ``__arrow_c_stream__``, or a sparse matrix of SciPy, whose row
        numbers are users and whose column numbers are items.
    user, item, rating, time, title
        Columns, by name or by position from 0. What is not named is found. ``rating=False``: each row counts 1.
    output
        The folder of the results. Without one it is a temporary folder, which lives as long as the `Run`.
    workers
        Threads; as many as there are processors. The result does not depend on it.
    progress
        Whether to show how far the run is. ``None``: in a notebook and on a terminal.
    keys
        The keys of a job file: ``kmeans={"clusters": 8}``, ``matrix={"normalize": "l2"}``, ``seed=1``.

    Returns
    -------
    Run

    Raises
    ------
    Error
        With the line that the program says: a `JobError` for a key or a column that cannot be, a `DataError` for ratings that
        cannot be segmented, a `FileError` for a file or a disk that failed.
    """
    columns = {"user": user, "item": item, "rating": rating, "time": time, "title": title}
    return fitted(data, columns, keys, output=output, workers=workers, progress=progress)


def fitted(
    data: Any,
    columns: Mapping[str, Any],
    keys: Mapping[str, Any],
    *,
    output: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: bool | None = None,
    ignored: Sequence[str] = (),
) -> Run:
    """Do what `fit` does; ``ignored`` are texts of warnings that are no news."""
    folder = Folder()
    try:
        handed = hand_over(data, columns, keys, folder.path)
        place = _place(output, folder)
        job = _job(keys, handed.columns, handed.is_ours)
        threads = ["-w", str(workers)] if workers is not None else []
        command = ["run", *handed.paths, "-o", str(place), *words(job), *threads]
        call(command, progress, lambda process: clear_beside(place, process), ignored)
        if not handed.is_ours and output is not None:
            folder.remove()
        return Run(place, folder=folder)
    except BaseException:
        folder.remove()
        raise


def _place(output: str | os.PathLike[str] | None, folder: Folder) -> Path:
    if output is None:
        return folder.path / "segments"
    if "://" in os.fspath(output):
        raise JobError(f"output: {os.fspath(output)} is no folder of this machine; write there with `segmill run`", 2)
    return Path(output)


def _job(keys: Mapping[str, Any], columns: Mapping[str, Any], is_ours: bool) -> dict[str, Any]:
    """Give all keys of the job."""
    job = with_columns(keys, columns)
    if is_ours:
        job.setdefault("checkpoint_every", _NO_CHECKPOINTS)
    return job


def open(path: str | os.PathLike[str]) -> Run:  # noqa: A001
    """Give the finished run in an output folder."""
    return Run(path)
