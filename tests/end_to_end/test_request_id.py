"""One request is followed by its id: answer, log, message, events, report."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from mail_proxy.domain.reply import Stage
from tests.faults.client import message
from tests.faults.installation import Installation, until

pytestmark = pytest.mark.slow

Running = Any  # see conftest: an instance with a tenant, an account, a relay and an application
HOSTILE = {
    "an escape": "a\x9b31mred",
    "a word more": "a request_id=forged",
    "too long": "L" * 5000,
    "not ASCII": "caf\xe9-owned",
    "a quote": 'a" level=ERROR x="',
}


async def post(main: Installation, name: str, request_id: str | None, **fields: Any) -> str:
    """The id that the answer tells."""
    # As octets: a client would refuse to send the hostile ones.
    headers = {"X-API-Token": main.key}
    if request_id is not None:
        headers["X-Request-ID"] = request_id
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{main.url}/commands/add-messages",
            json={"messages": [message(name, **fields)]},
            headers=headers,
        ) as answer,
    ):
        assert answer.status == 200, await answer.text()
        return answer.headers["X-Request-ID"]


def stages(main: Installation, request_id: str) -> list[str]:
    """The events of the log whose lines grep would find."""
    found = [line for line in main.log_text().splitlines() if request_id in line]
    return [json.loads(x)["event"] if x.startswith("{") else x.split()[2] for x in found]


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_one_grep_finds_the_whole_story_of_a_request(
    running: Running, environ: dict[str, str], log_format: str
) -> None:
    environ["LOG_FORMAT"] = log_format
    async with running(retry_delays=[0.2]) as main:
        main.relay.answer(Stage.DOT, "451 4.7.1 later", times=1)
        assert await post(main, "m1", "order-7_a.b") == "order-7_a.b"
        await main.application.wait_for(2, timeout_s=60)

        def is_whole() -> bool:
            *before, last = stages(main, "order-7_a.b")
            return "message_sent" in before and last == "requests_reported"

        await until(is_whole)
        story = stages(main, "order-7_a.b")
        record = (await main.call("getMessage", id="m1", tenant_id="acme"))["message"]
        listed = (await main.call("listMessages", tenant_id="acme"))["messages"]
        told = (await main.call("getMessageEvents", id="m1", tenant_id="acme"))["events"]
        await main.call("resendMessages", tenant_id="acme", ids=["m1"])
        again = (await main.call("getMessage", id="m1-r1", tenant_id="acme"))["message"]
        await main.application.wait_for(3, timeout_s=60)
        logged = (await main.call("listCommands", tenant_id="acme"))["commands"]

    assert story[0] == "messages_accepted"
    assert set(story) == {
        "messages_accepted",
        "message_deferred",
        "message_sent",
        "requests_reported",
    }
    assert [record["request_id"], listed[0]["request_id"]] == ["order-7_a.b"] * 2
    assert [event["event_type"] for event in told] == ["deferred", "sent"]
    assert {event["event_data"]["request_id"] for event in told} == {"order-7_a.b"}
    entries = main.application.entries
    of_ids = [(entry["id"], entry["request_id"]) for entry in entries]
    assert of_ids == [("m1", "order-7_a.b")] * 2 + [("m1-r1", again["request_id"])]
    resend = next(c for c in logged if "resend" in c["endpoint"])
    assert resend["request_id"] == again["request_id"] != "order-7_a.b"


async def test_a_hostile_id_is_replaced_and_reaches_no_log(
    running: Running, environ: dict[str, str]
) -> None:
    async with running() as main:
        made = {what: await post(main, f"m-{n}", x) for n, (what, x) in enumerate(HOSTILE.items())}
        made["none"] = await post(main, "m-none", None)
        await main.application.wait_for(len(made), timeout_s=60)
        await until(lambda: all("message_sent" in stages(main, x) for x in made.values()))
        log = main.log_text()

    assert len(set(made.values())) == len(made)
    assert not set(made.values()) & set(HOSTILE.values())
    for trace in ("\x9b", "forged", "LLLL", "owned", 'level=ERROR x="'):
        assert trace not in log


async def test_a_refused_request_has_a_line_with_its_id(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        headers = {"X-API-Token": main.key, "X-Request-ID": "no-sender"}
        body = {"messages": [{"id": "m1"}]}
        url = f"{main.url}/commands/add-messages"
        async with session.post(url, json=body, headers=headers) as answer:
            assert (answer.status, answer.headers["X-Request-ID"]) == (400, "no-sender")
        async with session.get(f"{main.url}/status") as answer:
            assert (answer.status, "X-Request-ID" in answer.headers) == (401, True)

        assert stages(main, "no-sender") == ["command_refused"]
