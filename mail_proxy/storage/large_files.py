"""`LargeFileStorage`: what is too large for a mail is kept elsewhere, and the mail gets a link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from mail_proxy.domain.attachment import Attachment
from mail_proxy.domain.bodies import read_bodies
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.content import BytesContent, Content
from mail_proxy.domain.errors import (
    AttachmentFailed,
    ConfigurationError,
    ContentChanged,
    SecretsUnavailable,
)
from mail_proxy.domain.large_files import Fate, LargeFilePolicy, fates, refusal
from mail_proxy.domain.links import Link, with_links
from mail_proxy.http_out import OutgoingHttp
from mail_proxy.observe import events
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.storage.backends import Backends
from mail_proxy.storage.downloads import Downloads, OfferedFile
from mail_proxy.storage.errors import StorageFailed
from mail_proxy.storage.records import Records, TenantOf
from mail_proxy.storage.removal import Removal
from mail_proxy.storage.trial import Step, Trial
from mail_proxy.storage.uploads import Uploads, Wanted


class Applied(NamedTuple):
    """A message after its tenant's rules: bodies with links, and what stays in the mail.

    attachments, contents: one for each entry of the `attachments` of `fields`.
    """

    fields: Mapping[str, Any]
    attachments: tuple[Attachment, ...]
    contents: tuple[Content, ...]


class LargeFileStorage:
    """Of one instance; `close` ends it."""

    def __init__(
        self,
        records: Records,
        backends: Backends,
        http: OutgoingHttp,
        *,
        clock: Clock,
        metrics: MailMetrics,
    ) -> None:
        self._records = records
        self._backends = backends
        self._metrics = metrics
        self._downloads = Downloads(records, backends, clock)
        self._uploads = Uploads(records, backends, self._downloads, clock)
        self._removal = Removal(records, backends, clock, metrics)
        self._trial = Trial(self._uploads, self._removal, http, clock)

    def close(self) -> None:
        """What is being uploaded is given up, and comes again with its message."""
        self._backends.close()

    async def applied(
        self,
        tenant_id: str,
        pk: int,
        fields: Mapping[str, Any],
        attachments: Sequence[Attachment],
        contents: Sequence[Content],
    ) -> Applied:
        """A message whose attachments are all at hand, before it is composed.

        pk: of the message: what was uploaded in an earlier try is used again.
        Raises AttachmentFailed: permanent where the tenant rejects large files, else because
        one could not be stored now. Raises SecretsUnavailable where the storage's credentials
        cannot be read, and StoreError.
        """
        unchanged = Applied(fields, tuple(attachments), tuple(contents))
        if not attachments or fields.get("raw"):
            return unchanged
        tenant = await self._records.get_tenant(tenant_id)
        policy = LargeFilePolicy.of(None if tenant is None else tenant.large_file_config)
        if tenant is None or not policy.enabled:
            return unchanged
        sizes = [content.size_bytes for content in contents]
        if all(size <= policy.max_bytes for size in sizes):
            return unchanged
        decided = fates(policy, attachments, sizes, read_bodies(fields)[1])
        self._tell(tenant_id, policy, attachments, sizes, decided)
        links = []
        for n, fate in enumerate(decided):
            if fate is Fate.REWRITE:
                attachment = attachments[n]
                wanted = Wanted(
                    tenant_id=tenant_id,
                    policy=policy,
                    auth=tenant.storage_auth,
                    name=attachment.filename,
                    mime_type=attachment.mime_type,
                    content=contents[n],
                    message_pk=pk,
                    position=n,
                )
                links.append(await self._linked(tenant, wanted))
        if not links:
            return unchanged
        stays = [n for n, fate in enumerate(decided) if fate is not Fate.REWRITE]
        kept = await asyncio.to_thread(with_links, fields, links)
        if "attachments" in fields:
            kept["attachments"] = [fields["attachments"][n] for n in stays]
        return Applied(
            kept,
            tuple(attachments[n] for n in stays),
            tuple(contents[n] for n in stays),
        )

    async def offered(self, token: str, name: str) -> OfferedFile:
        """What a link of ours leads to. Raises Forbidden, NotFound, StorageFailed,
        SecretsUnavailable, StoreError."""
        return await self._downloads.offered(token, name)

    async def check(self, tenant_id: str, tenant: TenantOf) -> list[Step]:
        """Store a small file, follow its link and remove it. Raises StoreError."""
        wanted = Wanted(
            tenant_id=tenant_id,
            policy=LargeFilePolicy.of(tenant.large_file_config),
            auth=tenant.storage_auth,
            name="",
            mime_type=None,
            content=BytesContent(b""),
        )
        return await self._trial.run(wanted)

    async def clean_up(self, is_ended: Callable[[], bool]) -> int:
        """Remove what no link leads to any more; how many files. Raises StoreError."""
        return await self._removal.run(is_ended)

    async def _linked(self, tenant: TenantOf, wanted: Wanted) -> Link:
        try:
            if tenant.secret_unreadable and tenant.storage_auth is None:
                raise SecretsUnavailable(
                    "the credentials of the tenant's storage cannot be read: their key is lost"
                )
            file = await self._uploads.stored(wanted)
            link = await self._uploads.link(wanted, file)
        except (
            *(StorageFailed, ConfigurationError, ContentChanged, SecretsUnavailable),
            OSError,
        ) as error:
            self._metrics.large_file("not_stored")
            why = getattr(error, "detail", None)
            events.file_not_stored(
                tenant_id=wanted.tenant_id,
                pk=wanted.message_pk,
                where=str(wanted.policy.storage_url),
                why=why if isinstance(why, str) else str(error),
            )
            if isinstance(error, SecretsUnavailable):  # a person has to mend it
                raise
            told = error.strerror or "it failed" if isinstance(error, OSError) else error
            raise AttachmentFailed(
                f"Attachment upload failed for {wanted.name}: {told}", is_permanent=False
            ) from error
        self._metrics.large_file("stored")
        return link

    def _tell(
        self,
        tenant_id: str,
        policy: LargeFilePolicy,
        attachments: Sequence[Attachment],
        sizes: Sequence[int],
        decided: Sequence[Fate],
    ) -> None:
        """Count what is decided. Raises AttachmentFailed for the first that is rejected."""
        for attachment, size, fate in zip(attachments, sizes, decided, strict=True):
            if fate is Fate.WARN:
                self._metrics.large_file("warned")
                events.large_attachment(
                    tenant_id=tenant_id, size_bytes=size, limit_bytes=int(policy.max_bytes)
                )
            elif fate is Fate.REJECT:
                self._metrics.large_file("rejected")
                raise AttachmentFailed(
                    refusal(attachment.filename, size, policy), is_permanent=True
                )
