"""MailProxyClient: what scripts and the REPL call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mail_proxy.client import AsyncMailProxyClient, MailProxyClient
from mail_proxy.config.file import create_instance
from mail_proxy.config.instances import instance_named
from mail_proxy.config.lock import holder
from mail_proxy.domain.errors import Invalid, MailProxyError, NotFound
from mail_proxy.wire.caller import ADMIN, LOCAL
from tests.patience import PATIENCE_S

Call = tuple[str, dict[str, Any]]


class FakeControl:
    """Keeps the calls; an answer has every list that the client takes out of one."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.is_closed = False
        self.answer: dict[str, Any] = {
            "ok": True,
            "messages": [{"id": "1"}],
            "message": {"id": "1"},
            "events": [{"event_id": "7"}],
            "accounts": [{"id": "main"}],
            "account": {"id": "main"},
            "tenants": [{"id": "acme"}],
            "reports": [{"event_id": "8"}],
            "suppressions": [{"address": "ann@example.org"}],
            "commands": [{"endpoint": "/tenant"}],
            "report": {"login": "accepted"},
        }

    async def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        self.calls.append((command, fields))
        return self.answer

    async def aclose(self) -> None:
        self.is_closed = True


CALLS: list[tuple[Callable[[Any], Any], Call, Any]] = [
    (lambda p: p.status(), ("getStatus", {}), None),
    (lambda p: p.health(), ("health", {}), None),
    (lambda p: p.stats(), ("getStats", {"tenant_id": None}), None),
    (lambda p: p.info(), ("getInstance", {}), None),
    (lambda p: p.run_now(), ("runNow", {"tenant_id": None}), None),
    (
        lambda p: p.suspend("acme", "march"),
        ("suspend", {"tenant_id": "acme", "batch_code": "march"}),
        None,
    ),
    (lambda p: p.activate("acme"), ("activate", {"tenant_id": "acme", "batch_code": None}), None),
    (
        lambda p: p.messages.list("acme", limit=5),
        ("listMessages", {"tenant_id": "acme", "limit": 5}),
        [{"id": "1"}],
    ),
    (
        lambda p: p.messages.pending(),
        ("listMessages", {"tenant_id": None, "active_only": True}),
        [{"id": "1"}],
    ),
    (
        lambda p: p.messages.sent("acme"),
        ("listMessages", {"tenant_id": "acme", "status": "sent"}),
        [{"id": "1"}],
    ),
    (
        lambda p: p.messages.errors("acme"),
        ("listMessages", {"tenant_id": "acme", "status": "error"}),
        [{"id": "1"}],
    ),
    (
        lambda p: p.messages.get("1", "acme"),
        ("getMessage", {"id": "1", "tenant_id": "acme"}),
        {"id": "1"},
    ),
    (
        lambda p: p.messages.events("1"),
        ("getMessageEvents", {"id": "1", "tenant_id": None}),
        [{"event_id": "7"}],
    ),
    (lambda p: p.messages.add({"id": "1"}), ("addMessages", {"messages": [{"id": "1"}]}), None),
    (
        lambda p: p.messages.add(({"id": n} for n in "12"), default_priority="high"),
        ("addMessages", {"messages": [{"id": "1"}, {"id": "2"}], "default_priority": "high"}),
        None,
    ),
    (
        lambda p: p.messages.delete("1", "acme"),
        ("deleteMessages", {"ids": ["1"], "tenant_id": "acme"}),
        None,
    ),
    (
        lambda p: p.messages.retry(["1", "2"]),
        ("retryMessages", {"ids": ["1", "2"], "tenant_id": None}),
        None,
    ),
    (
        lambda p: p.messages.why("1", "acme"),
        ("explainMessage", {"id": "1", "tenant_id": "acme"}),
        None,
    ),
    (
        lambda p: p.messages.settle("1", "sent", "acme"),
        ("settleMessages", {"ids": ["1"], "as": "sent", "tenant_id": "acme"}),
        None,
    ),
    (lambda p: p.messages.cleanup(), ("cleanupMessages", {"tenant_id": None}), None),
    (
        lambda p: p.messages.cleanup(60, "acme"),
        ("cleanupMessages", {"tenant_id": "acme", "older_than_seconds": 60}),
        None,
    ),
    (lambda p: p.accounts.list("acme"), ("listAccounts", {"tenant_id": "acme"}), [{"id": "main"}]),
    (
        lambda p: p.accounts.get("main"),
        ("getAccount", {"account_id": "main", "tenant_id": None}),
        {"id": "main"},
    ),
    (
        lambda p: p.accounts.add({"id": "main"}, host="mx.example.org"),
        ("addAccount", {"id": "main", "host": "mx.example.org"}),
        None,
    ),
    (
        lambda p: p.accounts.delete("main", "acme"),
        ("deleteAccount", {"account_id": "main", "tenant_id": "acme"}),
        None,
    ),
    (
        lambda p: p.suppressions.list("acme", limit=5),
        ("listSuppressions", {"tenant_id": "acme", "limit": 5}),
        [{"address": "ann@example.org"}],
    ),
    (
        lambda p: p.suppressions.add("ann@example.org", "left"),
        (
            "addSuppressions",
            {"tenant_id": None, "addresses": ["ann@example.org"], "reason": "left"},
        ),
        None,
    ),
    (
        lambda p: p.suppressions.remove("ann@example.org", "acme"),
        ("removeSuppression", {"tenant_id": "acme", "address": "ann@example.org"}),
        None,
    ),
    (
        lambda p: p.accounts.check("main", "acme"),
        ("checkAccount", {"account_id": "main", "tenant_id": "acme"}),
        {"login": "accepted"},
    ),
    (
        lambda p: p.command_log.list("acme", limit=5),
        ("listCommands", {"tenant_id": "acme", "limit": 5}),
        [{"endpoint": "/tenant"}],
    ),
    (lambda p: p.command_log.purge(9.0), ("purgeCommands", {"before_ts": 9.0}), None),
    (
        lambda p: p.tenants.update("acme", name="A"),
        ("updateTenant", {"tenant_id": "acme", "name": "A"}),
        None,
    ),
    (
        lambda p: p.accounts.update("main", "acme", ttl=60),
        ("updateAccount", {"account_id": "main", "tenant_id": "acme", "ttl": 60}),
        None,
    ),
    (lambda p: p.cache.stats(), ("getCache", {}), None),
    (lambda p: p.cache.clear("acme"), ("clearCache", {"tenant_id": "acme"}), None),
    (lambda p: p.tenants.list(), ("listTenants", {"active_only": False}), [{"id": "acme"}]),
    (lambda p: p.tenants.get("acme"), ("getTenant", {"tenant_id": "acme"}), None),
    (lambda p: p.tenants.add(id="acme"), ("addTenant", {"id": "acme"}), None),
    (lambda p: p.tenants.delete("acme"), ("deleteTenant", {"tenant_id": "acme"}), None),
    (
        lambda p: p.tenants.create_webhook_secret("acme", overlap_s=60),
        ("createWebhookSecret", {"tenant_id": "acme", "overlap_s": 60}),
        None,
    ),
    (
        lambda p: p.tenants.delete_webhook_secret("acme"),
        ("deleteWebhookSecret", {"tenant_id": "acme"}),
        None,
    ),
    (
        lambda p: p.accounts.pause("main", reason="moving"),
        ("pauseAccount", {"account_id": "main", "tenant_id": None, "reason": "moving"}),
        {"id": "main"},
    ),
    (
        lambda p: p.accounts.resume("main", "acme"),
        ("resumeAccount", {"account_id": "main", "tenant_id": "acme"}),
        {"id": "main"},
    ),
    (
        lambda p: p.reports.list("acme", state="parked"),
        ("listReports", {"tenant_id": "acme", "state": "parked"}),
        [{"event_id": "8"}],
    ),
    (
        lambda p: p.reports.replay(ids=["1"]),
        ("replayReports", {"tenant_id": None, "ids": ["1"]}),
        None,
    ),
    (lambda p: p.reports.resume("acme"), ("resumeReports", {"tenant_id": "acme"}), None),
    (lambda p: p.reports.status(), ("getSyncStatus", {}), [{"id": "acme"}]),
]


@pytest.mark.parametrize(("use", "call", "result"), CALLS, ids=[c[1][0] for c in CALLS])
def test_every_name_is_one_command(use: Callable[[Any], Any], call: Call, result: object):
    control = FakeControl()
    with MailProxyClient.over(control) as proxy:
        found = use(proxy)

    assert control.calls == [call]
    assert found == (control.answer if result is None else result)


@pytest.mark.parametrize(("use", "call", "result"), CALLS, ids=[c[1][0] for c in CALLS])
async def test_the_same_names_can_be_awaited(use: Callable[[Any], Any], call: Call, result: object):
    control = FakeControl()
    async with AsyncMailProxyClient.over(control) as proxy:
        found = await use(proxy)

    assert control.calls == [call]
    assert found == (control.answer if result is None else result)
    assert control.is_closed


async def test_a_failure_is_raised_where_it_was_awaited(daemon, door):
    door.answer = NotFound("message 'x' not found")

    async with AsyncMailProxyClient(daemon.url) as proxy:
        with pytest.raises(NotFound, match="message 'x'"):
            await proxy.messages.get("x")


def test_over_tcp_it_shows_its_token(daemon, door):
    with MailProxyClient(daemon.url, "mp_admin") as proxy:
        proxy.run_now()

    assert door.calls == [("runNow", {}, ADMIN)]


def test_a_local_instance_needs_no_token(daemon, door, tmp_path, monkeypatch):
    monkeypatch.setenv("MAIL_PROXY_HOME", str(tmp_path.parent))
    name = "local-test"
    (tmp_path.parent / name).symlink_to(tmp_path)
    (tmp_path / "config.toml").touch()

    with MailProxyClient.local(name) as proxy:
        proxy.status()

    assert door.calls == [("getStatus", {}, LOCAL)]


@pytest.mark.slow
def test_a_stopped_instance_is_reached_through_its_database(tmp_path, monkeypatch):
    monkeypatch.setenv("MAIL_PROXY_HOME", str(tmp_path))
    instance = instance_named("stopped", tmp_path)
    create_instance(instance, now=1.0)

    with MailProxyClient.local("stopped") as proxy:
        proxy.tenants.add(id="acme")
        assert holder(instance.database_path) is None  # others may have it between two calls
        assert [tenant["id"] for tenant in proxy.tenants.list()] == ["acme"]


def test_an_instance_that_is_not_there_is_not_made(tmp_path, monkeypatch):
    monkeypatch.setenv("MAIL_PROXY_HOME", str(tmp_path))
    with pytest.raises(NotFound, match="no instance 'nowhere'"):
        MailProxyClient.local("nowhere")


def test_a_name_that_is_no_instance_name_is_refused():
    with pytest.raises(Invalid):
        MailProxyClient.local("../other")


def test_a_failure_is_raised_where_it_was_called(daemon, door):
    door.answer = NotFound("message 'x' not found")

    with MailProxyClient(daemon.url) as proxy, pytest.raises(NotFound, match="message 'x'"):
        proxy.messages.get("x")


def test_a_url_that_is_none_starts_no_thread():
    before = threading.active_count()

    with pytest.raises(MailProxyError):
        MailProxyClient("no url")

    assert threading.active_count() == before


def test_closing_ends_the_thread_and_the_control():
    before = threading.active_count()
    control = FakeControl()
    proxy = MailProxyClient.over(control)
    proxy.health()
    proxy.close()
    proxy.close()

    assert control.is_closed
    assert threading.active_count() == before
    with pytest.raises(MailProxyError, match="closed"):
        proxy.health()


def test_a_control_that_cannot_be_closed_leaves_no_thread():
    before = threading.active_count()
    control = FakeControl()

    async def fail() -> None:
        raise OSError("the socket is gone")

    control.aclose = fail  # type: ignore[method-assign]
    proxy = MailProxyClient.over(control)
    with pytest.raises(OSError, match="gone"):
        proxy.close()

    assert threading.active_count() == before


def test_a_call_of_another_thread_ends_when_the_client_is_closed():
    control = FakeControl()
    begun = threading.Event()

    async def hang(command: str, /, **fields: Any) -> dict[str, Any]:
        begun.set()
        await asyncio.Event().wait()
        return {}

    control.call = hang  # type: ignore[method-assign]
    proxy = MailProxyClient.over(control)
    with ThreadPoolExecutor(1) as others:
        waiting = others.submit(proxy.health)
        assert begun.wait(PATIENCE_S)
        proxy.close()
        with pytest.raises(MailProxyError, match="closed before the answer came"):
            waiting.result(5)
