"""Mails with attachments: memory and speed with large ones, and what the cache gives and costs."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from mail_proxy.bench.attached import md5_of, wire_bytes
from mail_proxy.bench.children import Child
from mail_proxy.bench.figures import Figures
from mail_proxy.bench.files import content
from mail_proxy.bench.plan import BenchFailed, Plan
from mail_proxy.bench.stand import (
    CONNECTIONS,
    Stand,
    add_account,
    mail_server_words,
    open_stand,
    wait_until,
)
from mail_proxy.bench.usage import forget_peak, peak_mb

COUNT = 20
LARGE_BYTES = 10 * 2**20
_FILE = "large.bin"
_ROUNDS = {"10k": (10 * 2**10, 120), "10m": (LARGE_BYTES, 20)}  # size, and pairs to take at most
_NO_CACHE = {"GMP_CACHE_MEMORY_MAX_MB": "0", "GMP_CACHE_DISK_MAX_MB": "0"}


def measure_attachments(stand: Stand, plan: Plan, figures: Figures) -> None:
    """By URL, by file and posted; then fetched, cold and warm in turns."""
    stand.activate()
    stand.wait_until_empty()
    with Child("files") as files:
        url = files.ask("where")["url"]
        _measure_large(stand, plan, figures, url)
        _measure_cache(stand, plan, figures, url)


def _measure_large(stand: Stand, plan: Plan, figures: Figures, url: str) -> None:
    """All at once, from the first post to the last result."""
    stand.attachments.mkdir(mode=0o700, parents=True, exist_ok=True)
    (stand.attachments / _FILE).write_bytes(content(LARGE_BYTES, _FILE))
    places = {"url": f"{url}/{LARGE_BYTES}/large", "file": str(stand.attachments / _FILE)}
    for name, path in (*places.items(), ("base64", None)):
        stand.say(f"attachments: {name}")
        account = f"large-{name}"
        words = mail_server_words(plan, stand.folder, f"counters-{name}")
        with Child("mail", *words) as mail:
            add_account(stand.control, account, mail.ask("where"), connections=CONNECTIONS)
            forget_peak(stand.pid)
            began = time.perf_counter()
            stand.post_attached(
                COUNT, clients=COUNT, account=account, path=path, size_bytes=LARGE_BYTES
            )
            stand.wait_until_empty()
            elapsed_s = time.perf_counter() - began
            figures.add(f"attached_{name}_rate", COUNT * LARGE_BYTES / elapsed_s / 1e6)
            figures.add(f"attached_{name}_peak_mb", peak_mb(stand.pid))
            _check(mail)


def _check(mail: Child) -> None:
    counted = mail.ask("count")
    if counted["messages"] != COUNT:
        raise BenchFailed(f"{COUNT} messages were sent and {counted['messages']} came")
    if counted["bytes"] is not None and counted["bytes"] < COUNT * wire_bytes(LARGE_BYTES):
        raise BenchFailed(f"the mail server counted {counted['bytes']} bytes: too few")


@dataclass
class _Ways:
    """How long one message takes from its post to its MAIL FROM."""

    stand: Stand
    mail: Child
    url: str
    account: str

    def s(self, size_bytes: int, name: str, *, with_md5: bool) -> float:
        told = self.stand.post_attached(
            1,
            clients=1,
            account=self.account,
            path=f"{self.url}/{size_bytes}/{name}",
            size_bytes=size_bytes,
            content_md5=md5_of(size_bytes, name) if with_md5 else None,
        )
        stamps: list[float] = []

        def has_come() -> bool:
            stamps.extend(self.mail.ask("mail_at")["mail_at"])
            return bool(stamps)

        wait_until(has_come, "a message did not come")
        self.stand.wait_until_empty()
        return stamps[0] - float(told["began"][0])


def _measure_cache(stand: Stand, plan: Plan, figures: Figures, url: str) -> None:
    """Medians over pairs, so that what else the machine does falls on both sides.

    What a cold cache costs is told by a second daemon that has none, and is sent the same messages:
    their MD5 is checked by both. What that costs is told apart.
    """
    with (
        open_stand(plan, stand.say, settings=_NO_CACHE) as bare_stand,
        _ways(stand, url) as cached,
        _ways(bare_stand, url) as bare,
    ):
        for label, (size_bytes, rounds) in _ROUNDS.items():
            stand.say(f"attachments: cache, {label}")
            pairs = _Pairs()
            for n in range(min(rounds, plan.messages // 40)):
                pairs.take(cached, bare, size_bytes, f"{label}-{n}")
            figures.add(f"cache_warm_{label}", statistics.median(pairs.warm))
            figures.add(f"cache_cold_{label}", statistics.median(pairs.cold))
            figures.add(f"md5_{label}", statistics.median(pairs.md5))


@contextlib.contextmanager
def _ways(stand: Stand, url: str) -> Iterator[_Ways]:
    with Child("mail", "builtin") as mail:
        add_account(stand.control, "stamped-files", mail.ask("where"), connections=1)
        yield _Ways(stand, mail, url, "stamped-files")


@dataclass
class _Pairs:
    """Times of one message over those of another.

    warm: from the cache / fetched without an MD5. cold: fetched and kept / fetched with its MD5 by
    a daemon without a cache, each over what that daemon takes to fetch without an MD5: two daemons
    differ by some hundredths. md5: the same of the daemon without a cache.
    """

    warm: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    md5: list[float] = field(default_factory=list)

    def take(self, cached: _Ways, bare: _Ways, size_bytes: int, name: str) -> None:
        """One of each; which daemon comes first changes from one to the next."""
        ways = (cached, bare) if len(self.cold) % 2 else (bare, cached)
        took = {id(way): _plain_and_checked(way, size_bytes, name) for way in ways}
        (fetched_s, kept_s), (plain_s, checked_s) = took[id(cached)], took[id(bare)]
        self.cold.append((kept_s / fetched_s) / (checked_s / plain_s))
        self.md5.append(checked_s / plain_s)
        self.warm.append(cached.s(size_bytes, name, with_md5=True) / fetched_s)


def _plain_and_checked(way: _Ways, size_bytes: int, name: str) -> tuple[float, float]:
    """Seconds of a message without an MD5, and of one with. One before them wakes the daemon up."""
    way.s(size_bytes, name, with_md5=False)
    plain_s = way.s(size_bytes, name, with_md5=False)
    return plain_s, way.s(size_bytes, name, with_md5=True)
