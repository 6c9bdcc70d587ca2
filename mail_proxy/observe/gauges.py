"""How things stand now: set when somebody asks for the metrics, from what the store tells."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Gauge, Info, ProcessCollector

from mail_proxy.domain.message import PRIORITIES
from mail_proxy.domain.state import PENDING, State
from mail_proxy.observe.labels import LABELS, Labels


class Paused(NamedTuple):
    """An account that is not used now; `by`: a limit, or a fault of its server."""

    whose: Labels
    by: str


@dataclass(frozen=True, slots=True)
class Standing:
    """counts: messages in each (state, priority).

    oldest_ready_s: age of the oldest message that is due and waits, 0 when none does.
    oldest_unreported_s: age of the oldest event that no application has acknowledged.
    """

    counts: Mapping[tuple[State, int], int] = field(default_factory=dict)
    oldest_ready_s: float = 0.0
    oldest_unreported_s: float = 0.0
    paused: Collection[Paused] = ()
    is_active: bool = True


class Gauges:
    """The gauges of one registry."""

    def __init__(self, registry: CollectorRegistry, version: str) -> None:
        self._pending = Gauge(
            "gmp_pending_messages", "Messages that wait or are on their way.", registry=registry
        )
        self._queue = Gauge(
            "gmp_queue_messages",
            "Messages by state and priority.",
            ("state", "priority"),
            registry=registry,
        )
        self._oldest_ready = Gauge(
            "gmp_oldest_ready_seconds",
            "Age of the oldest message that is due and waits; 0 when none does.",
            registry=registry,
        )
        self._oldest_unreported = Gauge(
            "gmp_oldest_unreported_seconds",
            "Age of the oldest event that its application has not acknowledged.",
            registry=registry,
        )
        self._paused = Gauge(
            "gmp_account_paused",
            "1 for an account that is not used now, by what pauses it: limit, or fault.",
            (*LABELS, "paused_by"),
            registry=registry,
        )
        self._active = Gauge(
            "gmp_scheduler_active",
            "1 while mail is sent, 0 while it is suspended.",
            registry=registry,
        )
        Info("gmp_build", "What runs.", registry=registry).info({"version": version})
        ProcessCollector(registry=registry)
        self.show(Standing())

    def show(self, standing: Standing) -> None:
        for state in State:
            for priority in PRIORITIES.values():
                n = standing.counts.get((state, priority), 0)
                self._queue.labels(state.value, str(priority)).set(n)
        self._pending.set(sum(n for (state, _), n in standing.counts.items() if state in PENDING))
        self._oldest_ready.set(standing.oldest_ready_s)
        self._oldest_unreported.set(standing.oldest_unreported_s)
        self._active.set(standing.is_active)
        self._paused.clear()
        for whose, by in standing.paused:
            self._paused.labels(*whose, whose.account_id, by).set(1)
