"""From a relay's address to a connection that is ready for mail: token, TCP, TLS, login.

aiosmtplib does this part, and its errors are translated here, once: to RelayRefused when the
server said no, to RelayUnreachable for all else. `connection.py` takes the transport over.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import aiosmtplib

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.domain.errors import RelayError, RelayRefused, RelayUnreachable
from mail_proxy.domain.reply import Reply, Stage, parse_reply
from mail_proxy.http_out import Blocked
from mail_proxy.secrets import MASK
from mail_proxy.smtp import trouble
from mail_proxy.smtp.means import Means
from mail_proxy.smtp.relay import Relay

_KEYWORD = re.compile(r"[A-Z0-9][A-Z0-9-]*")
_CLEAR_FIRST = frozenset({25, 587})  # ports whose servers greet in clear (RFC 6409)
_SHORTEST = 8  # characters of a secret that is looked for in a reply
_CHALLENGE, _LOGGED_IN = 334, 235  # RFC 4954 section 6
_NOT_THIS_WAY = frozenset({500, 501, 502, 503, 504})  # the method, not the password, is at fault


class Handshake:
    """The steps, each to be called once; `authorize` before `login`, the others in their order.

    Any may raise RelayError.

    greeting: the server's first words. capabilities: what EHLO last offered, keywords upper-case.
    """

    def __init__(self, relay: Relay, settings: DeliverySettings, means: Means) -> None:
        self.greeting: Reply | None = None
        self._token = ""
        self._relay = relay
        self._settings = settings
        self._means = means
        # Timeouts are set here, around whole steps. The name is replaced before it is said.
        self._client = aiosmtplib.SMTP(timeout=None, local_hostname="localhost", start_tls=False)

    async def authorize(self) -> None:
        """Get an access token, where the login is with one."""
        if self._relay.grant is not None:
            self._token = await self._means.tokens.get(self._relay.key, self._relay.grant)

    async def connect(self) -> None:
        """TCP, TLS where it comes first, greeting and EHLO."""
        async with self._step(Stage.CONNECT, self._settings.connect_timeout_s):
            context = await self._context() if self._relay.is_implicit_tls else None
            said = await self._client.connect(
                hostname=self._relay.host,
                use_tls=context is not None,
                tls_context=context,
                **await self._way(),
            )
            self.greeting = _reply(said.code, said.message)
            self._client.local_hostname = self._own_name()
            await self._greet()

    async def secure(self) -> None:
        """STARTTLS, as the relay's rule says, and EHLO again."""
        is_offered = self._client.supports_extension("starttls")
        if not self._relay.wants_starttls(is_offered=is_offered, is_loopback=self._is_loopback):
            return
        if not is_offered:
            raise RelayUnreachable(Stage.TLS, "the server does not offer STARTTLS")
        async with self._step(Stage.TLS, self._settings.connect_timeout_s):
            await self._client.starttls(tls_context=await self._context())
            await self._greet()

    async def login(self) -> None:
        """AUTH, where the relay has a user, and a password or a grant."""
        if not self._relay.has_login:
            return
        self._refuse_clear_text()
        secret = self._token if self._relay.grant else self._relay.password or ""
        try:
            async with self._step(Stage.AUTH, self._settings.command_timeout_s):
                await self._authenticate(self._relay.user or "", secret)
        except RelayRefused as error:
            # Refused for good: revoked, perhaps. A 4yz says nothing of the token.
            if self._token and error.reply.code >= 500:
                self._means.tokens.drop(self._relay.key, self._token)
            text = _without_secret(error.reply.text, self._relay.user or "", secret)
            raise RelayRefused(error.stage, replace(error.reply, text=text)) from None

    @property
    def capabilities(self) -> Mapping[str, str]:
        offered = {
            key.upper(): _clean(value) for key, value in self._client.esmtp_extensions.items()
        }
        return {key: value for key, value in offered.items() if _KEYWORD.fullmatch(key)}

    @property
    def transport(self) -> asyncio.Transport:
        """Raises RelayUnreachable when the server has just gone."""
        transport = self._client.transport
        if transport is None or transport.is_closing():
            raise RelayUnreachable(Stage.CONNECT, trouble.CLOSED)
        return cast("asyncio.Transport", transport)  # aiosmtplib types it as its base

    def hand_over(self) -> asyncio.Transport:
        """The transport, of which aiosmtplib knows no more."""
        transport = self.transport
        self._client.transport = None
        self._client.protocol = None
        return transport

    def abort(self) -> None:
        """Close at once, politeness aside."""
        transport = cast("asyncio.Transport | None", self._client.transport)
        if transport is not None:
            transport.abort()
        self._client.close()

    # --- parts of the steps ---

    async def _way(self) -> dict[str, Any]:
        """The port to connect to; or a socket, to a host that somebody chose whom we do not trust.

        It leads to an address that was checked: the name is not looked up again.
        """
        if not self._relay.is_guarded:
            return {"port": self._relay.port}
        return {"sock": await self._means.dial(self._relay.host, self._relay.port)}

    async def _greet(self) -> None:
        """EHLO; HELO for a server that does not know it."""
        try:
            await self._client.ehlo()
        except aiosmtplib.SMTPHeloError as error:
            if error.code not in _NOT_THIS_WAY:
                raise
            await self._client.helo()

    async def _context(self) -> ssl.SSLContext:
        return await asyncio.to_thread(self._means.tls)  # slow the first time

    async def _authenticate(self, user: str, password: str) -> None:
        """One try with the password: servers count them, and lock the account."""
        methods = self._methods()
        if not methods:
            what = "with an access token" if self._relay.grant else "that we know"
            raise RelayUnreachable(Stage.AUTH, f"the server offers no login {what}")
        for method in methods[:-1]:
            try:
                await method(user, password)
            except aiosmtplib.SMTPAuthenticationError as error:
                if error.code not in _NOT_THIS_WAY:
                    raise
            else:
                return
        await methods[-1](user, password)

    def _methods(self) -> list[Callable[[str, str], Awaitable[object]]]:
        if self._relay.grant:
            return self._token_methods()
        known: dict[str, Any] = {
            "plain": self._client.auth_plain,
            "login": self._client.auth_login,
            "cram-md5": self._client.auth_crammd5,
        }
        offered = [known[name] for name in known if name in self._client.server_auth_methods]
        return offered if self._is_encrypted else offered[::-1]  # in clear: CRAM-MD5 first

    def _token_methods(self) -> list[Callable[[str, str], Awaitable[object]]]:
        """The standard's way (RFC 7628) before the older one that it was made from."""
        known: dict[str, Any] = {
            "oauthbearer": self._auth_oauthbearer,
            "xoauth2": self._client.auth_xoauth2,
        }
        return [known[name] for name in known if name in self._client.server_auth_methods]

    async def _auth_oauthbearer(self, user: str, token: str) -> None:
        """RFC 7628 section 3.1; after a challenge, which tells of a failure, section 3.2.3."""
        said = oauthbearer(user, token, self._relay.host, self._relay.port)
        reply = await self._client.execute_command(b"AUTH", b"OAUTHBEARER", said)
        if reply.code == _CHALLENGE:
            reply = await self._client.execute_command(b"AQ==")
        if reply.code != _LOGGED_IN:
            raise aiosmtplib.SMTPAuthenticationError(reply.code, reply.message)

    @property
    def _is_encrypted(self) -> bool:
        return self.transport.get_extra_info("sslcontext") is not None

    def _refuse_clear_text(self) -> None:
        if self._is_encrypted or self._relay.tls_mode == "none" or self._is_loopback:
            return
        raise RelayUnreachable(
            Stage.TLS,
            "the server offers no encryption, and the password is not sent in clear"
            " (tls_mode 'none' allows it)",
        )

    @property
    def _is_loopback(self) -> bool:
        return _address(self.transport.get_extra_info("peername")).is_loopback

    def _own_name(self) -> str:
        """An address literal (RFC 5321 section 4.1.3): always true, and asks no name server."""
        address = _address(self.transport.get_extra_info("sockname"))
        return f"[IPv6:{address.compressed}]" if address.version == 6 else f"[{address}]"

    @asynccontextmanager
    async def _step(self, stage: Stage, timeout_s: float) -> AsyncIterator[None]:
        """Bound a step in time, and translate what goes wrong in it."""
        try:
            async with asyncio.timeout(timeout_s):
                yield
        except RelayError:
            raise
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(stage, error) from error
        except Blocked as error:
            raise RelayUnreachable(stage, f"{error}; allow it: {error.hint}") from error
        except TimeoutError as error:
            raise RelayUnreachable(stage, self._silence(stage, timeout_s)) from error
        except (aiosmtplib.SMTPException, OSError, ValueError, OverflowError) as error:
            # ValueError, OverflowError: a host or a port that cannot be one.
            raise self._unreachable(stage, error) from error

    def _silence(self, stage: Stage, timeout_s: float) -> str:
        if stage is not Stage.CONNECT:
            return f"no answer within {timeout_s:g} s"
        why = f"timed out after {timeout_s:g} s"
        if self._relay.is_implicit_tls or self._relay.port in _CLEAR_FIRST:
            return why
        # A server that expects TLS waits for us to begin, as we wait for its greeting.
        return f"{why}; a server that expects TLS first is silent too ({trouble.TRY_IMPLICIT_TLS})"

    def _unreachable(self, stage: Stage, error: BaseException) -> RelayUnreachable:
        cause = error.__cause__ if isinstance(error, aiosmtplib.SMTPConnectError) else error
        match cause:
            case ssl.SSLCertVerificationError():
                return RelayUnreachable(Stage.TLS, trouble.bad_certificate(cause, self._relay.host))
            case ssl.SSLError():
                is_implicit = self._relay.is_implicit_tls
                return RelayUnreachable(Stage.TLS, trouble.no_tls(cause, is_implicit=is_implicit))
            case _:
                why = trouble.lost(cause or error, _clean(self._relay.host)) or str(error)
                return RelayUnreachable(stage, _clean(why) or type(error).__name__)


def oauthbearer(user: str, token: str, host: str, port: int) -> bytes:
    """The client's first words (RFC 7628 section 3.1), in base64."""
    name = user.replace("=", "=3D").replace(",", "=2C")  # saslname, RFC 5801 section 4
    said = f"n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01"
    return base64.b64encode(said.encode())


async def open_relay(relay: Relay, settings: DeliverySettings, means: Means) -> Handshake:
    """All steps. Raises RelayRefused, RelayUnreachable; then nothing stays open."""
    handshake = Handshake(relay, settings, means)
    try:
        await handshake.authorize()  # first: no server waits for a slow token endpoint
        await handshake.connect()
        await handshake.secure()
        await handshake.login()
    except BaseException:
        handshake.abort()
        raise
    return handshake


def _refused(stage: Stage, error: aiosmtplib.SMTPResponseException) -> RelayError:
    reply = _reply(error.code, error.message)
    if 400 <= reply.code < 600:
        return RelayRefused(stage, reply)
    return RelayUnreachable(stage, _clean(trouble.no_smtp(error.code, error.message)))


def _reply(code: int, message: str) -> Reply:
    return parse_reply(code, _clean(message))


def _without_secret(text: str, user: str, secret: str) -> str:
    """A server may repeat what it was told, and replies are stored and shown.

    A short secret or a mere word is left: its gap in an ordinary sentence would tell it.
    """
    if len(secret) < _SHORTEST or secret.isalpha():
        return text
    told = {secret, f"\0{user}\0{secret}"}
    for spelling in told | {base64.b64encode(one.encode()).decode() for one in told}:
        text = text.replace(spelling, MASK)
    return text


def _clean(text: str) -> str:
    """Without what cannot be printed or stored; aiosmtplib keeps odd bytes as lone surrogates."""
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in readable)[:500]


def _address(name: tuple[str, ...] | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Of a peername or sockname, without a scope; unspecified when the connection is lost."""
    return ipaddress.ip_address(name[0].partition("%")[0] if name else "0.0.0.0")  # noqa: S104
