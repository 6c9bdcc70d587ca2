"""The command line as a person uses it, with real daemons and a real mail server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.config.instances import instance_named
from mail_proxy.control.process import stop_daemon
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.smtp import SmtpSink

pytestmark = pytest.mark.slow

MAIL = "From: a@example.com\nTo: bob@example.com\nSubject: hello\n\nbody\n"
LIMIT_S = 60


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shell:
    """Runs `mail-proxy` as a process, without blocking the mail server of the test."""

    home: Path

    async def __call__(self, *argv: str, piped: str = "") -> Done:
        return await asyncio.to_thread(self.run, *argv, piped=piped)

    def run(self, *argv: str, piped: str = "") -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "mail_proxy", *argv],
            env={**os.environ, "MAIL_PROXY_HOME": str(self.home)},
            input=piped,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    async def until(self, wanted: str, *argv: str) -> Done:
        """Run a line until `wanted` is in what it prints."""
        async with asyncio.timeout(LIMIT_S):
            while wanted not in (done := await self(*argv)).out:
                pass
        return done


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    found = Shell(tmp_path / "home")
    yield found
    for folder in found.home.glob("[a-z]*"):
        stop_daemon(instance_named(folder.name, found.home), force=True)


@pytest.fixture
async def relay() -> AsyncIterator[SmtpSink]:
    async with SmtpSink() as sink:
        yield sink


_ADD_ACCOUNT = ("my", "acme", "accounts", "add", "main", "--no-tls")


async def prepared(shell: Shell, relay: SmtpSink) -> None:
    """An instance that runs, with a tenant and an account."""
    for line in (
        ["start", "my"],
        ["my", "tenants", "add", "acme"],
        [*_ADD_ACCOUNT, "--host", relay.host, "--port", str(relay.port)],
    ):
        done = await shell(*line)
        assert done.code == 0, done


async def test_from_nothing_to_a_sent_mail_and_back(shell: Shell, relay: SmtpSink) -> None:
    started = await shell("start", "my")
    lines = started.out.splitlines()
    assert lines[0] == "Created new instance 'my'"
    assert lines[1].startswith("'my' is running: pid ")
    assert lines[2].startswith("Admin token: mp_")
    await prepared(shell, relay)

    checked = await shell("my", "acme", "accounts", "check", "main", "--json")
    assert (checked.code, checked.json["failed_stage"]) == (0, None)

    sent = await shell("my", "acme", "send", "-", "--id", "first", piped=MAIL)
    assert (sent.code, sent.out) == (0, "Queued as 'first'\n")
    await relay.wait_for(1, timeout_s=LIMIT_S)
    assert b"Subject: hello" in relay.messages[0].data
    assert relay.messages[0].recipients == ("bob@example.com",)

    shown = await shell.until("sent", "my", "acme", "messages", "show", "first", "--json")
    assert shown.json["recipients"][0]["state"] == "accepted"
    assert shown.json["events"][0]["event_type"] == "sent"

    stopped = await shell("stop", "my")
    assert (stopped.code, stopped.out) == (0, "'my' is stopped\n")
    assert (await shell("status", "my")).code == 3
    deleted = await shell("delete", "my", "--confirm", "my")
    assert deleted.code == 0
    assert list(shell.home.iterdir()) == []


async def test_commands_work_with_the_daemon_up_and_down_alike(
    shell: Shell, relay: SmtpSink
) -> None:
    await prepared(shell, relay)
    relay.answer(Stage.RCPT, "550 5.1.1 no such user")
    await shell("my", "acme", "send", "-", "--id", "refused", piped=MAIL)
    await shell.until("error", "my", "acme", "messages", "list")
    lines = (
        ["my", "tenants", "list"],
        ["my", "acme", "accounts", "list"],
        ["my", "acme", "messages", "list", "--csv"],
        ["my", "acme", "messages", "show", "refused"],
        ["my", "acme", "key"],
        ["my", "token"],
    )
    up = [await shell(*line) for line in lines]
    await shell("stop", "my")
    down = [await shell(*line) for line in lines]
    assert [done.out for done in up] == [done.out for done in down]
    assert all(done.code == 0 for done in up + down)
    assert "550" in up[3].out


async def test_mail_posted_while_the_daemon_is_down_goes_when_it_starts(
    shell: Shell, relay: SmtpSink
) -> None:
    await prepared(shell, relay)
    await shell("stop", "my")
    queued = await shell("my", "acme", "send", "-", piped=MAIL)
    assert queued.code == 0
    assert "'my' is not running: mail-proxy start my" in queued.err
    assert relay.count == 0
    await shell("start", "my")
    await relay.wait_for(1, timeout_s=LIMIT_S)


async def test_a_second_start_says_that_it_runs_already(shell: Shell, relay: SmtpSink) -> None:
    await prepared(shell, relay)
    again = await shell("start", "my")
    assert again.code == 0
    assert again.out.startswith("'my' is already running: pid ")


async def test_suspended_mail_waits_and_goes_on_activation(shell: Shell, relay: SmtpSink) -> None:
    await prepared(shell, relay)
    assert (await shell("my", "acme", "suspend", "-y")).code == 0
    await shell("my", "acme", "send", "-", "--id", "held", piped=MAIL)
    listed = await shell("my", "acme", "messages", "list", "--json")
    assert listed.json[0]["state"] == "suspended"
    assert (await shell("my", "acme", "activate")).code == 0
    await relay.wait_for(1, timeout_s=LIMIT_S)


async def test_a_killed_daemon_is_told_and_started_again(shell: Shell, relay: SmtpSink) -> None:
    await prepared(shell, relay)
    (instance,) = (await shell("list", "--json")).json
    os.kill(instance["pid"], signal.SIGKILL)
    dead = await shell.until("dead", "status", "my")
    assert dead.code == 1
    assert (await shell("start", "my")).code == 0
    assert (await shell("status", "my")).code == 0


async def test_errors_are_told_alike_up_and_down(shell: Shell, relay: SmtpSink) -> None:
    await prepared(shell, relay)
    lines = (
        (["my", "acmee", "info"], 4),
        (["my", "acmee", "accounts", "list"], 4),
        (["my", "acmee", "suspend", "-y"], 4),
        (["my", "acme", "accounts", "show", "nope"], 4),
        (["my", "acme", "messages", "show", "nope"], 4),
        (["my", "acme", "messages", "delete", "nope", "-y"], 4),
        (["my", "tenants", "add", "acme"], 7),
    )
    up = [await shell(*line) for line, _ in lines]
    await shell("stop", "my")
    down = [await shell(*line) for line, _ in lines]
    assert [done.code for done in up] == [code for _, code in lines]
    assert [done.err for done in up] == [done.err for done in down]
    assert not any("internal" in done.err for done in up)


def test_a_pipe_that_closes_early_is_no_error(shell: Shell) -> None:
    line = f"{sys.executable} -m mail_proxy --help | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "MAIL_PROXY_HOME": str(shell.home)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
