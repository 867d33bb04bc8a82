"""The figures as Markdown. Standard library only.

A result is what one run of one peer gave (see `stages.py`); figures shown are medians over runs, ratios are to
segmill's median.
"""

from collections.abc import Callable
from statistics import median
from typing import Any

from setting import Way

Result = dict[str, Any]
Runs = list[Result]

GROUPS = ["ingest", "pca", "kmeans", "validate", "profile", "write"]
NAMES = {
    "segmill": "segmill",
    "sklearn": "scikit-learn",
    "sklearn32": "scikit-learn, 32 bits",
    "spark": "Spark",
    "faiss": "FAISS, 32 bits",
    "pandas": "pandas",
    "polars": "Polars",
    "duckdb": "DuckDB",
}
METHODS = {
    "segmill": "segmill",
    "arpack": "SciPy, ARPACK",
    "propack": "SciPy, PROPACK",
    "randomized": "scikit-learn, randomised",
}
NONE = "–"


def median_of(runs: Runs, figure: Callable[[Result], float | None]) -> float | None:
    values = [value for run in runs if (value := figure(run)) is not None]
    return median(values) if values else None


def known(runs: Runs, figure: Callable[[Result], float | None]) -> float:
    """The median of a figure that every run has."""
    value = median_of(runs, figure)
    assert value is not None, "no run has the figure"
    return value


def group(name: str) -> Callable[[Result], float | None]:
    """Seconds of a stage with all its parts."""

    def figure(run: Result) -> float | None:
        parts = [s for stage, s in run["stages"].items() if stage.split(".")[0] == name]
        return sum(parts) if parts else None

    return figure


def at(*path: str) -> Callable[[Result], Any]:
    def figure(run: Result) -> Any:
        for key in path:
            run = run.get(key, {})
        return run if run != {} else None

    return figure


def variance_difference(reference: Result) -> Callable[[Result], float | None]:
    own = reference["explained_variance_ratio"]

    def figure(run: Result) -> float | None:
        return max(abs(a - b) for a, b in zip(own, run["explained_variance_ratio"], strict=True))

    return figure


def seconds(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def megabytes(value: float) -> str:
    return f"{value / 1e6:.0f}"


def ratio(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def close_ratio(value: float) -> str:
    """Of figures that ought to be the same."""
    return f"{value:.6f}"


def scientific(value: float) -> str:
    return f"{value:.1e}"


def cells(rows: list[list[str]]) -> str:
    head, *body = rows
    rule = ["---"] + ["--:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *body])


def row(
    name: str,
    peers: dict[str, Runs],
    figure: Callable[[Result], float | None],
    show: Callable[[float], str],
    show_ratio: Callable[[float], str] | None,
) -> list[str]:
    """A figure of every peer, with its ratio to the first peer's where that is asked for."""
    line = [name]
    first: float | None = None
    for place, runs in enumerate(peers.values()):
        value = median_of(runs, figure)
        line.append(NONE if value is None else show(value))
        if place == 0:
            first = value
        else:
            line.append(show_ratio(value / first) if show_ratio and value is not None and first else NONE)
    return line


def head(corner: str, peers: list[str]) -> list[str]:
    first, *others = peers
    return [corner, first] + [cell for name in others for cell in (name, "ratio")]


def stage_rows(peers: dict[str, Runs]) -> list[list[str]]:
    rows = []
    for name in GROUPS:
        rows.append(row(f"{name}, s", peers, group(name), seconds, ratio))
        parts = dict.fromkeys(s for runs in peers.values() for s in runs[0]["stages"] if s.startswith(f"{name}."))
        for part in parts:
            label = f"– {part.split('.')[1]}, s"
            rows.append(row(label, peers, at("stages", part), seconds, None))
    rows.append(row("**total, s**", peers, at("total"), seconds, ratio))
    rows.append(row("processor time, s", peers, at("processor"), seconds, ratio))
    rows.append(row("peak memory, MB", peers, at("peak_memory"), megabytes, ratio))
    return rows


def pipeline(n_init: str, peers: dict[str, Runs], residuals: dict[str, float]) -> str:
    """segmill's runs come first in `peers`."""
    reference = peers["segmill"][0]
    residual_rows = {name: [{"residual": residuals.get(name)}] for name in peers}
    rows = [head(f"n_init = {n_init}", [NAMES[name] for name in peers]), *stage_rows(peers)]
    rows.append(row("inertia", peers, at("inertia"), lambda value: f"{value:.7g}", close_ratio))
    rows.append(row("k-means iterations", peers, at("iterations"), lambda value: f"{value:g}", None))
    difference = variance_difference(reference)
    rows.append(row("explained variance, furthest from segmill's", peers, difference, scientific, None))
    rows.append(row("PCA residual", residual_rows, lambda run: run["residual"], scientific, None))
    if "sklearn" in peers:
        rows.append(loose_row(peers))
        loose = {name: [{"residual": residuals.get("sklearn-loose" if name == "sklearn" else "")}] for name in peers}
        rows.append(row("– its residual", loose, lambda run: run["residual"], scientific, None))
    rows.append(row("accuracy in sample", peers, at("in_sample_accuracy"), lambda value: f"{value:.4f}", None))
    rows.append(row("accuracy out of fold", peers, at("out_of_fold_accuracy"), lambda value: f"{value:.4f}", None))
    return cells(rows)


def loose_row(peers: dict[str, Runs]) -> list[str]:
    """segmill's PCA beside one that is asked for no smaller residual."""

    def figure(run: Result) -> float | None:
        return run["loose"]["pca"] if "loose" in run else run["stages"]["pca"] if "solver" in run else None

    return row("pca asked for 1e-8, s", peers, figure, seconds, ratio)


def layouts(by_layout: dict[str, Runs]) -> str:
    return cells([head("segmill", list(by_layout)), *stage_rows(by_layout)])


def kmeans(by_case: dict[str, dict[str, Runs]]) -> str:
    rows = [["k-means alone", "seconds", "ratio", "iterations", "inertia / segmill's"]]
    for case, peers in by_case.items():
        own_seconds = known(peers["segmill"], at("seconds"))
        own_inertia = known(peers["segmill"], at("inertia"))
        for peer, runs in peers.items():
            taken, inertia = known(runs, at("seconds")), known(runs, at("inertia"))
            iterations = known(runs, at("iterations"))
            figures = [seconds(taken), ratio(taken / own_seconds), f"{iterations:g}", f"{inertia / own_inertia:.9f}"]
            rows.append([f"{case}: {NAMES[peer]}", *figures])
    return cells(rows)


def readers(peers: dict[str, Runs]) -> str:
    """Of segmill's process only a stage counts, which has neither parts nor memory of its own."""
    rows = [["CSV to matrix", "read, s", "matrix, s", "total, s", "ratio", "processor time, s", "peak memory, MB"]]
    own = known(peers["segmill"], group("ingest"))
    rows.append([NAMES["segmill"], NONE, NONE, seconds(own), ratio(1.0), NONE, NONE])
    for peer, runs in peers.items():
        if peer != "segmill":
            taken = [known(runs, at("stages", part)) for part in ("read", "matrix")]
            total = known(runs, at("total"))
            costs = [seconds(known(runs, at("processor"))), megabytes(known(runs, at("peak_memory")))]
            rows.append([NAMES[peer], *map(seconds, [*taken, total]), ratio(total / own), *costs])
    return cells(rows)


def pca(ways: list[Way], found: dict[str, Runs], residuals: dict[str, float]) -> str:
    """Each peer's seconds over those of the quickest of segmill's rows with no larger residual."""
    rows = [["PCA alone", "setting", "seconds", "residual", "ratio", "to segmill with"]]
    taken = {way: known(found[way.key], at("seconds")) for way in ways}
    own = [way for way in ways if way.method == "segmill"]
    for way in ways:
        as_good = [other for other in own if residuals[other.key] <= residuals[way.key]]
        beside = [NONE, NONE]
        if way not in own and as_good:
            quickest = min(as_good, key=lambda other: taken[other])
            beside = [ratio(taken[way] / taken[quickest]), setting(quickest)]
        rows.append([METHODS[way.method], setting(way), seconds(taken[way]), scientific(residuals[way.key]), *beside])
    return cells(rows)


def setting(way: Way) -> str:
    if way.method == "randomized":
        return f"{way.setting:g} power iterations"
    return f"tol = {way.setting:.0e}" if way.setting else "tol = 0"
