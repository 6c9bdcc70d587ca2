"""What is asked before something is done, and said after it."""

from __future__ import annotations

import pytest

from mail_proxy.domain.state import State
from mail_proxy_tui.draw.questions import (
    Answer,
    is_asked,
    of_doubt,
    of_messages,
    of_others,
    said,
)
from mail_proxy_tui.feed.base import Action, Done, MessageKey, Refused, Verb
from tests.unit.tui.fake_feed import message

HOSTILE = "\x1b]0;x\x07\u202e[/b]"
ROWS = [
    message(1),
    message(2),
    message(3, state=State.FAILED, status="error"),
]
KEYS = tuple(row.key for row in ROWS)


def test_a_question_states_how_many_of_which_states_and_whose() -> None:
    question = of_messages(Action(Verb.DELETE, KEYS), ROWS, Done(3))
    assert question.title == "Delete 3 messages?"
    assert question.lines[0] == "3 marked: 2 deferred, 1 FAILED  (tenant acme)"
    assert "are not sent" in question.lines[1]
    assert question.answers == (Answer("y", "delete", "Yes, delete 3"),)
    assert question.no == "No, keep"
    assert question.keys == "y delete   n / esc keep"


@pytest.mark.parametrize(("n", "no"), [(1, "No, leave it"), (2, "No, leave them")])
@pytest.mark.parametrize("verb", [Verb.HOLD, Verb.FREE, Verb.RETRY])
def test_to_keep_is_the_other_answer_of_a_deletion_alone(verb: Verb, n: int, no: str) -> None:
    action = Action(verb, tenant_id="acme", filter="state:ready")
    assert of_messages(action, [], Done(n)).no == no


def test_one_message_is_named() -> None:
    question = of_messages(Action(Verb.DELETE, KEYS[:1]), ROWS[:1], Done(1))
    assert question.title == "Delete 1 message?"
    assert question.lines[0].startswith(f"{KEYS[0].id}: 1 deferred")
    assert question.lines[1] == "It leaves the queue and is not sent."


def test_marks_of_other_windows_and_tenants_are_counted() -> None:
    other = MessageKey("9", "m-9", "beta")
    question = of_messages(Action(Verb.DELETE, (*KEYS, other)), ROWS, Done(4))
    assert "1 in other windows" in question.lines[0]
    assert "2 tenants" in question.lines[0]


def test_what_will_be_left_out_is_said_before() -> None:
    trial = Done(2, (Refused(KEYS[0], "m-1", "being sent now"),), 1)
    question = of_messages(Action(Verb.DELETE, KEYS), ROWS, trial)
    assert question.lines[-1] == "Left out: 1 was being sent now."


def test_all_that_match_are_named_by_their_filter() -> None:
    action = Action(Verb.RETRY, filter=f"subject:{HOSTILE}", tenant_id="acme")
    question = of_messages(action, [], Done(100_000, is_partial=True))
    assert question.title == "Retry at least 100 000 messages?"
    assert question.lines[0].startswith("All of tenant acme that match: subject:")
    assert question.answers[0].label == "Yes, retry all"
    assert all("\x1b" not in line and "\u202e" not in line for line in question.lines)


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        (Action(Verb.RETRY, KEYS), False),
        (Action(Verb.HOLD, KEYS), False),
        (Action(Verb.RUN_NOW), False),
        (Action(Verb.DELETE, KEYS), True),
        (Action(Verb.RETRY, filter=""), True),
        (Action(Verb.SUSPEND, tenant_id="acme"), True),
        (Action(Verb.PAUSE, tenant_id="acme", account_id="main"), True),
    ],
)
def test_what_cannot_be_taken_back_or_is_not_seen_is_asked(action: Action, asked: bool) -> None:
    assert is_asked(action) is asked


DOUBTFUL = [message(n, state=State.IN_DOUBT, status="in_doubt") for n in (4, 5)]


def test_the_question_of_a_retry_says_what_it_may_do() -> None:
    action = Action(Verb.RETRY, tuple(row.key for row in DOUBTFUL))
    assert "it would arrive twice" in of_messages(action, DOUBTFUL, Done(2)).lines[-1]
    deletion = Action(Verb.DELETE, action.messages)
    assert "twice" not in str(of_messages(deletion, DOUBTFUL, Done(2)).lines)
    by_filter = Action(Verb.RETRY, filter="age:>1h")
    assert "it would arrive twice" in of_messages(by_filter, [], Done(2)).lines[-1]


def test_what_is_in_doubt_may_have_become_one_of_three() -> None:
    action = Action(Verb.SETTLE_SENT, tuple(row.key for row in [*DOUBTFUL, *ROWS[:1]]))
    trial = Done(2, (Refused(KEYS[0], "m-1", "not in doubt: waiting"),), 1)
    question = of_doubt(action, [*DOUBTFUL, *ROWS[:1]], trial)
    assert question.title == "Settle 2 messages in doubt?"
    assert question.lines[0] == "3 marked: 2 DOUBT, 1 deferred  (tenant acme)"
    assert question.lines[-3:] == (
        "Send again: whoever has them already gets them twice.",
        "Sent and failed are reported to the application, if it has a URL.",
        "Left out: 1 was not in doubt.",
    )
    assert question.keys == "s sent   f failed   r send again   n / esc leave it"
    one = of_doubt(Action(Verb.SETTLE_SENT, (DOUBTFUL[0].key,)), DOUBTFUL[:1], Done(1))
    assert one.title == "Settle 1 message in doubt?"
    assert "Sent: it has arrived." in one.lines


@pytest.mark.parametrize(
    ("action", "title"),
    [
        (Action(Verb.SUSPEND, tenant_id="acme"), "Suspend tenant acme?"),
        (Action(Verb.SUSPEND, tenant_id="acme", batch_code="b"), "Suspend batch b of acme?"),
        (Action(Verb.SUSPEND), "Suspend all sending?"),
        (Action(Verb.ACTIVATE, tenant_id="acme"), "Activate tenant acme?"),
        (Action(Verb.PAUSE, tenant_id="acme", account_id="m"), "Pause account acme/m?"),
        (Action(Verb.RESUME, tenant_id="acme", account_id="m"), "Resume account acme/m?"),
    ],
)
def test_others_are_asked_about_by_name(action: Action, title: str) -> None:
    assert of_others(action).title == title


def test_how_much_waits_is_said_where_it_is_known() -> None:
    assert "12 messages queued" in of_others(Action(Verb.SUSPEND, tenant_id="a"), 12).lines[0]


def test_after_it_each_part_is_told() -> None:
    done = Done(2, (Refused(KEYS[2], "m-3", "already sent: resend it"),), 1)
    told = said(Action(Verb.RETRY, KEYS), done)
    assert (told.text, told.is_good) == ("2 of 3 retried; 1 was already sent", False)


def test_many_reasons_are_gathered() -> None:
    reasons = ["already sent"] * 4 + ["already failed"] * 3 + ["its content is gone"] * 2
    refused = [Refused(None, str(n), reason) for n, reason in enumerate([*reasons, "gone", "held"])]
    told = said(Action(Verb.RETRY, filter="x"), Done(0, tuple(refused), 2000))
    assert told.text == (
        "0 of 2 000 retried; 4 were already sent, 3 were already failed, 2: its content is gone, "
        "1 991 for other reasons"
    )


@pytest.mark.parametrize(
    ("action", "done", "text"),
    [
        (Action(Verb.DELETE, KEYS), Done(3), "3 messages deleted"),
        (Action(Verb.HOLD, KEYS), Done(1), "1 message held"),
        (Action(Verb.SETTLE_SENT, KEYS), Done(2), "2 messages settled as sent"),
        (Action(Verb.SETTLE_FAILED, KEYS), Done(1), "1 message settled as failed"),
        (
            Action(Verb.RUN_NOW, tenant_id="acme"),
            Done(7),
            "What is due of acme goes now: 7 messages",
        ),
        (Action(Verb.SUSPEND, tenant_id="a"), Done(5), "tenant a is suspended: 5 messages queued"),
        (Action(Verb.ACTIVATE), Done(0), "all sending is active again: 0 messages queued"),
        (Action(Verb.PAUSE, tenant_id="a", account_id="m"), Done(1), "account a/m is paused"),
        (
            Action(Verb.RESUME, tenant_id="a", account_id="m"),
            Done(1),
            "account a/m is in use again",
        ),
    ],
)
def test_success_is_said_in_a_line(action: Action, done: Done, text: str) -> None:
    told = said(action, done)
    assert (told.text, told.is_good) == (text, True)
