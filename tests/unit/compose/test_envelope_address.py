"""Addresses as MAIL and RCPT take them."""

from __future__ import annotations

import pytest

from mail_proxy.compose import envelope_address
from mail_proxy.domain.errors import Invalid


@pytest.mark.parametrize(
    ("addr_spec", "wired"),
    [
        ("a@example.com", "a@example.com"),
        ('"a b"@[192.0.2.1]', '"a b"@[192.0.2.1]'),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@straße.example", "a@xn--strae-oqa.example"),
        ("a@例え.テスト", "a@xn--r8jz45g.xn--zckzah"),
        ("jörg@example.com", "jörg@example.com"),
        ("jörg@[192.0.2.1]", "jörg@[192.0.2.1]"),
        ("jörg@bücher.example", "jörg@xn--bcher-kva.example"),
    ],
)
def test_only_the_domain_becomes_ascii(addr_spec: str, wired: str) -> None:
    assert envelope_address(addr_spec) == wired


@pytest.mark.parametrize(
    "domain", ["\u0301a.example", "a\u200db.example", "\u2160.example", "xn--ü.example"]
)
def test_a_domain_that_idna_forbids_is_refused(domain: str) -> None:
    with pytest.raises(Invalid) as refused:
        envelope_address(f"a@{domain}", field="cc")
    assert refused.value.field == "cc"


def test_a_domain_that_grows_too_long_is_refused() -> None:
    labels = ".".join(["ü" * 20 + str(n) for n in range(8)])
    with pytest.raises(Invalid, match="too long"):
        envelope_address(f"{'l' * 64}@{labels}")
