"""How quickly `segmill follow` takes changes, and in how much memory, over generated ratings that it has read.

    python3 benches/follow.py --size 25m --batches 300 --seconds 60
    python3 benches/follow.py --size 25m --batches 0 --minutes 60

The changes come through a Unix socket from this process, made before the clock begins, and what is told goes to a file.

- Latency: batches of 1,000 changes (half of them put another rating in the place of one that is there, three in ten add
  a rating of another pair, two in ten withdraw one), one at a time, from the first byte sent until all are acknowledged: logged on disk,
  applied to all tables, told.
- Rate: replacements as fast as they are taken, of the same ratings in turn with other values, so that every one
  changes something and the number of ratings stays.

Everything is kept under `target/follow`; `--tidy` removes it. Standard library only.
"""

import argparse
import itertools
import json
import mmap
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

sys.dont_write_bytecode = True

from generated import JOB, ROOT, SIZES, ratings  # noqa: E402

FOLDER = ROOT / "target" / "follow"
# Ratings that the rate is measured on, in turn.
REPLACED = 1_000_000
CHUNK = 256 << 10
PATIENCE = 600.0
# Stands for a rating until it is sent; upper case occurs nowhere else in a line.
MARKS = "ABCDE"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="25m", choices=SIZES)
    parser.add_argument("--batches", type=int, default=300, help="latency is measured over so many")
    parser.add_argument("--changes", type=int, default=1000, help="changes in each of them")
    parser.add_argument("--seconds", type=float, default=60.0, help="the rate is measured for so long")
    parser.add_argument("--minutes", type=float, help="in place of --seconds: the soak")
    parser.add_argument("--delimited", action="store_true", help="lines of op,user,item,rating in place of JSON")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--segmill", type=Path, default=ROOT / "target" / "release" / "segmill")
    parser.add_argument("--ratings", action="append", default=[], metavar="SIZE=CSV", help="a file that is there already")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for the fit")
    parser.add_argument("--tidy", action="store_true", help="remove what was made")
    return parser.parse_args()


def fitted(segmill: Path, name: str, path: Path, keys: list[str]) -> Path:
    """A finished run over these ratings. A run over another file, or with other keys, is made again."""
    job, out, mark = FOLDER / f"{name}.toml", FOLDER / name, FOLDER / f"{name}.fitted"
    text = JOB.format(ratings=path)
    made = json.dumps([text, keys, path.stat().st_mtime])
    if not (out / "run.json").exists() or not mark.exists() or mark.read_text() != made:
        job.write_text(text)
        words = [segmill, "run", job, "-o", out, "-q", *keys]
        subprocess.run([str(word) for word in words], check=True)
        mark.write_text(made)
    return out


def pairs(path: Path, count: int, draws: random.Random) -> Iterator[tuple[bytes, bytes]]:
    """Users and items of rows drawn at random, each row once as good as."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        end = len(text)
        for _ in range(count):
            begin = text.find(b"\n", draws.randrange(end - 200)) + 1
            user, item, _ = text[begin : text.find(b"\n", begin)].split(b",", 2)
            yield user, item


class Lines:
    """Changes as they are written."""

    def __init__(self, delimited: bool) -> None:
        self.layout = "%s,%s,%s%s\n" if delimited else '{"op":"%s","user":%s,"item":%s%s}\n'
        self.rating = ",%s" if delimited else ',"rating":%s'

    def of(self, op: str, user: bytes, item: bytes, rating: str | None) -> bytes:
        rated = self.rating % rating if rating else ""
        return (self.layout % (op, user.decode(), item.decode(), rated)).encode()


def batch(lines: Lines, rows: list[tuple[bytes, bytes]], size: tuple[int, int], draws: random.Random) -> bytes:
    made = []
    for user, item in rows:
        rating = str(draws.randrange(1, 11) / 2)
        match draws.random():
            case share if share < 0.5:
                made.append(lines.of("put", user, item, rating))
            case share if share < 0.8:
                new = str(draws.randrange(1, size[0])).encode(), str(draws.randrange(1, size[1])).encode()
                made.append(lines.of("add", *new, rating))
            case _:
                made.append(lines.of("withdraw", user, item, None))
    return b"".join(made)


class Client:
    """A connection that counts what is acknowledged."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.acknowledged = 0
        self.changed = threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        for line in self.socket.makefile("r"):
            with self.changed:
                self.acknowledged = json.loads(line)["acknowledged"]
                self.changed.notify_all()

    def wait_for(self, lines: int) -> None:
        with self.changed:
            if not self.changed.wait_for(lambda: self.acknowledged >= lines, PATIENCE):
                sys.exit(f"{self.acknowledged} of {lines} lines were acknowledged in {PATIENCE:.0f} s")


class Memory:
    """Resident memory of a process, every second."""

    def __init__(self, process: int) -> None:
        self.process = process
        self.seen: list[float] = []
        self.watching = True
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self) -> None:
        while self.watching:
            self.seen.append(resident(self.process))
            time.sleep(1.0)

    def stop(self) -> list[float]:
        self.watching = False
        self.thread.join()
        return self.seen


def resident(process: int) -> float:
    """In bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return float(status.split("VmRSS:")[1].split()[0]) * 1024


def begin(segmill: Path, out: Path, workers: int) -> tuple[subprocess.Popen[bytes], float]:
    """A process that follows, and the seconds until it has read the ratings."""
    told, state = FOLDER / "told.jsonl", FOLDER / "state"
    shutil.rmtree(state, ignore_errors=True)
    told.unlink(missing_ok=True)
    words = [segmill, "follow", out, "--input", f"unix:{FOLDER / 'in.sock'}", "--output", told, "--state", state]
    began = time.monotonic()
    following = subprocess.Popen([str(word) for word in [*words, "-w", workers]], stdin=subprocess.DEVNULL)
    while not (told.exists() and told.stat().st_size and (FOLDER / "in.sock").exists()):
        if following.poll() is not None:
            sys.exit(f"segmill follow ended with {following.returncode}")
        time.sleep(0.01)
    return following, time.monotonic() - began


def latencies(client: Client, batches: list[bytes], changes: int) -> list[float]:
    """Milliseconds from the first byte to the acknowledgement of the last change."""
    taken = []
    for n, lines in enumerate(batches, 1):
        began = time.perf_counter()
        client.socket.sendall(lines)
        client.wait_for(n * changes)
        taken.append((time.perf_counter() - began) * 1e3)
    return taken


def parts_of(lines: bytes) -> list[bytes]:
    """Pieces of whole lines."""
    parts, at = [], 0
    while at < len(lines):
        end = lines.find(b"\n", min(at + CHUNK, len(lines)) - 1) + 1
        parts.append(lines[at:end])
        at = end
    return parts


def rate(client: Client, parts: list[bytes], seconds: float) -> tuple[float, int]:
    """Changes acknowledged a second, and in all."""
    before = sent = client.acknowledged
    began = time.monotonic()
    for turn in itertools.count():
        values = bytes.maketrans((MARKS[turn % 5 :] + MARKS[: turn % 5]).encode(), b"12345")
        for part in parts:
            if time.monotonic() - began >= seconds:
                client.wait_for(sent)
                return (sent - before) / (time.monotonic() - began), sent - before
            client.socket.sendall(part.translate(values))
            sent += part.count(b"\n")
    raise AssertionError("turns have no end")


def quarters(seen: list[float]) -> tuple[float, float]:
    """The highest of the first and of the last quarter."""
    part = max(len(seen) // 4, 1)
    return max(seen[:part]), max(seen[-part:])


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    chosen = options()
    FOLDER.mkdir(parents=True, exist_ok=True)
    given = dict(text.split("=", 1) for text in chosen.ratings)
    path = ratings(chosen.segmill, chosen.size, given, FOLDER)
    out = fitted(chosen.segmill, chosen.size, path, [word for key in chosen.set for word in ("--set", key)])
    seconds = chosen.minutes * 60 if chosen.minutes else chosen.seconds

    draws, lines, size = random.Random(1), Lines(chosen.delimited), SIZES[chosen.size]
    rows = list(pairs(path, chosen.batches * chosen.changes, draws))
    cut = [rows[at : at + chosen.changes] for at in range(0, len(rows), chosen.changes)]
    batches = [batch(lines, part, (size.users, size.items), draws) for part in cut]
    replaced = pairs(path, REPLACED, draws) if seconds else iter(())
    parts = parts_of(b"".join(lines.of("put", *pair, MARKS[n % 5]) for n, pair in enumerate(replaced)))

    following, loading = begin(chosen.segmill, out, chosen.workers)
    figures: list[tuple[str, str]] = [("start, with the ratings read, s", f"{loading:.1f}")]
    figures.append(("memory then, MB", f"{resident(following.pid) / 1e6:.0f}"))
    client = Client(FOLDER / "in.sock")
    if batches:
        taken = latencies(client, batches, chosen.changes)
        what = f"{chosen.changes:,} changes until acknowledged, median of {len(taken)}, ms"
        figures.append((what, f"{statistics.median(taken):.1f}"))
        figures.append(("– 90th percentile, ms", f"{percentile(taken, 0.9):.1f}"))
        figures.append(("– 99th percentile, ms", f"{percentile(taken, 0.99):.1f}"))
        figures.append(("– slowest, ms", f"{max(taken):.1f}"))
    if seconds:
        memory = Memory(following.pid)
        each, count = rate(client, parts, seconds)
        first, last = quarters(memory.stop())
        figures.append((f"changes a second, over {seconds:.0f} s", f"{each:,.0f}"))
        figures.append(("– changes in all", f"{count:,}"))
        figures.append(("– memory in the first quarter, at most, MB", f"{first / 1e6:.0f}"))
        figures.append(("– memory in the last quarter, at most, MB", f"{last / 1e6:.0f}"))
    figures.append(("state on disk, MB", f"{size_of(FOLDER / 'state') / 1e6:.0f}"))
    figures.append(("told, MB", f"{(FOLDER / 'told.jsonl').stat().st_size / 1e6:.0f}"))
    rejects = FOLDER / "state" / "rejects.tsv"
    n_rejects = max(rejects.read_bytes().count(b"\n") - 1, 0) if rejects.exists() else 0
    figures.append(("rejected (withdrawn twice, or added to)", f"{n_rejects:,}"))
    began = time.monotonic()
    os.kill(following.pid, signal.SIGTERM)
    code = following.wait()
    figures.append(("end, s", f"{time.monotonic() - began:.1f}"))

    print(f"\n| {chosen.size}, {chosen.workers} workers, {os.cpu_count()} processors | |\n| --- | --: |")
    for name, value in figures:
        print(f"| {name} | {value} |")
    if chosen.tidy:
        shutil.rmtree(FOLDER)
    if code:
        sys.exit(f"segmill follow ended with {code}")


main()
