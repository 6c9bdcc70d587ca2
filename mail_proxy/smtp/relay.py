"""The server that an account sends through, and the rule of when to encrypt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from mail_proxy.domain.oauth2 import Grant, grant_of

TLS_MODES = frozenset({"auto", "none", "ssl", "starttls"})
_IMPLICIT_TLS_PORT = 465  # RFC 8314 section 7.3


class RelayAccount(Protocol):
    """What of an account tells its relay; `store.Account` has it."""

    @property
    def tenant_id(self) -> str: ...
    @property
    def account_id(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def tls_mode(self) -> str: ...
    @property
    def user(self) -> str | None: ...
    @property
    def password(self) -> str | None: ...
    @property
    def auth_method(self) -> str: ...
    @property
    def oauth2(self) -> dict[str, Any] | None: ...
    @property
    def ttl(self) -> int: ...
    @property
    def max_connections(self) -> int | None: ...
    @property
    def host_set_by_admin(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Relay:
    """Where and as whom to send.

    tls_mode: `none`; `ssl`: from the first byte; `starttls`: required; `auto`: `ssl` on port 465,
        else STARTTLS where it is offered, but not to a relay without login on this very machine.
        Once begun it must succeed: there is no way back to sending in clear.
    ttl_s: age in seconds at which a connection is no longer used for another message.
    max_connections: at one time; None: the general limit.
    is_guarded: a tenant's token has set the host, so it may not lead into our own network.
    grant: the login is with an access token, not with the password.
    """

    tenant_id: str
    account_id: str
    host: str
    port: int
    tls_mode: str = "auto"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ttl_s: float = 300.0
    max_connections: int | None = None
    is_guarded: bool = False
    grant: Grant | None = None

    def __post_init__(self) -> None:
        if self.tls_mode not in TLS_MODES:
            raise ValueError(f"unknown tls_mode {self.tls_mode!r}")  # never taken for `none`

    @classmethod
    def of(cls, account: RelayAccount) -> Self:
        """The relay of an account as it is stored."""
        is_guarded = not account.host_set_by_admin
        grant = None
        if account.auth_method == "oauth2" and account.oauth2 is not None:
            grant = grant_of(account.oauth2, is_guarded=is_guarded)
        return cls(
            tenant_id=account.tenant_id,
            account_id=account.account_id,
            host=account.host,
            port=account.port,
            tls_mode=account.tls_mode,
            user=account.user,
            password=account.password,
            ttl_s=float(account.ttl),
            max_connections=account.max_connections,
            is_guarded=is_guarded,
            grant=grant,
        )

    @property
    def key(self) -> tuple[str, str]:
        return (self.tenant_id, self.account_id)

    @property
    def has_login(self) -> bool:
        return bool(self.user) and (self.password is not None or self.grant is not None)

    @property
    def is_implicit_tls(self) -> bool:
        """TLS from the first byte."""
        return self.tls_mode == "ssl" or (
            self.tls_mode == "auto" and self.port == _IMPLICIT_TLS_PORT
        )

    def wants_starttls(self, *, is_offered: bool, is_loopback: bool) -> bool:
        """Whether STARTTLS must succeed before anything else is said.

        is_loopback: the server is on this machine; a local relay mostly signs its own certificate.
        """
        if self.tls_mode == "auto":
            is_worth_it = self.has_login or not is_loopback
            return is_offered and is_worth_it and not self.is_implicit_tls
        return self.tls_mode == "starttls"
