"""Whom a refusal condemns, and what becomes of each recipient."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.attempt import AttemptResult, Scope, judge, scope_of, settled_state
from mail_proxy.domain.reply import Reply, Stage
from mail_proxy.domain.state import RecipientState

OK = Reply(250, "2.0.0", "Ok")
LATER = Reply(450, "4.2.1", "mailbox busy")
NEVER = Reply(550, "5.1.1", "no such user")
CLOSING = Reply(421, "4.3.2", "closing")
PENDING, ACCEPTED, REFUSED = (
    RecipientState.PENDING,
    RecipientState.ACCEPTED,
    RecipientState.REFUSED,
)

replies = st.builds(
    Reply,
    st.sampled_from([250, 251, 354, 421, 450, 451, 452, 530, 535, 550, 552, 554]),
    st.sampled_from(["", "2.0.0", "4.7.1", "5.1.1", "5.4.5", "4.7.28"]),
    st.just("text"),
)
results = st.builds(
    AttemptResult,
    recipients=st.lists(st.none() | replies, min_size=1, max_size=4).map(tuple),
    stage=st.sampled_from(Stage),
    reply=st.none() | replies,
    lost=st.none() | st.just("connection reset"),
    dot_sent=st.booleans(),
)


def states(result: AttemptResult) -> list[RecipientState]:
    return [recipient.state for recipient in judge(result).recipients]


# --- all accepted, or some ---


def test_a_message_taken_for_all_is_settled() -> None:
    verdict = judge(AttemptResult((OK, OK), Stage.DOT, OK, dot_sent=True))
    assert [r.state for r in verdict.recipients] == [ACCEPTED, ACCEPTED]
    assert verdict.is_settled
    assert verdict.reason == ""
    assert verdict.reply is None


def test_a_recipient_is_accepted_with_the_reply_to_the_dot() -> None:
    dot = Reply(250, "2.0.0", "queued as 4711")
    verdict = judge(AttemptResult((OK,), Stage.DOT, dot, dot_sent=True))
    assert verdict.recipients[0].reply is dot


def test_a_message_taken_for_some_keeps_what_became_of_each() -> None:
    result = AttemptResult((OK, NEVER, LATER, None), Stage.DOT, OK, dot_sent=True)
    verdict = judge(result)
    assert [r.state for r in verdict.recipients] == [ACCEPTED, REFUSED, PENDING, PENDING]
    assert [r.reply for r in verdict.recipients] == [OK, NEVER, LATER, None]
    assert not verdict.is_settled
    # Why it waits, not why one recipient ended.
    assert verdict.reason == f"recipient refused: {LATER}"


def test_a_recipient_without_an_answer_waits_when_the_message_is_taken() -> None:
    verdict = judge(AttemptResult((OK, None), Stage.DOT, OK, dot_sent=True))
    assert [r.state for r in verdict.recipients] == [ACCEPTED, PENDING]
    assert verdict.reason == "no answer for a recipient"


# --- recipients refused ---


@pytest.mark.parametrize(
    ("recipients", "expected"),
    [
        ((NEVER,), [REFUSED]),
        ((LATER,), [PENDING]),
        ((NEVER, LATER), [REFUSED, PENDING]),
        ((NEVER, NEVER), [REFUSED, REFUSED]),
        ((LATER, None), [PENDING, PENDING]),
    ],
)
def test_refused_recipients_are_judged_one_by_one(
    recipients: tuple[Reply | None, ...], expected: list[RecipientState]
) -> None:
    last = next(reply for reply in reversed(recipients) if reply)
    result = AttemptResult(recipients, Stage.RCPT, last)
    assert states(result) == expected
    assert judge(result).account_fault is None


def test_a_sole_recipient_refused_for_good_settles_the_message() -> None:
    verdict = judge(AttemptResult((NEVER,), Stage.RCPT, NEVER))
    assert verdict.is_settled
    assert verdict.reason == "recipient refused: 550 5.1.1 no such user"


# --- the message refused ---


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.DATA, Stage.DOT])
@pytest.mark.parametrize(("reply", "state"), [(NEVER, REFUSED), (LATER, PENDING)])
def test_a_refused_message_condemns_all_that_were_left(
    stage: Stage, reply: Reply, state: RecipientState
) -> None:
    verdict = judge(AttemptResult((OK, None), stage, reply, dot_sent=stage is Stage.DOT))
    assert [(r.state, r.reply) for r in verdict.recipients] == [(state, reply)] * 2
    assert verdict.account_fault is None
    assert verdict.reason == f"{stage.words}: {reply}"


def test_a_refused_recipient_keeps_its_own_reply_when_the_message_is_refused() -> None:
    verdict = judge(AttemptResult((NEVER, OK), Stage.DOT, LATER, dot_sent=True))
    assert [(r.state, r.reply) for r in verdict.recipients] == [(REFUSED, NEVER), (PENDING, LATER)]


def test_a_busy_recipient_waits_though_the_message_is_refused_for_good() -> None:
    verdict = judge(AttemptResult((LATER, OK), Stage.DOT, NEVER, dot_sent=True))
    assert [r.state for r in verdict.recipients] == [PENDING, REFUSED]


# --- the account's fault ---


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.TLS, Stage.AUTH])
@pytest.mark.parametrize("reply", [NEVER, LATER, Reply(535, "5.7.8", "bad credentials")])
def test_before_mail_every_refusal_is_the_accounts(stage: Stage, reply: Reply) -> None:
    verdict = judge(AttemptResult((None, None), stage, reply))
    assert verdict.account_fault == f"{stage.words}: {reply}"
    assert [r.state for r in verdict.recipients] == [PENDING, PENDING]


@pytest.mark.parametrize("stage", Stage)
def test_421_is_the_accounts_at_every_stage(stage: Stage) -> None:
    assert scope_of(stage, CLOSING) is Scope.ACCOUNT
    assert states(AttemptResult((OK, NEVER), stage, CLOSING)) == [PENDING, REFUSED]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(550, "5.4.5", "Daily user sending quota exceeded"),
        Reply(530, "5.7.0", "Must issue a STARTTLS command first"),
        Reply(535, "", "authentication failed"),
        Reply(550, "5.7.60", "SMTP; client does not have permissions to send as this sender"),
        Reply(421, "4.7.28", "unusual rate"),
        Reply(450, "4.7.28", "unusual rate"),
    ],
)
def test_a_quota_or_a_login_is_the_accounts_even_at_mail(reply: Reply) -> None:
    verdict = judge(AttemptResult((None,), Stage.MAIL, reply))
    assert verdict.account_fault is not None
    assert [r.state for r in verdict.recipients] == [PENDING]


@pytest.mark.parametrize(
    ("stage", "scope"),
    [
        (Stage.MAIL, Scope.MESSAGE),
        (Stage.RCPT, Scope.RECIPIENT),
        (Stage.DATA, Scope.MESSAGE),
        (Stage.DOT, Scope.MESSAGE),
    ],
)
@pytest.mark.parametrize("reply", [NEVER, LATER])
def test_from_mail_on_the_stage_tells_whom_a_refusal_condemns(
    stage: Stage, scope: Scope, reply: Reply
) -> None:
    assert scope_of(stage, reply) is scope


# --- connections lost ---


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.TLS, Stage.AUTH, Stage.MAIL])
def test_a_connection_lost_before_mail_was_answered_is_the_accounts(stage: Stage) -> None:
    verdict = judge(AttemptResult((None, None), stage, None, lost="connection reset"))
    assert verdict.account_fault == "connection reset"
    assert not verdict.in_doubt
    assert [r.state for r in verdict.recipients] == [PENDING, PENDING]


@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.DATA])
def test_a_connection_lost_later_spends_a_try_of_the_message(stage: Stage) -> None:
    verdict = judge(AttemptResult((OK, NEVER), stage, None, lost="connection reset"))
    assert verdict.account_fault is None
    assert not verdict.in_doubt
    assert verdict.reason == "connection reset"
    assert [r.state for r in verdict.recipients] == [PENDING, REFUSED]


def test_a_connection_lost_after_the_dot_leaves_a_doubt_and_blames_nobody() -> None:
    result = AttemptResult((OK, NEVER), Stage.DOT, None, lost="timed out", dot_sent=True)
    verdict = judge(result)
    assert verdict.in_doubt
    assert verdict.account_fault is None
    assert verdict.reason == "in doubt: timed out"
    assert [r.state for r in verdict.recipients] == [PENDING, REFUSED]


# --- what holds for every attempt ---


@given(results)
def test_every_recipient_is_judged_in_envelope_order(result: AttemptResult) -> None:
    assert len(judge(result).recipients) == len(result.recipients)


@given(results)
def test_nobody_is_accepted_unless_the_server_took_the_message(result: AttemptResult) -> None:
    for reply, recipient in zip(result.recipients, judge(result).recipients, strict=True):
        if recipient.state is ACCEPTED:
            assert result.is_accepted
            assert reply is not None
            assert reply.is_positive


@given(results)
def test_everybody_whom_the_server_took_is_accepted(result: AttemptResult) -> None:
    if result.is_accepted:
        for reply, recipient in zip(result.recipients, judge(result).recipients, strict=True):
            assert (recipient.state is ACCEPTED) == (reply is not None and reply.is_positive)


@given(results)
def test_nobody_is_refused_without_a_5yz(result: AttemptResult) -> None:
    for recipient in judge(result).recipients:
        if recipient.state is REFUSED:
            assert recipient.reply is not None
            assert recipient.reply.is_permanent


@given(results)
def test_an_account_at_fault_ends_no_recipient_that_rcpt_had_not_refused(
    result: AttemptResult,
) -> None:
    verdict = judge(result)
    if verdict.account_fault is not None:
        assert not verdict.in_doubt
        for reply, recipient in zip(result.recipients, verdict.recipients, strict=True):
            is_refused = reply is not None and reply.is_permanent
            blames_account = reply is not None and scope_of(Stage.RCPT, reply) is Scope.ACCOUNT
            assert (recipient.state is REFUSED) == (is_refused and not blames_account)


@given(results)
def test_a_doubt_needs_a_dot_and_a_lost_connection(result: AttemptResult) -> None:
    if judge(result).in_doubt:
        assert result.dot_sent
        assert result.lost


@given(results)
def test_whoever_is_left_has_a_reason(result: AttemptResult) -> None:
    verdict = judge(result)
    if not all(r.state is ACCEPTED for r in verdict.recipients):
        assert verdict.reason


@given(replies)
def test_only_a_5yz_ends_a_recipient(reply: Reply) -> None:
    assert settled_state(reply) is (REFUSED if reply.is_permanent else PENDING)


# --- what the reply alone does not tell ---


@pytest.mark.parametrize(
    "text",
    [
        "Daily user sending quota exceeded",
        "Outgoing mail limit exceeded",
        "Sender rate limit exceeded, try later",
        "Domain acme.example has exceeded the max emails per hour (100/100)",
        "Your account has been temporarily suspended",
        "Sender address rejected: not owned by user ann@acme.example",
        "SendAsDenied; ann not allowed to send as bob",
        "You are not authorized to send from this address",
    ],
)
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT])
def test_words_of_quota_suspension_or_wrong_sender_condemn_the_account(
    stage: Stage, text: str
) -> None:
    assert scope_of(stage, Reply(550, "5.7.1", text)) is Scope.ACCOUNT


@pytest.mark.parametrize(
    "text",
    [
        "mailbox full, quota exceeded",
        "The email account that you tried to reach is disabled",
        "account of this recipient is over its limit",
        "message size limit exceeded",
        "user unknown",
    ],
)
def test_words_about_a_mailbox_condemn_one_recipient(text: str) -> None:
    assert scope_of(Stage.RCPT, Reply(552, "5.2.2", text)) is Scope.RECIPIENT


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT])
def test_a_message_that_is_known_to_be_to_blame_is_refused_for_good(stage: Stage) -> None:
    reply = Reply(550, "5.7.60", "may not send as this sender")
    result = AttemptResult((reply if stage is Stage.RCPT else OK, NEVER), stage, reply)
    verdict = judge(result, Scope.MESSAGE)
    assert verdict.account_fault is None
    assert [r.state for r in verdict.recipients] == [REFUSED, REFUSED]


def test_an_account_that_is_known_to_be_to_blame_costs_the_message_nothing() -> None:
    verdict = judge(AttemptResult((None,), Stage.MAIL, NEVER), Scope.ACCOUNT)
    assert verdict.account_fault == "sender refused: 550 5.1.1 no such user"
    assert [r.state for r in verdict.recipients] == [PENDING]


@given(results, st.none() | st.sampled_from(Scope))
def test_what_a_server_took_is_never_blamed_on_anybody(
    result: AttemptResult, blamed: Scope | None
) -> None:
    if result.is_accepted:
        assert judge(result, blamed) == judge(result)


@given(results, st.none() | st.sampled_from(Scope))
def test_only_a_5yz_ends_anybody_whoever_is_blamed(
    result: AttemptResult, blamed: Scope | None
) -> None:
    for recipient in judge(result, blamed).recipients:
        if recipient.state is REFUSED:
            assert recipient.reply is not None
            assert recipient.reply.is_permanent
