"""Hours that players spent on games, with a very heavy tail, in up to thirty segments."""

from random import Random

from draws import Activity, Shelves, leaning, population, sizes
from files import Columns, Dataset, Layout
from words import codes, maybe, moment, titles


def games(rng: Random, taste: bool) -> Dataset:
    """A table of 24 to 30 segments in 36 genres."""
    segments, items = rng.randint(24, 30), rng.randint(1000, 1400)
    shelves = Shelves(rng, items, shelves=36, exponent=rng.uniform(0.7, 0.85))
    tastes = shelves.tastes(rng, segments, liked=(1.0, 0.5, 0.3))
    activity = Activity(median=24, spread=0.5, low=8, high=200)
    people = population(rng, codes(rng, 6000, "7656{}", 9), sizes(segments, 0.95), activity, mean=0.7, taste=taste)
    names = titles(rng, items)
    rows = []
    for user in people:
        for item in shelves.different(rng, user, leaning(rng, tastes[user.segment], 10.0), user.activity):
            hours = f"{min(rng.lognormvariate(1.8, 1.6), 9000) + 0.1:.1f}"
            rows.append((user.id, names[item], hours, maybe(rng, moment(rng, 900).date(), 0.7)))
    rng.shuffle(rows)
    return Dataset(
        ("player", "game", "hours_played", "last_played"), rows,
        Columns(("player",), ("game",), ("hours_played",)),
        {user.id: user.segment for user in people}, Layout(),
    )  # fmt: skip
