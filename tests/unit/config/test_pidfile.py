from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.config.pidfile import DaemonInfo, read_pid_file, remove_pid_file, write_pid_file

INFO = DaemonInfo(7, 8000, "127.0.0.1", 1.5, "boot:9", "http://127.0.0.1:8000", 60.0)


def test_what_is_written_is_read_back(instance: Instance) -> None:
    write_pid_file(instance.pid_path, INFO)

    assert read_pid_file(instance.pid_path) == INFO
    assert stat.S_IMODE(instance.pid_path.stat().st_mode) == 0o600


def test_the_keys_are_those_that_other_programs_read(instance: Instance) -> None:
    write_pid_file(instance.pid_path, INFO)

    assert {"pid", "port", "host", "started_at"} <= set(json.loads(instance.pid_path.read_text()))


@pytest.mark.parametrize(
    "text", ["", "null", "17", "[]", "{}", '{"pid": 1}', "nonsense", '{"pid":"x"}', "[" * 9999]
)
def test_what_cannot_be_read_counts_as_nothing(instance: Instance, text: str) -> None:
    instance.pid_path.write_text(text)

    assert read_pid_file(instance.pid_path) is None


def test_a_link_is_not_followed(instance: Instance, tmp_path: Path) -> None:
    write_pid_file(tmp_path / "other.pid", INFO)
    instance.pid_path.symlink_to(tmp_path / "other.pid")

    assert read_pid_file(instance.pid_path) is None


def test_removing_it_twice_is_harmless(instance: Instance) -> None:
    write_pid_file(instance.pid_path, INFO)

    remove_pid_file(instance.pid_path)
    remove_pid_file(instance.pid_path)

    assert read_pid_file(instance.pid_path) is None
