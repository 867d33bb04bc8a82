"""Keys of a job as words of the command line: ``kmeans={"clusters": 8}`` becomes ``--set kmeans.clusters=8``.

The value is written as TOML, so that no text can be taken for anything else.
"""

import datetime
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

from ._errors import JobError

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def words(keys: Mapping[str, Any]) -> list[str]:
    """Give the options that set these keys; a key that is ``None`` is left to its default."""
    return [word for key, value in flat(keys) for word in ("--set", f"{key}={toml(value, key)}")]


def with_columns(keys: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """Give these keys, with ``columns`` among those of the section ``input``."""
    given = keys.get("input") or {}
    if not isinstance(given, Mapping):
        raise JobError(f"input: it is a section, not a {type(given).__name__}; give a dict of its keys", 2)
    joined = {**given, **columns}
    return {**keys, "input": joined} if joined else {key: value for key, value in keys.items() if key != "input"}


def flat(keys: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, Any]]:
    """Give each key with its value, sections joined by dots; what is ``None`` is left out."""
    for name, value in keys.items():
        key = f"{section}.{name}" if section else str(name)
        if isinstance(value, Mapping) and value:
            yield from flat(value, key)
        elif value is not None:
            yield key, value


def toml(value: Any, key: str) -> str:
    """Write a value as TOML on one line; ``key`` is what an error names."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str | os.PathLike):
        return _text(os.fspath(value), key)
    if isinstance(value, datetime.datetime | datetime.date):
        return _text(value.isoformat(), key)
    if isinstance(value, Mapping):
        fields = (f"{_text(str(name), key)} = {toml(below, key)}" for name, below in value.items())
        return "{ " + ", ".join(fields) + " }"
    if isinstance(value, list | tuple | set | frozenset | range):
        return "[" + ", ".join(toml(below, key) for below in value) + "]"
    # Numbers and arrays of NumPy.
    if hasattr(value, "tolist"):
        return toml(value.tolist(), key)
    problem = f"{key}: a job has no values of type {type(value).__name__}"
    raise JobError(f"{problem}; give a text, a number, a truth value, a date, a list or a dict")


def _float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")


def _text(text: str | bytes, key: str) -> str:
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise JobError(f"{key}: {text!a} is not UTF-8; give another text")
    return '"' + "".join(_ESCAPES.get(letter) or _letter(letter) for letter in text) + '"'


def _letter(letter: str) -> str:
    is_control = letter < " " or letter == "\x7f"
    return f"\\u{ord(letter):04x}" if is_control else letter
