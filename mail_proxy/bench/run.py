"""All runs of one benchmark, and the document that comes of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

from mail_proxy.bench.dashboard import measure_dashboard
from mail_proxy.bench.figures import Figures, Result
from mail_proxy.bench.machine import describe_machine
from mail_proxy.bench.measures import BY_NAME
from mail_proxy.bench.plan import BenchFailed, Plan, Say
from mail_proxy.bench.scale import measure_scale
from mail_proxy.bench.stand import Stand, open_stand
from mail_proxy.bench.startup import measure_startup


@dataclass(frozen=True, slots=True)
class Document:
    """machine: what it ran on. checks: of each run, what the receivers counted, checked.

    scale_ms: depth of the queue -> the costs behind the ratios of `scale`.
    """

    plan: Plan
    machine: dict[str, Any]
    results: list[Result]
    checks: list[dict[str, int | None]]
    scale_ms: dict[str, dict[str, float]] = field(default_factory=dict)

    def as_record(self) -> dict[str, Any]:
        """For programs. `median`, `min` and `max` are of `runs`."""
        return {
            "ok": True,
            "machine": self.machine,
            "plan": {
                "messages": self.plan.messages,
                "runs": self.plan.runs,
                "only": list(self.plan.only),
            },
            "figures": [_record(result) for result in self.results],
            "scale_ms": self.scale_ms,
            "checks": self.checks,
        }


def _record(result: Result) -> dict[str, Any]:
    figure = result.figure
    return {
        "name": figure.name,
        "title": figure.title.strip(),
        "unit": figure.unit,
        "queued": result.depth,
        "median": result.median,
        "min": result.least,
        "max": result.most,
        "at_least": figure.at_least,
        "beyond": figure.beyond,
        "reached": result.reached,
        "runs": list(result.values),
    }


_ONCE = ("scale", "dashboard")  # however many runs there are of the others


class _Bench:
    def __init__(self, plan: Plan, say: Say) -> None:
        self._plan = plan
        self._say = say
        self._figures = Figures()
        self._machine: dict[str, Any] = {}
        self._checks: list[dict[str, int | None]] = []
        self._scale_ms: dict[str, dict[str, float]] = {}

    def run(self) -> Document:
        if set(self._plan.only) - set(_ONCE):
            for number in range(1, self._plan.runs + 1):
                self._one_run(f"run {number} of {self._plan.runs}: ")
        if "scale" in self._plan.only:
            self._scale()
        if "dashboard" in self._plan.only:
            self._dashboard()
        results = self._figures.results()
        return Document(self._plan, self._machine, results, self._checks, self._scale_ms)

    def _one_run(self, prefix: str) -> None:
        def say(what: str) -> None:
            self._say(prefix + what)

        say("starting")
        with open_stand(self._plan, say) as stand:
            self._note_machine(stand)
            if "startup" in self._plan.only:
                say("startup")
                measure_startup(stand, self._figures)
            for name, measure in BY_NAME.items():
                if name in self._plan.only:
                    say(name)
                    measure(stand, self._plan, self._figures)
            self._check(stand)

    def _scale(self) -> None:
        with open_stand(self._plan, self._say) as stand:
            self._note_machine(stand)
            self._scale_ms = measure_scale(stand, self._plan, self._figures)

    def _dashboard(self) -> None:
        with open_stand(self._plan, self._say) as stand:
            self._note_machine(stand)
            measure_dashboard(stand, self._plan, self._figures)

    def _check(self, stand: Stand) -> None:
        """All that was accepted has arrived and was told."""
        stand.activate()
        stand.wait_until_empty()
        stand.wait_for_reports()
        self._checks.append(stand.check_mail())

    def _note_machine(self, stand: Stand) -> None:
        if not self._machine:
            self._machine = describe_machine(stand.folder, stand.mail_server)


def run_bench(plan: Plan, say: Say) -> Document:
    """Everything that the plan asks for. say: told what is being done now. Raises BenchFailed."""
    if sys.platform != "linux":
        raise BenchFailed("the benchmark reads the daemon's use of CPU and memory from Linux")
    return _Bench(plan, say).run()
