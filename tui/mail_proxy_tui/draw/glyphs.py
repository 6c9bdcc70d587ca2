"""The characters that bars, graphs and marks are made of: one set, and one for plain terminals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """levels: of a graph, lowest first. gap: in a graph, where nothing was counted.

    cap_left, cap_right: the ends of a gauge; full and empty are between them.
    """

    levels: str
    gap: str
    full: str
    empty: str
    cap_left: str
    cap_right: str
    zero: str
    up: str
    down: str
    cursor: str
    mark: str
    bar: str
    ellipsis: str
    more: str
    crumb: str
    by: str  # between columns and lines
    rising: str
    falling: str
    began: str  # marks of a timeline
    tried: str
    put_off: str
    failed: str
    done: str
    is_ascii: bool = False


UNICODE = Glyphs(
    levels="▁▂▃▄▅▆▇█",
    gap="╎",
    full="█",
    empty="░",
    cap_left="▕",
    cap_right="▏",
    zero="·",
    up="●",
    down="○",
    cursor="▌",
    mark="✓",
    bar="│",
    ellipsis="…",
    more="\u203a",
    crumb="\u203a",
    by="\u00d7",
    rising="↑",
    falling="↓",
    began="○",
    tried="▸",
    put_off="◐",
    failed="✗",
    done="✓",
)

ASCII = Glyphs(
    levels="_.-=#",
    gap=":",
    full="#",
    empty=".",
    cap_left="[",
    cap_right="]",
    zero=".",
    up="*",
    down="o",
    cursor=">",
    mark="+",
    bar="|",
    ellipsis="~",
    more=">",
    crumb=">",
    by="x",
    rising="^",
    falling="v",
    began="o",
    tried=">",
    put_off="~",
    failed="x",
    done="+",
    is_ascii=True,
)


def glyphs(*, is_ascii: bool) -> Glyphs:
    return ASCII if is_ascii else UNICODE
