"""A backup under load: all that was acknowledged before it is there after it is restored."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from mail_proxy.config.instances import instance_named
from mail_proxy.control.process import start_daemon, stop_daemon
from mail_proxy.sinks.smtp import SmtpSink

pytestmark = pytest.mark.slow

LARGE = base64.b64encode(os.urandom(200_000)).decode()  # goes to the spool
POSTS = 12  # before the backup, and the load goes on while it runs


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    for name in ("my", "again"):
        stop_daemon(instance_named(name, home), force=True)


def run(home: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "mail_proxy", *argv],
        env={**os.environ, "MAIL_PROXY_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, (argv, done.stdout[-500:], done.stderr[-2000:])
    return done


def mail(name: str, *, large: bool) -> dict[str, object]:
    attached = [{"filename": "a.bin", "fetch_mode": "base64", "storage_path": LARGE}]
    return {
        "id": name,
        "tenant_id": "acme",
        "account_id": "main",
        "from": "a@example.com",
        "to": ["bob@example.com"],
        "subject": name,
        "body": "hello",
        **({"attachments": attached} if large else {}),
    }


class Load:
    """Posts until it is told to stop; knows what was acknowledged."""

    def __init__(self, url: str, token: str) -> None:
        self.acknowledged: list[str] = []
        self.enough = asyncio.Event()
        self.is_over = False
        self._url, self._token, self._n = url, token, 0

    async def run(self) -> None:
        while not self.is_over:
            await asyncio.to_thread(self._post)
            if self._n >= POSTS:
                self.enough.set()

    def _post(self) -> None:
        self._n += 1
        mails = [mail(f"m{self._n}-{i}", large=i == 0) for i in range(20)]
        answer = requests.post(
            f"{self._url}/commands/add-messages",
            json={"messages": mails},
            headers={"X-API-Token": self._token},
            timeout=60,
        )
        assert answer.json()["queued"] == 20, answer.text
        self.acknowledged += [str(each["id"]) for each in mails]


async def test_what_was_acknowledged_before_is_there_after(home: Path, tmp_path: Path) -> None:
    info = start_daemon(instance_named("my", home))
    token = run(home, "my", "token").stdout.strip()
    run(home, "my", "tenants", "add", "acme")
    archive = tmp_path / "my.tar"
    async with SmtpSink() as sink:
        where = ["--host", sink.host, "--port", str(sink.port), "--tls-mode", "none"]
        run(home, "my", "acme", "accounts", "add", "main", *where, "--no-input")
        load = Load(info.url, token)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run())
            await load.enough.wait()
            before = list(load.acknowledged)
            await asyncio.to_thread(run, home, "backup", "my", str(archive), "--with-key")
            load.is_over = True
        assert len(load.acknowledged) > len(before) >= POSTS * 20

        await asyncio.to_thread(run, home, "restore", "again", str(archive))
        look = ["acme", "messages", "list", "--limit", "0", "--json"]
        listed = await asyncio.to_thread(run, home, "again", *look)
        assert set(before) <= {message["id"] for message in json.loads(listed.stdout)}
        assert run(home, "again", "token").stdout.strip() == token
        spooled = [path for path in (home / "again" / "spool").rglob("*") if path.is_file()]
        assert len(spooled) >= POSTS

        # And it works: its passwords can be read, and it sends.
        await asyncio.to_thread(run, home, "stop", "my")
        await asyncio.to_thread(run, home, "start", "again")
        await asyncio.to_thread(run, home, "again", "acme", "send", _letter(tmp_path))
        async with asyncio.timeout(60):
            while not any(b"the last one" in m.data for m in sink.messages):
                await sink.wait_for(len(sink.messages) + 1, timeout_s=60)


def _letter(folder: Path) -> str:
    path = folder / "last.eml"
    path.write_text("From: a@example.com\nTo: b@example.com\nSubject: the last one\n\nbody\n")
    return str(path)
