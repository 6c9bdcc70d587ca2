"""`top --once`: one frame as text, for scripts and reports of bugs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from mail_proxy_tui.feed.link import Phase
from mail_proxy_tui.frame import frame_text

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from mail_proxy_tui.app import DashboardApp

NOT_RUNNING = 3  # as the command line has it


async def print_frame(app: DashboardApp, size: tuple[int, int], out: TextIO) -> int:
    """The exit code. Nothing is written but the frame, and that at once."""
    frames: list[str] = []

    async def take(pilot: Pilot[object]) -> None:
        await app.settled()
        await pilot.pause()
        frames.append(frame_text(app))
        app.exit()

    await app.run_async(headless=True, size=size, auto_pilot=take)
    if app.crash is not None:
        raise app.crash
    out.write(frames[0])
    return NOT_RUNNING if app.board.link.phase is Phase.DOWN else 0
