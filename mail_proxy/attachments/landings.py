"""One content, from where it is to where mails can be made of it: out of the cache, or fetched."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mail_proxy.attachments.cache import TieredCache
from mail_proxy.attachments.failures import FetchFailed
from mail_proxy.attachments.flights import Landed
from mail_proxy.attachments.origin import Origin
from mail_proxy.attachments.quota import Quota, Share
from mail_proxy.attachments.sink import Sink, Workplace
from mail_proxy.attachments.sources import Sources
from mail_proxy.attachments.workfiles import Algorithm, FileContent, Octets
from mail_proxy.domain.attachment import Attachment
from mail_proxy.domain.content import BytesContent, Content


class Landings:
    """slots: of fetches at one time. max_bytes: of one content."""

    def __init__(
        self,
        sources: Sources,
        cache: TieredCache,
        workplace: Workplace,
        slots: Quota,
        max_bytes: int,
    ) -> None:
        self._sources = sources
        self._cache = cache
        self._workplace = workplace
        self._slots = slots
        self._max_bytes = max_bytes

    async def land(
        self, origin: Origin, attachment: Attachment, split: Callable[[], Share]
    ) -> Landed:
        """One fetch; the cache first, where its MD5 is known."""
        share = split()
        try:
            found = await self._cached(origin, attachment)
            if found is None:
                octets = await self._octets(origin, attachment, share)
                found = await self._landed(origin, attachment, octets, share)
            else:
                share.close()
        except BaseException:
            share.close()
            raise
        return found

    async def _cached(self, origin: Origin, attachment: Attachment) -> Landed | None:
        md5 = attachment.content_md5
        return None if md5 is None else await self._cache.get(origin.tenant_id, md5)

    async def _octets(self, origin: Origin, attachment: Attachment, share: Share) -> Octets:
        with await self._slots.take(origin.tenant_id, 1):
            md5 = attachment.content_md5
            algorithm = Algorithm.SHA256 if md5 is None else Algorithm.MD5
            sink = Sink(self._workplace, share, self._max_bytes, algorithm)
            try:
                await self._sources.fetch(origin, attachment, sink)
                octets = await sink.end()
            except BaseException:
                sink.discard()
                raise
        if md5 is not None and md5 != octets.hash.hex:
            self._remove(octets)
            # Whoever serves it may be about to replace it; a wrong MD5 is given up with the tries.
            raise FetchFailed("it does not have its content_md5", is_permanent=False)
        return octets

    async def _landed(
        self, origin: Origin, attachment: Attachment, octets: Octets, share: Share
    ) -> Landed:
        try:
            kept = None
            if attachment.content_md5 is not None:
                md5 = attachment.content_md5
                kept = await self._cache.put(origin.tenant_id, md5, octets)
        except BaseException:
            self._remove(octets)
            raise
        if kept is not None:
            self._remove(octets)
            share.close()
            return kept
        share.shrink(octets.size_bytes)
        return Landed(_content(octets), partial(self._let_go, octets, share))

    def _let_go(self, octets: Octets, share: Share) -> None:
        self._remove(octets)
        share.close()

    def _remove(self, octets: Octets) -> None:
        if octets.path is not None:
            self._workplace.threads.later(partial(octets.path.unlink, missing_ok=True))
        else:
            self._workplace.memory.give_back(octets.size_bytes)


def _content(octets: Octets) -> Content:
    if octets.path is None:
        return BytesContent(octets.data or b"")
    return FileContent(octets.path, octets.size_bytes, octets.hash)
