"""From the verdict on an attempt to what is written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mail_proxy.delivery.outcome import Rules, outcome_of
from mail_proxy.domain.attempt import AttemptResult, judge
from mail_proxy.domain.reply import Reply, Stage
from mail_proxy.domain.retry import RetryPolicy
from mail_proxy.domain.state import Event, RecipientState
from mail_proxy.store import Claimed, Outcome
from mail_proxy.store.values.messages import RecipientRow

Claim = Callable[..., Claimed]

OK = Reply(250, "2.0.0", "taken")
UNKNOWN = Reply(550, "5.1.1", "no such user")
LATER = Reply(451, "4.7.1", "greylisted")
RULES = Rules(RetryPolicy((60.0, 300.0), 2))
NOW = 1000.0


def after(message: Claimed, result: AttemptResult, rules: Rules = RULES) -> Outcome:
    return outcome_of(message, judge(result), rules, now=NOW, dice=0.0)


def states(outcome: Outcome) -> list[RecipientState]:
    return [r.state for r in outcome.recipients]


def data(outcome: Outcome) -> dict[str, Any]:
    (event,) = outcome.events
    return event.data


def test_a_message_that_all_accept_is_sent(claimed: Claim) -> None:
    outcome = after(claimed(), AttemptResult((OK,), Stage.DOT, OK, dot_sent=True))
    assert outcome.event is Event.ACCEPT
    assert data(outcome) == {"sent_ts": 1000}


def test_a_mixed_end_is_sent_and_lists_the_refused(claimed: Claim) -> None:
    message = claimed(recipients=("a@x.example", "b@x.example"))
    outcome = after(message, AttemptResult((OK, UNKNOWN), Stage.DOT, OK, dot_sent=True))
    assert outcome.event is Event.ACCEPT
    assert states(outcome) == [RecipientState.ACCEPTED, RecipientState.REFUSED]
    assert data(outcome)["refused"] == [
        {"recipient": "b@x.example", "error": "5.1.1 no such user (SMTP 550)", "code": 550}
    ]


def test_an_address_that_is_no_text_is_told_as_text(claimed: Claim) -> None:
    message = claimed(recipients=("a@x.example", "b\udcff@x.example"))
    outcome = after(message, AttemptResult((OK, UNKNOWN), Stage.DOT, OK, dot_sent=True))
    (refused,) = data(outcome)["refused"]
    assert refused["recipient"] == r"b\xff@x.example"


def test_one_deferred_recipient_makes_the_message_wait_for_that_one(claimed: Claim) -> None:
    message = claimed(recipients=("a@x.example", "b@x.example"))
    outcome = after(message, AttemptResult((OK, LATER), Stage.DOT, OK, dot_sent=True))
    assert outcome.event is Event.DEFER
    assert outcome.due_at == NOW + 60
    assert states(outcome) == [RecipientState.ACCEPTED, RecipientState.PENDING]
    assert data(outcome)["deferred_reason"] == "4.7.1 greylisted (SMTP 451)"


def test_a_last_refusal_after_an_earlier_acceptance_is_sent(claimed: Claim) -> None:
    earlier = RecipientRow(1, "b@x.example", RecipientState.ACCEPTED, 250, "2.0.0 taken")
    message = claimed(tries=1, settled=(earlier,))
    outcome = after(message, AttemptResult((UNKNOWN,), Stage.RCPT, UNKNOWN))
    assert outcome.event is Event.ACCEPT
    assert [entry["recipient"] for entry in data(outcome)["refused"]] == ["ann@x.example"]


def test_a_message_that_all_refuse_fails_with_the_reply(claimed: Claim) -> None:
    outcome = after(claimed(), AttemptResult((UNKNOWN,), Stage.RCPT, UNKNOWN))
    assert outcome.event is Event.FAIL
    assert outcome.error == "5.1.1 no such user (SMTP 550)"
    assert outcome.error_code == 550


def test_the_last_retry_gives_up_and_says_so(claimed: Claim) -> None:
    outcome = after(claimed(tries=2), AttemptResult((LATER,), Stage.RCPT, LATER))
    assert outcome.event is Event.FAIL
    assert outcome.error == "Max retries (2) exceeded: 4.7.1 greylisted (SMTP 451)"
    assert states(outcome) == [RecipientState.REFUSED]


def test_a_message_that_would_expire_before_the_next_try_is_given_up(claimed: Claim) -> None:
    outcome = after(claimed(expires_at=NOW + 30), AttemptResult((LATER,), Stage.RCPT, LATER))
    assert outcome.event is Event.FAIL


def test_an_account_s_fault_costs_no_try_and_is_not_reported(claimed: Claim) -> None:
    refused = Reply(421, "4.7.0", "too many connections")
    outcome = after(claimed(), AttemptResult((None,), Stage.MAIL, refused))
    assert outcome.event is Event.RELEASE
    assert not outcome.spends_try
    assert outcome.events == ()


def test_a_refusal_read_before_the_account_failed_is_kept(claimed: Claim) -> None:
    message = claimed(recipients=("a@x.example", "b@x.example"))
    busy = Reply(421, "4.3.2", "shutting down")
    outcome = after(message, AttemptResult((UNKNOWN, busy), Stage.RCPT, busy))
    assert outcome.event is Event.RELEASE
    assert [(r.position, r.state) for r in outcome.recipients] == [(0, RecipientState.REFUSED)]


def test_a_connection_lost_before_mail_was_answered_is_nobody_s_try(claimed: Claim) -> None:
    outcome = after(claimed(), AttemptResult((None,), Stage.MAIL, None, lost="reset"))
    assert outcome.event is Event.RELEASE


def test_a_connection_lost_in_the_body_is_a_try(claimed: Claim) -> None:
    outcome = after(claimed(), AttemptResult((OK,), Stage.DATA, None, lost="reset"))
    assert outcome.event is Event.DEFER
    assert outcome.spends_try


def test_a_dot_without_a_reply_is_sent_again_and_marked(claimed: Claim) -> None:
    lost = AttemptResult((OK,), Stage.DOT, None, lost="reset", dot_sent=True)
    outcome = after(claimed(), lost)
    assert outcome.event is Event.RESEND
    assert data(outcome)["in_doubt"] is True


def test_a_dot_without_a_reply_is_held_where_the_account_says_so(claimed: Claim) -> None:
    lost = AttemptResult((OK,), Stage.DOT, None, lost="reset", dot_sent=True)
    outcome = after(claimed(), lost, Rules(RULES.retry, in_doubt="hold"))
    assert outcome.event is Event.DOUBT
    assert states(outcome) == [RecipientState.PENDING]
    assert data(outcome)["in_doubt_ts"] == 1000


def test_who_had_no_room_in_a_transaction_is_next_and_it_costs_no_try(claimed: Claim) -> None:
    message = claimed(recipients=("a@x.example", "b@x.example"))
    full = Reply(452, "4.5.3", "too many recipients")
    outcome = after(message, AttemptResult((OK, full), Stage.DOT, OK, dot_sent=True))
    assert outcome.event is Event.RELEASE
    assert not outcome.spends_try
    assert states(outcome) == [RecipientState.ACCEPTED, RecipientState.PENDING]


def test_a_quota_of_the_account_told_at_rcpt_ends_no_recipient(claimed: Claim) -> None:
    quota = Reply(550, "5.4.5", "daily sending quota exceeded")
    outcome = after(claimed(), AttemptResult((quota,), Stage.RCPT, quota))
    assert outcome.event is Event.RELEASE
    assert outcome.recipients == ()


def test_giving_up_in_doubt_is_marked(claimed: Claim) -> None:
    lost = AttemptResult((OK,), Stage.DOT, None, lost="closed", dot_sent=True)
    outcome = after(claimed(tries=2), lost)
    assert outcome.event is Event.FAIL
    assert data(outcome)["in_doubt"] is True
