"""What can go wrong: each error has the line that the program says."""


class Error(Exception):
    """A command of segmill failed.

    ``str(error)`` is the program's own line: what, where, and what to do about it. ``code`` is its exit code.
    """

    code: int | None

    def __init__(self, line: str, code: int | None = None) -> None:
        super().__init__(line)
        self.code = code


class JobError(Error, ValueError):
    """A key, a column or an option that cannot be (exit code 2)."""


class DataError(Error, ValueError):
    """Ratings that cannot be read or segmented (exit code 3)."""


class FileError(Error, OSError):
    """A file, a folder or a disk that failed (exit code 4)."""

    def __str__(self) -> str:
        """Give the line alone, without the form that ``OSError`` has for its numbers."""
        return str(self.args[0])


class DiffersError(Error):
    """`Run.verify` has found a difference (exit code 1)."""


class SegmillWarning(UserWarning):
    """What the program says about a result, beside it."""


_BY_CODE: dict[int, type[Error]] = {1: DiffersError, 2: JobError, 3: DataError, 4: FileError}


def error(line: str, code: int) -> Error:
    """Give the exception of a command that has ended with ``code`` and said ``line``."""
    return _BY_CODE.get(code, Error)(line, code)
