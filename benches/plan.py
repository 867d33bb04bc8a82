"""What `segmill plan` predicts beside what `segmill run` then takes, on generated ratings of three sizes.

    python3 benches/plan.py --sizes 1m,25m,100m --runs 3

Everything is kept under `target/plan`; `--tidy` removes it. A prediction and a run take turns, because a machine is not always
equally quick; a figure is the median of its own. Standard library only.
"""

import argparse
import json
import os
import re
import resource
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True

from generated import JOB, ROOT, SIZES, ratings  # noqa: E402

FOLDER = ROOT / "target" / "plan"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1m,25m,100m", help=f"some of {','.join(SIZES)}")
    parser.add_argument("--runs", type=int, default=3, help="medians are of so many")
    parser.add_argument("--layouts", default="1x2,2x1", help="processes x workers, on this machine")
    parser.add_argument("--segmill", type=Path, default=ROOT / "target" / "release" / "segmill")
    parser.add_argument("--ratings", action="append", default=[], metavar="SIZE=CSV", help="a file that is there already")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for both")
    parser.add_argument("--tidy", action="store_true", help="remove what was made")
    return parser.parse_args()


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def planned(segmill: Path, job: Path, processes: int, workers: int, keys: list[str]) -> dict[str, Any]:
    words = [segmill, "plan", job, "--format", "json", "-w", workers, "--processes", processes, "--network", "loopback"]
    began = time.monotonic()
    text = subprocess.run([str(word) for word in [*words, *keys]], check=True, capture_output=True, text=True).stdout
    plan = json.loads(text)
    prediction, found = plan["prediction"], plan["input"]
    figures = {"users": found["users"], "items": found["items"], "ratings": found["ratings"]}
    figures["peak memory, MB"] = max(prediction["coordinator_memory"], prediction["memory"]) / 1e6
    figures["spilled, MB"] = prediction["spilled"] * processes / 1e6
    figures["wire, MB"] = prediction["bytes_sent"] / 1e6
    for stage in prediction["stages"]:
        figures[f"{stage['stage']}, s"] = stage["seconds"]
        figures[f"{stage['stage']} memory, MB"] = stage["coordinator_memory"] / 1e6
    figures["total, s"] = prediction["seconds"]
    shared = sum(stage["work"] + stage["network"] for stage in prediction["stages"]) * processes * workers
    figures["processor time, s"] = shared + sum(stage["alone"] for stage in prediction["stages"])
    figures["(the plan itself, s)"] = time.monotonic() - began
    return figures


def taken(segmill: Path, job: Path, processes: int, workers: int, keys: list[str]) -> dict[str, Any]:
    out = FOLDER / "out"
    words = [str(word) for word in [segmill, "run", job, "-o", out, "-w", workers, "-q", *keys]]
    environment = os.environ | {"RUST_LOG": "segmill=info", "SEGMILL_CLUSTER_KEY": secrets.token_hex(32)}
    if processes > 1:
        hosts = FOLDER / "hosts"
        hosts.write_text("".join(f"127.0.0.1:{port}\n" for port in free_ports(processes)))
        words += ["--processes", str(processes), "--hosts", str(hosts)]
    members, before = [], resource.getrusage(resource.RUSAGE_CHILDREN)
    for process in range(processes):
        own = [*words, "--process", str(process)] if processes > 1 else words
        members.append(subprocess.Popen(own, env=environment, stderr=subprocess.PIPE, text=True))
    said = [member.communicate()[1] for member in members]
    if any(member.returncode for member in members):
        sys.exit("".join(said))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = json.loads((out / "run.json").read_text())
    figures = {name: run[name] for name in ("users", "items", "ratings")}
    figures["peak memory, MB"] = run["peak_memory"] / 1e6
    figures["spilled, MB"] = run["spilled"] / 1e6
    figures["wire, MB"] = run["bytes_sent"] / 1e6
    for stage in run["stages"]:
        figures[f"{stage['stage']}, s"] = stage["seconds"]
        figures[f"{stage['stage']} memory, MB"] = stage["peak_memory"] / 1e6
    write = re.search(r"stage=\S*write\S* .*?seconds\S*?=\S*?([0-9.e-]+)", re.sub(r"\x1b\[[0-9;]*m", "", said[0]))
    figures["write, s"] = float(write[1]) if write else 0.0
    figures["total, s"] = run["total_seconds"] + figures["write, s"]
    figures["processor time, s"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures["iterations"] = sum(start["iterations"] for start in run["starts"])
    figures["sweeps"] = run["iterations"]["pca"]
    shutil.rmtree(out)
    return figures


def show(title: str, plans: list[dict[str, Any]], runs: list[dict[str, Any]]) -> None:
    print(f"\n| {title} | predicted | measured | ratio |\n| --- | --: | --: | --: |")
    for name in dict.fromkeys([*plans[0], *runs[0]]):
        there = [statistics.median(figures[name] for figures in those) if name in those[0] else None for those in (plans, runs)]
        ratio = f"{there[0] / there[1]:.2f}" if all(there) else "–"
        cells = ["–" if value is None else f"{value:.4g}" if value < 1e4 else f"{value:.0f}" for value in there]
        print(f"| {name} | {cells[0]} | {cells[1]} | {ratio} |", flush=True)


def main() -> None:
    chosen = options()
    FOLDER.mkdir(parents=True, exist_ok=True)
    given = dict(text.split("=", 1) for text in chosen.ratings)
    keys = [word for key in chosen.set for word in ("--set", key)]
    for name in chosen.sizes.split(","):
        path = ratings(chosen.segmill, name, given, FOLDER)
        job = FOLDER / f"{name}.toml"
        job.write_text(JOB.format(ratings=path))
        for layout in chosen.layouts.split(","):
            processes, workers = map(int, layout.split("x"))
            plans, runs = [], []
            for _ in range(chosen.runs):
                plans.append(planned(chosen.segmill, job, processes, workers, keys))
                runs.append(taken(chosen.segmill, job, processes, workers, keys))
            show(f"{name}, {processes} × {workers}", plans, runs)
    if chosen.tidy:
        shutil.rmtree(FOLDER)


main()
