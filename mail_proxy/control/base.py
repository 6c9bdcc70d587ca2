"""How the CLI, the REPL and the dashboard reach an instance: one verb, `call`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Any, Protocol


class Control(Protocol):
    """Asynchronous; for the dashboard and the REPL's background loop."""

    async def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        """Run a command of `wire/routes.py`; its answer. Raises MailProxyError."""
        ...

    def stream(self, command: str, /, **fields: Any) -> AsyncGenerator[dict[str, Any], None]:
        """The events of a command that streams, as they come. Raises MailProxyError."""
        ...

    async def aclose(self) -> None: ...


class SyncControl(Protocol):
    """Blocking; for one-shot commands."""

    @property
    def is_live(self) -> bool:
        """A daemon answers; else the store is open in this process and nothing is being sent."""
        ...

    def call(self, command: str, /, **fields: Any) -> dict[str, Any]: ...

    def stream(self, command: str, /, **fields: Any) -> Generator[dict[str, Any], None, None]:
        """Raises NotRunning without a daemon: nothing happens then."""
        ...

    def close(self) -> None: ...
