"""The kinds of raw files: each module is one of them, and makes a data set from chance, with taste or without.

The first seventeen have planted segments. The null data sets come from six of the same generators, without taste: users
differ in how much they do, items in how popular they are, and nobody has a segment.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from files import Dataset

from . import (
    apps,
    books,
    business,
    films,
    games,
    groceries,
    likes,
    loans,
    news,
    orders,
    plays,
    podcasts,
    prices,
    survey,
    usage,
    views,
    wines,
)

Generator = Callable[[Random, bool], Dataset]

PLANTED: dict[str, Generator] = {
    "orders": orders.orders,
    "plays": plays.plays,
    "films": films.films,
    "page-views": views.views,
    "survey": survey.survey,
    "groceries": groceries.groceries,
    "news": news.news,
    "app-events": apps.apps,
    "podcasts": podcasts.podcasts,
    "likes": likes.likes,
    "prices": prices.prices,
    "business": business.business,
    "books": books.books,
    "games": games.games,
    "loans": loans.loans,
    "wines": wines.wines,
    "phone-usage": usage.usage,
}

# Null data sets of each kind.
EMPTY = {
    "orders": 4, "plays": 3, "films": 4, "page-views": 3, "survey": 3, "news": 3,
    "app-events": 2, "loans": 1, "games": 1, "prices": 1, "podcasts": 1, "phone-usage": 2,
}  # fmt: skip

NULLS: dict[str, Generator] = {
    f"null-{kind}-{number}": PLANTED[kind] for kind, count in EMPTY.items() for number in range(1, count + 1)
}

KINDS = {**PLANTED, **NULLS}


def made(kind: str, seed: int) -> Dataset:
    """The data set of this kind and seed. Without taste, everybody is in segment 0."""
    data = KINDS[kind](Random(f"{kind}/{seed}"), kind in PLANTED)
    return data if kind in PLANTED else replace(data, truth=dict.fromkeys(data.truth, 0))


def wanted(names: list[str] | None) -> list[str]:
    """The kinds that are meant: `planted` and `nulls` stand for all of them, and no names for all there are."""
    groups = {"planted": list(PLANTED), "nulls": list(NULLS)}
    return [kind for name in names or groups for kind in groups.get(name, [name])]


NAMES = ("planted", "nulls", *KINDS)
