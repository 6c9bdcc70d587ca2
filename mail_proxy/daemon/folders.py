"""Folders and files that only their owner may read, also where others had made them so."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from mail_proxy.config.instances import SUBFOLDERS, Instance, create_folder
from mail_proxy.config.settings import Settings
from mail_proxy.domain.command_line import shell_line
from mail_proxy.domain.errors import ConfigurationError
from mail_proxy.private_files import READ

_OTHERS = 0o077
_OTHERS_WRITE = 0o022


def prepare_instance(instance: Instance, settings: Settings) -> None:
    """Make what is missing and close what is open. Raises ConfigurationError."""
    create_folder(instance)
    try:
        found = list(instance.folder.iterdir())
    except OSError as error:
        raise _unusable(instance.folder, error) from error
    # The store closes its own files, once it knows that they are ours.
    database = settings.database_path.name
    _close(path for path in found if not path.name.startswith(database))


def prepare_state_dir(settings: Settings) -> None:
    """The folder of `serve`. One that exists is somebody's: its rights are checked, not changed.

    Raises ConfigurationError, also where others could plant files in it.
    """
    folder = settings.state_dir
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_mode & _OTHERS_WRITE:
            raise ConfigurationError(
                f"others can write to the state folder {folder}",
                hint=f"{shell_line('chmod', 'go-w', folder)}, or set GMP_STATE_DIR",
            )
        for name in SUBFOLDERS:
            (folder / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error
    _close(folder / name for name in SUBFOLDERS)


def _close(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            _close_one(path)
        except OSError as error:
            raise _unusable(path, error) from error


def _close_one(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or not mode & _OTHERS:
        return
    # By descriptor and not through a link: the name may be another file by now.
    descriptor = os.open(path, READ)
    try:
        os.fchmod(descriptor, stat.S_IMODE(mode) & ~_OTHERS)
    finally:
        os.close(descriptor)


def _unusable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"cannot use {path}: {error.strerror}", hint=shell_line("ls", "-ld", path)
    )
