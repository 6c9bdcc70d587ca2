"""Which request the lines of a task belong to."""

from __future__ import annotations

from contextvars import ContextVar, Token

_request_id: ContextVar[str] = ContextVar("request_id", default="")


class OfRequest:
    """A context: lines that are written inside, by this task, carry the id of the request.

    By hand: `contextmanager` costs some microseconds, and each request comes through here.
    """

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id
        self._before: Token[str] | None = None

    def __enter__(self) -> None:
        self._before = _request_id.set(self._request_id)

    def __exit__(self, *_: object) -> None:
        assert self._before is not None
        _request_id.reset(self._before)


def request_id() -> str:
    """Empty outside of a request."""
    return _request_id.get()
