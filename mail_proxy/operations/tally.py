"""What became of many messages: lists of a bounded length, and counts of all."""

from __future__ import annotations

from collections.abc import Iterable

from mail_proxy.store import Acted
from mail_proxy.wire.messages import Changed, NotPossible, Resent

LISTED = 1000  # of a change by filter; one by ids lists them all


class Tally:
    def __init__(self, *, listed: int = LISTED) -> None:
        self._listed = listed
        self._done: list[str] = []
        self._not_found: list[str] = []
        self._not_possible: list[NotPossible] = []
        self._resent: list[Resent] = []
        self.n_done = 0
        self._n_not_possible = 0

    def acted(self, acted: Iterable[Acted]) -> None:
        for each in acted:
            if each.reason:
                self._n_not_possible += 1
                if len(self._not_possible) < self._listed:
                    why = NotPossible(id=each.id, reason=each.reason, state=each.state.value)
                    self._not_possible.append(why)
                continue
            self.n_done += 1
            if len(self._done) < self._listed:
                self._done.append(each.id)
                if each.new_id is not None:
                    self._resent.append(Resent(id=each.id, new_id=each.new_id))

    def not_found(self, ids: Iterable[str]) -> None:
        self._not_found.extend(ids)

    def answer(self, cursor: str | None, *, is_trial: bool) -> Changed:
        answer: Changed = {
            "ok": True,
            "done": self._done,
            "not_found": self._not_found,
            "not_possible": self._not_possible,
            "counts": {
                "done": self.n_done,
                "not_found": len(self._not_found),
                "not_possible": self._n_not_possible,
            },
        }
        if self._resent:
            answer["resent"] = self._resent
        if cursor is not None:
            answer["next_cursor"] = cursor
        if is_trial:
            answer["dry_run"] = True
        return answer
