"""What the pool hands out: one connection in one hand, for as many messages as it is good for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from mail_proxy.domain.attempt import AttemptResult
from mail_proxy.domain.content import MailContent
from mail_proxy.domain.errors import RelayError, RelayRefused, RelayUnreachable
from mail_proxy.domain.reply import Stage
from mail_proxy.smtp.connection import Connection
from mail_proxy.smtp.relay import Relay
from mail_proxy.smtp.transaction import OnDot, OnReply


class Owner(Protocol):
    """The pool, as its sessions see it."""

    def may_reuse(self, relay: Relay, connection: Connection) -> bool: ...

    async def replace(self, relay: Relay, old: Connection) -> Connection: ...


class Session:
    """Belongs to who acquired it, until it is released."""

    def __init__(self, owner: Owner, relay: Relay, connection: Connection) -> None:
        self.relay = relay
        self._owner = owner
        self._connection: Connection | None = connection

    @property
    def capabilities(self) -> Mapping[str, str]:
        """What the server offers: keyword in upper case -> parameters, often empty."""
        return self._held.capabilities

    @property
    def messages_sent(self) -> int:
        """Transactions begun on this connection, also before it was acquired."""
        return self._held.messages

    @property
    def server(self) -> dict[str, str]:
        """Whom it speaks to: `server` as host:port and, where there is TLS, its version `tls`."""
        found = {"server": f"{self.relay.host}:{self.relay.port}"}
        if (version := self._held.tls_version) is not None:
            found["tls"] = version
        return found

    @property
    def is_usable(self) -> bool:
        """Another message may be sent; else release it and acquire a new one."""
        return self._connection is not None and self._owner.may_reuse(self.relay, self._connection)

    async def send(
        self,
        return_path: str,
        recipients: Sequence[str],
        data: bytes | MailContent,
        *,
        needs_smtputf8: bool = False,
        envid: str | None = None,
        on_dot: OnDot | None = None,
        on_reply: OnReply | None = None,
    ) -> AttemptResult:
        """Send one message; refusals and lost connections are values.

        recipients: at least one, each an addr-spec. data: lines end in CRLF, no dots stuffed. Where
            it is not in memory it is read in threads, a block or two at a time.
        envid: names the message in reports, where the server offers DSN (RFC 3461 section 4.4).
        on_dot: called right before the bytes with the final dot leave, with the replies to RCPT; if
            it raises, the dot is not sent and the connection is closed.
        on_reply: called with the result in the moment in which the reply to the final dot is read,
            so before this returns; not where there is none.
        Raises ValueError for an address or a line that could break out of its place, and what the
        reading of `data` raises: ContentChanged, OSError. The dot was not sent then.
        Cancelled, the connection is closed; `on_dot` has told whether the message may be delivered.
        """
        while True:
            connection = self._held
            was_fresh = connection.is_fresh
            result = await connection.send(
                return_path,
                recipients,
                data,
                needs_smtputf8=needs_smtputf8,
                envid=envid,
                on_dot=on_dot,
                on_reply=on_reply,
            )
            if was_fresh or not _came_too_late(result):
                return result
            try:
                self._connection = await self._owner.replace(self.relay, connection)
            except RelayError as error:
                return _never_sent(error, len(recipients))

    def detach(self) -> Connection | None:
        """For the pool: take the connection back; None when that was done before."""
        connection, self._connection = self._connection, None
        return connection

    @property
    def _held(self) -> Connection:
        assert self._connection is not None, "the session was released"
        return self._connection


def _came_too_late(result: AttemptResult) -> bool:
    """The server had closed the kept connection: it took no command of this message."""
    if result.stage is not Stage.MAIL or result.dot_sent:
        return False
    return result.lost is not None or (result.reply is not None and result.reply.code == 421)


def _never_sent(error: RelayError, recipients: int) -> AttemptResult:
    """A failed reconnection, as an attempt tells it."""
    return AttemptResult(
        (None,) * recipients,
        error.stage,
        error.reply if isinstance(error, RelayRefused) else None,
        lost=error.why if isinstance(error, RelayUnreachable) else None,
    )
