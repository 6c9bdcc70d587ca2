"""What makes a link of our own unguessable, and good until a time that nobody can change."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import re
from dataclasses import dataclass

from mail_proxy.storage.records import Records

SETTING = "download_key"  # of the instance: 32 bytes in hex, sealed; a new encryption key keeps it
_KEY_BYTES = 32
_SIGNATURE_DIGITS = 32  # 128 bits
_TOKEN = re.compile(r"([0-9a-f]{32})-([0-9]{1,12})-([0-9a-f]{32})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a token says, and its signature holds. expires_at: seconds since the epoch."""

    file_id: str
    expires_at: int


class DownloadKey:
    """The secret of one database; made when it is first needed."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._key: bytes | None = None
        self._making = asyncio.Lock()

    async def token(self, file_id: str, expires_at: float, name: str) -> str:
        """`{file id}-{expiry}-{signature}`. Raises SecretsUnavailable, StoreError."""
        expiry = int(expires_at)
        return f"{file_id}-{expiry}-{_signature(await self._get(), file_id, expiry, name)}"

    async def read(self, token: str, name: str) -> Claimed | None:
        """None: it was not made here for that name. The same errors."""
        key = await self._get()
        found = _TOKEN.match(token)
        if found is None:
            return None
        file_id, expiry = found[1], int(found[2])
        if str(expiry) != found[2]:
            return None
        if not hmac.compare_digest(_signature(key, file_id, expiry, name), found[3]):
            return None
        return Claimed(file_id, expiry)

    async def _get(self) -> bytes:
        async with self._making:
            if self._key is None:
                stored = await self._records.get_setting(SETTING)
                if not stored:
                    stored = os.urandom(_KEY_BYTES).hex()
                    await self._records.set_setting(SETTING, stored, secret=True)
                self._key = bytes.fromhex(stored)
            return self._key


def _signature(key: bytes, file_id: str, expiry: int, name: str) -> str:
    """HMAC-SHA256 (RFC 2104), over all that the link says."""
    text = f"{file_id}\n{expiry}\n{name}".encode("utf-8", "surrogatepass")
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:_SIGNATURE_DIGITS]
