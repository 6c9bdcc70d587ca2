"""Draws docs/images/states.svg from the table of states: `python -m tests.docs.state_diagram`.

Each state is a vertical line and each event a row: dots where it may happen, an arrow to
where it leads.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mail_proxy.domain.state import FINAL, Event, State, sources, target

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "states.svg"
ORDER = [
    State.SUSPENDED,
    State.HELD,
    State.WAITING,
    State.LEASED,
    State.IN_DOUBT,
    State.SENT,
    State.FAILED,
    State.BOUNCED,
]

# All in pixels.
LEFT, COLUMN, HEAD, ROW, BOTTOM = 120, 96, 64, 26, 12
WIDTH = LEFT + COLUMN * len(ORDER)
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1f2937 }
  .head { font-weight: 600; font-size: 11px; text-anchor: middle }
  .box { fill: #e0e7ff; stroke: #4f46e5 }
  .final { fill: #dcfce7; stroke: #15803d }
  .life { stroke: #cbd5e1; stroke-dasharray: 3 3 }
  .way { stroke: #4f46e5; stroke-width: 1.5; fill: none; marker-end: url(#arrow) }
  .stay { stroke: #4f46e5; stroke-width: 1.5; fill: none }
  .from { fill: #4f46e5 }
"""


def picture() -> str:
    """The whole SVG."""
    height = HEAD + ROW * len(Event) + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>The states of a message, and the events between them</title>",
        f"<style>{STYLE}</style>",
        (
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7"'
            ' markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#4f46e5"/>'
            "</marker></defs>"
        ),
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff"/>',
        *_states(height),
        *_events(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(state: State) -> int:
    """The middle of its column."""
    return LEFT + COLUMN * ORDER.index(state) + COLUMN // 2


def _words(name: str) -> str:
    return name.replace("_", " ")


def _states(height: int) -> Iterator[str]:
    for state in ORDER:
        x, kind = _x(state), "final" if state in FINAL else "box"
        yield f'<line class="life" x1="{x}" y1="40" x2="{x}" y2="{height - BOTTOM}"/>'
        yield f'<rect class="{kind}" x="{x - 42}" y="14" width="84" height="26" rx="6"/>'
        yield f'<text class="head" x="{x}" y="31">{_words(state.name)}</text>'


def _events() -> Iterator[str]:
    for row, event in enumerate(Event):
        y = HEAD + ROW * row + ROW // 2
        yield f'<text x="14" y="{y + 4}">{_words(event.value)}</text>'
        after = target(event)
        for state in sorted(sources(event), key=ORDER.index):
            title = f"<title>{state.name} {event.name} {after.name}</title>"
            yield f"<g>{title}{_way(_x(state), _x(after), y)}</g>"


def _way(start: int, end: int, y: int) -> str:
    """From a dot to an arrow; a ring where it stays."""
    dot = f'<circle class="from" cx="{start}" cy="{y}" r="3.5"/>'
    if start == end:
        return f'{dot}<circle class="stay" cx="{start}" cy="{y}" r="8"/>'
    end -= 2 if end > start else -2
    return f'{dot}<path class="way" d="M{start} {y}H{end}"/>'


def main() -> None:
    PICTURE.write_text(picture(), encoding="utf-8")


if __name__ == "__main__":
    main()
