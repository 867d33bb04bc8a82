"""Page views of a site: an event log with times, addresses, visitors and their sessions, packed.

Everybody passes the home page, the search and the basket; beyond these, visitors lean on some parts of the site.
"""

from datetime import timedelta
from random import Random

from draws import Activity, Shelves, leaning, population, sizes
from files import Columns, Dataset, Layout
from words import hexes, maybe, moment

PARTS = ("shoes", "bags", "kitchen", "garden", "toys", "sport", "beauty", "books", "travel", "audio", "pets", "office")
COMMON = ("/", "/search", "/basket", "/login", "/help/shipping")


def views(rng: Random, taste: bool) -> Dataset:
    """A log of 5 to 8 segments in 12 parts of the site."""
    segments = rng.randint(5, 8)
    shelves = Shelves(rng, rng.randint(180, 320), len(PARTS), exponent=rng.uniform(0.7, 0.9))
    pages = [*COMMON, *addresses(rng, shelves.shelf[len(COMMON) :])]
    common(shelves)
    tastes = shelves.tastes(rng, segments)
    activity = Activity(median=26, spread=0.8, low=5, high=400)
    people = population(rng, hexes(rng, 3000, 16), sizes(segments, 0.8), activity, mean=0.55, taste=taste)
    rows = []
    for user in people:
        seen = shelves.picks(rng, user, leaning(rng, tastes[user.segment], 7.0), user.activity)
        device, place = rng.choice(("mobile", "mobile", "desktop", "tablet")), 0
        while place < len(seen):
            at, session, length = moment(rng, 60), f"s{rng.getrandbits(40):010x}", rng.randint(2, 12)
            for item in seen[place : place + length]:
                at += timedelta(seconds=pause(rng))
                referrer = maybe(rng, "https://search.example/?q=a,b", 0.3)
                rows.append((at.isoformat() + "Z", user.id, session, pages[item], referrer, device))
            place += length
    rows.sort()
    return Dataset(
        ("event_time", "visitor_id", "session_id", "page_path", "referrer", "device"), rows,
        Columns(("visitor_id",), ("page_path",)),
        {user.id: user.segment for user in people}, Layout(extension="csv.gz", packed=True),
    )  # fmt: skip


def common(shelves: Shelves) -> None:
    """The first pages are on no shelf, and are the most popular ones."""
    usual = sum(shelves.popularity) / 12
    for page in range(len(COMMON)):
        shelves.shelf[page], shelves.popularity[page] = -1, usual
    shelves.arrange()


def addresses(rng: Random, shelves: list[int]) -> list[str]:
    """The path of each page, below the part of the site that it is in."""
    numbers = rng.sample(range(1000, 10_000), len(shelves))
    return [f"/{PARTS[shelf]}/{rng.choice('abcdef')}-{number}" for shelf, number in zip(shelves, numbers)]


def pause(rng: Random) -> int:
    """Seconds between two pages."""
    return 3 + int(rng.expovariate(1 / 40))
