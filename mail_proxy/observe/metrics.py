"""The numbers of one instance, in a registry of their own.

Names and labels are a contract with dashboards that exist. Series of known accounts are there from
the start with 0, so that a rate over the first failure is not lost.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from mail_proxy import __version__
from mail_proxy.domain.clock import Clock, SystemClock
from mail_proxy.observe.cache_metrics import CacheMetrics
from mail_proxy.observe.durations import Durations
from mail_proxy.observe.gauges import Gauges
from mail_proxy.observe.labels import LABELS, Labels, labels
from mail_proxy.observe.refusals import Refusals
from mail_proxy.observe.tallies import Tallies

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# A transaction takes 5 ms on a LAN; the reply to the final dot may take 10 minutes.
_ATTEMPT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)
_REPORT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

LARGE_FILE_OUTCOMES = ("warned", "rejected", "stored", "not_stored", "removed", "not_removed")


class MailMetrics:
    """Counters of one instance. Every verb is cheap and safe in any thread.

    tallies, attempts: the same numbers, as screens show them; of the event loop alone.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self.tallies = Tallies(clock)
        self.attempts = Durations(_ATTEMPT_BUCKETS, clock)
        self._registry = CollectorRegistry()
        self._gone: set[str] = set()  # deleted tenants
        # Looking a series up by its labels costs more than counting with it.
        self._series: dict[tuple[Counter, Labels], Counter] = {}
        self._sent = self._per_account("gmp_sent", "Messages accepted by a mail server.")
        self._errors = self._per_account("gmp_errors", "Messages that failed for good.")
        self._deferred = self._per_account("gmp_deferred", "Attempts put off to a later time.")
        self._rate_limited = self._per_account("gmp_rate_limited", "Times a limit was reached.")
        self._in_doubt = self._per_account(
            "gmp_in_doubt", "Messages handed over without a reply, so perhaps sent."
        )
        self.gauges = Gauges(self._registry, __version__)
        self.cache = CacheMetrics(self._registry)
        self._refusals = Refusals(self._registry)
        self._reports = Counter(
            "gmp_reports",
            "Events reported to applications, by what became of them.",
            ("outcome",),
            registry=self._registry,
        )
        self._lease_lost = Counter(
            "gmp_lease_lost",
            "Results that came after the lease had lapsed.",
            registry=self._registry,
        )
        self._large_files = Counter(
            "gmp_large_files",
            "Attachments over their tenant's size, and stored files, by what became of them.",
            ("outcome",),
            registry=self._registry,
        )
        self._attempt_seconds = Histogram(
            "gmp_attempt_seconds",
            "Time of one delivery attempt.",
            buckets=_ATTEMPT_BUCKETS,
            registry=self._registry,
        )
        self._report_seconds = Histogram(
            "gmp_report_seconds",
            "Time of one post of delivery reports.",
            buckets=_REPORT_BUCKETS,
            registry=self._registry,
        )
        self._attachment_failures = Counter(
            "gmp_attachment_failures",
            "Messages whose attachments could not be had: for good, or for now.",
            ("kind",),
            registry=self._registry,
        )
        self._letter_seconds = Histogram(
            "gmp_attachments_seconds",
            "Time to bring all attachments of one message.",
            buckets=_REPORT_BUCKETS,
            registry=self._registry,
        )
        self._declare(labels())
        for kind in ("permanent", "temporary"):
            self._attachment_failures.labels(kind)
        for outcome in ("reported", "refused", "parked", "dropped"):
            self._reports.labels(outcome)
        for outcome in LARGE_FILE_OUTCOMES:
            self._large_files.labels(outcome)

    def declare(
        self, tenant_id: str | None, tenant_name: str | None, account_id: str | None
    ) -> Labels:
        """Show an account's series from now on, with 0; the labels to count with."""
        found = labels(tenant_id, tenant_name, account_id)
        self._gone.discard(found.tenant_id)
        self._declare(found)
        return found

    def forget(self, whose: Labels) -> None:
        """Drop the series of a deleted account."""
        self.tallies.forget(whose.tenant_id, whose.account_id)
        for counter in self._account_counters:
            counter.remove(*whose, whose.account_id)
            self._series.pop((counter, whose), None)

    def forget_tenant(self, tenant_id: str) -> None:
        """Drop all series of a deleted tenant; what is told of it late is not shown again."""
        self._gone.add(tenant_id)
        for whose in {whose for _, whose in self._series if whose.tenant_id == tenant_id}:
            self.forget(whose)
        self.tallies.forget_tenant(tenant_id)
        self._refusals.forget(tenant_id)

    # --- one account ---

    def sent(self, whose: Labels, n: int = 1) -> None:
        if self._count(self._sent, whose, n):
            self.tallies.sent(whose.tenant_id, whose.account_id, n)

    def error(self, whose: Labels, n: int = 1) -> None:
        if self._count(self._errors, whose, n):
            self.tallies.failed(whose.tenant_id, whose.account_id, n)

    def deferred(self, whose: Labels, n: int = 1) -> None:
        if self._count(self._deferred, whose, n):
            self.tallies.deferred(whose.tenant_id, whose.account_id, n)

    def rate_limited(self, whose: Labels, n: int = 1) -> None:
        self._count(self._rate_limited, whose, n)

    def in_doubt(self, whose: Labels, n: int = 1) -> None:
        self._count(self._in_doubt, whose, n)

    def trouble(self, whose: Labels, words: str) -> None:
        """What was refused last of the account, in the words of whoever refused it."""
        if whose.tenant_id not in self._gone:
            self.tallies.trouble(whose.tenant_id, whose.account_id, words)

    # --- the instance ---

    def refused(
        self,
        limit: str,
        tenant_id: str | None = None,
        tenant_name: str | None = None,
        n: int = 1,
    ) -> None:
        """A limit refused `n` messages, or requests; without a tenant: of nobody that is known."""
        if tenant_id not in self._gone:
            self._refusals.count(limit, tenant_id, tenant_name, n)

    def lease_lost(self, n: int = 1) -> None:
        self._lease_lost.inc(n)

    def attempt(self, seconds: float) -> None:
        """One delivery attempt ended, well or not."""
        self._attempt_seconds.observe(seconds)
        self.attempts.observe(seconds)

    def attachment_failed(self, *, is_permanent: bool) -> None:
        """A message ended, or was put off, for want of an attachment."""
        self._attachment_failures.labels("permanent" if is_permanent else "temporary").inc()

    def attachments_here(self, seconds: float) -> None:
        """All attachments of one message were brought."""
        self._letter_seconds.observe(seconds)

    def report(self, seconds: float) -> None:
        """One post of reports ended, well or not."""
        self._report_seconds.observe(seconds)

    def reported(self, n: int) -> None:
        """`n` events were acknowledged."""
        self._reports.labels("reported").inc(n)

    def report_refused(self, n: int) -> None:
        """`n` events were not acknowledged; they come again."""
        self._reports.labels("refused").inc(n)

    def report_parked(self, n: int) -> None:
        """`n` events were given up and wait for a person."""
        self._reports.labels("parked").inc(n)

    def report_dropped(self, n: int) -> None:
        """`n` events were settled without a receiver."""
        self._reports.labels("dropped").inc(n)

    def large_file(self, outcome: str, n: int = 1) -> None:
        """One of LARGE_FILE_OUTCOMES."""
        self._large_files.labels(outcome).inc(n)

    def render(self) -> str:
        """All series in Prometheus' text format 0.0.4 (`CONTENT_TYPE`)."""
        return generate_latest(_WithoutCreated(self._registry)).decode("utf-8")

    @property
    def _account_counters(self) -> tuple[Counter, ...]:
        return (self._sent, self._errors, self._deferred, self._rate_limited, self._in_doubt)

    def _declare(self, whose: Labels) -> None:
        for counter in self._account_counters:
            self._series[counter, whose] = counter.labels(*whose, whose.account_id)

    def _count(self, counter: Counter, whose: Labels, n: int) -> bool:
        """False where its tenant is deleted."""
        series = self._series.get((counter, whose))
        if series is None and whose.tenant_id in self._gone:
            return False
        if series is None:  # forgotten, or never declared
            self._declare(whose)
            series = self._series[counter, whose]
        series.inc(n)
        return True

    def _per_account(self, name: str, text: str) -> Counter:
        return Counter(name, text, LABELS, registry=self._registry)


class _WithoutCreated(Collector):
    """A registry without `_created` series.

    The library can leave them out for the whole process only, and we may be embedded in a program
    that wants its own.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        for metric in self._registry.collect():
            metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
            yield metric
