from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from mail_proxy.observe import log


class Written:
    """What was logged, as lines."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def lines(self) -> list[str]:
        return self._stream.getvalue().splitlines()

    @property
    def line(self) -> str:
        (only,) = self.lines
        return only

    @property
    def told(self) -> str:
        """The only line without its time."""
        return self.line.split(" ", 1)[1]

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.line)


@pytest.fixture
def written() -> Iterator[Written]:
    stream = io.StringIO()
    log.configure("INFO", stream=stream)
    yield Written(stream)
    log.unconfigure()


@pytest.fixture
def written_json() -> Iterator[Written]:
    stream = io.StringIO()
    log.configure("INFO", stream=stream, as_json=True)
    yield Written(stream)
    log.unconfigure()
