"""Each row of docs/wire.md about what becomes of a message and how it is told, end to end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email import message_from_bytes
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest

from mail_proxy.domain.reply import Stage
from mail_proxy.reports.entries import FULL_KEYS
from mail_proxy.wire.routes import ROUTES
from tests.end_to_end.wire_page import Row, optional_words, rows, table, value, word, words
from tests.faults.client import message
from tests.faults.installation import Installation, until

pytestmark = pytest.mark.slow

Running = Any  # see conftest: an instance with a tenant, an account, a relay and an application
Made = Callable[[Installation, aiohttp.ClientSession], Awaitable[None]]
PUBLISHED = {f"{route.method} {route.path}": route for route in ROUTES.values()}
COMMON = {"id", "event_id", "tenant_id", "pk", "account_id", "priority", "request_id"}


async def record(main: Installation, name: str = "r-1") -> dict[str, Any]:
    found: dict[str, Any] = (await main.call("getMessage", id=name, tenant_id="acme"))["message"]
    return found


async def until_status(main: Installation, status: str) -> None:
    async def is_so() -> bool:
        return (await record(main))["status"] == status

    await until(is_so)


# --- how a message comes into a status ---


async def waits(main: Installation, session: aiohttp.ClientSession) -> None:
    await main.call("suspend")
    await main.post(session, ["r-1"])


async def is_suspended(main: Installation, session: aiohttp.ClientSession) -> None:
    await main.call("suspend", tenant_id="acme")
    await main.post(session, ["r-1"])


async def is_deferred(main: Installation, session: aiohttp.ClientSession) -> None:
    main.relay.answer(Stage.DOT, "451 4.7.1 later")
    await main.post(session, ["r-1"])


async def is_sent(main: Installation, session: aiohttp.ClientSession) -> None:
    await main.post(session, ["r-1"])


async def is_partly_refused(main: Installation, session: aiohttp.ClientSession) -> None:
    main.relay.answer(Stage.RCPT, "550 5.1.1 no such user", recipient="b@x.example")
    await main.post(session, ["r-1"], to=["a@x.example", "b@x.example"])


async def fails(main: Installation, session: aiohttp.ClientSession) -> None:
    main.relay.answer(Stage.RCPT, "550 5.1.1 no such user")
    await main.post(session, ["r-1"])


async def loses_the_reply(main: Installation, session: aiohttp.ClientSession) -> None:
    await main.add_account(in_doubt="hold")
    main.relay.drop(Stage.DOT, when="before", times=1)
    await main.post(session, ["r-1"])


WAYS: dict[tuple[str, str], Made] = {
    ("pending", "waiting"): waits,
    ("pending", "suspended"): is_suspended,
    ("deferred", "waiting"): is_deferred,
    ("sent", "sent"): is_sent,
    ("error", "failed"): fails,
    ("in_doubt", "in_doubt"): loses_the_reply,
}


@rows("status", "state", "when")
async def test_a_status_is_shown_with_its_state_and_times(row: Row, running: Running) -> None:
    status, state = word(row["status"]), word(row["state"])
    async with running() as main, aiohttp.ClientSession() as session:
        await WAYS[status, state](main, session)
        await until_status(main, status)
        found = await record(main)

    assert found["state"] == state
    times = {"sent_ts", "error_ts", "error", "deferred_ts"}
    assert found.keys() & times == set(words(row["when"])) & times


async def test_what_was_sent_is_refused_as_already_sent(running: Running) -> None:
    assert [row for row in table("message", "reason") if word(row["reason"]) == "already sent"]
    async with running() as main, aiohttp.ClientSession() as session:
        await main.post(session, ["r-1"])
        await until_status(main, "sent")
        answer = await main.call("addMessages", tenant_id="acme", messages=[message("r-1")])

    assert answer["queued"] == 0
    assert [entry["reason"] for entry in answer["rejected"]] == ["already sent"]


# --- what is told of it ---

FAILURES: dict[str, tuple[Stage, str, dict[str, Any]]] = {
    "5.1.1 no such user (SMTP 550)": (Stage.RCPT, "550 5.1.1 no such user", {}),
    "Max retries (0) exceeded: 4.7.1 later (SMTP 451)": (
        *(Stage.DOT, "451 4.7.1 later"),
        {"max_retries": 0},
    ),
    "rate_limit_exceeded": (
        *(Stage.DOT, "250 2.0.0 ok"),
        {"limit_per_day": 1, "limit_behavior": "reject"},
    ),
}


@rows("what happened", "error")
async def test_a_failure_is_told_in_the_words_of_its_row(row: Row, running: Running) -> None:
    stage, reply, fields = FAILURES[word(row["error"])]
    async with running(**fields) as main, aiohttp.ClientSession() as session:
        if "limit_per_day" in fields:
            await main.post(session, ["r-0"])
            await main.until_empty()
        else:
            main.relay.answer(stage, reply)
        await main.post(session, ["r-1"])
        await until_status(main, "error")
        found = await record(main)

    assert found["error"] == word(row["error"])


async def test_the_mail_has_the_headers_of_their_rows(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        await main.post(session, ["r-1"], bcc=["secret@x.example"], headers={"X-Campaign": "may"})
        await main.until_empty()
        (taken,) = main.relay.messages
    mail = message_from_bytes(taken.data)

    expected = [word(row["header"]) for row in table("header", "value")]
    assert [len(mail.get_all(name, [])) for name in expected] == [1] * len(expected)
    assert mail["X-Genro-Mail-ID"] == "r-1"
    assert mail["X-Campaign"] == "may"
    assert "secret@x.example" in taken.recipients
    assert b"secret@x.example" not in taken.data


async def test_records_have_the_fields_of_their_rows(running: Running) -> None:
    known = {"id": "r-1", "tenant_id": "acme"}
    async with running() as main, aiohttp.ClientSession() as session:
        await is_partly_refused(main, session)
        await until(lambda: is_reported(main))
        await main.call("addTenantKey", tenant_id="acme", name="second")
        for row in table("record", "in", "fields"):
            request, *path = words(row["in"])
            target, _, query = request.partition("?")
            route = PUBLISHED[target]
            names = {"tenant_id"} if "tenant_id" in route.query else set()
            names |= {name for name in known if f"{{{name}}}" in target}
            given = {name: known[name] for name in names} | dict(parse_qsl(query))
            found: Any = await main.call(route.name, **given)
            for step in path:
                found = found[step][0] if isinstance(found[step], list) else found[step]
            fields = set(words(row["fields"]))
            assert fields - optional_words(row["fields"]) <= found.keys() <= fields, row["record"]


# --- reports ---

EVENTS: dict[str, Made] = {
    "sent": is_sent,
    "partly refused": is_partly_refused,
    "error": fails,
    "deferred": is_deferred,
    "in doubt": loses_the_reply,
}


@rows("event", "fields")
async def test_an_event_is_reported_with_the_fields_of_its_row(row: Row, running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        await EVENTS[row["event"]](main, session)
        await main.application.wait_for(1, timeout_s=60)
        entry = main.application.entries[0]

    assert entry.keys() == COMMON | set(words(row["fields"]))
    assert None not in entry.values()
    assert all(type(entry[name]) is int for name in entry if name.endswith("_ts"))
    for refused in entry.get("refused", []):
        assert refused.keys() == {"recipient", "code", "error"}


async def test_the_full_style_has_every_key(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        await main.call("updateTenant", tenant_id="acme", report_style="full")
        await main.post(session, ["r-1"])
        await main.application.wait_for(1, timeout_s=60)
        entry = main.application.entries[0]

    assert entry.keys() == {"event_id", *FULL_KEYS}
    assert entry["error"] is None


@rows("`client_auth`", "`Authorization`")
async def test_reports_carry_the_login_of_the_row(row: Row, running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        auth = value(row["`client_auth`"])
        await main.call("updateTenant", tenant_id="acme", client_auth=auth)
        await is_sent(main, session)
        await until(lambda: is_reported(main))
        (post,) = [post for post in main.application.posts if post.body["delivery_report"]]

    assert post.headers.get("Authorization", "") == word(row["`Authorization`"])


# --- what the application answers ---


@rows("answer", "body", "the entry")
async def test_an_answer_is_understood_as_its_row_says(row: Row, running: Running) -> None:
    body = value(row["body"]) if words(row["body"]) else None
    soon = {"GMP_REPORT_FIRST_BACKOFF_S": "0.1"}
    async with running(soon) as main, aiohttp.ClientSession() as session:
        # No sign of life comes for minutes after this report: it would get the answer of the row.
        await main.post(session, ["r-0"])
        await main.application.wait_for(1, timeout_s=60)
        posts = len(main.application.posts)
        main.application.answers.append((int(row["answer"]), body))
        await main.post(session, ["r-1"])
        await main.application.wait_for_posts(posts + 1, timeout_s=60)
        if row["the entry"] == "is done":
            await until(lambda: is_reported(main))
            assert "reported_ts" in await record(main)
        elif row["the entry"] == "comes again":
            ids = await until_told_twice(main)
            assert len(ids) == 2
            assert len(set(ids)) == 1
        else:
            await until(lambda: is_paused(main))


async def test_what_is_refused_ten_times_is_parked_and_listed(
    running: Running, environ: dict[str, str]
) -> None:
    environ |= {"GMP_REPORT_FIRST_BACKOFF_S": "0.1", "GMP_REPORT_MAX_BACKOFF_S": "0.1"}
    async with running() as main, aiohttp.ClientSession() as session:
        main.application.body = {"ok": True, "error": ["r-1"]}
        await main.post(session, ["r-1", "r-2"])

        async def parked() -> list[dict[str, Any]]:
            told = await main.call("listReports", tenant_id="acme", state="parked")
            return list(told["reports"])

        await until(lambda: has_some(parked()))
        (report,) = await parked()
        told = [
            entry
            for post in main.application.posts
            for entry in post.body["delivery_report"]
            if entry["id"] == "r-1"
        ]
        assert (report["id"], report["state"], len(told)) == ("r-1", "parked", 11)
        assert not (await main.call("listReports", tenant_id="acme", state="pending"))["reports"]
        main.application.body = {"ok": True}
        assert (await main.call("resumeReports", tenant_id="acme"))["unparked"] == 1
        await until(lambda: is_reported(main))


async def has_some(found: Awaitable[list[Any]]) -> bool:
    return bool(await found)


async def test_a_sign_of_life_comes_at_the_interval_that_is_set(
    running: Running, environ: dict[str, str]
) -> None:
    environ |= {"GMP_SYNC_INTERVAL_SECONDS": "1"}
    async with running() as main:
        await main.application.wait_for_posts(3, timeout_s=60)
        posts = main.application.posts[:3]

    assert [post.body for post in posts] == [{"delivery_report": []}] * 3
    between = [later.at - earlier.at for earlier, later in pairwise(posts)]
    assert min(between) > 0.9


async def is_reported(main: Installation) -> bool:
    return "reported_ts" in await record(main)


async def is_paused(main: Installation) -> bool:
    return bool(main.query("SELECT 1 FROM sync_state WHERE paused"))


async def until_told_twice(main: Installation) -> list[str]:
    """The ids of the event in the posts that told of it."""

    def told() -> list[str]:
        return [
            entry["event_id"]
            for post in main.application.posts
            for entry in post.body["delivery_report"]
            if entry["id"] == "r-1"
        ]

    await until(lambda: len(told()) >= 2)
    return told()[:2]
