"""config.toml: what is written is read back, and what people wrote stays."""

from __future__ import annotations

import stat
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_proxy.config.file import create_instance, read_config, toml_value, write_config
from mail_proxy.config.instances import Instance
from mail_proxy.domain.errors import ConfigurationError


@given(st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text()))
def test_any_value_is_read_back_as_it_was_written(value) -> None:
    assert tomllib.loads(f"key = {toml_value(value)}")["key"] == value


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="surrogate"):
        toml_value("\ud800")


def test_written_values_are_read_back(instance: Instance) -> None:
    write_config(instance.config_path, {"port": 8001, "host": "::1", "name": 'a "b" \\ \n c'})

    assert read_config(instance.config_path).values == {
        "port": 8001,
        "host": "::1",
        "name": 'a "b" \\ \n c',
    }


def test_comments_unknown_keys_and_tables_survive_a_change(instance: Instance) -> None:
    instance.config_path.write_text(
        '# mine\nport = 1 # old\nproduction = true\n\n[colours]\nport = "red"\n'
    )

    write_config(instance.config_path, {"port": 2, "host": "127.0.0.1"})

    assert read_config(instance.config_path).text == (
        '# mine\nport = 2\nproduction = true\n\nhost = "127.0.0.1"\n[colours]\nport = "red"\n'
    )


def test_a_quoted_key_is_changed_in_its_place(instance: Instance) -> None:
    instance.config_path.write_text('"port" = 1')

    write_config(instance.config_path, {"port": 2})

    assert read_config(instance.config_path).values == {"port": 2}


def test_a_file_that_the_edit_would_spoil_is_left_alone(instance: Instance) -> None:
    text = 'note = """\nport = 1\n"""\n'
    instance.config_path.write_text(text)

    with pytest.raises(ConfigurationError, match="cannot change port"):
        write_config(instance.config_path, {"port": 2})

    assert instance.config_path.read_text() == text


def test_the_file_is_private_and_leaves_nothing_beside_it(instance: Instance) -> None:
    instance.config_path.write_text("port = 1\n")
    instance.config_path.chmod(0o644)

    write_config(instance.config_path, {"port": 2})

    assert stat.S_IMODE(instance.config_path.stat().st_mode) == 0o600
    assert [p.name for p in instance.folder.iterdir()] == ["config.toml"]


def test_a_failed_write_leaves_nothing_beside_it(instance: Instance) -> None:
    instance.config_path.mkdir()  # a folder cannot be replaced by a file

    with pytest.raises(ConfigurationError):
        write_config(instance.config_path, {"port": 2})

    assert [p.name for p in instance.folder.iterdir()] == ["config.toml"]


def test_a_new_instance_says_its_name_and_when_it_was_made(instance: Instance) -> None:
    create_instance(instance, now=0.0)

    assert instance.exists()
    assert read_config(instance.config_path).values == {
        "name": "myserver",
        "created_at": "1970-01-01T00:00:00Z",
    }


def test_an_instance_that_exists_is_not_made_anew(instance: Instance) -> None:
    instance.config_path.write_text("port = 1\n")

    create_instance(instance, now=0.0)

    assert instance.config_path.read_text() == "port = 1\n"


def test_a_huge_file_is_refused(instance: Instance) -> None:
    instance.config_path.write_text("#" * (2**20 + 1))

    with pytest.raises(ConfigurationError, match="larger than 1 MiB"):
        read_config(instance.config_path)
