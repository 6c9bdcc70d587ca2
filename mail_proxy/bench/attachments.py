"""Mails with attachments: memory and speed with large ones, and what the cache gives and costs."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from mail_proxy.bench.attached import md5_of, wire_bytes
from mail_proxy.bench.children import Child
from mail_proxy.bench.figures import Figures
from mail_proxy.bench.files import content
from mail_proxy.bench.plan import BenchFailed, Plan
from mail_proxy.bench.stand import CONNECTIONS, Stand, add_account, mail_server_words, wait_until
from mail_proxy.bench.usage import forget_peak, peak_mb

COUNT = 20
LARGE_BYTES = 10 * 2**20
_FILE = "large.bin"
_ROUNDS = {"10k": (10 * 2**10, 40), "10m": (LARGE_BYTES, 10)}  # size, and pairs to take


def measure_attachments(stand: Stand, plan: Plan, figures: Figures) -> None:
    """By URL, by file and posted; then fetched, cold and warm in turns."""
    stand.activate()
    stand.wait_until_empty()
    with Child("files") as files:
        url = files.ask("where")["url"]
        _measure_large(stand, plan, figures, url)
        _measure_cache(stand, figures, url)


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

    def s(self, size_bytes: int, name: str, *, is_cached: bool) -> float:
        told = self.stand.post_attached(
            1,
            clients=1,
            account=self.account,
            path=f"{self.url}/{size_bytes}/{name}",
            size_bytes=size_bytes,
            content_md5=md5_of(size_bytes, name) if is_cached else None,
        )
        stamps: list[float] = []

        def has_come() -> bool:
            stamps.extend(self.mail.ask("mail_at")["mail_at"])
            return bool(stamps)

        wait_until(has_come, "a message did not come")
        self.stand.wait_until_empty()
        return stamps[0] - float(told["began"][0])


def _measure_cache(stand: Stand, figures: Figures, url: str) -> None:
    """Medians over pairs, so that what else the machine does falls on both sides."""
    with Child("mail", "builtin") as mail:
        add_account(stand.control, "stamped-files", mail.ask("where"), connections=1)
        ways = _Ways(stand, mail, url, "stamped-files")
        for label, (size_bytes, rounds) in _ROUNDS.items():
            stand.say(f"attachments: cache, {label}")
            warm, cold = [], []
            for n in range(rounds):
                name = f"{label}-{n}"
                fetched_s = ways.s(size_bytes, name, is_cached=False)
                cold.append(ways.s(size_bytes, name, is_cached=True) / fetched_s)
                warm.append(ways.s(size_bytes, name, is_cached=True) / fetched_s)
            figures.add(f"cache_warm_{label}", statistics.median(warm))
            figures.add(f"cache_cold_{label}", statistics.median(cold))
