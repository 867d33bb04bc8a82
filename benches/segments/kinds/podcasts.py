"""Episodes of podcasts that listeners have played: segments of taste and of activity.

Heavy and light listeners of the same taste are different planted segments; a few tastes have only one of them.
"""

from random import Random

from draws import Activity, Shelves, User, heavy, leaning, loyalty, members, sizes
from files import Columns, Dataset, Layout
from words import codes, maybe, titles

COUNTRIES = ("Austria", "Brazil", "Canada", "Denmark", "France", "Germany", "India", "Japan", "Spain")
LIGHT, HEAVY = Activity(median=9, spread=0.3, low=5, high=25), Activity(median=70, spread=0.35, low=30, high=250)


def podcasts(rng: Random, taste: bool) -> Dataset:
    """A table of 3 or 4 tastes, most of them with heavy and with light listeners."""
    tastes_count, items = rng.randint(3, 4), rng.randint(250, 400)
    shelves = Shelves(rng, items, shelves=8, exponent=rng.uniform(0.6, 0.8))
    tastes = shelves.tastes(rng, tastes_count, liked=(1.0, 0.4))
    kinds = [(taste, level) for taste in range(tastes_count) for level in (LIGHT, HEAVY)][: -rng.randint(1, 2)]
    ids = codes(rng, 3200, "L-{}-x", 7)
    placed = members(rng, len(ids), sizes(len(kinds), 0.8))
    people = [User(id, place, kinds[place][1].draw(rng), loyalty(rng, 0.7, taste)) for id, place in zip(ids, placed)]
    shows = titles(rng, items)
    rows = []
    for user in people:
        country = maybe(rng, rng.choice(COUNTRIES), 0.85)
        lean = leaning(rng, tastes[kinds[user.segment][0]], 10.0)
        for show in shelves.different(rng, user, lean, user.activity):
            rows.append((user.id, country, shows[show], heavy(rng, 4, 0.9)))
    rng.shuffle(rows)
    return Dataset(
        ("Listener ID", "Country", "Podcast", "Episodes Played"), rows,
        Columns(("Listener ID",), ("Podcast",), ("Episodes Played",)),
        {user.id: user.segment for user in people}, Layout(bom=True, newline="\r\n"),
    )  # fmt: skip
