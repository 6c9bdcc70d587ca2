"""The first line: which instance, how it is, and how fresh what is shown is."""

from __future__ import annotations

from rich.text import Text

from mail_proxy.domain import units
from mail_proxy.domain.safe_text import safe_text
from mail_proxy_tui.board import Board
from mail_proxy_tui.draw.cells import joined, spread
from mail_proxy_tui.draw.letter import clock, moment
from mail_proxy_tui.feed.link import Phase

_WIDE = 120


def title_line(board: Board, width: int) -> Text:
    is_wide = width >= _WIDE
    right = joined([_freshness(board), _tenant(board), _time(board, is_wide=is_wide)], "  ")
    left = Text.assemble(" ", (safe_text(board.instance, 40), "bold"), "  ")
    left.append_text(_state(board, is_wide=is_wide))
    return spread(left, Text.assemble(right, " " if is_wide else ""), width)


def crumbs_line(board: Board, crumbs: tuple[str, ...], width: int) -> Text:
    """The same for a screen above: where one is."""
    mark = f" {board.glyphs.crumb} "
    left = Text(" " + mark.join(safe_text(word, 60) for word in (board.instance, *crumbs)), "bold")
    return spread(left, joined([_freshness(board), _time(board, is_wide=False)], "  "), width)


def _state(board: Board, *, is_wide: bool) -> Text:
    match board.link.phase:
        case Phase.CONNECTING:
            return Text(f"{board.glyphs.down} connecting", board.palette.muted)
        case Phase.DOWN | Phase.REFUSED:
            word = "DOWN" if board.link.phase is Phase.DOWN else "REFUSED"
            return Text.assemble(
                (f"{board.glyphs.down} {word}", board.palette.failed), "  ", _last_seen(board)
            )
        case _:
            return joined([_up(board), *_facts(board, is_wide=is_wide)])


def _up(board: Board) -> Text:
    numbers = board.numbers
    uptime = "" if numbers is None or numbers.uptime_s is None else units.duration(numbers.uptime_s)
    if numbers is not None and not numbers.is_active:
        return Text(f"{board.glyphs.up} SUSPENDED {uptime}", board.palette.deferred)
    return Text(f"{board.glyphs.up} UP {uptime}", board.palette.sent)


def _facts(board: Board, *, is_wide: bool) -> list[Text]:
    found = []
    daemon, numbers = board.daemon, board.numbers
    if is_wide and daemon is not None and daemon.pid is not None:
        found.append(Text(f"pid {daemon.pid}"))
    if daemon is not None and daemon.address:
        found.append(Text(safe_text(daemon.address, 60)))
    if is_wide and daemon is not None and daemon.version:
        found.append(Text(f"v{safe_text(daemon.version, 20)}"))
    if is_wide and numbers is not None and numbers.db_bytes is not None:
        found.append(Text(f"db {units.size(numbers.db_bytes)}"))
    if is_wide and numbers is not None and numbers.rss_bytes is not None:
        found.append(Text(f"rss {units.size(numbers.rss_bytes)}"))
    return found


def _last_seen(board: Board) -> str:
    if board.seen_at is None or board.link.seen_at is None:
        return ""
    ago_s = board.now - board.link.seen_at
    ago = f"{ago_s:.0f} s" if ago_s < 60 else units.duration(ago_s)
    return f"last seen {clock(board.seen_at)} ({ago} ago)"


def _freshness(board: Board) -> Text:
    link = board.link
    if board.is_paused:
        return Text("FROZEN, p goes on", board.palette.deferred)
    if board.is_resting:
        return Text("RESTING", board.palette.muted)
    if link.phase is Phase.SLOW:
        return Text(f"SLOW {link.latency_s:.1f} s", board.palette.deferred)
    if link.phase is Phase.LIVE:
        return Text(f"LIVE {board.interval_s:g}s")
    left_s = link.countdown_s(board.now)
    return Text("" if left_s is None else f"RETRY in {left_s}s", board.palette.deferred)


def _tenant(board: Board) -> Text:
    if board.is_stale:
        return Text()
    return Text(f"tenant:{safe_text(board.tenant_id or 'all', 24)}")


def _time(board: Board, *, is_wide: bool) -> Text:
    if board.numbers is None:  # our own clock counts from the start of the machine
        return Text()
    return Text(moment(board.daemon_now) if is_wide else clock(board.daemon_now))
