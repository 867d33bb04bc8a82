"""How far a command is, for who waits for it: in a notebook, or on the last line of a terminal."""

import html
import http.client
import importlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

#: The time that the program has to answer, in seconds.
_PATIENCE = 1.0


@dataclass(frozen=True)
class Far:
    """How far a command is: its stage, the share of it that is done, and the seconds that it takes yet, if they are known."""

    stage: str = ""
    share: float | None = None
    left: float | None = None

    def __str__(self) -> str:
        """Give it as a line: ``ingest, 43 %, 3 s left``."""
        parts = [self.stage]
        if self.share is not None:
            parts.append(f"{self.share:.0%}".replace("%", " %"))
        if self.left is not None:
            parts.append(f"{max(round(self.left), 1)} s left")
        return ", ".join(parts)


def read(metrics: str) -> Far:
    """Read it from what the program tells Prometheus."""
    stage, share, left = "", None, None
    for line in metrics.splitlines():
        name, _, value = line.rpartition(" ")
        if name.startswith("segmill_stage_info{"):
            stage = name.partition('stage="')[2].rpartition('"')[0]
        elif name == "segmill_stage_done_ratio":
            share = float(value)
        elif name == "segmill_stage_left_seconds":
            left = float(value)
    return Far(stage, share, left)


class Progress:
    """Shows nothing."""

    is_shown = False

    def look(self, address: str) -> None:
        """Ask the program at ``address`` how far it is, and show it."""

    def done(self) -> None:
        """Show that all is done."""

    def close(self) -> None:
        """Take away what is not to stay."""


class _Shown(Progress):
    is_shown = True

    def __init__(self) -> None:
        self._began = time.monotonic()

    def look(self, address: str) -> None:
        metrics = _ask(address)
        if metrics is not None:
            self.show(read(metrics))

    def show(self, far: Far) -> None:
        raise NotImplementedError

    def seconds(self) -> str:
        return f"{time.monotonic() - self._began:.1f} s"


class Terminal(_Shown):
    """The last line of a terminal."""

    def __init__(self, sink: TextIO) -> None:
        super().__init__()
        self._sink = sink

    def show(self, far: Far) -> None:
        """Write the line over the one before."""
        self._sink.write(f"\r\x1b[Ksegmill: {far} [{self.seconds()}]")
        self._sink.flush()

    def close(self) -> None:
        """Clear the line."""
        self._sink.write("\r\x1b[K")
        self._sink.flush()


class Notebook(_Shown):
    """An output of a cell that is drawn again and again."""

    def __init__(self) -> None:
        super().__init__()
        shown: Any = importlib.import_module("IPython.display")
        self._html = shown.HTML
        self._handle = shown.display(shown.HTML(_bar(Far("starting"), "")), display_id=True)
        self._is_done = False

    def show(self, far: Far) -> None:
        """Draw a bar."""
        self._handle.update(self._html(_bar(far, self.seconds())))

    def done(self) -> None:
        """Leave a line that says how long it took."""
        self._is_done = True
        self._handle.update(self._html(_line(f"segmill: done in {self.seconds()}")))

    def close(self) -> None:
        """Say so where it was stopped."""
        if not self._is_done:
            self._handle.update(self._html(_line(f"segmill: stopped after {self.seconds()}")))


def _line(text: str) -> str:
    return f'<div style="opacity: 0.7">{html.escape(text)}</div>'


def _bar(far: Far, seconds: str) -> str:
    # The colours are those of the notebook, light or dark.
    width = f"{100 * (far.share or 0):.1f}%"
    return (
        f'<div role="progressbar" aria-label="segmill" aria-valuetext="{html.escape(str(far))}" style="max-width: 36em">'
        f'<div style="display: flex; justify-content: space-between; gap: 1em"><span>segmill: {html.escape(str(far))}</span>'
        f'<span style="opacity: 0.7">{html.escape(seconds)}</span></div>'
        '<div style="height: 4px; border-radius: 2px; background: rgba(128, 128, 128, 0.3)">'
        f'<div style="height: 4px; border-radius: 2px; background: #3b82c4; width: {width}"></div></div></div>'
    )


@contextmanager
def progress_of(show: bool | None) -> Iterator[Progress]:
    """Give who shows progress: nobody, or whatever is there for it; ``None``: only if there is something."""
    progress = _choose(show)
    try:
        yield progress
    finally:
        progress.close()


def _choose(show: bool | None) -> Progress:
    if show is False:
        return Progress()
    if is_notebook():
        return Notebook()
    if show or (sys.stderr is not None and sys.stderr.isatty()):
        return Terminal(sys.stderr)
    return Progress()


def is_notebook() -> bool:
    """Whether this is the kernel of a notebook. IPython is not imported for it."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def _ask(address: str) -> str | None:
    """Give the metrics, or nothing where the program is ending just now."""
    connection = http.client.HTTPConnection(address, timeout=_PATIENCE)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return answer.read().decode() if answer.status == http.client.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
