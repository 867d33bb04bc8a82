"""Purchases of clothes by amount: segments are a level of prices in some categories.

Every category has cheap, middling and dear articles. Most of what members buy is on their level, some on the next.
"""

from random import Random

from draws import INDIFFERENT, Activity, Shelves, leaning, population, sizes
from files import Columns, Dataset, Layout
from words import codes, maybe, moment, titles

CATEGORIES = ("Women", "Men", "Kids", "Sport", "Shoes", "Home")
LEVELS = (14.0, 45.0, 160.0)


def prices(rng: Random, taste: bool) -> Dataset:
    """Purchases of 6 to 9 segments in 6 categories and 3 levels."""
    segments, items = rng.randint(6, 9), rng.randint(500, 800)
    shelves = Shelves(rng, items, len(CATEGORIES) * len(LEVELS), exponent=rng.uniform(0.7, 0.9))
    tastes = levels(rng, segments)
    activity = Activity(median=24, spread=0.6, low=6, high=200)
    people = population(rng, codes(rng, 2500, "{}", 7), sizes(segments, 0.8), activity, mean=0.72, taste=taste)
    numbers, names = codes(rng, items, "P{}", 6), titles(rng, items)
    price = [LEVELS[shelf % len(LEVELS)] * rng.lognormvariate(0.0, 0.25) for shelf in shelves.shelf]
    rows = []
    for user in people:
        for item in shelves.picks(rng, user, leaning(rng, tastes[user.segment], 10.0), user.activity):
            category = CATEGORIES[shelves.shelf[item] // len(LEVELS)]
            amount = f"{price[item] * rng.choice((0.8, 1.0, 1.0, 1.0)):.2f}"
            date = moment(rng, 365).date()
            rows.append((f"T{rng.getrandbits(36):09x}", date, user.id, numbers[item], names[item], category, amount))
    rows.sort(key=lambda row: row[1:3])
    return Dataset(
        ("transaction", "date", "client_no", "product_code", "product_name", "category", "amount_paid"),
        [(*row[:4], maybe(rng, row[4]), *row[5:]) for row in rows],
        Columns(("client_no",), ("product_code", "product_name"), ("amount_paid",)),
        {user.id: user.segment for user in people}, Layout(extension="txt", delimiter="|"),
    )  # fmt: skip


def levels(rng: Random, segments: int) -> list[list[float]]:
    """Weights of shelves, which are a category and a level each: two categories, and one level with the next ones."""
    places = [(first, level) for level in range(len(LEVELS)) for first in range(len(CATEGORIES))]
    tastes = []
    for first, level in rng.sample(places, segments):
        second = (first + rng.randrange(1, len(CATEGORIES))) % len(CATEGORIES)
        weights = [INDIFFERENT] * (len(CATEGORIES) * len(LEVELS))
        for category, weight in ((first, 1.0), (second, 0.5)):
            for other in range(len(LEVELS)):
                weights[category * len(LEVELS) + other] += weight * 0.25 ** abs(other - level)
        tastes.append(weights)
    return tastes
