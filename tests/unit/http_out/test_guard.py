from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_proxy.domain.errors import Invalid
from mail_proxy.http_out import (
    AllowList,
    Blocked,
    check_callback,
    check_url,
    is_forbidden,
    why_forbidden,
)
from mail_proxy.http_out.guard import literal_address

FORBIDDEN = [
    ("0.0.0.0", "an unspecified address"),
    ("0.1.2.3", "an unspecified address"),
    ("10.255.255.255", "a private address"),
    ("100.64.0.1", "a carrier's private address"),
    ("100.100.100.200", "a carrier's private address"),
    ("127.0.0.1", "a loopback address"),
    ("127.255.255.254", "a loopback address"),
    ("168.63.129.16", "a metadata address"),
    ("169.254.169.254", "a link-local address"),
    ("169.254.170.2", "a link-local address"),
    ("172.16.0.1", "a private address"),
    ("172.31.255.255", "a private address"),
    ("192.0.0.8", "a reserved address"),
    ("192.0.0.192", "a reserved address"),
    ("192.0.2.1", "a documentation address"),
    ("192.88.99.1", "a 6to4 relay"),
    ("192.168.1.1", "a private address"),
    ("198.18.0.1", "a benchmarking address"),
    ("198.19.255.255", "a benchmarking address"),
    ("198.51.100.7", "a documentation address"),
    ("203.0.113.7", "a documentation address"),
    ("224.0.0.1", "a multicast address"),
    ("239.255.255.255", "a multicast address"),
    ("240.0.0.1", "a reserved address"),
    ("255.255.255.255", "a reserved address"),
    ("::", "an unspecified address"),
    ("::1", "a loopback address"),
    ("::ffff:127.0.0.1", "a loopback address"),
    ("::ffff:169.254.169.254", "a link-local address"),
    ("::127.0.0.1", "a loopback address"),
    ("::ffff:0:127.0.0.1", "a reserved address"),
    ("64:ff9b::a9fe:a9fe", "a NAT64 address"),
    ("64:ff9b:1::1", "a NAT64 address"),
    ("100::1", "a reserved address"),
    ("2001::1", "a Teredo address"),
    ("2001:2::1", "a reserved address"),
    ("2001:10::1", "a reserved address"),
    ("2001:db8::1", "a documentation address"),
    ("2002:7f00:1::", "a 6to4 address"),
    ("3fff::1", "a documentation address"),
    ("5f00::1", "a reserved address"),
    ("fc00::1", "a private address"),
    ("fd00:ec2::254", "a private address"),
    ("fe80::1", "a link-local address"),
    ("fe80::1%eth0", "a link-local address"),
    ("fec0::1", "a private address"),
    ("ff02::1", "a multicast address"),
    ("ff0e::1", "a multicast address"),
    ("4000::1", "a reserved address"),
    ("2606:4700::1%eth0", "an address with a zone"),
    ("not an address", "no address"),
    ("", "no address"),
]
ALLOWED = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "128.0.0.1",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:1.1.1.1",
]


@pytest.mark.parametrize(("address", "kind"), FORBIDDEN)
def test_an_address_that_is_no_ordinary_host_is_forbidden(address, kind):
    assert why_forbidden(address) == kind


@pytest.mark.parametrize("address", ALLOWED)
def test_an_ordinary_host_may_be_called(address):
    assert not is_forbidden(address)


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1))
def test_what_the_standard_library_calls_not_global_is_forbidden(number):
    address = IPv4Address(number)
    if not address.is_global:
        assert is_forbidden(address)


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_judged_alike_in_its_mapped_form(number):
    mapped = IPv6Address(0xFFFF_0000_0000 + number)
    assert is_forbidden(mapped) == is_forbidden(IPv4Address(number))


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3"])
def test_an_allowed_network_may_be_called(address):
    assert not is_forbidden(address, AllowList.of(["10.1.0.0/16", "fd00::/8"]))
    assert is_forbidden(address, AllowList.of(["10.2.0.0/16"]))


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("::1", "::1"),
        ("example.com", None),
        ("1.example.com", None),
        ("999.1.1.1", None),
        ("0xg", None),
    ],
)
def test_every_spelling_of_an_address_is_read(host, address):
    assert literal_address(host) == (None if address is None else ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/sync",
        "http://example.com:8080",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]:8443/x?y=z",
        "https://münchen.example/",
        "https://localhost.example.com/",
    ],
)
def test_a_url_of_the_internet_passes(url):
    assert check_url(url).scheme in ("http", "https")


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "/sync",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com:25/",
        "javascript:alert(1)",
        "unix:///run/control.sock",
        "https://",
        "https://:443/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:abc/",
        "https://user@example.com/",
        "https://user:pw@example.com/",
        "https://:pw@example.com/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com/a b",
        "https://example.com/\r\nX: y",
        "https://[::1/",
        "https://example.com/" + "x" * 5000,
        "https://\ud800.example/",
    ],
)
def test_a_url_of_another_form_is_blocked_whoever_set_it(url, trusted):
    with pytest.raises(Blocked):
        check_url(url, trusted=trusted)


def test_the_sentence_names_the_host_and_the_reason():
    with pytest.raises(
        Blocked, match=r"127\.0\.0\.1 may not be reached from here: it is a loopback address"
    ):
        check_url("http://127.0.0.1/")


def test_a_blocked_url_is_the_callers_fault():
    assert issubclass(Blocked, Invalid)
    with pytest.raises(Blocked) as caught:
        check_url("http://10.0.0.1/")
    assert caught.value.field == "url"


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://example.com/", ()),
        ("http://example.com/", ("EXAMPLE.com",)),
        ("http://10.1.2.3/", ("10.0.0.0/8",)),
        ("http://[::ffff:10.1.2.3]/", ("10.0.0.0/8",)),
        ("http://167838211/", ("10.0.0.0/8",)),  # the same address
    ],
)
def test_a_callback_of_a_tenant_is_https_or_its_host_is_allowed(url, allowed):
    assert check_callback(url, allow=AllowList.of(allowed))


@pytest.mark.parametrize("url", ["http://example.com/", "HTTP://1.1.1.1/"])
def test_a_callback_without_tls_is_blocked_with_the_command_that_allows_it(url):
    with pytest.raises(Blocked, match="must begin with https://") as caught:
        check_callback(url, allow=AllowList.of(["10.0.0.0/8"], instance="my"), field="there")
    assert caught.value.field == "there"
    assert caught.value.hint.startswith("mail-proxy my allow ")
    assert check_callback(url, trusted=True)


def test_a_password_in_a_url_is_not_repeated():
    with pytest.raises(Blocked) as caught:
        check_url("https://user:hunter2@example.com/")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://localhost:8080/", "http://[::1]/"])
def test_the_admin_may_set_an_address_of_our_own_network(url):
    assert check_url(url, trusted=True)
