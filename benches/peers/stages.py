"""How a peer reports: seconds by stage, peak memory, figures, in one JSON file. Standard library only.

A dot in the name of a stage parts it: `ingest.read` and `ingest.matrix` are both of `ingest`.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Stages:
    """Seconds of each stage, in order."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started

    def total(self) -> float:
        return sum(self.seconds.values())


def peak_memory(pid: int | str = "self") -> int:
    """Largest resident memory of a process so far, in bytes.

    `VmHWM` rather than `getrusage`, whose maximum a process inherits from the one that started it.
    """
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kibibytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(kibibytes) * 1024


def processor_seconds(pid: int | str = "self") -> float:
    """Processor time of a process so far, all threads together."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = int(after_name[11]), int(after_name[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def peer_arguments(doc: str | None) -> argparse.ArgumentParser:
    """What every peer of the whole pipeline is told."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--ratings", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--n-init", type=int, default=1)
    return parser


def write_result(path: Path, result: dict[str, Any]) -> None:
    path.write_text(json.dumps(result, indent=1) + "\n")
