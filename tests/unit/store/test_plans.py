"""The query plan of each statement: a search by the right index, never a walk through a table.

It is long, for there are many statements.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from mail_proxy.domain.actions import Action
from mail_proxy.domain.filter_text import parse_filter
from mail_proxy.domain.filters import Order
from mail_proxy.domain.state import Event, RecipientState
from mail_proxy.domain.stored_file import FileState, StoredFile
from mail_proxy.store import (
    EventRow,
    MessageFilter,
    Outcome,
    RecipientResult,
    acting,
    answers,
    ending,
    fates,
    moving,
    numbers,
    ordering,
    removing,
    reports,
    searching,
    stored_files,
    suppressions,
)
from mail_proxy.store import messages as looking
from mail_proxy.store.attachment_auth import reseal_auth
from mail_proxy.store.spool_names import named_in_rows
from mail_proxy.store.sqlite.accept import AcceptRequest, accept
from mail_proxy.store.sqlite.claim import ClaimRequest, claim
from mail_proxy.store.sqlite.driver import driver
from mail_proxy.store.sqlite.finish import FinishRequest, finish
from mail_proxy.store.sqlite.leases import LeasesRequest, leases, peers
from mail_proxy.store.sqlite.reports import count_report_try, mark_reported, unreported
from mail_proxy.store.tenants import change_account, change_tenant, drop_tenant

# Short, or a part of the statement itself.
MAY_BE_WALKED = (
    "SCAN wanted VIRTUAL TABLE",
    "SCAN json_each VIRTUAL TABLE",
    "SCAN w",
    "SCAN (subquery",
    "SCAN CONSTANT ROW",
    "SCAN anon_1",
    "SCAN accounts",
    "SCAN tenants",
    "SCAN d",
)


class Watched:
    """The driver's connection, as the hot verbs use it; tells what it is asked to run."""

    def __init__(self, db: sqlite3.Connection, seen: list[tuple[str, Any]]) -> None:
        self._db = db
        self._seen = seen

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        self._seen.append((sql, parameters))
        return self._db.execute(sql, parameters)

    def executemany(self, sql: str, rows: Iterable[Any]) -> sqlite3.Cursor:
        rows = list(rows)
        self._seen += [(sql, row) for row in rows]
        return self._db.executemany(sql, rows)


class Plans:
    """Runs a verb and explains each of its statements."""

    def __init__(self, conn, monkeypatch) -> None:
        self._conn = conn
        self._seen: list[tuple[str, Any]] = []
        event.listen(conn.engine, "before_cursor_execute", self._see)
        for verb in (accept, claim, finish, leases, mark_reported):
            module = sys.modules[verb.__module__]
            monkeypatch.setattr(module, "driver", lambda conn: Watched(driver(conn), self._seen))

    def _see(self, conn, cursor, sql, parameters, context, executemany) -> None:
        self._seen.append((sql, parameters[0] if executemany else parameters))

    @property
    def statements(self) -> list[str]:
        """What the last verb has run."""
        return [sql for sql, _ in self._seen]

    def of(self, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> list[str]:
        self._seen.clear()
        verb(self._conn, *args, **kwargs)
        return [
            row[3]
            for sql, parameters in list(self._seen)
            if sql.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH"))
            for row in driver(self._conn).execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        ]


@pytest.fixture
def plans(conn, message, keyring, monkeypatch):
    """Twenty messages of one batch, one of them sent, one leased."""
    batch = [message(f"m{i}", batch_code="may") for i in range(20)]
    accept(conn, [AcceptRequest(batch, 1.0)], keyring=keyring)
    (claimed,) = claim(conn, [ClaimRequest("acme", "main", 2, 2.0, "d", 2.0)])
    finish(conn, [FinishRequest([accepted(claimed.messages[0])], 3.0, 3.0)])
    return Plans(conn, monkeypatch)


def accepted(claimed) -> Outcome:
    taken = (RecipientResult(0, RecipientState.ACCEPTED, None),)
    return Outcome("acme", claimed.pk, claimed.lease_token, Event.ACCEPT, taken)


def assert_walks_nothing(plan: list[str]) -> None:
    assert plan
    walked = [step for step in plan if step.startswith("SCAN")]
    assert [step for step in walked if not step.startswith(MAY_BE_WALKED)] == []
    # One column of a key is a tenant, which may be millions of rows.
    assert [
        step for step in plan if step.endswith("messages USING PRIMARY KEY (tenant_id=?)")
    ] == []


def test_accept_probes_accounts_and_ids(plans, message, keyring):
    plan = plans.of(accept, [AcceptRequest([message("m5"), message("new")], 1.0)], keyring=keyring)

    assert_walks_nothing(plan)
    assert "SEARCH m USING INDEX messages_id (tenant_id=? AND id=?)" in plan


def test_claim_takes_a_range_of_the_due_index_for_each_priority(plans):
    plan = plans.of(claim, [ClaimRequest("acme", "main", 5, 2.0, "d", 2.0)])

    assert_walks_nothing(plan)
    due = "SEARCH m USING INDEX messages_due (tenant_id=? AND account_id=? AND priority=?"
    assert plan.count(f"{due} AND due_at<?)") == 4
    assert plan.count(f"{due})") == 4


@pytest.fixture
def limited(conn, keyring):
    """Account and tenant have limits, the account's is of two a minute and rejects."""
    limits = {"limit_per_minute": 2, "limit_per_day": 9, "limit_behavior": "reject"}
    with conn.begin():
        change_account(conn, ("acme", "main"), limits, now=1.0, keyring=keyring)
        rate_limits = {"hourly": 7}
        change_tenant(conn, "acme", {"rate_limits": rate_limits}, now=1.0, keyring=keyring)


def test_a_claim_under_limits_reads_buckets_and_open_numbers_by_their_keys(limited, plans):
    plan = plans.of(claim, [ClaimRequest("acme", "main", 5, 2.0, "d", 2.0)])

    assert_walks_nothing(plan)
    assert "SEARCH rate_buckets USING PRIMARY KEY (tenant_id=? AND account_id=?)" in plan
    assert "SEARCH counts USING PRIMARY KEY (tenant_id=? AND account_id=? AND state=?)" in plan
    assert "SEARCH counts USING COVERING INDEX counts_leased (tenant_id=?)" in plan


def test_a_limit_that_rejects_takes_ranges_of_the_due_index(limited, plans, conn, keyring):
    (claimed,) = claim(conn, [ClaimRequest("acme", "main", 1, 2.0, "d", 2.0)])
    sent = replace(accepted(claimed.messages[0]), dot_sent=True)
    finish(conn, [FinishRequest([sent], 3.0, 3.0)])
    change_account(conn, ("acme", "main"), {"limit_per_minute": 1}, now=4.0, keyring=keyring)

    plan = plans.of(claim, [ClaimRequest("acme", "main", 5, 2.0, "d", 4.0)])

    assert_walks_nothing(plan)
    due = "SEARCH m USING INDEX messages_due (tenant_id=? AND account_id=? AND priority=?"
    assert plan.count(f"{due} AND due_at<?)") == 4
    assert "SEARCH recipients USING PRIMARY KEY (tenant_id=? AND message_pk=?)" in plan


def test_booking_goes_by_primary_keys(limited, plans, conn):
    (claimed,) = claim(conn, [ClaimRequest("acme", "main", 1, 2.0, "d", 2.0)])
    sent = replace(accepted(claimed.messages[0]), dot_sent=True)

    plan = plans.of(finish, [FinishRequest([sent], 3.0, 3.0)])

    assert_walks_nothing(plan)
    key = "tenant_id=? AND account_id=? AND window_s=? AND bucket_start<?"
    assert f"SEARCH rate_buckets USING PRIMARY KEY ({key})" in plan


def test_a_full_queue_is_seen_by_the_keys_of_its_counts(plans, message, keyring):
    new = replace(message("m99"), suppressed=((0, "why"),))
    request = AcceptRequest([new], 2.0, lambda _: None, {"acme": 50})

    plan = plans.of(accept, [request], keyring=keyring)

    assert_walks_nothing(plan)
    assert "SEARCH c USING PRIMARY KEY (tenant_id=?)" in plan


def test_suppressed_recipients_cost_no_statement_of_their_own(plans, message, keyring):
    many = tuple(f"u{n}@example.net" for n in range(100))
    new = replace(message("m99"), recipients=many)
    marked = replace(new, id="m98", suppressed=tuple((n, "why") for n in range(99)))

    plans.of(accept, [AcceptRequest([new], 2.0)], keyring=keyring)
    plain = plans.statements
    plans.of(accept, [AcceptRequest([marked], 2.0)], keyring=keyring)

    assert plans.statements == plain


def test_a_batch_weighs_by_its_messages_and_recipients(message):
    many = replace(message("m1"), recipients=tuple(f"u{n}@example.net" for n in range(1000)))
    assert AcceptRequest([message("m0")], 2.0).weight == 1
    assert AcceptRequest([message("m0"), many], 2.0).weight == 102


def test_answers_are_found_by_key_and_forgotten_by_age(plans):
    assert_walks_nothing(plans.of(answers.find_answer, "acme", "k", since=1.0))
    plan = plans.of(answers.forget_answers, before=1.0, limit=5)
    assert_walks_nothing(plan)
    assert any("INDEX idempotency_created (created_at<?)" in line for line in plan)


def test_suppressions_are_found_by_their_keys(plans):
    for plan in (
        plans.of(suppressions.suppressed, "acme", ["a@b", "@b"]),
        plans.of(suppressions.list_suppressions, "acme", after="a", limit=5),
        plans.of(suppressions.suppress, "acme", {"a@b": None}, now=1.0),
        plans.of(suppressions.unsuppress, "acme", "a@b"),
        plans.of(suppressions.tenants_with_suppressions),
    ):
        assert_walks_nothing(plan)


def test_stored_files_are_found_by_their_keys(plans):
    file = StoredFile(
        *("acme", "f" * 32, "a.pdf", "", 1, "", "file://", "k"), FileState.UPLOADING, 1.0, 2.0, 7, 0
    )
    key = (file.tenant_id, file.file_id)
    for plan in (
        plans.of(stored_files.stored_files_of, "acme", 7),
        plans.of(stored_files.find_stored_file, file.file_id),
        plans.of(stored_files.file_ready, *key, expires_at=3.0),
        plans.of(stored_files.note_download, *key, now=2.0, expires_at=3.0),
        plans.of(stored_files.end_file, *key, now=2.0),
        plans.of(stored_files.begin_removal, *key, now=2.0),
        plans.of(stored_files.postpone_file, *key, now=2.0, at=3.0),
        plans.of(stored_files.drop_stored_files, "acme", dropped_as="x", now=2.0),
        plans.of(stored_files.forget_dropped, "x"),
        plans.of(stored_files.forget_file, *key),
    ):
        assert_walks_nothing(plan)
    plan = plans.of(stored_files.expired_files, now=9.0, limit=5)
    assert_walks_nothing(plan)
    assert not any("TEMP B-TREE" in step for step in plan)


def test_a_claim_finds_lower_priorities_by_ranges_of_the_due_index(plans):
    plan = plans.of(claim, [ClaimRequest("acme", "main", 5, 2.0, "d", 2.0, lower=1)])

    assert_walks_nothing(plan)
    due = "SEARCH m USING INDEX messages_due (tenant_id=? AND account_id=? AND priority=?"
    assert plan.count(f"{due} AND due_at<?)") == 12


def test_a_content_is_found_by_its_primary_key(plans):
    assert_walks_nothing(plans.of(looking.content, "acme", 1))


def test_finish_goes_by_primary_keys(plans, conn):
    (claimed,) = claim(conn, [ClaimRequest("acme", "main", 1, 2.0, "d", 2.0)])
    request = FinishRequest([accepted(claimed.messages[0])], 3.0, 3.0)

    plan = plans.of(finish, [request])

    assert_walks_nothing(plan)
    assert "SEARCH messages USING PRIMARY KEY (tenant_id=? AND pk=?)" in plan


def test_a_late_acceptance_goes_by_primary_keys(plans, conn):
    (claimed,) = claim(conn, [ClaimRequest("acme", "main", 1, 2.0, "d", 2.0)])
    lapsed = [Outcome("acme", m.pk, m.lease_token, Event.LAPSE) for m in claimed.messages]
    finish(conn, [FinishRequest(lapsed, 3.0, 3.0)])

    assert_walks_nothing(
        plans.of(finish, [FinishRequest([accepted(claimed.messages[0])], 3.0, 3.0)])
    )


@pytest.mark.parametrize("daemon_id", [None, "d"])
def test_leases_are_found_by_their_index(plans, daemon_id):
    plan = plans.of(leases, LeasesRequest(daemon_id, None, 10))

    assert_walks_nothing(plan)
    first = "(lease_daemon,tenant_id,pk)>(?,?,?)"
    assert plan[0] == f"SEARCH m USING INDEX messages_leased ({first} AND lease_daemon<?)"


def test_a_peer_is_asked_for_by_its_leases(plans):
    plan = plans.of(peers, "e")

    assert_walks_nothing(plan)
    assert "SEARCH m USING INDEX messages_leased (lease_daemon=?)" in plan


@pytest.mark.parametrize("event_", [Event.SUSPEND, Event.ACTIVATE])
@pytest.mark.parametrize("batch_code", [None, "may"])
def test_a_suspension_finds_its_rows_by_an_index(plans, event_, batch_code):
    plan = plans.of(moving.rows_to_move, "acme", batch_code, event_, after=0)

    index = {
        (Event.SUSPEND, None): "messages USING PRIMARY KEY (tenant_id=? AND pk>?)",
        (Event.SUSPEND, "may"): "INDEX messages_batch (tenant_id=? AND batch_code=? AND pk>?)",
    }.get((event_, batch_code), "INDEX messages_suspended (tenant_id=? AND pk>?)")
    assert len(plan) == 1
    assert plan[0].endswith(index)


def test_a_suspension_moves_rows_by_their_keys(plans):
    assert_walks_nothing(plans.of(moving.move, "acme", [1, 2], Event.SUSPEND, now=1.0))


def test_deleting_and_retrying_go_by_id(plans):
    for plan in (
        plans.of(removing.delete_messages, "acme", ["m5"]),
        plans.of(moving.retry_messages, "acme", ["m6"], now=2.0),
    ):
        assert_walks_nothing(plan)
        assert "SEARCH messages USING INDEX messages_id (tenant_id=? AND id=?)" in plan


def test_what_is_kept_of_a_tenant_is_dropped_by_the_keys_of_each_table(plans, conn):
    suppressions.suppress(conn, "acme", {"a@b": None}, now=1.0)
    plan = [step for _ in range(9) for step in plans.of(drop_tenant, "acme")]

    assert_walks_nothing(plan)
    assert "SEARCH suppressions USING PRIMARY KEY (tenant_id=? AND address=?)" in plan
    assert "SEARCH command_log USING PRIMARY KEY (tenant_id=? AND pk=?)" in plan


def test_cleaning_up_takes_the_oldest_finished(plans):
    plan = plans.of(removing.find_old, "acme", before=9.0, after=(0.0, 0), limit=3)

    assert_walks_nothing(plan)
    assert any("INDEX messages_finished (tenant_id=? AND " in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan)
    commands = plans.of(removing.remove_commands, "acme", before=9.0, limit=3)
    assert "SEARCH command_log USING PRIMARY KEY (tenant_id=? AND pk<?)" in commands
    assert "SEARCH events USING INDEX events_of_message (tenant_id=? AND message_pk=?)" in plan


@pytest.mark.parametrize(
    ("tenant_id", "search"),
    [
        (None, "((tenant_id,priority,pk)>(?,?,?))"),
        ("acme", "(tenant_id=? AND (priority,pk)>(?,?))"),
    ],
)
def test_a_listing_goes_on_where_it_was(plans, tenant_id, search):
    chosen = MessageFilter(tenant_id)

    plan = plans.of(searching.search_page, chosen, limit=5, after=("acme", 0, 0))

    assert_walks_nothing(plan)
    assert plan[0] == f"SEARCH messages USING INDEX messages_listed {search}"


KEYS = "SEARCH messages USING PRIMARY KEY (tenant_id=? AND pk=?)"


@pytest.mark.parametrize("tenant_id", ["acme", None])
@pytest.mark.parametrize(
    ("text", "searches"),
    [
        ("id:m3,m5", {"messages_id (tenant_id=? AND id=?)"}),
        ("id:m1*", {"messages_id (tenant_id=? AND id>? AND id<?)"}),
        ("batch:may,june", {"messages_batch (tenant_id=? AND batch_code=?)"}),
        ("state:failed,held", {"messages_troubled (tenant_id=? AND state=?)"}),
        ("state:deferred", {"messages_due (tenant_id=?)"}),
        (
            "state:open",
            {
                "messages_due (tenant_id=?)",
                "messages_suspended (tenant_id=?)",
                "messages_troubled (tenant_id=? AND state=?)",
            },
        ),
        ("subject:x state:suspended", {"messages_suspended (tenant_id=?)"}),
    ],
)
def test_a_search_reads_the_few_that_an_index_names(plans, tenant_id, text, searches):
    chosen = MessageFilter(tenant_id, parse_filter(text), 1.0)

    plan = plans.of(searching.search_page, chosen, limit=5, after=("acme", 2, 0))

    # Of all tenants what is leased is walked: it is bounded by the claims of a daemon.
    walked = {step for step in plan if step.startswith("SCAN")}
    assert walked <= {"SCAN anon_1", "SCAN messages USING INDEX messages_leased"}
    assert KEYS in plan
    assert not [step for step in plan if "messages_listed" in step]
    assert {s for s in searches if any(step.endswith(f"INDEX {s}") for step in plan)} == searches


@pytest.mark.parametrize(
    ("tenant_id", "within"),
    [
        (None, "((tenant_id,priority,pk)>(?,?,?) AND (tenant_id,priority,pk)<(?,?,?))"),
        ("acme", "(tenant_id=? AND (priority,pk)>(?,?) AND (priority,pk)<(?,?))"),
    ],
)
@pytest.mark.parametrize(
    "text", ["subject:x", "to:bob", "state:sent", "-id:m1", "id:m*", "m age:>1s"]
)
def test_a_search_without_an_index_is_a_window_of_the_list(
    plans, monkeypatch, tenant_id, within, text
):
    monkeypatch.setattr(searching, "WINDOW", 3)
    monkeypatch.setattr(searching, "CANDIDATES", 3)
    chosen = MessageFilter(tenant_id, parse_filter(text), 1.0)

    plan = plans.of(searching.search_page, chosen, limit=5, after=("acme", 2, 0))

    assert_walks_nothing(plan)
    assert f"SEARCH messages USING INDEX messages_listed {within}" in plan
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan


def test_what_expires_is_found_by_its_time_alone(plans):
    plan = plans.of(ending.expired, now=1.0, limit=5)

    assert_walks_nothing(plan)
    assert plan[0].endswith("INDEX messages_expiring (expires_at>? AND expires_at<?)")
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan[:2]


def test_what_is_too_old_is_a_range_of_the_due_index_for_each_priority(plans):
    plan = plans.of(ending.overdue, "acme", "main", before=1.0, limit=5)

    assert_walks_nothing(plan)
    due = "messages_due (tenant_id=? AND account_id=? AND priority=? AND due_at<?)"
    assert sum(step.endswith(due) for step in plan) == 4


def test_many_messages_are_found_by_their_keys(plans):
    plan = plans.of(looking.find_by_pks, "acme", list(range(100)))

    assert_walks_nothing(plan)
    assert plan[0] == "SEARCH messages USING PRIMARY KEY (tenant_id=? AND pk=?)"


def test_an_end_goes_by_primary_keys(plans, conn):
    (row,) = looking.find_messages(conn, "acme", ["m7"], full=False)

    plan = plans.of(ending.end_messages, [fates.given_up(row, "too late", now=3.0)], now=3.0)

    assert_walks_nothing(plan)
    assert "SEARCH messages USING PRIMARY KEY (tenant_id=? AND pk=?)" in plan


def test_one_message_is_found_without_a_walk(plans):
    assert_walks_nothing(plans.of(looking.find_messages, "acme", ["m1"], full=True))
    assert_walks_nothing(plans.of(looking.find_messages, None, ["m1"], full=True))
    assert_walks_nothing(plans.of(looking.get_by_pk, 1, full=True))


@pytest.mark.parametrize("tenant_id", ["acme", None])
def test_many_messages_are_found_by_a_probe_each(plans, tenant_id):
    plan = plans.of(looking.find_messages, tenant_id, [f"m{i}" for i in range(20)], full=True)

    assert_walks_nothing(plan)
    assert "SEARCH messages USING INDEX messages_id (tenant_id=? AND id=?)" in plan


@pytest.mark.parametrize(
    "verb",
    [removing.delete_messages, lambda conn, *key: moving.retry_messages(conn, *key, now=1.0)],
    ids=["deleted", "retried"],
)
def test_many_messages_are_changed_by_a_probe_each(plans, verb):
    plan = plans.of(verb, "acme", [f"m{i}" for i in range(20)])

    assert_walks_nothing(plan)
    assert "SEARCH messages USING INDEX messages_id (tenant_id=? AND id=?)" in plan


def test_numbers_are_probes(plans):
    plan = plans.of(numbers.ready_accounts)
    assert_walks_nothing(plan)
    assert any("INDEX messages_due" in step for step in plan)
    counted = plans.of(numbers.count_pending, "acme", "may")
    assert counted == ["SEARCH messages USING INDEX messages_batch (tenant_id=? AND batch_code=?)"]


def test_the_standing_of_the_queue_is_probes(plans):
    plan = plans.of(numbers.standing, None, now=1.0)

    assert not [step for step in plan if step.startswith("SCAN messages")]
    assert sum("INDEX messages_due" in step for step in plan) >= 3


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("order", "text", "indexes"),
    [
        (Order.AGE, "", {"PRIMARY KEY"}),
        (Order.PRIORITY, "", {"INDEX messages_listed"}),
        (
            Order.NEXT,
            "state:pending -id:x",
            {f"INDEX messages_{name}" for name in ("leased", "due", "suspended")},
        ),
        (Order.NEXT, "state:suspended -id:x", {"INDEX messages_suspended"}),
        (Order.NEXT, "state:failed -id:x", {"INDEX messages_troubled"}),
        (Order.NEXT, "state:sent -id:x", {"PRIMARY KEY"}),
    ],
)
def test_an_order_is_merged_of_runs_of_an_index(plans, monkeypatch, order, text, indexes, reverse):
    monkeypatch.setattr(searching, "CANDIDATES", 0)
    chosen = MessageFilter(None, parse_filter(text), 1.0)
    plan = plans.of(ordering.ordered_page, chosen, order, reverse=reverse, limit=20, after=None)
    of_messages = [step for step in plan if "messages" in step]

    runs = {step for step in of_messages if step != KEYS}
    used = {step.split(" (")[0].partition(" USING ")[2] for step in runs}
    assert {name.removeprefix("COVERING ") for name in used} == indexes
    # What is on its way lies by daemon: a few rows, whoever they are of.
    walked = [step for step in of_messages if step.startswith("SCAN")]
    assert all("messages_leased" in step for step in walked)
    assert not any("recipients" in step and step.startswith("SCAN") for step in plan)


def test_what_goes_before_a_message_is_a_range_of_the_index(plans, conn):
    (row,) = looking.find_messages(conn, "acme", ["m9"], full=False)
    plan = plans.of(numbers.count_ahead, row, now=2.0, most=10)

    assert_walks_nothing(plan)
    searches = [step for step in plan if "INDEX messages_due" in step]
    assert len(searches) == row.priority + 1
    assert all("due_at<?" in step or "(due_at,pk)<(?,?)" in step for step in searches), searches


def test_reports_read_what_waits_only(plans):
    for plan in (
        plans.of(unreported, "acme", limit=5),
        plans.of(reports.tenants_with_reports),
        plans.of(reports.oldest_unreported),
    ):
        assert_walks_nothing(plan)
        assert "SEARCH events USING INDEX events_unreported (tenant_id=?)" in plan
    event = EventRow(1, "acme", 1, "m1", "main", 2, "sent", 1.0, "", {}, "pending", None, 0, None)
    marking = plans.of(mark_reported, "acme", [event], now=1.0, state="reported")
    assert_walks_nothing(marking)
    assert "SEARCH events USING PRIMARY KEY (tenant_id=? AND pk=?)" in marking
    assert_walks_nothing(plans.of(count_report_try, "acme", [1]))
    for plan in (
        plans.of(reports.list_reports, "acme", ["pending", "parked"], limit=5, after=None),
        plans.of(reports.report_counts, most=9),
    ):
        assert_walks_nothing(plan)
        assert "SEARCH events USING INDEX events_unreported (tenant_id=?)" in [
            step.replace("COVERING ", "") for step in plan
        ]
    assert_walks_nothing(plans.of(reports.replay_messages, "acme", ["m1"], now=1.0))
    between = plans.of(reports.reportable_between, "acme", 1.0, 2.0, after=0, limit=5)
    assert "SEARCH events USING PRIMARY KEY (tenant_id=? AND pk>?)" in between


def test_a_change_looks_at_no_text_and_no_recipient_again(plans):
    text = "state:pending tries:0 age:>1h error:550 to:a -b subject:c error:d from:e account:f*"
    act = acting.Act(Action.HOLD, 1.0, "admin")
    plans.of(acting.judge, "acme", ["m1"], act, MessageFilter("acme", parse_filter(text), 9.0))

    (statement,) = (sql for sql in plans.statements if "FROM messages" in sql)
    assert "messages.tries = " in statement
    assert "messages.error_code BETWEEN" in statement
    assert "messages.created_at < " in statement
    for word in ("recipients", "LIKE", "GLOB"):
        assert word not in statement


def test_dating_anew_takes_ranges_of_the_due_index(plans):
    place = moving.Place("acme", "main", 2, 0.5)

    plan = plans.of(moving.rows_to_redate, place)

    due = "messages USING INDEX messages_due (tenant_id=? AND account_id=? AND priority=?"
    assert [step for step in plan if due in step and "due_at" in step]
    assert_walks_nothing(plan)
    assert_walks_nothing(plans.of(moving.redate, "acme", [1, 2], 7200.0, after=0.5))


def test_spool_files_are_looked_up_by_their_own_index(plans):
    names = ["aa/" + "0" * 32, "ab/" + "0" * 32]
    (plan,) = plans.of(named_in_rows, names)
    assert "USING COVERING INDEX contents_spool (spool=?)" in plan


def test_credentials_of_attachments_are_resealed_by_their_own_index(plans, keyring):
    (plan,) = plans.of(reseal_auth, ("acme", 1), keyring, limit=10)
    assert "USING INDEX contents_auth" in plan
