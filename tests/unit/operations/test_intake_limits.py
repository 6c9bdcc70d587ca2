"""What a tenant may queue and ask: 429 with the limit's name, and nobody else feels it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mail_proxy.config.settings import IntakeSettings
from mail_proxy.domain.errors import Forbidden, TooMany, Unauthorized
from mail_proxy.domain.state import Event
from mail_proxy.operations import Tokens
from mail_proxy.operations.pace import REMEMBERED, Pace

HOME = "192.0.2.1"


# --- the queue ---


async def test_a_full_queue_takes_nothing_and_says_why_and_when(house):
    acme = await house.tenant("acme", "main", max_queued=2)
    await house.post(house.mail("m1"), house.mail("m2"), caller=acme)
    with pytest.raises(TooMany, match="max_queued is 2") as caught:
        await house.post(house.mail("m3"), house.mail("m4", to="none"), caller=acme)
    assert (caught.value.limit, caught.value.retry_after_s > 0) == ("max_queued", True)
    fields = [entry.get("field") for entry in caught.value.detail["rejected"]]
    assert fields == [None, "to"]
    assert caught.value.detail["rejected"][0]["reason"].startswith("the queue of")


def refused(house, limit: str, tenant_id: str = "default", name: str = "default") -> float:
    """As it is scraped."""
    series = (
        f'gmp_intake_refused_total{{limit="{limit}",tenant_id="{tenant_id}",tenant_name="{name}"}} '
    )
    (line,) = [x for x in house.context.metrics.render().splitlines() if x.startswith(series)]
    return float(line.removeprefix(series))


async def test_messages_that_found_no_room_are_counted(house):
    acme = await house.tenant("acme", "main", max_queued=2, name="Acme")
    await house.post(house.mail("m1"), caller=acme)
    for claimed in await house.claim("acme", "main"):
        await house.finish(claimed, Event.ACCEPT)
    assert refused(house, "max_queued") == 0
    with pytest.raises(TooMany):
        await house.post(*(house.mail(f"n{n}") for n in range(3)), caller=acme)
    assert refused(house, "max_queued", "acme", "Acme") == 3
    await house.post(house.mail("n1"), house.mail("n2"), caller=acme)
    told = await house.call("resendMessages", acme, ids=["m1"])
    assert told["counts"]["not_possible"] == 1
    assert refused(house, "max_queued", "acme", "Acme") == 4
    await house.call("deleteTenant", tenant_id="acme")
    assert 'tenant_id="acme"' not in house.context.metrics.render()


async def test_there_is_room_again_when_mail_has_left(house):
    acme = await house.tenant("acme", "main", max_queued=1)
    await house.post(house.mail("m1"), caller=acme)
    (claimed,) = await house.claim("acme", "main")
    await house.finish(claimed, Event.ACCEPT)
    assert (await house.post(house.mail("m2"), caller=acme))["queued"] == 1


async def test_a_batch_of_several_tenants_goes_on_without_the_full_one(house):
    await house.tenant("acme", "main", max_queued=1)
    await house.tenant("beta", "main")
    mails = [house.mail(f"m{n}", tenant_id="acme") for n in range(2)]
    answer = await house.post(*mails, house.mail("b", tenant_id="beta"))
    assert answer["queued"] == 1
    assert {entry["id"] for entry in answer["rejected"]} == {"m0", "m1"}
    assert "'acme'" in answer["rejected"][0]["reason"]


async def test_a_waiting_message_can_be_corrected_in_a_full_queue(house):
    acme = await house.tenant("acme", "main", max_queued=1)
    await house.post(house.mail("m1"), caller=acme)
    assert (await house.post(house.mail("m1", subject="new"), caller=acme))["queued"] == 1


async def test_a_refused_post_leaves_its_key_free(house):
    acme = await house.tenant("acme", "main", max_queued=1)
    batch = [house.mail("m1"), house.mail("m2")]
    with pytest.raises(TooMany):
        await house.post(*batch, caller=acme, idempotency_key="k")
    await house.call("updateTenant", tenant_id="acme", max_queued=0)
    assert (await house.post(*batch, caller=acme, idempotency_key="k"))["queued"] == 2


async def test_a_tenants_own_limit_wins_over_the_instances_and_0_is_none(house):
    intake = IntakeSettings(max_queued=1)
    object.__setattr__(house.context, "settings", replace(house.context.settings, intake=intake))
    acme = await house.tenant("acme", "main")
    beta = await house.tenant("beta", "main", max_queued=0)
    two = [house.mail("m1"), house.mail("m2")]
    with pytest.raises(TooMany):
        await house.post(*two, caller=acme)
    assert (await house.post(*two, caller=beta))["queued"] == 2


@pytest.mark.parametrize("field", ["max_queued", "max_requests_per_minute"])
async def test_limits_are_the_admins_to_set(house, field):
    acme = await house.tenant("acme", **{field: 5})
    with pytest.raises(Forbidden, match=field):
        await house.call("updateTenant", acme, **{field: 0})
    assert (await house.call("getTenant", acme))[field] == 5


# --- requests ---


async def keyed(house, tenant_id: str, **fields) -> str:
    answer = await house.call("addTenant", id=tenant_id, **fields)
    return answer["api_key"]


async def test_a_tenant_asks_as_often_as_it_may_and_then_is_told_when(house):
    acme = await keyed(house, "acme", max_requests_per_minute=6)
    beta = await keyed(house, "beta")
    admit = house.context.tokens.admit
    for _ in range(6):
        await admit(acme, HOME)
    with pytest.raises(TooMany, match="max_requests_per_minute is 6") as caught:
        await admit(acme, HOME)
    assert caught.value.retry_after_s == pytest.approx(10)
    for _ in range(100):
        await admit(beta, HOME)
    house.clock.at += 10
    await admit(acme, HOME)
    with pytest.raises(TooMany):
        await admit(acme, HOME)


async def test_requests_that_were_refused_cost_nothing(house):
    acme = await keyed(house, "acme", max_requests_per_minute=1)
    admit = house.context.tokens.admit
    await admit(acme, HOME)
    for _ in range(50):
        with pytest.raises(TooMany):
            await admit(acme, HOME)
    assert refused(house, "max_requests_per_minute", "acme") == 50
    house.clock.at += 60
    await admit(acme, HOME)


async def test_a_changed_limit_counts_at_once(house):
    acme = await keyed(house, "acme", max_requests_per_minute=1)
    admit = house.context.tokens.admit
    await admit(acme, HOME)
    await house.call("updateTenant", tenant_id="acme", max_requests_per_minute=0)
    await admit(acme, HOME)


async def test_the_admin_is_not_counted(house):
    tokens = house.context.tokens
    for _ in range(1000):
        await tokens.admit(tokens.admin_token, HOME)


# --- wrong tokens ---


@pytest.fixture
def guessed(house) -> Tokens:
    """Tokens with room for three wrong ones a minute, all of it used by HOME."""
    context = house.context
    limits = IntakeSettings(max_failed_logins_per_minute=3)
    admin_token = context.tokens.admin_token
    parts = (house.store, context.directory, house.clock, admin_token, limits, context.metrics)
    return Tokens(*parts)


async def use_up(tokens: Tokens) -> None:
    for n in range(3):
        with pytest.raises(Unauthorized):
            await tokens.admit(f"wrong-{n}", HOME)


async def test_after_some_wrong_tokens_an_address_is_refused_unread(house, guessed, monkeypatch):
    await use_up(guessed)
    monkeypatch.setattr(house.store, "find_key", None)  # whoever looks it up fails
    for n in range(100):
        with pytest.raises(TooMany, match="max_failed_logins_per_minute"):
            await guessed.admit(f"other-{n}", HOME)
    assert refused(house, "max_failed_logins_per_minute") == 100
    assert HOME not in house.context.metrics.render()


async def test_guessing_from_one_address_locks_out_no_other(house, guessed):
    key = await keyed(house, "acme")
    await use_up(guessed)
    assert (await guessed.admit(key, "192.0.2.2")).tenant_id == "acme"


async def test_who_was_let_in_before_comes_in_beside_one_who_guesses(house, guessed):
    key = await keyed(house, "acme")
    await guessed.admit(key, HOME)
    await use_up(guessed)
    house.clock.at += 6  # longer than a token is remembered: it is looked up again
    assert (await guessed.admit(key, HOME)).tenant_id == "acme"
    assert (await guessed.admit(guessed.admin_token, HOME)).name == "admin"


async def test_a_changed_key_of_another_locks_nobody_out(house, guessed):
    key = await keyed(house, "acme")
    await guessed.admit(key, HOME)
    guessed.forget()
    await use_up(guessed)
    assert (await guessed.admit(key, HOME)).tenant_id == "acme"


async def test_a_new_key_comes_in_beside_one_who_guesses(house):
    tokens = house.context.tokens
    await use_up_again(tokens)
    key = await keyed(house, "acme")
    assert (await tokens.admit(key, HOME)).tenant_id == "acme"


async def test_after_a_start_the_keys_that_there_are_come_in_beside_one_who_guesses(house, guessed):
    key = await keyed(house, "acme")
    await guessed.load()
    await use_up(guessed)
    assert (await guessed.admit(key, HOME)).tenant_id == "acme"


async def test_a_revoked_key_is_refused_and_then_a_guess_as_any(house):
    tokens = house.context.tokens
    key = await keyed(house, "acme")
    await tokens.admit(key, HOME)
    await house.call("revokeTenantKey", tenant_id="acme")
    await use_up_again(tokens)
    with pytest.raises(Unauthorized):
        await tokens.admit(key, HOME)
    with pytest.raises(TooMany):
        await tokens.admit(key, HOME)


async def test_guesses_at_the_same_time_are_no_more_than_one_after_the_other(guessed):
    tries = [guessed.admit(f"wrong-{n}", HOME) for n in range(50)]
    told = await asyncio.gather(*tries, return_exceptions=True)
    kinds = [type(error) for error in told]
    assert (kinds.count(Unauthorized), kinds.count(TooMany)) == (3, 47)


async def test_good_tokens_at_the_same_time_are_no_guesses(house, guessed):
    keys = [await keyed(house, f"t{n}") for n in range(20)]
    callers = await asyncio.gather(*(guessed.admit(key, HOME) for key in keys))
    assert [caller.tenant_id for caller in callers] == [f"t{n}" for n in range(20)]


async def test_no_token_is_no_guess(guessed):
    await use_up(guessed)
    assert (await guessed.admit(None, HOME)).tenant_id is None


async def test_an_address_is_forgiven_with_time(house, guessed):
    await use_up(guessed)
    house.clock.at += 20
    with pytest.raises(Unauthorized):
        await guessed.admit("wrong", HOME)
    with pytest.raises(TooMany):
        await guessed.admit("wrong", HOME)


async def test_a_reached_limit_is_told_in_the_log_once_a_minute(house, guessed, caplog):
    await use_up(guessed)
    for _ in range(3):
        for n in range(10):
            with pytest.raises(TooMany):
                await guessed.admit(f"other-{n}", HOME)
        house.clock.at += 15
        await use_up_again(guessed)
    lines = [line for line in caplog.messages if "too_many_requests" in line]
    assert len(lines) == 1
    assert HOME in lines[0]
    assert "max_failed_logins_per_minute" in lines[0]


async def use_up_again(tokens: Tokens) -> None:
    """Whatever time has forgiven."""
    while True:
        try:
            await tokens.admit("wrong", HOME)
        except Unauthorized:
            continue
        except TooMany:
            return


# --- the pace itself ---


def test_a_pace_remembers_so_many_and_no_more(house):
    pace = Pace(house.clock)
    for n in range(REMEMBERED + 5):
        pace.count(str(n), 1)
    assert pace.wait_s("0", 1) == 0.0
    assert pace.wait_s(str(REMEMBERED), 1) == pytest.approx(60)


@pytest.mark.parametrize("per_minute", [1, 2, 7, 60, 1000])
def test_no_minute_has_more_than_twice_a_burst_and_no_hour_more_than_its_rate(house, per_minute):
    pace = Pace(house.clock)
    admitted = 0
    for _ in range(3600):
        while pace.wait_s("a", per_minute) == 0:
            pace.count("a", per_minute)
            admitted += 1
        house.clock.at += 1
    assert 60 * per_minute <= admitted <= 61 * per_minute + 1
