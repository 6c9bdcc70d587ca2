import asyncio

import aiohttp
import pytest

from mail_proxy.sinks.reports import Fault, ReportSink
from tests.patience import PATIENCE_S


async def post(sink, entries):
    async with aiohttp.ClientSession() as session:
        body = {"delivery_report": entries}
        headers = {"Authorization": "Bearer t"}
        async with session.post(sink.url, json=body, headers=headers) as answer:
            return answer.status, await answer.json()


async def test_reports_are_kept():
    async with ReportSink() as sink:
        assert await post(sink, [{"id": "m1", "sent_ts": 1}]) == (200, {"ok": True})
        assert sink.entries == [{"id": "m1", "sent_ts": 1}]
        assert sink.posts[0].headers["Authorization"] == "Bearer t"
        assert sink.posts[0].body == {"delivery_report": [{"id": "m1", "sent_ts": 1}]}


async def test_answers_follow_the_script_and_then_are_good():
    async with ReportSink(answers=[500, (200, {"queued": 3})]) as sink:
        answers = [await post(sink, [{"id": str(n)}]) for n in range(3)]
        assert answers == [(500, {"ok": True}), (200, {"queued": 3}), (200, {"ok": True})]
        assert [entry["id"] for entry in sink.entries] == ["1", "2"]
        assert [taken.status for taken in sink.posts] == [500, 200, 200]


async def test_a_body_of_ones_own_is_answered():
    async with ReportSink(body={"ok": False}) as sink:
        assert await post(sink, []) == (200, {"ok": False})


async def test_what_is_not_json_is_refused():
    async with ReportSink() as sink, aiohttp.ClientSession() as session:
        async with session.post(sink.url, data=b"{") as answer:
            assert answer.status == 400
        assert sink.posts == []


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.CUT])
async def test_a_post_can_lose_its_answer(fault):
    async with ReportSink(answers=[fault]) as sink:
        with pytest.raises(aiohttp.ClientError):
            await post(sink, [{"id": "1"}])
        assert (sink.entries, sink.posts[0].status, sink.open) == ([], 0, 0)
        assert await post(sink, [{"id": "1"}]) == (200, {"ok": True})


async def test_a_post_can_wait_for_ever_until_its_client_leaves():
    async with ReportSink(answers=[Fault.HANG]) as sink:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await post(sink, [])
        assert sink.peak == 1
        async with asyncio.timeout(PATIENCE_S):
            while sink.open:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)


async def test_each_post_may_be_looked_at_before_it_is_answered():
    seen = []
    async with ReportSink(choose=lambda p: seen.append(p) or 418) as sink:
        assert (await post(sink, []))[0] == 418
        assert seen[0].raw == b'{"delivery_report": []}'
        assert seen[0].headers["Authorization"] == "Bearer t"


async def test_a_waiter_is_told_how_many_came():
    async with ReportSink() as sink:
        await post(sink, [{"id": "1"}])
        await sink.wait_for(1)
        with pytest.raises(TimeoutError, match="1 of 2 entries"):
            await sink.wait_for(2, timeout_s=0.01)
        with pytest.raises(TimeoutError, match="1 of 2 posts"):
            await sink.wait_for_posts(2, timeout_s=0.01)


async def test_a_waiter_wakes_when_enough_came():
    async with ReportSink() as sink, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(sink.wait_for(2))
        await post(sink, [{"id": "1"}])
        assert not waiting.done()
        await post(sink, [{"id": "2"}])
