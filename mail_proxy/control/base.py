"""How the CLI, the REPL and the dashboard reach an instance: one verb, `call`."""

from __future__ import annotations

from typing import Any, Protocol


class Control(Protocol):
    """Asynchronous; for the dashboard and the REPL's background loop."""

    async def call(self, command: str, /, **fields: Any) -> dict[str, Any]:
        """Run a command of `wire/routes.py`; its answer. Raises MailProxyError."""
        ...

    async def aclose(self) -> None: ...


class SyncControl(Protocol):
    """Blocking; for one-shot commands."""

    @property
    def is_live(self) -> bool:
        """A daemon answers; else the store is open in this process and nothing is being sent."""
        ...

    def call(self, command: str, /, **fields: Any) -> dict[str, Any]: ...

    def close(self) -> None: ...
