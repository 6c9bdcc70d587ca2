"""What one benchmark is asked to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mail_proxy.domain.errors import MailProxyError

MEASURES = (
    "startup",
    "accept",
    "drain",
    "latency",
    "pipelining",
    "attachments",
    "scale",
    "dashboard",
)

Say = Callable[[str], None]  # what is being done now, for who waits


class BenchFailed(MailProxyError):
    """A measure went wrong, or what came does not fit what was sent: its figures are void."""

    code = "bench_failed"


@dataclass(frozen=True, slots=True)
class Plan:
    """One benchmark.

    messages: posted singly, and again in batches, in each run; at least 200.
    only: some of MEASURES. runs: of each measure but `scale` and `dashboard`, which run once.
    scale: another depth of the queue for these two, beyond 100,000; None: no other.
    smtp_sink: the mail server: a path of Postfix's `smtp-sink`, `builtin`, or None: what is there.
    """

    messages: int = 5000
    only: tuple[str, ...] = MEASURES
    runs: int = 3
    scale: int | None = None
    smtp_sink: str | None = None

    @property
    def depths(self) -> tuple[int, ...]:
        """How much is queued at each step of `scale`, rising; a small benchmark has small steps."""
        steps = {min(1000, self.messages), min(100_000, 20 * self.messages)}
        return tuple(sorted(steps | ({self.scale} if self.scale else set())))
