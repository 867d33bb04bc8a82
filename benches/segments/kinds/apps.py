"""How often users of an app did what: a few dozen events, of which most users have many, with counts in bursts."""

from collections import Counter
from random import Random

from draws import Activity, Shelves, leaning, population, sizes
from files import Columns, Dataset, Layout
from words import hexes, maybe, moment

ACTIONS = ("open", "create", "share", "edit", "delete", "export")
THINGS = ("photo", "album", "chat", "map", "note", "profile")


def apps(rng: Random, taste: bool) -> Dataset:
    """Counts of 4 to 6 segments over 6 features."""
    segments = rng.randint(4, 6)
    events = [f"{thing}_{action}" for action in ACTIONS for thing in THINGS]
    shelves = Shelves(rng, len(events), len(THINGS), exponent=0.8)
    shelves.shelf = [event % len(THINGS) for event in range(len(events))]
    shelves.arrange()
    tastes = shelves.tastes(rng, segments, liked=(1.0, 0.4))
    activity = Activity(median=45, spread=0.7, low=8, high=600)
    people = population(rng, hexes(rng, 3000, 8), sizes(segments, 0.7), activity, mean=0.55, taste=taste)
    rows = []
    for user in people:
        seen = moment(rng, 300).date()
        counts: Counter[int] = Counter()
        for event in shelves.picks(rng, user, leaning(rng, tastes[user.segment], 8.0), user.activity):
            counts[event] += burst(rng)
        version = maybe(rng, f"{rng.randint(2, 5)}.{rng.randint(0, 9)}", 0.9)
        rows += [(user.id, events[event], count, version, seen) for event, count in counts.items()]
    return Dataset(
        ("user_pseudo_id", "event_name", "event_count", "app_version", "first_seen"), rows,
        Columns(("user_pseudo_id",), ("event_name",), ("event_count",)),
        {user.id: user.segment for user in people}, Layout(),
    )  # fmt: skip


def burst(rng: Random) -> int:
    """An event is followed by more of the same, now and then by many."""
    return 1 + int(rng.expovariate(0.8)) + (rng.randint(5, 40) if rng.random() < 0.03 else 0)
