"""One daemon's life inside the event loop: open, serve, wait for the wish to stop, end in order."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial

import mail_proxy
from mail_proxy.api import ApiServer
from mail_proxy.config.pidfile import remove_pid_file
from mail_proxy.config.settings import Settings
from mail_proxy.daemon import heap
from mail_proxy.daemon.address import open_address
from mail_proxy.daemon.plan import Plan
from mail_proxy.daemon.signals import StopRequest, signals_caught
from mail_proxy.observe import events
from mail_proxy.proxy import MailProxy


async def run(plan: Plan) -> None:
    """Returns after a clean stop. The locks are the caller's. Raises MailProxyError."""
    heap.limit()
    request = StopRequest(at_once=partial(remove_pid_file, plan.instance.pid_path))
    with signals_caught(request, on_hangup=plan.open_log if plan.is_background else None):
        _tell_notes(plan.settings)
        async with _serving(plan) as (proxy, api):
            heap.settle()
            _announce(plan, proxy, api)
            await request.wait()
            began = time.monotonic()
            grace_s = plan.settings.delivery.stop_grace_s
            events.daemon_stopping(reason=request.reason, grace_s=grace_s)
        events.daemon_stopped(seconds=time.monotonic() - began)


@asynccontextmanager
async def _serving(plan: Plan) -> AsyncIterator[tuple[MailProxy, ApiServer]]:
    """Everything runs inside the block; after it everything has ended, in order."""
    with closing(await asyncio.to_thread(_listen, plan)) as tcp:
        async with await MailProxy.open(plan.settings) as proxy:
            api = ApiServer(proxy, plan.settings, tcp)
            await api.start()
            proxy.listens_at(api.url.partition("://")[2])
            try:
                proxy.start()
                yield proxy, api
            finally:
                remove_pid_file(plan.instance.pid_path)
                # Together: no request comes in any more while what is on the wire ends.
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(api.stop(), name="stop the API")
                    tasks.create_task(proxy.stop(), name="drain")


def _listen(plan: Plan) -> socket.socket:
    """First of all: an address that cannot be had is refused before a database is made."""
    tcp = open_address(plan.settings, plan.instance, is_named=plan.is_named)
    plan.keep_address(tcp.getsockname()[1])
    return tcp


def _announce(plan: Plan, proxy: MailProxy, api: ApiServer) -> None:
    """Tell the world that it may come, and leave the folder of whoever started us."""
    plan.write_pid(port=api.port, url=api.url, warnings=_warnings(plan, proxy))
    os.chdir("/")  # so that no file system is kept busy
    events.daemon_started(
        name=plan.settings.name,
        url=api.url,
        pid=os.getpid(),
        version=mail_proxy.__version__,
        database=str(plan.settings.database_path),
    )
    plan.readiness.started(api.url)
    if not plan.is_background:
        _print_address(proxy, api)


def _warnings(plan: Plan, proxy: MailProxy) -> list[str]:
    if not proxy.secrets_problem:
        return []
    lost = (
        f"{proxy.secrets_problem}. Nothing is deleted, but until the key is back accounts with a "
        "password send nothing, and each start has an admin token of its own. "
        f"Put the key back, then: mail-proxy restart {plan.settings.name}; "
        f"or, when it is gone for good: mail-proxy {plan.settings.name} rotate-key --lost"
    )
    return [lost]


def _print_address(proxy: MailProxy, api: ApiServer) -> None:
    print(f"Listening on {api.url}")
    if proxy.has_new_token:
        print(f"Admin token, shown this once: {proxy.admin_token}")
    sys.stdout.flush()


def _tell_notes(settings: Settings) -> None:
    for note in settings.notes:
        events.setting_ignored(note)
    if settings.scheduler_active is False:
        events.starts_suspended()
