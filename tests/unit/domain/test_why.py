"""Why a message is where it is: the nearest cause, and the command to go on with."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.state import State
from mail_proxy.domain.why import AccountState, Around, Cause, Subject, Why, when, why

NOON = 1_795_262_400.0  # 2026-11-21 12:00:00 UTC
HOUR_S = 3600.0

MESSAGE = Subject(
    state=State.WAITING,
    id="m1",
    tenant_id="acme",
    account_id="main",
    batch_code=None,
    due_at=NOON,
    expires_at=None,
    is_scheduled=False,
    tries=0,
    error=None,
    held_reason=None,
)
ACCOUNT = AccountState(retries=5)
QUIET = Around(
    instance="my",
    now=NOON,
    is_running=True,
    is_active=True,
    is_tenant_active=True,
    suspended=frozenset(),
    account=ACCOUNT,
    most=20,
)


def told(message: dict[str, Any] | None = None, **around: Any) -> Why:
    account = around.pop("account", {})
    at = None if account is None else replace(ACCOUNT, **account)
    return why(replace(MESSAGE, **(message or {})), replace(QUIET, account=at, **around))


def test_what_is_due_goes_in_a_moment() -> None:
    assert told() == Why(Cause.READY, "due: it goes in a moment")


@pytest.mark.parametrize(
    ("ahead", "place"),
    [
        (1, "1 other of"),
        (12, "12 others of"),
        (1000, "1,000 others of"),
        (1001, "more than 1,000 others of"),
    ],
)
def test_what_is_due_and_stands_behind_others_tells_how_many(ahead: int, place: str) -> None:
    assert told(ahead=ahead) == Why(Cause.READY, f"due: it goes after {place} its account")


def test_a_deferred_one_tells_its_try_its_time_and_the_last_answer() -> None:
    message = {"tries": 2, "due_at": NOON + 2 * HOUR_S, "error": "4.7.1 later (SMTP 451)"}
    assert told(message) == Why(
        Cause.DEFERRED,
        "deferred: try 3 of 6 at 14:00 UTC, last answer 4.7.1 later (SMTP 451)",
        "mail-proxy my acme messages retry m1",
        NOON + 2 * HOUR_S,
    )


def test_a_scheduled_one_tells_its_time() -> None:
    message = {"due_at": NOON + 24 * HOUR_S, "is_scheduled": True}
    assert told(message).text == "scheduled for 2026-11-22 12:00 UTC"


def test_a_paused_account_goes_before_an_earlier_time_of_its_own() -> None:
    account = {"paused_until": NOON + 90, "paused_reason": "TLS failed: no"}
    found = told({"due_at": NOON + 60, "tries": 1}, account=account)
    assert found == Why(
        Cause.ACCOUNT_FAILED,
        "account paused: TLS failed: no; next try at 12:01:30 UTC",
        "mail-proxy my acme accounts check main",
        NOON + 90,
    )
    assert told({"due_at": NOON + 91, "tries": 1}, account=account).cause is Cause.DEFERRED


def test_a_refused_login_asks_for_another_password() -> None:
    account = {"paused_until": NOON + 9, "paused_reason": "login refused: 535 no"}
    assert told(account=account).do == "mail-proxy my acme accounts set-password main"


def test_a_pause_that_has_ended_is_no_reason() -> None:
    account = {"paused_until": NOON, "paused_reason": "535"}
    assert told(account=account).cause is Cause.READY


def test_a_reached_limit_tells_when_it_frees() -> None:
    reason = "the limit of 60 a minute is reached"
    account = {"paused_until": NOON + 40, "paused_reason": reason}
    assert told(account=account) == Why(
        Cause.LIMITED,
        f"account 'main': {reason}; frees at 12:00:40 UTC",
        "mail-proxy my acme accounts show main",
        NOON + 40,
    )


def test_a_limit_of_the_tenant_leads_to_the_tenant() -> None:
    reason = "the tenant's limit of 5 an hour is reached"
    found = told(account={"paused_until": NOON + 40, "paused_reason": reason})
    assert (found.cause, found.do) == (Cause.LIMITED, "mail-proxy my tenants show acme")


def test_what_a_limit_rejected_says_so_in_words() -> None:
    found = told({"state": State.FAILED, "error": "rate_limit_exceeded"})
    assert found.text == (
        "rate_limit_exceeded: a limit was reached, and its account rejects what is beyond"
    )


@pytest.mark.parametrize(
    ("state", "words"), [(State.FAILED, "retry"), (State.IN_DOUBT, "settle --sent")]
)
def test_an_id_that_looks_like_an_option_is_no_option(state: State, words: str) -> None:
    assert told({"state": state, "id": "-x"}).do == f"mail-proxy my acme messages {words} -- -x"


@pytest.mark.parametrize(
    ("changes", "cause", "do"),
    [
        ({"account": None}, Cause.NO_ACCOUNT, "mail-proxy my acme accounts add main"),
        (
            {"account": {"is_readable": False}},
            Cause.NO_PASSWORD,
            "mail-proxy my acme accounts set-password main",
        ),
        ({"is_active": False}, Cause.SCHEDULER_SUSPENDED, "mail-proxy my activate"),
        (
            {"is_tenant_active": False},
            Cause.TENANT_INACTIVE,
            "mail-proxy my tenants update acme --active",
        ),
        ({"suspended": frozenset("*")}, Cause.TENANT_SUSPENDED, "mail-proxy my acme activate"),
        ({"is_running": False}, Cause.NOT_RUNNING, "mail-proxy start my"),
        ({"test_mode": True}, Cause.TEST_MODE, "mail-proxy my run-now"),
        ({"connections": 20}, Cause.NO_CONNECTION, None),
    ],
)
def test_what_holds_a_due_message_is_told_with_its_command(
    changes: dict[str, Any], cause: Cause, do: str | None
) -> None:
    found = told(**changes)
    assert (found.cause, found.do) == (cause, do)


@pytest.mark.parametrize("state", [State.WAITING, State.SUSPENDED])
def test_a_suspended_batch_is_told_by_its_code(state: State) -> None:
    message = {"state": state, "batch_code": "may 12"}
    found = told(message, suspended=frozenset({"may 12", "june"}))
    assert found.text == "its batch 'may 12' is suspended"
    assert found.do == "mail-proxy my acme activate --batch 'may 12'"


def test_another_batch_does_not_hold_it() -> None:
    assert told({"batch_code": "may"}, suspended=frozenset({"june"})).cause is Cause.READY


def test_what_has_expired_is_told_before_all_else() -> None:
    found = told({"expires_at": NOON - 60}, account=None, is_running=False)
    assert found == Why(Cause.EXPIRED, "expired at 11:59:00 UTC; it is about to fail")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"state": State.SENT}, Why(Cause.SENT, "sent: the server has taken it")),
        (
            {"state": State.FAILED, "error": "no such user (SMTP 550)"},
            Why(Cause.FAILED, "no such user (SMTP 550)", "mail-proxy my acme messages retry m1"),
        ),
        (
            {"state": State.FAILED, "error": "expired ...", "expires_at": NOON},
            Why(Cause.FAILED, "expired ...", None),
        ),
        (
            {"state": State.HELD, "held_reason": "by local"},
            Why(
                Cause.HELD,
                "held by a person on this machine",
                "mail-proxy my acme messages free m1",
            ),
        ),
        (
            {"state": State.HELD, "held_reason": "it broke its worker"},
            Why(
                Cause.HELD,
                "held: it broke its worker",
                "mail-proxy my acme messages retry m1",
            ),
        ),
        (
            {"state": State.IN_DOUBT, "error": "in doubt: connection lost"},
            Why(
                Cause.IN_DOUBT,
                "in doubt, whether the server has taken it: connection lost; "
                "settle it as sent or failed when you know, or retry it",
                "mail-proxy my acme messages settle --sent m1",
            ),
        ),
        ({"state": State.LEASED}, Why(Cause.SENDING, "being sent, or next in line")),
    ],
)
def test_a_state_may_tell_by_itself(message: dict[str, Any], expected: Why) -> None:
    assert told(message) == expected


def test_a_lease_without_a_daemon_waits_for_the_next_one() -> None:
    found = told({"state": State.LEASED}, is_running=False)
    assert (found.cause, found.do) == (Cause.NOT_RUNNING, "mail-proxy start my")


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NOON + 0.2, "12:00:01 UTC"),
        (NOON + 599, "12:09:59 UTC"),
        (NOON + 601, "12:11 UTC"),
        (NOON + 12 * HOUR_S, "2026-11-22 00:00 UTC"),
        (1e12, "a time beyond the calendar"),
    ],
)
def test_a_time_is_never_early_and_has_its_day_when_that_is_another(at: float, words: str) -> None:
    assert when(at, NOON) == words


times = st.floats(NOON - 1e6, NOON + 1e6)
messages = st.builds(
    Subject,
    state=st.sampled_from(State),
    id=st.sampled_from(["m1", "a b", "it's; rm -rf /", "-x"]),
    tenant_id=st.just("acme"),
    account_id=st.just("main"),
    batch_code=st.none() | st.just("may"),
    due_at=times,
    expires_at=st.none() | times,
    is_scheduled=st.booleans(),
    tries=st.integers(0, 50),
    error=st.none() | st.just("451 later"),
    held_reason=st.none() | st.just("parked"),
)
surroundings = st.builds(
    Around,
    instance=st.sampled_from(["my", "my server"]),
    now=st.just(NOON),
    is_running=st.booleans(),
    is_active=st.booleans(),
    is_tenant_active=st.booleans(),
    suspended=st.frozensets(st.sampled_from(["*", "may", "june"])),
    account=st.none()
    | st.builds(
        AccountState,
        retries=st.integers(0, 20),
        is_readable=st.booleans(),
        paused_until=st.none() | times,
        paused_reason=st.none() | st.sampled_from(["535 no", "the limit of 5 a day is reached"]),
    ),
    test_mode=st.booleans(),
    connections=st.integers(0, 3),
    most=st.integers(1, 3),
)


@given(messages, surroundings)
def test_there_is_always_one_sentence_and_a_command_for_this_instance(
    message: Subject, around: Around
) -> None:
    found = why(message, around)
    assert found.text
    assert "\n" not in found.text
    if found.do is not None:
        words = shlex.split(found.do)
        assert words[0] == "mail-proxy"
        assert around.instance in words
        assert message.id in words or message.id not in found.do
    if found.until is not None:
        assert found.until > around.now


@given(messages, surroundings)
def test_what_is_ready_is_held_by_nothing(message: Subject, around: Around) -> None:
    if why(message, around).cause is Cause.READY and message.state is State.WAITING:
        assert around.is_running
        assert around.is_active
        assert around.is_tenant_active
        assert around.account is not None
        assert message.due_at <= around.now
        assert around.connections < around.most
