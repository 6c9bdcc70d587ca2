"""Accepting, draining, latency: what each run measures on a fresh instance."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from mail_proxy.bench.attachments import measure_attachments
from mail_proxy.bench.children import Child
from mail_proxy.bench.figures import Figures, percentile
from mail_proxy.bench.plan import BenchFailed, Plan
from mail_proxy.bench.stand import CONNECTIONS, Stand, add_account
from mail_proxy.bench.usage import cpu_s, forget_peak, peak_mb

SINGLE_CLIENTS = 32
BATCH, BATCH_CLIENTS = 100, 4
DRAINING_CLIENTS = 8
IDLE_POSTS = 200
_IDLE_PAUSE_S = 0.01  # the message before has long left by then


def measure_accept(stand: Stand, plan: Plan, figures: Figures) -> None:
    """Single posts and batches, while nothing is sent."""
    stand.suspend()
    for name, batch, clients in (
        ("accept_single", 1, SINGLE_CLIENTS),
        ("accept_batch", BATCH, BATCH_CLIENTS),
    ):
        used_s = cpu_s(stand.pid)
        count = plan.messages // batch * batch
        told = stand.post(count, batch=batch, clients=clients)
        figures.add(f"{name}_rate", count / told["elapsed_s"])
        figures.add(f"{name}_cpu_us", (cpu_s(stand.pid) - used_s) / count * 1e6)
        if batch == 1:
            figures.add(f"{name}_p50_ms", statistics.median(told["took_s"]) * 1000)
            figures.add(f"{name}_p99_ms", percentile(told["took_s"], 99) * 1000)


def measure_drain(stand: Stand, plan: Plan, figures: Figures) -> None:
    """Twice `messages` at once, then the same mail server without us."""
    stand.suspend()
    stand.fill_to(2 * plan.messages)
    waiting = stand.pending()
    forget_peak(stand.pid)
    came = stand.received()
    used_s, began = cpu_s(stand.pid), time.perf_counter()
    stand.activate()
    stand.wait_until_received(came + waiting)
    stand.wait_until_empty()  # the last results are written too
    ended = time.perf_counter()
    rate = waiting / (ended - began)
    stand.wait_for_reports()
    figures.add("drain_rate", rate)
    figures.add("drain_cpu_us", (cpu_s(stand.pid) - used_s) / waiting * 1e6)
    figures.add("drain_peak_mb", peak_mb(stand.pid))
    figures.add("reports_behind_ms", (time.perf_counter() - ended) * 1000)
    stand.check_mail()
    stand.say("raw clients")
    figures.add("drain_to_raw", rate / _measure_raw(stand, plan, figures, "aiosmtplib", "raw"))
    figures.add("drain_to_session", rate / _measure_raw(stand, plan, figures, "session", "session"))


def _measure_raw(stand: Stand, plan: Plan, figures: Figures, client: str, name: str) -> float:
    where = stand.mail.ask("where")
    count = 2 * plan.messages
    with Child("raw") as raw:
        told = raw.ask("send", client=client, count=count, connections=CONNECTIONS, **where)
    stand.raw["messages"] += count
    stand.raw["bytes"] += told["bytes"]
    stand.check_mail()
    rate = float(count / told["elapsed_s"])
    figures.add(f"{name}_rate", rate)
    figures.add(f"{name}_cpu_us", told["cpu_s"] / count * 1e6)
    return rate


def measure_latency(stand: Stand, plan: Plan, figures: Figures) -> None:
    """One post at a time on an idle daemon, and the way of its message; then while it is busy."""
    stand.activate()
    stand.wait_until_empty()
    with Child("mail", "builtin") as stamping:
        add_account(stand.control, "stamped", stamping.ask("where"), connections=CONNECTIONS)
        told = stand.post(IDLE_POSTS, account="stamped", pause_s=_IDLE_PAUSE_S)
        stand.wait_until_empty()
        stamps = stamping.ask("mail_at")["mail_at"]
    if len(stamps) != IDLE_POSTS:
        raise BenchFailed(f"{IDLE_POSTS} messages were posted and {len(stamps)} came")
    figures.add("post_idle_p50_ms", statistics.median(told["took_s"]) * 1000)
    figures.add("post_idle_p99_ms", percentile(told["took_s"], 99) * 1000)
    ways = [at - began for at, began in zip(stamps, told["began"], strict=True)]
    figures.add("mail_from_ms", statistics.median(ways) * 1000)
    _measure_busy(stand, plan, figures)


def _measure_busy(stand: Stand, plan: Plan, figures: Figures) -> None:
    """Eight clients post while a queue is being sent; only posts of that time count."""
    stand.suspend()
    stand.fill_to(2 * plan.messages)
    stand.activate()
    told = stand.post(max(plan.messages // 4, 100), clients=DRAINING_CLIENTS)
    if not stand.pending():
        stand.say("the queue was empty before the posts ended: take more --messages")
    figures.add("post_draining_p99_ms", percentile(told["took_s"], 99) * 1000)
    stand.wait_until_empty()
    stand.wait_for_reports()
    stand.check_mail()


def measure_pipelining(stand: Stand, _plan: Plan, figures: Figures) -> None:
    """One connection over a long way, with PIPELINING and without."""
    rates: list[float] = []
    for name, without in (("pipelined_rate", ""), ("unpipelined_rate", "PIPELINING")):
        with Child("mail", "builtin", "0.05", without) as far:
            add_account(stand.control, name, far.ask("where"), connections=1)
            rates.append(_rate_of(stand, name, far))
        figures.add(name, rates[-1])
    figures.add("pipelining_gain", rates[0] / rates[1])


_FAR_MESSAGES = 20


def _rate_of(stand: Stand, account: str, far: Child) -> float:
    """Of one account alone, from the first MAIL to the last."""
    stand.suspend()
    stand.post(_FAR_MESSAGES, batch=_FAR_MESSAGES, account=account)
    stand.activate()
    stand.wait_until_empty()
    stamps = far.ask("mail_at")["mail_at"]
    if len(stamps) != _FAR_MESSAGES:
        raise BenchFailed(f"{_FAR_MESSAGES} messages were posted and {len(stamps)} came")
    return float((_FAR_MESSAGES - 1) / (stamps[-1] - stamps[0]))


BY_NAME: dict[str, Callable[[Stand, Plan, Figures], Any]] = {
    "accept": measure_accept,
    "drain": measure_drain,
    "latency": measure_latency,
    "pipelining": measure_pipelining,
    "attachments": measure_attachments,
}
