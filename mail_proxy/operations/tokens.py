"""Who a token belongs to. A tenant's tokens are remembered for a few seconds, as hashes."""

from __future__ import annotations

import math
from collections import OrderedDict

from mail_proxy.config.settings import IntakeSettings
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import Forbidden, TooMany, Unauthorized
from mail_proxy.observe import events
from mail_proxy.operations.directory import Directory
from mail_proxy.operations.pace import Pace
from mail_proxy.secrets import same_token, token_sha256
from mail_proxy.store.base import Store
from mail_proxy.store.values import ApiKey
from mail_proxy.wire.caller import ADMIN, NOBODY, Caller, tenant

REMEMBERED_S = 5.0  # so that a key revoked by another daemon ends soon
REMEMBERED_KEYS = 10_000
LINES_PER_MINUTE = 1  # of the log, for each limit and whoever has reached it
WRONG_TOKEN = "Invalid or missing API token"  # noqa: S105 - a sentence, not a token


class Tokens:
    """The admin's token, and those of tenants."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        clock: Clock,
        admin_token: str,
        limits: IntakeSettings,
    ) -> None:
        self._limits = limits
        self._failures = Pace(clock)
        self._requests = Pace(clock)
        self._lines = Pace(clock)
        self._store = store
        self._directory = directory
        self._clock = clock
        self._known: OrderedDict[str, tuple[ApiKey, float]] = OrderedDict()
        self._changes = 0
        self._uses: dict[tuple[str, str], float] = {}  # since they were written
        self.admin_token = admin_token

    async def admit(self, token: str | None, address: str) -> Caller:
        """The same for a request from that address, which counts against the limits.

        Raises TooMany too: after many wrong tokens from one address, and for a tenant that asks
        more often than it may. A token that was good before is asked for in any case: those who
        share the address of somebody who guesses must not be locked out.
        """
        if token is not None and self._is_new(token):
            most = self._limits.max_failed_logins_per_minute
            wait_s = self._failures.wait_s(address, most)
            self._check(wait_s, "max_failed_logins_per_minute", most, address)
        try:
            caller = await self.authenticate(token)
        except Unauthorized:
            self._failures.count(address, self._limits.max_failed_logins_per_minute)
            raise
        if caller.tenant_id is not None:
            most = self._requests_of(caller.tenant_id)
            wait_s = self._requests.wait_s(caller.tenant_id, most)
            self._check(wait_s, "max_requests_per_minute", most, caller.tenant_id)
            self._requests.count(caller.tenant_id, most)
        return caller

    def _is_new(self, token: str) -> bool:
        return not same_token(token, self.admin_token) and token_sha256(token) not in self._known

    def _requests_of(self, tenant_id: str) -> int:
        own = self._directory.max_requests_per_minute(tenant_id)
        return self._limits.max_requests_per_minute if own is None else own

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
        self._uses[key.tenant_id, key.key_id] = self._clock.now()
        return tenant(key.tenant_id)

    async def write_uses(self) -> None:
        """Store when keys were used last. Raises StoreError; then they are stored the next time."""
        uses = self._uses
        if uses:
            self._uses = {}
            try:
                await self._store.note_key_uses(uses)
            except BaseException:
                self._uses = uses | self._uses
                raise

    def _check(self, wait_s: float, limit: str, most: int, who: str) -> None:
        """Raises TooMany when there is something to wait for; a line in the log each minute."""
        if wait_s <= 0:
            return
        why = (
            f"too many requests: {limit} is {most}; the next one may come in {math.ceil(wait_s)} s"
        )
        if not self._lines.wait_s(f"{limit} {who}", LINES_PER_MINUTE):
            self._lines.count(f"{limit} {who}", LINES_PER_MINUTE)
            events.too_many_requests(limit=limit, who=who, why=why)
        raise TooMany(why, limit=limit, retry_after_s=wait_s)

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
