"""Who asks for a content, and where it may come from."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mail_proxy.domain.attachment import Attachment, Mode

ENDPOINT_PATH = "/mail-proxy/attachments"


@dataclass(frozen=True, slots=True)
class Origin:
    """What of a tenant decides how its attachments are fetched.

    client_base_url, client_attachment_path, client_auth: of the tenant, None where it has none.
    url_set_by_admin: the base URL may be a private address.
    folders: absolute; a file must lie below one of them.
    """

    tenant_id: str
    client_base_url: str | None = None
    client_attachment_path: str | None = None
    client_auth: Mapping[str, Any] | None = field(default=None, repr=False)
    url_set_by_admin: bool = False
    folders: tuple[Path, ...] = ()


def fetch_key(origin: Origin, attachment: Attachment) -> Hashable:
    """Whoever has the same gets the same octets."""
    auth = attachment.auth
    if auth is None and attachment.mode is Mode.ENDPOINT and attachment.server is None:
        auth = origin.client_auth
    return (
        origin.tenant_id,
        attachment.mode,
        attachment.server,
        attachment.location,
        attachment.content_md5,
        json.dumps(auth and dict(auth), sort_keys=True),
        origin.client_base_url,
        origin.client_attachment_path,
        origin.folders,
    )
