"""G27: a receiver can tell who has sent a report, drop repeats and put events in order."""

from __future__ import annotations

import time
from typing import Any

import pytest

from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.reports import Post
from tests.faults.webhook import TOLERANCE_S, is_genuine

pytestmark = pytest.mark.slow

Sites = Any  # see conftest


async def told(here: Any, id_: str) -> Post:
    """The post that tells of a message; its receiver has taken it."""
    await here.post_many([id_])
    n = len(here.application.entries)
    while not any(entry["id"] == id_ for entry in here.application.entries):
        n += 1
        await here.application.wait_for(n, timeout_s=30)
    return next(p for p in reversed(here.application.posts) if f'"{id_}"'.encode() in p.raw)


async def test_g27_each_secret_of_a_rotation_verifies_alone_and_a_change_does_not(
    site: Sites,
) -> None:
    async with site() as here:
        unsigned = await told(here, "m0")
        old = (await here.call("createWebhookSecret", tenant_id="acme"))["secret"]
        first = await told(here, "m1")
        new = (await here.call("createWebhookSecret", tenant_id="acme", overlap_s=600))["secret"]
        both = await told(here, "m2")
        await here.kill()
        await here.start()
        restarted = await told(here, "m3")
        last = (await here.call("createWebhookSecret", tenant_id="acme", overlap_s=0))["secret"]
        alone = await told(here, "m4")

    now = time.time()
    secrets = (old, new, last)

    def by(post: Post) -> list[bool]:
        return [is_genuine(secret, post.headers, post.raw, now) for secret in secrets]

    assert by(unsigned) == [False, False, False]
    assert by(first) == [True, False, False]
    assert by(both) == by(restarted) == [True, True, False]
    # The first one's overlap goes on; the second one's was said to be none.
    assert by(alone) == [True, False, True]

    headers = dict(both.headers)
    assert not is_genuine(new, headers, both.raw + b" ", now)
    assert not is_genuine(new, {**headers, "webhook-id": "msg_other"}, both.raw, now)
    later = str(int(headers["webhook-timestamp"]) + 1)
    assert not is_genuine(new, {**headers, "webhook-timestamp": later}, both.raw, now)
    assert not is_genuine(new, headers, both.raw, now + TOLERANCE_S + 60)
    for secret in secrets:
        assert secret not in here.log_text()


async def test_g27_events_of_a_message_are_in_the_order_of_their_ids(site: Sites) -> None:
    async with site(retry_delays=[0.2], max_retries=9) as here:
        rule = {"at": Stage.RCPT, "reply": "451 4.7.1 later", "left": 3}
        await here.relay.script(rule)
        here.application.answers.extend([500])
        await here.post_many(["m1"])
        await here.until_empty()
        await here.call("resumeReports", tenant_id="acme")
        await here.until_reported()
        entries = {e["event_id"]: e for e in here.application.entries}
    ordered = [entries[event_id] for event_id in sorted(entries, key=int)]
    assert ["deferred_ts" in entry for entry in ordered] == [True, True, True, False]
    assert "sent_ts" in ordered[-1]
