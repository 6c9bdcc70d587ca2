"""Bars and lines made of characters."""

from __future__ import annotations

from collections.abc import Sequence

from mail_proxy_tui.draw.glyphs import Glyphs


def gauge(fraction: float, width: int, glyphs: Glyphs) -> str:
    """A bar of `width` cells, its ends included. Full only when it is full, empty only when so."""
    room = max(width - 2, 0)
    part = min(max(fraction, 0.0), 1.0)
    filled = int(part * room)
    if part > 0 and not filled:
        filled = max(0, min(1, room - 1))
    return (
        glyphs.cap_left + glyphs.full * filled + glyphs.empty * (room - filled) + glyphs.cap_right
    )


def spark(values: Sequence[float | None], width: int, glyphs: Glyphs) -> str:
    """The last values that fit, oldest left, scaled to the greatest of them.

    None is a gap: nothing was counted there.
    """
    shown = values[-width:] if width > 0 else []
    top = max((value for value in shown if value is not None), default=0.0)
    return "".join(_level(value, top, glyphs) for value in shown).rjust(width)


def _level(value: float | None, top: float, glyphs: Glyphs) -> str:
    if value is None:
        return glyphs.gap
    if value <= 0 or top <= 0:
        return glyphs.levels[0]
    # What is not nothing is never drawn as nothing.
    last = len(glyphs.levels) - 1
    return glyphs.levels[max(1, min(last, round(value / top * last)))]


def gathered(values: Sequence[float | None], width: int, most: int) -> list[float | None]:
    """`most` seconds of values in `width` steps, newest last; each step the sum of its seconds.

    A step in which nothing was counted is a gap.
    """
    if width <= 0:
        return []
    step = max(1, -(-most // width))
    tail = list(values[-step * width :])
    # Counted from the newest, so that the last step is a whole one.
    lead = len(tail) % step
    parts = ([tail[:lead]] if lead else []) + [
        tail[i : i + step] for i in range(lead, len(tail), step)
    ]
    return [_sum(part) for part in parts][-width:]


def _sum(part: Sequence[float | None]) -> float | None:
    known = [value for value in part if value is not None]
    return sum(known) if known else None
