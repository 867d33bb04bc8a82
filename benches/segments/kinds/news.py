"""Readers of a news portal: thousands of them, and about five articles each."""

from random import Random

from draws import Activity, Shelves, leaning, population, sizes
from files import Columns, Dataset, Layout
from words import hexes, maybe, moment, titles

SECTIONS = ("politics", "economy", "football", "culture", "science", "local", "weather", "cars", "health", "travel")


def news(rng: Random, taste: bool) -> Dataset:
    """A log of 4 to 7 segments in 10 sections."""
    segments, items = rng.randint(4, 7), rng.randint(250, 400)
    shelves = Shelves(rng, items, len(SECTIONS), exponent=rng.uniform(0.8, 1.0))
    tastes = shelves.tastes(rng, segments, liked=(1.0, 0.2))
    activity = Activity(median=6, spread=0.45, low=3, high=40)
    people = population(rng, hexes(rng, 5000, 10), sizes(segments, 0.8), activity, mean=0.8, taste=taste)
    ids, headlines = rng.sample(range(10**6, 10**7), items), titles(rng, items)
    rows = []
    for user in people:
        for item in shelves.picks(rng, user, leaning(rng, tastes[user.segment], 12.0), user.activity):
            section = SECTIONS[shelves.shelf[item]]
            seconds = maybe(rng, int(rng.expovariate(1 / 90)), 0.8)
            rows.append((moment(rng, 14), user.id, f"a{ids[item]}", headlines[item], section, seconds))
    rows.sort(key=lambda row: row[:3])
    return Dataset(
        ("read_at", "reader_id", "article_id", "headline", "section", "seconds_on_page"),
        [(row[0].strftime("%Y-%m-%d %H:%M:%S"), *row[1:]) for row in rows],
        Columns(("reader_id",), ("article_id", "headline")),
        {user.id: user.segment for user in people}, Layout(newline="\r\n"),
    )  # fmt: skip
