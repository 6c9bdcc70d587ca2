"""A daemon is started, answers, and is one of its kind."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mail_proxy.config.file import read_config
from mail_proxy.config.instances import Instance
from mail_proxy.config.lock import DatabaseLock, daemon_of
from mail_proxy.config.pidfile import DaemonInfo, read_pid_file, write_pid_file
from mail_proxy.config.processes import find_process
from mail_proxy.control.process import (
    AlreadyRunning,
    RunState,
    daemon_status,
    running_daemon,
    start_daemon,
    stop_daemon,
    wait_for_daemon,
)
from mail_proxy.control.quick import SocketControl
from mail_proxy.domain.errors import ConfigurationError, ForeignDatabase, Locked, MailProxyError

pytestmark = pytest.mark.slow

PATIENCE_S = 60.0  # a start takes a second; machines that run tests may be busy


def start(instance: Instance, environ: dict[str, str], port: int | None = 0) -> DaemonInfo:
    return start_daemon(instance, port=port, environ=environ, timeout_s=PATIENCE_S)


def health(url: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{url}/health", timeout=PATIENCE_S) as answer:
        return json.load(answer)


def test_a_started_daemon_is_healthy(instance: Instance, environ: dict[str, str]) -> None:
    info = start(instance, environ)

    assert health(info.url)["status"] == "ok"
    assert SocketControl(instance.socket_path).call("health")["ok"] is True
    assert running_daemon(instance) == info
    assert find_process(info.pid) == info.process


def test_a_second_start_says_already_running_and_leaves_the_first_alone(
    instance: Instance, environ: dict[str, str]
) -> None:
    first = start(instance, environ)

    with pytest.raises(AlreadyRunning, match=f"'myserver' is already running: pid {first.pid} "):
        start(instance, environ)

    assert running_daemon(instance) == first


def test_of_many_starts_at_once_one_wins(instance: Instance, environ: dict[str, str]) -> None:
    def attempt(_: int) -> DaemonInfo | AlreadyRunning:
        try:
            return start(instance, environ)
        except AlreadyRunning as error:
            return error

    with ThreadPoolExecutor(10) as threads:
        outcomes = list(threads.map(attempt, range(10)))

    started = [outcome for outcome in outcomes if isinstance(outcome, DaemonInfo)]
    assert len(started) == 1
    assert running_daemon(instance) == started[0]


def test_after_a_kill_the_next_start_works(instance: Instance, environ: dict[str, str]) -> None:
    killed = start(instance, environ)
    os.kill(killed.pid, signal.SIGKILL)
    _wait_until_gone(instance)
    assert daemon_status(instance).state is RunState.DEAD
    assert instance.socket_path.exists()

    info = start(instance, environ, port=None)

    assert info.pid != killed.pid
    assert info.port == killed.port
    assert health(info.url)["ok"] is True


def test_the_pid_of_a_stranger_blocks_no_start_and_no_stop_touches_it(
    instance: Instance, environ: dict[str, str]
) -> None:
    instance.folder.mkdir(parents=True, mode=0o700)
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            found = find_process(stranger.pid)
            assert found is not None
            stale = DaemonInfo(stranger.pid, 8000, "127.0.0.1", 1.0, found.birth)
            write_pid_file(instance.pid_path, stale)
            assert stop_daemon(instance) is False
            write_pid_file(instance.pid_path, stale)

            info = start(instance, environ)
            assert stop_daemon(instance) is True

            assert info.pid != stranger.pid
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_nothing_that_a_daemon_makes_is_open_to_others(
    instance: Instance, environ: dict[str, str]
) -> None:
    before = os.umask(0)
    try:
        start(instance, environ)
    finally:
        os.umask(before)
    made = [instance.folder, *instance.folder.rglob("*")]

    assert {instance.socket_path, instance.log_path, instance.key_path} <= set(made)
    assert not [p for p in made if stat.S_IMODE(p.lstat().st_mode) & 0o077]
    stop_daemon(instance)
    assert not [p for p in instance.folder.rglob("*") if stat.S_IMODE(p.lstat().st_mode) & 0o077]


def test_a_daemon_keeps_nothing_of_the_terminal(
    instance: Instance, environ: dict[str, str]
) -> None:
    proc = Path("/proc") / str(start(instance, environ).pid)
    open_files = {link.readlink() for link in (proc / "fd").iterdir()}
    inherited = {Path(f"/proc/self/fd/{n}").readlink() for n in (0, 1, 2)} - {Path("/dev/null")}
    fields = (proc / "stat").read_bytes().rpartition(b")")[2].split()

    assert (proc / "cwd").readlink() == Path("/")
    assert (proc / "fd" / "0").readlink() == Path("/dev/null")
    assert not open_files & inherited
    parent, session, terminal = int(fields[1]), int(fields[3]), int(fields[4])
    assert parent != os.getpid()
    assert session not in (os.getsid(0), int(proc.name))  # leads no session, so gets no terminal
    assert terminal == 0


def test_no_secret_stands_on_the_command_line(instance: Instance, environ: dict[str, str]) -> None:
    info = start(instance, {**environ, "GMP_API_TOKEN": "canary"})

    assert "canary" not in Path(f"/proc/{info.pid}/cmdline").read_text()
    assert "canary" not in instance.log_path.read_text()
    assert "canary" not in instance.config_path.read_text()


def test_the_first_start_keeps_the_port_that_it_found(
    instance: Instance, environ: dict[str, str]
) -> None:
    info = start(instance, environ, port=None)

    assert 8000 <= info.port <= 8999
    assert read_config(instance.config_path).values["port"] == info.port


def test_info_tells_the_port_and_that_config_toml_holds_it(
    instance: Instance, environ: dict[str, str]
) -> None:
    info = start(instance, environ, port=None)

    told = SocketControl(instance.socket_path).call("getInstance")["settings"]
    (port,) = [setting for setting in told if setting["name"] == "http.port"]
    assert (port["value"], port["source"]) == (info.port, "config.toml")


def test_a_port_in_use_is_told_and_leaves_nothing_behind(
    instance: Instance, environ: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}: the port is in use") as e:
            start(instance, environ, port=port)

    assert e.value.hint
    assert daemon_status(instance).state is RunState.STOPPED
    assert not instance.folder.exists()


def test_a_later_start_that_is_refused_removes_nothing(
    instance: Instance, environ: dict[str, str]
) -> None:
    start(instance, environ)
    stop_daemon(instance)

    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ConfigurationError, match="the port is in use"),
    ):
        start(instance, environ, port=taken.getsockname()[1])

    assert instance.database_path.exists()
    assert not instance.socket_path.exists()
    log = instance.log_path.read_text()
    assert "daemon_failed" in log
    assert "Traceback" not in log


def test_a_start_that_another_command_has_begun_is_waited_for(
    instance: Instance, environ: dict[str, str]
) -> None:
    def attempt(_: int) -> DaemonInfo | None:
        try:
            return start(instance, environ)
        except AlreadyRunning:
            return wait_for_daemon(instance, PATIENCE_S)

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(attempt, range(4)))

    assert outcomes == [running_daemon(instance)] * 4


def test_a_start_that_is_interrupted_leaves_no_daemon(
    instance: Instance, environ: dict[str, str]
) -> None:
    program = (
        "import signal, sys\n"
        "from pathlib import Path\n"
        "from mail_proxy.config.instances import Instance\n"
        "from mail_proxy.control.process import start_daemon\n"
        "start_daemon(Instance('myserver', Path(sys.argv[1])), port=0)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(instance.folder)],
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
    ) as starting:
        deadline = time.monotonic() + PATIENCE_S
        while daemon_of(instance.folder) is None and time.monotonic() < deadline:
            time.sleep(0.001)
        starting.send_signal(signal.SIGINT)
        _, told = starting.communicate(timeout=PATIENCE_S)

    assert "KeyboardInterrupt" in told
    assert daemon_of(instance.folder) is None


def test_a_foreign_database_is_refused_and_not_touched(
    instance: Instance, environ: dict[str, str]
) -> None:
    instance.folder.mkdir(parents=True, mode=0o700)
    with sqlite3.connect(instance.database_path) as foreign:
        foreign.execute("CREATE TABLE songs (title TEXT)")
    foreign.close()
    instance.database_path.chmod(0o644)
    before = (instance.database_path.read_bytes(), instance.database_path.stat().st_mode)

    with pytest.raises(MailProxyError, match="another program's database") as caught:
        start(instance, environ)

    assert caught.value.code in (ForeignDatabase.code, MailProxyError.code)
    assert (instance.database_path.read_bytes(), instance.database_path.stat().st_mode) == before
    assert "Traceback" not in instance.log_path.read_text()


def test_a_file_in_place_of_the_folder_is_refused(
    instance: Instance, environ: dict[str, str]
) -> None:
    instance.folder.parent.mkdir()
    instance.folder.write_text("")

    with pytest.raises(ConfigurationError, match="cannot use the folder"):
        start(instance, environ)


def test_a_command_that_has_the_database_for_a_moment_delays_the_start(
    instance: Instance, environ: dict[str, str]
) -> None:
    instance.folder.mkdir(parents=True, mode=0o700)
    lock = DatabaseLock(instance.database_path).acquire("command")
    with ThreadPoolExecutor(1) as thread:
        starting = thread.submit(start, instance, environ)
        deadline = time.monotonic() + PATIENCE_S
        while daemon_of(instance.folder) is None and time.monotonic() < deadline:
            time.sleep(0.01)  # until it has come as far as the database
        lock.release()

        assert health(starting.result(PATIENCE_S).url)["ok"] is True


def test_one_database_has_one_daemon(
    instance: Instance, environ: dict[str, str], tmp_path: Path
) -> None:
    first = start(instance, environ)
    second = Instance("second", tmp_path / "home" / "second")

    with pytest.raises(Locked, match=f"in use by pid {first.pid} ") as caught:
        start(second, {**environ, "GMP_DB_PATH": str(instance.database_path)})

    assert not isinstance(caught.value, AlreadyRunning)
    assert running_daemon(instance) == first


def test_settings_without_effect_and_a_suspended_scheduler_are_said_loudly(
    instance: Instance, environ: dict[str, str]
) -> None:
    start(instance, {**environ, "GMP_SCHEDULER_ACTIVE": "false", "GMP_PROT": "1"})

    log = instance.log_path.read_text()
    assert "WARNING starts_suspended" in log
    assert "GMP_PROT" in log
    assert SocketControl(instance.socket_path).call("getStatus")["scheduler_active"] is False


def test_serve_prints_its_address_and_the_new_token_once(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    database = tmp_path / "data" / "q.db"
    database.parent.mkdir()
    told = {**environ, "GMP_DB_PATH": str(database), "GMP_HOST": "127.0.0.1", "GMP_PORT": "0"}

    first = _serve_until_it_listens(told)
    second = _serve_until_it_listens(told)

    assert first[0].startswith("Listening on http://127.0.0.1:")
    assert first[1].startswith("Admin token, shown this once: mp_")
    assert len(second) == 1
    assert stat.S_IMODE((database.parent / "q.db.state").stat().st_mode) == 0o700


def test_a_bug_at_the_start_is_told_in_one_sentence(
    instance: Instance, environ: dict[str, str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import mail_proxy.api.server as server\n"
        "async def start(self): raise KeyError('oops')\n"
        "server.ApiServer.start = start\n"
    )

    with pytest.raises(MailProxyError, match="internal error: KeyError; see the log"):
        start(instance, {**environ, "PYTHONPATH": str(broken)})

    assert "Traceback" in instance.log_path.read_text()
    assert read_pid_file(instance.pid_path) is None


def _serve_until_it_listens(environ: dict[str, str]) -> list[str]:
    """What `serve` prints from its start to its stop."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "mail_proxy.daemon", "--serve"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            rest = process.stdout.read()
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
    return [first.strip(), *rest.splitlines()]


def _wait_until_gone(instance: Instance) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while daemon_of(instance.folder) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
