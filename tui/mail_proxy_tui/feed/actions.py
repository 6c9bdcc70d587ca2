"""From an action to the commands that do it, and from their answers to what became of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

from mail_proxy.domain.errors import Invalid
from mail_proxy_tui.feed.base import Action, Done, MessageKey, Refused, Verb

MOST_IDS = 10_000  # in one command
MOST_REFUSED = 1000
GONE = "gone"

_COMMANDS = {
    Verb.RETRY: "retryMessages",
    Verb.DELETE: "deleteMessages",
    Verb.HOLD: "holdMessages",
    Verb.FREE: "freeMessages",
    Verb.SETTLE_SENT: "settleMessages",
    Verb.SETTLE_FAILED: "settleMessages",
}
_FIELDS = {Verb.SETTLE_SENT: {"as": "sent"}, Verb.SETTLE_FAILED: {"as": "error"}}
_IN_DOUBT = "state:in_doubt"


@dataclass(frozen=True, slots=True)
class Step:
    """One command. It goes on with `next_cursor` of its answer as `cursor`, while there is one."""

    command: str
    fields: Mapping[str, Any]

    def after(self, cursor: str) -> Step:
        return Step(self.command, {**self.fields, "cursor": cursor})


def steps_of(action: Action, *, is_trial: bool = False) -> tuple[Step, ...]:
    """What is asked of the daemon, in order; none where nothing but a count was wanted.

    Messages by their ids go tenant by tenant, as ids are a tenant's own.
    """
    match action.verb:
        case (
            Verb.RETRY | Verb.DELETE | Verb.HOLD | Verb.FREE | Verb.SETTLE_SENT | Verb.SETTLE_FAILED
        ):
            more = {**_FIELDS.get(action.verb, {}), **({"dry_run": True} if is_trial else {})}
            return tuple(_of_messages(action, more))
        case Verb.SUSPEND:
            step = Step("suspend", _given(action, "tenant_id", "batch_code"))
        case Verb.ACTIVATE:
            step = Step("activate", _given(action, "tenant_id", "batch_code"))
        case Verb.PAUSE:
            step = Step("pauseAccount", _given(action, "tenant_id", "account_id"))
        case Verb.RESUME:
            step = Step("resumeAccount", _given(action, "tenant_id", "account_id"))
        case Verb.RUN_NOW:
            step = Step("runNow", _given(action, "tenant_id"))
        case _:
            assert_never(action.verb)
    return () if is_trial else (step,)


def in_doubt_of(action: Action) -> Action:
    """Of all that match, those that are in doubt: the others are not even looked at."""
    if action.filter is None:
        return action
    return replace(action, filter=f"{action.filter} {_IN_DOUBT}".strip())


def without_refused(action: Action, trial: Done) -> Action:
    """Only those that a trial did not refuse. Raises Invalid where it tells only some of them, or
    has not looked at all."""
    if trial.is_partial:
        raise Invalid("these are too many to look at each: mark fewer")
    if trial.refused_count > len(trial.refused):
        raise Invalid(f"more than {len(trial.refused)} of these cannot be: mark fewer")
    refused = {(each.key.tenant_id, each.id) for each in trial.refused if each.key is not None}
    left = (key for key in action.messages if (key.tenant_id, key.id) not in refused)
    return replace(action, messages=tuple(left))


def with_left_out(done: Done, trial: Done) -> Done:
    """Those too that were not even tried, as a trial had refused them."""
    return replace(
        done,
        refused=trial.refused + done.refused,
        refused_count=trial.refused_count + done.refused_count,
    )


def _given(action: Action, *names: str) -> dict[str, Any]:
    return {name: getattr(action, name) for name in names if getattr(action, name) is not None}


def _of_messages(action: Action, more: dict[str, Any]) -> Iterator[Step]:
    command = _COMMANDS[action.verb]
    if action.filter is not None:
        whose = _given(action, "tenant_id")
        # In parts, so that no answer is waited for longer than a connection lives.
        yield Step(command, {**whose, "filter": action.filter, "limit": MOST_IDS, **more})
        return
    for tenant_id in dict.fromkeys(key.tenant_id for key in action.messages):
        ids = [key.id for key in action.messages if key.tenant_id == tenant_id]
        for start in range(0, len(ids), MOST_IDS):
            some = ids[start : start + MOST_IDS]
            yield Step(command, {"tenant_id": tenant_id, "ids": some, **more})


def done_of(
    action: Action, parts: Sequence[tuple[Step, Mapping[str, Any]]], *, is_partial: bool = False
) -> Done:
    """From the steps that were made, each with its answer."""
    if action.verb not in _COMMANDS:
        waiting = [
            answer["pending_messages"] for _, answer in parts if "pending_messages" in answer
        ]
        return Done(sum(waiting) if waiting else 1)
    done = refused_count = 0
    refused: list[Refused] = []
    for step, answer in parts:
        done += _done(answer)
        some = list(_refused(action.messages, step, answer))
        refused_count += max(len(some), answer.get("counts", {}).get("not_possible", 0))
        refused += some[: MOST_REFUSED - len(refused)]
    return Done(done, tuple(refused), refused_count, is_partial)


def _done(answer: Mapping[str, Any]) -> int:
    found = answer["removed"] if "removed" in answer else answer["counts"]["done"]
    return int(found)


def _refused(
    keys: Sequence[MessageKey], step: Step, answer: Mapping[str, Any]
) -> Iterator[Refused]:
    tenant_id = step.fields.get("tenant_id")
    known = {key.id: key for key in keys if key.tenant_id == tenant_id}
    told = set()
    for each in answer.get("not_possible", ()):
        told.add(each["id"])
        yield Refused(known.get(each["id"]), each["id"], each["reason"])
    for id_ in answer.get("not_found", ()):
        if id_ not in told:
            yield Refused(known.get(id_), id_, GONE)
