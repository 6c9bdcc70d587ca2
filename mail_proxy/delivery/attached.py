"""Letters with attachments: what is stored of a message, and what has to be fetched for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from mail_proxy.attachments import AttachmentManager, Origin
from mail_proxy.delivery.letters import Letter
from mail_proxy.domain.attachment import Attachment, Mode, Spooled, read_attachments
from mail_proxy.domain.errors import AttachmentFailed, SecretsUnavailable
from mail_proxy.storage import LargeFileStorage
from mail_proxy.store import Claimed, Store, Tenant
from mail_proxy.store.attachment_auth import with_auth
from mail_proxy.store.spool import Spool

Folders = Callable[[Tenant], Sequence[Path]]


@dataclass(frozen=True, slots=True)
class AttachedLetters:
    """folders: where a tenant's files may lie."""

    store: Store
    spool: Spool
    attachments: AttachmentManager
    folders: Folders
    large_files: LargeFileStorage

    async def letter(self, message: Claimed, payload: bytes) -> Letter:
        """See `Letters`."""
        fields: dict[str, Any] = from_json(payload)
        spool: str = fields.get("spool", "")
        if isinstance(raw := fields.get("raw"), Mapping):
            return Letter(fields, (), self.spool.content(spool, Spooled(*raw["spooled"])), _nothing)
        wanted = read_attachments(fields.get("attachments"))
        wanted = await self._with_auth(message, wanted)
        tenant = await self.store.get_tenant(message.tenant_id)
        if tenant is None:
            raise AttachmentFailed("its tenant is gone", is_permanent=False)
        _check_login(tenant, wanted)
        fetched = await self.attachments.fetch(
            self._origin(tenant),
            wanted,
            open_spooled=partial(self.spool.content, spool) if spool else None,
            asked_at=max(message.created_at, message.queued_at),
        )
        try:
            applied = await self.large_files.applied(
                message.tenant_id, message.pk, fields, wanted, fetched.contents
            )
        except BaseException:
            fetched.close()
            raise
        return Letter(applied.fields, applied.contents, None, fetched.close)

    async def _with_auth(
        self, message: Claimed, wanted: Sequence[Attachment]
    ) -> tuple[Attachment, ...]:
        try:
            return await with_auth(self.store, message.tenant_id, message.pk, wanted)
        except SecretsUnavailable as error:
            why = f"the credentials of an attachment cannot be read: {error}"
            raise SecretsUnavailable(why) from error

    def _origin(self, tenant: Tenant) -> Origin:
        return Origin(
            tenant.tenant_id,
            client_base_url=tenant.client_base_url,
            client_attachment_path=tenant.client_attachment_path,
            client_auth=tenant.client_auth,
            url_set_by_admin=tenant.url_set_by_admin,
            folders=tuple(self.folders(tenant)),
        )


def _check_login(tenant: Tenant, wanted: Sequence[Attachment]) -> None:
    """Without its login the tenant's server would refuse for good. Raises SecretsUnavailable."""
    if tenant.client_auth is not None or not tenant.secret_unreadable:
        return
    if any(one.mode is Mode.ENDPOINT and one.server is None and one.auth is None for one in wanted):
        raise SecretsUnavailable(
            "the login of the tenant's attachments cannot be read: its key is lost"
        )


def _nothing() -> None:
    """There is nothing to let go of."""
