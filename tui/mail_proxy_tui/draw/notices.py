"""What is said in place of numbers and rows: the daemon is down, nothing is queued."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.board import Board
from mail_proxy_tui.draw.cells import cell
from mail_proxy_tui.feed.base import Numbers
from mail_proxy_tui.feed.link import Phase


def down_lines(board: Board, width: int) -> list[Text]:
    """A box that is open to the right; no lines while the daemon answers."""
    if not board.is_stale:
        return []
    is_refused = board.link.phase is Phase.REFUSED
    does = "refuses this dashboard" if is_refused else "does not answer"
    told = [safe_text(board.link.reason, 300), *(_refused(board) if is_refused else _down(board))]
    return _box(f"The daemon of '{board.instance}' {does}", told, board, width)


def _refused(board: Board) -> list[str]:
    there = " there" if board.url else ""
    return [
        f"The token was changed. Run{there}: mail-proxy {board.instance} token",
        "Read it again:  ctrl+r",
    ]


def _down(board: Board) -> list[str]:
    if board.url:
        return [f"It runs elsewhere, at {safe_text(board.url, 200)}", "Ask at once:  ctrl+r"]
    last = [f"last log line: {safe_text(board.last_words, 300)}"] if board.last_words else []
    return [*last, f"Start it:  S     Check:  mail-proxy doctor {board.instance}"]


def _box(title: str, words: Sequence[str], board: Board, width: int) -> list[Text]:
    corner, foot, rule, bar = ("+", "+", "-", "|") if board.glyphs.is_ascii else "┌└─│"
    style = board.palette.failed
    head = f" {corner} {title} "
    lines = [Text(head + rule * max(width - len(head) - 1, 0), style)]
    lines += [
        Text.assemble((f" {bar} ", style), cell(text, width - 4, ellipsis=board.glyphs.ellipsis))
        for text in words
    ]
    return [*lines, Text(f" {foot}" + rule * max(width - 3, 0), style)]


def empty_lines(board: Board, numbers: Numbers | None, width: int) -> list[Text]:
    """Nothing is queued: said once, with what a newcomer does next."""
    name = board.instance
    lines = [Text(), Text(), Text("Nothing is queued. That is good.", "bold"), Text()]
    hints = []
    if numbers is None or not numbers.tenants:
        hints.append(("No tenant yet?", f"mail-proxy {name} tenants add acme"))
    if numbers is None or not numbers.accounts:
        hints.append(("No account yet?", f"mail-proxy {name} acme accounts add"))
    hints.append(
        ("Send a test:", f"mail-proxy {name} {board.tenant_id or 'acme'} send --to you@example.com")
    )
    longest = max(len(question) for question, _ in hints) + 2
    block = max(len(command) for _, command in hints) + longest
    for line in lines:
        line.pad_left(max((width - line.cell_len) // 2, 0))
    indent = " " * max((width - block) // 2, 0)
    for question, command in hints:
        lines.append(Text.assemble(indent, (question.ljust(longest), "dim"), command))
    return lines


def since_start(numbers: Numbers | None) -> str:
    """What has gone since the daemon started; empty where nobody counted."""
    if numbers is None or numbers.totals is None:
        return ""
    totals = numbers.totals
    return (
        f"since the start: {totals.sent} sent, {totals.deferred} deferred, {totals.failed} failed"
    )
