"""What a tenant's key sets may not lead into our own network: real listeners, none is reached."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mail_proxy.domain.errors import Invalid
from mail_proxy.proxy import MailProxy
from mail_proxy.wire.caller import tenant

INSIDE = "\uff11\uff12\uff17.0.0.1"  # full-width digits: seen only when it is looked up
ACME = tenant("acme")
MAIL = {"id": "m1", "from": "a@x.example", "to": ["b@y.example"], "subject": "s", "body": "b"}


@pytest.mark.slow
async def test_a_mail_server_inside_pauses_its_account_until_the_admin_confirms_it(
    settings: Any, sink: Any, eventually: Any
) -> None:
    async with await MailProxy.open(settings) as proxy:
        await proxy.handle_command("addTenant", {"id": "acme"})
        place = {"id": "main", "tenant_id": "acme", "host": INSIDE, "port": sink.port}
        await proxy.handle_command("addAccount", place, ACME)
        proxy.start()
        await proxy.handle_command("addMessages", {"messages": [MAIL]}, ACME)

        async def account() -> dict[str, Any]:
            told = await proxy.handle_command("getAccount", {"account_id": "main"}, ACME)
            return dict(told["account"])

        async def is_paused() -> bool:
            return "paused_reason" in await account()

        await eventually(is_paused)
        reason = (await account())["paused_reason"]
        assert reason.startswith(f"connection failed: {INSIDE} may not be reached from here")
        assert "mail-proxy myserver allow" in reason
        report = (await proxy.handle_command("checkAccount", {"account_id": "main"}, ACME))[
            "report"
        ]
        assert report["failed_stage"] == "connect"
        (message,) = (await proxy.handle_command("listMessages", {}, ACME))["messages"]
        assert (sink.connections, message["tries"]) == (0, 0)

        await proxy.handle_command("addAccount", place)  # the admin
        await sink.wait_for(1)


@pytest.mark.slow
async def test_reports_and_servers_of_a_tenant_reach_no_listener_inside(
    settings: Any, sink: Any, receiver: Any, eventually: Any
) -> None:
    async with await MailProxy.open(settings) as proxy:
        await proxy.handle_command("addTenant", {"id": "acme"})
        for url in (receiver.base_url, receiver.base_url.replace("127.0.0.1", "2130706433")):
            with pytest.raises(Invalid, match="allowed_networks"):
                await proxy.handle_command("updateTenant", {"client_base_url": url}, ACME)
        hidden = receiver.base_url.replace("127.0.0.1", "127\u30020\u30020\u30021")
        with pytest.raises(Invalid, match="allowed_networks"):
            await proxy.handle_command("updateTenant", {"client_base_url": hidden}, ACME)
        place = {"id": "main", "host": "smtp.example.com", "port": 25}
        for field in ("host", "imap_host"):
            inside = {**place, field: "127.1"}
            with pytest.raises(Invalid, match="allowed_networks"):
                await proxy.handle_command("addAccount", inside, ACME)
    assert (sink.connections, receiver.posts) == (0, [])


@pytest.mark.slow
async def test_a_report_is_not_posted_inside_once_a_tenant_has_changed_where_it_goes(
    settings: Any, sink: Any, receiver: Any, eventually: Any, caplog: Any
) -> None:
    url, path = receiver.base_url, {"client_sync_path": "/other"}
    allowing = replace(settings, allowed_networks=("127.0.0.0/8",))
    async with await MailProxy.open(settings) as proxy:
        await proxy.handle_command("addTenant", {"id": "acme", "client_base_url": url})
        with pytest.raises(Invalid, match="allowed_networks") as caught:
            await proxy.handle_command("updateTenant", path, ACME)
        assert caught.value.field == "client_base_url"
    async with await MailProxy.open(allowing) as proxy:
        await proxy.handle_command("updateTenant", path, ACME)
    async with await MailProxy.open(settings) as proxy:
        place = {"id": "main", "tenant_id": "acme", "host": sink.host, "port": sink.port}
        await proxy.handle_command("addAccount", place)
        proxy.start()
        await proxy.handle_command("addMessages", {"messages": [MAIL]}, ACME)
        await sink.wait_for(1)

        async def is_refused() -> bool:
            return "reports_refused tenant=acme" in caplog.text

        await eventually(is_refused)
        assert receiver.posts == []
        told = {"tenant_id": "acme", "client_base_url": url}
        await proxy.handle_command("updateTenant", told)  # the admin confirms it
        await receiver.wait_for(1)
