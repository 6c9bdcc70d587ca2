"""What a running daemon tells of itself, and what the command line makes of it."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from mail_proxy.cli.doors import Started
from mail_proxy.cli.ways import RealDoors
from mail_proxy.config.instances import Instance
from mail_proxy.config.load import load_settings
from mail_proxy.control.local import LocalControl
from mail_proxy.control.process import start_daemon, stop_daemon
from mail_proxy.control.quick import SocketControl
from mail_proxy.domain.errors import SecretsUnavailable

pytestmark = pytest.mark.slow

PATIENCE_S = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def start(instance: Instance, environ: dict[str, str], port: int | None = None) -> Started:
    return RealDoors().start(instance, environ, host=None, port=port, timeout_s=PATIENCE_S)


def test_the_port_of_a_first_start_is_kept_and_a_later_option_is_not(
    instance: Instance, environ: dict[str, str]
) -> None:
    first, second = free_port(), free_port()
    start(instance, environ, first)
    assert RealDoors().status(instance).sources["port"] == "config.toml"
    stop_daemon(instance)
    start(instance, environ, second)

    told = RealDoors().status(instance)

    assert (told.port, told.sources["port"]) == (second, "option")
    stop_daemon(instance)
    assert start(instance, environ).url.endswith(f":{first}")


def test_who_comes_second_is_told_the_same_as_who_comes_later(
    instance: Instance, environ: dict[str, str]
) -> None:
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(lambda _: start(instance, environ), range(4)))

    later = start(instance, environ)
    assert sorted(outcome.was_running for outcome in outcomes) == [False, True, True, True]
    assert {(outcome.pid, outcome.url) for outcome in outcomes} == {(later.pid, later.url)}


def test_a_lost_key_is_told_and_no_token_is_made_up(
    instance: Instance, environ: dict[str, str]
) -> None:
    first = start_daemon(instance, port=0, environ=environ, timeout_s=PATIENCE_S)
    assert first.warnings == ()
    stop_daemon(instance)
    moved = instance.key_path.rename(instance.key_path.with_name("moved.key"))

    (warning,) = start(instance, environ).warnings
    assert f"the encryption key is lost: {instance.key_path} is missing" in warning
    assert "mail-proxy restart myserver" in warning
    token = SocketControl(instance.socket_path).call("getToken")["token"]
    assert token == SocketControl(instance.socket_path).call("getToken")["token"]
    stop_daemon(instance)

    local = LocalControl(load_settings(instance, environ))
    with pytest.raises(SecretsUnavailable, match="the admin token cannot be read"):
        local.call("getToken")
    local.close()
    moved.rename(instance.key_path)
    assert start(instance, environ).warnings == ()
