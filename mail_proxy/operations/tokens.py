"""Who a token belongs to. A tenant's tokens are remembered for a few seconds, as hashes."""

from __future__ import annotations

from collections import OrderedDict

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import Forbidden, Unauthorized
from mail_proxy.operations.directory import Directory
from mail_proxy.secrets import same_token, token_sha256
from mail_proxy.store.base import Store
from mail_proxy.store.values import ApiKey
from mail_proxy.wire.caller import ADMIN, NOBODY, Caller, tenant

REMEMBERED_S = 5.0  # so that a key revoked by another daemon ends soon
REMEMBERED_KEYS = 10_000
WRONG_TOKEN = "Invalid or missing API token"  # noqa: S105 - a sentence, not a token


class Tokens:
    """The admin's token, and those of tenants."""

    def __init__(self, store: Store, directory: Directory, clock: Clock, admin_token: str) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._known: OrderedDict[str, tuple[ApiKey, float]] = OrderedDict()
        self._changes = 0
        self.admin_token = admin_token

    async def authenticate(self, token: str | None) -> Caller:
        """NOBODY without a token, for the public commands.

        Raises Unauthorized for a wrong or expired one, Forbidden for one of an inactive tenant.
        """
        if token is None:
            return NOBODY
        if same_token(token, self.admin_token):
            return ADMIN
        key = await self._key(token_sha256(token)) if token else None
        if key is None or (key.expires_at is not None and key.expires_at <= self._clock.now()):
            raise Unauthorized(WRONG_TOKEN)
        if not self._directory.is_active(key.tenant_id):
            raise Forbidden(f"Tenant '{key.tenant_id}' is not active")
        return tenant(key.tenant_id)

    def forget(self) -> None:
        """A key was made or revoked."""
        self._changes += 1
        self._known.clear()

    async def _key(self, token_hash: str) -> ApiKey | None:
        now = self._clock.monotonic()
        found = self._known.get(token_hash)
        if found is not None and found[1] > now:
            return found[0]
        changes = self._changes
        key = await self._store.find_key(token_hash)
        if key is None:
            self._known.pop(token_hash, None)
            return None
        if changes != self._changes:
            return key  # it may be revoked since it was read: good for this once
        self._known[token_hash] = (key, now + REMEMBERED_S)
        if len(self._known) > REMEMBERED_KEYS:
            self._known.popitem(last=False)
        return key
