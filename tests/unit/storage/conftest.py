"""`LargeFileStorage` on a real store, with a folder for its files and a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.domain.attachment import Attachment, Mode
from mail_proxy.domain.content import BytesContent, Content
from mail_proxy.http_out import OutgoingHttp
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.secrets import Keyring
from mail_proxy.storage import Applied, Backends, LargeFileStorage
from mail_proxy.store import MailProxyDb, open_store
from mail_proxy.store.values.tenants import Tenant
from tests.unit.operations.conftest import NOON, FakeClock

BASE_URL = "https://files.example.com/mail/"
LARGE = b"large" * 1000
SMALL = b"small"


@dataclass
class House:
    """An instance whose tenant `acme` rewrites what is larger than about 1,000 bytes."""

    store: MailProxyDb
    storage: LargeFileStorage
    backends: Backends
    clock: FakeClock
    metrics: MailMetrics
    files_dir: Path
    config: dict[str, Any] = field(default_factory=dict)

    async def configure(self, **changes: Any) -> None:
        self.config = {
            "enabled": True,
            "max_size_mb": 0.001,
            "storage_url": "file://",
            "public_base_url": BASE_URL,
            "file_ttl_days": 30,
            "action": "rewrite",
            **changes,
        }
        await self.store.put_tenant(Tenant("acme", large_file_config=self.config), now=NOON)

    async def apply(
        self, files: Mapping[str, bytes | Content], *, pk: int = 1, **fields: Any
    ) -> Applied:
        attachments = [Attachment(name, Mode.BASE64) for name in files]
        contents = [BytesContent(c) if isinstance(c, bytes) else c for c in files.values()]
        given = fields or {"body": "Good day"}
        return await self.storage.applied("acme", pk, given, attachments, contents)

    def kept(self) -> dict[str, bytes]:
        """All that lies in the folder, by its path there."""
        found = [path for path in self.files_dir.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.files_dir)): path.read_bytes() for path in found}

    def counted(self, outcome: str) -> float:
        (line,) = (
            line
            for line in self.metrics.render().splitlines()
            if line.startswith(f'gmp_large_files_total{{outcome="{outcome}"}}')
        )
        return float(line.split()[-1])


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock, metrics = FakeClock(), MailMetrics()
    keyring = Keyring(None, tmp_path / "secret.key")
    files_dir = tmp_path / "files"
    async with (
        OutgoingHttp() as http,
        await open_store(str(tmp_path / "queue.db"), keyring=keyring, clock=clock) as store,
    ):
        backends = Backends(files_dir)
        storage = LargeFileStorage(store, backends, http, clock=clock, metrics=metrics)
        made = House(store, storage, backends, clock, metrics, files_dir)
        await made.configure()
        yield made
        storage.close()
