"""Every asynchronous test here runs on both loops: they differ in transports, in TLS above all."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.smtp import Relay, SMTPPool

MESSAGE = b"Subject: hello\r\nX-Genro-Mail-ID: m1\r\n\r\nHow are you?\r\n"


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class HandClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def dice(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def message() -> bytes:
    return MESSAGE


@dataclass(frozen=True)
class Certificates:
    """Contexts of servers whose certificates are good, old, or for another name."""

    good: ssl.SSLContext
    expired: ssl.SSLContext
    other_name: ssl.SSLContext
    authority: Path

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    authority = _Authority(folder)
    return Certificates(
        good=authority.server("localhost", days=30),
        expired=authority.server("localhost", days=-1),
        other_name=authority.server("elsewhere.invalid", days=30),
        authority=authority.path,
    )


_MAY_SIGN = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


class _Authority:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "authority.pem"
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name("mail-proxy tests")
        certificate = self._signed(
            self.name, self.key, 30, x509.BasicConstraints(True, None), _MAY_SIGN
        )
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, host: str, *, days: int) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == "localhost":
            names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        certificate = self._signed(_name(host), key, days, x509.SubjectAlternativeName(names))
        path = self.folder / f"{host}{days}.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        days: int,
        *extensions: x509.ExtensionType,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=10))
            .not_valid_after(now + dt.timedelta(days=days))
            # Python 3.13 asks for the names of both keys, and what the first may do.
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )
        for extension in extensions:
            is_critical = not isinstance(extension, x509.SubjectAlternativeName)
            builder = builder.add_extension(extension, critical=is_critical)
        return builder.sign(self.key, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


@pytest.fixture
def relay_to() -> Callable[..., Relay]:
    """Make the relay of a sink; fields of Relay may be given."""

    def make(sink: Any, **fields: Any) -> Relay:
        chosen = {"tenant_id": "t", "account_id": "a", "host": "localhost", "tls_mode": "auto"}
        return Relay(**{**chosen, "port": sink.port, **fields})

    return make


@pytest.fixture
async def open_pool(
    clock: HandClock, certificates: Certificates
) -> AsyncIterator[Callable[..., SMTPPool]]:
    """Make a pool with these settings; it is closed at the end."""
    pools = []

    def make(**settings: Any) -> SMTPPool:
        pools.append(SMTPPool(DeliverySettings(**settings), clock=clock, tls=certificates.trusting))
        return pools[-1]

    yield make
    for pool in pools:
        await pool.close()


@pytest.fixture
async def sink() -> AsyncIterator[SmtpSink]:
    async with SmtpSink() as opened:
        yield opened


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Let the loop run until a condition holds: it waits for what happens, not for time."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - any event of the loop may make it true
                await asyncio.sleep(0)

    return wait


class RawServer:
    """A server that says what a test writes for it."""

    def __init__(self) -> None:
        self.port = 0
        self.heard = b""


@pytest.fixture
def raw_server() -> Callable[..., Any]:
    """Serve connections with `talk(reader, writer)`, then wait for QUIT; if rude, not even that."""

    @asynccontextmanager
    async def serve(
        talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any], *, rude: bool = False
    ) -> AsyncIterator[RawServer]:
        server = RawServer()
        tasks = set()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.add(asyncio.current_task())
            try:
                await talk(reader, writer)
                while data := await reader.read(65536):
                    server.heard += data
                    if data.endswith(b"QUIT\r\n") and not rude:
                        break
            except OSError:
                pass  # the client aborted, as tests want it to
            finally:
                writer.close()

        listening = await asyncio.start_server(handle, "127.0.0.1", 0)
        server.port = listening.sockets[0].getsockname()[1]
        try:
            yield server
        finally:
            listening.close()
            if tasks:
                async with asyncio.timeout(5):
                    await asyncio.wait(tasks)

    return serve
