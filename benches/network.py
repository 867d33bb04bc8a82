"""What each process sends for PCA, on hosts of their own: network namespaces with links of 1 Gbit/s. Needs root, `ip` and `tc`.

    python3 benches/network.py --processes 2,3,4 --workers 1,2

A sweep needs the block of the basis at every process, and the sums of its image at their owners: 2 · (P − 1)/P of it from each
process, 8 bytes for each item and column of the block, whatever the workers. At the end every process needs the components, of which
it has a P-th: (P − 1)/P of them come to it. The table has both beside what process 0 sent, and what `segmill plan` says. Standard
library only.
"""

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True

from generated import JOB, ROOT, SIZES, ratings  # noqa: E402

FOLDER = ROOT / "target" / "network"
# Columns of a block.
BLOCK = 8
HEAD = "| processes | workers | sweeps | sent, MB | 2(P − 1)/P of the blocks | and (P − 1)/P of the components | plan | PCA, s | plan, s |"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1m", help=f"one of {','.join(SIZES)}")
    parser.add_argument("--ratings", type=Path, metavar="CSV", help="a file that is there already")
    parser.add_argument("--processes", default="2,3,4")
    parser.add_argument("--workers", default="1,2,4", help="of each process")
    parser.add_argument("--rate", default="1gbit", help="of each link")
    parser.add_argument("--segmill", type=Path, default=ROOT / "target" / "release" / "segmill")
    return parser.parse_args()


def ip(*words: object) -> None:
    subprocess.run(["ip", *map(str, words)], check=True)


class Hosts:
    """Namespaces behind a bridge, gone at the end of a `with`."""

    def __init__(self, count: int, rate: str) -> None:
        self.count, self.rate, self.name = count, rate, f"sn{os.getpid() % 100_000}"

    def space(self, host: int) -> str:
        return f"{self.name}h{host}"

    def address(self, host: int) -> str:
        return f"10.98.0.{host + 1}"

    def __enter__(self) -> "Hosts":
        ip("link", "add", f"{self.name}b", "type", "bridge")
        ip("link", "set", f"{self.name}b", "up")
        for host in range(self.count):
            space, outer = self.space(host), f"{self.name}c{host}"
            ip("netns", "add", space)
            ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("link", "set", outer, "master", f"{self.name}b")
            ip("link", "set", outer, "up")
            ip("-n", space, "addr", "add", f"{self.address(host)}/24", "dev", "eth0")
            for link in ("eth0", "lo"):
                ip("-n", space, "link", "set", link, "up")
            shape = ["tc", "-n", space, "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", self.rate]
            subprocess.run([*shape, "burst", "512kbit", "latency", "200ms"], check=True)
        return self

    def __exit__(self, *_: object) -> None:
        for host in range(self.count):
            subprocess.run(["ip", "netns", "del", self.space(host)], check=False)
        subprocess.run(["ip", "link", "del", f"{self.name}b"], check=False)


def run(segmill: Path, job: Path, hosts: Hosts, workers: int) -> dict[str, Any]:
    """The `run.json` of a run of all processes."""
    out, listed = FOLDER / "out", FOLDER / "hosts"
    listed.write_text("".join(f"{hosts.address(host)}:2101\n" for host in range(hosts.count)))
    environment = os.environ | {"SEGMILL_CLUSTER_KEY": secrets.token_hex(32)}
    words = [segmill, "run", job, "-o", out, "-w", workers, "-q", "--processes", hosts.count, "--hosts", listed]
    members = []
    for process in range(hosts.count):
        own = ["ip", "netns", "exec", hosts.space(process), *map(str, words), "--process", str(process)]
        members.append(subprocess.Popen(own, env=environment, stderr=subprocess.PIPE, text=True))
    said = [member.communicate()[1] for member in members]
    if any(member.returncode for member in members):
        sys.exit("".join(said))
    found: dict[str, Any] = json.loads((out / "run.json").read_text())
    shutil.rmtree(out)
    return found


def plan(segmill: Path, job: Path, processes: int, workers: int) -> dict[str, Any]:
    """What is predicted of PCA."""
    words = [segmill, "plan", job, "--format", "json", "-w", workers, "--processes", processes, "--network", "1Gbit"]
    text = subprocess.run([*map(str, words)], check=True, capture_output=True, text=True).stdout
    stages = json.loads(text)["prediction"]["stages"]
    found: dict[str, Any] = next(stage for stage in stages if stage["stage"] == "pca")
    return found


def main() -> None:
    chosen = options()
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = chosen.ratings.resolve() if chosen.ratings else ratings(chosen.segmill, chosen.size, {}, FOLDER)
    job = FOLDER / "job.toml"
    job.write_text(JOB.format(ratings=path).replace("[pca]\n", '[pca]\nsolver = "krylov"\n'))
    print(HEAD)
    print("|" + " --: |" * 9)
    for processes in map(int, chosen.processes.split(",")):
        for workers in map(int, chosen.workers.split(",")):
            with Hosts(processes, chosen.rate) as hosts:
                done = run(chosen.segmill, job, hosts, workers)
            stage = next(stage for stage in done["stages"] if stage["stage"] == "pca")
            sweeps, predicted = done["iterations"]["pca"], plan(chosen.segmill, job, processes, workers)
            others, column = (processes - 1) / processes, done["items"] * 8
            blocks = 2 * others * column * BLOCK * sweeps
            both = blocks + others * column * len(done["singular_values"])
            cells = [processes, workers, sweeps, f"{stage['bytes_sent'] / 1e6:.2f}", f"{blocks / 1e6:.2f}", f"{both / 1e6:.2f}"]
            cells += [f"{predicted['bytes_sent'] / processes / 1e6:.2f}", f"{stage['seconds']:.2f}", f"{predicted['seconds']:.2f}"]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)


main()
