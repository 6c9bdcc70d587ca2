"""What tests with a daemon as a process share: an instance in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mail_proxy.config.instances import Instance
from tests.faults.installation import end, environment


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of the daemons: nothing of ours but the home."""
    return environment(tmp_path / "home")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """Not made yet; its daemon, if a test leaves one, is ended."""
    made = Instance("myserver", tmp_path / "home" / "myserver")
    yield made
    end(made)
