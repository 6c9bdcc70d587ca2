"""What a trial of an action looks at before a person is asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from mail_proxy_tui.feed.actions import without_refused
from mail_proxy_tui.feed.base import Action, MessageKey, Verb
from mail_proxy_tui.feed.live import MOST_TRIALS, LiveFeed

KEYS = tuple(MessageKey(str(n), f"m-{n}", f"t{n}") for n in range(MOST_TRIALS + 3))


class Daemon:
    """A Control of one in which the messages of some tenants are in doubt, and the others wait.

    Of a filter it does one part after the other, and there is always one more.
    """

    def __init__(self, *doubtful: str) -> None:
        self.doubtful = doubtful

    async def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        assert (command, fields["dry_run"]) == ("settleMessages", True)
        if "filter" in fields:
            return {"done": [], "counts": {"done": 5}, "next_cursor": "more"}
        ids = fields["ids"]
        is_doubtful = fields["tenant_id"] in self.doubtful
        refused = [] if is_doubtful else [{"id": id_, "reason": "not in doubt"} for id_ in ids]
        counts = {"done": len(ids) - len(refused), "not_possible": len(refused)}
        return {"not_possible": refused, "not_found": [], "counts": counts}

    def stream(self, command: str, /, **fields: Any) -> AsyncGenerator[dict[str, Any], None]:
        raise NotImplementedError

    async def aclose(self) -> None:
        pass


async def test_of_many_tenants_only_what_is_in_doubt_is_left() -> None:
    action = Action(Verb.SETTLE_SENT, KEYS)
    trial = await LiveFeed(Daemon("t0")).act(action, is_trial=True)
    assert (trial.done, trial.refused_count, trial.is_partial) == (1, len(KEYS) - 1, False)
    assert without_refused(action, trial).messages == KEYS[:1]


async def test_the_doubt_of_the_last_of_many_tenants_is_found() -> None:
    trial = await LiveFeed(Daemon(KEYS[-1].tenant_id)).act(
        Action(Verb.SETTLE_SENT, KEYS), is_trial=True
    )
    assert trial.done == 1


async def test_of_a_filter_only_so_many_are_counted() -> None:
    action = Action(Verb.SETTLE_SENT, filter="state:in_doubt")
    trial = await LiveFeed(Daemon()).act(action, is_trial=True)
    assert (trial.done, trial.is_partial) == (5 * MOST_TRIALS, True)
