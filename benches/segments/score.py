"""The adjusted Rand index (Hubert and Arabie 1985): 1 if two partitions are the same, 0 if they agree by chance."""

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any


def adjusted_rand(truth: Mapping[str, Hashable], found: Mapping[str, Hashable]) -> float:
    """Over the users of the truth. Those who were not found are one more segment."""
    left, right = list(truth.values()), [found.get(user) for user in truth]
    same, of_left, of_right = (pairs(Counter(labels)) for labels in (zip(left, right), left, right))
    everyone = len(left) * (len(left) - 1) / 2
    by_chance = of_left * of_right / everyone
    most = (of_left + of_right) / 2
    return 1.0 if most == by_chance else (same - by_chance) / (most - by_chance)


def pairs(counts: Counter[Any]) -> float:
    """Pairs of users with the same label."""
    return sum(count * (count - 1) / 2 for count in counts.values())
