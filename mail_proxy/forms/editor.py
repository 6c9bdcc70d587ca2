"""A text of many lines, written in the person's own editor."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

_USUAL = ("sensible-editor", "editor", "nano", "vi")


class EditorFailed(Exception):
    """There is no editor, or it ended badly; the sentence says what to do."""


def edited(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """What the person makes of a text. Raises EditorFailed."""
    command = _command(environ)
    # 0600 in a folder 0700: what is written may be confidential, and editors keep copies beside it.
    with tempfile.TemporaryDirectory(prefix="mail-proxy-") as folder:
        path = Path(folder) / "text.txt"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        try:
            done = subprocess.run([*command, str(path)], check=False)  # noqa: S603 - their editor
        except OSError as error:
            raise EditorFailed(f"{command[0]} cannot be started: set EDITOR") from error
        if done.returncode:
            raise EditorFailed(f"{command[0]} ended with {done.returncode}; nothing was taken")
        return path.read_text(encoding="utf-8", errors="replace").rstrip("\n")


def _command(environ: Mapping[str, str]) -> list[str]:
    named = environ.get("VISUAL") or environ.get("EDITOR")
    if named:
        try:
            words = shlex.split(named)
        except ValueError as error:
            raise EditorFailed(f"EDITOR cannot be read: {error}") from error
        if words:
            return words
    for name in _USUAL:
        if found := shutil.which(name):
            return [found]
    raise EditorFailed("there is no editor: set EDITOR, or type one line")
