"""Which addresses and URLs a tenant may make us call: decided without I/O.

`ipaddress.is_global` is no guard: it lets the metadata service through in NAT64 form, loopback in
6to4 form, and multicast. So the networks are listed here.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from yarl import URL

from mail_proxy.http_out.allowlist import NOTHING, SETTING, Address, AllowList
from mail_proxy.http_out.errors import Blocked

LONGEST_URL = 4096  # characters

# IANA special-purpose registries (RFC 6890 and its updates), multicast, and metadata services.
_FORBIDDEN_4 = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "an unspecified address"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "a carrier's private address"),
        ("127.0.0.0/8", "a loopback address"),
        ("168.63.129.16/32", "a metadata address"),  # Azure's, in public space
        ("169.254.0.0/16", "a link-local address"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "a reserved address"),
        ("192.0.2.0/24", "a documentation address"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "a benchmarking address"),
        ("198.51.100.0/24", "a documentation address"),
        ("203.0.113.0/24", "a documentation address"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
    )
)
_FORBIDDEN_6 = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("::/128", "an unspecified address"),
        ("::1/128", "a loopback address"),
        ("64:ff9b::/96", "a NAT64 address"),
        ("64:ff9b:1::/48", "a NAT64 address"),
        ("2001::/32", "a Teredo address"),
        ("2001::/23", "a reserved address"),
        ("2001:db8::/32", "a documentation address"),
        ("2002::/16", "a 6to4 address"),
        ("3fff::/20", "a documentation address"),
        ("fc00::/7", "a private address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a private address"),
        ("ff00::/8", "a multicast address"),
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # nothing else is assigned to hosts of the internet
_COMPATIBLE = IPv6Network("::/96")
_NUMERIC = re.compile(r"(?:0[xX][0-9a-fA-F]*|\d+)(?:\.(?:0[xX][0-9a-fA-F]*|\d+)){0,3}\.?\Z")


def is_forbidden(address: str | Address, allow: AllowList = NOTHING) -> bool:
    """True for every address that is not an ordinary host of the internet, save `allow`.

    A text that is no address is forbidden.
    """
    return why_forbidden(address, allow) is not None


def why_forbidden(address: str | Address, allow: AllowList = NOTHING) -> str | None:
    """What kind of address it is, as `a private address`; None when it may be called."""
    try:
        parsed = _unwrapped(ipaddress.ip_address(address))
    except ValueError:
        return "no address"
    if allow.has(parsed):
        return None
    if isinstance(parsed, IPv4Address):
        return next((kind for network, kind in _FORBIDDEN_4 if parsed in network), None)
    return _why_forbidden_6(parsed)


def check_url(
    url: str, *, trusted: bool = False, allow: AllowList = NOTHING, field: str = "url"
) -> URL:
    """The parsed URL. Raises Blocked for one that may not be called, whatever its name resolves to.

    trusted: set by the admin; then only its form is checked.
    """
    parsed = _parsed(url, field)
    host = parsed.raw_host
    if parsed.scheme not in ("http", "https"):
        raise Blocked("the URL must begin with http:// or https://", field=field)
    if not host or parsed.port == 0:
        raise Blocked("the URL names no host and port to call", field=field)
    if parsed.raw_user is not None or parsed.raw_password is not None:
        raise Blocked(
            f"the URL of {host} holds a user name or password; use `client_auth`", field=field
        )
    if not trusted:
        check_host(host, allow, field=field)
    return parsed


def check_callback(
    url: str, *, trusted: bool = False, allow: AllowList = NOTHING, field: str = "url"
) -> URL:
    """The same of a URL that is told what we know: reports, paths of files, logins.

    One that the admin has not set is https, save where its host is in the allow-list: what travels
    in the clear is read and changed on the way.
    """
    parsed = check_url(url, trusted=trusted, allow=allow, field=field)
    host = parsed.raw_host or ""
    if trusted or parsed.scheme == "https" or _is_allowed(host, allow):
        return parsed
    why = f"the URL of {host} must begin with https://, as {host} is not in {SETTING}"
    raise Blocked(why, field=field, hint=allow.command(host))


def _is_allowed(host: str, allow: AllowList) -> bool:
    address = literal_address(host)
    return allow.has_host(host) or (address is not None and allow.has(_unwrapped(address)))


def check_host(host: str, allow: AllowList = NOTHING, *, field: str = "url") -> None:
    """Raises Blocked for a name of this machine, or an address, that may not be reached.

    What any other name leads to is seen when it is looked up.
    """
    if allow.has_host(host):
        return
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        address: Address | None = IPv4Address("127.0.0.1")
    else:
        address = literal_address(host)
    kind = None if address is None else why_forbidden(address, allow)
    if kind:
        raise blocked(host, f"it is {kind}", allow, field=field)


def blocked(host: str, why: str, allow: AllowList, *, field: str = "url") -> Blocked:
    """The refusal; it names the setting that would allow the host, and the command for it."""
    return Blocked(
        f"{host} may not be reached from here: {why}, and not in {SETTING}",
        field=field,
        hint=allow.command(host),
    )


def literal_address(host: str) -> Address | None:
    """The address that `host` spells, also as 127.1, 2130706433, 0x7f.1 or 0177.0.0.1."""
    try:
        return ipaddress.ip_address(host.rstrip("."))
    except ValueError:
        pass
    if not _NUMERIC.match(host):
        return None
    try:
        return IPv4Address(socket.inet_aton(host.rstrip(".")))
    except OSError:
        return None


def _parsed(url: str, field: str) -> URL:
    if len(url) > LONGEST_URL:
        raise Blocked(f"the URL is longer than {LONGEST_URL} characters", field=field)
    if not url.isprintable() or " " in url or "\\" in url:
        raise Blocked("the URL holds a space, a control character or a backslash", field=field)
    try:
        parsed = URL(url)
        _ = parsed.host  # decoded at each use; raises for `xn--` and what is no Punycode
    except ValueError:
        raise Blocked("this is not a URL", field=field) from None
    return parsed


def _why_forbidden_6(address: IPv6Address) -> str | None:
    for network, kind in _FORBIDDEN_6:
        if address in network:
            return kind
    if address not in _GLOBAL_UNICAST:
        return "a reserved address"
    # A zone belongs to link-local addresses; on any other it is a trick.
    return "an address with a zone" if address.scope_id else None


def _unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv4-mapped or IPv4-compatible one."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _COMPATIBLE and int(address) > 1:
        return IPv4Address(int(address))
    return address
