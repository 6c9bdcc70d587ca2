"""`-v`: each step that a command asks of the instance is told on stderr, with its time."""

from __future__ import annotations

from mail_proxy.control.told import Asked


def sentence(asked: Asked, *, shows_route: bool = False) -> str:
    """Never a value of a field, as some are secret.

    shows_route: the request of the HTTP API that does the same is told too.
    """
    name = _with_route(asked.command) if shows_route else asked.command
    if asked.took_s is None:
        return f"{name}: listening to the daemon"
    way = "by the daemon" if asked.is_live else "in the database itself, no daemon runs"
    outcome = asked.error.code if asked.error else "ok"
    return f"{name}: {outcome}, {way}, {asked.took_s * 1000:.0f} ms"


def _with_route(command: str) -> str:
    from mail_proxy.control.request import route_of

    route = route_of(command)
    return f"{command} ({route.method} {route.path})"
