"""Why there was no answer, in our words: foreign text may hold anything."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from yarl import URL

from mail_proxy.http_out.errors import TimedOut, Unreachable


@contextmanager
def in_our_words(target: URL, timeout_s: float) -> Iterator[None]:
    """Raises Unreachable for what the libraries raise."""
    try:
        yield
    except TimeoutError as error:
        raise TimedOut(f"{target.host} gave no answer within {timeout_s:g} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable(sentence(target, error)) from error


def sentence(target: URL, error: Exception) -> str:
    """For people; it names the host alone, as paths and queries may hold secrets."""
    host = target.host
    match error:
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            return f"the certificate of {host} is not valid"
        case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return f"no TLS connection to {host}"
        case aiohttp.ClientConnectorDNSError():
            return f"there is no address for {host}"
        case aiohttp.ClientConnectorError():
            return f"no connection to {host}: {error.strerror or 'it failed'}"
        case aiohttp.InvalidURL():
            return f"{host} is no host that can be called"
        case aiohttp.ClientResponseError():
            return f"{host} did not answer in HTTP"
        case _:
            return f"{host} closed the connection before its answer was complete"
