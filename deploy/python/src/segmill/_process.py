"""A command of the program, from its start to its end.

It says what it has to say as JSON lines on stderr. They become progress while it works, and warnings or an exception at the end.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ._binary import program
from ._errors import Error, SegmillWarning, error
from ._progress import Progress, progress_of

#: How often progress is asked for, in seconds.
_EVERY = 0.25

#: The time that a command has to end in once it was interrupted, in seconds.
_PATIENCE = 10.0

_TARGET = "segmill"
_STATUS = "status at http://"

_log = logging.getLogger("segmill")


def call(
    words: Sequence[str],
    show: bool | None = False,
    on_kill: Callable[[int], None] | None = None,
    ignored: Sequence[str] = (),
) -> str:
    """Run the program with these words, and give what it prints.

    ``show`` says whether progress is shown; ``None``: where a notebook or a terminal is there to show it. An interrupt ends the
    command, and ``on_kill`` is then told its process number, to clear up after it. Warnings with a text of ``ignored`` are no news.

    Raises
    ------
    Error
        With the line that the program said.
    """
    works = words[0] in _WORKING
    with progress_of(show if works else False) as progress:
        talk = ["--log-format", "json"]
        # Port 0 is any free one; the program says which.
        watched = ["--status-addr", "127.0.0.1:0"] if progress.is_shown else []
        # A notebook in a cluster is no member of that cluster.
        alone = ["--processes", "1"] if works else []
        said = _run([program(), *words, *talk, *watched, *alone], progress, on_kill)
        if said.code == 0:
            progress.done()
    for line in said.notes:
        _log.info(line)
    for line in said.warnings:
        if any(text in line for text in ignored):
            continue
        warnings.warn(line, SegmillWarning, stacklevel=_outside())
    if said.code != 0:
        raise error(said.problem(), said.code)
    return said.printed


#: The commands that tell how far they are, and that could be members of a cluster.
_WORKING = ("run", "assign")


@dataclass
class Said:
    """What a command has said, and how it ended."""

    code: int = 0
    printed: str = ""
    status: str | None = None
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    #: Lines that are no JSON, as of a panic.
    other: list[str] = field(default_factory=list)

    def hear(self, line: str) -> None:
        """Sort in a line of stderr."""
        try:
            event: Any = json.loads(line)
            level, message = str(event["level"]), str(event["fields"]["message"])
        except (ValueError, KeyError, TypeError):
            self.other.append(line)
            return
        if event.get("target") != _TARGET:
            _log.debug(message)
        elif level == "ERROR":
            self.errors.append(message)
        elif level == "WARN":
            self.warnings.append(message)
        elif message.startswith(_STATUS):
            self.status = message.removeprefix(_STATUS).rstrip("/")
        else:
            self.notes.append(message)

    def problem(self) -> str:
        """Give the line of a command that has failed."""
        if self.errors:
            return self.errors[-1]
        said = " ".join(line.strip() for line in self.other if line.strip())
        if self.code < 0:
            name = signal.Signals(-self.code).name
            remedy = "if it was short of memory, set memory to less than this machine has"
            return f"segmill: it was ended by {name}{': ' * bool(said)}{said}; {remedy}"
        return said or f"segmill: it ended with code {self.code} and said nothing; please report it"


def _run(words: list[str], progress: Progress, on_kill: Callable[[int], None] | None) -> Said:
    said = Said()
    try:
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            encoding="utf-8",
            errors="replace",
        )
    except OSError as e:
        raise Error(
            f"{words[0]}: cannot start the program: {e.strerror}; install the wheel again, or set SEGMILL_BIN"
        ) from e
    assert child.stdout is not None and child.stderr is not None  # noqa: S101, PT018 (for the types)
    with child, _Reader(child.stderr, said.hear), _Reader(child.stdout, lambda line: _print(said, line)):
        try:
            said.code = _wait(child, said, progress)
        except BaseException:
            _stop(child)
            if on_kill is not None:
                on_kill(child.pid)
            raise
    return said


def _print(said: Said, line: str) -> None:
    said.printed += line + "\n"


def _environment() -> dict[str, str]:
    # What would add to stderr, or have the status where nobody looks.
    return {name: value for name, value in os.environ.items() if name not in ("RUST_LOG", "SEGMILL_STATUS_ADDR")}


def _wait(child: "subprocess.Popen[str]", said: Said, progress: Progress) -> int:
    """Wait for the end, and show meanwhile how far the command is."""
    while True:
        try:
            return child.wait(_EVERY if progress.is_shown else None)
        except subprocess.TimeoutExpired:
            if said.status is not None:
                progress.look(said.status)


def _stop(child: "subprocess.Popen[str]") -> None:
    """End the command as Ctrl-C does, or by force where that takes too long or is asked for again."""
    try:
        child.send_signal(signal.SIGINT)
        child.wait(_PATIENCE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        child.kill()
        child.wait()


class _Reader:
    """Hands on each line of a pipe while the block lasts, and all of them at its end."""

    def __init__(self, pipe: IO[str], hear: Callable[[str], None]) -> None:
        self._pipe, self._hear = pipe, hear
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        for line in self._pipe:
            self._hear(line.rstrip("\n"))

    def __enter__(self) -> "_Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()


def _outside() -> int:
    """Give the level of the caller's own code, for a warning to name."""
    here, level = str(Path(__file__).parent), 1
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(here) and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    return level
