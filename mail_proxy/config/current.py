"""`.current`: the instance, and perhaps the tenant, that lines without a name are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mail_proxy.config.instances import ENTITY_ID, INSTANCE_NAME
from mail_proxy.domain.errors import ConfigurationError
from mail_proxy.private_files import read_private, write_private

_NAME = ".current"
_SIZE_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class Current:
    """tenant_id: empty where none was chosen. source: what has chosen it, for people."""

    instance: str
    tenant_id: str = ""
    source: str = "mail-proxy use"

    def __str__(self) -> str:
        return f"{self.instance}/{self.tenant_id}" if self.tenant_id else self.instance


def current(root: Path, environ: Mapping[str, str]) -> Current | None:
    """GMP_INSTANCE and GMP_TENANT, else what stands in the file; None: nothing was chosen.

    A tenant in the file belongs to the instance in the file. Raises ConfigurationError.
    """
    kept = read_current(root)
    instance, tenant_id = environ.get("GMP_INSTANCE", ""), environ.get("GMP_TENANT", "")
    if instance and not INSTANCE_NAME.match(instance):
        raise ConfigurationError(
            "GMP_INSTANCE is no name of an instance", hint="unset GMP_INSTANCE"
        )
    if tenant_id and not ENTITY_ID.match(tenant_id):
        raise ConfigurationError("GMP_TENANT is no id of a tenant", hint="unset GMP_TENANT")
    if instance:
        if kept is not None and kept.instance == instance:
            tenant_id = tenant_id or kept.tenant_id
        return Current(instance, tenant_id, "GMP_INSTANCE")
    if kept is None or not tenant_id:
        return kept
    return Current(kept.instance, tenant_id, "GMP_TENANT")


def read_current(root: Path) -> Current | None:
    """What was kept; None where nothing was, or nothing that can be meant."""
    try:
        found = read_private(root / _NAME, limit=_SIZE_LIMIT)
    except OSError as error:
        raise ConfigurationError(f"cannot read {root / _NAME}: {error.strerror}") from error
    instance, _, tenant_id = (found or b"").decode("utf-8", "replace").strip().partition("/")
    if not INSTANCE_NAME.match(instance) or (tenant_id and not ENTITY_ID.match(tenant_id)):
        return None
    return Current(instance, tenant_id)


def keep_current(root: Path, chosen: Current) -> None:
    """Raises ConfigurationError."""
    try:
        write_private(root / _NAME, f"{chosen}\n".encode())
    except OSError as error:
        raise ConfigurationError(f"cannot write {root / _NAME}: {error.strerror}") from error


def forget_current(root: Path) -> None:
    """Harmless where nothing was kept. Raises ConfigurationError."""
    try:
        (root / _NAME).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"cannot remove {root / _NAME}: {error.strerror}") from error
