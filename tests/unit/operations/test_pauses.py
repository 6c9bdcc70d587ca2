from __future__ import annotations

import pytest

from mail_proxy.domain.errors import Invalid, NotFound

KEY = {"tenant_id": "acme", "account_id": "main"}


@pytest.fixture
async def acme(house):
    return await house.tenant("acme", "main")


async def test_a_paused_account_tells_who_when_and_why(house, acme):
    answer = await house.call("pauseAccount", acme, account_id="main", reason="moving")
    shown = answer["account"]
    assert shown["paused_by"] == "person"
    assert shown["paused_reason"] == "moving"
    assert shown["paused_ts"] == int(house.clock.now())
    assert "paused_until_ts" not in shown
    assert ("refresh", "acme", "main") in house.engine.asked
    (listed,) = (await house.call("getStats"))["paused_accounts"]
    assert listed == {
        "tenant_id": "acme",
        "account_id": "main",
        "paused_by": "person",
        "paused_reason": "moving",
        "do": "mail-proxy myserver acme accounts resume main",
    }


async def test_its_messages_say_so_and_how_to_go_on(house, acme):
    await house.post(house.mail("m1"))
    await house.call("pauseAccount", **KEY, reason="moving")
    told = await house.call("explainMessage", id="m1")
    assert told["code"] == "account_paused"
    assert told["why"] == "a person has paused account 'main': moving"
    assert told["do"] == "mail-proxy myserver acme accounts resume main"
    assert told["status"] == "pending"


async def test_a_change_of_the_account_does_not_end_it(house, acme):
    await house.call("pauseAccount", **KEY)
    first = await house.store.get_account("acme", "main")
    await house.account("acme", "main", port=2525)
    house.clock.at += 50
    await house.call("pauseAccount", **KEY, reason="now with a reason")
    again = await house.store.get_account("acme", "main")
    assert (again.port, again.stopped_at) == (2525, first.stopped_at)
    assert again.stopped_reason == "now with a reason"


async def test_a_resume_ends_the_pause_of_a_person_and_of_a_fault(house, acme):
    fault = {"paused_until": house.clock.now() + 900, "paused_reason": "login refused: 535"}
    await house.store.change_account(
        "acme", "main", {**fault, "failures": 4}, now=house.clock.now()
    )
    await house.call("pauseAccount", **KEY)
    shown = (await house.call("resumeAccount", **KEY))["account"]
    assert "paused_by" not in shown
    assert (shown["failures"], shown["breaker"]) == (0, "closed")
    assert house.engine.asked[-1] == ("refresh", "acme", "main")


async def test_a_fault_is_told_as_one(house, acme):
    fault = {"paused_until": house.clock.now() + 900, "paused_reason": "login refused: 535"}
    await house.store.change_account("acme", "main", fault, now=house.clock.now())
    shown = (await house.call("getAccount", **KEY))["account"]
    assert (shown["paused_by"], shown["paused_reason"]) == ("fault", "login refused: 535")
    assert shown["paused_until_ts"] == house.clock.now() + 900


async def test_an_account_that_is_not_there_and_a_reason_that_is_none_are_told(house, acme):
    for command in ("pauseAccount", "resumeAccount"):
        with pytest.raises(NotFound):
            await house.call(command, acme, account_id="other")
    with pytest.raises(Invalid) as caught:
        await house.call("pauseAccount", **KEY, reason="two\nlines")
    assert caught.value.field == "reason"
