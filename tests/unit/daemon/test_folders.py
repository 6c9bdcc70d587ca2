from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.config.settings import Settings
from mail_proxy.daemon.folders import prepare_instance, prepare_state_dir
from mail_proxy.domain.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _no_mask() -> Iterator[None]:
    """Rights come from what is asked for, not from a mask that happens to be set."""
    before = os.umask(0)
    yield
    os.umask(before)


def settings_for(folder: Path, database: Path | None = None) -> Settings:
    return Settings(
        name="myserver", state_dir=folder, database=str(database or folder / "mail_service.db")
    )


def rights(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_new_instance_is_closed_to_others(tmp_path: Path) -> None:
    instance = Instance("myserver", tmp_path / "home" / "myserver")

    prepare_instance(instance, settings_for(instance.folder))

    made = list((tmp_path / "home").rglob("*"))
    assert {p.name for p in made} >= {"myserver", "journal", "spool", "cache", "attachments"}
    assert not [p for p in made if rights(p) & 0o077]


def test_open_files_of_an_instance_are_closed(tmp_path: Path) -> None:
    instance = Instance("myserver", tmp_path / "myserver")
    instance.folder.mkdir(mode=0o777)
    for path in (instance.config_path, instance.key_path, instance.log_path):
        path.write_text("")
        path.chmod(0o644)

    prepare_instance(instance, settings_for(instance.folder))

    assert not [p for p in (instance.folder, *instance.folder.iterdir()) if rights(p) & 0o077]


def test_what_a_link_points_to_keeps_its_rights(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    outside.chmod(0o644)
    instance = Instance("myserver", tmp_path / "myserver")
    instance.folder.mkdir()
    instance.key_path.symlink_to(outside)

    prepare_instance(instance, settings_for(instance.folder))

    assert rights(outside) == 0o644


def test_a_database_is_left_to_the_store_which_knows_whose_it_is(tmp_path: Path) -> None:
    instance = Instance("myserver", tmp_path / "myserver")
    instance.folder.mkdir()
    instance.database_path.write_text("another program's")
    instance.database_path.chmod(0o644)

    prepare_instance(instance, settings_for(instance.folder))

    assert rights(instance.database_path) == 0o644


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    instance = Instance("myserver", tmp_path / "myserver")
    instance.folder.write_text("")

    with pytest.raises(ConfigurationError, match="cannot use the folder"):
        prepare_instance(instance, settings_for(instance.folder))


def test_a_new_state_folder_is_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "state"

    prepare_state_dir(settings_for(folder))

    assert rights(folder) == 0o700
    assert {p.name for p in folder.iterdir()} == {"journal", "spool", "cache", "attachments"}
    assert {rights(p) for p in folder.iterdir()} == {0o700}


def test_the_rights_of_a_given_state_folder_are_its_owners(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o755)

    prepare_state_dir(settings_for(folder))

    assert rights(folder) == 0o755


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_a_state_folder_that_others_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(mode)

    with pytest.raises(ConfigurationError, match="others can write") as caught:
        prepare_state_dir(settings_for(folder))

    assert caught.value.hint
    assert list(folder.iterdir()) == []


def test_a_state_folder_without_a_parent_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot use"):
        prepare_state_dir(settings_for(tmp_path / "none" / "state"))
