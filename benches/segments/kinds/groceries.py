"""Receipts of a supermarket with loyalty cards, in Spanish: thousands of articles, and many that everyone buys.

Half of what is bought by popularity is staples, which tell nobody apart. Households lean on some aisles.
"""

from random import Random

from draws import Activity, Shelves, leaning, population, sizes
from files import Columns, Dataset, Layout
from words import codes, maybe, moment, titles

STAPLES = 60


def groceries(rng: Random, taste: bool) -> Dataset:
    """Receipts of 7 to 11 segments in 24 aisles."""
    segments, items = rng.randint(7, 11), rng.randint(3000, 4500)
    shelves = Shelves(rng, items, shelves=24, exponent=rng.uniform(0.7, 0.85))
    staples(shelves)
    tastes = shelves.tastes(rng, segments, liked=(1.0, 0.8, 0.6, 0.4, 0.3))
    cards = codes(rng, rng.randint(1600, 2000), "29{}", 9)
    activity = Activity(median=85, spread=0.6, low=20, high=450)
    people = population(rng, cards, sizes(segments, 0.8), activity, mean=0.5, taste=taste)
    numbers, names = codes(rng, items, "84{}", 8), titles(rng, items)
    rows = []
    for user in people:
        bought = shelves.picks(rng, user, leaning(rng, tastes[user.segment], 8.0), user.activity)
        for place, item in enumerate(bought):
            if place % 14 == 0:
                date, receipt = moment(rng, 120), rng.randrange(10**6, 10**7)
            units = rng.choice((1, 1, 1, 2, 2, 3, 6))
            amount = f"{units * (0.4 + item % 97 / 13):.2f}".replace(".", ",")
            rows.append((date, receipt, user.id, numbers[item], maybe(rng, names[item]), units, amount))
    rows.sort(key=lambda row: row[:3])
    return Dataset(
        ("Fecha", "Ticket", "Tarjeta cliente", "Código artículo", "Artículo", "Unidades", "Importe"),
        [(row[0].strftime("%d/%m/%Y %H:%M"), *row[1:]) for row in rows],
        Columns(("Tarjeta cliente",), ("Código artículo", "Artículo"), ("Unidades",)),
        {user.id: user.segment for user in people}, Layout(delimiter=";", bom=True),
    )  # fmt: skip


def staples(shelves: Shelves) -> None:
    """The first articles are on nobody's aisle, and take half of what is bought by popularity."""
    total = sum(shelves.popularity[STAPLES:])
    for item in range(STAPLES):
        shelves.shelf[item], shelves.popularity[item] = -1, total / STAPLES
    shelves.arrange()
