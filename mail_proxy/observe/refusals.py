"""What was not taken in, by the limit that refused it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from mail_proxy.observe.labels import labels

MAX_QUEUED = "max_queued"  # counted in messages, the others in requests
MAX_REQUESTS = "max_requests_per_minute"
MAX_FAILED_LOGINS = "max_failed_logins_per_minute"  # of no tenant
LIMITS = (MAX_QUEUED, MAX_REQUESTS, MAX_FAILED_LOGINS)


class Refusals:
    """One counter; what is refused names nobody but its tenant, for anybody may be refused."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counter = Counter(
            "gmp_intake_refused",
            "Messages (max_queued) and requests that were refused for a limit.",
            ("tenant_id", "tenant_name", "limit"),
            registry=registry,
        )
        self._shown: set[tuple[str, str, str]] = set()
        for limit in LIMITS:
            self.count(limit, None, None, 0)

    def count(self, limit: str, tenant_id: str | None, tenant_name: str | None, n: int) -> None:
        found = labels(tenant_id, tenant_name)
        series = (found.tenant_id, found.tenant_name, limit)
        self._shown.add(series)
        self._counter.labels(*series).inc(n)

    def forget(self, tenant_id: str) -> None:
        for series in [series for series in self._shown if series[0] == tenant_id]:
            self._shown.discard(series)
            self._counter.remove(*series)
