"""The kinds of raw files: each module is one of them, and makes a data set from chance, with taste or without."""

from collections.abc import Callable
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
    views,
)

Generator = Callable[[Random, bool], Dataset]

KINDS: dict[str, Generator] = {
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
}


def made(kind: str, seed: int) -> Dataset:
    """The data set of this kind and seed."""
    return KINDS[kind](Random(f"{kind}/{seed}"), True)
