"""Where a daemon listens, with regard to the other instances of the machine."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mail_proxy.api import listen
from mail_proxy.config.instances import Instance
from mail_proxy.config.load import load_settings, settings_from_environment
from mail_proxy.config.lock import StateLock
from mail_proxy.config.pidfile import DaemonInfo, write_pid_file
from mail_proxy.daemon.address import open_address
from mail_proxy.domain.errors import ConfigurationError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Two ports that are free, and the only ones to choose from."""
    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b:
        ports = (a.getsockname()[1], b.getsockname()[1])
    monkeypatch.setattr(listen, "_PORTS", ports)
    return ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def instance_at(home: Path, name: str, config: str = "") -> Instance:
    folder = home / name
    folder.mkdir(mode=0o700, parents=True)
    instance = Instance(name, folder)
    instance.config_path.write_text(config)
    return instance


def opened_port(instance: Instance, port: int | None = None) -> int:
    settings = load_settings(instance, {}, port=port)
    with open_address(settings, instance, is_named=True) as found:
        return int(found.getsockname()[1])


def test_the_port_that_another_instance_keeps_is_left_to_it(
    home: Path, free: tuple[int, int]
) -> None:
    instance_at(home, "stopped", f"port = {free[0]}\n")

    assert opened_port(instance_at(home, "new")) == free[1]


def test_an_own_port_is_no_other_instances(home: Path, free: tuple[int, int]) -> None:
    assert opened_port(instance_at(home, "my", f"port = {free[0]}\n")) == free[0]


@pytest.mark.parametrize("config", ["port = ", 'port = "8000"', ""])
def test_a_broken_neighbour_hinders_nobody(home: Path, free: tuple[int, int], config: str) -> None:
    instance_at(home, "broken", config)

    assert opened_port(instance_at(home, "new")) == free[0]


def test_a_port_of_ours_is_told_with_its_instance_and_a_free_one(
    home: Path, free: tuple[int, int], taken: int
) -> None:
    other = instance_at(home, "other")
    write_pid_file(other.pid_path, DaemonInfo(1, taken, "127.0.0.1", 1.0))

    with StateLock(other.folder).acquire("daemon"), pytest.raises(ConfigurationError) as caught:
        opened_port(instance_at(home, "new"), taken)

    assert str(caught.value).endswith(f":{taken}: the port is in use by the instance 'other'")
    assert caught.value.hint == f"mail-proxy start new --port {free[0]}"


def test_a_port_of_a_stranger_is_told_without_a_name(home: Path, taken: int) -> None:
    other = instance_at(home, "other")
    write_pid_file(other.pid_path, DaemonInfo(1, taken, "127.0.0.1", 1.0))  # it is dead

    with pytest.raises(ConfigurationError, match=r"the port is in use$") as caught:
        opened_port(instance_at(home, "new"), taken)

    assert re.fullmatch(r"mail-proxy start new --port \d+", caught.value.hint or "")


def test_serve_is_told_of_its_variable(tmp_path: Path, taken: int) -> None:
    settings = settings_from_environment(
        {"GMP_PORT": str(taken), "GMP_HOST": "127.0.0.1", "GMP_STATE_DIR": str(tmp_path)}
    )

    with pytest.raises(ConfigurationError, match="in use") as caught:
        open_address(settings, Instance("default", tmp_path), is_named=False)

    assert caught.value.hint == "set GMP_PORT to another port"
