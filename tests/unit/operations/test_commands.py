"""The command log as it is asked for over the API."""

from __future__ import annotations

import pytest

from mail_proxy.domain.errors import Forbidden, Invalid
from mail_proxy.operations import commands
from mail_proxy.wire.caller import ADMIN


async def test_changes_are_listed_latest_first(house):
    await house.call("addTenant", id="acme")
    house.clock.at += 10
    await house.call("updateTenant", tenant_id="acme", name="Acme")
    listed = await house.call("listCommands")
    assert [c["endpoint"] for c in listed["commands"]] == ["/tenant/{tenant_id}", "/tenant"]
    latest = listed["commands"][0]
    assert (latest["tenant_id"], latest["payload"]["name"]) == ("acme", "Acme")
    assert (latest["caller"], latest["response_status"]) == ("admin", 200)
    assert listed["total"] == 2


async def test_they_tell_the_request_that_they_came_with(house):
    await house.call("addTenant", ADMIN.asking("call-7"), id="acme")
    await house.tenant("bravo", "main")
    await house.post(house.mail("a", tenant_id="bravo"))
    await house.post(house.mail("b", tenant_id="bravo"))
    await house.audit.flush()
    summed, *_, first = (await house.call("listCommands"))["commands"]
    assert first["request_id"] == "call-7"
    assert "request_id" not in summed


async def test_they_are_chosen_by_tenant_and_endpoint_and_bounded(house):
    for tenant_id in ("acme", "bravo"):
        await house.call("addTenant", id=tenant_id)
        await house.call("suspend", tenant_id=tenant_id)
    of_acme = await house.call("listCommands", tenant_id="acme")
    suspended = await house.call("listCommands", endpoint_filter="/suspend")
    assert [c["endpoint"] for c in of_acme["commands"]] == ["/commands/suspend"]
    assert [c["tenant_id"] for c in suspended["commands"]] == ["bravo", "acme"]
    assert (await house.call("listCommands", limit=1))["total"] == 1


async def test_they_are_exported_oldest_first_and_without_more(house):
    await house.call("addTenant", id="acme")
    await house.call("suspend", tenant_id="acme")
    exported = (await house.call("exportCommands"))["commands"]
    assert [c["endpoint"] for c in exported] == ["/tenant", "/commands/suspend"]
    assert set(exported[0]) == {"endpoint", "tenant_id", "payload", "command_ts"}


async def test_an_export_goes_on_behind_its_last_line(house, monkeypatch):
    monkeypatch.setattr(commands, "MAX_LISTED", 2)
    for tenant_id in ("acme", "bravo", "charlie"):
        await house.call("addTenant", id=tenant_id)
    first = await house.call("exportCommands")
    rest = await house.call("exportCommands", cursor=first["next_cursor"])
    told = [c["payload"]["id"] for page in (first, rest) for c in page["commands"]]
    assert told == ["acme", "bravo", "charlie"]
    assert "next_cursor" not in rest
    with pytest.raises(Invalid):
        await house.call("exportCommands", cursor="x")


async def test_old_lines_are_purged_in_pieces_and_the_purge_is_a_line_itself(house):
    for tenant_id in ("acme", "bravo", "charlie"):
        await house.call("addTenant", id=tenant_id)
    first = await house.call("purgeCommands", before_ts=4e9, limit=2)
    assert (first["removed"], first["has_more"]) == (2, True)
    rest = await house.call("purgeCommands", before_ts=4e9, limit=3)
    assert (rest["removed"], rest["has_more"]) == (2, False)
    [last] = (await house.call("listCommands"))["commands"]
    assert (last["endpoint"], last["payload"]["before_ts"]) == ("/command-log", 4e9)


async def test_a_time_without_changes_is_empty(house):
    await house.call("addTenant", id="acme")
    assert (await house.call("listCommands", until_ts=1))["commands"] == []
    assert (await house.call("listCommands", since_ts=4e9))["commands"] == []
    assert (await house.call("exportCommands", since_ts=1))["commands"]


async def test_secrets_are_masked_in_it(house):
    await house.call("addTenant", id="acme", client_auth={"method": "bearer", "token": "canary-1"})
    assert "canary-1" not in str(await house.call("listCommands"))


async def test_it_is_for_the_admin(house):
    acme = await house.tenant("acme")
    with pytest.raises(Forbidden):
        await house.call("listCommands", acme)


async def test_bounces_without_a_server_are_told(house):
    assert (await house.call("reloadBounce"))["ok"]
    await house.call("updateInstance", bounce_enabled=True)
    with pytest.raises(Invalid, match="Bounce enabled but imap_host not configured"):
        await house.call("reloadBounce")
    await house.call("updateInstance", bounce_imap_host="imap.example.org")
    assert (await house.call("reloadBounce"))["ok"]


async def test_the_instance_tells_when_it_was_changed(house):
    before = await house.call("getInstance")
    house.clock.at += 60
    await house.call("updateInstance", name="Mail")
    after = await house.call("getInstance")
    assert before["created_at"] == after["created_at"]
    assert after["updated_at"] > before["updated_at"]
