"""Which way a one-shot command takes: the socket, else the database, else it waits for either."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from mail_proxy.config.settings import Settings
from mail_proxy.control import open as way
from mail_proxy.control.open import open_control
from mail_proxy.domain.errors import Invalid, Locked


class FakeLocal:
    """A LocalControl whose database is locked for the first `refusals` calls."""

    is_live = False

    def __init__(self, refusals: int = 0, on_refusal: Callable[[], None] = lambda: None) -> None:
        self.refusals = refusals
        self.on_refusal = on_refusal
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.closed = 0

    def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        if self.refusals:
            self.refusals -= 1
            self.on_refusal()
            raise Locked("in use", holder="pid 17 (backup)")
        self.calls.append((command, fields))
        return {"ok": True, "way": "local"}

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def _looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "_BETWEEN_LOOKS_S", 0.0)


def never() -> Settings:
    raise AssertionError("the settings are not needed while a daemon answers")


def test_a_running_daemon_is_asked(daemon, door, instance):
    control = open_control(instance, never)

    assert control.is_live
    assert control.call("getStatus", tenant_id="acme") == {"ok": True}
    assert door.calls[0][:2] == ("getStatus", {"tenant_id": "acme"})


def test_without_a_daemon_the_database_is_opened(instance, settings):
    local = FakeLocal()

    control = open_control(instance, lambda: settings, local=lambda _: local)

    assert not control.is_live
    assert control.call("addTenant", id="acme")["way"] == "local"
    assert local.calls == [("addTenant", {"id": "acme"})]


def test_nothing_is_loaded_or_locked_before_the_first_call(instance):
    control = open_control(instance, never)
    control.close()


def test_close_lets_go_and_the_next_call_opens_again(instance, settings):
    local = FakeLocal()
    control = open_control(instance, lambda: settings, local=lambda _: local)
    control.call("health")
    control.close()
    control.call("health")

    assert (local.closed, len(local.calls)) == (1, 2)


def test_a_short_lock_is_waited_for(instance, settings):
    local = FakeLocal(refusals=3)

    control = open_control(instance, lambda: settings, local=lambda _: local, wait_s=5)

    assert control.call("health")["way"] == "local"
    assert local.calls == [("health", {})]


def test_a_daemon_that_was_starting_is_asked_when_it_answers(stopped, instance, settings):
    with ExitStack() as running:
        local = FakeLocal(refusals=1, on_refusal=lambda: running.enter_context(stopped.running()))
        control = open_control(instance, lambda: settings, local=lambda _: local, wait_s=5)
        assert not control.is_live

        assert control.call("health") == {"ok": True}

        assert control.is_live
        assert local.calls == []


def test_a_daemon_that_stopped_meanwhile_is_replaced_by_the_database(stopped, instance, settings):
    with stopped.running():
        control = open_control(instance, lambda: settings, local=lambda _: FakeLocal())
        assert control.call("health") == {"ok": True}
        assert control.is_live

    assert control.call("health")["way"] == "local"
    assert not control.is_live


def test_a_lock_that_stays_is_told_with_its_holder(instance, settings):
    local = FakeLocal(refusals=1000)
    control = open_control(instance, lambda: settings, local=lambda _: local, wait_s=0.01)

    with pytest.raises(Locked) as e:
        control.call("health")

    assert e.value.holder == "pid 17 (backup)"


def test_settings_that_cannot_be_read_are_told_at_once(instance):
    def broken() -> Settings:
        raise Invalid("config.toml: not TOML")

    with pytest.raises(Invalid):
        open_control(instance, broken).call("health")
