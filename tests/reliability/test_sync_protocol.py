"""The sync protocol, row by row, between a daemon as a process and an application's receiver."""

from __future__ import annotations

import base64
import time
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web

from mail_proxy.sinks.reports import ReportSink
from tests.faults.installation import until

pytestmark = pytest.mark.slow

Sites = Any
BEARER = {"method": "bearer", "token": "application-token"}


def heartbeats(sink: ReportSink) -> int:
    return sum(not post.body["delivery_report"] for post in sink.posts)


async def sync_of(here: Any, tenant_id: str = "acme") -> dict[str, Any]:
    told = (await here.call("getSyncStatus"))["tenants"]
    found: dict[str, Any] = next(tenant for tenant in told if tenant["id"] == tenant_id)
    return found


async def test_a_new_receiver_gets_a_heartbeat_and_events_one_entry_each(site: Sites) -> None:
    async with site() as here:
        sink = here.application
        await sink.wait_for_posts(1, timeout_s=30)
        assert sink.posts[0].body == {"delivery_report": []}
        assert sink.posts[0].headers["Content-Type"] == "application/json"
        await here.post_many(["m1", "m2"])
        await sink.wait_for(2, timeout_s=30)
        entry = next(e for e in sink.entries if e["id"] == "m1")
        assert entry.keys() == {
            *("id", "sent_ts", "event_id", "tenant_id", "pk", "account_id", "priority"),
            "request_id",
        }
        assert isinstance(entry["sent_ts"], int)
        status = await sync_of(here)
        assert (status["next_sync_due"], status["in_dnd"], status["paused"]) == (False,) * 3
        assert time.time() - status["last_sync_ts"] < 60


async def test_quiet_hours_hold_heartbeats_and_no_events_and_survive_a_restart(
    site: Sites,
) -> None:
    until_ts = int(time.time()) + 3600
    async with site() as here:
        sink = here.application
        sink.body = {"ok": True, "next_sync_after": until_ts}
        await here.call("runNow", tenant_id="acme")
        await until(lambda: heartbeats(sink) >= 1)

        async def is_quiet() -> bool:
            return bool((await sync_of(here))["in_dnd"])

        await until(is_quiet)
        await here.stop()
        sink.posts.clear()
        await here.start()
        assert await is_quiet()
        assert (await sync_of(here))["next_sync_after_ts"] == until_ts
        await here.call("runNow")  # by the admin: quiet hours are kept
        await here.post_many(["m1"])
        await sink.wait_for(1, timeout_s=30)
        assert heartbeats(sink) == 0
        async with here.session.post(
            f"http://127.0.0.1:{here.port}/commands/run-now", headers={"X-API-Token": here.key}
        ) as answer:
            assert await answer.json() == {"ok": True, "triggered": True}
        await until(lambda: heartbeats(sink) == 1)


async def test_a_receiver_with_work_is_called_again_at_once_but_ever_slower(site: Sites) -> None:
    async with site() as here:
        sink = here.application
        sink.body = {"ok": True, "queued": 3}
        await here.call("runNow", tenant_id="acme")
        await until(lambda: len(sink.posts) >= 5)
        times = [post.at for post in sink.posts[1:5]]  # the first one may be the new tenant's
        waits = [later - earlier for earlier, later in pairwise(times)]
        assert waits[0] >= 0.9
        assert waits[-1] > 1.5 * waits[0]


async def test_named_entries_come_again_and_counters_are_no_names(site: Sites) -> None:
    async with site() as here:
        sink = here.application
        await sink.wait_for_posts(1, timeout_s=30)
        sink.answers.append((200, {"ok": True, "error": ["m1"], "not_found": ["m2"]}))
        await here.post_many(["m1", "m2"])
        await until(lambda: sum(entry["id"] == "m1" for entry in sink.entries) == 2)
        first, again = (entry for entry in sink.entries if entry["id"] == "m1")
        assert first == again
        sink.answers.append((200, {"sent": 1, "error": 1}))
        await here.post_many(["m3"])
        await until(lambda: any(entry["id"] == "m3" for entry in sink.entries))
        await until(lambda: not here.query("SELECT pk FROM events WHERE report_state = 'pending'"))
        assert sum(entry["id"] == "m2" for entry in sink.entries) == 1
        assert sum(entry["id"] == "m3" for entry in sink.entries) == 1


async def test_what_is_not_taken_comes_again_and_the_status_says_why(site: Sites) -> None:
    async with site() as here:
        sink = here.application
        await sink.wait_for_posts(1, timeout_s=30)
        sink.answers.append(503)
        await here.post_many(["m1"])

        async def has_failed() -> bool:
            return bool((await sync_of(here))["failures"])

        await until(has_failed)
        status = await sync_of(here)
        assert status["last_error"] == "the application answered 503"
        assert status["retry_at_ts"] > time.time()
        assert status["unreported"] == 1
        waiting = (await here.call("listReports"))["reports"]
        assert [(record["id"], record["state"]) for record in waiting] == [("m1", "pending")]
        await here.call("resumeReports", tenant_id="acme")
        await sink.wait_for(1, timeout_s=30)
        await until(lambda: not here.query("SELECT pk FROM events WHERE report_state = 'pending'"))
        assert (await sync_of(here))["failures"] == 0


async def test_tenants_without_a_url_are_reported_to_the_one_for_all(site: Sites) -> None:
    async with ReportSink() as for_all:
        settings = {
            "GMP_CLIENT_SYNC_URL": for_all.url,
            "GMP_CLIENT_SYNC_USER": "us",
            "GMP_CLIENT_SYNC_PASSWORD": "secret-of-all",
        }
        async with site(settings) as here:
            await here.call("addTenant", id="plain")
            await here.add_account(tenant_id="plain")
            await here.call("addMessages", messages=[_mail("p1", tenant_id="plain")])
            await for_all.wait_for(1, timeout_s=30)
            assert for_all.entries[0]["tenant_id"] == "plain"
            login = base64.b64encode(b"us:secret-of-all").decode()
            assert for_all.posts[-1].headers["Authorization"] == f"Basic {login}"
            assert "secret-of-all" not in here.log_text()


async def test_a_redirect_is_not_followed_and_tells_nobody_the_login(site: Sites) -> None:
    """T18."""
    async with site() as here, ReportSink() as thief:
        met: list[str] = []

        async def redirect(request: web.Request) -> web.Response:
            met.append(request.headers.get("Authorization", ""))
            raise web.HTTPTemporaryRedirect(thief.url)

        app = web.Application()
        app.router.add_post("/{path:.*}", redirect)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            await here.call(
                "updateTenant", tenant_id="acme", client_base_url=url, client_auth=BEARER
            )
            await here.post_many(["m1"])

            async def is_refused() -> bool:
                return (await sync_of(here)).get("last_error") == "the application answered 307"

            await until(is_refused)
        finally:
            await runner.cleanup()
        assert set(met) == {"Bearer application-token"}
        assert thief.posts == []


def _mail(id_: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "from": "a@example.com",
        "to": ["b@example.com"],
        "subject": id_,
        "body": "Hello.\n",
        **fields,
    }
