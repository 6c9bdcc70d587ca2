"""G26: every event is acknowledged at last, over kills and a receiver that fails in each way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mail_proxy.domain.errors import MailProxyError
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.reports import Answer, Fault, Post
from tests.faults.figures import record
from tests.faults.installation import until
from tests.faults.nemesis import Nemesis
from tests.faults.profile import seeded, sized
from tests.faults.webhook import is_genuine

pytestmark = pytest.mark.slow

Sites = Any  # see conftest


def unreliable(chance: random.Random, secret: Callable[[], str]) -> Callable[[Post], Answer]:
    """Half of the posts fail, some hang, some lose their connection; each is verified first."""

    def choose(post: Post) -> Answer:
        assert is_genuine(secret(), post.headers, post.raw, time.time())
        dice = chance.random()
        if dice < 0.5:
            return 500
        if dice < 0.6:
            return Fault.HANG  # until the daemon is killed, or gives up
        if dice < 0.7:
            return Fault.DROP
        if dice < 0.8:
            return Fault.CUT
        return (200, {"ok": False}) if dice < 0.85 else 200

    return choose


def check_repeats(posts: Sequence[Post]) -> int:
    """An event is always the same, a webhook-id the same bytes; how often an event was repeated."""
    bodies, ids, told = defaultdict(set), defaultdict(set), defaultdict(list)
    for post in posts:
        entries = post.body["delivery_report"]
        bodies[post.headers["webhook-id"]].add(post.raw)
        if entries:
            ids[post.raw].add(post.headers["webhook-id"])
        for entry in entries:
            told[entry["event_id"]].append(json.dumps(entry))
    for each in (*bodies.values(), *ids.values(), *map(set, told.values())):
        assert len(each) == 1, each
    return sum(len(each) - 1 for each in told.values())


async def test_g26_no_event_is_missing_after_kills_and_failures(site: Sites) -> None:
    kills = sized(6, 20)
    chance = seeded("g26")
    async with site(retry_delays=[0.2], max_retries=20) as here:
        made = await here.call("createWebhookSecret", tenant_id="acme")
        here.application.choose = unreliable(chance, lambda: made["secret"])
        await here.relay.script(
            {"at": Stage.RCPT, "reply": "550 5.1.1 no such user", "recipient": "bad@x.example"},
            {
                "at": Stage.RCPT,
                "reply": "451 4.7.1 later",
                "recipient": "late@x.example",
                "left": 9,
            },
        )
        nemesis = Nemesis(here, chance)
        is_over = asyncio.Event()

        async def post() -> None:
            client, n = here.new_client(), 0
            while not is_over.is_set():
                to = ["bad", "late", "good", "good", "good"][n % 5] + "@x.example"
                await client.post_until_answered([f"m{n}"], to=[to])
                n += 1
                await asyncio.sleep(0.02)

        async def hurry() -> None:
            """Nobody waits for the backoff: more posts, and more of them in a kill's way."""
            while not is_over.is_set():
                with contextlib.suppress(MailProxyError):  # killed: it is back in a moment
                    await here.call("runNow", tenant_id="acme")
                await asyncio.sleep(0.05)

        async with asyncio.TaskGroup() as group:
            group.create_task(post())
            group.create_task(hurry())
            for _ in range(kills):
                await nemesis.kill(0.2, sized(0.8, 2.0))
            is_over.set()
        failed_posts = sum(post.status != 200 for post in here.application.posts)
        here.application.choose = None
        await here.until_empty()
        await here.call("resumeReports", tenant_id="acme")
        ledger = await here.check(with_reports=True)
        left = "SELECT count(*) FROM events WHERE report_state NOT IN ('reported', 'none')"
        await until(lambda: here.query(left)[0][0] == 0)
        repeats = check_repeats(here.application.posts)
    assert failed_posts > kills
    assert repeats > 0
    events = sum(len(each) for each in ledger.events.values())
    posts = len(here.application.posts)
    record("G26", kills=kills, events=events, posts=posts, failed=failed_posts, repeats=repeats)


async def test_g26_what_was_acknowledged_is_told_again_under_its_old_id(site: Sites) -> None:
    async with site() as here:
        await here.post_many([f"m{n}" for n in range(20)])
        await here.until_empty()
        await here.until_reported()
        first = {entry["event_id"]: entry for entry in here.application.entries}
        here.application.entries.clear()
        answer = await here.call("replayReports", tenant_id="acme", since_ts=0)
        assert answer["replayed"] == 20
        await here.application.wait_for(20, timeout_s=30)
        assert {entry["event_id"]: entry for entry in here.application.entries} == first
