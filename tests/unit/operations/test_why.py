"""Why a message is where it is: the same in its record, in lists and when asked for."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.errors import NotFound
from mail_proxy.domain.state import Event


async def explained(house: Any, name: str = "m1") -> dict[str, Any]:
    """The answer; the record and the list must say the same."""
    answer: dict[str, Any] = await house.call("explainMessage", id=name)
    record = (await house.call("getMessage", id=name))["message"]
    listed = (await house.call("listMessages", limit=100))["messages"]
    (row,) = [message for message in listed if message["id"] == name]
    for shown in (record, row):
        assert shown.get("why", answer["why"]) == answer["why"]
        assert shown.get("why_code", answer["code"]) == answer["code"]
        assert shown.get("do", answer["do"]) == answer["do"]
    assert answer["status"] == record["status"]
    return answer


async def test_a_message_that_just_waits_is_ready_and_its_record_says_nothing(house):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    assert await explained(house) == {
        "ok": True,
        "id": "m1",
        "tenant_id": "acme",
        "status": "pending",
        "code": "ready",
        "why": "due: it goes in a moment",
        "do": None,
    }
    assert "why" not in (await house.call("getMessage", id="m1"))["message"]


async def test_one_behind_others_tells_how_many_when_it_is_asked_for(house):
    await house.tenant("acme", "main")
    await house.post(house.mail("m0"), house.mail("urgent", priority=0), house.mail())
    assert (await explained(house))["why"] == "due: it goes after 2 others of its account"


async def test_a_deferred_one_tells_of_the_plan_of_its_account(house):
    await house.tenant("acme")
    await house.account("acme", "main", max_retries=2)
    await house.post(house.mail())
    (claimed,) = await house.claim("acme", "main")
    at = house.clock.now() + 60
    await house.finish(claimed, Event.DEFER, due_at=at, error="4.7.1 later (SMTP 451)")
    told = await explained(house)
    assert told["why"] == (
        "deferred: try 2 of 3 at 22:14:20 UTC, last answer 4.7.1 later (SMTP 451)"
    )
    assert told["do"] == "mail-proxy myserver acme messages retry m1"
    assert (told["code"], told["until_ts"]) == ("deferred", int(at))


async def test_the_pause_of_its_account_is_told(house):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    until = house.clock.now() + 10
    pause = {"paused_until": until, "paused_reason": "login refused: 535 no", "failures": 1}
    await house.store.change_account("acme", "main", pause, now=house.clock.now())
    told = await explained(house)
    assert (told["code"], told["status"]) == ("account_failed", "deferred")
    assert "login refused: 535 no" in told["why"]


async def test_suspensions_are_told(house):
    await house.tenant("acme", "main")
    await house.post(house.mail(batch_code="may"))
    await house.call("suspend", tenant_id="acme", batch_code="may")
    assert (await explained(house))["code"] == "batch_suspended"
    await house.call("suspend", tenant_id="acme")
    assert (await explained(house))["code"] == "tenant_suspended"
    await house.call("updateTenant", tenant_id="acme", active=False)
    assert (await explained(house))["code"] == "tenant_inactive"
    await house.call("suspend")
    assert (await explained(house))["code"] == "scheduler_suspended"


async def test_a_deleted_account_is_told(house):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    await house.call("deleteAccount", tenant_id="acme", account_id="main")
    told = await explained(house)
    assert told["do"] == "mail-proxy myserver acme accounts add main"


async def test_without_its_daemon_nothing_goes(house):
    house.engine.running = False
    await house.tenant("acme", "main")
    await house.post(house.mail())
    told = await explained(house)
    assert (told["code"], told["do"]) == ("not_running", "mail-proxy start myserver")


async def test_all_connections_may_be_in_use(house):
    house.engine.connections = house.context.settings.delivery.max_connections
    await house.tenant("acme", "main")
    await house.post(house.mail())
    assert (await explained(house))["code"] == "no_connection"


@pytest.mark.parametrize(
    ("event", "fields", "code"),
    [
        (Event.ACCEPT, {}, "sent"),
        (Event.FAIL, {"error": "no such user (SMTP 550)"}, "failed"),
        (Event.DOUBT, {"error": "in doubt: connection lost"}, "in_doubt"),
    ],
)
async def test_an_end_is_told(house, event, fields, code):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    await house.finish((await house.claim("acme", "main"))[0], event, **fields)
    assert (await explained(house))["code"] == code


async def test_a_list_asks_for_each_account_once(house, monkeypatch):
    await house.tenant("acme", "main")
    await house.post(*(house.mail(f"m{n}") for n in range(60)))
    asked = []
    real = house.store.get_account

    async def get_account(*key: str) -> Any:
        asked.append(key)
        return await real(*key)

    monkeypatch.setattr(house.store, "get_account", get_account)
    await house.call("listMessages")
    assert asked == [("acme", "main")]


async def test_an_absent_message_is_not_found(house):
    await house.tenant("acme", "main")
    with pytest.raises(NotFound):
        await house.call("explainMessage", id="nope")
