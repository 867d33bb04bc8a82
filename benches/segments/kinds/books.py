"""Reviews of books: few a reader, thousands of books, and mostly four or five stars."""

from random import Random

from draws import Activity, Shelves, leaning, population, sizes
from files import Columns, Dataset, Layout
from words import codes, hexes, maybe, moment, titles

PRAISE = ("Great, I loved it", 'A "must read"', "Not for me", "Fine; a bit long", "Arrived late", "Très bien")


def books(rng: Random, taste: bool) -> Dataset:
    """Reviews of 8 to 12 segments in 16 genres."""
    segments, items = rng.randint(8, 12), rng.randint(1500, 2500)
    shelves = Shelves(rng, items, shelves=16, exponent=rng.uniform(0.9, 1.05))
    tastes = shelves.tastes(rng, segments, liked=(1.0, 0.3, 0.2))
    activity = Activity(median=13, spread=0.6, low=5, high=150)
    people = population(rng, hexes(rng, 5000, 14), sizes(segments, 0.85), activity, mean=0.75, taste=taste)
    isbns, names = codes(rng, items, "978{}", 10), titles(rng, items)
    quality = [rng.gauss(0.0, 0.4) for _ in range(items)]
    rows = []
    for user in people:
        kindness = rng.gauss(0.0, 0.4)
        for item in shelves.different(rng, user, leaning(rng, tastes[user.segment], 10.0), user.activity):
            stars = min(max(round(4.5 + kindness + quality[item] + rng.gauss(0.0, 0.7)), 1), 5)
            praise, votes = maybe(rng, rng.choice(PRAISE), 0.8), maybe(rng, int(rng.expovariate(0.5)), 0.9)
            rows.append((isbns[item], names[item], user.id, f"{stars}.0", praise, votes, moment(rng, 2000).date()))
    rng.shuffle(rows)
    return Dataset(
        ("ISBN", "Title", "Reviewer", "Stars", "Headline", "Helpful Votes", "Review Date"), rows,
        Columns(("Reviewer",), ("ISBN", "Title"), ("Stars",)),
        {user.id: user.segment for user in people}, Layout(),
    )  # fmt: skip
