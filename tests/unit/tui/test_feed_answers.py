"""What the daemon answers, as values; also where it tells less."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.state import State
from mail_proxy_tui.feed import answers
from mail_proxy_tui.feed.base import AccountState, CallbackState, Cells, Gauge, Totals
from mail_proxy_tui.feed.letters import MOST_BODY_CHARS, letter

STATS: dict[str, Any] = {
    "tenants": 1,
    "accounts": 2,
    "by_state": {"waiting": 10, "leased": 2, "failed": 1, "sent": 5},
    "by_priority": {"2": {"waiting": 10, "leased": 2}, "3": {"failed": 1, "sent": 5}},
    "scheduler_active": True,
    "now": 1000.0,
    "uptime_seconds": 5,
}
RECORD: dict[str, Any] = {
    "pk": "77",
    "id": "m-1",
    "tenant_id": "acme",
    "account_id": "main",
    "status": "deferred",
    "state": "waiting",
    "priority": 2,
    "tries": 1,
    "size_bytes": 100,
    "created_at": "2026-11-22T01:00:00.500",
    "deferred_ts": 1795309260,
    "last_error": "451 later",
    "recipients": [
        {"address": "a@x.example", "state": "refused", "reply": "550 no"},
        {"address": "b@x.example", "state": "pending"},
    ],
    "message": {"from": "f@x.example", "to": ["a@x.example", "b@x.example"], "subject": "Hi"},
}
CREATED = 1795309200.5


def test_a_daemon_that_tells_little_leaves_the_rest_unknown() -> None:
    numbers = answers.numbers(STATS)
    assert numbers.all == Cells(ready=10, deferred=None, sending=2, failed=1, sent=5)
    assert numbers.by_priority[0] == Cells()
    unknown = (numbers.totals, numbers.p95_s, numbers.workers_all, numbers.lag_s, numbers.oldest_s)
    assert unknown == (None,) * 5


def test_what_is_not_due_is_not_ready() -> None:
    numbers = answers.numbers(
        STATS | {"deferred": {"2": 4}, "totals": {"sent": 1, "deferred": 2, "failed": 3}}
    )
    assert (numbers.all.ready, numbers.all.deferred) == (6, 4)
    assert (numbers.by_priority[2].ready, numbers.by_priority[3].deferred) == (6, 0)
    assert numbers.totals == Totals(1, 2, 3)


def test_counts_of_two_moments_make_no_negative_number() -> None:
    assert answers.cells({"waiting": 3}, 5) == Cells(ready=0, deferred=3)


def test_a_row_has_the_first_recipient_and_how_many_more() -> None:
    row = answers.message_row(RECORD, most_tries=6)
    assert (row.to, row.more_recipients, row.tries, row.most_tries) == ("a@x.example", 1, 1, 6)
    assert (row.state, row.created_at, row.next_at) == (State.WAITING, CREATED, 1795309260.0)
    assert (row.why, row.subject) == ("451 later", "Hi")


def test_the_cause_is_told_before_the_last_error() -> None:
    assert answers.message_row(RECORD | {"why": "the account is paused"}).why.startswith("the acc")


def test_a_subject_that_is_no_text_spoils_no_list() -> None:
    posted = RECORD["message"] | {"subject": None}
    assert answers.message_row(RECORD | {"message": posted}).subject == ""


ACCOUNT: dict[str, Any] = {
    "id": "main",
    "tenant_id": "acme",
    "host": "mx.example",
    "port": 25,
    "tls_mode": "auto",
    "breaker": "closed",
}


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({}, AccountState.OK),
        ({"breaker": "probing"}, AccountState.PROBING),
        ({"breaker": "open"}, AccountState.BROKEN),
        ({"paused_by": "limit"}, AccountState.LIMITED),
        ({"paused_by": "fault", "breaker": "open"}, AccountState.BROKEN),
        ({"paused_by": "person", "breaker": "open"}, AccountState.PAUSED),
    ],
)
def test_an_account_is_in_one_state(told: dict[str, str], state: AccountState) -> None:
    assert answers.account_row(ACCOUNT | told).state is state


def test_an_account_has_a_gauge_for_each_limit() -> None:
    row = answers.account_row(ACCOUNT | {"limits": [{"window": "hour", "used": 3, "limit": 9}]})
    assert row.gauges == (Gauge("hour", 3, 9),)
    assert answers.account_row(ACCOUNT).gauges == ()
    assert answers.account_row(ACCOUNT | {"limits": None}).gauges is None


SYNC: dict[str, Any] = {"paused": False, "failures": 0, "unreported": 0, "parked": 0}


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({}, CallbackState.NONE),
        ({"client_base_url": "http://app.example"}, CallbackState.IDLE),
        ({"last_sync_ts": 5.0}, CallbackState.OK),
        ({"last_sync_ts": 5.0, "failures": 2}, CallbackState.FAILING),
        ({"failures": 2, "paused": True}, CallbackState.PAUSED),
    ],
)
def test_reports_go_or_say_why_not(told: dict[str, Any], state: CallbackState) -> None:
    assert answers.callback(SYNC | told).state is state


def test_a_tenant_without_counts_shows_none() -> None:
    row = answers.tenant_row({"id": "acme", "active": True, "suspended_batches": "a,b"}, None)
    assert (row.ready, row.suspended, row.callback.state) == (
        None,
        ("a", "b"),
        CallbackState.UNKNOWN,
    )


def test_what_a_suspension_keeps_is_counted_with_its_tenant() -> None:
    row = answers.tenant_row({"id": "acme", "active": True, "suspended_batches": "*"}, None)
    stats = STATS | {"by_state": {"suspended": 63}}
    assert answers.counted_tenant(row, stats, 0).suspended_messages == 63


def test_a_summary_of_the_stream_is_a_happening_of_now() -> None:
    told = answers.happening({"kind": "summary", "counts": {"sent": 9}, "n": 9}, 50.0)
    assert (told.at, told.counts, told.number) == (50.0, {"sent": 9}, None)


def test_a_letter_tells_its_life_in_order() -> None:
    history = [
        {
            "event_type": "deferred",
            "event_ts": int(CREATED),  # cut to the second, so before the acceptance
            "description": "451 later",
            "metadata": {"deferred_ts": 1795309260},
            "report": "reported",
            "reported_ts": int(CREATED) + 1,
        },
        {
            "event_type": "error",
            "event_ts": int(CREATED) + 60,
            "metadata": {"attempt": {"seconds": 1.5, "server": "h:587", "tls": "TLSv1.3"}},
            "report": "parked",
            "parked_ts": int(CREATED) + 90,
        },
    ]
    told = letter(RECORD | {"history": history, "request_id": "r1"}, {"why": "so", "do": None}, 6)
    assert [(entry.kind, entry.at >= CREATED) for entry in told.timeline] == [
        ("accepted", True),
        ("deferred", True),
        ("reported", True),
        ("attempt", True),
        ("failed", True),
        ("parked", True),
    ]
    attempt = told.timeline[3]
    assert (attempt.words, attempt.seconds) == ("h:587  TLSv1.3", 1.5)
    assert attempt.at == int(CREATED) + 58.5
    assert (told.timeline[0].words, told.timeline[1].next_at) == ("request r1", 1795309260.0)
    assert (told.why, told.recipients[0].reply) == ("so", "550 no")
    assert told.headers == (
        ("From", "f@x.example"),
        ("To", "a@x.example, b@x.example"),
        ("Subject", "Hi"),
    )


def test_an_attempt_begins_after_what_was_before_it() -> None:
    """Times of the wire are cut to the second, so that one may seem to begin too early."""
    attempt = {"attempt": {"seconds": 0.9, "server": "h:25"}}
    history = [
        {"event_type": "deferred", "event_ts": int(CREATED) + 1, "metadata": attempt},
        {"event_type": "sent", "event_ts": int(CREATED) + 1, "metadata": attempt},
    ]
    told = letter(RECORD | {"history": history}, None, 6).timeline
    kinds = ["accepted", "attempt", "deferred", "attempt", "sent"]
    assert [entry.kind for entry in told] == kinds


def test_without_anybody_to_report_to_nothing_is_told_of_a_report() -> None:
    history = [
        {"event_type": "sent", "event_ts": int(CREATED), "metadata": {}, "report": "dropped"}
    ]
    told = letter(RECORD | {"history": history}, None, 6).timeline
    assert [entry.kind for entry in told] == ["accepted", "sent"]


def test_a_letter_shows_the_text_and_cuts_a_huge_one() -> None:
    posted = RECORD["message"] | {"html": True, "body": "x" * (MOST_BODY_CHARS + 5)}
    told = letter(RECORD | {"message": posted}, None, None)
    assert (len(told.body), told.body[-1]) == (MOST_BODY_CHARS + 1, "…")
    raw = letter(RECORD | {"message": {"raw": {"size_bytes": 5}}}, None, None)
    assert raw.body == ""


def test_a_letter_names_its_attachments() -> None:
    posted = RECORD["message"] | {"attachments": [{"filename": "a.pdf"}, {}]}
    assert letter(RECORD | {"message": posted}, None, None).attachments == ("a.pdf", "attachment")
