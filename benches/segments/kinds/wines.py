"""Points from 0 to 20 that tasters gave to wines: taste shows only in how high the points are.

Which wines are tasted depends on the tastings, and so on the wine alone. A wine has a style and a quality; some tasters
are generous, some strict.
"""

from random import Random

from draws import Activity, Shelves, on_scale, population, sizes
from files import Columns, Dataset, Layout
from words import codes, maybe, moment, titles

STYLES = 8


def wines(rng: Random, taste: bool) -> Dataset:
    """Points of 3 to 5 segments for wines of 8 styles."""
    segments, items = rng.randint(3, 5), rng.randint(70, 100)
    shelves = Shelves(rng, items, STYLES, exponent=rng.uniform(0.3, 0.5))
    likings = [[rng.choice((-1.7, 0.0, 1.7)) for _ in range(STYLES)] for _ in range(segments)]
    activity = Activity(median=35, spread=0.35, low=15, high=65)
    people = population(rng, codes(rng, 1800, "T{}", 5), sizes(segments, 0.75), activity, mean=0.5, taste=False)
    names, quality = titles(rng, items), [rng.gauss(0.0, 0.8) for _ in range(items)]
    anything, rows = [1.0] * STYLES, []
    for user in people:
        generosity = rng.gauss(0.0, 1.5)
        own = [liking + rng.gauss(0.0, 0.5) if taste else 0.0 for liking in likings[user.segment]]
        for item in shelves.different(rng, user, anything, user.activity):
            points = 13.0 + generosity + quality[item] + own[shelves.shelf[item]] + rng.gauss(0.0, 1.3)
            tasted, remark = moment(rng, 800).date(), maybe(rng, "blind", 0.5)
            rows.append((tasted, user.id, names[item], on_scale(points, 0, 20), remark))
    rows.sort(key=lambda row: row[:2])
    return Dataset(
        ("Tasted on", "Taster", "Wine", "Points", "Remark"), rows,
        Columns(("Taster",), ("Wine",), ("Points",)),
        {user.id: user.segment for user in people}, Layout(bom=True),
    )  # fmt: skip
