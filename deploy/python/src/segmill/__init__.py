"""Customer segments from (user, item, rating) data of any size.

>>> import segmill
>>> run = segmill.fit("ratings.csv")  # doctest: +SKIP
>>> run.segments.to_pandas()  # doctest: +SKIP

`fit` gives a `Run`, `open` an earlier one. `Segmenter` is the same in the way of scikit-learn, and needs it and NumPy; nothing else
needs more than PyArrow.
"""

from typing import TYPE_CHECKING, Any

from ._binary import program
from ._errors import DataError, DiffersError, Error, FileError, JobError, SegmillWarning
from ._fit import fit
from ._fit import open as open  # noqa: A004
from ._run import Comparison, Report, Run
from ._table import Table

if TYPE_CHECKING:
    from ._segmenter import Segmenter as Segmenter

# Neither what needs scikit-learn nor what would hide Python's own `open`.
__all__ = [
    "Comparison",
    "DataError",
    "DiffersError",
    "Error",
    "FileError",
    "JobError",
    "Report",
    "Run",
    "SegmillWarning",
    "Table",
    "fit",
    "program",
]


def __getattr__(name: str) -> Any:
    """Import scikit-learn when it is asked for."""
    if name == "Segmenter":
        from ._segmenter import Segmenter

        return Segmenter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
