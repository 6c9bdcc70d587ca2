from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass
from typing import Any

import pytest

from mail_proxy.observe import events


@dataclass(frozen=True)
class Message:
    tenant_id: str = "acme"
    account_id: str = "main"
    id: str = "order-7"
    pk: int = 12


VALUES: dict[str, Any] = {
    "message": Message(),
    "error": ValueError("broken"),
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
        "INFO message_sent tenant=acme account=main id=order-7 pk=12 tries=1 seconds=0.25"
        ' reply="250 ok"'
    )


def test_a_message_held_in_doubt_asks_for_a_person(written):
    events.mail_in_doubt(Message(), why="timeout", policy="hold")
    assert written.told.startswith("WARNING")


def test_a_message_in_doubt_that_is_sent_again_asks_for_nobody(written):
    events.mail_in_doubt(Message(), why="timeout", policy="resend")
    assert written.told.startswith("INFO")


def test_a_heartbeat_is_no_news(written):
    events.reports_sent(tenant_id="acme", n=0, seconds=0.1)
    assert written.lines == []
