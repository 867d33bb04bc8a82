"""Chance that all generators share: popularity, activity, sizes of segments, and who picks what.

The model is the same everywhere. Items lie on shelves (genres, aisles, topics) and have a popularity that falls as a
power of their rank. A segment prefers some shelves, and two segments may prefer the same ones. A user of the segment
has a leaning of their own around that, and picks by it for a part of their choices; the rest of them follow the
popularity among all items. Users differ in how much they do, log-normally. Without taste that part is none of the
choices, and everything else stays as it is.

Everything is drawn from one `Random` that is seeded with a text, so that the same seed gives the same file.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

# The weight of a shelf that a segment does not care for, beside 1 for the one that it likes most.
INDIFFERENT = 0.02


@dataclass(frozen=True)
class User:
    """Who picks: their planted segment, how many picks they make, and the part of these that taste decides."""

    id: str
    segment: int
    activity: int
    loyalty: float


@dataclass(frozen=True)
class Activity:
    """Picks of a user: log-normal, and cut off at both ends."""

    median: float
    spread: float
    low: int
    high: int

    def draw(self, rng: Random, times: float = 1.0) -> int:
        """The picks of one user; `times` stands for users who do more, or less, than others."""
        picks = round(self.median * times * math.exp(rng.gauss(0.0, self.spread)))
        return min(max(picks, self.low), self.high)


def zipf(rng: Random, count: int, exponent: float) -> list[float]:
    """Weights that fall as a power of the rank; the ranks are shuffled, and the first few are flattened."""
    weights = [(rank + 3.0) ** -exponent for rank in range(count)]
    rng.shuffle(weights)
    return weights


def sizes(segments: int, uneven: float, least: float = 0.02) -> list[float]:
    """Shares of segments: each is `uneven` times the one before it, and none is below `least`."""
    raw = [uneven**place for place in range(segments)]
    shares = [max(share / sum(raw), least) for share in raw]
    return [share / sum(shares) for share in shares]


def members(rng: Random, users: int, shares: Sequence[float]) -> list[int]:
    """The segment of each user, in no order, with as many users in each as its share says."""
    bounds = [round(users * bound) for bound in itertools.accumulate(shares)]
    bounds[-1] = users
    counts = [end - begin for begin, end in zip([0, *bounds], bounds)]
    segments = [segment for segment, count in enumerate(counts) for _ in range(count)]
    rng.shuffle(segments)
    return segments


def loyalty(rng: Random, mean: float, taste: bool = True) -> float:
    """The part of a user's picks that taste decides; without taste, none."""
    drawn = rng.betavariate(12.0 * mean, 12.0 * (1.0 - mean))
    return drawn if taste else 0.0


def population(
    rng: Random, ids: Sequence[str], shares: Sequence[float], activity: Activity, mean: float, taste: bool
) -> list[User]:
    """Users of these ids, in segments of these shares; `mean` is the mean part of their picks that taste decides."""
    placed = members(rng, len(ids), shares)
    return [User(id, segment, activity.draw(rng), loyalty(rng, mean, taste)) for id, segment in zip(ids, placed)]


class Shelves:
    """Items on shelves."""

    def __init__(self, rng: Random, items: int, shelves: int, exponent: float) -> None:
        self.popularity = zipf(rng, items, exponent)
        room = [rng.uniform(0.5, 1.5) for _ in range(shelves)]
        self.shelf = [*range(shelves), *rng.choices(range(shelves), room, k=items - shelves)]
        self.items = range(items)
        self.arrange()

    def arrange(self) -> None:
        """Sums up the popularity, of all items and on each shelf; call it when `popularity` or `shelf` was changed."""
        self.all = list(itertools.accumulate(self.popularity))
        self.on: list[list[int]] = [[] for _ in range(max(self.shelf) + 1)]
        for item, shelf in enumerate(self.shelf):
            if shelf >= 0:
                self.on[shelf].append(item)
        self.sums = [list(itertools.accumulate(self.popularity[item] for item in items)) for items in self.on]

    def tastes(self, rng: Random, segments: int, liked: Sequence[float] = (1.0, 0.6, 0.35)) -> list[list[float]]:
        """What each segment cares for: weights of shelves. The first liked shelf of segments is another one for
        each as long as there are enough of them; the others are any."""
        order = rng.sample(range(len(self.on)), len(self.on))
        return [self.taste(rng, order[segment % len(order)], liked) for segment in range(segments)]

    def taste(self, rng: Random, first: int, liked: Sequence[float]) -> list[float]:
        """Weights of shelves, the greatest of them that of the first."""
        weights = [INDIFFERENT] * len(self.on)
        others = [shelf for shelf in range(len(self.on)) if shelf != first]
        for shelf, weight in zip([first, *rng.sample(others, len(liked) - 1)], liked):
            weights[shelf] = weight
        return weights

    def popular(self, rng: Random, count: int) -> list[int]:
        """Picks by popularity among all items."""
        return rng.choices(self.items, cum_weights=self.all, k=count)

    def picks(self, rng: Random, user: User, leaning: Sequence[float], count: int) -> list[int]:
        """What this user picks, repeated items included, in no order."""
        by_taste = sum(rng.random() < user.loyalty for _ in range(count))
        picked = self.popular(rng, count - by_taste)
        for shelf in rng.choices(range(len(self.on)), leaning, k=by_taste):
            picked += rng.choices(self.on[shelf], cum_weights=self.sums[shelf])
        rng.shuffle(picked)
        return picked

    def different(self, rng: Random, user: User, leaning: Sequence[float], count: int) -> list[int]:
        """Different items that this user picks; fewer than asked for if they keep coming back to the same ones."""
        picked: dict[int, None] = {}
        for _ in range(6):
            picked.update(dict.fromkeys(self.picks(rng, user, leaning, count - len(picked))))
            if len(picked) == count:
                break
        return list(picked)


def leaning(rng: Random, taste: Sequence[float], firmness: float) -> list[float]:
    """One user's version of a taste (Dirichlet): the firmer, the more alike are the users of a segment."""
    weights = [rng.gammavariate(firmness * weight, 1.0) for weight in taste]
    return weights if sum(weights) > 0.0 else list(taste)


def heavy(rng: Random, median: float, spread: float, high: int = 1_000_000) -> int:
    """A count with a heavy tail, at least 1."""
    return min(max(1, round(median * math.exp(rng.gauss(0.0, spread)))), high)


def on_scale(value: float, low: int, high: int) -> int:
    """The nearest point of a scale."""
    return min(max(round(value), low), high)
