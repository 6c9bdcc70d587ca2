"""The commands of the manual are typed, page by page and in their order, on a real instance."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import socket
import stat
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.reports import ReportSink
from mail_proxy.sinks.smtp import SmtpSink
from tests.faults.installation import Installation, until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LIMIT_S = 120
USER, PASSWORD = "me@example.com", "right"
# What has one of these in it is for a person who watches, or needs what a test does not have.
NOT_TYPED = (
    "mail-proxy bench",
    "mail-proxy demo",
    "mail-proxy listen",
    "mail-proxy serve",
    "logs -f",
    "myserver connect",
    "myserver top",
    "replay 5123",
    "--port 8001",
)


@dataclass
class Desk:
    """A folder and a shell, with `mail-proxy` on its path; who sits there says yes to all."""

    folder: Path
    environ: dict[str, str]
    relay: SmtpSink
    api_port: int
    application: ReportSink

    def translated(self, block: str) -> str:
        """With this machine's mail server, application and port for those of the manual."""
        relay = f"--host {self.relay.host} --port {self.relay.port}"
        for ours, theirs in (
            ("--host smtp.example.com --port 587", relay),
            ("http://127.0.0.1:8900", self.application.base_url),
            ("127.0.0.1:8000", f"127.0.0.1:{self.api_port}"),
            ("/backups/", f"{self.folder}/"),
            ("mail-proxy start myserver\n", f"mail-proxy start myserver --port {self.api_port}\n"),
        ):
            block = block.replace(ours, theirs)
        return block

    async def type(self, text: str) -> str:
        """What it prints. Raises AssertionError unless each command of it succeeds."""
        shell = await asyncio.create_subprocess_exec(
            "bash",
            *("-euo", "pipefail", "-c", text),
            cwd=self.folder,
            env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(LIMIT_S):
            out, _ = await shell.communicate()
        assert shell.returncode == 0, f"{text}\n{out.decode()}"
        return out.decode()


@pytest.fixture
async def desk(tmp_path: Path, instance: Instance, environ: dict[str, str]) -> AsyncIterator[Desk]:
    program = tmp_path / "bin" / "mail-proxy"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mail_proxy -y "$@"\n')
    program.chmod(stat.S_IRWXU)
    password = tmp_path / "password.txt"
    password.write_text(f"{PASSWORD}\n")
    password.chmod(stat.S_IRUSR | stat.S_IWUSR)
    given = {
        **environ,
        "PATH": f"{program.parent}:{environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "SHELL": "/bin/bash",
    }
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    async with SmtpSink(users={USER: PASSWORD}) as relay, ReportSink() as reports:
        yield Desk(tmp_path, given, relay, port, reports)


def blocks(page: str) -> list[str]:
    """The shell blocks of a page."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return _typed(re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE))


def commands(page: str) -> list[str]:
    """The commands in the running text of a page."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return _typed(f"{line}\n" for line in re.findall(r"`(mail-proxy [^`]+)`", text))


def _typed(found: Iterable[str]) -> list[str]:
    return [text for text in found if not any(words in text for words in NOT_TYPED)]


async def test_the_first_steps_lead_to_a_sent_mail_and_its_report(desk: Desk) -> None:
    steps = blocks("first-steps.md")

    printed = await desk.type("".join(desk.translated(block) for block in steps))

    assert '{"ok":true,"queued":1,"rejected":[]}' in printed
    await desk.relay.wait_for(2, timeout_s=LIMIT_S)
    subjects = {line for mail in desk.relay.messages for line in mail.data.split(b"\r\n")}
    assert b"Subject: Welcome" in subjects


PAGES = [
    "backup.md",
    "concepts.md",
    "faq.md",
    "installation.md",
    "intake.md",
    "monitoring.md",
    "network.md",
    "operations.md",
    "rate-limits.md",
    "reports.md",
    "suppressions.md",
    "troubleshooting.md",
]


@pytest.mark.parametrize("page", PAGES)
async def test_what_a_page_tells_to_type_works(
    page: str, desk: Desk, instance: Instance, environ: dict[str, str]
) -> None:
    main = Installation(instance, environ, desk.relay, desk.application)
    desk.api_port = main.port
    await main.start()
    await main.prepare(in_doubt="hold", user=USER, password=PASSWORD)
    await prepared(main, desk.relay)

    for block in [*blocks(page), *commands(page)]:
        await desk.type(f"KEY={main.key}\n{desk.translated(block)}")


async def prepared(main: Installation, relay: SmtpSink) -> None:
    """The messages that the manual names: one sent, one in doubt."""
    async with aiohttp.ClientSession() as session:
        await main.post(session, ["welcome-1"])
        await main.until_empty()
        relay.drop(Stage.DOT, when="before", times=1)
        await main.post(session, ["2026-1182"])

        async def is_in_doubt() -> bool:
            return (await main.statuses()).get("in_doubt") == 1

        await until(is_in_doubt)
