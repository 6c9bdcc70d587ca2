"""Who is to blame when one reply does not tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.domain.attempt import AttemptResult, Scope
from mail_proxy.domain.blame import IN_A_ROW, MOST_SUSPECTS, Blame
from mail_proxy.domain.reply import Reply, Stage

OK = Reply(250, "2.0.0", "Ok")
NO = Reply(550, "5.7.1", "no")
OTHER = Reply(553, "5.1.7", "unknown sender domain")
QUOTA = Reply(550, "5.4.5", "daily sending quota exceeded")
WRONG_SENDER = Reply(550, "5.7.60", "may not send as this sender")

SENT = AttemptResult((OK,), Stage.DOT, OK, dot_sent=True)
LOST = AttemptResult((None,), Stage.MAIL, None, lost="reset")
LATER = AttemptResult((None,), Stage.MAIL, Reply(451, "4.7.1", "later"))


def at_mail(reply: Reply = NO) -> AttemptResult:
    return AttemptResult((None,), Stage.MAIL, reply)


def test_the_third_message_in_a_row_with_the_same_5yz_at_mail_blames_the_account() -> None:
    blame = Blame()
    assert [blame.note(pk, at_mail()) for pk in (1, 2, 3, 4)] == [
        None,
        None,
        Scope.ACCOUNT,
        Scope.ACCOUNT,
    ]


def test_one_message_that_comes_again_is_one_message() -> None:
    blame = Blame()
    assert {blame.note(1, at_mail()) for _ in range(10)} == {None}


@pytest.mark.parametrize("between", [SENT, LATER, at_mail(Reply(554, "5.7.1", "no"))])
def test_another_answer_ends_the_row(between: AttemptResult) -> None:
    blame = Blame()
    for pk in (1, 2):
        blame.note(pk, at_mail())
    blame.note(9, between)
    assert blame.note(3, at_mail()) is None


def test_a_lost_connection_does_not_end_the_row() -> None:
    blame = Blame()
    for pk in (1, 2):
        blame.note(pk, at_mail())
    blame.note(9, LOST)
    assert blame.note(3, at_mail()) is Scope.ACCOUNT


@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.DATA, Stage.DOT])
def test_refusals_after_mail_are_no_row(stage: Stage) -> None:
    blame = Blame()
    result = AttemptResult((OK,), stage, NO)
    assert {blame.note(pk, result) for pk in range(10)} == {None}


def test_a_message_that_sounded_like_the_account_is_to_blame_once_another_has_gone() -> None:
    blame = Blame()
    assert blame.note(1, at_mail(WRONG_SENDER)) is None
    blame.suspect(1)
    assert blame.note(1, at_mail(WRONG_SENDER)) is None  # nothing has shown that others may
    blame.note(2, SENT)
    assert blame.note(1, at_mail(WRONG_SENDER)) is Scope.MESSAGE


def test_a_fault_of_another_message_is_the_accounts_again() -> None:
    blame = Blame()
    blame.note(1, SENT)
    assert blame.note(2, at_mail(WRONG_SENDER)) is None
    blame.suspect(2)
    assert blame.note(3, at_mail(WRONG_SENDER)) is None


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.TLS, Stage.AUTH])
def test_a_refused_login_is_never_a_messages_fault(stage: Stage) -> None:
    blame = Blame()
    blame.suspect(1)
    blame.note(2, SENT)
    assert blame.note(1, AttemptResult((None,), stage, Reply(535, "5.7.8", "no"))) is None


def test_a_quota_is_the_accounts_though_others_went_between() -> None:
    blame = Blame()
    blame.suspect(1)
    blame.note(2, SENT)
    assert blame.note(1, at_mail(QUOTA)) is None


def test_421_is_never_a_messages_fault() -> None:
    blame = Blame()
    blame.suspect(1)
    blame.note(2, SENT)
    assert blame.note(1, AttemptResult((OK,), Stage.DATA, Reply(421, "4.3.2", "bye"))) is None


def test_what_is_remembered_is_bounded() -> None:
    blame = Blame()
    for pk in range(10 * MOST_SUSPECTS):
        blame.suspect(pk)
    assert sum(blame.is_suspect(pk) for pk in range(10 * MOST_SUSPECTS)) <= MOST_SUSPECTS


attempts = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from([SENT, LOST, LATER, at_mail(), at_mail(OTHER)]),
    ),
    max_size=30,
)


@given(attempts)
def test_no_more_than_two_messages_in_a_row_fail_at_mail_with_one_code(
    happened: list[tuple[int, AttemptResult]],
) -> None:
    blame = Blame()
    row: set[int] = set()
    code = None
    for pk, result in happened:
        blamed = blame.note(pk, result)
        reply = result.reply
        if reply is None:
            continue
        if not reply.is_permanent or reply.code != code:
            row.clear()
            code = reply.code
        if reply.is_permanent and blamed is not Scope.ACCOUNT:
            row.add(pk)
            assert len(row) < IN_A_ROW
