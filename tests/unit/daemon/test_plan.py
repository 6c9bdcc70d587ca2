from __future__ import annotations

import os
from pathlib import Path

import pytest

from mail_proxy.config.file import read_config
from mail_proxy.config.instances import Instance
from mail_proxy.config.load import load_settings
from mail_proxy.config.pidfile import read_pid_file
from mail_proxy.config.processes import this_process
from mail_proxy.daemon.plan import Plan
from mail_proxy.daemon.readiness import Readiness


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    folder = tmp_path / "myserver"
    folder.mkdir(mode=0o700)
    return Instance("myserver", folder)


def plan_for(instance: Instance, environ: dict[str, str] | None = None, **options) -> Plan:
    settings = load_settings(instance, environ or {}, **options)
    return Plan(settings, instance, Readiness(None), is_named=True)


def kept(instance: Instance) -> dict[str, object]:
    return read_config(instance.config_path).values


def test_the_port_that_was_found_is_kept(instance: Instance) -> None:
    plan_for(instance).keep_address(8003)

    assert kept(instance) == {"port": 8003}


def test_the_address_of_the_first_start_is_kept(instance: Instance) -> None:
    plan_for(instance, host="::1", port=9000).keep_address(9000)

    assert kept(instance) == {"port": 9000, "host": "::1"}


def test_an_option_changes_no_address_that_was_kept(instance: Instance) -> None:
    instance.config_path.write_text('port = 8001\nhost = "127.0.0.1"\n')

    plan_for(instance, host="::1", port=9000).keep_address(9000)

    assert kept(instance) == {"port": 8001, "host": "127.0.0.1"}


def test_what_the_environment_gave_is_not_kept(instance: Instance) -> None:
    plan_for(instance, {"GMP_PORT": "9000", "GMP_HOST": "::1"}).keep_address(9000)

    assert not instance.config_path.exists()


def test_serve_has_no_file_to_keep_it_in(instance: Instance) -> None:
    plan = plan_for(instance)
    plan.is_named = False

    plan.keep_address(8003)

    assert not instance.config_path.exists()


def test_the_settings_tell_the_port_and_where_it_is_kept(instance: Instance) -> None:
    plan = plan_for(instance)

    plan.keep_address(8003)

    assert plan.settings.http.port == 8003
    assert plan.settings.sources["http.port"] == "config.toml"
    assert plan.settings.sources["http.host"] == "default"


def test_an_option_that_is_not_kept_stays_an_option(instance: Instance) -> None:
    instance.config_path.write_text("port = 8001\n")
    plan = plan_for(instance, port=9000)

    plan.keep_address(9000)
    plan.write_pid(port=9000, url="http://127.0.0.1:9000", warnings=["the key is lost"])

    info = read_pid_file(instance.pid_path)
    assert info is not None
    assert info.sources == {"host": "default", "port": "option"}
    assert info.warnings == ("the key is lost",)


def test_the_pid_file_names_this_very_process(instance: Instance) -> None:
    plan_for(instance, {"GMP_STOP_GRACE_S": "7"}).write_pid(port=8003, url="http://127.0.0.1:8003")

    info = read_pid_file(instance.pid_path)
    assert info is not None
    assert info.process == this_process()
    assert (info.pid, info.port, info.host) == (os.getpid(), 8003, "127.0.0.1")
    assert info.stop_grace_s == 7
