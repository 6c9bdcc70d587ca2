"""MailProxy in one process: real store, engine and reporter, a real mail server on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from mail_proxy.config.settings import BounceSettings
from mail_proxy.domain.errors import Unauthorized
from mail_proxy.operations import upkeep
from mail_proxy.proxy import MailProxy
from mail_proxy.wire.caller import ADMIN, NOBODY
from tests.patience import PATIENCE_S


def mail(message_id: str = "m1", **fields: Any) -> dict[str, Any]:
    return {
        "id": message_id,
        "from": "shop@example.com",
        "to": ["ann@example.org"],
        "subject": "Hello",
        "body": "Good day",
        **fields,
    }


async def furnish(proxy: MailProxy, sink: Any, **tenant: Any) -> str:
    """A tenant with one account at `sink`; its key."""
    made = await proxy.handle_command("addTenant", {"id": "acme", **tenant})
    place = {"id": "main", "tenant_id": "acme", "host": sink.host, "port": sink.port}
    await proxy.handle_command("addAccount", place)
    return str(made["api_key"])


async def post(proxy: MailProxy, *messages: dict[str, Any]) -> dict[str, Any]:
    return await proxy.handle_command("add messages", {"messages": list(messages)})


async def test_a_posted_message_is_sent_reported_and_listed(settings, sink, receiver, eventually):
    async with await MailProxy.open(settings) as proxy:
        await furnish(proxy, sink, client_base_url=receiver.base_url)
        proxy.start()
        assert (await post(proxy, mail()))["queued"] == 1
        await sink.wait_for(1)
        await receiver.wait_for(1)
        assert receiver.entries[0]["id"] == "m1"
        assert "sent_ts" in receiver.entries[0]

        async def is_reported() -> bool:
            (record,) = (await proxy.handle_command("listMessages"))["messages"]
            return record["status"] == "sent" and "reported_ts" in record

        await eventually(is_reported)


async def test_outcomes_are_told_to_an_embedding_program(settings, sink):
    async with await MailProxy.open(settings) as proxy:
        await furnish(proxy, sink)
        results = proxy.results()
        proxy.start()
        await post(proxy, mail())
        outcome = await anext(results)
        assert (outcome["id"], outcome["status"], outcome["account"]) == ("m1", "sent", "main")
        assert outcome["timestamp"].endswith("Z")
        await proxy.stop()
        assert [left async for left in results] == []


async def test_in_test_mode_nothing_moves_until_run_now(settings, sink):
    settings = replace(settings, delivery=replace(settings.delivery, test_mode=True))
    async with await MailProxy.open(settings) as proxy:
        assert proxy.test_mode
        await furnish(proxy, sink)
        results = proxy.results()
        proxy.start()
        await post(proxy, mail())
        assert (await proxy.handle_command("getStatus"))["pending_messages"] == 1
        assert sink.count == 0
        await proxy.handle_command("run now")
        assert (await anext(results))["status"] == "sent"


async def test_a_suspended_scheduler_stays_so_over_a_restart(settings, sink):
    async with await MailProxy.open(settings) as proxy:
        await furnish(proxy, sink)
        await proxy.handle_command("suspend")
    async with await MailProxy.open(settings) as proxy:
        results = proxy.results()
        proxy.start()
        assert (await proxy.handle_command("getStatus"))["scheduler_active"] is False
        await post(proxy, mail())
        assert sink.count == 0
        await proxy.handle_command("activate")
        assert (await anext(results))["status"] == "sent"


async def test_the_environment_wins_over_the_stored_switch(settings):
    async with await MailProxy.open(settings) as proxy:
        await proxy.handle_command("suspend")
    async with await MailProxy.open(replace(settings, scheduler_active=True)) as proxy:
        assert (await proxy.handle_command("getStatus"))["active"] is True


async def test_the_admin_token_is_made_once_and_kept(settings):
    async with await MailProxy.open(settings) as proxy:
        token = proxy.admin_token
        assert proxy.has_new_token
        assert token.startswith("mp_")
    async with await MailProxy.open(settings) as proxy:
        assert not proxy.has_new_token
        assert proxy.admin_token == token
        assert await proxy.authenticate(token) == ADMIN
        assert await proxy.authenticate(None) == NOBODY
        for wrong in ("", token[:-1], f"{token} ", "\udcff", "x" * 10_000):
            with pytest.raises(Unauthorized):
                await proxy.authenticate(wrong)
    async with await MailProxy.open(replace(settings, api_token="given")) as proxy:
        assert proxy.admin_token == "given"


async def test_with_a_lost_key_the_door_still_opens(settings, sink):
    async with await MailProxy.open(settings) as proxy:
        await furnish(proxy, sink)
        await proxy.handle_command(
            "addAccount",
            {"id": "main", "tenant_id": "acme", "host": "h", "port": 25, "password": "p"},
        )
        old = proxy.admin_token
    async with await MailProxy.open(replace(settings, encryption_key=bytes(31) + b"x")) as proxy:
        assert await proxy.authenticate(proxy.admin_token) == ADMIN
        (account,) = (await proxy.handle_command("listAccounts"))["accounts"]
        assert account["needs_password"] is True
    async with await MailProxy.open(settings) as proxy:
        assert proxy.admin_token == old


async def test_a_tenants_token_works_until_it_is_replaced(settings, sink):
    async with await MailProxy.open(settings) as proxy:
        key = await furnish(proxy, sink)
        caller = await proxy.authenticate(key)
        assert caller.tenant_id == "acme"
        await proxy.handle_command("createTenantKey", {"tenant_id": "acme"})
        with pytest.raises(Unauthorized):
            await proxy.authenticate(key)


async def test_without_its_loops_a_proxy_answers_commands_and_sends_nothing(settings, sink):
    proxy = await MailProxy.open(settings)
    try:
        await furnish(proxy, sink)
        await post(proxy, mail())
        await proxy.handle_command("runNow")
        assert await proxy.handle_command("suspend", {"tenant_id": "acme"})
        answer = await proxy.handle_command("deleteMessages", {"tenant_id": "acme", "ids": ["m1"]})
        assert answer["removed"] == 1
        assert sink.connections == 0
    finally:
        await proxy.close()
        await proxy.close()


async def test_a_listing_can_be_streamed_or_collected(settings, sink):
    async with await MailProxy.open(settings) as proxy:
        await furnish(proxy, sink)
        await post(proxy, mail("a"), mail("b"))
        streamed = await proxy.open_answer("listMessages", None, ADMIN)
        assert [message["id"] async for message in streamed["messages"]] == ["a", "b"]
        collected = await proxy.handle_command("listMessages")
        assert [message["id"] for message in collected["messages"]] == ["a", "b"]


async def test_old_messages_go_by_themselves(settings, sink, eventually, monkeypatch):
    monkeypatch.setattr(upkeep, "CLEANUP_EVERY_S", 0.01)
    monkeypatch.setattr(upkeep, "LOOK_EVERY_S", 0.01)
    settings = replace(settings, reports=replace(settings.reports, retention_s=0.0))
    async with await MailProxy.open(settings) as proxy:
        await furnish(proxy, sink)
        proxy.start()
        await post(proxy, mail())
        await sink.wait_for(1)

        async def is_empty() -> bool:
            return not (await proxy.handle_command("listMessages"))["messages"]

        await eventually(is_empty)


async def test_the_loops_are_started_once_and_inside_a_block(settings):
    proxy = await MailProxy.open(settings)
    with pytest.raises(RuntimeError):
        proxy.start()
    async with proxy:
        proxy.start()
        with pytest.raises(RuntimeError):
            proxy.start()


async def test_an_error_inside_the_block_ends_the_loops_and_comes_out(settings):
    proxy = await MailProxy.open(settings)

    async def fail() -> None:
        async with proxy:
            proxy.start()
            raise KeyError("x")

    with pytest.raises(KeyError):
        await fail()
    async with await MailProxy.open(settings) as again:
        assert (await again.handle_command("health"))["ok"] is True


async def test_a_cancelled_block_ends_the_loops_at_once(settings):
    proxy = await MailProxy.open(settings)
    running = asyncio.Event()

    async def serve() -> None:
        async with proxy:
            proxy.start()
            running.set()
            await asyncio.Event().wait()

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve())
        await running.wait()
        serving.cancel()
    assert serving.cancelled()


async def test_bounce_settings_fill_what_the_instance_has_no_value_for(settings):
    given = BounceSettings(enabled=True, imap_host="imap.example.org", imap_password="s3cret")
    async with await MailProxy.open(replace(settings, bounces=given)) as proxy:
        record = await proxy.handle_command("getInstance")
        assert (record["bounce_enabled"], record["bounce_imap_host"]) == (True, "imap.example.org")
        assert record["bounce_imap_password"] == "********"
        assert record["bounce_imap_port"] == 993
        assert "s3cret" not in str(record)
        await proxy.handle_command("updateInstance", {"bounce_imap_host": "other.example.org"})

    async with await MailProxy.open(replace(settings, bounces=given)) as proxy:
        record = await proxy.handle_command("getInstance")
        assert record["bounce_imap_host"] == "other.example.org"
