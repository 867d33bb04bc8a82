"""How fast a table of PostgreSQL is read, against `psql -c COPY` of the same table: both over TLS on loopback, in turn, medians.

python3 benches/postgres.py --segmill target/release/segmill --rows 25000000

The server is started in a temporary folder, and stopped at the end. `segmill` has to be built with `--features postgres`. What is compared is the
reading alone: `ingest` of a run as `run.json` has it, and the whole of a psql that writes the rows to /dev/null, as text and in binary form. Standard library only.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PORT = 54329
USER, PASSWORD = "segmill", "not-a-secret"
COPY = "COPY (SELECT user_id, item_id, rating FROM ratings) TO STDOUT"
JOB = """\
output = "{output}"
[input]
ratings = "postgres://{user}@127.0.0.1:{port}/postgres?table=ratings"
user = "user_id"
item = "item_id"
rating = "rating"
duplicates = "max"
[matrix]
weighting = "raw"
normalize = "none"
[pca]
components = 2
[kmeans]
clusters = 2
n_init = 1
[sweep]
clusters = []
[evidence]
enabled = false
"""


def programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    on_path = shutil.which("postgres")
    if not found and not on_path:
        sys.exit("PostgreSQL is missing: apt-get install postgresql")
    return found[-1].parent if found else Path(on_path).parent


class Server:
    """A server of nobody's, since PostgreSQL refuses to run as root."""

    def __init__(self, folder: Path):
        self.bin, self.folder = programs(), folder
        self.owner = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
        (folder / "password").write_text(PASSWORD)
        self.certificate()
        for path in [folder, *folder.iterdir()]:
            if self.owner:
                os.chown(path, 65534, 65534)
        data = folder / "data"
        self.run("initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={folder}/password", "--no-sync")
        settings = ["ssl=on", f"ssl_cert_file={folder}/server.crt", f"ssl_key_file={folder}/server.key", "max_wal_size=8GB"]
        words = [self.bin / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(PORT), "-k", "", "-F"]
        words += [word for setting in settings for word in ("-c", setting)]
        log = open(folder / "log", "w")
        self.process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, **self.owner)
        while self.psql("SELECT 1", check=False).returncode:
            if self.process.poll() is not None:
                sys.exit((folder / "log").read_text())
            time.sleep(0.2)

    def certificate(self):
        words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.crt -days 2"
        words = [*words.split(), "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

    def run(self, program, *words):
        done = subprocess.run([self.bin / program, *map(str, words)], cwd=self.folder, capture_output=True, **self.owner)
        if done.returncode:
            sys.exit(done.stderr.decode())

    def environment(self):
        own = {"PGHOST": "127.0.0.1", "PGPORT": str(PORT), "PGUSER": USER, "PGPASSWORD": PASSWORD, "PGDATABASE": "postgres"}
        return {**os.environ, **own, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(self.folder / "server.crt")}

    def psql(self, sql, check=True):
        words = [self.bin / "psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql]
        return subprocess.run(words, env=self.environment(), check=check, stdout=subprocess.DEVNULL, stderr=None if check else subprocess.DEVNULL)

    def stop(self):
        self.process.send_signal(2)
        self.process.wait()


def fill(server: Server, rows: int):
    """A hundred rows a user, over 20,000 items, in the order in which users come."""
    server.psql("CREATE UNLOGGED TABLE ratings (user_id int NOT NULL, item_id int NOT NULL, rating real NOT NULL)")
    server.psql(
        f"INSERT INTO ratings SELECT n / 100, (n::bigint * 7919 + n / 100 * 104729::bigint) % 20000, 1 + n % 9 * 0.5 FROM generate_series(0, {rows - 1}) n"
    )
    server.psql("VACUUM (ANALYZE, FREEZE) ratings")


def timed(run) -> float:
    start = time.monotonic()
    run()
    return time.monotonic() - start


def segmill(program: Path, server: Server, folder: Path, workers: int) -> float:
    """Seconds of `ingest`."""
    job, output = folder / "job.toml", folder / "out"
    job.write_text(JOB.format(output=output, user=USER, port=PORT))
    words = [program, "run", job, "-w", str(workers), "-q"]
    subprocess.run(words, env=server.environment(), check=True, stdout=subprocess.DEVNULL)
    seconds = {stage["stage"]: stage["seconds"] for stage in json.loads((output / "run.json").read_text())["stages"]}
    return seconds["ingest"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--segmill", type=Path, default=Path("target/release/segmill"))
    arguments.add_argument("--rows", type=int, default=25_000_000)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--workers", type=int, default=2)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as top:
        os.chmod(top, 0o755)
        folder = Path(top) / "server"
        folder.mkdir()
        server = Server(folder)
        try:
            fill(server, given.rows)
            measured = {"psql, text": [], "psql, binary": [], "segmill, ingest": []}
            for _ in range(given.runs):
                measured["psql, text"].append(timed(lambda: server.psql(COPY)))
                measured["psql, binary"].append(timed(lambda: server.psql(f"{COPY} (FORMAT binary)")))
                measured["segmill, ingest"].append(segmill(given.segmill.resolve(), server, Path(top), given.workers))
        finally:
            server.stop()
    median = {name: statistics.median(seconds) for name, seconds in measured.items()}
    for name, seconds in median.items():
        print(f"{name:16} {seconds:8.2f} s  {given.rows / seconds / 1e6:6.2f} million rows a second")
    print(f"segmill reads at {median['psql, text'] / median['segmill, ingest']:.2f} times the speed of psql")


if __name__ == "__main__":
    main()
