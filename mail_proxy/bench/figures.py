"""What is measured, what it should reach, and how several runs become one figure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    unit: `/s`, `MB/s`, `ms`, `us` (microseconds), `MB`, `%` (of a core), or `x` for a ratio.
    at_least, beyond: what it should reach, and what would be better still; None: told only.
    """

    name: str
    title: str
    unit: str
    at_least: float | None = None
    beyond: float | None = None

    @property
    def more_is_better(self) -> bool:
        return self.unit in ("/s", "MB/s") or self.name in _RATIOS_OF_SPEED

    def reaches(self, value: float, goal: float | None) -> bool | None:
        """None where there is no goal."""
        if goal is None:
            return None
        return value >= goal if self.more_is_better else value <= goal


_RATIOS_OF_SPEED = frozenset(
    {"drain_to_raw", "drain_to_session", "pipelining_gain", "watched_drain"}
)

FIGURES = (
    Figure("help_ms", "mail-proxy --help", "ms", 150),
    Figure("list_ms", "mail-proxy list", "ms", 200),
    Figure("complete_ms", "mail-proxy __complete, as for the Tab key", "ms", 30),
    Figure("stats_ms", "mail-proxy NAME stats", "ms", 250),
    Figure("top_ms", "mail-proxy NAME top, to its first numbers", "ms", 500),
    Figure("start_ms", "start to healthy", "ms", 1500),
    Figure("idle_mb", "memory, idle", "MB", 90),
    Figure("accept_single_rate", "accept, single posts, 32 clients", "/s", 4000, 6000),
    Figure("accept_single_p50_ms", "  p50", "ms"),
    Figure("accept_single_p99_ms", "  p99", "ms", 25),
    Figure("accept_single_cpu_us", "  CPU of the daemon a message", "us"),
    Figure("accept_batch_rate", "accept, batches of 100, 4 clients", "/s", 12_000, 20_000),
    Figure("accept_batch_cpu_us", "  CPU of the daemon a message", "us"),
    Figure("drain_rate", "drain, 10 connections, with reports", "/s", 3000, 6000),
    Figure("drain_cpu_us", "  CPU of the daemon a message", "us"),
    Figure("drain_peak_mb", "  memory at the peak", "MB", 200),
    Figure("reports_behind_ms", "  last report after the last mail", "ms"),
    Figure("raw_rate", "raw aiosmtplib, same receiver", "/s"),
    Figure("raw_cpu_us", "  CPU a message", "us"),
    Figure("session_rate", "raw session of our own, same receiver", "/s"),
    Figure("session_cpu_us", "  CPU a message", "us"),
    Figure("drain_to_raw", "drain / raw aiosmtplib", "x", 0.5),
    Figure("drain_to_session", "drain / raw session", "x"),
    Figure("post_idle_p50_ms", "one post, idle: p50", "ms", 2.5, 1.0),
    Figure("post_idle_p99_ms", "one post, idle: p99", "ms", 6),
    Figure("mail_from_ms", "post to MAIL FROM, idle: median", "ms", 10, 3),
    Figure("post_draining_p99_ms", "one post, 8 clients, draining: p99", "ms", 50, 20),
    Figure("pipelined_rate", "one connection, 50 ms round trips", "/s"),
    Figure("unpipelined_rate", "  without PIPELINING", "/s"),
    Figure("pipelining_gain", "  gain", "x", 1.7),
    Figure("attached_url_rate", "20 mails with 10 MiB each, by URL", "MB/s"),
    Figure("attached_url_peak_mb", "  memory at the peak", "MB", 150),
    Figure("attached_file_rate", "20 mails with 10 MiB each, by file", "MB/s"),
    Figure("attached_file_peak_mb", "  memory at the peak", "MB", 150),
    Figure("attached_base64_rate", "20 mails with 10 MiB each, as base64", "MB/s"),
    Figure("attached_base64_peak_mb", "  memory at the peak", "MB", 150),
    Figure("cache_warm_10k", "10 KiB from the cache / fetched: post to MAIL FROM", "x", 1.0),
    Figure("cache_cold_10k", "  fetched and kept / by a daemon without a cache", "x", 1.05),
    Figure("md5_10k", "  without a cache: its MD5 checked / not", "x"),
    Figure("cache_warm_10m", "10 MiB from the cache / fetched: post to MAIL FROM", "x", 1.0),
    Figure("cache_cold_10m", "  fetched and kept / by a daemon without a cache", "x", 1.05),
    Figure("md5_10m", "  without a cache: its MD5 checked / not", "x"),
    Figure("scale_drain", "deep queue: time to drain a message", "x", 1.5),
    Figure("scale_drain_cpu", "  CPU of the daemon", "x", 1.5),
    Figure("scale_post", "deep queue: one post, p50", "x", 1.5),
    Figure("scale_post_cpu", "  CPU of the daemon", "x", 1.5),
    Figure("scale_list", "deep queue: GET /messages, a page", "x", 1.5),
    Figure("scale_list_cpu", "  CPU of the daemon", "x", 1.5),
    Figure("scale_stats", "deep queue: stats", "x", 1.5),
    Figure("scale_stats_cpu", "  CPU of the daemon", "x", 1.5),
    Figure("watched_drain", "drain with a dashboard open / without", "x", 0.95),
    Figure("watched_drain_rate", "  with it", "/s"),
    Figure("watched_drain_cpu", "  CPU of the daemon", "x"),
    Figure("top_cpu", "  CPU of the dashboard, of a core", "%", 5),
    Figure("top_mb", "  memory of the dashboard", "MB", 80),
    Figure("top_key_p95_ms", "a key in it, draining: p95", "ms", 100),
)

_BY_NAME = {figure.name: figure for figure in FIGURES}


@dataclass(frozen=True, slots=True)
class Result:
    """A figure with the values of its runs; `depth`: of the queue, for those of `scale`."""

    figure: Figure
    values: tuple[float, ...]
    depth: int | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        return min(self.values)

    @property
    def most(self) -> float:
        return max(self.values)

    @property
    def reached(self) -> str:
        """`beyond`, `yes`, `no`, or empty where nothing is asked."""
        if self.figure.reaches(self.median, self.figure.beyond):
            return "beyond"
        is_enough = self.figure.reaches(self.median, self.figure.at_least)
        return "" if is_enough is None else "yes" if is_enough else "no"


class Figures:
    """Gathers what the runs measure."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, int | None], list[float]] = {}

    def add(self, name: str, value: float, *, depth: int | None = None) -> None:
        assert name in _BY_NAME, name
        self._values.setdefault((name, depth), []).append(value)

    def results(self) -> list[Result]:
        """In the order of FIGURES, by depth."""
        order = {figure.name: at for at, figure in enumerate(FIGURES)}
        keys = sorted(self._values, key=lambda key: (order[key[0]], key[1] or 0))
        return [
            Result(_BY_NAME[name], tuple(self._values[name, depth]), depth) for name, depth in keys
        ]


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent do not exceed. values: not empty."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
