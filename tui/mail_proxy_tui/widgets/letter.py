"""One message in full, as the right side of a wide screen and as a screen of its own."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll

from mail_proxy_tui.board import Board
from mail_proxy_tui.draw import letter as drawn
from mail_proxy_tui.feed.base import Letter
from mail_proxy_tui.widgets.lines import Lines
from mail_proxy_tui.widgets.views import Views


class LetterPane(Vertical):
    """Head, tabs, the tab's lines, and what now. Tabs without anything to show are left out."""

    def __init__(self, *, with_tabs: bool = True, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._with_tabs = with_tabs
        self._letter: Letter | None = None
        self._tab = 0

    def compose(self) -> ComposeResult:
        yield Lines(id="letter-head")
        yield Views(id="letter-tabs")
        with VerticalScroll(id="letter-scroll"):
            yield Lines(id="letter-lines")
        yield Lines(id="letter-now")

    @property
    def letter(self) -> Letter | None:
        return self._letter

    @property
    def tabs(self) -> tuple[str, ...]:
        if not self._with_tabs or self._letter is None:
            return ("Timeline",)
        names = ["Timeline"]
        names += ["Headers"] if self._letter.headers else []
        return (*names, "Body", "Raw JSON")

    def tell(self, letter: Letter | None, board: Board) -> None:
        is_other = letter is None or self._letter is None or letter.row.key != self._letter.row.key
        self._letter = letter
        if is_other:
            self._tab = 0
            self.query_one("#letter-scroll").scroll_home(animate=False)
        self.draw(board)

    def choose(self, tab: int, board: Board) -> None:
        if 0 <= tab < len(self.tabs):
            self._tab = tab
            self.query_one("#letter-scroll").scroll_home(animate=False)
            self.draw(board)

    def draw(self, board: Board) -> None:
        letter = self._letter
        parts = {
            name: self.query_one(f"#letter-{name}", Lines) for name in ("head", "lines", "now")
        }
        tabs = self.query_one("#letter-tabs", Views)
        tabs.display = letter is not None
        if letter is None:
            parts["head"].show([Text(" no message is chosen", board.palette.muted)])
            parts["lines"].show([])
            parts["now"].show([])
            return
        width, now = max(self.content_size.width, 20), board.daemon_now
        glyphs, palette = board.glyphs, board.palette
        parts["head"].show(drawn.head_lines(letter, now, width, glyphs, palette))
        tabs.tell(self.tabs, self._tab, "", width)
        parts["lines"].show(self._lines(letter, width, board))
        parts["now"].show(drawn.now_lines(letter, now, width, palette, can_act=board.can_act))

    def _lines(self, letter: Letter, width: int, board: Board) -> list[Text]:
        glyphs, palette = board.glyphs, board.palette
        match self.tabs[self._tab]:
            case "Headers":
                return drawn.header_lines(letter, palette)
            case "Body":
                return drawn.body_lines(letter, palette)
            case "Raw JSON":
                return drawn.raw_lines(letter)
            case _:
                lines = drawn.timeline_lines(letter, width, glyphs, palette)
                if len(letter.recipients) > 1 or any(r.reply for r in letter.recipients):
                    lines += [Text(), Text(" Recipients", palette.strong)]
                    lines += drawn.recipient_lines(letter, width, glyphs, palette)
                return lines
