"""Starting, stopping and asking after a daemon, with stand-ins that only hold its lock."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.config.lock import daemon_of
from mail_proxy.config.pidfile import DaemonInfo, read_pid_file, write_pid_file
from mail_proxy.config.processes import find_process
from mail_proxy.control import launch, process
from mail_proxy.control.process import (
    AlreadyRunning,
    RunState,
    daemon_command,
    daemon_status,
    running_daemon,
    start_daemon,
    stop_daemon,
    wait_for_daemon,
)
from mail_proxy.domain.errors import ConfigurationError, Conflict, NotRunning
from tests.patience import PATIENCE_S

HOLDS = """
import signal, sys
from pathlib import Path
from mail_proxy.config.lock import StateLock
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
StateLock(Path(sys.argv[1])).acquire("daemon")
print("held", flush=True)
signal.pause()
"""


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    folder = tmp_path / "home" / "myserver"
    folder.mkdir(parents=True, mode=0o700)
    return Instance("myserver", folder)


@contextmanager
def holding(instance: Instance, how: str = "polite") -> Iterator[subprocess.Popen[bytes]]:
    """A process that has the lock of a daemon, and its pid file."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(instance.folder), how], stdout=subprocess.PIPE
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"held\n"
            write_pid_file(instance.pid_path, info_of(child.pid))
            yield child
        finally:
            child.kill()


def info_of(pid: int) -> DaemonInfo:
    found = find_process(pid)
    assert found is not None
    return DaemonInfo(pid, 8000, "127.0.0.1", 1.0, found.birth, "http://127.0.0.1:8000", 0.0)


def test_without_a_daemon_the_instance_is_stopped(instance: Instance) -> None:
    assert daemon_status(instance).state is RunState.STOPPED
    assert running_daemon(instance) is None
    assert stop_daemon(instance) is False


def test_a_lock_without_an_answer_runs_and_does_not_serve(instance: Instance) -> None:
    with holding(instance) as child:
        status = daemon_status(instance)

        assert (status.state, status.answers) == (RunState.RUNNING, False)
        assert status.info is not None
        assert status.info.pid == child.pid
        assert running_daemon(instance) is None


def test_a_pid_file_alone_is_a_dead_daemon(instance: Instance) -> None:
    with holding(instance) as child:
        child.send_signal(signal.SIGKILL)

    status = daemon_status(instance)
    assert status.state is RunState.DEAD
    assert status.info is not None


def test_the_pid_file_of_a_predecessor_is_not_believed(instance: Instance) -> None:
    with holding(instance) as child:
        write_pid_file(instance.pid_path, replace(info_of(child.pid), birth="another boot:1"))

        assert daemon_status(instance).info is None


def test_a_second_start_says_who_runs(instance: Instance) -> None:
    with holding(instance) as child, pytest.raises(AlreadyRunning) as caught:
        start_daemon(instance)

    assert f"pid {child.pid}" in str(caught.value)
    assert caught.value.code == "conflict"


def test_stop_ends_the_holder_and_tidies_up(instance: Instance) -> None:
    waits: list[float] = []
    with holding(instance) as child:
        assert stop_daemon(instance, on_wait=waits.append) is True
        assert child.wait(PATIENCE_S) == -signal.SIGTERM

    assert daemon_of(instance.folder) is None
    assert daemon_status(instance).state is RunState.STOPPED
    assert waits == sorted(waits)


def test_force_ends_one_that_does_not_listen(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_FORCE_AFTER_S", 0.05)
    with holding(instance, "deaf") as child:
        assert stop_daemon(instance, force=True) is True
        assert child.wait(PATIENCE_S) == -signal.SIGKILL


def test_one_that_does_not_end_in_time_is_told(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_STOP_MARGIN_S", 0.05)
    with holding(instance, "deaf") as child:
        with pytest.raises(Conflict, match="still stopping") as caught:
            stop_daemon(instance)
        assert child.poll() is None

    assert caught.value.hint == "mail-proxy stop myserver --force"


def test_a_stranger_with_the_pid_of_a_dead_daemon_is_left_alone(instance: Instance) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        try:
            write_pid_file(instance.pid_path, info_of(stranger.pid))

            assert daemon_status(instance).state is RunState.DEAD
            assert stop_daemon(instance, force=True) is False
            assert stranger.poll() is None
            assert read_pid_file(instance.pid_path) is None
        finally:
            stranger.kill()


def test_a_stranger_with_the_pid_that_the_lock_tells_is_left_alone(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder's text lags behind the lock, or comes from another container."""
    monkeypatch.setattr(process, "_LOOK_EVERY_S", 0.005)
    with holding(instance) as child, subprocess.Popen(["sleep", "60"]) as stranger:
        try:
            text = f'{{"pid": {stranger.pid}, "birth": "b:1", "purpose": "daemon", "since": "x"}}'
            (instance.folder / "daemon.lock").write_text(text)

            with pytest.raises(Conflict, match="cannot be seen from here"):
                stop_daemon(instance, force=True)

            assert stranger.poll() is None
            assert child.poll() is None
        finally:
            stranger.kill()


def test_the_command_line_imports_nothing_from_the_folder_it_is_given_in(
    instance: Instance,
) -> None:
    command = daemon_command(instance, host="::1", port=8001)

    assert command[:4] == [sys.executable, "-P", "-m", "mail_proxy.daemon"]
    assert command[4:] == ["myserver", "--host", "::1", "--port", "8001"]
    assert daemon_command(None)[4:] == ["--serve"]


def test_a_daemon_that_ends_without_a_word_shows_its_last_lines(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance.log_path.write_text("of yesterday\n")
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nfor n in $(seq 30); do echo line $n >&2; done\n")
    broken.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(broken))

    with pytest.raises(NotRunning) as caught:
        start_daemon(instance)

    lines = str(caught.value).splitlines()
    assert lines[0] == "'myserver' ended while it was starting"
    assert lines[1:] == [f"  line {n}" for n in range(11, 31)]


def test_an_interrupted_start_ends_what_it_has_started(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\nsleep 60 &\necho $!\nwait\n")
    slow.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(slow))

    def interrupted(*_: object) -> None:
        while not instance.log_path.read_text().endswith("\n"):
            pass
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "_read_line", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start_daemon(instance)

    assert find_process(int(instance.log_path.read_text())) is None


@pytest.mark.parametrize("name", ["GMP_PORT", "GMP_LOG_LEVEL"])
def test_a_refused_first_start_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    new = Instance("new", tmp_path / "home" / "new")

    with pytest.raises(ConfigurationError):
        start_daemon(new, environ={name: "wrong"})

    assert not new.folder.exists()


def test_a_refused_start_leaves_what_was_there(instance: Instance) -> None:
    with pytest.raises(ConfigurationError):
        start_daemon(instance, environ={"GMP_PORT": "wrong"})

    assert instance.exists()


def test_a_daemon_that_another_command_starts_is_waited_for(instance: Instance) -> None:
    with holding(instance) as child:
        info = wait_for_daemon(instance)

    assert info is not None
    assert info.pid == child.pid


def test_one_that_ends_while_it_is_waited_for_is_none(instance: Instance) -> None:
    assert wait_for_daemon(instance) is None


def test_one_that_never_tells_of_itself_is_waited_for_only_so_long(instance: Instance) -> None:
    with holding(instance):
        instance.pid_path.unlink()

        with pytest.raises(NotRunning, match=r"still starting, or stopping, after 0\.1 s"):
            wait_for_daemon(instance, 0.1)


def test_a_daemon_that_says_nothing_is_waited_for_only_so_long(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(slow))

    with pytest.raises(NotRunning, match=r"still starting after 0\.1 s"):
        start_daemon(instance, timeout_s=0.1)


@pytest.mark.parametrize(
    ("name", "text"), [("GMP_PORT", "eighty"), ("GMP_API_TOKEN", ""), ("GMP_LOG_LEVEL", "loud")]
)
def test_a_bad_setting_is_refused_by_name_before_a_process_is_started(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    with pytest.raises(ConfigurationError, match=name):
        start_daemon(instance, environ={name: text})


def test_a_link_in_place_of_the_log_is_not_followed(instance: Instance, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    instance.log_path.symlink_to(victim)

    with pytest.raises(ConfigurationError, match="cannot write"):
        start_daemon(instance)

    assert victim.read_text() == "precious"


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "myserver").write_text("")

    with pytest.raises(ConfigurationError, match="cannot use the folder"):
        start_daemon(Instance("myserver", tmp_path / "myserver"))
