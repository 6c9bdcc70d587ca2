"""`make bench`: how fast an instance accepts and drains on this machine.

A daemon of its own in a throw-away folder, a mail server and a receiver of reports in this process
or, where Postfix's `smtp-sink` is installed, that one. Figures of a shared machine vary: compare
runs in turn, not single numbers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from mail_proxy.config.instances import Instance, instance_named
from mail_proxy.control.http import HttpControl
from mail_proxy.control.process import start_daemon, stop_daemon
from mail_proxy.sinks.reports import PATH, ReportSink
from mail_proxy.sinks.smtp import SmtpSink

BODY = "The quick brown fox jumps over the lazy dog.\n" * 45  # about 2 KiB
CLIENTS = 32
BATCH = 100
SMTP_SINK = shutil.which("smtp-sink", path=os.environ.get("PATH", "") + ":/usr/sbin")


def message(n: int) -> dict[str, Any]:
    return {
        "id": f"b{n}",
        "from": "bench@sender.example",
        "to": ["someone@receiver.example"],
        "subject": f"Benchmark {n}",
        "body": BODY,
    }


@contextlib.asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[str, int, str]]:
    """Host, port and name of what takes the mail."""
    if SMTP_SINK is None:
        async with SmtpSink(keep=False) as sink:
            yield sink.host, sink.port, "built in"
        return
    async with SmtpSink() as placeholder:  # a port that is free now
        port = placeholder.port
    process = await asyncio.create_subprocess_exec(
        SMTP_SINK, "-u", "nobody", f"127.0.0.1:{port}", "1000"
    )
    try:
        await until(lambda: is_open(port))
        yield "127.0.0.1", port, "smtp-sink"
    finally:
        process.terminate()
        await process.wait()


async def is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def until(is_true: Callable[[], Awaitable[bool]], timeout_s: float = 300.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await is_true():  # noqa: ASYNC110 - another process sends us no events
            await asyncio.sleep(0.02)


class Bench:
    def __init__(self, url: str, token: str, control: HttpControl) -> None:
        self._url = f"{url}/commands/add-messages"
        self._headers = {"X-API-Token": token}
        self._control = control
        self._n = 0

    def _take(self, count: int) -> list[dict[str, Any]]:
        taken = [message(n) for n in range(self._n, self._n + count)]
        self._n += count
        return taken

    async def accept(self, total: int, *, batch: int, clients: int) -> tuple[float, list[float]]:
        """Messages a second, and the seconds that each post took."""
        posts = [self._take(batch) for _ in range(total // batch)]
        times: list[float] = []

        async def client(session: aiohttp.ClientSession) -> None:
            while posts:
                body = {"messages": posts.pop()}
                began = time.perf_counter()
                async with session.post(self._url, json=body, headers=self._headers) as answer:
                    assert answer.status == 200, await answer.text()
                    await answer.read()
                times.append(time.perf_counter() - began)

        async with aiohttp.ClientSession() as session:
            began = time.perf_counter()
            await asyncio.gather(*(client(session) for _ in range(clients)))
            return total / (time.perf_counter() - began), times

    async def drain(self) -> float:
        """Messages a second, from `activate` until nothing waits."""
        waiting = (await self._control.call("getStatus"))["pending_messages"]
        began = time.perf_counter()
        await self._control.call("activate")
        await until(self._is_empty)
        return float(waiting) / (time.perf_counter() - began)

    async def _is_empty(self) -> bool:
        status = await self._control.call("getStatus")
        return bool(status["pending_messages"] == 0)


async def run(instance: Instance, total: int) -> None:
    async with mail_server() as (host, port, kind), ReportSink() as reports:
        info = await asyncio.to_thread(start_daemon, instance)
        control = HttpControl(instance.socket_path)
        try:
            answer = await control.call(
                "addTenant", id="acme", client_base_url=reports.base_url, client_sync_path=PATH
            )
            await control.call(
                "addAccount",
                tenant_id="acme",
                id="main",
                host=host,
                port=port,
                tls_mode="none",
                max_connections=10,
            )
            bench = Bench(info.url, answer["api_key"], control)
            print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, ", end="")
            print(f"Python {platform.python_version()}, mail server: {kind}")
            await measure(bench, control, total)
            await reports.wait_for(total * 2, timeout_s=300)
            print(f"reports received      {len(reports.entries):10d}")
        finally:
            await control.aclose()
            await asyncio.to_thread(stop_daemon, instance)


async def measure(bench: Bench, control: HttpControl, total: int) -> None:
    await control.call("suspend")
    rate, times = await bench.accept(total, batch=1, clients=CLIENTS)
    show(f"accept, {CLIENTS} clients", rate, times)
    rate, times = await bench.accept(total, batch=BATCH, clients=4)
    show(f"accept, batches of {BATCH}", rate, times)
    print(f"{'drain':22}{await bench.drain():10.0f} /s")


def show(what: str, rate: float, times: list[float]) -> None:
    p50, p99 = statistics.median(times), statistics.quantiles(times, n=100)[98]
    print(f"{what:22}{rate:10.0f} /s   p50 {p50 * 1000:6.1f} ms   p99 {p99 * 1000:6.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--messages", type=int, default=5000, help="posted singly, and in batches")
    total = parser.parse_args().messages
    with tempfile.TemporaryDirectory(prefix="mail-proxy-bench-") as home:
        os.environ["MAIL_PROXY_HOME"] = home
        asyncio.run(run(instance_named("bench-instance", Path(home)), total))


if __name__ == "__main__":
    main()
