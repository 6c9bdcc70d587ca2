"""Opens the dashboard for one instance. The only module that others import."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mail_proxy import __version__
from mail_proxy.config.instances import Instance
from mail_proxy_tui.board import Board
from mail_proxy_tui.draw.glyphs import glyphs
from mail_proxy_tui.ending import Ending
from mail_proxy_tui.preferences import check_keys, default_theme, load_preferences

if TYPE_CHECKING:
    from mail_proxy_tui.app import DashboardApp


def run(
    instance: Instance,
    environ: Mapping[str, str],
    *,
    tenant_id: str | None = None,
    interval_s: int = 1,
    is_once: bool = False,
    is_read_only: bool = False,
    is_ascii: bool | None = None,
    size: tuple[int, int] = (80, 24),
    url: str | None = None,
    token: str | None = None,
    token_file: str | None = None,
) -> int:
    """The exit code: 0, or 128 and the number of the signal that ended it; `top --once`: 3 when the
    daemon does not run.

    is_ascii None: where the locale is not UTF-8. url, token, token_file: of a daemon elsewhere, in
    the place of the instance. Raises what broke it, the terminal restored.
    """
    # An empty NO_COLOR means nothing to everybody else, and no colours to Textual.
    if not environ.get("NO_COLOR"):
        os.environ.pop("NO_COLOR", None)
    import platformdirs

    preferences = load_preferences(Path(platformdirs.user_config_dir("mail-proxy")))
    has_truecolor = environ.get("COLORTERM", "") in ("truecolor", "24bit")
    # A theme that is set later has all style sheets read again.
    os.environ["TEXTUAL_THEME"] = preferences.theme or default_theme(has_truecolor=has_truecolor)

    # Here, after the environment is what Textual should find.
    from mail_proxy_tui.app import DashboardApp
    from mail_proxy_tui.instance_sources import InstanceSources
    from mail_proxy_tui.remote_sources import RemoteSources

    if preferences.keys:
        from mail_proxy_tui.commands import action_ids

        check_keys(preferences, action_ids(DashboardApp))
    plain = not is_utf8(environ) if is_ascii is None else is_ascii
    board = Board(
        instance.name,
        interval_s=float(interval_s),
        tenant_id=tenant_id,
        is_read_only=is_read_only,
        our_version=__version__,
        glyphs=glyphs(is_ascii=plain),
        url=url or "",
    )
    elsewhere = Path(token_file) if token_file else None
    sources = RemoteSources(url, token, elsewhere) if url else InstanceSources(instance, environ)
    app = DashboardApp(
        board,
        sources,
        preferences,
        has_truecolor=has_truecolor,
    )
    if is_once:
        from mail_proxy_tui.once import print_frame

        return asyncio.run(print_frame(app, size, sys.stdout))
    code = asyncio.run(_run(app))
    if code == 128 + signal.SIGHUP:
        # The terminal is gone as a rule: the ordinary way out would fail on what it did not take.
        os._exit(code)
    return code


async def _run(app: DashboardApp) -> int:
    # Textual restores the terminal when it ends by itself, so a signal asks it to.
    ending = Ending(lambda code: app.exit(None, code))
    with ending.heard():
        try:
            await app.run_async()
        except OSError:
            if ending.code is None:
                raise
    if ending.code is not None:
        # Whatever broke besides: a terminal that is gone breaks much, and is no bug of ours.
        return ending.code
    if app.crash is not None:
        raise app.crash
    ending.leave_soon(app.return_code or 0)
    return app.return_code or 0


def is_utf8(environ: Mapping[str, str]) -> bool:
    """What the locale says of the terminal's letters."""
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    return "utf8" in locale.lower().replace("-", "")
