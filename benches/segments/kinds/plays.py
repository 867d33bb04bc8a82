"""Plays of music: how often a listener has played an artist, with a heavy tail.

Listeners lean on some genres. What they like they play more often, and some play everything more often than others.
"""

from random import Random

from draws import Activity, Shelves, heavy, leaning, population, sizes
from files import Columns, Dataset, Layout
from words import hexes, maybe, titles


def plays(rng: Random, taste: bool) -> Dataset:
    """A table of 9 to 14 segments in 18 genres."""
    segments, items = rng.randint(9, 14), rng.randint(1200, 2000)
    shelves = Shelves(rng, items, shelves=18, exponent=rng.uniform(0.75, 0.95))
    tastes = shelves.tastes(rng, segments, liked=(1.0, 0.5, 0.4, 0.2))
    activity = Activity(median=32, spread=0.6, low=6, high=300)
    people = population(rng, hexes(rng, 3500), sizes(segments, 0.85), activity, mean=0.6, taste=taste)
    artists, names = hexes(rng, items, 16), titles(rng, items)
    rows = []
    for user in people:
        lean, keenness = leaning(rng, tastes[user.segment], 8.0), rng.lognormvariate(0.0, 0.7)
        for item in shelves.different(rng, user, lean, user.activity):
            liked = 1.6 if taste and tastes[user.segment][shelves.shelf[item]] > 0.1 else 1.0
            rows.append((user.id, artists[item], maybe(rng, names[item]), heavy(rng, 14 * keenness * liked, 1.2)))
    rng.shuffle(rows)
    return Dataset(
        ("listener", "artist_mbid", "artist-name", "plays"), rows,
        Columns(("listener",), ("artist_mbid", "artist-name"), ("plays",)),
        {user.id: user.segment for user in people}, Layout(extension="tsv", delimiter="\t"),
    )  # fmt: skip
