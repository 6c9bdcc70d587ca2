"""Where a content is asked for, and with whose login: decided here, and then fetched."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from yarl import URL

from mail_proxy.attachments.breaker import Breaker
from mail_proxy.attachments.failures import (
    FetchFailed,
    NoRoom,
    no_data,
    ours,
    refused_by,
    timed_out,
    too_large,
)
from mail_proxy.attachments.folders import Opened, open_inside
from mail_proxy.attachments.origin import ENDPOINT_PATH, Origin
from mail_proxy.attachments.sink import Sink
from mail_proxy.config.settings import AttachmentSettings
from mail_proxy.domain.attachment import Attachment, Mode
from mail_proxy.domain.errors import Invalid
from mail_proxy.http_out import OutgoingHttp, TimedOut, TooLong, Unreachable
from mail_proxy.threads import FairThreads, NoThread

MOST_REDIRECTS = 3


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call. posted: None for a GET. trusted: the admin set this URL."""

    url: str
    posted: Mapping[str, str] | None
    auth: Mapping[str, Any] | None = field(repr=False)
    trusted: bool
    follow: int

    @property
    def host(self) -> str:
        """For people; empty where the URL is none."""
        try:
            return URL(self.url).host or ""
        except ValueError:
            return ""

    @property
    def server(self) -> str:
        """Host and port, for the breaker: another port is another program."""
        try:
            url = URL(self.url)
        except ValueError:
            return ""
        return f"{url.host_subcomponent or ''}:{url.port}"


def call_of(origin: Origin, attachment: Attachment, base_url: str | None) -> Call:
    """Raises FetchFailed where nobody is there to be asked.

    base_url: the instance's, for tenants without one.
    """
    auth = attachment.auth
    if attachment.mode is Mode.HTTP_URL:
        return Call(attachment.location, None, auth, trusted=False, follow=MOST_REDIRECTS)
    posted = {"storage_path": attachment.location}
    if attachment.server is not None:  # chosen by the message, so as little trusted as a URL in it
        return Call(attachment.server, posted, auth, trusted=False, follow=0)
    auth = origin.client_auth if auth is None else auth
    if origin.client_base_url:
        url = origin.client_base_url.rstrip("/") + (origin.client_attachment_path or ENDPOINT_PATH)
        return Call(url, posted, auth, trusted=origin.url_set_by_admin, follow=0)
    if base_url:
        return Call(base_url.rstrip("/") + ENDPOINT_PATH, posted, auth, trusted=True, follow=0)
    raise FetchFailed(
        "the tenant has no client_base_url to fetch it from, and there is no "
        "GMP_ATTACHMENT_BASE_URL",
        is_permanent=True,
    )


@dataclass(frozen=True, slots=True)
class Sources:
    """Fetches into sinks. readers: of files of the host, which may lie on a share that is away."""

    http: OutgoingHttp
    readers: FairThreads
    breaker: Breaker
    settings: AttachmentSettings

    async def fetch(self, origin: Origin, attachment: Attachment, sink: Sink) -> None:
        """All of it, within the deadline. Raises FetchFailed and NoRoom."""
        if attachment.mode is Mode.FILESYSTEM:
            await self._fetch_file(origin, attachment, sink)
        else:
            await self._call(origin, attachment, sink)

    async def _call(self, origin: Origin, attachment: Attachment, sink: Sink) -> None:
        call = call_of(origin, attachment, self.settings.base_url)
        self.breaker.check(origin.tenant_id, call.server)
        try:
            found = await self.http.download(
                call.url,
                sink.write,
                posted=call.posted,
                auth=call.auth,
                trusted=call.trusted,
                timeout_s=self.settings.timeout_s,
                max_bytes=self.settings.max_bytes,
                follow=call.follow,
            )
        except TimedOut as error:
            self.breaker.timed_out(origin.tenant_id, call.server)
            raise timed_out() from error
        except Invalid as error:  # Blocked, and logins that no header can carry: nobody was asked
            raise FetchFailed(str(error), is_permanent=True) from error
        except (TooLong, Unreachable, FetchFailed, NoRoom) as error:
            self.breaker.answered(origin.tenant_id, call.server)
            if isinstance(error, TooLong):
                raise too_large(self.settings.max_bytes) from error
            if isinstance(error, Unreachable):
                raise FetchFailed(str(error), is_permanent=False) from error
            raise
        self.breaker.answered(origin.tenant_id, call.server)
        if not found.is_success:
            raise refused_by(call.host, found.status)
        if not found.size_bytes and not found.is_empty_file:
            raise no_data()

    async def _fetch_file(self, origin: Origin, attachment: Attachment, sink: Sink) -> None:
        host = "the file system"  # a share that is away makes every look at it hang
        self.breaker.check(origin.tenant_id, host)
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                await self._copy(origin, attachment, sink)
        except TimeoutError as error:
            self.breaker.timed_out(origin.tenant_id, host)
            raise timed_out() from error
        except (FetchFailed, NoRoom):
            self.breaker.answered(origin.tenant_id, host)
            raise
        self.breaker.answered(origin.tenant_id, host)

    async def _copy(self, origin: Origin, attachment: Attachment, sink: Sink) -> None:
        look = partial(open_inside, origin.folders, attachment.location)
        threads = self.readers.of(origin.tenant_id)
        try:
            opened = await threads.run(look, Opened.close)
        except NoThread as error:
            raise ours("there is no thread to read it in") from error
        try:
            sink.expect(opened.size_bytes)
            await sink.copy(opened, threads)
        finally:
            threads.later(opened.close)
