"""What is compared: the sizes of the data, and the parameters that all peers share. Standard library only."""

from dataclasses import dataclass

COMPONENTS = 10
CLUSTERS = 25
FOLDS = 5
TOP = 10
MAX_ITER = 300
# Relative to the mean variance of the columns: scikit-learn's rule, and segmill's.
TOL = 1e-4
# The residual that segmill's Krylov solver converges to by default.
PCA_TOL = 1e-8
SEED = 1


@dataclass(frozen=True)
class Size:
    """Generated ratings."""

    users: int
    items: int
    ratings_per_user: int


SIZES = {
    "1m": Size(6_040, 3_706, 166),
    "25m": Size(162_000, 59_000, 157),
    "100m": Size(480_000, 17_770, 209),
}


@dataclass(frozen=True)
class Points:
    """Made-up scores for k-means alone."""

    rows: int
    dims: int
    clusters: int
    # The most for everybody, in place of the rule by which to stop.
    iterations: int | None = None

    @property
    def name(self) -> str:
        limit = f", at most {self.iterations} iterations" if self.iterations else ""
        return f"{self.rows} x {self.dims}, k = {self.clusters}{limit}"

    @property
    def stop(self) -> tuple[float, int]:
        """The tolerance and the most iterations."""
        return (0.0, self.iterations) if self.iterations else (TOL, MAX_ITER)

    @property
    def stem(self) -> str:
        return f"points-{self.rows}-{self.dims}-{self.clusters}"


POINTS = [
    Points(1_000_000, 10, 25),
    Points(1_000_000, 32, 100),
    Points(1_000_000, 32, 256, iterations=30),
    Points(300_000, 32, 1_024, iterations=30),
]


@dataclass(frozen=True)
class Way:
    """A method for principal components, and how much it is asked for."""

    method: str
    # A tolerance, or a number of power iterations.
    setting: float

    @property
    def key(self) -> str:
        return f"{self.method}-{self.setting:g}"


# `svds` squares its tolerance before it hands it on.
SVDS_TOLS = [1e-1, 1e-2, 1e-3, 1e-4, 0.0]
# By peer; from segmill's residuals to rounding, so that each of the others has one to be compared with.
WAYS = {
    "segmill": [Way("segmill", tol) for tol in (1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14)],
    "scipy": [Way(solver, tol) for solver in ("arpack", "propack") for tol in SVDS_TOLS],
    "sklearn": [Way("randomized", iterations) for iterations in (2, 4, 7, 10, 15)],
}
