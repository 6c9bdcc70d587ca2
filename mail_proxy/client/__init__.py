"""Clients in Python: MailProxyClient, and AsyncMailProxyClient with the same verbs to be awaited.

    with MailProxyClient("http://127.0.0.1:8000", token) as proxy:
        proxy.messages.add({"id": "1", "from": "a@example.org", "to": "b@example.org", ...})
        proxy.run_now()

    async with AsyncMailProxyClient("http://127.0.0.1:8000", token) as proxy:
        await proxy.messages.add({...})

Results are plain dicts and lists, as they come over the wire; failures are MailProxyError,
whose `request_id` finds the lines of that request in the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mail_proxy.client.sync import MailProxyClient

if TYPE_CHECKING:
    from mail_proxy.client.asynchronous import AsyncMailProxyClient

__all__ = ["AsyncMailProxyClient", "MailProxyClient"]


def __getattr__(name: str) -> Any:
    # httpx takes 140 ms to import, and a client of this machine's instances needs none of it.
    if name == "AsyncMailProxyClient":
        from mail_proxy.client.asynchronous import AsyncMailProxyClient

        return AsyncMailProxyClient
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
