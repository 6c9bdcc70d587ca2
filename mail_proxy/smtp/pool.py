"""Open connections, kept between messages, one pool for a daemon.

Bounds: `max_connections` in all, and so many for one account. A connection counts until its socket
is closed, because servers count in this way too.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field, replace
from functools import cache

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.domain.clock import Clock
from mail_proxy.smtp.connection import QUIT_TIMEOUT_S, Connection
from mail_proxy.smtp.handshake import open_relay
from mail_proxy.smtp.means import Means
from mail_proxy.smtp.probe import RelayReport, probe
from mail_proxy.smtp.relay import Relay
from mail_proxy.smtp.session import Session


class _Slot:
    """The right to open one connection."""


@dataclass(slots=True)
class _Waiter:
    relay: Relay
    granted: asyncio.Future[Connection | _Slot]


@dataclass(slots=True)
class _Account:
    """Connections of one account. `generation` grows when its settings change."""

    generation: int = 0
    opening: int = 0
    open: dict[Connection, Relay] = field(default_factory=dict)  # busy, idle or closing
    idle: list[Connection] = field(default_factory=list)  # the last one was used last

    @property
    def count(self) -> int:
        return self.opening + len(self.open)


class SMTPPool:
    """Hands out sessions; each is one account's connection, in one hand at a time."""

    def __init__(
        self,
        settings: DeliverySettings,
        *,
        clock: Clock,
        means: Means | None = None,
    ) -> None:
        """means: its TLS context is made once, when it is first needed."""
        means = means or Means()
        self._settings = settings
        self._clock = clock
        self._means = replace(means, tls=cache(means.tls))
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._waiting: deque[_Waiter] = deque()  # as many as there are senders, so few
        self._closing: set[Connection] = set()
        self._hurried: set[Connection] = set()  # of these, those whose places others wait for
        self._is_closed = False

    @property
    def count(self) -> int:
        """Connections that are open or being opened."""
        return sum(account.count for account in self._accounts.values())

    async def acquire(self, relay: Relay) -> Session:
        """An open, logged-in connection to `relay`; waits for a free place.

        Raises RelayRefused or RelayUnreachable, at stage CONNECT, TLS or AUTH.
        """
        return Session(self, relay, await self._obtain(relay))

    async def release(self, session: Session) -> None:
        """Keep the session's connection for the next message, or close it."""
        connection = session.detach()
        if connection is None:
            return
        self._put_back(session.relay, connection)
        self._serve()

    async def forget(self, tenant_id: str, account_id: str) -> None:
        """The account has changed or is gone: no message uses its present connections."""
        account = self._accounts.get((tenant_id, account_id))
        if account is None:
            return
        account.generation += 1
        for connection in account.idle:
            self._close(connection)
        account.idle.clear()
        for connection in account.open.keys() - self._closing:
            connection.retire()

    async def close(self) -> None:
        """Say QUIT on idle connections and wait for them, two seconds at most.

        Those in use close when they are released.
        """
        self._is_closed = True
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.granted.done():
                waiter.granted.set_exception(RuntimeError("the pool is closed"))
        for connection in [c for account in self._accounts.values() for c in account.idle]:
            self._close(connection)
        for account in self._accounts.values():
            account.idle.clear()
        leaving = [connection.gone for connection in self._closing]
        if leaving:
            await asyncio.wait(leaving, timeout=QUIT_TIMEOUT_S + 1)  # each aborts itself before

    async def probe(self, relay: Relay) -> RelayReport:
        """Try the relay on a connection of its own, outside the bounds."""
        return await probe(relay, self._settings, clock=self._clock, means=self._means)

    # --- for sessions ---

    def may_reuse(self, relay: Relay, connection: Connection) -> bool:
        """To this very relay, in step, and not too old or used too often.

        A new one is good for one message in any case.
        """
        if not connection.is_reusable or self._account(relay).open.get(connection) != relay:
            return False  # where the account has changed it speaks to another server, or as another
        return connection.is_fresh or (
            connection.messages < self._settings.messages_per_connection
            and self._clock.monotonic() - connection.opened_at < relay.ttl_s
        )

    async def replace(self, relay: Relay, old: Connection) -> Connection:
        """Another connection for one that its server had closed. Raises as acquire."""
        account = self._account(relay)
        if old not in account.open:
            return await self._obtain(relay)  # its place was given to somebody else
        old.abort()
        del account.open[old]
        account.opening += 1
        return await self._open(relay)

    # --- places ---

    def _account(self, relay: Relay) -> _Account:
        return self._accounts.setdefault(relay.key, _Account())

    async def _obtain(self, relay: Relay) -> Connection:
        if self._is_closed:
            raise RuntimeError("the pool is closed")
        grant = self._grant(relay) if not self._waiting else None
        if grant is None:
            grant = await self._wait_for_grant(relay)
        return grant if isinstance(grant, Connection) else await self._open(relay)

    def _grant(self, relay: Relay) -> Connection | _Slot | None:
        """An idle connection, a place for a new one, or None: wait."""
        account = self._account(relay)
        while account.idle:
            connection = account.idle.pop()
            if self.may_reuse(relay, connection):
                return connection
            self._close(connection)
        if not self._has_room(relay) or self.count >= self._settings.max_connections:
            return None
        account.opening += 1
        return _Slot()

    async def _wait_for_grant(self, relay: Relay) -> Connection | _Slot:
        waiter = _Waiter(relay, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._serve()
        try:
            return await waiter.granted
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            if not waiter.granted.cancelled() and waiter.granted.exception() is None:
                self._give_back(relay, waiter.granted.result())
            self._tidy(relay)
            raise

    def _give_back(self, relay: Relay, grant: Connection | _Slot) -> None:
        if isinstance(grant, Connection):
            self._put_back(relay, grant)
        else:
            self._account(relay).opening -= 1

    def _put_back(self, relay: Relay, connection: Connection) -> None:
        if self.may_reuse(relay, connection) and not self._is_closed:
            connection.is_fresh = False
            self._account(relay).idle.append(connection)
        else:
            self._close(connection)

    def _serve(self) -> None:
        """Give what is free to those who wait, strictly in the order of their coming.

        So a busy account cannot keep its connections for ever: they are closed for others.
        """
        lacking = 0  # waiters who want nothing but a place in all
        for waiter in list(self._waiting):
            if waiter.granted.done():
                continue
            grant = self._grant(waiter.relay)
            if grant is not None:
                self._waiting.remove(waiter)
                waiter.granted.set_result(grant)
            elif self._has_room(waiter.relay):
                lacking += 1
                if lacking > len(self._hurried):
                    self._free_a_place()

    def _has_room(self, relay: Relay) -> bool:
        """The account may have one more connection."""
        limit = relay.max_connections or self._settings.max_connections_per_account
        return self._account(relay).count < limit

    def _free_a_place(self) -> None:
        """Close one that nobody uses, and wait for no reply to QUIT: its server may be slow."""
        leaving = next((c for c in self._closing if c not in self._hurried), None)
        for account in self._accounts.values():
            if leaving is None and account.idle:
                leaving = account.idle.pop(0)
                self._close(leaving)
        if leaving is not None and not leaving.gone.done():
            self._hurried.add(leaving)
            leaving.abort()

    # --- opening and closing ---

    async def _open(self, relay: Relay) -> Connection:
        """Use a place that is counted as `opening`."""
        account = self._account(relay)
        generation = account.generation
        connection = None
        try:
            handshake = await open_relay(relay, self._settings, self._means)
            connection = Connection(
                handshake.hand_over(),
                handshake.capabilities,
                self._settings,
                opened_at=self._clock.monotonic(),
            )
        finally:
            account.opening -= 1
            if connection is None:
                self._tidy(relay)
        if account.generation != generation:
            connection.retire()
        account.open[connection] = relay
        # The loop's timers may be some milliseconds early: after one more second it surely is old.
        old = connection.loop.call_later(relay.ttl_s + 1, self._close_if_idle, relay, connection)
        connection.gone.add_done_callback(lambda _: self._on_gone(relay, connection, old))
        return connection

    def _close(self, connection: Connection) -> None:
        if not connection.gone.done():
            self._closing.add(connection)
            connection.quit()

    def _on_gone(self, relay: Relay, connection: Connection, old: asyncio.TimerHandle) -> None:
        old.cancel()
        account = self._account(relay)
        self._closing.discard(connection)
        self._hurried.discard(connection)
        account.open.pop(connection, None)
        if connection in account.idle:
            account.idle.remove(connection)
        self._tidy(relay)

    def _tidy(self, relay: Relay) -> None:
        """After something was given up: drop an empty account, and let others have the place."""
        if not self._account(relay).count:
            del self._accounts[relay.key]
        self._serve()

    def _close_if_idle(self, relay: Relay, connection: Connection) -> None:
        """It has reached its age; one in use is closed when it is released."""
        account = self._account(relay)
        if connection in account.idle and not self.may_reuse(relay, connection):
            account.idle.remove(connection)
            self._close(connection)
