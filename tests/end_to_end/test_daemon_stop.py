"""How a daemon ends: gently, within its grace, or at once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.config.lock import DatabaseLock, daemon_of
from mail_proxy.control.process import RunState, daemon_status, start_daemon, stop_daemon
from mail_proxy.control.quick import SocketControl
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.smtp import SmtpSink

pytestmark = pytest.mark.slow

PATIENCE_S = 60.0
IN_FLIGHT = 4  # as many as one account has connections


@pytest.fixture
async def relay() -> AsyncIterator[SmtpSink]:
    async with SmtpSink() as sink:
        yield sink


class Front:
    """A daemon in front, so that its exit code can be seen; ended with the test."""

    def __init__(self, instance: Instance, environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "mail_proxy.daemon", instance.name, "--port", "0"],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._control = SocketControl(instance.socket_path)
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("Listening on ")

    def send(self, relay: SmtpSink, count: int) -> None:
        """Post messages for an account at that relay."""
        self._control.call("addTenant", id="acme")
        self._control.call(
            "addAccount",
            tenant_id="acme",
            id="main",
            host="127.0.0.1",
            port=relay.port,
            use_tls=False,
        )
        message = {"account_id": "main", "from": "a@example.org", "to": ["b@example.org"]}
        answer = self._control.call(
            "addMessages",
            tenant_id="acme",
            messages=[{**message, "id": f"m{n}", "subject": "x"} for n in range(count)],
        )
        assert answer["queued"] == count

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def ended(self) -> tuple[int, str]:
        """Exit code and log."""
        _, log = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, log

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
async def front(instance: Instance, environ: dict[str, str]) -> AsyncIterator[Front]:
    environ = {**environ, "GMP_STOP_GRACE_S": environ.get("GMP_STOP_GRACE_S", "30")}
    started = await asyncio.to_thread(Front, instance, environ)
    yield started
    started.close()


async def _until(is_true: Callable[[], bool]) -> None:
    """Look from a thread: what is waited for happens in another process."""

    def look() -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_true():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    await asyncio.to_thread(look)


async def _until_on_the_wire(relay: SmtpSink, count: int) -> None:
    await _until(lambda: sum(c.line.upper() == "DATA" for c in list(relay.commands)) >= count)


async def test_sigterm_ends_an_idle_daemon_cleanly(front: Front, instance: Instance) -> None:
    front.stop()
    code, log = await asyncio.to_thread(front.ended)

    assert code == 0
    assert "daemon_stopping" in log
    assert "daemon_stopped" in log
    assert "Traceback" not in log
    assert daemon_status(instance).state is RunState.STOPPED
    assert not instance.socket_path.exists()
    DatabaseLock(instance.database_path).acquire("test").release()


async def test_ctrl_c_ends_it_as_well(front: Front) -> None:
    front.stop(signal.SIGINT)

    assert (await asyncio.to_thread(front.ended))[0] == 0


async def test_what_is_on_the_wire_ends_before_the_daemon_does(
    front: Front, relay: SmtpSink, instance: Instance, environ: dict[str, str]
) -> None:
    relay.delay(Stage.DOT, 1.0)
    await asyncio.to_thread(front.send, relay, IN_FLIGHT)
    await _until_on_the_wire(relay, IN_FLIGHT)

    front.stop()
    code, _ = await asyncio.to_thread(front.ended)

    assert code == 0
    assert relay.count == IN_FLIGHT
    await asyncio.to_thread(_start, instance, environ)
    rows = SocketControl(instance.socket_path).call("listMessages", tenant_id="acme")["messages"]
    assert {row["status"] for row in rows} == {"sent"}


async def test_a_second_signal_ends_it_at_once(front: Front, relay: SmtpSink) -> None:
    relay.hang(Stage.DOT)
    await asyncio.to_thread(front.send, relay, 1)
    await _until_on_the_wire(relay, 1)

    front.stop()
    log = await asyncio.to_thread(_read_until, front, "draining")
    front.stop()
    code, _ = await asyncio.to_thread(front.ended)

    assert "daemon_stopping" in log
    assert code == 143


async def test_two_signals_at_once_leave_no_pid_file(front: Front, instance: Instance) -> None:
    # Both are there before the daemon runs again: it has no time to end in order.
    front.stop(signal.SIGSTOP)
    front.stop(signal.SIGTERM)
    front.stop(signal.SIGINT)
    front.stop(signal.SIGCONT)
    code, _ = await asyncio.to_thread(front.ended)

    assert code in (130, 143)
    assert daemon_status(instance).state is RunState.STOPPED


async def test_ctrl_c_during_the_imports_is_no_traceback(
    instance: Instance, environ: dict[str, str], tmp_path: Path
) -> None:
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "sitecustomize.py").write_text(
        "import sys\n"
        "class Tells:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'mail_proxy.daemon.start':\n"
        "            import os, time\n"
        "            os.write(1, b'importing\\n')\n"
        "            time.sleep(60)\n"
        "sys.meta_path.insert(0, Tells())\n"
    )

    def interrupted() -> tuple[int, str]:
        with subprocess.Popen(
            [sys.executable, "-P", "-m", "mail_proxy.daemon", instance.name],
            env={**environ, "PYTHONPATH": str(slow)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "importing\n"
            process.send_signal(signal.SIGINT)
            _, log = process.communicate(timeout=PATIENCE_S)
            return process.returncode, log

    assert await asyncio.to_thread(interrupted) == (-signal.SIGINT, "")


async def test_a_reply_that_never_comes_is_waited_for_only_for_the_grace(
    instance: Instance, environ: dict[str, str], relay: SmtpSink
) -> None:
    front = await asyncio.to_thread(Front, instance, {**environ, "GMP_STOP_GRACE_S": "0.5"})
    try:
        relay.hang(Stage.DOT)
        await asyncio.to_thread(front.send, relay, 1)
        await _until_on_the_wire(relay, 1)

        front.stop()
        began = time.monotonic()
        code, log = await asyncio.to_thread(front.ended)

        assert code == 0
        assert "daemon_stopped" in log
        assert time.monotonic() - began >= 0.5
    finally:
        front.close()


async def test_stop_waits_for_the_end_and_says_so(
    instance: Instance, environ: dict[str, str]
) -> None:
    await asyncio.to_thread(_start, instance, environ)

    assert await asyncio.to_thread(stop_daemon, instance) is True

    assert daemon_of(instance.folder) is None
    assert not instance.pid_path.exists()
    assert "daemon_stopped" in instance.log_path.read_text()


async def test_a_hangup_opens_the_log_anew(instance: Instance, environ: dict[str, str]) -> None:
    info = await asyncio.to_thread(_start, instance, environ)
    moved = instance.log_path.with_name("moved.log")
    instance.log_path.rename(moved)

    os.kill(info.pid, signal.SIGHUP)
    await _until(instance.log_path.exists)
    await asyncio.to_thread(stop_daemon, instance)

    assert "daemon_started" in moved.read_text()
    assert "daemon_stopped" in instance.log_path.read_text()


async def test_a_loop_that_breaks_ends_the_daemon_and_says_why(
    instance: Instance, environ: dict[str, str], tmp_path: Path
) -> None:
    """A daemon that takes mail and sends none would be worse than none."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import asyncio, mail_proxy.delivery.engine as engine\n"
        "async def run(self):\n"
        "    await asyncio.sleep(0.2)\n"
        "    raise KeyError('oops')\n"
        "engine.Engine.run = run\n"
    )
    front = await asyncio.to_thread(Front, instance, {**environ, "PYTHONPATH": str(broken)})
    try:
        code, log = await asyncio.to_thread(front.ended)
    finally:
        front.close()

    assert code == 1
    assert "KeyError" in log
    assert daemon_status(instance).state is RunState.STOPPED


def _start(instance: Instance, environ: dict[str, str]):
    return start_daemon(instance, environ=environ, timeout_s=PATIENCE_S)


def _read_until(front: Front, event: str) -> str:
    """The log up to the line of that event."""
    assert front.process.stderr is not None
    lines = ""
    for line in front.process.stderr:
        lines += line
        if event in line:
            return lines
    raise AssertionError(f"the daemon ended without {event}: {lines}")
