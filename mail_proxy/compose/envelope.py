"""Addresses as they go on the wire: domains in A-labels (RFC 5890), local parts untouched."""

from __future__ import annotations

import idna

from mail_proxy.domain.address import MAX_ADDRESS_OCTETS
from mail_proxy.domain.errors import Invalid


def envelope_address(addr_spec: str, *, field: str = "to") -> str:
    """`addr_spec`, as domain.address gives it, with an ASCII domain.

    Raises Invalid for `field` where IDNA 2008 does not allow the domain.
    """
    if addr_spec.isascii():
        return addr_spec
    local, _, domain = addr_spec.rpartition("@")
    wired = f"{local}@{_a_labels(domain, field=field)}"
    if len(wired.encode()) > MAX_ADDRESS_OCTETS:
        raise Invalid(f"{addr_spec!r} is too long once its domain is encoded", field=field)
    return wired


def _a_labels(domain: str, *, field: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain).decode("ascii")
    except idna.IDNAError as error:
        raise Invalid(f"{domain!r} cannot be a domain: {error}", field=field) from error
