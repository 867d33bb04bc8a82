"""Runs segmill and its peers on the same generated ratings and prints one Markdown table of each comparison.

    python3 benches/peers/run.py --size 1m --runs 5

Sets everything up under `target/peers` first: a virtual environment, release builds, the data. README.md beside this
file says by which rules the comparison is fair. Standard library only.
"""

import argparse
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True

import prepare  # noqa: E402
import table  # noqa: E402
from prepare import FOLDER, SCRIPTS  # noqa: E402
from processes import Ended, Failed, run, say, start  # noqa: E402
from setting import CLUSTERS, COMPONENTS, FOLDS, MAX_ITER, PCA_TOL, POINTS, SIZES, TOL, TOP, WAYS, Points, Way  # noqa: E402

# The packages of each.
PEERS: dict[str, list[str]] = {
    "segmill": [],
    "sklearn": ["scikit-learn"],
    "sklearn32": ["scikit-learn"],
    "faiss": ["faiss-cpu"],
    "spark": [],
    "scipy": ["scipy"],
    "pandas": ["pandas"],
    "polars": ["polars"],
    "duckdb": ["duckdb"],
}
# Who takes part beside segmill.
PARTS: dict[str, list[str]] = {
    "pipeline": ["sklearn", "sklearn32", "spark"],
    "layouts": [],
    "kmeans": ["sklearn", "sklearn32", "faiss"],
    "pca": ["scipy", "sklearn"],
    "readers": ["pandas", "polars", "duckdb"],
}
# Of a float of scikit-learn.
BITS = {"sklearn": 64, "sklearn32": 32}
OUT = FOLDER / "out"
Result = dict[str, Any]

JOB = f"""\
[input]
ratings = ["{{ratings}}"]
[matrix]
weighting = "raw"
normalize = "none"
missing = "zero"
[pca]
components = {COMPONENTS}
tol = {{tol}}
report = {COMPONENTS}
[kmeans]
clusters = {CLUSTERS}
n_init = {{n_init}}
max_iter = {MAX_ITER}
tol = {TOL}
[sweep]
clusters = []
[validate]
folds = {FOLDS}
[profile]
top = {TOP}
[evidence]
enabled = false
"""


def several(known: Iterable[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        words = text.split(",")
        if unknown := [word for word in words if word not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known)}")
        return words

    return parse


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="1m")
    peers = f"some of {','.join(PEERS)}; segmill always"
    parser.add_argument("--peers", type=several(PEERS), default=list(PEERS), help=peers)
    parser.add_argument("--parts", type=several(PARTS), default=list(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--runs", type=int, default=5, help="medians are of so many")
    parser.add_argument("--spark-runs", type=int, default=1)
    parser.add_argument("--n-init", type=numbers, default=[1, 10], help="starts of k-means; Spark has one always")
    parser.add_argument("--workers", type=int, default=2, help="threads of everybody")
    parser.add_argument("--spark-pca", choices=["gramian", "own"], default="gramian", help="see spark.py")
    parser.add_argument("--driver-memory", default="12g", help="Spark's heap")
    parser.add_argument("--binary", type=Path, help="a segmill to run in place of a build of this tree")
    parser.add_argument("--kmeans-binary", type=Path, help="the same for benches/kmeans.rs")
    parser.add_argument("--keep", action="store_true", help="keep the outputs and the points for k-means")
    return parser.parse_args()


class Comparison:
    """Everybody's runs on one size."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.chosen = chosen
        self.machine = prepare.machine()
        self.python = prepare.python()
        self.blas = None
        if self.runs_spark:
            prepare.check_java()
            self.blas = prepare.openblas()
        self.segmill = prepare.segmill(chosen.binary)
        if "kmeans" in chosen.parts:
            self.kmeans = prepare.kmeans(chosen.kmeans_binary)
        self.ratings = prepare.ratings(self.segmill, chosen.size, SIZES[chosen.size])
        OUT.mkdir(exist_ok=True)

    @property
    def runs_spark(self) -> bool:
        return "spark" in self.peers_of("pipeline") and "pipeline" in self.chosen.parts

    @property
    def version(self) -> str:
        """segmill's, with the commit unless it was built elsewhere."""
        given = self.chosen.binary or self.chosen.kmeans_binary
        told = subprocess.run([str(self.segmill), "--version"], capture_output=True, text=True).stdout.split()
        return f"{told[-1]} ({f'given: {given.name}' if given else prepare.commit()})"

    def peers_of(self, part: str) -> list[str]:
        return [peer for peer in PARTS[part] if peer in self.chosen.peers]

    def environment(self) -> dict[str, str]:
        threads = str(self.chosen.workers)
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
        return prepare.quiet() | dict.fromkeys(names, threads)

    def run_segmill(self, name: str, n_init: int, workers: int, processes: int = 1, tol: float = PCA_TOL) -> Result:
        output = OUT / name
        job = OUT / f"{name}.toml"
        job.write_text(JOB.format(ratings=self.ratings, n_init=n_init, tol=tol))
        words = [str(self.segmill), "run", str(job), "-o", str(output), "-w", str(workers), "-q"]
        log = OUT / f"{name}.log"
        ended = run(words, FOLDER, log) if processes == 1 else run_members(words, processes, name)
        return segmill_result(output, ended)

    def run_peer(self, script: str, name: str, more: list[str]) -> Result:
        """A peer's whole pipeline."""
        result = OUT / f"{name}.json"
        words = [self.python, SCRIPTS / script, "--ratings", self.ratings, "--output", OUT / name]
        words += ["--result", result, "--workers", self.chosen.workers, *more]
        run([str(word) for word in words], FOLDER, OUT / f"{name}.log", self.environment())
        return json.loads(result.read_text())

    def run_sklearn(self, peer: str, n_init: int) -> Result:
        return self.run_peer("scikit.py", f"{peer}-{n_init}", ["--n-init", str(n_init), "--bits", str(BITS[peer])])

    def run_spark(self) -> Result:
        native = ["--native-blas", self.blas] if self.blas else []
        memory = ["--driver-memory", self.chosen.driver_memory]
        return self.run_peer("spark.py", "spark", [*memory, "--pca", self.chosen.spark_pca, *native])

    def run_kmeans(self, case: Points) -> dict[str, Result]:
        made, begin = prepare.points(self.python, case)
        log = OUT / "kmeans.log"
        words = [self.kmeans, made, begin, self.chosen.workers, *case.stop]
        run([str(word) for word in words], FOLDER, log)
        own = json.loads(log.read_text().splitlines()[-1])
        tol, max_iter = case.stop
        more = ["--points", made, "--start", begin]
        more += ["--tol", tol, "--max-iter", max_iter, "--iterations", own["iterations"]]
        peers = self.peers_of("kmeans")
        return {"segmill": own} | {p: self.run_alone("kmeans.py", f"kmeans-{p}", [p, *more]) for p in peers}

    def run_alone(self, script: str, name: str, more: list[Any]) -> Result:
        """A peer's part of the pipeline."""
        result = OUT / f"{name}.json"
        words = [self.python, SCRIPTS / script, *more, "--workers", self.chosen.workers, "--result", result]
        run([str(word) for word in words], FOLDER, OUT / f"{name}.log", self.environment())
        return json.loads(result.read_text())

    def run_way(self, way: Way, matrix: Path) -> Result:
        """PCA alone."""
        name = f"pca-{way.key}"
        if way.method == "segmill":
            ran = self.run_segmill(name, self.chosen.n_init[0], self.chosen.workers, tol=way.setting)
            return {"seconds": ran["stages"]["pca"], "solver": ran["solver"]}
        words = [way.method, "--setting", way.setting, "--matrix", matrix, "--components", OUT / f"{name}.npz"]
        return self.run_alone("pca.py", name, words)

    def pipeline_residuals(self) -> dict[str, float]:
        first = self.chosen.n_init[0]
        sources = {
            "segmill": OUT / f"segmill-{first}" / "model",
            "sklearn": OUT / f"sklearn-{first}" / "components.npz",
            "sklearn-loose": OUT / f"sklearn-{first}" / "components-loose.npz",
            "sklearn32": OUT / f"sklearn32-{first}" / "components.npz",
            "spark": OUT / "spark" / "components.npz",
        }
        ran = {"segmill", *self.chosen.peers}
        return self.residuals({name: path for name, path in sources.items() if name.split("-")[0] in ran})

    def residuals(self, sources: dict[str, Path]) -> dict[str, float]:
        named = [f"{name}={path}" for name, path in sources.items()]
        result = OUT / "residual.json"
        words = [self.python, SCRIPTS / "residual.py", "--ratings", self.ratings, "--result", result, *named]
        run([str(word) for word in words], FOLDER, OUT / "residual.log", self.environment())
        return json.loads(result.read_text())

    def pipeline(self) -> Result:
        found: dict[str, dict[str, list[Result]]] = {str(n): {"segmill": []} for n in self.chosen.n_init}
        for turn in range(self.chosen.runs):
            for n_init in self.chosen.n_init:
                say(f"pipeline, n_init = {n_init}, run {turn + 1} of {self.chosen.runs} ...")
                peers = found[str(n_init)]
                peers["segmill"].append(self.run_segmill(f"segmill-{n_init}", n_init, self.chosen.workers))
                for peer in BITS:
                    if peer in self.chosen.peers:
                        peers.setdefault(peer, []).append(self.run_sklearn(peer, n_init))
        if self.runs_spark:
            say("Spark ...")
            spark = [self.run_spark() for _ in range(self.chosen.spark_runs)]
            for peers in found.values():
                peers["spark"] = spark
        return found

    def layouts(self) -> Result:
        n_init, workers = self.chosen.n_init[0], self.chosen.workers
        ways = {
            f"{workers} workers": (workers, 1),
            "1 worker": (1, 1),
            f"{workers} processes of 1": (1, workers),
        }
        found: dict[str, list[Result]] = {way: [] for way in ways}
        for turn in range(self.chosen.runs):
            say(f"layouts, run {turn + 1} of {self.chosen.runs} ...")
            for way, (threads, processes) in ways.items():
                found[way].append(self.run_segmill("layout", n_init, threads, processes))
        return found

    def kmeans_alone(self) -> Result:
        found: dict[str, dict[str, list[Result]]] = {}
        for case in POINTS:
            for turn in range(self.chosen.runs):
                say(f"k-means alone, {case.name}, run {turn + 1} of {self.chosen.runs} ...")
                for peer, result in self.run_kmeans(case).items():
                    found.setdefault(case.name, {}).setdefault(peer, []).append(result)
        return found

    def pca_alone(self) -> Result:
        ways = self.ways()
        matrix = prepare.matrix(self.python, self.ratings)
        found: dict[str, list[Result]] = {way.key: [] for way in ways}
        for turn in range(self.chosen.runs):
            say(f"PCA alone, run {turn + 1} of {self.chosen.runs} ...")
            for way in ways:
                found[way.key].append(self.run_way(way, matrix))
        places = {way.key: OUT / (f"pca-{way.key}" + ("/model" if way.method == "segmill" else ".npz")) for way in ways}
        return {"runs": found, "residual": self.residuals(places)}

    def ways(self) -> list[Way]:
        return [way for peer in ("segmill", *self.peers_of("pca")) for way in WAYS[peer]]

    def readers(self) -> Result:
        found: dict[str, list[Result]] = {peer: [] for peer in ("segmill", *self.peers_of("readers"))}
        for turn in range(self.chosen.runs):
            say(f"readers, run {turn + 1} of {self.chosen.runs} ...")
            for peer, runs in found.items():
                runs.append(self.run_reader(peer))
            check_contents({peer: runs[-1]["contents"] for peer, runs in found.items()})
        return found

    def run_reader(self, peer: str) -> Result:
        if peer == "segmill":
            return self.run_segmill("reader", self.chosen.n_init[0], self.chosen.workers)
        return self.run_alone("readers.py", f"reader-{peer}", [peer, "--ratings", self.ratings])

    def tidy(self) -> None:
        if not self.chosen.keep:
            shutil.rmtree(OUT, ignore_errors=True)
            for path in FOLDER.glob("points-*.f64"):
                path.unlink()


def run_members(words: list[str], processes: int, name: str) -> Ended:
    """A cluster on loopback; the memory is the largest member's."""
    hosts = OUT / "hosts"
    hosts.write_text("".join(f"127.0.0.1:{port}\n" for port in free_ports(processes)))
    os.environ["SEGMILL_CLUSTER_KEY"] = secrets.token_hex(32)
    members = []
    for process in range(processes):
        layout = ["--processes", str(processes), "--process", str(process), "--hosts", str(hosts)]
        members.append(start([*words, *layout], FOLDER, OUT / f"{name}-{process}.log"))
    ended = [member.wait() for member in members]
    seconds, processor = max(e.seconds for e in ended), sum(e.processor for e in ended)
    return Ended(seconds, processor, max(e.peak_memory for e in ended))


def check_contents(contents: dict[str, Result]) -> None:
    """Whether all have read the same matrix; segmill tells no more of it than its size."""
    for name in ("users", "items", "ratings", "digest"):
        told = {peer: read[name] for peer, read in contents.items() if name in read}
        if len(set(told.values())) > 1:
            raise Failed(f"the readers disagree on the {name} of the matrix: {told}")


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def segmill_result(output: Path, ended: Ended) -> Result:
    """What of the process's time no stage claims is start, projection, gathering and writing: `write`."""
    told = json.loads((output / "run.json").read_text())
    stages = {s["stage"]: s["seconds"] for s in told["stages"] if s["stage"] in table.GROUPS}
    stages["write"] = ended.seconds - sum(seconds for stage, seconds in stages.items() if stage != "write")
    return {
        "stages": stages,
        "total": ended.seconds,
        "processor": ended.processor,
        "peak_memory": ended.peak_memory,
        "inertia": told["inertia"],
        "iterations": told["iterations"]["kmeans"],
        "explained_variance_ratio": told["explained_variance_ratio"],
        "in_sample_accuracy": told["validation"]["in_sample_accuracy"],
        "out_of_fold_accuracy": told["validation"]["out_of_fold_accuracy"],
        "solver": told["solver"],
        "contents": {name: told[name] for name in ("users", "items", "ratings")},
    }


def versions(comparison: Comparison, pipeline: Result) -> dict[str, str]:
    """What the results say, and the packages of those that took part."""
    found = {"segmill": comparison.version}
    for runs in (runs for by_peer in pipeline.values() for runs in by_peer.values()):
        found |= runs[0].get("versions", {})
    pinned = dict(line.split("==") for line in (SCRIPTS / "requirements.txt").read_text().split())
    took_part = dict.fromkeys(peer for part in comparison.chosen.parts for peer in comparison.peers_of(part))
    packages = (package for peer in took_part for package in PEERS[peer])
    return {package: pinned[package] for package in packages} | found


def compare(comparison: Comparison) -> tuple[Result, list[str]]:
    """All figures, and the tables."""
    parts = comparison.chosen.parts
    figures: Result = {}
    tables = []
    if "pipeline" in parts:
        figures["pipeline"] = comparison.pipeline()
        figures["residual"] = comparison.pipeline_residuals()
        tables += [table.pipeline(n, peers, figures["residual"]) for n, peers in figures["pipeline"].items()]
    if "layouts" in parts:
        figures["layouts"] = comparison.layouts()
        tables.append(table.layouts(figures["layouts"]))
    if "kmeans" in parts:
        figures["kmeans"] = comparison.kmeans_alone()
        tables.append(table.kmeans(figures["kmeans"]))
    if "pca" in parts:
        figures["pca"] = comparison.pca_alone()
        tables.append(table.pca(comparison.ways(), figures["pca"]["runs"], figures["pca"]["residual"]))
    if "readers" in parts:
        figures["readers"] = comparison.readers()
        tables.append(table.readers(figures["readers"]))
    return figures, tables


def report(comparison: Comparison) -> None:
    chosen = comparison.chosen
    size = SIZES[chosen.size]
    figures, tables = compare(comparison)
    command = " ".join(["python3 benches/peers/run.py", *sys.argv[1:]])
    used = versions(comparison, figures.get("pipeline", {}))
    lines = [
        f"`{command}`: {size.users:,} users x {size.items:,} items, {size.ratings_per_user} ratings each; "
        f"medians of {chosen.runs}" + (f" (Spark: {chosen.spark_runs})" if comparison.runs_spark else ""),
        f"Machine: {comparison.machine}. {chosen.workers} threads for everybody.",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in used.items()) + ".",
    ]
    text = "\n\n".join([*lines, *tables])
    about = {"command": command, "machine": comparison.machine, "versions": used, "markdown": text}
    (FOLDER / f"{chosen.size}.json").write_text(json.dumps(about | figures, indent=1) + "\n")
    print(text)


def main() -> int:
    chosen = options()
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        comparison = Comparison(chosen)
        report(comparison)
        comparison.tidy()
    except Failed as failure:
        say(f"run.py: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
