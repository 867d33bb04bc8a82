"""Film ratings from 1 to 5: taste shows in which films are rated and in how high.

Films have one or two genres and a quality. Some viewers are generous, some strict, and some use more of the scale.
"""

from random import Random

from draws import Activity, Shelves, leaning, on_scale, population, sizes
from files import Columns, Dataset, Layout
from words import START, codes, maybe, moment


def films(rng: Random, taste: bool) -> Dataset:
    """Ratings of 5 to 8 segments in 12 genres."""
    segments, items = rng.randint(5, 8), rng.randint(700, 1100)
    shelves = Shelves(rng, items, shelves=12, exponent=rng.uniform(0.8, 1.0))
    tastes = shelves.tastes(rng, segments, liked=(1.0, 0.7, 0.5, 0.3))
    second = [rng.randrange(12) if rng.random() < 0.4 else shelf for shelf in shelves.shelf]
    quality = [rng.gauss(0.0, 0.5) for _ in range(items)]
    ids = codes(rng, rng.randint(2000, 2600), "{}", 6)
    activity = Activity(median=45, spread=0.7, low=15, high=400)
    people = population(rng, ids, sizes(segments, 0.75), activity, mean=0.58, taste=taste)
    numbers = codes(rng, items, "{}", 5)
    rows = []
    for user in people:
        liking, generosity, width = tastes[user.segment], rng.gauss(0.0, 0.5), rng.uniform(0.7, 1.3) if taste else 1.0
        for item in shelves.different(rng, user, leaning(rng, liking, 8.0), user.activity):
            match = max(liking[shelves.shelf[item]], liking[second[item]])
            pleased = 1.1 * (match - 0.35) if taste else 0.0
            stars = 3.5 + generosity + width * (quality[item] + pleased + rng.gauss(0.0, 0.8))
            when = int((moment(rng, 900) - START).total_seconds()) + 1_400_000_000
            rows.append((user.id, numbers[item], on_scale(stars, 1, 5), when, maybe(rng, "web", 0.4)))
    rows.sort(key=lambda row: row[3])
    return Dataset(
        ("userId", "movieId", "rating", "timestamp", "client"), rows,
        Columns(("userId",), ("movieId",), ("rating",)),
        {user.id: user.segment for user in people}, Layout(),
    )  # fmt: skip
