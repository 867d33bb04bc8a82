"""Answers to a survey, one a row: respondents answer most of a few dozen statements on a scale from 1 to 7.

Statements belong to topics, and some are put the other way round. A segment has an attitude to each topic, and each
member one of their own around it. Respondents also differ in how much they agree to anything, which says nothing of
their segment. Without taste, an answer follows from the statement and this agreeableness.
"""

from random import Random

from draws import members, on_scale, sizes
from files import Columns, Dataset, Layout
from words import codes, maybe

TOPICS = 6


def survey(rng: Random, taste: bool) -> Dataset:
    """Answers of 3 to 5 segments about 6 topics."""
    segments, items = rng.randint(3, 5), rng.randint(24, 54)
    respondents = codes(rng, rng.randint(900, 1500), "R{}", 5)
    placed = members(rng, len(respondents), sizes(segments, 0.7, least=0.06))
    attitudes = [[rng.choice((-1.3, -0.5, 0.5, 1.3)) for _ in range(TOPICS)] for _ in range(segments)]
    usual = [rng.uniform(3.2, 5.2) for _ in range(items)]
    sign = [rng.choice((1.0, 1.0, -1.0)) * rng.uniform(0.5, 1.1) for _ in range(items)]
    rows = []
    for respondent, segment in zip(respondents, placed):
        agrees, minutes = rng.gauss(0.0, 0.6), f"{rng.uniform(4, 30):.1f}"
        own = [attitude + rng.gauss(0.0, 0.6) if taste else 0.0 for attitude in attitudes[segment]]
        for item in range(items):
            if rng.random() < 0.94:
                answer = usual[item] + agrees + sign[item] * own[item % TOPICS] + rng.gauss(0.0, 1.2)
                rows.append((respondent, f"Q{item + 1:02}", on_scale(answer, 1, 7), minutes, maybe(rng, "wave 2", 0.5)))
    return Dataset(
        ("Respondent", "Question", "Answer", "Minutes taken", "Note"), rows,
        Columns(("Respondent",), ("Question",), ("Answer",)),
        dict(zip(respondents, placed)), Layout(quoted=True),
    )  # fmt: skip
