from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mail_proxy.domain.state import State
from mail_proxy.observe.gauges import Paused, Standing
from mail_proxy.observe.labels import labels
from mail_proxy.observe.metrics import MailMetrics

PER_ACCOUNT = {"tenant_id", "tenant_name", "account_id", "account_name"}


def samples(metrics: MailMetrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(metrics.render())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def of_account(name: str, tenant: str, tenant_name: str, account: str):
    found = {
        "tenant_id": tenant,
        "tenant_name": tenant_name,
        "account_id": account,
        "account_name": account,
    }
    return (name, frozenset(found.items()))


COUNTERS = [
    ("gmp_sent_total", MailMetrics.sent),
    ("gmp_errors_total", MailMetrics.error),
    ("gmp_deferred_total", MailMetrics.deferred),
    ("gmp_rate_limited_total", MailMetrics.rate_limited),
    ("gmp_in_doubt_total", MailMetrics.in_doubt),
]


@pytest.mark.parametrize(("name", "verb"), COUNTERS)
def test_a_verb_counts_for_its_account(name, verb):
    metrics = MailMetrics()
    whose = metrics.declare("acme", "Acme Ltd", "main")
    verb(whose_metrics := metrics, whose)
    verb(whose_metrics, whose, 2)
    assert samples(metrics)[of_account(name, "acme", "Acme Ltd", "main")] == 3


@pytest.mark.parametrize(("name", "verb"), COUNTERS)
def test_a_set_of_default_series_is_there_from_the_start(name, verb):
    assert samples(MailMetrics())[of_account(name, "default", "default", "default")] == 0


@pytest.mark.parametrize(("name", "verb"), COUNTERS)
def test_a_declared_account_has_its_series_with_0(name, verb):
    metrics = MailMetrics()
    metrics.declare("acme", None, "main")
    assert samples(metrics)[of_account(name, "acme", "default", "main")] == 0


def test_a_forgotten_account_has_no_series():
    metrics = MailMetrics()
    metrics.forget(metrics.declare("acme", None, "main"))
    metrics.forget(labels("never", "was", "there"))
    assert 'tenant_id="acme"' not in metrics.render()


def test_a_forgotten_tenant_has_no_series_until_it_is_there_again():
    metrics = MailMetrics()
    one, _ = (metrics.declare("acme", "Acme", account) for account in ("one", "two"))
    metrics.declare("bravo", None, "main")
    metrics.forget_tenant("acme")
    metrics.sent(one)  # a late result
    assert 'tenant_id="acme"' not in metrics.render()
    assert 'tenant_id="bravo"' in metrics.render()
    metrics.sent(metrics.declare("acme", "Acme", "one"))
    assert samples(metrics)[of_account("gmp_sent_total", "acme", "Acme", "one")] == 1


def test_no_series_tells_when_it_was_created():
    assert "_created" not in MailMetrics().render()


def test_pending_messages_have_no_labels():
    metrics = MailMetrics()
    counts = {
        (State.WAITING, 2): 3,
        (State.LEASED, 0): 1,
        (State.IN_DOUBT, 2): 10,
        (State.SENT, 2): 100,
    }
    metrics.gauges.show(Standing(counts))
    assert samples(metrics)["gmp_pending_messages", frozenset()] == 4


def test_the_queue_is_shown_by_state_and_priority_and_old_numbers_go():
    metrics = MailMetrics()
    waiting = frozenset({("state", "waiting"), ("priority", "2")})
    metrics.gauges.show(Standing({(State.WAITING, 2): 3}))
    assert samples(metrics)["gmp_queue_messages", waiting] == 3
    metrics.gauges.show(Standing())
    assert samples(metrics)["gmp_queue_messages", waiting] == 0


def test_an_account_is_shown_as_paused_for_as_long_as_it_is():
    metrics = MailMetrics()
    main = labels("acme", "Acme", "main")
    of_main = {"tenant_id": "acme", "tenant_name": "Acme", "account_id": "main"}
    paused = frozenset({**of_main, "account_name": "main", "paused_by": "fault"}.items())
    metrics.gauges.show(Standing(paused=[Paused(main, "fault")]))
    assert samples(metrics)["gmp_account_paused", paused] == 1
    metrics.gauges.show(Standing())
    assert ("gmp_account_paused", paused) not in samples(metrics)


def test_ages_and_the_scheduler_are_shown():
    metrics = MailMetrics()
    metrics.gauges.show(Standing(oldest_ready_s=7, oldest_unreported_s=9, is_active=False))
    found = samples(metrics)
    assert found["gmp_oldest_ready_seconds", frozenset()] == 7
    assert found["gmp_oldest_unreported_seconds", frozenset()] == 9
    assert found["gmp_scheduler_active", frozenset()] == 0


def test_reports_are_counted_by_outcome():
    metrics = MailMetrics()
    metrics.report(0.1)
    metrics.report(0.2)
    metrics.reported(10)
    metrics.report_refused(5)
    metrics.report_parked(2)
    metrics.report_dropped(1)
    found = samples(metrics)
    by_outcome = {
        outcome: found["gmp_reports_total", frozenset({("outcome", outcome)})]
        for outcome in ("reported", "refused", "parked", "dropped")
    }
    assert by_outcome == {"reported": 10, "refused": 5, "parked": 2, "dropped": 1}
    assert found["gmp_report_seconds_count", frozenset()] == 2


def test_attempts_and_lost_leases_are_counted():
    metrics = MailMetrics()
    metrics.attempt(0.02)
    metrics.lease_lost(2)
    found = samples(metrics)
    assert found["gmp_attempt_seconds_count", frozenset()] == 1
    assert found["gmp_lease_lost_total", frozenset()] == 2


def test_two_instances_in_one_process_do_not_share_numbers():
    one, other = MailMetrics(), MailMetrics()
    one.sent(labels())
    assert samples(other)[of_account("gmp_sent_total", "default", "default", "default")] == 0


@pytest.mark.parametrize("name", ['a"b', "a\nb", "a\\b", "\ud800", "é"])
def test_a_hostile_tenant_name_does_not_break_the_page(name):
    metrics = MailMetrics()
    metrics.declare("acme", name, "main")
    assert len([key for key in samples(metrics) if ("tenant_id", "acme") in key[1]]) == 5
