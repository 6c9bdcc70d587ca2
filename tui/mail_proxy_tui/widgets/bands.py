"""The band of numbers: the queue, what goes out, and the accounts."""

from __future__ import annotations

from rich.text import Text

from mail_proxy_tui.board import Board
from mail_proxy_tui.draw import accounts, throughput
from mail_proxy_tui.draw.queue import queue_lines, waits
from mail_proxy_tui.draw.title import title_line
from mail_proxy_tui.widgets.lines import Lines, entitle


def _greyed(lines: list[Text], board: Board) -> list[Text]:
    """What is not of now keeps its words and loses its colours."""
    return [Text(line.plain, board.palette.muted) for line in lines] if board.is_stale else lines


class Title(Lines):
    def draw(self, board: Board) -> None:
        self.show([title_line(board, self.size.width)])


class QueueBand(Lines):
    def draw(self, board: Board, *, is_wide: bool) -> None:
        numbers = board.numbers
        if numbers is None:
            self.show([Text(" reading the queue", board.palette.muted)])
            return
        lines = queue_lines(numbers, self.size.width, board.glyphs, board.palette)
        if is_wide:
            entitle(self, f"Queue  {numbers.all.ready} ready")
            lines.append(Text(" " + "   ".join(waits(numbers))))
        self.show(_greyed(lines, board))


class ThroughputBand(Lines):
    def draw(self, board: Board, *, is_wide: bool) -> None:
        width = self.size.width
        if is_wide:
            entitle(self, "Throughput  10 min")
            numbers, inner = board.numbers, width - 2
            has_db = numbers is not None and numbers.db_ms is not None
            told = f"db {numbers.db_ms:.0f} ms" if numbers and has_db else ""
            if told != self.border_subtitle:
                self.border_subtitle = told
            lines = throughput.wide_lines(
                board.numbers,
                board.history,
                inner,
                board.glyphs,
                board.palette,
                is_stale=board.is_stale,
            )
            lines = [Text.assemble(" ", line) for line in lines]
        else:
            lines = throughput.narrow_lines(
                board.numbers,
                board.history,
                width - 3,
                board.glyphs,
                board.palette,
                notes=_notes(board),
                is_stale=board.is_stale,
            )
            lines = [Text.assemble(f"{board.glyphs.bar} ", line) for line in _six(lines)]
        self.show(_greyed(lines, board))


def _six(lines: list[Text]) -> list[Text]:
    return lines + [Text()] * (6 - len(lines))


def _notes(board: Board) -> list[Text]:
    if not board.is_stale:
        return []
    source = "(read from the database)" if board.is_from_file else "(as of when it was last seen)"
    return [Text(source), Text("READ-ONLY: actions are disabled")]


class AccountsBand(Lines):
    def draw(self, board: Board, *, is_wide: bool) -> None:
        width, now = self.size.width, board.daemon_now
        if not is_wide:
            line = accounts.narrow_line(board.accounts, now, width, board.glyphs, board.palette)
            if not board.accounts and board.numbers is None:  # not that there are none
                line = Text()
            self.show(_greyed([line], board))
            return
        entitle(self, "Accounts  rate limits")
        lines = accounts.wide_lines(
            board.accounts, now, width - 2, self.size.height, board.glyphs, board.palette
        )
        self.show(_greyed([Text.assemble(" ", line) for line in lines], board))
