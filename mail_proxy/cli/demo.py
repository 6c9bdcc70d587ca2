"""`mail-proxy demo`: the main job on a throw-away instance, shown as it happens.

A real daemon, a real SMTP server and a real receiver of reports, all on loopback. Eight messages
are posted over REST with the tenant's token; the server takes six, refuses one for good, and puts
one off for a few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from mail_proxy.cli.demo_view import DemoView
from mail_proxy.cli.unwinding import unwound_by_signals
from mail_proxy.config.instances import Instance, home, instance_named
from mail_proxy.control.http import HttpControl
from mail_proxy.control.process import start_daemon, stop_daemon
from mail_proxy.domain.errors import Conflict, MailProxyError
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.reports import PATH, ReportSink
from mail_proxy.sinks.smtp import SmtpSink

NAME = "playground"
TENANT = "acme"
ACCOUNT = "smtp-main"
PATIENCE_S = 60.0
STEP_S = 0.3  # the server takes its time over each message, so that one can watch
_LOOK_S = 0.1

PEOPLE = (
    ("invoice-1", "ann@example.com", "Your invoice 2026-101", 2),
    ("invoice-2", "bob@example.com", "Your invoice 2026-102", 2),
    ("invoice-3", "nobody@example.com", "Your invoice 2026-103", 2),
    ("invoice-4", "greylisted@example.com", "Your invoice 2026-104", 2),
    ("reset-1", "carol@example.com", "Reset your password", 0),
    ("news-1", "dave@example.com", "Our news in November", 3),
    ("news-2", "erin@example.com", "Our news in November", 3),
    ("receipt-1", "frank@example.com", "Thank you for your order", 1),
)


def run_demo(*, keep: bool) -> int:
    """Run it all; 0 when every message ended as it was meant to."""
    view = DemoView(Console(highlight=False))
    with unwound_by_signals(), _instance(keep=keep) as instance, _daemon(instance, view) as url:
        return asyncio.run(_run(instance, url, view, keep=keep))


@contextlib.contextmanager
def _instance(*, keep: bool) -> Iterator[Instance]:
    """In a folder that goes at the end, or where all instances are."""
    if keep:
        instance = instance_named(NAME, home())
        if instance.exists():
            raise Conflict(
                f"there is an instance '{NAME}' already", hint=f"mail-proxy delete {NAME}"
            )
        yield instance
        return
    root = Path(tempfile.mkdtemp(prefix="mail-proxy-demo-"))
    try:
        yield instance_named(NAME, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextlib.contextmanager
def _daemon(instance: Instance, view: DemoView) -> Iterator[str]:
    """The URL of a running instance; it is stopped again whatever happens."""
    # What is set for the reader's own instances is not for this one.
    environ = {name: text for name, text in os.environ.items() if not name.startswith("GMP_")}
    environ["MAIL_PROXY_HOME"] = str(instance.folder.parent)
    try:
        info = start_daemon(instance, environ=environ)
        view.step("A daemon of its own")
        view.say(f"pid {info.pid}, {info.url}")
        yield info.url
    finally:
        stop_daemon(instance)


async def _run(instance: Instance, url: str, view: DemoView, *, keep: bool) -> int:
    async with SmtpSink() as relay, ReportSink() as application:
        relay.delay(Stage.DOT, STEP_S)
        relay.answer(Stage.RCPT, "550 5.1.1 no such user here", recipient="nobody@example.com")
        relay.answer(
            Stage.RCPT,
            "451 4.7.1 greylisted, try again soon",
            recipient="greylisted@example.com",
            times=1,
        )
        view.say(f"mail server 127.0.0.1:{relay.port}, application {application.url}")
        return await _main_job(instance, url, relay, application, view, keep=keep)


async def _main_job(
    instance: Instance,
    url: str,
    relay: SmtpSink,
    application: ReportSink,
    view: DemoView,
    *,
    keep: bool,
) -> int:
    control = HttpControl(instance.socket_path)
    try:
        key = await _prepare(control, relay, application, view)
        await _post(url, key, view)
        messages = await _watch(control, view)
        view.step("What the application was told, as POSTed to its sync URL")
        await application.wait_for(len(PEOPLE) + 1, timeout_s=PATIENCE_S)
        view.reports(application.entries)
        view.totals(messages, relay.count)
        view.go_on(NAME, TENANT, is_kept=keep)
    finally:
        await control.aclose()
    statuses = sorted(message["status"] for message in messages)
    return 0 if statuses == ["error"] + ["sent"] * (len(PEOPLE) - 1) else 1


async def _prepare(
    control: HttpControl, relay: SmtpSink, application: ReportSink, view: DemoView
) -> str:
    answer = await control.call(
        "addTenant",
        id=TENANT,
        name="Acme Ltd",
        client_base_url=application.base_url,
        client_sync_path=PATH,
    )
    view.step(f"A tenant: {TENANT}, and its account {ACCOUNT}")
    await control.call(
        "addAccount",
        tenant_id=TENANT,
        id=ACCOUNT,
        host=relay.host,
        port=relay.port,
        tls_mode="none",
        max_connections=1,
        retry_delays=[3, 3, 3],
    )
    view.say(f"{ACCOUNT} sends through {relay.host}:{relay.port}")
    return str(answer["api_key"])


async def _post(url: str, key: str, view: DemoView) -> None:
    """The application's part: one POST with the tenant's token."""
    messages = [
        {
            "id": id_,
            "from": "Acme Billing <billing@acme.example>",
            "to": [to],
            "subject": subject,
            "body": f"Hello!\n\n{subject}.\n",
            "priority": priority,
        }
        for id_, to, subject, priority in PEOPLE
    ]
    async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
        answer = await client.post(
            f"{url}/commands/add-messages",
            json={"messages": messages},
            headers={"X-API-Token": key},
        )
    if answer.status_code != httpx.codes.OK:
        raise MailProxyError(f"the post was refused: {answer.text}")
    view.step(f"POST {url}/commands/add-messages, {len(messages)} messages")
    view.say(answer.text)


async def _watch(control: HttpControl, view: DemoView) -> list[dict[str, Any]]:
    """Show the queue until every message has ended."""
    view.step("The queue, as it moves")
    async with asyncio.timeout(PATIENCE_S):
        with view.live() as show:
            while True:
                answer = await control.call("listMessages", tenant_id=TENANT, limit=100)
                messages: list[dict[str, Any]] = answer["messages"]
                show(messages)
                if all(message["status"] in ("sent", "error") for message in messages):
                    return messages
                await asyncio.sleep(_LOOK_S)
