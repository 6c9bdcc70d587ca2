from __future__ import annotations

import asyncio
import inspect
import logging
import math
from dataclasses import dataclass
from typing import Any

import pytest

from mail_proxy.observe import events
from mail_proxy.observe.bound import OfRequest
from tests.patience import PATIENCE_S


@dataclass(frozen=True)
class Message:
    tenant_id: str = "acme"
    account_id: str = "main"
    id: str = "order-7"
    pk: int = 12
    request_id: str | None = "post-5"


VALUES: dict[str, Any] = {
    "message": Message(),
    "error": ValueError("broken"),
    "request_ids": ["post-5"],
    "n": 3,
    "pid": 4,
    "tries": 2,
}


def told() -> list[tuple[str, Any]]:
    return [
        (name, function)
        for name, function in inspect.getmembers(events, inspect.isfunction)
        if not name.startswith("_") and function.__module__ == events.__name__
    ]


def value_for(parameter: inspect.Parameter) -> Any:
    if parameter.name in VALUES:
        return VALUES[parameter.name]
    annotation = str(parameter.annotation)
    if annotation == "bool":
        return True
    if annotation in ("int", "float", "float | None", "int | None"):
        return 1.5 if "float" in annotation else 1
    return parameter.name


@pytest.mark.parametrize(("name", "function"), told())
def test_every_event_writes_one_line_under_its_own_name(caplog, name, function):
    parameters = inspect.signature(function).parameters.values()
    positional = [value_for(p) for p in parameters if p.kind is not p.KEYWORD_ONLY]
    keywords = {p.name: value_for(p) for p in parameters if p.kind is p.KEYWORD_ONLY}
    with caplog.at_level(logging.DEBUG, logger="mail_proxy"):
        function(*positional, **keywords)
    (record,) = caplog.records
    assert record.getMessage().split()[0] == name


def test_a_message_is_named_in_each_step_of_its_story(written):
    events.message_sent(Message(), reply="250 ok", tries=1, seconds=0.25)
    assert written.told == (
        "INFO message_sent tenant=acme account=main id=order-7 pk=12 request_id=post-5 tries=1"
        ' seconds=0.25 reply="250 ok"'
    )


def test_a_message_held_in_doubt_asks_for_a_person(written):
    events.mail_in_doubt(Message(), why="timeout", policy="hold")
    assert written.told.startswith("WARNING")


def test_a_message_in_doubt_that_is_sent_again_asks_for_nobody(written):
    events.mail_in_doubt(Message(), why="timeout", policy="resend")
    assert written.told.startswith("INFO")


def test_a_message_of_no_request_has_none_in_its_lines(written):
    events.message_failed(Message(request_id=None), why="refused", tries=1)
    assert "request_id" not in written.told


def test_a_line_within_a_request_carries_its_id(written):
    with OfRequest("call-1"):
        events.messages_accepted(tenant_id="acme", n=1, rejected=0)
    events.cleaned_up(messages=1, commands=0)
    inside, outside = written.lines
    assert inside.endswith("messages_accepted tenant=acme n=1 rejected=0 request_id=call-1")
    assert "request_id" not in outside


def test_the_line_of_a_message_carries_the_request_that_brought_it(written):
    with OfRequest("call-1"):
        events.message_parked(Message(), why="it took the daemon down")
    assert "request_id=post-5" in written.told
    assert "call-1" not in written.told


async def test_requests_at_the_same_time_have_lines_of_their_own(written):
    both_are_in = asyncio.Barrier(2)

    async def request(request_id: str) -> None:
        with OfRequest(request_id):
            await both_are_in.wait()
            events.run_now(request_id)

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(request("a"))
        tasks.create_task(request("b"))
    told = sorted(line.split(" ", 1)[1] for line in written.lines)
    assert told == [f"INFO run_now tenant={name} request_id={name}" for name in "ab"]


@pytest.mark.parametrize("n", [0, 1, events.REQUESTS_IN_LINE, 2 * events.REQUESTS_IN_LINE + 1])
def test_every_request_that_was_reported_stands_whole_in_some_line(written, n):
    ids = [f"{n:064d}" for n in range(n)]
    events.requests_reported(tenant_id="acme", request_ids=ids)
    found = [line.rpartition("request_ids=")[2].split(",") for line in written.lines]
    assert [id_ for line in found for id_ in line] == ids
    assert len(found) == math.ceil(n / events.REQUESTS_IN_LINE)


def test_a_heartbeat_is_no_news(written):
    events.reports_sent(tenant_id="acme", n=0, seconds=0.1)
    assert written.lines == []
