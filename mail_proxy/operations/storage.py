"""Files that mails have links to: downloads of them, and a test of where they are kept."""

from __future__ import annotations

from mail_proxy.domain.errors import Conflict
from mail_proxy.operations.context import Context
from mail_proxy.wire.storage import (
    CheckStorage,
    DownloadFile,
    FileOffered,
    StorageChecked,
    StorageStep,
)


async def check_storage(ctx: Context, request: CheckStorage) -> StorageChecked:
    """Write a small file to a tenant's storage, follow its link, and delete it."""
    tenant = await ctx.tenant(request.tenant_id)
    if not (tenant.large_file_config or {}).get("storage_url"):
        raise Conflict(f"'{tenant.tenant_id}' has no storage_url in its large_file_config")
    steps: list[StorageStep] = []
    for step in await ctx.large_files.check(tenant.tenant_id, tenant):
        told: StorageStep = {"name": step.name, "ok": step.why is None, "seconds": step.seconds}
        if step.why is not None:
            told["error"] = step.why
        steps.append(told)
    return {"ok": True, "works": all(step["ok"] for step in steps), "steps": steps}


async def download_file(ctx: Context, request: DownloadFile) -> FileOffered:
    """The file that a mail has a link to, or the part of it that the header Range asks for."""
    return {"ok": True, "file": await ctx.large_files.offered(request.token, request.filename)}
