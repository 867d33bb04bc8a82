"""What subscribers of a phone company used in a month: few services, which nearly everyone has, in any amounts.

A segment uses some services several times as much as others do. Subscribers differ just as much in how much they use at
all, which says nothing of their segment.
"""

import math
from random import Random

from draws import members, sizes
from files import Columns, Dataset, Layout
from words import codes, maybe

SERVICES = (
    "voice national", "voice abroad", "voice roaming", "data 4G", "data 5G", "data roaming", "data night", "SMS",
    "MMS", "mailbox", "hotspot", "video", "music", "cloud", "television", "payments", "games", "directory",
)  # fmt: skip
TARIFFS = ("Basic", "Family, 4 lines", "Business", "Pre-paid")


def usage(rng: Random, taste: bool) -> Dataset:
    """Amounts of 4 to 7 segments over 18 services."""
    segments = rng.randint(4, 7)
    subscribers = codes(rng, 3000, "+00 {}", 8)
    placed = members(rng, len(subscribers), sizes(segments, 0.75))
    usual = [rng.uniform(2.5, 5.0) for _ in SERVICES]
    habits = [[rng.choice((-1.2, 0.0, 0.0, 0.0, 1.2)) for _ in SERVICES] for _ in range(segments)]
    rows = []
    for subscriber, segment in zip(subscribers, placed):
        level, tariff = rng.gauss(0.0, 0.8), maybe(rng, rng.choice(TARIFFS), 0.9)
        for service, name in enumerate(SERVICES):
            if rng.random() < 0.92:
                habit = habits[segment][service] if taste else 0.0
                units = round(math.exp(usual[service] + level + habit + rng.gauss(0.0, 1.0)))
                rows.append((subscriber, tariff, name, "2024-05", units))
    return Dataset(
        ("subscriber", "tariff", "service", "month", "units"), rows,
        Columns(("subscriber",), ("service",), ("units",)),
        dict(zip(subscribers, placed)), Layout(delimiter=";"),
    )  # fmt: skip
