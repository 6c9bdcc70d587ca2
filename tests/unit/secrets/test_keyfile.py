from __future__ import annotations

import os
from pathlib import Path

import pytest

from mail_proxy.domain.errors import ConfigurationError
from mail_proxy.secrets import keyfile


def test_a_key_that_another_process_made_first_is_used(tmp_path: Path):
    first = keyfile.make(tmp_path / "secret.key")
    assert keyfile.make(tmp_path / "secret.key") == first
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_two_folders_get_two_keys(tmp_path: Path):
    assert keyfile.make(tmp_path / "a") != keyfile.make(tmp_path / "b")


def test_no_file_is_no_key(tmp_path: Path):
    assert keyfile.read_own(tmp_path / "secret.key") is None
    assert keyfile.read_mounted(tmp_path / "no" / "secret.key") is None


def test_a_fifo_in_the_place_of_the_key_does_not_hang(tmp_path: Path):
    os.mkfifo(tmp_path / "secret.key")
    with pytest.raises(ConfigurationError):
        keyfile.read_own(tmp_path / "secret.key")


def test_the_rights_of_a_mounted_file_are_left_alone(tmp_path: Path):
    mounted = tmp_path / "encryption_key"
    mounted.write_bytes(bytes(32))
    mounted.chmod(0o444)
    assert keyfile.read_mounted(mounted) == bytes(32)
    assert mounted.stat().st_mode & 0o777 == 0o444
