"""What companies buy from a wholesaler: a few hundred customers with hundreds of lines each, in German.

Quantities come in packs and have a heavy tail, so that a few large lines outweigh all others of a customer.
"""

from random import Random

from draws import Activity, Shelves, heavy, leaning, population, sizes
from files import Columns, Dataset, Layout
from words import codes, maybe, moment, titles


def business(rng: Random, taste: bool) -> Dataset:
    """Documents of 4 to 6 segments in 16 families of articles."""
    segments, items = rng.randint(4, 6), rng.randint(1200, 1800)
    shelves = Shelves(rng, items, shelves=16, exponent=rng.uniform(0.7, 0.9))
    tastes = shelves.tastes(rng, segments, liked=(1.0, 0.8, 0.6, 0.4, 0.3))
    activity = Activity(median=230, spread=0.6, low=40, high=1500)
    ids = [f"Kd-Nr {number}/{rng.choice('ABCÄÖ')}" for number in rng.sample(range(1000, 9999), 300)]
    people = population(rng, ids, sizes(segments, 0.65), activity, mean=0.42, taste=taste)
    numbers, names = codes(rng, items, "{}-00", 5), titles(rng, items)
    packs = [rng.choice((1, 5, 10, 10, 25, 100)) for _ in range(items)]
    rows = []
    for user in people:
        for item in shelves.picks(rng, user, leaning(rng, tastes[user.segment], 5.0), user.activity):
            amount = packs[item] * heavy(rng, 1.5, 1.0)
            date, receipt = moment(rng, 700), rng.randrange(400_000, 500_000)
            rows.append((date, receipt, user.id, numbers[item], names[item], amount))
    rows.sort(key=lambda row: row[:3])
    return Dataset(
        ("Belegdatum", "Beleg-Nr.", "Kunde", "Artikel-Nr.", "Artikeltext", "Menge", "Bemerkung"),
        [(row[0].strftime("%d.%m.%Y"), *row[1:], maybe(rng, 'Bitte "frei Haus"; danke', 0.03)) for row in rows],
        Columns(("Kunde",), ("Artikel-Nr.", "Artikeltext"), ("Menge",)),
        {user.id: user.segment for user in people}, Layout(delimiter=";", newline="\r\n"),
    )  # fmt: skip
