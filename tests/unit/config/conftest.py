from __future__ import annotations

from pathlib import Path

import pytest

from mail_proxy.config.instances import Instance


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    folder = tmp_path / "home" / "myserver"
    folder.mkdir(parents=True, mode=0o700)
    return Instance("myserver", folder)
