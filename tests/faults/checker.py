"""What must hold after any run: asked of the database, the receiver and the application.

`Ledger` reads the database file itself, so it believes nothing that the daemon says.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.installation import rows_of
from tests.faults.receiver import copies
from tests.faults.receiver_process import Seen

FINAL = frozenset({"sent", "failed", "bounced"})
OPEN = frozenset({"waiting", "leased", "suspended", "held", "in_doubt"})
_FINAL_EVENTS = frozenset({"sent", "error"})


@dataclass(frozen=True, slots=True)
class Ledger:
    """The books of one database. states, events: by the caller's id. accepted: (id, address)."""

    states: dict[str, str]
    events: dict[str, list[tuple[str, str, dict[str, Any], bool]]]
    accepted: set[tuple[str, str]]
    tries: dict[str, int]

    @classmethod
    def of(cls, database: Path) -> Ledger:
        messages = rows_of(database, "SELECT id, state, tries FROM messages")
        events: dict[str, list[tuple[str, str, dict[str, Any], bool]]] = defaultdict(list)
        for pk, id_, kind, data, report in rows_of(
            database,
            "SELECT pk, message_id, event_type, data, report_state FROM events ORDER BY pk",
        ):
            events[id_].append((str(pk), kind, json.loads(data), report != "none"))
        accepted = rows_of(
            database,
            "SELECT m.id, r.address FROM recipients r JOIN messages m"
            " ON m.tenant_id = r.tenant_id AND m.pk = r.message_pk WHERE r.state = 'accepted'",
        )
        assert len(messages) == len({row[0] for row in messages}), "an id stands there twice"
        return cls(
            {row[0]: row[1] for row in messages},
            dict(events),
            {(row[0], row[1]) for row in accepted},
            {row[0]: row[2] for row in messages},
        )

    @property
    def counted(self) -> dict[str, int]:
        return dict(Counter(self.states.values()))

    def doubts(self) -> Counter[str]:
        """By id, how many of its attempts were marked in doubt."""
        found: Counter[str] = Counter()
        for id_, told in self.events.items():
            found[id_] = sum(
                kind == "in_doubt" or bool(data.get("in_doubt")) for _, kind, data, _ in told
            )
        return +found


def check_conservation(ledger: Ledger, acknowledged: Collection[str]) -> None:
    """Acknowledged = sent + failed + still queued, each once."""
    lost = set(acknowledged) - ledger.states.keys()
    assert not lost, f"{len(lost)} acknowledged messages are gone: {sorted(lost)[:5]}"
    odd = {id_: state for id_, state in ledger.states.items() if state not in FINAL | OPEN}
    assert not odd


def check_copies(ledger: Ledger, seen: Iterable[Seen]) -> int:
    """No more copies than 1 + doubts, none missing of what is said to be sent; the surplus."""
    came = copies(seen)
    doubts = ledger.doubts()
    doubled = {key: n for key, n in came.items() if n > 1 + doubts[key[0]]}
    assert not doubled, f"copies nobody counted: {list(doubled.items())[:5]}"
    missing = ledger.accepted - came.keys()
    assert not missing, f"{len(missing)} are said to be sent and never came: {sorted(missing)[:5]}"
    return sum(n - 1 for n in came.values())


def check_events(ledger: Ledger) -> None:
    """Exactly one final event for each message that has ended, none for others."""
    for id_, state in ledger.states.items():
        finals = [kind for _, kind, _, _ in ledger.events.get(id_, []) if kind in _FINAL_EVENTS]
        expected = 1 if state in FINAL else 0
        assert len(finals) == expected, f"{id_} is {state} with {finals}"


def check_reports(ledger: Ledger, entries: Iterable[dict[str, Any]]) -> int:
    """Every event was reported, repeats word for word; the number of repeats."""
    told: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        told[entry["event_id"]].append(json.dumps(entry, sort_keys=True))
    due = {pk for events in ledger.events.values() for pk, _, _, reports in events if reports}
    assert due <= told.keys(), f"{len(due - told.keys())} events were never reported"
    changed = [pk for pk, bodies in told.items() if len(set(bodies)) > 1]
    assert not changed, f"events that were told in two ways: {changed[:5]}"
    return sum(len(bodies) - 1 for bodies in told.values())


def check_all(
    database: Path,
    acknowledged: Collection[str],
    seen: Iterable[Seen],
    entries: Iterable[dict[str, Any]] | None = None,
) -> Ledger:
    """All of it. entries: what the application got, when it has got everything."""
    seen = list(seen)
    ledger = Ledger.of(database)
    check_conservation(ledger, acknowledged)
    check_copies(ledger, seen)
    check_events(ledger)
    if entries is not None:
        check_reports(ledger, entries)
    return ledger
