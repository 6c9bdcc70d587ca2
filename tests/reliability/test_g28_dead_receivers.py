"""G28: a dead receiver harms nobody else, takes one connection, and is seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mail_proxy.sinks.reports import PATH, Fault, ReportSink
from tests.faults.client import Client
from tests.faults.figures import record
from tests.faults.installation import until
from tests.faults.profile import sized

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
# Of a machine that others use too. A delay by the dead receiver would be its time limit: seconds.
NOISE_S = 0.25


@asynccontextmanager
async def other_tenant(here: Any, tenant_id: str, sink: ReportSink) -> AsyncIterator[Client]:
    answer = await here.call(
        "addTenant", id=tenant_id, client_base_url=sink.base_url, client_sync_path=PATH
    )
    await here.add_account(tenant_id=tenant_id)
    yield Client(here.session, f"http://127.0.0.1:{here.port}", answer["api_key"])


async def until_told(here: Any, ids: list[str]) -> None:
    await until(lambda: set(ids) <= {entry["id"] for entry in here.application.entries})


async def delays(here: Any, prefix: str, n: int) -> list[float]:
    """From the mail server's dot to the application's receipt, message by message, sorted."""
    ids = [f"{prefix}{i}" for i in range(n)]
    client = here.new_client()
    for id_ in ids:
        await client.post_until_answered([id_])
        await asyncio.sleep(0.06)  # each in a post of its own
    await until_told(here, ids)
    left = {mail.id: mail.at for mail in await here.relay.seen()}
    came = {e["id"]: post.at for post in here.application.posts for e in _entries(post)}
    return sorted(came[id_] - left[id_] for id_ in ids)


def _entries(post: Any) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = post.body["delivery_report"]
    return entries


def p95(times: list[float]) -> float:
    return times[int(len(times) * 0.95) - 1]


async def test_g28_a_receiver_that_never_answers_delays_no_other(site: Sites) -> None:
    n = sized(40, 200)
    async with site() as here, ReportSink(choose=lambda _: Fault.HANG) as dead:
        alone = await delays(here, "alone", n)
        async with other_tenant(here, "dead", dead) as client:
            many = [f"d{i}" for i in range(500)]
            await client.post_until_answered(many)
            await until(lambda: dead.open == 1)
            beside = await delays(here, "beside", n)
            assert dead.peak == 1
            status = await here.call("getSyncStatus")
            waiting = {tenant["id"]: tenant["unreported"] for tenant in status["tenants"]}
    assert waiting["dead"] > 0
    assert p95(beside) <= 1.2 * p95(alone) + NOISE_S, (p95(beside), p95(alone))
    record("G28", alone_p95_ms=round(p95(alone) * 1e3), beside_p95_ms=round(p95(beside) * 1e3))


async def test_g28_a_410_pauses_the_reports_until_they_are_resumed(site: Sites) -> None:
    async with (
        site() as here,
        ReportSink(answers=[410]) as gone,
        other_tenant(here, "gone", gone) as client,
    ):
        await client.post_until_answered(["g1", "g2"])

        async def is_paused() -> bool:
            told = (await here.call("getSyncStatus"))["tenants"]
            return next(bool(tenant["paused"]) for tenant in told if tenant["id"] == "gone")

        await until(is_paused)
        sent = "SELECT count(*) FROM messages WHERE tenant_id = 'gone' AND state = 'sent'"
        await until(lambda: here.query(sent)[0][0] == 2)
        await here.kill()
        await here.start()
        await here.call("runNow")
        await here.post(here.session, ["m1"])
        await until_told(here, ["m1"])  # the other tenant's reports go on
        assert [post.status for post in gone.posts] == [410]
        assert "reports_paused" in here.log_text()
        waiting = (await here.call("listReports", tenant_id="gone"))["reports"]
        assert {record_["id"] for record_ in waiting} == {"g1", "g2"}
        answer = await here.call("resumeReports", tenant_id="gone")
        assert answer["was_paused"] is True
        await gone.wait_for(2, timeout_s=30)
        assert {entry["id"] for entry in gone.entries} == {"g1", "g2"}
