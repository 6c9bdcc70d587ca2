"""Look at a relay as the pool would use it: connect, encrypt, log in, and say what was seen."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.domain.clock import Clock
from mail_proxy.domain.errors import RelayError, RelayRefused
from mail_proxy.domain.reply import Reply, Stage
from mail_proxy.smtp.envelope import max_size
from mail_proxy.smtp.handshake import Handshake
from mail_proxy.smtp.means import Means
from mail_proxy.smtp.relay import Relay


@dataclass(slots=True)
class RelayReport:
    """What a probe saw, as far as it came.

    greeting: the server's first line, its name in front.
    tls_version, cipher: None while the connection is in clear.
    certificate_expires_at: seconds since the epoch.
    capabilities: keyword in upper case -> parameters.
    max_size_bytes: of one message; None: the server does not say.
    login: `accepted`, `refused`, or `none` (no credentials, or it did not come to that).
    auth_method: how it logs in: `password` or `oauth2`.
    timings_s: seconds for each step that was begun: connect, tls, token, auth.
    failed_stage, failure, reply: where and why it ended early, and the server's words if any.
    """

    host: str
    port: int
    tls_mode: str
    greeting: str = ""
    tls_version: str | None = None
    cipher: str | None = None
    certificate_expires_at: float | None = None
    capabilities: Mapping[str, str] = field(default_factory=dict)
    max_size_bytes: int | None = None
    login: str = "none"
    auth_method: str = "password"
    timings_s: dict[str, float] = field(default_factory=dict)
    failed_stage: Stage | None = None
    failure: str = ""
    reply: Reply | None = None

    @property
    def is_ready(self) -> bool:
        """Mail could be sent."""
        return self.failed_stage is None


async def probe(
    relay: Relay,
    settings: DeliverySettings,
    *,
    clock: Clock,
    means: Means | None = None,
) -> RelayReport:
    """Connect, encrypt and log in as for a message, and close. A failure is in the report."""
    report = RelayReport(relay.host, relay.port, relay.tls_mode)
    report.auth_method = "oauth2" if relay.grant else "password"
    handshake = Handshake(relay, settings, means or Means())
    try:
        await _timed(report, Stage.CONNECT, handshake.connect, clock)
        report.greeting = handshake.greeting.text if handshake.greeting else ""
        await _timed(report, Stage.TLS, handshake.secure, clock)
        _describe(report, handshake)
        if relay.grant is not None:
            await _timed(report, Stage.TOKEN, handshake.authorize, clock)
        await _timed(report, Stage.AUTH, handshake.login, clock)
        if relay.has_login:
            report.login = "accepted"
    except RelayError as error:
        _note_failure(report, error)
    finally:
        handshake.abort()
    return report


async def _timed(
    report: RelayReport, stage: Stage, step: Callable[[], Awaitable[None]], clock: Clock
) -> None:
    began = clock.monotonic()
    try:
        await step()
    finally:
        report.timings_s[stage.value] = clock.monotonic() - began


def _describe(report: RelayReport, handshake: Handshake) -> None:
    report.capabilities = handshake.capabilities
    report.max_size_bytes = max_size(report.capabilities)
    transport = handshake.transport
    tls = transport.get_extra_info("ssl_object")
    if tls is None:
        return
    report.tls_version = tls.version()
    report.cipher = tls.cipher()[0]
    certificate = transport.get_extra_info("peercert")
    if certificate:  # empty when the context does not verify
        report.certificate_expires_at = float(ssl.cert_time_to_seconds(certificate["notAfter"]))


def _note_failure(report: RelayReport, error: RelayError) -> None:
    report.failed_stage = error.stage
    report.failure = str(error)
    if isinstance(error, RelayRefused):
        report.reply = error.reply
        if error.stage is Stage.AUTH:
            report.login = "refused"
