"""Whether a tenant's storage works, step by step: what an admin asks before mail depends on it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.content import BytesContent
from mail_proxy.domain.errors import MailProxyError
from mail_proxy.domain.links import Link
from mail_proxy.domain.stored_file import StoredFile
from mail_proxy.http_out import OutgoingHttp
from mail_proxy.storage.errors import NotStored
from mail_proxy.storage.removal import Removal
from mail_proxy.storage.uploads import Uploads, Wanted

R = TypeVar("R")

NAME = "mail-proxy-test.txt"
_OCTETS = 1024
_READ_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Step:
    """name: write, link, read, delete. why: it failed; None: it did not. seconds: it took."""

    name: str
    seconds: float
    why: str | None = None


class Trial:
    """Writes a small file as any other, follows its link and removes it."""

    def __init__(
        self, uploads: Uploads, removal: Removal, http: OutgoingHttp, clock: Clock
    ) -> None:
        self._uploads = uploads
        self._removal = removal
        self._http = http
        self._clock = clock

    async def run(self, wanted: Wanted) -> list[Step]:
        """The steps that were taken, in order; after a failed write there is nothing more to do.

        wanted: its name and content are replaced. Raises StoreError.
        """
        octets = os.urandom(_OCTETS).hex().encode()
        wanted = replace(wanted, name=NAME, mime_type="text/plain", content=BytesContent(octets))
        steps: list[Step] = []
        file = await self._step(steps, "write", lambda: self._uploads.stored(wanted))
        if file is None:
            return steps
        link = await self._step(steps, "link", lambda: self._uploads.link(wanted, file))
        if link is not None:
            await self._step(steps, "read", lambda: self._read(link, octets))
        await self._step(steps, "delete", lambda: self._delete(file))
        return steps

    async def _step(
        self, steps: list[Step], name: str, work: Callable[[], Awaitable[R]]
    ) -> R | None:
        began = self._clock.monotonic()
        done, why = None, None
        try:
            done = await work()
        except (MailProxyError, OSError) as error:
            told = error.detail if isinstance(error, MailProxyError) else None
            why = told if isinstance(told, str) else str(error)
        steps.append(Step(name, round(self._clock.monotonic() - began, 3), why))
        return done

    async def _read(self, link: Link, octets: bytes) -> None:
        """As whoever gets the mail does. The admin has set where it leads."""
        came = bytearray()

        async def keep(piece: bytes) -> None:
            came.extend(piece)

        answer = await self._http.download(
            link.url,
            keep,
            auth=None,
            trusted=True,
            timeout_s=_READ_TIMEOUT_S,
            max_bytes=2 * len(octets),
            follow=2,
        )
        if not answer.is_success:
            raise NotStored(f"the link is answered with {answer.status}")
        if bytes(came) != octets:
            raise NotStored("the link leads to other octets than those that were written")

    async def _delete(self, file: StoredFile) -> None:
        error = await self._removal.remove_now(file)
        if error is not None:
            raise error
