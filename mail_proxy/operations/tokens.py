"""Who a token belongs to. A tenant's tokens are remembered, as hashes.

For a few seconds one is good unread; after that it is looked up again, also for an address that
may not try new ones.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict

from mail_proxy.config.settings import IntakeSettings
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import Forbidden, TooMany, Unauthorized
from mail_proxy.observe import events
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.observe.refusals import MAX_FAILED_LOGINS, MAX_REQUESTS
from mail_proxy.operations.directory import Directory
from mail_proxy.operations.pace import Pace
from mail_proxy.secrets import same_token, token_sha256
from mail_proxy.store.base import Store
from mail_proxy.store.values.tenants import ApiKey
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
        metrics: MailMetrics,
    ) -> None:
        self._limits = limits
        self._metrics = metrics
        self._failures = Pace(clock)
        self._requests = Pace(clock)
        self._lines = Pace(clock)
        self._store = store
        self._directory = directory
        self._clock = clock
        self._known: OrderedDict[str, tuple[ApiKey, float]] = OrderedDict()
        self._changes = 0
        self._first_looks = asyncio.Lock()
        self._uses: dict[tuple[str, str], float] = {}  # since they were written
        self.admin_token = admin_token

    async def admit(self, token: str | None, address: str) -> Caller:
        """The same for a request from that address, which counts against the limits.

        Raises TooMany too: after many wrong tokens from one address, and for a tenant that asks
        more often than it may. A token that was good before is asked for in any case: those who
        share the address of somebody who guesses must not be locked out.
        """
        if token is None or not self._is_new(token):
            caller = await self._counted(token, address)
        else:
            async with self._first_looks:  # one by one: each wrong one counts before the next
                most = self._limits.max_failed_logins_per_minute
                wait_s = self._failures.wait_s(address, most)
                self._check(wait_s, MAX_FAILED_LOGINS, most, address=address)
                caller = await self._counted(token, address)
        if caller.tenant_id is not None:
            most = self._requests_of(caller.tenant_id)
            wait_s = self._requests.wait_s(caller.tenant_id, most)
            self._check(wait_s, MAX_REQUESTS, most, tenant_id=caller.tenant_id)
            self._requests.count(caller.tenant_id, most)
        return caller

    async def _counted(self, token: str | None, address: str) -> Caller:
        """Who it is of; a wrong one counts against the address."""
        try:
            return await self.authenticate(token)
        except Unauthorized:
            self._failures.count(address, self._limits.max_failed_logins_per_minute)
            raise

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

    def _check(
        self, wait_s: float, limit: str, most: int, *, tenant_id: str = "", address: str = ""
    ) -> None:
        """Raises TooMany when there is something to wait for; a line in the log each minute."""
        if wait_s <= 0:
            return
        who = tenant_id or address
        self._metrics.refused(limit, tenant_id, self._directory.name_of(tenant_id))
        why = (
            f"too many requests: {limit} is {most}; the next one may come in {math.ceil(wait_s)} s"
        )
        if not self._lines.wait_s(f"{limit} {who}", LINES_PER_MINUTE):
            self._lines.count(f"{limit} {who}", LINES_PER_MINUTE)
            events.too_many_requests(limit=limit, who=who, why=why)
        raise TooMany(why, limit=limit, retry_after_s=wait_s)

    def forget(self, made: ApiKey | None = None) -> None:
        """A key was made or revoked: each is looked up again before it is good."""
        self._changes += 1
        for token_hash, (key, _) in self._known.items():
            self._known[token_hash] = (key, 0.0)
        if made is not None:
            self._remember(made, 0.0)

    async def load(self) -> None:
        """Know the keys that there are, to look them up in any case: a start locks out nobody.

        Raises StoreError.
        """
        for key in await self._store.list_keys(None):
            self._remember(key, 0.0)

    def _remember(self, key: ApiKey, good_until: float) -> None:
        """good_until: monotonic; 0: it is looked up first."""
        self._known[key.token_sha256] = (key, good_until)
        self._known.move_to_end(key.token_sha256)
        if len(self._known) > REMEMBERED_KEYS:
            self._known.popitem(last=False)

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
        self._remember(key, now + REMEMBERED_S)
        return key
