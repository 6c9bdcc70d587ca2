"""`doctor` at a real instance: in order, without its mail server, and with the daemon down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.config.instances import instance_named
from mail_proxy.control.process import stop_daemon
from mail_proxy.sinks.smtp import SmtpSink

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    stop_daemon(instance_named("my", home), force=True)


def run(home: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mail_proxy", *argv],
        env={**os.environ, "MAIL_PROXY_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def results(home: Path) -> dict[str, Any]:
    found = json.loads(run(home, "doctor", "my", "--json").stdout)
    return {check["check"]: check["result"] for check in found["checks"]}


async def test_a_day_with_the_doctor(home: Path) -> None:
    import asyncio

    assert run(home, "start", "my").returncode == 0
    assert run(home, "my", "tenants", "add", "acme").returncode == 0
    async with SmtpSink() as sink:
        where = ["--host", sink.host, "--port", str(sink.port), "--tls-mode", "none"]
        run(home, "my", "acme", "accounts", "add", "main", *where, "--no-input")
        well = await asyncio.to_thread(results, home)
        assert "FAIL" not in well.values(), well
        assert well["account acme/main"] == "PASS"
        assert (well["daemon"], well["port"], well["version"]) == ("PASS", "PASS", "PASS")

    gone = results(home)
    assert gone["account acme/main"] == "FAIL"
    ran = run(home, "doctor", "my")
    assert ran.returncode == 1
    assert "mail-proxy my acme accounts check main" in ran.stdout

    assert run(home, "stop", "my").returncode == 0
    down = results(home)
    assert (down["daemon"], down["account acme/main"]) == ("WARN", "FAIL")
    assert (down["port"], down["database"]) == ("PASS", "PASS")
