"""What `plan.py` and `follow.py` run on: generated ratings, and a job that only fits. Standard library only."""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from setting import CLUSTERS, COMPONENTS, SEED, SIZES  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
JOB = f"""\
[input]
ratings = ["{{ratings}}"]
[pca]
components = {COMPONENTS}
report = {COMPONENTS}
[kmeans]
clusters = {CLUSTERS}
[sweep]
clusters = []
[evidence]
enabled = false
"""


def ratings(segmill: Path, name: str, given: dict[str, str], folder: Path) -> Path:
    """A CSV file of this size in the folder, or the one that is given; in the file cache."""
    if name in given:
        return Path(given[name]).resolve()
    path = folder / f"{name}.csv"
    if not path.exists():
        size, draft = SIZES[name], folder / "draft.csv"
        words = ["--users", size.users, "--items", size.items, "--ratings-per-user", size.ratings_per_user]
        words += ["--segments", CLUSTERS, "--seed", SEED, "-o", draft]
        subprocess.run([segmill, "generate", *map(str, words)], check=True, stdout=subprocess.DEVNULL)
        draft.rename(path)
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass
    return path
