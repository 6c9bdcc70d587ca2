"""One access token for each account, in memory only."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import Invalid, RelayUnreachable
from mail_proxy.domain.oauth2 import AccessToken, Denied, Grant, read_answer
from mail_proxy.domain.reply import Stage
from mail_proxy.http_out import OutgoingHttp, Unreachable

TIMEOUT_S = 30.0
MAX_BYTES = 256 * 1024  # of an answer; tokens of Microsoft have some kilobytes
REMEMBERED_ACCOUNTS = 10_000
REMEMBERED_ROTATIONS = 16  # refresh tokens of an account; those still asked with are kept

Key = tuple[str, str]  # tenant, account
Keep = Callable[[Key, str, str], Awaitable[bool]]  # the account, its refresh token, the next one


@dataclass(slots=True)
class _Entry:
    """now: the account's grant with the latest refresh token.

    chain: that token and those before it, the longest unused first.
    good_until, failed_at: monotonic. unsaved: the refresh token that the database still has.
    """

    now: Grant
    chain: OrderedDict[str | None, None] = field(default_factory=OrderedDict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    token: str | None = None
    good_until: float = 0.0
    failure: str | None = None
    failed_at: float = 0.0
    unsaved: str | None = None

    def serves(self, grant: Grant) -> bool:
        """It is the account's, read before or after any of our own changes of its token."""
        token = grant.refresh_token
        is_ours = token in self.chain or (token is not None and token == self.unsaved)
        return is_ours and replace(self.now, refresh_token=token) == grant

    def link(self, token: str | None) -> None:
        """The chain has this token, used just now."""
        self.chain[token] = None
        self.chain.move_to_end(token)
        if len(self.chain) > REMEMBERED_ROTATIONS:
            self.chain.popitem(last=False)

    @property
    def is_idle(self) -> bool:
        return self.unsaved is None and not self.lock.locked()


class AccessTokens:
    """Give a token to whoever logs in.

    keep: stores another refresh token in the place of the one it is given. False: it could not be
        done now; it is asked again with the next token.
    """

    def __init__(self, http: OutgoingHttp, clock: Clock, keep: Keep) -> None:
        self._http = http
        self._clock = clock
        self._keep = keep
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()  # the longest unused first

    async def get(self, key: Key, grant: Grant) -> str:
        """A token that is good for some time yet.

        Raises RelayUnreachable, stage TOKEN: there is none, which is not the mail server's fault.
        Those who wait for one that cannot be had share the failure: the endpoint is asked once.
        """
        asked_at = self._clock.monotonic()
        entry = self._entry(key, grant)
        async with entry.lock:
            if entry.token is not None and self._clock.monotonic() < entry.good_until:
                return entry.token
            if entry.failure is not None and entry.failed_at >= asked_at:
                raise RelayUnreachable(Stage.TOKEN, entry.failure)
            return await self._fetched(key, entry)

    def drop(self, key: Key, token: str) -> None:
        """The mail server has refused this token: the next login gets a fresh one."""
        entry = self._entries.get(key)
        if entry is not None and entry.token == token:
            entry.token = None

    def forget(self, tenant_id: str, account_id: str | None = None) -> None:
        """The account is gone; None: all of the tenant's."""
        gone = (tenant_id, account_id)
        for key in [key for key in self._entries if gone in (key, (key[0], None))]:
            del self._entries[key]

    def _entry(self, key: Key, grant: Grant) -> _Entry:
        entry = self._entries.get(key)
        if entry is None or not entry.serves(grant):
            self._make_room()
            entry = self._entries[key] = _Entry(grant)
        entry.link(grant.refresh_token)
        self._entries.move_to_end(key)
        return entry

    def _make_room(self) -> None:
        """Forget the longest unused; never a refresh token that nobody else has."""
        if len(self._entries) >= REMEMBERED_ACCOUNTS:
            idle = next((key for key, entry in self._entries.items() if entry.is_idle), None)
            if idle is not None:
                del self._entries[idle]

    async def _fetched(self, key: Key, entry: _Entry) -> str:
        host = urlsplit(entry.now.token_url).hostname or ""
        answer = await self._ask(entry.now)
        if isinstance(answer, Denied):
            entry.failure, entry.failed_at = f"{host} {answer.why}", self._clock.monotonic()
            raise RelayUnreachable(Stage.TOKEN, entry.failure)
        entry.failure = None
        entry.token, entry.good_until = answer.value, self._clock.monotonic() + answer.lifetime_s
        if answer.refresh_token is not None:
            entry.unsaved = entry.unsaved or entry.now.refresh_token
            entry.now = entry.now.renewed(answer.refresh_token)
            entry.link(answer.refresh_token)
        # Before the token is used: an endpoint may take the old one no longer.
        await self._save(key, entry)
        return answer.value

    async def _ask(self, grant: Grant) -> AccessToken | Denied:
        try:
            answer = await self._http.post_form(
                grant.token_url,
                grant.form(),
                trusted=not grant.is_guarded,
                timeout_s=TIMEOUT_S,
                max_bytes=MAX_BYTES,
            )
        except Unreachable as error:
            return Denied(f"cannot be asked: {error}")
        except Invalid as error:
            return Denied(f"{error}; allow it: {error.hint}" if error.hint else str(error))
        return read_answer(answer.status, answer.body, grant)

    async def _save(self, key: Key, entry: _Entry) -> None:
        if entry.unsaved is None or entry.now.refresh_token is None:
            return
        if await self._keep(key, entry.unsaved, entry.now.refresh_token):
            entry.unsaved = None
