"""What a real daemon takes in, and what it says of the rest."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.faults.installation import Installation

pytestmark = pytest.mark.slow

PATIENCE_S = 60.0
PATH = "/commands/add-messages"
TWO_SENDERS = b"From: a@example.org\r\nFrom: b@example.org\r\nSubject: x\r\n\r\nHello\r\n"


def mail(id_: str, **fields: Any) -> dict[str, Any]:
    usual = {"from": "shop@example.org", "to": ["ann@x.example"], "subject": "Hi", "body": "Hello"}
    return {"id": id_, **usual, **fields}


class Asking:
    """A client of the HTTP API; its bodies are written byte for byte."""

    def __init__(self, main: Installation, session: aiohttp.ClientSession) -> None:
        self._main = main
        self._session = session

    async def post(
        self, *messages: Any, path: str = PATH, token: str = "", **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        body = json.dumps({"messages": messages}).encode()
        return await self.send("POST", path, body, token=token, headers=headers)

    async def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        token: str = "",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes, dict[str, str]]:
        sent = {"X-API-Token": token or self._main.key, **(headers or {})}
        url = f"http://127.0.0.1:{self._main.port}{path}"
        async with self._session.request(method, url, data=body, headers=sent) as answer:
            return answer.status, await answer.read(), dict(answer.headers)


# Ten kinds of bad messages, and the field that each is to be told by.
BAD: list[tuple[str, dict[str, Any]]] = [
    ("from", {"from": "nobody"}),
    ("to", {"to": ["a@b.example, c@d.example"]}),
    ("subject", {"subject": "two\r\nlines"}),
    ("body", {"body": "half a pair: \ud800"}),
    ("headers.X-A", {"headers": {"X-A": "a\nBcc: x@y.example"}}),
    ("headers.From", {"headers": {"From": "evil@example.org"}}),
    ("priority", {"priority": "urgent"}),
    ("deferred_ts", {"deferred_ts": "tomorrow"}),
    ("account_id", {"account_id": "none"}),
    ("raw", {"raw": base64.b64encode(TWO_SENDERS).decode()}),
]


async def test_of_a_thousand_fifty_bad_ones_are_told_by_their_fields(running):
    bad = {f"m{n * 20}": BAD[n % len(BAD)] for n in range(50)}
    batch = [mail(f"m{n}", **bad.get(f"m{n}", ("", {}))[1]) for n in range(1000)]
    async with running() as main, aiohttp.ClientSession() as session:
        status, answer, _ = await Asking(main, session).post(*batch)
        told = json.loads(answer)
        await main.until_empty()
        stored = await main.statuses()
    assert (status, told["ok"], told["queued"]) == (200, True, 950)
    assert {e["id"]: e.get("field") for e in told["rejected"]} == {
        id_: field for id_, (field, _) in bad.items()
    }
    assert all(entry["reason"] for entry in told["rejected"])
    assert stored == {"sent": 950}


async def test_a_post_with_a_key_is_done_once_over_kills_and_at_the_same_time(running):
    batch = [mail("m1"), mail("bäd", to="nobody"), 7]
    key = {"Idempotency-Key": "order 17"}
    async with running() as main, aiohttp.ClientSession() as session:
        asking = Asking(main, session)
        answers = await asyncio.gather(*(asking.post(*batch, **key) for _ in range(20)))
        await main.until_empty()
        await main.kill()
        await main.start()
        answers.append(await asking.post(*batch, **key))
        other = await asking.post(mail("m2"), **key)
        control = await main.call(
            "addMessages", messages=[mail("m3", tenant_id="acme")], idempotency_key="order 17"
        )
        await main.until_empty()
        copies = sorted(main.relay.copies.values())
    assert {(status, body) for status, body, _ in answers} == {(200, answers[0][1])}
    assert json.loads(answers[0][1])["queued"] == 1
    assert other[0] == 409
    assert "Idempotency-Key" in json.loads(other[1])["error"]
    assert control["queued"] == 1  # the admin's keys are others
    assert copies == [1, 1]


async def test_a_resend_with_a_key_is_done_once_over_kills_and_at_the_same_time(running):
    body = json.dumps({"ids": ["m1"]}).encode()
    key = {"Idempotency-Key": "again 17"}
    async with running() as main, aiohttp.ClientSession() as session:
        asking = Asking(main, session)
        await asking.post(mail("m1"))
        await main.until_empty()
        answers = await asyncio.gather(
            *(asking.send("POST", "/messages/resend", body, headers=key) for _ in range(9))
        )
        await main.until_empty()
        await main.kill()
        await main.start()
        answers.append(await asking.send("POST", "/messages/resend", body, headers=key))
        await main.until_empty()
        copies = sorted(main.relay.copies.values())
    assert {(status, text) for status, text, _ in answers} == {(200, answers[0][1])}
    assert json.loads(answers[0][1])["resent"] == [{"id": "m1", "new_id": "m1-r1"}]
    assert copies == [1, 1]


async def test_the_suppressed_get_nothing_and_the_report_says_so(running):
    async with running() as main, aiohttp.ClientSession() as session:
        asking = Asking(main, session)
        entries = {"addresses": ["Bob@X.example", "@gone.example"], "reason": "bounced"}
        await asking.send("POST", "/suppressions", json.dumps(entries).encode())
        status, answer, _ = await asking.post(
            mail("m1", to=["ann@x.example", "bob@x.example"], cc=["eve@gone.example"]),
            mail("m2", to=["eve@gone.example"]),
        )
        await main.application.wait_for(1, timeout_s=PATIENCE_S)
        (report,) = main.application.entries
        got = dict(main.relay.copies)
        listed = await asking.send("GET", "/suppressions?limit=1")
        removed = await asking.send("DELETE", "/suppressions?address=bob@x.example")
        again = await asking.send("DELETE", "/suppressions?address=bob@x.example")
    assert status == 200
    assert json.loads(answer)["rejected"] == [
        {
            "id": "m2",
            "reason": "recipient suppressed: eve@gone.example (bounced)",
            "field": "to",
        }
    ]
    assert list(got.values()) == [1]
    assert "sent_ts" in report
    assert [(r["recipient"], r["error"]) for r in report["refused"]] == [
        ("bob@x.example", "recipient suppressed: bob@x.example (bounced)"),
        ("eve@gone.example", "recipient suppressed: eve@gone.example (bounced)"),
    ]
    page = json.loads(listed[1])
    assert [entry["address"] for entry in page["suppressions"]] == ["@gone.example"]
    assert page["next_cursor"] == "@gone.example"
    assert (removed[0], again[0]) == (200, 404)


async def test_a_tenant_beyond_its_limits_is_told_when_to_come_again(running):
    async with running() as main, aiohttp.ClientSession() as session:
        asking = Asking(main, session)
        await main.call("suspend", tenant_id="acme")
        await main.call("updateTenant", tenant_id="acme", max_queued=2)
        full = [await asking.post(mail(f"m{n}")) for n in range(3)]
        await main.call("updateTenant", tenant_id="acme", max_requests_per_minute=3)
        paced = [await asking.send("GET", "/status") for _ in range(4)]
        local = await main.call("getStatus", tenant_id="acme")
    assert [status for status, _, _ in full] == [200, 200, 429]
    assert [status for status, _, _ in paced] == [200, 200, 200, 429]
    for (_, body, headers), limit in (
        (full[2], "max_queued"),
        (paced[3], "max_requests_per_minute"),
    ):
        told = json.loads(body)
        assert (told["ok"], told["code"], told["limit"]) == (False, "too_many", limit)
        assert limit in told["error"]
        assert int(headers["Retry-After"]) == told["retry_after_s"] > 0
    assert local["pending_messages"] == 2


async def test_a_flood_of_one_tenant_leaves_the_others_their_time(running):
    async with running() as main, aiohttp.ClientSession() as session:
        asking = Asking(main, session)
        other = (await main.call("addTenant", id="quiet"))["api_key"]
        relay = {"host": main.relay.host, "port": main.relay.port, "tls_mode": "none"}
        await main.call("addAccount", tenant_id="quiet", id="main", **relay)
        await main.call("updateTenant", tenant_id="acme", max_requests_per_minute=60)
        statuses: list[int] = []
        ended = asyncio.Event()

        async def flood() -> None:
            big = mail("m", body="x" * 100_000)
            while not ended.is_set():
                statuses.append((await asking.post(big))[0])

        async def quiet() -> list[float]:
            took = []
            for n in range(50):
                began = time.monotonic()
                status, _, _ = await asking.post(mail(f"q{n}"), token=other)
                took.append(time.monotonic() - began)
                assert status == 200
            ended.set()
            return took

        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(flood())
            took = group.create_task(quiet())
        await main.until_empty()
    assert statuses.count(200) <= 60 + 60
    assert statuses.count(429) > 0
    assert set(statuses) == {200, 429}
    assert sorted(took.result())[int(0.95 * 50)] < 1.0


async def test_ten_thousand_wrong_tokens_cost_little_and_lock_out_nobody(running):
    async with running() as main, aiohttp.ClientSession() as session:
        asking = Asking(main, session)
        assert (await asking.send("GET", "/status"))[0] == 200
        before, began = cpu_s(main.pid), time.monotonic()
        statuses: list[int] = []

        async def guess(of: int) -> None:
            for n in range(1250):
                answer = await asking.send("GET", "/status", token=f"mp_wrong_{of}_{n}")
                statuses.append(answer[0])

        await asyncio.gather(*(guess(of) for of in range(8)))
        spent, took = cpu_s(main.pid) - before, time.monotonic() - began
        good = (await asking.send("GET", "/status"))[0]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= 60 + took + 1  # 60 at once, and one a second
    assert good == 200
    assert spent < 10.0  # a millisecond each, on the slowest machine


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100  # utime and stime, in USER_HZ


async def test_a_tenant_in_the_query_of_an_account_is_understood(running):
    account = json.dumps({"id": "second", "host": "smtp.example.com", "port": 25}).encode()
    async with running() as main, aiohttp.ClientSession() as session:
        asking = Asking(main, session)
        assert (await asking.send("POST", "/account?tenant_id=acme", account))[0] == 200
        foreign = await asking.send("POST", "/account?tenant_id=other", account)
        listed = (await main.call("listAccounts", tenant_id="acme"))["accounts"]
    assert foreign[0] == 401
    assert [account["id"] for account in listed] == ["main", "second"]
