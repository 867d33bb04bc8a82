"""Children: what they take and what they say. Standard library only, and small: a child's peak memory, as the kernel
counts it, begins with that of the process that started it."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

TAIL_LINES = 20


@dataclass(frozen=True)
class Ended:
    seconds: float
    # Of the processor, all threads together.
    processor: float
    peak_memory: int


class Failed(Exception):
    """A message of one line or more: what, where, remedy."""


@dataclass
class Started:
    words: list[str]
    log: Path
    process: subprocess.Popen[bytes]
    begun: float

    def wait(self) -> Ended:
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode != 0:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:])
            raise Failed(f"{' '.join(self.words)}\nended with {self.process.returncode}:\n{tail}")
        seconds = time.perf_counter() - self.begun
        return Ended(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def start(words: list[str], folder: Path, log: Path, environment: dict[str, str] | None = None) -> Started:
    """A child in `folder`, what it prints in `log`."""
    with log.open("wb") as file:
        begun = time.perf_counter()
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    return Started(words, log, process, begun)


def run(words: list[str], folder: Path, log: Path, environment: dict[str, str] | None = None) -> Ended:
    return start(words, folder, log, environment).wait()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
