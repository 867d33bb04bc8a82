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

    @property
    def name(self) -> str:
        return f"{self.rows} x {self.dims}, k = {self.clusters}"

    @property
    def stem(self) -> str:
        return f"points-{self.rows}-{self.dims}-{self.clusters}"


POINTS = [Points(1_000_000, 10, 25), Points(1_000_000, 32, 100)]
