"""The control socket as a file."""

from __future__ import annotations

import os
import socket
import stat
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from mail_proxy.config.unix_socket import address_of, connect, listening
from mail_proxy.domain.errors import ConfigurationError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


def test_a_connection_reaches_the_listener(path: Path):
    with listening(path) as server, connect(path, 1) as client:
        met, _ = server.accept()
        with met:
            client.sendall(b"x")
            assert met.recv(1) == b"x"


def test_the_file_is_its_owners_alone_under_any_mask(path: Path):
    before = os.umask(0)
    try:
        with listening(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert os.umask(0) == 0
    finally:
        os.umask(before)


def test_the_file_goes_with_the_listener(path: Path):
    with listening(path):
        pass

    assert not path.exists()


def test_the_file_goes_though_the_working_folder_has_changed(path: Path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with listening(Path(path.name)):
        monkeypatch.chdir("/")

    assert not path.exists()


def test_a_connection_to_nobody_fails(path: Path):
    with pytest.raises(FileNotFoundError):
        connect(path, 1)


def test_the_file_of_a_killed_listener_is_replaced(path: Path):
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))

    with listening(path):
        connect(path, 1).close()


def fill(path: Path, waiting: ExitStack) -> None:
    """Connect until no more connections may wait to be accepted."""
    for _ in range(100):
        waiting.enter_context(connect(path, 0.01))


def test_a_busy_listener_is_not_taken_for_dead(path: Path):
    with ExitStack() as waiting, socket.socket(socket.AF_UNIX) as busy:
        busy.bind(str(path))
        busy.listen(0)
        with pytest.raises((BlockingIOError, TimeoutError)):
            fill(path, waiting)

        with pytest.raises(ConfigurationError, match="another daemon"):
            waiting.enter_context(listening(path))

    assert path.exists()


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda p: p.symlink_to("elsewhere")])
def test_nothing_but_a_socket_is_removed(make, path: Path):
    make(path)

    with pytest.raises(ConfigurationError, match="not a socket"), listening(path):
        pass

    assert path.lstat()


@pytest.mark.skipif(sys.platform != "linux", reason="reached through /proc")
def test_a_path_of_any_length_works_and_no_descriptor_is_left(tmp_path: Path):
    far = tmp_path / ("far" * 40) / "control.sock"
    far.parent.mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))

    with listening(far) as server, connect(far, 1):
        server.accept()[0].close()

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_short_path_is_its_own_address():
    with address_of(Path("/run/x/control.sock")) as address:
        assert address == "/run/x/control.sock"
