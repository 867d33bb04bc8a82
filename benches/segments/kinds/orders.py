"""The order log of a shop: one line for each article of an order, the same article ordered again and again.

The headers are English, German or Spanish, as are the delimiter and the decimal sign. Customers lean on some
categories and come back to what they had before; a few buy by the dozen.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

from draws import Activity, Shelves, leaning, population, sizes
from files import Columns, Dataset, Layout
from words import codes, maybe, moment, titles


@dataclass(frozen=True)
class Language:
    """How a shop of one country writes its log."""

    header: tuple[str, ...]
    date: str
    decimal: str
    layout: Layout


LANGUAGES = (
    Language(
        ("Order Number", "Order Date", "Customer ID", "SKU", "Product Title", "Quantity", "Unit Price"),
        "%m/%d/%Y", ".", Layout(newline="\r\n"),
    ),
    Language(
        ("Bestellnummer", "Bestelldatum", "Kundennummer", "Artikelnummer", "Bezeichnung", "Menge", "Einzelpreis"),
        "%d.%m.%Y", ",", Layout(delimiter=";", bom=True, newline="\r\n"),
    ),
    Language(
        ("Nº de pedido", "Fecha", "Cliente", "Referencia", "Descripción", "Cantidad", "Precio unitario"),
        "%d/%m/%Y", ",", Layout(delimiter="\t", extension="tsv"),
    ),
)  # fmt: skip


def orders(rng: Random, taste: bool) -> Dataset:
    """A log of 6 to 10 segments in 14 categories."""
    language = rng.choice(LANGUAGES)
    segments, items = rng.randint(6, 10), rng.randint(400, 700)
    shelves = Shelves(rng, items, shelves=14, exponent=rng.uniform(0.8, 1.0))
    tastes = shelves.tastes(rng, segments)
    ids = codes(rng, rng.randint(2500, 3500), "C-{}", 6)
    activity = Activity(median=24, spread=0.7, low=5, high=300)
    people = population(rng, ids, sizes(segments, 0.75), activity, mean=0.68, taste=taste)
    skus, names = codes(rng, items, "SKU{}", 5), titles(rng, items)
    prices = [rng.lognormvariate(3.0, 0.8) for _ in range(items)]
    lines = []
    for user in people:
        picked = shelves.picks(rng, user, leaning(rng, tastes[user.segment], 8.0), user.activity)
        picked = again(rng, picked) if taste else picked
        for date, item in dated(rng, picked):
            price = f"{prices[item]:.2f}".replace(".", language.decimal)
            lines.append((date, user.id, skus[item], maybe(rng, names[item]), quantity(rng), maybe(rng, price, 0.98)))
    return Dataset(
        language.header, numbered(rng, lines, language.date),
        Columns(language.header[2:3], language.header[3:5], language.header[5:6]),
        {user.id: user.segment for user in people}, language.layout,
    )  # fmt: skip


def again(rng: Random, picked: list[int]) -> list[int]:
    """Every fifth pick or so is one that was made before."""
    return [rng.choice(picked[:place]) if place and rng.random() < 0.2 else item for place, item in enumerate(picked)]


def dated(rng: Random, picked: list[int]) -> list[tuple[Any, ...]]:
    """Picks in orders of one to five lines, each at one time."""
    lines, left = [], list(picked)
    while left:
        date, size = moment(rng, 365), rng.choice((1, 1, 2, 2, 3, 5))
        lines += [(date, item) for item in left[:size]]
        left = left[size:]
    return lines


def quantity(rng: Random) -> int:
    """Mostly one, now and then a dozen."""
    return rng.choice((1, 1, 1, 1, 1, 2, 2, 3, 4, 12 if rng.random() < 0.3 else 1))


def numbered(rng: Random, lines: list[tuple[Any, ...]], date: str) -> list[tuple[Any, ...]]:
    """Lines in the order of their times, those of one order under one number."""
    lines.sort(key=lambda line: line[:2])
    rows, number, last = [], 100_000, None
    for line in lines:
        number += line[:2] != last
        last = line[:2]
        rows.append((f"B{number}", line[0].strftime(date), *line[1:]))
    return rows
