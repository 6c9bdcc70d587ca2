"""Ctrl-C while MailProxyClient waits for an answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from mail_proxy.client import MailProxyClient
from tests.patience import PATIENCE_S
from tests.unit.control.test_client import FakeControl


def press_ctrl_c(monkeypatch: pytest.MonkeyPatch, begun: threading.Event) -> None:
    """Who waits for the first answer presses Ctrl-C as soon as `begun` is set."""
    real = asyncio.run_coroutine_threadsafe

    class Interrupted:
        """A future whose reader presses it."""

        def __init__(self, work: Any, loop: asyncio.AbstractEventLoop) -> None:
            self._future = real(work, loop)
            monkeypatch.undo()

        def result(self) -> Any:
            assert begun.wait(PATIENCE_S)
            raise KeyboardInterrupt

        def cancel(self) -> None:
            self._future.cancel()

    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", Interrupted)


def test_ctrl_c_cancels_the_call_and_leaves_the_client_usable(monkeypatch):
    control = FakeControl()
    begun, cancelled = threading.Event(), threading.Event()

    async def hang(command: str, /, **fields: Any) -> dict[str, Any]:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return {}

    with MailProxyClient.over(control) as proxy:
        answer = control.call
        control.call = hang  # type: ignore[method-assign]
        press_ctrl_c(monkeypatch, begun)
        with pytest.raises(KeyboardInterrupt):
            proxy.health()
        control.call = answer  # type: ignore[method-assign]

        assert cancelled.wait(PATIENCE_S)
        assert proxy.health()["ok"]


def test_ctrl_c_closes_a_stream_that_waits_for_its_next_event(monkeypatch):
    control = FakeControl()
    begun, closed = threading.Event(), threading.Event()

    async def stream(command: str, /, **fields: Any) -> AsyncGenerator[dict[str, Any], None]:
        begun.set()
        try:
            await asyncio.Event().wait()
            yield {}
        finally:
            await asyncio.sleep(0)  # as a connection that says goodbye
            closed.set()

    control.stream = stream  # type: ignore[attr-defined]
    with MailProxyClient.over(control) as proxy:
        press_ctrl_c(monkeypatch, begun)
        with pytest.raises(KeyboardInterrupt):
            next(proxy.events())

        assert closed.is_set()
        assert proxy.health()["ok"]
