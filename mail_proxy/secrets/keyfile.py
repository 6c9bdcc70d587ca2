"""The key as bytes: read from where it may lie, or made once.

A key is 32 random bytes. `secret.key` holds it in base64, 0600; a file mounted by a container
platform may also hold the raw bytes.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import tempfile
from pathlib import Path

from mail_proxy.domain.errors import ConfigurationError
from mail_proxy.private_files import sync_folder

KEY_BYTES = 32
_READ_AT_MOST = 1024  # a key is far shorter; whatever is longer is no key


def read_mounted(path: Path) -> bytes | None:
    """The key of a mounted secret: 32 raw bytes, or base64. None when there is no file."""
    found = _read(path, repair=False)
    return None if found is None else _decoded(found, path)


def read_own(path: Path) -> bytes | None:
    """The key in our own file, whose rights are set to 0600. None when there is no file."""
    found = _read(path, repair=True)
    return None if found is None else _decoded(found, path)


def make(path: Path) -> bytes:
    """A new key in a new file, on the disk when this returns.

    The file gets its name only when it is whole, so that a crash leaves no half key. Where another
    process was first, its key is returned.
    """
    key = secrets.token_bytes(KEY_BYTES)
    try:
        _publish(path, base64.b64encode(key) + b"\n")
    except FileExistsError:
        theirs = read_own(path)
        if theirs is None:
            raise ConfigurationError(f"the key file {path} came and went") from None
        return theirs
    except OSError as error:
        raise ConfigurationError(f"cannot make the key file {path}: {error.strerror}") from error
    return key


def promote(path: Path, onto: Path) -> None:
    """Let the key in `path` take the place of the one in `onto`, on the disk when this returns."""
    try:
        path.replace(onto)
        sync_folder(onto.parent)
    except OSError as error:
        raise ConfigurationError(f"cannot rename the key file {path}: {error.strerror}") from error


def _publish(path: Path, text: bytes) -> None:
    # mkstemp opens with O_EXCL and 0600; link, unlike rename, never replaces a key.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()
    sync_folder(path.parent)


def _read(path: Path, *, repair: bool) -> bytes | None:
    # A mounted secret is often a symbolic link; our own file never is.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (os.O_NOFOLLOW if repair else 0)
    try:
        descriptor = os.open(path, flags)
        with os.fdopen(descriptor, "rb") as file:
            if repair and os.fstat(descriptor).st_mode & 0o077:
                os.fchmod(descriptor, 0o600)
            return file.read(_READ_AT_MOST)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigurationError(f"cannot read the key file {path}: {error.strerror}") from error


def _decoded(found: bytes, path: Path) -> bytes:
    if len(found) == KEY_BYTES:
        return found  # raw bytes are never stripped: white space may be part of the key
    try:
        key = base64.b64decode(found.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"{path} does not hold a key: 32 bytes, or their base64")
    return key
