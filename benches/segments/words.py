"""Ids, titles and times that look like those of real files: commas, quotes and accents in them, some fields empty."""

from datetime import datetime, timedelta
from random import Random

START = datetime(2024, 1, 1)
ADJECTIVES = (
    "Blue", "Classic", "Compact", "Double", "Early", "Golden", "Large", "Light", "Little", "Modern", "Northern", "Old",
    "Organic", "Quiet", "Round", "Small", "Soft", "Summer", "Winter", "Wild",
)  # fmt: skip
NOUNS = (
    "Anchor", "Bench", "Bridge", "Candle", "Clock", "Feather", "Garden", "Harbour", "Kettle", "Lantern", "Meadow",
    "Mirror", "Orchard", "Pillow", "River", "Saddle", "Table", "Tower", "Umbrella", "Window",
)  # fmt: skip
ENDINGS = (
    "", "", "", ", set of 2", ", 500 g", ' 12"', " (new)", " & more", "; revised", " – No. 7", " Größe M",
    " à la carte",
)  # fmt: skip


def codes(rng: Random, count: int, pattern: str, digits: int) -> list[str]:
    """Different ids in no order, made from a pattern with `{}` for a number of so many digits."""
    numbers = rng.sample(range(10 ** (digits - 1), 10**digits), count)
    return [pattern.format(number) for number in numbers]


def hexes(rng: Random, count: int, length: int = 12) -> list[str]:
    """Different ids of hexadecimal digits that no one takes for a number."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[f"{rng.choice('abcdef')}{rng.getrandbits(4 * length - 4):0{length - 1}x}"] = None
    return list(found)


def titles(rng: Random, count: int) -> list[str]:
    """A title for each item, all different."""
    made = []
    for number in range(count):
        name = f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"
        made.append(f"{name} {number}{rng.choice(ENDINGS)}")
    return made


def moment(rng: Random, days: int) -> datetime:
    """Some second in so many days."""
    return START + timedelta(seconds=rng.randrange(days * 86_400))


def maybe(rng: Random, value: object, share: float = 0.95) -> object:
    """The value, or nothing for the rest of the rows."""
    return value if rng.random() < share else ""
