"""A process that posts, replaces, resends and deletes, and kills itself before step N.

usage: spool_steps.py FOLDER N. Its lines say what was acknowledged.
"""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mail_proxy.config.settings import Settings
from mail_proxy.domain.state import Event, RecipientState
from mail_proxy.operations.spooling import remove_garbage
from mail_proxy.proxy import MailProxy
from mail_proxy.store.db import MailProxyDb
from mail_proxy.store.values.queue import Outcome, RecipientResult

FIRST, SECOND = b"1" * 100_000, b"2" * 100_000
_left = 0


def stepped(function: Callable[..., Any]) -> Callable[..., Any]:
    def step(*args: Any, **kwargs: Any) -> Any:
        global _left
        _left -= 1
        if _left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return step


def arm(steps: int) -> None:
    """From now on each call that changes the disk, or comes after a commit, is a step."""
    global _left
    _left = steps
    for name in ("open", "write", "fsync", "rename", "link", "unlink"):
        setattr(os, name, stepped(getattr(os, name)))
    for name in ("spooled", "forget_spool_garbage"):
        setattr(MailProxyDb, name, stepped(getattr(MailProxyDb, name)))


def settings_of(folder: Path) -> Settings:
    return Settings("steps", folder, str(folder / "queue.db"), encryption_key=bytes(32))


def mail(content: bytes) -> dict[str, Any]:
    attachment = {
        "filename": "a.bin",
        "fetch_mode": "base64",
        "storage_path": base64.b64encode(content).decode(),
    }
    return {
        "id": "m1",
        "tenant_id": "acme",
        "account_id": "main",
        "subject": "s",
        "from": "a@example.com",
        "to": "b@example.org",
        "attachments": [attachment],
    }


async def main(folder: Path, steps: int) -> None:
    proxy = await MailProxy.open(settings_of(folder))
    call = proxy.handle_command
    told = os.write
    await call("addTenant", {"id": "acme"})
    place = {"host": "127.0.0.1", "port": 9}
    await call("addAccount", {"id": "main", "tenant_id": "acme", **place})
    arm(steps)
    for content in (FIRST, SECOND):
        await call("addMessages", {"messages": [mail(content)]})
        told(1, b"m1 " + content[:1] + b"\n")
    await _fail(proxy)
    await call("resendMessages", {"ids": ["m1"], "tenant_id": "acme"})
    told(1, b"m1-r1 2\n")
    await call("deleteMessages", {"ids": ["m1"], "tenant_id": "acme"})
    told(1, b"m1 -\n")
    await remove_garbage(proxy._parts.context)
    told(1, b"end\n")
    os._exit(0)


async def _fail(proxy: MailProxy) -> None:
    store = proxy._parts.store
    claim = await store.claim("acme", "main", limit=1, now=4e9, daemon="d")
    (claimed,) = claim.messages
    refused = tuple(
        RecipientResult(r.position, RecipientState.REFUSED, None) for r in claimed.recipients
    )
    outcome = Outcome("acme", claimed.pk, claimed.lease_token, Event.FAIL, recipients=refused)
    await store.finish([outcome], now=4e9)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
