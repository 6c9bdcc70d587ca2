"""Events on their way from a daemon to a program, by every control and client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mail_proxy.client import AsyncMailProxyClient, MailProxyClient
from mail_proxy.control.event_stream import EventReader
from mail_proxy.control.http import HttpControl
from mail_proxy.control.open import open_control
from mail_proxy.control.quick import SocketControl
from mail_proxy.domain.errors import MailProxyError, NotRunning, Unauthorized
from mail_proxy.observe.news import Line
from tests.unit.control.conftest import TOKEN

SENT = b'event: sent\nid: 7\ndata: {"kind":"sent","words":"a\\u2028b"}\n\n'
READ = {"kind": "sent", "words": "a\u2028b", "stream_id": 7}


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_events_are_whole_however_they_are_cut(size: int) -> None:
    text = b"retry: 3000\n\n: still here\n\n" + SENT + b'event: dropped\ndata: {"n":1}\n\n'
    reader = EventReader()
    found = [e for at in range(0, len(text), size) for e in reader.feed(text[at : at + size])]
    assert found == [READ, {"n": 1}]


def test_carriage_returns_and_an_event_that_is_not_ended_are_understood() -> None:
    assert EventReader().feed(SENT.replace(b"\n", b"\r\n")) == [READ]
    assert EventReader().feed(SENT.removesuffix(b"\n")) == []


@pytest.mark.parametrize("data", [b"[1]", b"{", b"\xff"])
def test_what_no_daemon_sends_is_refused(data: bytes) -> None:
    with pytest.raises(MailProxyError, match="is this a mail-proxy"):
        EventReader().feed(b"data: " + data + b"\n\n")


class Told:
    """One event, and the end."""

    why_over = "the daemon stops"

    def __init__(self) -> None:
        self._looks = [[Line("sent", 7, {"kind": "sent"})]]

    async def next(self, wait_s: float) -> list[Line] | None:
        return self._looks.pop() if self._looks else None

    def close(self) -> None: ...


EVENTS = [{"kind": "sent", "stream_id": 7}, {"kind": "end", "words": "the daemon stops"}]


@pytest.fixture
def streaming(stopped: Any) -> Iterator[Any]:
    async def answer() -> dict[str, Any]:
        return {"ok": True, "stream": Told()}

    stopped.door.answer = answer
    with stopped.running():
        yield stopped


def test_the_client_tells_events_as_they_come(streaming: Any) -> None:
    with MailProxyClient(streaming.url, TOKEN) as proxy:
        assert list(proxy.events(["sent", "failed"], tenant_id="acme", after=3)) == EVENTS
    ((name, payload, _),) = streaming.door.calls
    assert (name, payload) == (
        "streamEvents",
        {"kinds": "sent,failed", "tenant_id": "acme", "after": "3"},
    )


def test_a_reader_may_stop_before_the_end(streaming: Any) -> None:
    with MailProxyClient(streaming.url, TOKEN) as proxy:
        events = proxy.events()
        assert next(events) == EVENTS[0]
        events.close()
        assert proxy.call("streamEvents")["events"] == EVENTS


async def test_the_asynchronous_client_does_too(streaming: Any) -> None:
    async with AsyncMailProxyClient(streaming.url, TOKEN) as proxy:
        assert [event async for event in proxy.events()] == EVENTS


def test_the_socket_of_an_instance_does_too(streaming: Any) -> None:
    control = SocketControl(streaming.settings.socket_path)
    assert list(control.stream("streamEvents")) == EVENTS
    assert control.call("streamEvents", for_s=1) == {"ok": True, "events": EVENTS}


def test_a_refusal_is_raised_at_the_first_event(streaming: Any) -> None:
    streaming.door.answer = Unauthorized("wrong")
    with MailProxyClient(streaming.url, TOKEN) as proxy, pytest.raises(Unauthorized):
        next(proxy.events())
    with pytest.raises(Unauthorized):
        next(SocketControl(streaming.settings.socket_path).stream("streamEvents"))


async def test_nothing_is_told_where_no_daemon_runs(stopped: Any, instance: Any) -> None:
    control = HttpControl(stopped.settings.socket_path.parent / "none.sock")
    with pytest.raises(NotRunning):
        await anext(control.stream("streamEvents"))
    await control.aclose()
    with pytest.raises(NotRunning):
        next(SocketControl(stopped.settings.socket_path).stream("streamEvents"))
    either = open_control(instance, lambda: stopped.settings)
    with pytest.raises(NotRunning):
        next(either.stream("streamEvents"))
