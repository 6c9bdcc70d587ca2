"""The feed of a database whose daemon does not run."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert

from mail_proxy.store.schema import events, metadata, sync_state, tenants
from mail_proxy_tui.feed import rest_sql
from mail_proxy_tui.feed.at_rest import RestingFeed


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The reports of acme: three wait, one is parked, one was taken. Of beta one waits."""
    path = tmp_path / "mail.db"
    engine = create_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    states = ("pending", "pending", "pending", "parked", "reported")
    told = [("acme", state) for state in states] + [("beta", "pending"), ("beta", "none")]
    with engine.begin() as connection:
        connection.execute(
            insert(tenants),
            [
                {"tenant_id": each, "created_at": 1.0, "updated_at": 1.0}
                for each in ("acme", "beta")
            ],
        )
        connection.execute(
            insert(sync_state),
            {"tenant_id": "acme", "failures": 3, "last_error": "500", "retry_at": 9.0},
        )
        connection.execute(
            insert(events), [event(pk, *each) for pk, each in enumerate(told, start=1)]
        )
    engine.dispose()
    return path


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("reported", {"report": "reported", "reported_ts": 9.0}),
        ("parked", {"report": "parked", "parked_ts": 9.0}),
        ("dropped", {"report": "dropped"}),
    ],
)
def test_what_became_of_a_report_is_told_as_the_daemon_tells_it(
    state: str, told: dict[str, object]
) -> None:
    message = dict.fromkeys(
        ("pk", "id", "tenant_id", "account_id", "batch_code", "request_id", "expires_at",
         "sent_at", "held_reason", "size_bytes", "subject", "sender", "error", "paused_until",
         "first_address"), ""
    ) | {"state": "sent", "due_at": 0.0, "priority": 2, "tries": 1, "created_at": 1.0,
         "n_recipients": 1, "paused_until": None}  # fmt: skip
    its_event = {"event_type": "sent", "event_ts": 2.0, "description": "250", "data": "{}"}
    ended = its_event | {"report_state": state, "reported_ts": 9.0}
    (entry,) = rest_sql.full_record(message, [], [ended], None, 10.0)["history"]
    named = {name: entry[name] for name in ("report", "reported_ts", "parked_ts") if name in entry}
    assert named == told


def event(pk: int, tenant_id: str, state: str) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "pk": pk,
        "message_pk": pk,
        "message_id": f"m-{pk}",
        "account_id": "main",
        "priority": 2,
        "event_type": "sent",
        "event_ts": 1.0,
        "report_state": state,
    }


async def test_the_reports_that_wait_and_those_that_are_parked_are_counted(database: Path) -> None:
    feed = RestingFeed("myserver", database, database.with_name("log"), now=lambda: 5.0)
    acme, beta = await feed.tenants()
    assert (acme.callback.failures, acme.callback.unreported, acme.callback.parked) == (3, 3, 1)
    assert (beta.callback.unreported, beta.callback.parked) == (1, 0)


def test_reports_are_counted_by_their_indexes(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {rest_sql.REPORTS}").fetchall()
    connection.close()
    told = [row[3] for row in plan]
    assert [line for line in told if line.startswith(("SCAN", "SEARCH"))] == [
        "SCAN events USING INDEX events_unreported",
        "SCAN events USING INDEX events_parked",
    ]
    assert not [line for line in told if "TEMP B-TREE" in line]
