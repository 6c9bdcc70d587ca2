from __future__ import annotations

import pytest

from mail_proxy.domain.errors import Invalid, NotFound


async def test_a_batch_is_suspended_and_what_was_claimed_is_back(house):
    await house.tenant("acme", "main")
    await house.post(house.mail("a", batch_code="news"), house.mail("b"))
    house.engine.asked.clear()
    answer = await house.call("suspend", tenant_id="acme", batch_code="news")
    assert answer == {
        "ok": True,
        "tenant_id": "acme",
        "batch_code": "news",
        "suspended_batches": ["news"],
        "pending_messages": 1,
    }
    assert house.engine.asked == [("recall", "acme", None, "news")]


@pytest.mark.parametrize("batch_code", [None, "", "*"])
async def test_a_tenant_is_suspended_without_a_batch(house, batch_code):
    await house.tenant("acme", "main")
    answer = await house.call("suspend", tenant_id="acme", batch_code=batch_code)
    assert answer["suspended_batches"] == ["*"]
    assert "batch_code" not in answer


@pytest.mark.parametrize("batch_code", ["a,b", "x" * 65, "a\nb", "*,a", 5, True])
async def test_a_code_that_no_message_may_have_is_refused(house, batch_code):
    await house.tenant("acme", "main")
    with pytest.raises(Invalid) as caught:
        await house.call("suspend", tenant_id="acme", batch_code=batch_code)
    assert caught.value.field == "batch_code"


async def test_one_batch_cannot_be_freed_while_all_is_suspended(house):
    await house.tenant("acme", "main")
    await house.call("suspend", tenant_id="acme")
    text = "tenant not found or cannot activate single batch from full suspension"
    with pytest.raises(Invalid) as caught:
        await house.call("activate", tenant_id="acme", batch_code="news")
    assert str(caught.value) == text
    answer = await house.call("activate", tenant_id="acme")
    assert answer["suspended_batches"] == []
    assert house.engine.asked[-1] == ("wake_all",)


async def test_an_absent_tenant_is_told_in_the_old_words(house):
    with pytest.raises(NotFound, match=r"\Atenant not found\Z"):
        await house.call("suspend", tenant_id="nobody")
    with pytest.raises(NotFound, match="cannot activate single batch"):
        await house.call("activate", tenant_id="nobody")


async def test_the_admin_suspends_the_whole_scheduler_for_good(house):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    house.engine.asked.clear()
    answer = await house.call("suspend")
    assert answer == {
        "ok": True,
        "suspended_batches": ["*"],
        "pending_messages": 1,
        "scheduler_active": False,
    }
    assert house.engine.asked == [("set_active", False), ("recall", None, None, None)]
    assert await house.store.get_setting("scheduler_active") is False
    assert (await house.call("getStatus"))["scheduler_active"] is False
    assert (await house.call("activate"))["scheduler_active"] is True
    assert await house.store.get_setting("scheduler_active") is True


async def test_a_tenants_token_suspends_its_own_tenant_only(house):
    acme = await house.tenant("acme", "main")
    answer = await house.call("suspend", acme)
    assert answer["tenant_id"] == "acme"
    assert house.engine.active is True


async def test_a_batch_alone_needs_a_tenant(house):
    await house.tenant("acme")
    await house.tenant("bravo")
    with pytest.raises(Invalid, match="tenant_id is required"):
        await house.call("suspend", batch_code="news")


async def test_run_now_wakes_both_loops(house):
    acme = await house.tenant("acme", "main")
    assert await house.call("runNow") == {"ok": True, "triggered": True}
    assert house.engine.asked[-1] == ("run_now", None)
    await house.call("runNow", acme)
    assert house.engine.asked[-1] == house.reporter.asked[-1] == ("run_now", "acme")
