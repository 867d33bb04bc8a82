"""What a notebook shows. All colours come from the notebook's own, so that it is fit for light and dark."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._run import Run

#: Segments that are listed at once.
_AT_ONCE = 25

_STYLE = """<style>
.segmill { max-width: 60em; line-height: 1.45 }
.segmill p { margin: 0.4em 0 }
.segmill .verdict { border-left: 4px solid #8a8a8a; padding: 0.1em 0 0.1em 0.8em }
.segmill .verdict.stable { border-color: #2e9e6b }
.segmill .verdict.weak { border-color: #c98a1b }
.segmill .verdict.none { border-color: #cf4b4b }
.segmill .muted { opacity: 0.7 }
.segmill table { border-collapse: collapse; margin: 0.6em 0; width: 100% }
.segmill th, .segmill td { text-align: left; padding: 0.25em 0.8em 0.25em 0; vertical-align: top;
  border-bottom: 1px solid rgba(128, 128, 128, 0.35); background: transparent; color: inherit }
.segmill th.short { width: 1% }
.segmill td.number, .segmill th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.segmill .bar { background: rgba(128, 128, 128, 0.25); height: 6px; border-radius: 3px; min-width: 5em; margin-top: 0.5em }
.segmill .bar div { background: #3b82c4; height: 6px; border-radius: 3px }
</style>
"""


def run(of: "Run") -> str:
    """Draw a run: the verdict, the kinds, and their sizes."""
    kinds = of.kinds.to_pylist()
    rows = "".join(_kind(kind, kinds) for kind in kinds[:_AT_ONCE])
    more = f'<p class="muted">and {len(kinds) - _AT_ONCE} smaller segments</p>' if len(kinds) > _AT_ONCE else ""
    head = (
        '<th scope="col" colspan="2">Segment</th><th scope="col" class="number">Users</th>'
        '<th scope="col" class="number">Share</th><th scope="col">Stands out for</th>'
    )
    facts = of.record
    counts = f"{facts['users']:,} users, {facts['items']:,} items, {facts['ratings']:,} ratings"
    return (
        f'{_STYLE}<div class="segmill">{_verdict(of)}'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}"
        f'<p class="muted">{counts}. The whole report: <code>run.report()</code></p></div>'
    )


def _verdict(of: "Run") -> str:
    if of.verdict is None:
        return ""
    return f'<div class="verdict {escape(of.verdict)}"><p><b>Verdict: {escape(of.verdict)}.</b> {escape(of.summary or "")}</p></div>'


def _kind(kind: dict[str, Any], kinds: Sequence[dict[str, Any]]) -> str:
    widest = max(other["users"] for other in kinds) or 1
    return (
        f'<tr><th scope="row" class="short">{kind["segment"]}</th><td>{escape(kind["name"])}</td>'
        f'<td class="number">{kind["users"]:,}</td>'
        f'<td class="number">{kind["share"]:.1%}<div class="bar"><div style="width: {kind["users"] / widest:.1%}"></div></div></td>'
        f"<td>{escape('; '.join(kind['items']))}</td></tr>"
    )


def table(columns: Sequence[str], rows: Sequence[dict[str, Any]], n_rows: int) -> str:
    """Draw the first rows of a table."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_cell(row[name]))}</td>" for name in columns) + "</tr>" for row in rows
    )
    more = f'<p class="muted">{n_rows:,} rows</p>' if n_rows > len(rows) else ""
    return (
        f'{_STYLE}<div class="segmill"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}</div>'
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def page(html: str, height: int) -> str:
    """Embed a whole page, which keeps its own style and scripts to itself."""
    return (
        f'<iframe title="segmill report" srcdoc="{escape(html)}" sandbox="allow-scripts allow-popups" '
        f'style="width: 100%; height: {height}px; border: 1px solid rgba(128, 128, 128, 0.35)"></iframe>'
    )
