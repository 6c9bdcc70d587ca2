"""All that the dashboard knows at a moment; widgets draw from it and never ask a feed."""

from __future__ import annotations

from dataclasses import dataclass, field

from mail_proxy_tui.draw.glyphs import UNICODE, Glyphs
from mail_proxy_tui.draw.palette import PLAIN, Palette
from mail_proxy_tui.feed.base import AccountRow, Daemon, Numbers
from mail_proxy_tui.feed.happenings import Ring
from mail_proxy_tui.feed.history import History
from mail_proxy_tui.feed.link import Link, Phase


@dataclass(slots=True)
class Board:
    """instance: its name. url: of a daemon elsewhere; empty: on this machine. tenant_id: of whom;
    None: of all.

    numbers, accounts: the last that were read. numbers_at: when, by our own clock, as `now` is;
    only distances are taken from it. is_from_file: read without a daemon.
    is_read_only: no action is offered, whatever the daemon says.
    seen_at: the daemon's time when it was last heard.
    is_paused: nothing is refreshed, by a key; is_resting: because nobody looks.
    last_words: the end of the daemon's log, when it is down.
    deaf: why what happens is not told as it happens, or not at all; empty where it is.
    exporting: how far a file that is being written has come; empty where there is none.
    """

    instance: str
    url: str = ""
    interval_s: float = 1.0
    tenant_id: str | None = None
    daemon: Daemon | None = None
    numbers: Numbers | None = None
    numbers_at: float = 0.0
    seen_at: float | None = None
    now: float = 0.0
    accounts: tuple[AccountRow, ...] = ()
    history: History = field(default_factory=History)
    happenings: Ring = field(default_factory=Ring)
    link: Link = field(default_factory=Link)
    is_from_file: bool = False
    is_read_only: bool = False
    is_paused: bool = False
    is_resting: bool = False
    last_words: str = ""
    deaf: str = ""
    exporting: str = ""
    our_version: str = ""
    glyphs: Glyphs = UNICODE
    palette: Palette = PLAIN

    @property
    def can_act(self) -> bool:
        return self.link.is_up and not self.is_read_only

    @property
    def is_stale(self) -> bool:
        """What is shown is not of now."""
        return not self.link.is_up and self.link.phase is not Phase.CONNECTING

    @property
    def daemon_now(self) -> float:
        """The daemon's time now, or the last we know of it."""
        if self.numbers is None:
            return self.now
        return self.numbers.now + max(self.now - self.numbers_at, 0.0)
