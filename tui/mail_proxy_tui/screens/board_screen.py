"""What a screen that shows the board has, so that it is drawn whenever the board changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.screen import Screen

from mail_proxy_tui.screens.too_small import TooSmall

if TYPE_CHECKING:
    from mail_proxy_tui.app import DashboardApp


class BoardScreen(Screen[None]):
    """Its last part is TooSmall."""

    @property
    def dashboard(self) -> DashboardApp:
        return cast("DashboardApp", self.app)

    @property
    def is_ready(self) -> bool:
        """Its parts are there: not before its mount, and no more when it is taken down."""
        return self.is_mounted and self.query_one_optional(TooSmall) is not None

    @property
    def help_title(self) -> str:
        """Whose keys the help lists."""
        raise NotImplementedError

    def draw(self) -> None:
        """All of it, from the board."""
        raise NotImplementedError

    def draw_title(self) -> None:
        """What a second changes."""
        raise NotImplementedError
