"""docs/wire.md names every route, field and setting, and tells of each what the program says.

What its rows promise is tried against a running daemon in tests/end_to_end.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from mail_proxy.api.openapi import document
from mail_proxy.config.environment import OTHERS, VARIABLES, WITHOUT_EFFECT
from mail_proxy.observe.news import KINDS
from mail_proxy.wire.accounts import AddAccount
from mail_proxy.wire.caller import Scope
from mail_proxy.wire.commands import CommandRecord, ExportedCommand
from mail_proxy.wire.instance import SettingRecord, UpdateInstance
from mail_proxy.wire.logs import LogRecord
from mail_proxy.wire.messages import HistoryEntry, MessageEvent, MessageRecord, RecipientRecord
from mail_proxy.wire.posted import PostedMessage
from mail_proxy.wire.reports import ReportRecord, TenantSync
from mail_proxy.wire.routes import ROUTES
from mail_proxy.wire.tenants import AddTenant, KeyRecord
from tests.end_to_end.wire_page import (
    PAGE,
    Row,
    cells,
    optional_words,
    rows,
    table,
    word,
    words,
)

WHO = {Scope.PUBLIC: "everybody", Scope.TENANT: "tenant", Scope.ADMIN: "admin"}
PUBLISHED = {
    f"{route.method} {route.path}": route for route in ROUTES.values() if route.scope < Scope.LOCAL
}


def test_every_table_is_tried_by_a_test() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    heads = [cells(line)[:2] for line, after in pairwise(lines) if after.startswith("| ---")]
    folder = Path(__file__).parents[1]
    tests = [*folder.glob("end_to_end/test_wire_*.py"), Path(__file__)]
    text = "".join(path.read_text(encoding="utf-8") for path in tests)

    assert len(heads) > 20
    assert [head for head in heads if f'"{head[0]}", "{head[1]}"' not in text] == []


def test_every_route_has_a_row() -> None:
    listed = [word(row["route"]) for row in table("route", "who")]

    assert sorted(listed) == sorted(PUBLISHED)


@rows("route", "who")
def test_a_route_takes_the_fields_of_its_row(row: Row) -> None:
    route = PUBLISHED[word(row["route"])]
    described = document()["paths"][route.path][route.method.lower()]
    content = described.get("requestBody", {}).get("content", {}).get("application/json", {})

    parameters = described.get("parameters", [])
    assert row["who"] == WHO[route.scope]
    assert words(row["query"]) == [p["name"] for p in parameters if p["in"] == "query"]
    assert words(row["body"]) == list(content.get("schema", {}).get("properties", {}))


def test_every_field_of_a_message_has_a_row() -> None:
    fields = {field.alias or name for name, field in PostedMessage.model_fields.items()}

    assert {word(row["field"]) for row in table("field", "takes", "refuses")} == fields


FIELDS = [
    ("Accounts", {f.alias or n for n, f in AddAccount.model_fields.items()}),
    ("Tenants", set(AddTenant.model_fields)),
    ("Instance", set(UpdateInstance.model_fields) - {"api_token"}),
]


@pytest.mark.parametrize(("name", "fields"), FIELDS, ids=[name for name, _ in FIELDS])
def test_every_field_has_a_row(name: str, fields: set[str]) -> None:
    listed = {word(row["field"]) for row in table("field", "takes", "left out", under=name)}

    assert listed == fields


def test_every_setting_has_a_row() -> None:
    listed = [name for row in table("variable", "default") for name in words(row["variable"])]
    idle = [word(row["variable"]) for row in table("variable", "why")]

    assert sorted(listed) == sorted(name for v in VARIABLES for name in v.names)
    assert sorted(idle) == sorted(WITHOUT_EFFECT)
    others = [word(row["variable"]) for row in table("variable", "read by")]
    assert sorted(others) == sorted(OTHERS)
    assert not OTHERS & {*listed, *idle}


RECORDS: dict[str, type[Any]] = {
    "message": MessageRecord,
    "recipient": RecipientRecord,
    "history": HistoryEntry,
    "event": MessageEvent,
    "report": ReportRecord,
    "sync": TenantSync,
    "command": CommandRecord,
    "exported command": ExportedCommand,
    "key": KeyRecord,
    "setting": SettingRecord,
    "log line": LogRecord,
}


def test_every_event_has_a_row() -> None:
    """Each is seen in tests/unit/operations/test_streams.py or tests/end_to_end/test_events.py."""
    listed = [word(row["event"]) for row in table("event", "of", "when")]

    assert listed == [*KINDS, "dropped", "summary", "end"]


def test_every_record_has_a_row() -> None:
    assert [row["record"] for row in table("record", "in", "fields")] == list(RECORDS)


@rows("record", "in", "fields")
def test_a_record_has_the_fields_of_its_row(row: Row) -> None:
    schema = TypeAdapter(RECORDS[row["record"]]).json_schema()

    assert words(row["fields"]) == list(schema["properties"])
    assert optional_words(row["fields"]) == schema["properties"].keys() - schema["required"]


@rows("variable", "default")
def test_a_setting_is_told_as_it_is(row: Row) -> None:
    variable = next(v for v in VARIABLES if list(v.names) == words(row["variable"]))

    assert word(row["default"]) == variable.default
    assert word(row["name"]) == variable.field
    assert row["meaning"] == variable.sentence
