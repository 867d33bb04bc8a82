"""What a comparison needs: packages, a release build, Java and OpenBLAS for Spark, data. Standard library only.

Everything is kept under `target/peers` and made once.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from processes import Failed, run, say
from setting import SEED, Points, Size

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).resolve().parent
FOLDER = ROOT / "target" / "peers"
# The oldest Java that Spark 4 runs on.
OLDEST_JAVA = 17


def python() -> Path:
    """The interpreter of a virtual environment that holds `requirements.txt`."""
    home = FOLDER / "venv"
    wanted = (SCRIPTS / "requirements.txt").read_text()
    stamp = home / "requirements.txt"
    interpreter = home / "bin" / "python"
    if stamp.exists() and stamp.read_text() == wanted:
        return interpreter
    say("installing packages ...")
    log = FOLDER / "install.log"
    run([sys.executable, "-m", "venv", str(home)], FOLDER, log)
    run([str(interpreter), "-m", "pip", "install", "-r", str(SCRIPTS / "requirements.txt")], FOLDER, log)
    stamp.write_text(wanted)
    return interpreter


def segmill(given: Path | None) -> Path:
    """The program: a given one, or a release build."""
    return binary(given, ["--bin", "segmill"], "segmill")


def kmeans(given: Path | None) -> Path:
    """segmill's program for k-means alone."""
    return binary(given, ["--bench", "kmeans"], "kmeans")


def binary(given: Path | None, target: list[str], name: str) -> Path:
    if given is None:
        say(f"building {name} ...")
        return cargo(target, name)
    if not os.access(given, os.X_OK):
        raise Failed(f"{given} cannot be run: name a program, or none to have one built")
    return given.resolve()


def cargo(target: list[str], name: str) -> Path:
    words = ["cargo", "build", "--release", *target, "--message-format", "json-render-diagnostics"]
    built = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        raise Failed(f"{' '.join(words)} failed")
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    made = [m for m in messages if m.get("executable") and m["target"]["name"] == name]
    return Path(made[-1]["executable"])


def check_java() -> None:
    remedy = "apt install openjdk-17-jre-headless, or leave spark out of --peers"
    java = shutil.which("java")
    if java is None:
        raise Failed(f"Spark needs Java, and there is no java on the path: {remedy}")
    told = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise Failed(f"Spark needs Java {OLDEST_JAVA} or later: {remedy}")


def openblas() -> str | None:
    """The name under which the dynamic linker knows OpenBLAS."""
    ldconfig = shutil.which("ldconfig") or "/sbin/ldconfig"
    try:
        known = subprocess.run([ldconfig, "-p"], capture_output=True, text=True).stdout
    except OSError:
        known = ""
    names = re.findall(r"^\s*(libopenblas\S*\.so\S*)", known, re.MULTILINE)
    if names:
        return min(names, key=len)
    say("OpenBLAS was not found, so Spark falls back on Java's own BLAS and is slower than it can be.")
    say("Remedy: apt install libopenblas-dev")
    return None


def ratings(segmill: Path, name: str, size: Size) -> Path:
    """The CSV of a size; written once, then read once so that everybody finds it in the cache."""
    path = FOLDER / f"{name}.csv"
    if not path.exists():
        say(f"generating {path.name} ...")
        draft = FOLDER / f"{name}.part.csv"
        words = ["--users", size.users, "--items", size.items, "--ratings-per-user", size.ratings_per_user]
        words += ["--segments", 25, "--seed", SEED, "-o", draft]
        run([str(segmill), "generate", *map(str, words)], FOLDER, FOLDER / "generate.log")
        for beside in FOLDER.glob(f"{name}.part.*.csv"):
            beside.unlink()
        draft.rename(path)
    warm(path)
    return path


def warm(path: Path) -> None:
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass


def matrix(interpreter: Path, source: Path) -> Path:
    """The matrix of some ratings, for peers that begin with it; written once for each file of ratings."""
    path = source.with_suffix(".npz")
    if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
        say(f"making {path.name} ...")
        draft = source.with_suffix(".part.npz")
        words = [interpreter, SCRIPTS / "ratings.py", "--ratings", source, "--matrix", draft]
        run([str(word) for word in words], FOLDER, FOLDER / "matrix.log", quiet())
        draft.rename(path)
    warm(path)
    return path


def points(interpreter: Path, case: Points) -> tuple[Path, Path]:
    """The file of points of a case, and the one of centroids to start from."""
    made, start = FOLDER / f"{case.stem}.f64", FOLDER / f"{case.stem}.start.f64"
    if not start.exists():
        say(f"making points: {case.name} ...")
        words = ["--rows", case.rows, "--dims", case.dims, "--clusters", case.clusters]
        words += ["--points", made, "--start", start]
        run([str(interpreter), str(SCRIPTS / "points.py"), *map(str, words)], FOLDER, FOLDER / "points.log", quiet())
    return made, start


def quiet() -> dict[str, str]:
    """Environment of the Python programs: nothing is left outside `target/peers`."""
    scratch = FOLDER / "tmp"
    scratch.mkdir(exist_ok=True)
    return {"PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(scratch)}


def machine() -> str:
    cpu = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.+)$", cpu, re.MULTILINE)
    cores = len(re.findall(r"^processor\s*:", cpu, re.MULTILINE))
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    gibibytes = round(int(memory[1]) / 2**20) if memory else 0
    load = Path("/proc/loadavg").read_text().split()[0]
    name = model[1] if model else "unknown processor"
    return f"{name}, {cores} cores, {gibibytes} GiB; load before the first run {load}"


def commit() -> str:
    words = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
