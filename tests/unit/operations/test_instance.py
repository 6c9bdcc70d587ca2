from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest

import mail_proxy
from mail_proxy.domain.errors import Conflict, Forbidden, Invalid, Unauthorized
from mail_proxy.domain.state import Event
from mail_proxy.store import numbers
from mail_proxy.wire.caller import LOCAL, NOBODY


async def test_health_is_open_to_everybody(house):
    assert await house.call("health", NOBODY) == {
        "ok": True,
        "status": "ok",
        "name": "myserver",
        "version": mail_proxy.__version__,
    }


async def test_metrics_show_what_is_pending(house):
    await house.tenant("acme", "main")
    await house.post(house.mail())
    text = (await house.call("metrics", NOBODY))["text"]
    assert "gmp_pending_messages 1.0" in text
    assert 'gmp_sent_total{account_id="main",account_name="main",tenant_id="acme"' in text


async def test_metrics_tell_what_stands_still(house):
    await house.tenant("acme", "main")
    await house.post(house.mail("a"), house.mail("b"))
    claimed, _ = await house.claim("acme", "main")
    await house.finish(claimed, Event.FAIL, error="x")
    await house.post(house.mail("c"))
    pause = {"paused_until": house.clock.now() + 60, "paused_reason": "login refused"}
    await house.store.change_account("acme", "main", pause, now=house.clock.now())
    house.clock.at += 30
    lines = (await house.call("metrics", NOBODY))["text"].splitlines()
    assert "gmp_oldest_ready_seconds 30.0" in lines
    assert any(line.startswith("gmp_account_paused{") and "fault" in line for line in lines)
    assert "gmp_scheduler_active 1.0" in lines


async def test_metrics_may_be_for_the_admin_only(house):
    settings = house.context.settings
    closed = replace(settings, http=replace(settings.http, metrics_public=False))
    house.door._context = replace(house.context, settings=closed)
    acme = await house.tenant("acme", "main")
    with pytest.raises(Unauthorized, match="Admin token required"):
        await house.call("metrics", NOBODY)
    with pytest.raises(Forbidden):
        await house.call("metrics", acme)
    assert (await house.call("metrics"))["ok"]


async def test_status_has_both_names_and_counts_a_tenants_own_only(house):
    acme = await house.tenant("acme", "main")
    await house.tenant("bravo", "main")
    await house.post(house.mail(tenant_id="acme"), house.mail(tenant_id="bravo"))
    house.clock.at += 12.7
    assert await house.call("getStatus") == {
        "ok": True,
        "active": True,
        "scheduler_active": True,
        "pending_messages": 2,
        "uptime_seconds": 12,
    }
    assert (await house.call("getStatus", acme))["pending_messages"] == 1


async def test_what_is_in_doubt_is_not_pending(house):
    await house.tenant("acme", "main")
    await house.post(house.mail("a"), house.mail("b"))
    (first, _) = await house.claim("acme", "main")
    await house.finish(first, Event.DOUBT, error="no reply")
    assert (await house.call("getStatus"))["pending_messages"] == 1
    assert (await house.call("getStats"))["messages"]["pending"] == 1


async def test_stats_count_by_state_and_priority(house):
    await house.tenant("acme", "main")
    await house.post(house.mail("a"), house.mail("b"))
    for claimed, event in zip(
        await house.claim("acme", "main"), (Event.ACCEPT, Event.FAIL), strict=True
    ):
        await house.finish(claimed, event, error="x" if event is Event.FAIL else None)
    await house.post(house.mail("c", priority=0))
    house.clock.at += 10
    stats = await house.call("getStats")
    assert (stats["tenants"], stats["accounts"]) == (1, 1)
    assert stats["messages"] == {"pending": 1, "sent": 1, "error": 1}
    assert stats["by_priority"] == {"0": {"waiting": 1}, "2": {"failed": 1, "sent": 1}}
    assert stats["by_state"]["waiting"] == 1
    assert stats["oldest_waiting_s"] == 10
    assert stats["now"] == house.clock.now()
    assert stats["engine"] == {"active": True, "running": True, "connections": 0}


async def test_stats_tell_ready_from_deferred(house):
    await house.tenant("acme", "main", "other")
    later = house.clock.now() + 90
    await house.post(
        house.mail("a", account_id="main"),
        house.mail("b", account_id="main", deferred_ts=later),
        house.mail("c", account_id="other", deferred_ts=later + 1),
        house.mail("d", account_id="main", deferred_ts=later + 2, priority=0),
    )
    stats = await house.call("getStats")
    assert stats["by_priority"] == {"0": {"waiting": 1}, "2": {"waiting": 3}}
    assert stats["deferred"] == {"0": 1, "2": 2}
    assert stats["next_retry_s"] == 90
    assert "deferred_is_bounded" not in stats


async def test_stats_count_what_is_deferred_up_to_a_number(house, monkeypatch):
    monkeypatch.setattr(numbers, "MOST_DEFERRED", 2)
    await house.tenant("acme", "main")
    later = house.clock.now() + 90
    await house.post(*(house.mail(f"{n}", deferred_ts=later) for n in range(5)))
    stats = await house.call("getStats")
    assert stats["deferred_is_bounded"] is True
    assert stats["deferred"]["2"] >= 2


async def test_stats_have_the_counters_of_the_metrics(house):
    acme = await house.tenant("acme", "main")
    await house.tenant("bravo", "main")
    metrics = house.context.metrics
    of_acme, of_bravo = (metrics.declare(t, None, "main") for t in ("acme", "bravo"))
    metrics.sent(of_acme, 2)
    metrics.deferred(of_acme)
    metrics.sent(of_bravo)
    metrics.error(of_bravo)
    assert (await house.call("getStats"))["totals"] == {"sent": 3, "deferred": 1, "failed": 1}
    assert (await house.call("getStats", acme))["totals"] == {"sent": 2, "deferred": 1, "failed": 0}
    await house.call("deleteTenant", tenant_id="bravo")
    metrics.sent(of_bravo)
    assert (await house.call("getStats"))["totals"] == {"sent": 3, "deferred": 1, "failed": 1}


async def test_stats_tell_the_admin_how_the_daemon_does(house):
    acme = await house.tenant("acme", "main")
    assert "smtp_seconds" not in await house.call("getStats")
    for _ in range(100):
        house.context.metrics.attempt(0.03)
    house.context.vitals.address = "127.0.0.1:8000"
    stats = await house.call("getStats")
    assert 0.025 < stats["smtp_seconds"]["p50"] < stats["smtp_seconds"]["p95"] <= 0.05
    assert stats["workers"] == {"busy": 0, "all": house.context.settings.delivery.max_connections}
    assert stats["db_ms"] > 0
    assert stats["db_bytes"] >= 4096
    assert stats["lag_s"] >= 0
    assert stats["rss_bytes"] > 2**20
    assert (stats["pid"], stats["address"]) == (os.getpid(), "127.0.0.1:8000")
    house.clock.at += 660
    assert "smtp_seconds" not in await house.call("getStats")
    theirs = await house.call("getStats", acme)
    assert theirs.keys().isdisjoint({"workers", "pid", "db_bytes", "smtp_seconds", "address"})


async def test_without_its_loops_there_are_no_numbers_of_a_daemon(house):
    house.engine.running = False
    assert (await house.call("getStats")).keys().isdisjoint({"totals", "pid", "workers", "lag_s"})


async def test_viewers_who_come_together_cost_one_read(house, monkeypatch):
    reads = []
    standing = house.store.standing

    async def counted(tenant_id):
        reads.append(tenant_id)
        return await standing(tenant_id)

    monkeypatch.setattr(house.store, "standing", counted)
    await asyncio.gather(*(house.call("getStats") for _ in range(10)))
    assert reads == [None]


async def test_stats_name_paused_accounts(house):
    await house.tenant("acme", "main")
    pause = {"paused_until": house.clock.now() + 9.5, "paused_reason": "login refused"}
    await house.store.change_account("acme", "main", pause, now=house.clock.now())
    (paused,) = (await house.call("getStats"))["paused_accounts"]
    assert paused == {
        "tenant_id": "acme",
        "account_id": "main",
        "paused_until_ts": int(house.clock.now()) + 10,
        "paused_reason": "login refused",
        "paused_by": "fault",
        "do": "mail-proxy myserver acme accounts set-password main",
    }
    house.clock.at += 10
    assert (await house.call("getStats"))["paused_accounts"] == []


@pytest.mark.parametrize(
    ("changes", "do"),
    [
        ({"auth_method": "oauth2"}, "acme accounts check main"),
        ({"paused_reason": "connection failed: refused"}, "acme accounts check main"),
        ({"paused_reason": "the limit of 5 an hour is reached"}, "acme accounts show main"),
        ({"paused_reason": "the tenant's limit of 5 an hour is reached"}, "tenants show acme"),
        ({"stopped_at": 5.0}, "acme accounts resume main"),
    ],
)
async def test_a_paused_account_is_listed_with_what_helps(house, changes, do):
    await house.tenant("acme", "main")
    pause = {"paused_until": house.clock.now() + 9.5, "paused_reason": "login refused: 535 no"}
    await house.store.change_account("acme", "main", pause | changes, now=house.clock.now())
    (paused,) = (await house.call("getStats"))["paused_accounts"]
    assert paused["do"] == f"mail-proxy myserver {do}"


async def test_stats_are_read_once_a_second_for_all_viewers(house):
    await house.tenant("acme", "main")
    assert (await house.call("getStats"))["messages"]["pending"] == 0
    await house.post(house.mail())
    assert (await house.call("getStats"))["messages"]["pending"] == 0
    house.clock.at += 1.1
    assert (await house.call("getStats"))["messages"]["pending"] == 1


async def test_a_tenant_sees_numbers_of_its_own_only(house):
    acme = await house.tenant("acme", "main")
    await house.tenant("bravo", "main", "other")
    await house.post(house.mail(tenant_id="bravo", account_id="main"))
    stats = await house.call("getStats", acme)
    assert (stats["tenants"], stats["accounts"], stats["messages"]["pending"]) == (1, 1, 0)
    assert "engine" not in stats


async def test_the_instance_shows_settings_with_their_source_and_no_secret(house):
    await house.call(
        "updateInstance", name="Shop", bounce_imap_password="s3cret", bounce_enabled=True
    )
    found = await house.call("getInstance")
    assert (found["id"], found["name"], found["bounce_enabled"]) == (1, "Shop", True)
    assert found["bounce_imap_port"] == 993
    assert found["api_token"] == found["bounce_imap_password"] == "********"
    assert {"name": "delivery.test_mode", "value": False, "source": "default"} in found["settings"]
    assert "s3cret" not in str(found)
    assert house.context.tokens.admin_token not in str(found)


async def test_a_masked_secret_keeps_the_stored_one(house):
    await house.call(
        "updateInstance", bounce_imap_password="s3cret", bounce_imap_host="imap.example.com"
    )
    await house.call(
        "updateInstance", bounce_imap_password="********", api_token="********", name=None
    )
    assert await house.store.get_setting("bounce_imap_password") == "s3cret"
    assert await house.store.get_setting("api_token") is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("api_token", ""), ("bounce_imap_port", 0), ("bounce_poll_interval", 0)],
)
async def test_a_bad_setting_names_its_field(house, field, value):
    with pytest.raises(Invalid) as caught:
        await house.call("updateInstance", **{field: value})
    assert caught.value.field == field


async def test_a_new_admin_token_ends_the_old_one(house):
    old = (await house.call("getToken", LOCAL))["token"]
    new = (await house.call("regenerateToken", LOCAL))["token"]
    assert old != new
    assert (await house.call("getToken", LOCAL))["token"] == new
    assert await house.store.get_setting("api_token") == new


async def test_a_token_from_outside_is_not_changed_here(house):
    settings = replace(house.context.settings, api_token="given")
    house.door._context = replace(house.context, settings=settings)
    for command, fields in (("regenerateToken", {}), ("updateInstance", {"api_token": "x"})):
        with pytest.raises(Conflict) as caught:
            await house.call(command, LOCAL, **fields)
        assert "GMP_API_TOKEN" in caught.value.hint


@pytest.mark.parametrize(
    "token", ["", " ", " token", "token ", "two words", "tokén", "a\tb", "a\nb"]
)
async def test_a_token_that_no_header_can_carry_is_refused(house, token):
    before = house.context.tokens.admin_token
    with pytest.raises(Invalid) as caught:
        await house.call("updateInstance", api_token=token)
    assert caught.value.field == "api_token"
    assert house.context.tokens.admin_token == before
