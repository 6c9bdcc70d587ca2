"""From what a person asks for to the daemon's commands, and back."""

from __future__ import annotations

import pytest

from mail_proxy.domain.errors import Invalid
from mail_proxy_tui.feed.actions import (
    MOST_IDS,
    Step,
    done_of,
    in_doubt_of,
    steps_of,
    without_refused,
)
from mail_proxy_tui.feed.base import Action, Done, MessageKey, Refused, Verb

A1, A2 = MessageKey("1", "m-1", "acme"), MessageKey("2", "m-2", "acme")
B1 = MessageKey("3", "m-1", "beta")


def test_messages_go_tenant_by_tenant() -> None:
    assert steps_of(Action(Verb.RETRY, (A1, B1, A2))) == (
        Step("retryMessages", {"tenant_id": "acme", "ids": ["m-1", "m-2"]}),
        Step("retryMessages", {"tenant_id": "beta", "ids": ["m-1"]}),
    )


@pytest.mark.parametrize(
    ("verb", "as_"), [(Verb.SETTLE_SENT, "sent"), (Verb.SETTLE_FAILED, "error")]
)
def test_what_is_in_doubt_is_settled_by_a_word(verb: Verb, as_: str) -> None:
    fields = {"tenant_id": "acme", "ids": ["m-1"], "as": as_}
    assert steps_of(Action(verb, (A1,))) == (Step("settleMessages", fields),)
    (trial,) = steps_of(Action(verb, (A1,)), is_trial=True)
    assert trial.fields == fields | {"dry_run": True}


def test_of_all_that_match_those_in_doubt_are_meant() -> None:
    asked = Action(Verb.SETTLE_SENT, filter="to:*@example.com", tenant_id="acme")
    assert in_doubt_of(asked).filter == "to:*@example.com state:in_doubt"
    by_ids = Action(Verb.SETTLE_SENT, (A1,))
    assert in_doubt_of(by_ids) == by_ids


def test_what_a_trial_refused_is_left_alone() -> None:
    trial = Done(1, (Refused(A1, "m-1", "not in doubt: waiting"),), 1)
    left = without_refused(Action(Verb.SETTLE_SENT, (A1, B1, A2)), trial)
    assert left.messages == (B1, A2)  # the other tenant's has the same id
    with pytest.raises(Invalid, match="mark fewer"):
        without_refused(Action(Verb.SETTLE_SENT, (A1, A2)), Done(1, trial.refused, 2))


def test_what_a_trial_has_not_looked_at_is_not_taken_for_allowed() -> None:
    with pytest.raises(Invalid, match="mark fewer"):
        without_refused(Action(Verb.SETTLE_SENT, (A1, B1)), Done(1, is_partial=True))


def test_a_trial_only_counts() -> None:
    (step,) = steps_of(Action(Verb.HOLD, (A1,)), is_trial=True)
    assert step.fields["dry_run"] is True


def test_very_many_go_in_parts() -> None:
    keys = tuple(MessageKey(str(n), f"m-{n}", "acme") for n in range(MOST_IDS + 1))
    assert [len(step.fields["ids"]) for step in steps_of(Action(Verb.DELETE, keys))] == [
        MOST_IDS,
        1,
    ]


def test_all_that_match_are_the_servers_to_find() -> None:
    (step,) = steps_of(Action(Verb.DELETE, filter="state:failed", tenant_id="acme"))
    assert step == Step(
        "deleteMessages", {"tenant_id": "acme", "filter": "state:failed", "limit": MOST_IDS}
    )
    assert step.after("next").fields["cursor"] == "next"


def test_an_empty_filter_is_a_filter() -> None:
    (step,) = steps_of(Action(Verb.HOLD, filter=""))
    assert step.fields["filter"] == ""


def test_what_is_not_of_messages_names_what_it_is_of() -> None:
    asked = [
        steps_of(Action(Verb.SUSPEND, tenant_id="acme", batch_code="b"))[0],
        steps_of(Action(Verb.ACTIVATE, tenant_id="acme"))[0],
        steps_of(Action(Verb.PAUSE, tenant_id="acme", account_id="main"))[0],
        steps_of(Action(Verb.RESUME, tenant_id="acme", account_id="main"))[0],
        steps_of(Action(Verb.RUN_NOW))[0],
    ]
    assert [(step.command, dict(step.fields)) for step in asked] == [
        ("suspend", {"tenant_id": "acme", "batch_code": "b"}),
        ("activate", {"tenant_id": "acme"}),
        ("pauseAccount", {"tenant_id": "acme", "account_id": "main"}),
        ("resumeAccount", {"tenant_id": "acme", "account_id": "main"}),
        ("runNow", {}),
    ]


def test_those_have_no_trial() -> None:
    assert steps_of(Action(Verb.SUSPEND, tenant_id="acme"), is_trial=True) == ()


def test_what_could_not_be_done_is_told_with_its_key() -> None:
    action = Action(Verb.RETRY, (A1, A2, B1))
    first, second = steps_of(action)
    parts = [
        (
            first,
            {
                "done": ["m-1"],
                "not_found": [],
                "not_possible": [{"id": "m-2", "reason": "already sent", "state": "sent"}],
                "counts": {"done": 1, "not_found": 0, "not_possible": 1},
            },
        ),
        (
            second,
            {
                "done": [],
                "not_found": ["m-1"],
                "not_possible": [],
                "counts": {"done": 0, "not_found": 1, "not_possible": 0},
            },
        ),
    ]
    assert done_of(action, parts) == Done(
        1, (Refused(A2, "m-2", "already sent"), Refused(B1, "m-1", "gone")), 2
    )


def test_a_deletion_names_each_once() -> None:
    action = Action(Verb.DELETE, (A1, A2))
    (step,) = steps_of(action)
    answer = {
        "removed": 1,
        "not_found": ["m-2"],
        "not_possible": [{"id": "m-2", "reason": "being sent now", "state": "leased"}],
    }
    assert done_of(action, [(step, answer)]) == Done(1, (Refused(A2, "m-2", "being sent now"),), 1)


def test_parts_of_a_filter_add_up() -> None:
    action = Action(Verb.HOLD, filter="pri:low")
    (step,) = steps_of(action)
    part = {"not_found": [], "not_possible": [], "counts": {"done": 5, "not_possible": 2000}}
    done = done_of(action, [(step, part), (step.after("x"), part)], is_partial=True)
    assert (done.done, done.refused_count, done.is_partial) == (10, 4000, True)


def test_a_suspension_counts_what_waits() -> None:
    action = Action(Verb.SUSPEND, tenant_id="acme")
    assert done_of(action, [(steps_of(action)[0], {"pending_messages": 12})]).done == 12
