from __future__ import annotations

from pathlib import Path

import pytest

from mail_proxy.secrets import Keyring


class KeyFolder:
    """A place for keys; `keyring()` is a daemon that starts there."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "secret.key"
        self.mounted = folder / "run-secrets"

    def keyring(self, given: bytes | None = None) -> Keyring:
        return Keyring(given, self.path, mounted=self.mounted)


@pytest.fixture
def folder(tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path)
