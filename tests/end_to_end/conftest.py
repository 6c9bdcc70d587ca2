"""Instances in a folder of their own, whose daemons are ended with the test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.config.lock import daemon_of
from mail_proxy.control.process import stop_daemon

OURS = ("GMP_", "MAIL_PROXY_", "LOG_")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of the daemons: nothing of ours but the home."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(OURS)}
    return {**kept, "MAIL_PROXY_HOME": str(tmp_path / "home")}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """Not made yet; its daemon, if a test leaves one, is ended."""
    made = Instance("myserver", tmp_path / "home" / "myserver")
    yield made
    if daemon_of(made.folder) is not None:
        stop_daemon(made, force=True)
