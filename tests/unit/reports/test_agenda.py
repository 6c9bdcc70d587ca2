from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mail_proxy.reports.agenda import COALESCE_S, FIRST_S, Agenda
from mail_proxy.reports.plan import Pause, Urge


def begun(agenda: Agenda, now: float = 0.0) -> Agenda:
    """An agenda on which `a` is at work since `now`."""
    agenda.plan("a", now)
    assert agenda.take(now=now) == [("a", Urge.TIMER)]
    return agenda


def test_the_first_event_after_a_calm_waits_a_few_milliseconds():
    agenda = Agenda()
    assert agenda.wake("a", now=10.0)
    assert agenda.next_at() == 10.0 + FIRST_S


def test_events_of_a_burst_share_a_round():
    agenda = Agenda()
    agenda.wake("a", now=10.0)
    assert not agenda.wake("a", now=10.001)
    assert agenda.take(now=10.0 + FIRST_S) == [("a", Urge.TIMER)]
    assert agenda.next_at() is None


def test_rounds_that_events_ask_for_are_apart():
    agenda = begun(Agenda())
    agenda.end("a", Pause(300.0), now=0.001)
    agenda.wake("a", now=0.002)
    assert agenda.next_at() == COALESCE_S


def test_an_event_during_a_round_is_not_forgotten():
    agenda = begun(Agenda())
    agenda.wake("a", now=1.0)
    assert agenda.next_at() is None  # one round at a time
    agenda.end("a", Pause(300.0), now=2.0)
    assert agenda.next_at() == 1.0 + FIRST_S


def test_an_event_does_not_shorten_a_hold():
    agenda = begun(Agenda())
    agenda.wake("a", now=0.5)
    agenda.end("a", Pause(60.0, holds=True), now=1.0)
    assert not agenda.wake("a", now=2.0)
    assert agenda.next_at() == 61.0


def test_an_event_shortens_the_wait_for_a_heartbeat():
    agenda = begun(Agenda())
    agenda.end("a", Pause(60.0), now=1.0)
    assert agenda.wake("a", now=2.0)
    assert agenda.next_at() == 2.0 + FIRST_S


def test_run_now_ends_a_hold_and_tells_who_wants_it():
    agenda = begun(Agenda())
    agenda.end("a", Pause(60.0, holds=True), now=1.0)
    agenda.urge("a", Urge.TENANT, now=2.0)
    agenda.urge("a", Urge.ADMIN, now=2.0)
    assert agenda.take(now=2.0) == [("a", Urge.TENANT)]


def test_run_now_during_a_round_that_ends_in_a_hold_begins_another():
    agenda = begun(Agenda())
    agenda.urge("a", Urge.TENANT, now=0.5)
    agenda.end("a", Pause(60.0, holds=True), now=1.0)
    assert agenda.take(now=1.0) == [("a", Urge.TENANT)]


def test_a_tenant_without_a_next_round_is_forgotten():
    agenda = begun(Agenda())
    assert "a" in agenda
    agenda.end("a", Pause(None), now=1.0)
    assert "a" not in agenda


def test_the_longest_due_goes_first():
    agenda = Agenda()
    for tenant_id, at in (("a", 3.0), ("b", 1.0), ("c", 2.0), ("d", 9.0)):
        agenda.plan(tenant_id, at)
    assert [tenant_id for tenant_id, _ in agenda.take(now=5.0)] == ["b", "c", "a"]


def test_rounds_that_are_planned_anew_leave_nothing_behind():
    agenda = Agenda()
    agenda.plan("calm", 1e9)
    for n in range(1000):
        agenda.wake("busy", now=float(n))
        assert agenda.take(now=n + 0.5) == [("busy", Urge.TIMER)]
        agenda.end("busy", Pause(1e10), now=n + 0.5)  # no heartbeat for three hundred years
    assert len(agenda._heap) < 100
    assert agenda.next_at() == 1e9


TENANTS = st.sampled_from("abc")
WAITS = st.floats(0, 10)


class AgendaMachine(RuleBasedStateMachine):
    """Whatever happens, no tenant is at work twice, and none that was woken is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.agenda = Agenda()
        self.now = 0.0
        self.at_work: set[str] = set()
        self.owed: set[str] = set()

    @rule(tenant=TENANTS)
    def wake(self, tenant: str) -> None:
        self.agenda.wake(tenant, now=self.now)
        self.owed.add(tenant)

    @rule(tenant=TENANTS)
    def urge(self, tenant: str) -> None:
        self.agenda.urge(tenant, Urge.ADMIN, now=self.now)
        self.owed.add(tenant)

    @rule(seconds=WAITS)
    def take(self, seconds: float) -> None:
        self.now += seconds
        for tenant, _ in self.agenda.take(now=self.now):
            assert tenant not in self.at_work
            self.at_work.add(tenant)
            self.owed.discard(tenant)

    @rule(tenant=TENANTS, delay=st.none() | WAITS, holds=st.booleans())
    def end(self, tenant: str, delay: float | None, holds: bool) -> None:
        if tenant in self.at_work:
            self.at_work.remove(tenant)
            self.agenda.end(tenant, Pause(delay, holds and delay is not None), now=self.now)

    @invariant()
    def nobody_is_lost(self) -> None:
        for tenant in self.owed:
            assert tenant in self.agenda
        if self.owed - self.at_work:
            assert self.agenda.next_at() is not None


AgendaMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=20)
TestAgenda = AgendaMachine.TestCase
