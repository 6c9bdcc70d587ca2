"""`backup NAME FILE` and `restore NAME FILE`: an instance as one file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from mail_proxy.cli import archive
from mail_proxy.cli.archive import ArchiveWriter, Manifest
from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.cli.spinner import spinner
from mail_proxy.config.file import read_config, write_config
from mail_proxy.config.instances import Instance, create_folder, instance_named
from mail_proxy.config.load import load_settings
from mail_proxy.config.settings import Settings
from mail_proxy.domain import units
from mail_proxy.domain.command_line import by_id, command_line
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.private_files import replacing_private, sync_folder

app = Family()

_NAME = typer.Argument(..., metavar="NAME", help="The instance.")
_STEPS = 20  # signs of life for one kind of thing


@app.command()
def backup(
    ctx: typer.Context,
    name: str = _NAME,
    file: str = typer.Argument(..., metavar="FILE", help="A new file, that only you may read."),
    with_key: bool = typer.Option(
        False, "--with-key", help="And secret.key: then the file alone opens all passwords."
    ),
) -> int:
    """Copy an instance into one file, while it runs or not.

    All that was acknowledged before is in it: rows as of one moment, the posted attachments that
    they name, and config.toml. It is read again before it gets its name. secret.key is left out
    without --with-key: keep it somewhere else, as stored passwords cannot be read without it. The
    folders attachments/ and files/, the log and the cache are not in it.

    Examples:
      mail-proxy backup myserver /backups/myserver-2026-11-21.tar
      mail-proxy backup myserver myserver.tar --with-key
    """
    found = here(ctx)
    instance = found.existing(name)
    path = Path(file).expanduser()
    settings = load_settings(instance, found.environ)
    _refuse_to_write(path, name, settings)
    with _told(path):
        manifest = _write(found, instance, settings, path, with_key=with_key)
    size = path.stat().st_size
    record = {
        "name": name,
        "file": str(path),
        "size_bytes": size,
        "spooled": manifest.spooled,
        "missing": len(manifest.missing),
        "has_key": manifest.has_key,
    }
    found.writer.done(record, f"'{name}' is in {safe_text(path)} ({units.size(size)})")
    if not with_key:
        found.writer.hint(f"Without its key. Keep {instance.key_path} too, somewhere else.")
    else:
        found.writer.warn("the key is in it: whoever reads the file reads all passwords")
    if manifest.missing:
        n = len(manifest.missing)
        found.writer.complain(f"{n} messages had lost their attachments before: {_few(manifest)}")
        return ExitCode.PARTLY
    return ExitCode.DONE


def _few(manifest: Manifest) -> str:
    return ", ".join(f"spool/{name}" for name in manifest.missing[:3])


def _refuse_to_write(path: Path, name: str, settings: Settings) -> None:
    if path.exists():
        raise CommandFailed(
            f"there is a file {safe_text(path, 300)} already",
            tries=(f"mail-proxy backup {name} ANOTHER-FILE",),
            code=ExitCode.CONFLICT,
        )
    if not settings.database_path.exists():
        raise CommandFailed(
            f"'{name}' has no database yet: it was never started",
            tries=(f"mail-proxy start {name}",),
        )


def _write(
    found: Here, instance: Instance, settings: Settings, path: Path, *, with_key: bool
) -> Manifest:
    tell = _progress(found)
    manifest = Manifest(instance.name, found.writer.now())
    with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=".backup-") as folder:
        copy = Path(folder) / archive.DATABASE
        archive.copy_database(settings.database_path, copy, tell)
        with spinner(found.writer, "checking the copy"):
            archive.check_database(copy)
        with replacing_private(path) as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                writer = ArchiveWriter(tar, manifest)
                writer.add(archive.CONFIG, instance.config_path)
                if with_key:
                    _add_key(writer, instance)
                names = archive.spooled_names(copy)
                writer.add_spooled(settings.database_path, settings.spool_dir, names, tell)
                writer.add(archive.DATABASE, copy)
                writer.end()
            file.flush()
            file.seek(0)
            with spinner(found.writer, "reading it again"):
                archive.read_archive(file)
    return manifest


def _add_key(writer: ArchiveWriter, instance: Instance) -> None:
    try:
        writer.add(archive.KEY, instance.key_path)
    except FileNotFoundError as error:
        raise CommandFailed(
            f"there is no {instance.key_path}: its key comes from elsewhere",
            advice="leave --with-key out, and keep the key where it is",
        ) from error


@app.command()
def restore(
    ctx: typer.Context,
    name: str = typer.Argument(..., metavar="NAME", help="A new instance."),
    file: str = typer.Argument(..., metavar="FILE", help="What `backup` has written."),
) -> None:
    """Make a new instance of a backup. It is not started.

    An instance that is there is never touched. What has left after the backup still waits in it,
    and goes once more when it starts.

    Examples:
      mail-proxy restore myserver /backups/myserver-2026-11-21.tar
    """
    found = here(ctx)
    instance = instance_named(name, found.root)
    if instance.folder.exists():
        raise CommandFailed(
            f"there is an instance '{name}' already",
            tries=(command_line("restore", "ANOTHER-NAME", *by_id(file)),),
            code=ExitCode.CONFLICT,
        )
    path = Path(file).expanduser()
    found.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=found.root, prefix=f".restoring-{name}-"))
    try:
        with _told(path), spinner(found.writer, f"restoring and checking '{name}'"):
            manifest = _unpack(path, Instance(name, building), instance)
            building.rename(instance.folder)
            sync_folder(found.root)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    _tell_restored(found, instance, manifest)


def _unpack(path: Path, building: Instance, instance: Instance) -> Manifest:
    """Put all of it into the folder that is to become the instance's."""
    try:
        with path.open("rb") as file:
            manifest = archive.read_archive(file, building.folder)
        archive.check_database(building.database_path)
        _check_spool(building, manifest)
    except CommandFailed as error:
        raise CommandFailed(f"{safe_text(path, 300)} cannot be restored: {error}") from error
    create_folder(building)
    changes: dict[str, Any] = {"name": instance.name}
    if "db_path" in read_config(building.config_path).values:
        # It would lead to the database that the backup was made of.
        changes["db_path"] = str(instance.database_path)
    write_config(building.config_path, changes)
    for folder in (*(building.folder / "spool").glob("*"), building.folder / "spool"):
        sync_folder(folder)
    sync_folder(building.folder)
    return manifest


def _check_spool(building: Instance, manifest: Manifest) -> None:
    known = {*manifest.gone, *manifest.missing}
    for name in archive.spooled_names(building.database_path):
        if f"spool/{name}" not in manifest.members and name not in known:
            raise CommandFailed(f"spool/{name} is not in it, and a message needs it")


def _tell_restored(found: Here, instance: Instance, manifest: Manifest) -> None:
    name, made = instance.name, units.local_time(manifest.created_at)
    record = {
        "name": name,
        "from": manifest.name,
        "created_at": manifest.created_at,
        "spooled": manifest.spooled,
        "has_key": manifest.has_key,
    }
    found.writer.done(record, f"'{name}' is as '{manifest.name}' was at {made}")
    if not manifest.has_key:
        found.writer.warn(
            f"its key was not in the backup: put it to {instance.key_path} before you start it"
        )
    found.writer.hint(
        "What has left since then still waits in it and would go once more. To look first:\n"
        f"  mail-proxy {name} suspend\n"
        f"  mail-proxy start {name}"
    )


def _progress(found: Here) -> archive.Progress:
    """A line on a terminal, rewritten twenty times for each kind of thing at most."""
    stderr = found.writer.stderr
    if not stderr.isatty() or found.options.quiet:
        return lambda _what, _done, _of: None
    last: dict[str, int] = {}

    def tell(what: str, done: int, of: int) -> None:
        step = done * _STEPS // max(of, 1)
        if last.get(what) == step:
            return
        last[what] = step
        end = "\n" if done >= of else ""
        stderr.write(f"\r{what}: {done * 100 // max(of, 1)} %{end}")
        stderr.flush()

    return tell


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the disk and SQLite say, as our errors."""
    try:
        yield
    except sqlite3.Error as error:
        raise CommandFailed(f"the database cannot be copied: {error}") from error
    except OSError as error:
        where = safe_text(error.filename or path, 300)
        why = (error.strerror or os.strerror(error.errno or 0)).lower()
        code = ExitCode.NOT_FOUND if isinstance(error, FileNotFoundError) else ExitCode.FAILED
        raise CommandFailed(f"{where}: {why}", code=code) from error
