"""Loans of a library, without a header: card, signature and date. Two or three segments, one of them large."""

from random import Random

from draws import Activity, Shelves, leaning, population, sizes
from files import Columns, Dataset, Layout
from words import moment


def loans(rng: Random, taste: bool) -> Dataset:
    """Loans of 2 or 3 segments in 9 subjects."""
    segments, items = rng.randint(2, 3), rng.randint(700, 1000)
    shelves = Shelves(rng, items, shelves=9, exponent=rng.uniform(0.6, 0.8))
    tastes = shelves.tastes(rng, segments, liked=(1.0, 0.4))
    activity = Activity(median=26, spread=0.8, low=5, high=300)
    cards = [f"B{number}" for number in rng.sample(range(10_000, 100_000), 2200)]
    people = population(rng, cards, sizes(segments, 0.45), activity, mean=0.6, taste=taste)
    numbers = rng.sample(range(1000, 9999), items)
    signatures = [f"{shelf + 1}.{rng.randrange(10, 99)} {number}" for shelf, number in zip(shelves.shelf, numbers)]
    rows = []
    for user in people:
        for item in shelves.picks(rng, user, leaning(rng, tastes[user.segment], 20.0), user.activity):
            rows.append((user.id, signatures[item], moment(rng, 1000).date()))
    rows.sort(key=lambda row: (row[2], row[0]))
    return Dataset(
        ("0", "1", "2"), rows, Columns(("0",), ("1",)),
        {user.id: user.segment for user in people}, Layout(header=False),
    )  # fmt: skip
