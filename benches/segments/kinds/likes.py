"""Photos that members of a site liked, and when: taste makes the segments, and activity is in the way.

Within every segment some members like five photos and some five hundred.
"""

from random import Random

from draws import Activity, Shelves, leaning, population, sizes
from files import Columns, Dataset, Layout
from words import codes, maybe, moment


def likes(rng: Random, taste: bool) -> Dataset:
    """A log of 5 to 8 segments among 12 subjects."""
    segments, items = rng.randint(5, 8), rng.randint(900, 1500)
    shelves = Shelves(rng, items, shelves=12, exponent=rng.uniform(0.5, 0.7))
    tastes = shelves.tastes(rng, segments, liked=(1.0, 0.5))
    activity = Activity(median=28, spread=1.2, low=5, high=500)
    people = population(rng, codes(rng, 2600, "member_{}", 6), sizes(segments, 0.8), activity, mean=0.72, taste=taste)
    photos = codes(rng, items, "IMG_{}.jpg", 6)
    rows = []
    for user in people:
        for item in shelves.different(rng, user, leaning(rng, tastes[user.segment], 10.0), user.activity):
            rows.append((moment(rng, 200).isoformat(" "), user.id, photos[item], maybe(rng, "feed", 0.7)))
    rows.sort()
    return Dataset(
        ("liked at", "member", "photo", "seen in"), rows,
        Columns(("member",), ("photo",)),
        {user.id: user.segment for user in people}, Layout(extension="tsv", delimiter="\t"),
    )  # fmt: skip
