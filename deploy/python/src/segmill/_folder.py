"""A temporary folder that lives as long as somebody holds it."""

import os
import shutil
import tempfile
import weakref
from pathlib import Path


class Folder:
    """A folder of its own, gone with the object, or when Python ends."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="segmill-"))
        self._gone = weakref.finalize(self, _remove, self.path, os.getpid())

    def remove(self) -> None:
        """Remove it now."""
        self._gone()

    def __enter__(self) -> "Folder":
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def _remove(path: Path, owner: int) -> None:
    # A process that was forked off owns nothing.
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)


def clear_beside(output: Path, process: int) -> None:
    """Remove what a process that was ended has left beside its output. A checkpoint stays: the next run goes on from there."""
    output = output.resolve()
    for role in ("new", "verify"):
        for left in output.parent.glob(f".{_plain(output.name)}.{role}-{process}*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def _plain(name: str) -> str:
    """Give a name as a pattern that fits nothing else."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
